"""The loss view as a person uses it: beside the others in the lab, alone, and without a kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, drag, rested, run_cell, slider, status, view
from playwright.sync_api import Page, expect

MEAN = re.compile(r"mean loss (-?[\d.]+)")


@pytest.fixture
def noisy(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> Page:
    """A lab with flipped labels, trained and at rest."""
    page = open_notebook(
        [OPEN.format(arguments='"digits", epochs=6, label_noise=0.3, pace=None, landscape_resolution=11')]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    view(page, "loss").scroll_into_view_if_needed()
    expect(status(page, "loss")).to_contain_text("mislabelled")
    return page


def mean_loss(page: Page) -> float:
    found = MEAN.search(status(page, "loss").inner_text())
    assert found, status(page, "loss").inner_text()
    return float(found.group(1))


def printed(page: Page, code: str) -> float:
    return float(run_cell(page, f"print({code})"))


def test_the_loss_view_follows_temperature_and_selection_and_agrees_with_python(
    noisy: Page, outgoing: Outgoing, shot: Callable[[str], Path]
) -> None:
    expect(status(noisy, "loss")).to_contain_text(re.compile(r"flipped labels \d+ % are memorised"))
    before, told = status(noisy, "loss").inner_text().split(" on ")[0], outgoing.comms()
    drag(noisy, slider(noisy, "Temperature"), 0.62)
    expect(status(noisy, "loss")).not_to_contain_text(before)
    for name in ["margin", "simplex", "weights"]:
        view(noisy, "loss").get_by_role("button", name=name, exact=True).click()
    shot("loss-view")
    assert outgoing.comms() > told  # of what is set; the loss itself is not asked about
    assert not any('"kind":"loss"' in text.replace("\\", "") for text in outgoing.sent)
    python = printed(noisy, "lab.views.loss.result.terms.value.mean()")
    assert mean_loss(noisy) == pytest.approx(python, rel=6e-3)  # three digits are said
    assert run_cell(noisy, "print(lab.views.loss.axis, lab.views.loss.histogram)").split() == [
        "simplex",
        "weight",
    ]

    view(noisy, "loss").get_by_role("button", name="losses", exact=True).click()
    counts = view(noisy, "loss").locator("canvas").nth(1)
    counts.scroll_into_view_if_needed()
    box = counts.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    noisy.mouse.move(box["x"] + box["width"] * 0.8, y)
    noisy.mouse.down()
    noisy.mouse.move(box["x"] + box["width"] * 0.97, y, steps=8)
    noisy.mouse.up()
    expect(status(noisy, "loss")).to_contain_text("selected")
    chosen = printed(noisy, "len(lab.selection)")
    assert chosen > 0
    expect(status(noisy, "loss")).to_contain_text(f"{chosen:.0f} selected")
    # the boundary shows validation samples and says that it shows none of these
    expect(status(noisy, "confusion")).to_contain_text("training samples")


def test_a_loss_that_only_the_kernel_knows_is_asked_and_stays_in_a_handout(
    noisy: Page, tmp_path: Path, start: Callable[[str], tuple[Page, list[str]]]
) -> None:
    run_cell(noisy, 'lab.run.change({"loss": "elr"}); lab.run.step()')
    words = status(noisy, "loss")
    expect(words).to_contain_text("Computed by the kernel", timeout=60_000)
    expect(words).to_contain_text("first step")
    handout = tmp_path / "loss.html"
    run_cell(noisy, f"lab.views.loss.to_html({str(handout)!r}) and None")
    said = words.inner_text().split("Computed")[0]
    page, errors = start(handout.as_uri())
    expect(status(page, "loss")).to_contain_text(said.strip(), timeout=30_000)
    page.get_by_role("button", name="margin", exact=True).click()
    expect(page.get_by_role("button", name="margin", exact=True)).to_have_attribute("aria-pressed", "true")
    assert errors == []
