"""Measures, calibrators and the pictures of the reliability view as a person uses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, drag, ece, rested, run_cell, slider, status, view
from playwright.sync_api import Page, expect

AFTER = re.compile(r"Before \(T = 1\.00\) ECE (\d\.\d{4}).* out of fold\) ECE (\d\.\d{4})")
AURC = re.compile(r"AURC (\d\.\d{4})")


def printed(page: Page, code: str) -> list[float]:
    return [float(word) for word in run_cell(page, f"print({code})").split()]


def said(page: Page, pattern: re.Pattern[str]) -> list[float]:
    expect(status(page, "reliability")).to_contain_text(pattern, timeout=30_000)
    found = pattern.search(status(page, "reliability").inner_text())
    assert found
    return [float(group) for group in found.groups()]


def measured(page: Page) -> dict[str, list[float]]:
    """The table of measures: its numbers by name."""
    rows = view(page, "reliability").locator("tr[data-measure]").all()
    return {
        row.get_attribute("data-measure"): [float(v) for v in row.locator("td").all_inner_texts()]
        for row in rows
    }


def boxes(page: Page) -> object:
    """Where the view and its parts are, against its own corner."""
    return page.evaluate(
        """() => { const view = document.querySelector('[data-view=reliability]');
           const from = view.getBoundingClientRect();
           return [...view.querySelectorAll('header, .clsviz-row, .clsviz-plot, table, [role=status]')]
             .filter((el) => el.offsetWidth > 0).map((el) => { const b = el.getBoundingClientRect();
               return [b.x - from.x, b.y - from.y, b.width, b.height].map(Math.round); }); }"""
    )


def test_a_calibrator_is_laid_over_and_every_number_is_pythons(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page = open_notebook(
        [OPEN.format(arguments='"digits", epochs=6, label_noise=0.2, pace=None, landscape_resolution=11')]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    box = view(page, "reliability")
    box.scroll_into_view_if_needed()
    plain = ece(page)
    show = box.get_by_role("combobox", name="Show", exact=True)
    canvas = box.locator("canvas")

    result = "lab.views.reliability.result"

    # measures: the chosen ones, with their conventions, equal to Python's
    box.get_by_role("button", name="Measures").click()
    for name in ["Smooth ECE", "Classwise ECE", "MMCE"]:
        box.get_by_role("checkbox", name=name, exact=True).check()
    expect(box.locator("tr[data-measure]")).to_have_count(7)
    expect(box).to_contain_text("top label, 15 equal-width bins, left-closed")
    code = f"*[f'{{v:.6f}}' for v in {result}.measures.values()]"
    assert [v for (v,) in measured(page).values()] == pytest.approx(printed(page, code), abs=5.1e-5)

    # a calibrator: out of fold, before and after in words, in the table and in Python
    box.get_by_role("combobox", name="Calibrate").select_option(label="Isotonic regression")
    before, after = said(page, AFTER)
    python = printed(page, f"{result}.ece, {result}.calibrated.ece")
    assert [before, after] == pytest.approx(python, abs=5.1e-5)
    assert before == plain and after < before  # smoothed labels make this network under-confident
    code = f"*[f'{{v:.6f}}' for v in {result}.calibrated.measures.values()]"
    assert [v[1] for v in measured(page).values()] == pytest.approx(printed(page, code), abs=5.1e-5)
    shot("calibration-diagram")

    # the temperature acts on what is before; nothing changes size or place
    layout = boxes(page)
    drag(page, slider(page, "Temperature"), 0.6)
    expect(status(page, "reliability")).not_to_contain_text("T = 1.00")
    assert f"out of fold) ECE {after:.4f}" in status(page, "reliability").inner_text()
    assert boxes(page) == layout

    # what moved: Python's count, and its bars select samples
    show.select_option("moved")
    expect(status(page, "reliability")).to_contain_text("guesses changed")
    (changed,) = printed(page, f"{result}.calibrated.changed")
    expect(status(page, "reliability")).to_contain_text(f"{changed:.0f} of ")
    canvas.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(status(page, "reliability")).to_contain_text(re.compile(r"\d+ selected"))
    assert printed(page, "len(lab.selection)")[0] > 0
    page.keyboard.press("Escape")
    assert boxes(page)[:3] == layout[:3]  # type: ignore[index]

    # the kernel sees the state, and the calibrator goes as it came
    assert run_cell(
        page, "print(lab.views.reliability.picture, lab.views.reliability.calibrator)"
    ).split() == [
        "moved",
        "isotonic",
    ]
    run_cell(page, "lab.views.reliability.calibrator = ''; lab.views.reliability.picture = 'diagram'")
    expect(status(page, "reliability")).not_to_contain_text("out of fold")


def test_risk_and_classes_by_keyboard_and_in_a_handout(
    open_notebook: Callable[..., Page],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
    shot: Callable[[str], Path],
) -> None:
    setup = """import clsviz as cv, numpy as np
rng = np.random.default_rng(1)
z = rng.normal(0, 2, (500, 12))
y = np.where(rng.random(500) < 0.6, z.argmax(1), rng.integers(0, 12, 500))
d = cv.ReliabilityDiagram.from_predictions(y, z, picture="risk_coverage", calibrator="beta")
d"""
    page = open_notebook([setup])
    box = view(page, "reliability")
    expect(status(page, "reliability")).to_contain_text("before", timeout=60_000)
    canvas = box.locator("canvas").last
    (aurc,) = said(page, AURC)
    assert aurc == pytest.approx(
        printed(page, "cv.calibration.risk_coverage(d.result.calibrated.probs, y).aurc")[0], abs=5.1e-5
    )

    # Enter sets the threshold where the cursor is; so does a press
    canvas.focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("PageUp")
    expect(canvas).to_have_attribute("aria-valuetext", re.compile("answers 41.0 %"))
    page.keyboard.press("Enter")
    expect(status(page, "reliability")).to_contain_text(re.compile(r"keeps 41\.\d\s%"))
    (kept,) = printed(page, "d.result.calibrated.coverage")
    assert kept == pytest.approx(0.41, abs=0.01)
    where = canvas.bounding_box()
    assert where
    page.mouse.click(where["x"] + where["width"] * 0.75, where["y"] + where["height"] / 2)
    expect(status(page, "reliability")).not_to_contain_text(re.compile(r"keeps 41\.\d\s%"))
    shot("calibration-risk")

    # a class of the small multiples becomes the class looked at
    box.get_by_role("combobox", name="Show", exact=True).select_option("classes")
    expect(status(page, "reliability")).to_contain_text("ECE of each class")
    canvas.focus()
    for key in ["ArrowRight", "ArrowRight", "ArrowRight"]:
        page.keyboard.press(key)
    expect(canvas).to_have_attribute("aria-valuetext", re.compile("class 2: ECE"))
    shot("calibration-classes")
    page.keyboard.press("Enter")
    expect(box.get_by_role("combobox", name="Of")).to_have_value("2")
    _, after = said(page, AFTER)
    assert after == pytest.approx(printed(page, "d.result.calibrated.ece")[0], abs=5.1e-5)

    # what the kernel answered travels along; what it did not is not offered
    handout = tmp_path / "calibrated.html"
    run_cell(page, f"d.to_html({str(handout)!r}) and None")
    alone, errors = start(handout.as_uri())
    assert said(alone, AFTER)[1] == after
    menu = view(alone, "reliability").get_by_role("combobox", name="Calibrate")
    assert menu.locator("option[value=beta]").is_enabled() and menu.locator("option[value=bbq]").is_disabled()
    expect(menu).to_have_attribute("title", re.compile("only the kernel"))
    assert errors == []
