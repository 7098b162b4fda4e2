"""Margins and attacks as a person uses them: in the lab, against Python, and in a handout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, drag, pause, rested, run_cell, slider, status, view
from playwright.sync_api import Page, expect

WORDS = (
    r"([\d.]+) % of (\d+) validation samples.* median is ([−\d.]+), (\d+) are wrong\. "
    r"Within radius ([\d.]+) at most ([\d.]+) % stay right .* on (\d+) samples\), "
    r"certainly \(Lipschitz constant ≤ ([\d.]+)\) at least ([\d.]+) % do;.* leaves ([\d.]+) %\."
)
NUMBERS = (
    "import numpy as np; r = lab.views.robustness.result\n"
    "print([float(v) for v in (100 * r.share_below, len(r.margins), np.median(r.margins), "
    "(~r.correct).sum(), r.radius, 100 * r.accuracy, len(r.attacked), r.lipschitz, "
    "100 * r.certified_accuracy, 100 * r.fgsm_accuracy)])"
)
BOXES = """() =>
  [...document.querySelectorAll('[data-view="robustness"] :is(canvas, input, select, button, p)')]
  .map((e) => { const b = e.getBoundingClientRect(); return [b.x + scrollX, b.width, b.height]; })"""


def agrees(page: Page) -> list[float]:
    """What the browser says is what Python computes, to the digits that are shown."""
    pause(page, 600)  # the kernel hears of a release
    expect(status(page, "robustness")).to_contain_text(re.compile(WORDS), timeout=60_000)
    found = re.search(WORDS, status(page, "robustness").inner_text())
    assert found
    shown = [float(v.replace("−", "-")) for v in found.groups()]
    numbers = json.loads(run_cell(page, NUMBERS))
    for told, expected, digits in zip(shown, numbers, (1, 0, 2, 0, 2, 2, 0, 1, 2, 2), strict=True):
        assert told == pytest.approx(expected, abs=0.6 * 10**-digits)
    return shown


def line_of_threshold(page: Page, box: dict[str, float]) -> tuple[float, float]:
    """Where the pointer says that the line can be taken."""
    for x in range(40, int(box["width"]), 4):
        page.mouse.move(box["x"] + x, box["y"] + 100)
        cursor = "document.querySelector('[data-view=\"robustness\"] canvas').style.cursor"
        if page.evaluate(cursor) == "ew-resize":
            return box["x"] + x + 2, box["y"] + 100
    raise AssertionError("no line to take")


def test_margins_and_attacks_answer_in_the_page_and_agree_with_python(
    outgoing: Outgoing,
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    page = open_notebook([OPEN.format(arguments='"digits", epochs=6, pace=None, landscape_resolution=11')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    page.get_by_role("button", name="Margins and attacks", exact=True).click()
    robustness = view(page, "robustness")
    robustness.scroll_into_view_if_needed()
    first = agrees(page)
    boxes = page.evaluate(BOXES)

    radius = slider(page, "Radius")
    drag(page, radius, 0.7)
    expect(status(page, "robustness")).not_to_contain_text(f"at most {first[5]:.2f}")
    further = agrees(page)
    assert all(further[i] < first[i] for i in (5, 8, 9))
    assert further[8] < further[5]  # what is certain stands below what was found
    threshold = slider(page, "Margin below")
    threshold.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    assert agrees(page)[0] > first[0]
    drag(page, slider(page, "Temperature").first, 0.6)
    expect(status(page, "robustness")).to_contain_text("at T =")
    agrees(page)
    assert page.evaluate(BOXES) == boxes  # nothing changes size or place with a slider
    robustness.scroll_into_view_if_needed()
    shot("robustness-view")

    for method in ("line", "pgd", "deepfool"):
        robustness.get_by_label("Distance", exact=True).select_option(method)
        expect(status(page, "robustness")).not_to_contain_text("more to come", timeout=60_000)
        agrees(page)
    assert page.evaluate(BOXES) == boxes

    # the threshold is taken on the histogram too: by keys, and by the pointer at its line
    histogram = robustness.locator("canvas").first
    histogram.focus()
    page.keyboard.press("ArrowUp")
    before = agrees(page)
    box = histogram.bounding_box()
    assert box
    page.mouse.move(*line_of_threshold(page, box))
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 100, steps=8)
    page.mouse.up()
    expect(status(page, "robustness")).not_to_contain_text(f"{before[0]:.1f} % of")
    assert agrees(page)[0] < before[0]
    expect(status(page, "robustness")).not_to_contain_text("selected")  # the bars did not take it

    robustness.get_by_label("Margin", exact=True).select_option("distance")
    expect(status(page, "robustness")).to_contain_text("distance to the boundary below 0;")  # another unit
    robustness.get_by_label("Class", exact=True).select_option("3")
    expect(status(page, "robustness")).to_contain_text(re.compile(r"of \d+ validation samples of class 3"))
    agrees(page)
    histogram.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.press("Enter")
    count = len(json.loads(run_cell(page, "print(lab.views.robustness.result.samples.tolist())")))
    expect(status(page, "robustness")).to_contain_text(f"{count} selected")
    page.keyboard.press("Escape")
    expect(status(page, "robustness")).not_to_contain_text("selected")
    threshold = slider(page, "Margin below")
    drag(page, threshold, 0.8)
    robustness.get_by_role("button", name="Select those below").click()
    expect(status(page, "robustness")).to_contain_text(re.compile(r"\d+ selected"))
    pause(page, 600)
    below = json.loads(run_cell(page, "print(lab.views.robustness.result.below.tolist())"))
    assert below and json.loads(run_cell(page, "print(sorted(map(int, lab.selection)))")) == below
    # state is all that the kernel hears of: no question was asked about it
    assert not any('"kind":"' in text.replace("\\", "") and "robust" in text for text in outgoing.sent)

    handout = tmp_path / "robustness.html"
    run_cell(page, f"lab.views.robustness.to_html({str(handout)!r}) and None")
    words = status(page, "robustness").inner_text().split(" Sample ")[0]
    alone, errors = start(handout.as_uri())
    expect(status(alone, "robustness")).to_contain_text(words, timeout=30_000)
    drag(alone, slider(alone, "Radius"), 0.2)
    expect(status(alone, "robustness")).not_to_contain_text(words)
    alone.set_viewport_size({"width": 420, "height": 900})
    expect(status(alone, "robustness")).to_be_visible()
    assert alone.evaluate("document.documentElement.scrollWidth") <= 420
    alone.emulate_media(color_scheme="dark")
    alone.screenshot(path=shot("robustness-narrow"), full_page=True)
    assert errors == []
