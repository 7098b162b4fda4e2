"""The views of samples from outside and of per-sample temperatures as a person uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, drag, pause, rested, run_cell, slider, status, view
from playwright.sync_api import Page, expect

RUN = """import clsviz as cv
run = cv.Run(cv.Experiment("digits", epochs=4, label_noise=0.2)).start()
run.wait()
heat = cv.TemperatureView.from_run(run)
heat"""


def said(page: Page, name: str, pattern: str) -> float:
    expect(status(page, name)).to_contain_text(re.compile(pattern), timeout=60_000)
    found = re.search(pattern, status(page, name).inner_text())
    assert found, status(page, name).inner_text()
    return float(found.group(1))


def printed(page: Page, code: str) -> list[float]:
    return json.loads(run_cell(page, f"print(list(map(float, {code})))"))


def heard(page: Page, code: str, expected: list[float]) -> None:
    """The kernel hears of what was clicked a moment later."""
    for _ in range(40):
        if (found := printed(page, code)) == expected:
            return
        pause(page, 250)
    assert found == expected


def test_the_ood_view_answers_in_the_page_and_agrees_with_python(
    outgoing: Outgoing,
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    page = open_notebook([OPEN.format(arguments='"digits", epochs=6, pace=None, landscape_resolution=11')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    expect(view(page, "ood")).to_have_count(0)
    page.get_by_role("button", name="In or out of distribution", exact=True).click()
    view(page, "ood").scroll_into_view_if_needed()
    first = said(page, "ood", r"AUROC (\d\.\d{4})")
    for score in ["energy", "mahalanobis", "knn"]:
        view(page, "ood").get_by_label("Score", exact=True).select_option(score)
        expect(status(page, "ood")).not_to_contain_text(f"AUROC {first:.4f}: max softmax")
        auroc, fpr = said(page, "ood", r"AUROC (\d\.\d{4})"), said(page, "ood", r"FPR (\d\.\d{4})")
        result = printed(page, "[(r := lab.views.ood.result).metrics.auroc, r.metrics.fpr]")
        assert [auroc, fpr] == pytest.approx(result, abs=6e-5), score
    view(page, "ood").get_by_label("Score", exact=True).select_option("energy")
    view(page, "ood").get_by_label("Outside", exact=True).select_option("gaussian")
    expect(status(page, "ood")).to_contain_text("Gaussian noise")
    box = view(page, "ood").bounding_box()
    before = said(page, "ood", r"AUROC (\d\.\d{4})")
    drag(page, slider(page, "Strength"), 0.9)
    expect(status(page, "ood")).not_to_contain_text(f"AUROC {before:.4f}")
    kept = slider(page, "Validation kept")
    kept.focus()
    page.keyboard.press("PageDown")
    expect(status(page, "ood")).to_contain_text("keeps 90.")
    shot("ood-view")
    assert view(page, "ood").bounding_box()["height"] == box["height"]  # nothing grows with a slider
    assert not any('"kind":"ood"' in text.replace("\\", "") for text in outgoing.sent)
    view(page, "ood").get_by_role("button", name="Select those called out").click()
    expect(status(page, "ood")).to_contain_text(re.compile(r"\d+ selected"))
    called_out = printed(page, "lab.views.ood.result.below")
    assert called_out
    heard(page, "lab.selection", called_out)

    handout = tmp_path / "ood.html"
    run_cell(page, f"lab.views.ood.to_html({str(handout)!r}) and None")
    words = status(page, "ood").inner_text().split(" selected")[0].rsplit(" ", 1)[0]
    alone, errors = start(handout.as_uri())
    expect(status(alone, "ood")).to_contain_text(words, timeout=30_000)
    drag(alone, slider(alone, "Temperature"), 0.8)
    expect(status(alone, "ood")).to_contain_text("at T =")
    assert errors == []


def test_temperatures_are_dragged_selected_and_learnt(
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    page = open_notebook([RUN])
    expect(view(page, "temperatures")).to_be_visible(timeout=90_000)
    before = said(page, "temperatures", r"Mean T (\d+\.\d{4})")
    radius = slider(page, "ρ, nats from uniform")
    radius.focus()
    page.keyboard.press("PageUp")
    expect(status(page, "temperatures")).not_to_contain_text(f"Mean T {before:.4f}")
    numbers = r"NLL (\d\.\d{4}), ECE (\d\.\d{4})"
    found = re.search(numbers, status(page, "temperatures").inner_text())
    assert found
    expect(status(page, "temperatures")).to_contain_text("ρ = 1.25 nats")
    result = printed(page, "[(r := heat.result).nll, r.ece, r.rho]")
    assert [float(v) for v in found.groups()] == pytest.approx(result[:2], abs=6e-5)
    view(page, "temperatures").get_by_role("button", name="Select the hottest 5 %").click()
    expect(status(page, "temperatures")).to_contain_text("36 selected")
    heard(page, "heat.selection", printed(page, "heat.result.hottest"))
    first = view(page, "temperatures").locator(".clsviz-hottest button").first
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    heard(page, "[-1 if heat.marked is None else heat.marked]", printed(page, "heat.result.order[:1]"))

    view(page, "temperatures").get_by_label("Samples", exact=True).select_option("training")
    expect(status(page, "temperatures")).to_contain_text("mislabelled ones")
    view(page, "temperatures").get_by_label("Temperatures", exact=True).select_option("tempnet")
    expect(status(page, "temperatures")).to_contain_text("TempNet, learnt", timeout=60_000)
    shot("temperature-view")
    handout = tmp_path / "heat.html"
    run_cell(page, f"heat.to_html({str(handout)!r}) and None")
    words = status(page, "temperatures").inner_text().split(" None of")[0]
    alone, errors = start(handout.as_uri())
    expect(status(alone, "temperatures")).to_contain_text(words, timeout=30_000)
    alone.get_by_label("Temperatures", exact=True).select_option("ball")
    expect(status(alone, "temperatures")).to_contain_text("nats")
    assert errors == []
