"""The boundary view as a person uses it: planes, cells, other colours, a certified circle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import run_cell, status, view
from playwright.sync_api import Page, expect

CODE = """import clsviz as cv
run = cv.Run(cv.Experiment("digits", epochs=4, seed=0))
run.start()
run.wait()
v = cv.BoundaryView.from_run(run)
v"""
ATTACK = r"attack (\d) → (\d) in \d+ steps? of DeepFool, distance (\d+\.\d+)"


def test_planes_cells_colours_and_the_certified_circle_answer_in_the_page_and_agree_with_python(
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    page = open_notebook([CODE])
    boundary, words = view(page, "boundary"), status(page, "boundary")
    expect(words).to_contain_text(re.compile(r"angle \d"), timeout=60_000)

    def choose(page: Page, name: str, option: str) -> None:
        view(page, "boundary").get_by_label(name, exact=True).select_option(option)

    explained = {}
    for plane in ("pca", "lda", "points"):
        choose(page, "Plane", plane)
        expect(words).to_contain_text("plane explains")
        explained[plane] = words.inner_text()
    assert len(set(explained.values())) == 3
    choose(page, "Plane", "attack")
    expect(words).to_contain_text(re.compile(ATTACK))
    start_class, end_class, distance = re.search(ATTACK, words.inner_text()).groups()  # type: ignore[union-attr]

    boundary.get_by_role("button", name="Show", exact=True).click()
    cells = boundary.get_by_role("button", name="cells of the network")
    cells.click()
    expect(words).to_contain_text(re.compile(r"\d+ cells at least \(128 × 128 points\)"))
    expect(cells).to_have_attribute("aria-pressed", "true")
    boundary.get_by_role("button", name="certified circle").click()
    expect(words).to_contain_text(re.compile(r"certified radius [\d.]+ \(Lipschitz bound"))
    radius = re.search(r"certified radius (\d+\.\d+)", words.inner_text())
    for colour, title in (
        ("energy", "energy"),
        ("margin", "margin"),
        ("entropy", "entropy"),
        ("msp", "max s"),
    ):
        choose(page, "Colour", colour)
        expect(words).to_contain_text(re.compile(rf"shades: (OOD score: )?{title}"))
    page.keyboard.press("Escape")
    expect(boundary.get_by_label("Colour", exact=True)).to_be_hidden()
    shot("boundary-attack")

    # the kernel has heard of it, and gets the same numbers
    expect_numbers = (
        "import json; r = v.result\n"
        "names = v.source.dataset.class_names\n"
        "print(json.dumps([v.plane, v.colour, v.cells, *[names[k] for k in r.attack.called], "
        "r.attack.distance, r.certified]))"
    )
    told = json.loads(run_cell(page, expect_numbers))
    assert told[:5] == ["attack", "msp", True, start_class, end_class]
    assert told[5] == pytest.approx(float(distance), rel=0.02)
    assert radius and told[6] == pytest.approx(float(radius.group(1)), rel=0.02)
    assert told[6] <= told[5]

    # a straight rule has neither cells nor scores, and says so
    boundary.get_by_role("button", name="L2 path").click()
    expect(words).not_to_contain_text("cells at least")
    expect(words).to_contain_text("exact for this straight rule")
    boundary.get_by_role("button", name="Show", exact=True).click()
    expect(cells).to_be_disabled()
    expect(cells).to_have_attribute("title", re.compile("straight"))
    boundary.get_by_role("button", name="L2 path").click()
    expect(words).to_contain_text("cells at least")

    handout = tmp_path / "boundary.html"
    run_cell(page, f"v.to_html({str(handout)!r}) and None")
    alone, errors = start(handout.as_uri())
    expect(status(alone, "boundary")).to_contain_text(re.compile(ATTACK), timeout=30_000)
    expect(status(alone, "boundary")).to_contain_text("max softmax")
    choose(alone, "Plane", "lda")
    expect(status(alone, "boundary")).not_to_contain_text("attack")
    alone.emulate_media(color_scheme="dark")
    alone.screenshot(path=shot("boundary-handout-dark"), full_page=True)
    assert errors == []


def test_a_linear_network_has_one_cell_and_an_exact_radius(open_notebook: Callable[..., Page]) -> None:
    page = open_notebook([CODE.replace("epochs=4", 'epochs=4, model="linear"')])
    words = status(page, "boundary")
    expect(words).to_contain_text(re.compile(r"angle \d"), timeout=60_000)
    view(page, "boundary").get_by_role("button", name="Show", exact=True).click()
    cells = view(page, "boundary").get_by_role("button", name="cells of the network")
    expect(cells).to_be_disabled()
    expect(cells).to_have_attribute("title", re.compile("one cell"))
    view(page, "boundary").get_by_role("button", name="certified circle").click()
    expect(words).to_contain_text("exact for a linear network")
