"""One sample explained, as a person asks for it: in the page, by the kernel, and in a handout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, drag, pause, rested, run_cell, slider, status, view
from playwright.sync_api import Page, expect

WORDS = (
    r"Sample (\d+), .*Of its logit ([−\d.]+) the bias b has ([−\d.]+)\..*"
    r"deletion (\d\.\d{4}) \(random order (\d\.\d{4})\), insertion (\d\.\d{4}) \(random (\d\.\d{4})\)"
)
NUMBERS = (
    "r = lab.views.explanation.result\n"
    "print([float(v) for v in (r.sample, r.logits[r.predicted], r.b[r.predicted], r.deletion.auc, "
    "r.random_deletion.auc, r.insertion.auc, r.random_insertion.auc)])"
)

EARLIER = (
    r"its own map at epoch ([\d.]+): (\d+) % of the top 10 in common, "
    r"rank correlation (−?\d\.\d+), cosine (−?\d\.\d+)"
)
EARLIER_NUMBERS = (
    "e = lab.views.explanation.result.earlier\n"
    "print([e.epoch, 100 * e.agreement.topk, e.agreement.spearman, e.agreement.cosine])"
)


def agrees(page: Page) -> list[float]:
    """What the browser says is what Python computes, to the digits that are shown."""
    pause(page, 600)  # the kernel hears of a release
    expect(status(page, "explanation")).to_contain_text(re.compile(WORDS), timeout=60_000)
    found = re.search(WORDS, status(page, "explanation").inner_text())
    assert found
    shown = [float(v.replace("−", "-")) for v in found.groups()]
    numbers = json.loads(run_cell(page, NUMBERS))
    for told, expected in zip(shown, numbers, strict=True):
        assert told == pytest.approx(expected, abs=2e-4)
    return shown


def agrees_on_the_epoch_before(page: Page) -> list[float]:
    """The comparison with an earlier epoch, in the browser and in Python."""
    pause(page, 600)
    expect(status(page, "explanation")).to_contain_text(re.compile(EARLIER))
    found = re.search(EARLIER, status(page, "explanation").inner_text())
    assert found
    shown = [float(v.replace("−", "-")) for v in found.groups()]
    assert shown == pytest.approx(json.loads(run_cell(page, EARLIER_NUMBERS)), abs=2e-4)
    return shown


def test_a_sample_is_explained_in_the_page_and_agrees_with_python(
    outgoing: Outgoing,
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    page = open_notebook([OPEN.format(arguments='"digits", epochs=6, pace=None, landscape_resolution=11')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    page.get_by_role("button", name="Explain one sample", exact=True).click()
    explanation = view(page, "explanation")
    explanation.scroll_into_view_if_needed()
    expect(status(page, "explanation")).to_contain_text("gives exactly the logits")
    first = agrees(page)
    assert agrees_on_the_epoch_before(page)[0] == 5
    drag(page, slider(page, "Epoch").first, 0.5)
    expect(status(page, "explanation")).not_to_contain_text("its own map at epoch 5")
    assert agrees_on_the_epoch_before(page)[0] < 5
    drag(page, slider(page, "Epoch").first, 1.0)
    expect(status(page, "explanation")).to_contain_text("its own map at epoch 5")
    drag(page, slider(page, "Temperature").first, 0.6)
    expect(status(page, "explanation")).not_to_contain_text(f"deletion {first[3]:.4f}")
    agrees(page)
    explanation.get_by_role("button", name="Next").click()
    expect(status(page, "explanation")).not_to_contain_text(f"Sample {first[0]:.0f},")
    explanation.get_by_label("Attribution", exact=True).select_option("integrated_gradients")
    explanation.get_by_label("Removed becomes", exact=True).select_option("mean")
    explanation.get_by_label("For class", exact=True).select_option("3")
    expect(status(page, "explanation")).to_contain_text("miss what the logit gains")
    agrees(page)
    page.get_by_role("button", name="Pin to compare").click()
    expect(status(page, "explanation")).to_contain_text("With the pinned network's map: 100 %")
    explanation.scroll_into_view_if_needed()
    shot("explanation-view")
    assert not any("explanation" in text and '"kind":"explanation"' in text for text in outgoing.sent)

    handout = tmp_path / "explanation.html"
    run_cell(page, f"lab.views.explanation.to_html({str(handout)!r}) and None")
    words = status(page, "explanation").inner_text().split(" With the pinned")[0]
    alone, errors = start(handout.as_uri())
    expect(status(alone, "explanation")).to_contain_text(words, timeout=30_000)
    alone.set_viewport_size({"width": 420, "height": 1000})
    expect(status(alone, "explanation")).to_be_visible()
    assert alone.evaluate("document.documentElement.scrollWidth") <= 420
    alone.emulate_media(color_scheme="dark")
    alone.screenshot(path=shot("explanation-narrow"), full_page=True)
    assert errors == []


def test_the_kernel_explains_a_network_that_the_page_cannot_run(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page = open_notebook(
        [OPEN.format(arguments='"digits", model="cnn", epochs=1, pace=None, more=["explanation"]')]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    explanation = view(page, "explanation")
    explanation.scroll_into_view_if_needed()
    expect(status(page, "explanation")).to_contain_text("Computed by the kernel", timeout=90_000)
    rested(page)
    agrees(page)
    assert agrees_on_the_epoch_before(page)[0] == 0  # told by the kernel
    explanation.get_by_label("Attribution", exact=True).select_option("occlusion")
    expect(status(page, "explanation")).to_contain_text("Computed by the kernel", timeout=30_000)
    agrees(page)
    explanation.scroll_into_view_if_needed()
    shot("explanation-by-kernel")
