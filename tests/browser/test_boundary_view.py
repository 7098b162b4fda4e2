"""The boundary view as a person uses it: planes, cells, other colours, a certified circle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import run_cell, slider, status, view
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


KERNEL = """import clsviz as cv
run = cv.Run(cv.Experiment("digits", model="cnn", epochs=1, seed=0))
run.start()
run.wait()
v = cv.BoundaryView.from_run(run, plane="attack")
v"""
SCORE = r"shades: OOD score: {}, ≤ (−[\d.e]+) to (−?[\d.e]+), low is far"


def test_the_colour_is_the_distance_from_the_training_samples_as_python_has_it(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page = open_notebook(
        [CODE.replace("v = cv.BoundaryView.from_run(run", 'v = cv.BoundaryView.from_run(run, plane="pca"')]
    )
    boundary, words = view(page, "boundary"), status(page, "boundary")
    expect(words).to_contain_text(re.compile(r"angle \d"), timeout=60_000)
    boundary.get_by_role("button", name="Show", exact=True).click()
    for colour, title in (("knn", "nearest neighbours"), ("mahalanobis", "Mahalanobis")):
        boundary.get_by_label("Colour", exact=True).select_option(colour)
        expect(words).to_contain_text(re.compile(SCORE.format(title)))
        farthest = numeral(re.search(SCORE.format(title), words.inner_text()).group(1))  # type: ignore[union-attr]
        told = run_cell(
            page,
            "from clsviz.widgets.ood_job import farthest_candidates, features_scored\n"
            f"print(features_scored(run, None, {colour!r}, [farthest_candidates(run.dataset)])[0].min())",
        )
        assert farthest == pytest.approx(float(told), rel=0.02)
        expect(words).to_contain_text("darkest: farther off than training samples are")
    # it follows the epoch
    before = words.inner_text()
    slider(page, "Epoch").press("Home")
    expect(words).to_contain_text(re.compile(SCORE.format("Mahalanobis")))
    expect(words).not_to_have_text(before)
    page.keyboard.press("Escape")
    shot("boundary-mahalanobis")


def test_the_kernel_finds_attack_and_distances_for_networks_that_the_page_cannot_run(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page = open_notebook([KERNEL])
    boundary, words = view(page, "boundary"), status(page, "boundary")
    expect(words).to_contain_text(re.compile(ATTACK), timeout=90_000)
    start_class, end_class, distance = re.search(ATTACK, words.inner_text()).groups()  # type: ignore[union-attr]
    told = json.loads(
        run_cell(
            page,
            "import json; r = v.result; names = run.dataset.class_names\n"
            "print(json.dumps([*[names[k] for k in r.attack.called], r.attack.distance]))",
        )
    )
    assert told[:2] == [start_class, end_class]
    assert told[2] == pytest.approx(float(distance), abs=0.006)
    boundary.get_by_role("button", name="Show", exact=True).click()
    boundary.get_by_label("Colour", exact=True).select_option("knn")
    expect(words).to_contain_text("shades: OOD score: nearest neighbours", timeout=30_000)
    page.keyboard.press("Escape")
    expect(words).to_contain_text(re.compile(r"field computed by the kernel;"), timeout=30_000)
    shot("boundary-kernel-attack")


def test_a_model_without_slopes_is_attacked_straight_and_says_why_it_has_no_distances(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    code = """import clsviz as cv
from sklearn.ensemble import RandomForestClassifier
d = cv.data.iris()
m = RandomForestClassifier(20, random_state=0).fit(d.X, d.y)
v = cv.BoundaryView.from_estimator(m, d.X, d.y, plane="attack", colour="mahalanobis")
v"""
    page = open_notebook([code])
    words = status(page, "boundary")
    expect(words).to_contain_text(
        re.compile(r"attack \d → \d in 1 step towards the nearest sample called otherwise"), timeout=60_000
    )
    expect(words).to_contain_text("this classifier does not tell its features", timeout=30_000)
    shot("boundary-forest-attack")


def numeral(words: str) -> float:
    return float(words.replace("−", "-"))
