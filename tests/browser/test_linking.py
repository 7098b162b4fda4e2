"""One selection, one network on screen, linked views: as a person uses them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from person import (
    LAB,
    OPEN,
    Outgoing,
    all_drawn,
    ece,
    pause,
    rested,
    run_cell,
    shows_ece,
    shows_other_ece,
    slider,
    status,
    view,
)
from playwright.sync_api import Page, expect

CLEAR = re.compile("Clear selection")


@pytest.fixture
def digits(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> Page:
    """The digits lab, trained for a few epochs and at rest."""
    page = open_notebook(
        [OPEN.format(arguments='"digits", epochs=6, label_noise=0.1, pace=None, landscape_resolution=11')]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    rested(page)
    return page


def selected(page: Page) -> int:
    """How many samples are selected, as the lab says."""
    found = re.search(r"\((\d+)\)", page.get_by_role("button", name=CLEAR).inner_text())
    return int(found.group(1)) if found else 0


def circle(page: Page, name: str, keys: str | None = None) -> None:
    """A lasso round the middle of the left half of a picture."""
    canvas = view(page, name).locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    x, y, r = box["x"] + 0.36 * box["width"], box["y"] + 0.5 * box["height"], 0.2 * box["width"]
    page.mouse.move(x + r, y)
    if keys:
        page.keyboard.down(keys)
    page.mouse.down()
    for i in range(1, 20):
        page.mouse.move(x + r * math.cos(i / 3), y + r * math.sin(i / 3))
    page.mouse.up()
    if keys:
        page.keyboard.up(keys)


def test_what_a_lasso_encloses_lights_up_in_every_view(digits: Page) -> None:
    circle(digits, "boundary")
    n = selected(digits)
    assert n > 5
    for name in ["reliability", "boundary", "prototypes", "confusion"]:
        expect(status(digits, name)).to_contain_text(f"{n} selected")
    expect(view(digits, "inspector")).to_contain_text(f"/{n} selected")
    digits.wait_for_function("() => true")
    assert int(run_cell(digits, "print(len(lab.selection))")) == n
    # what is taken out of it by the same way is gone
    circle(digits, "boundary", "Control")
    expect(digits.get_by_role("button", name=CLEAR)).to_be_disabled()


def test_a_box_by_the_keyboard_selects_without_the_pointer(digits: Page) -> None:
    canvas = view(digits, "boundary").locator("canvas").first
    canvas.focus()
    digits.keyboard.press("ArrowLeft")
    for _ in range(8):
        digits.keyboard.press("Shift+ArrowLeft")
        digits.keyboard.press("Shift+ArrowDown")
    digits.keyboard.press("Enter")
    n = selected(digits)
    assert n >= 1
    for _ in range(14):
        digits.keyboard.press("Shift+ArrowRight")
        digits.keyboard.press("Shift+ArrowUp")
    digits.keyboard.press("Shift+Enter")
    assert selected(digits) > n


def test_a_threshold_selects_live_without_the_kernel(digits: Page, outgoing: Outgoing) -> None:
    digits.set_viewport_size({"width": 1280, "height": 2600})  # out of sight views wait for the end
    digits.get_by_label("Select by", exact=True).select_option("confidence_below")
    before = selected(digits)
    assert before > 0
    pause(digits, 500)
    told = outgoing.comms()
    knob = slider(digits, "Confidence threshold")
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    digits.mouse.move(box["x"] + 0.6 * box["width"], y)
    digits.mouse.down()
    digits.mouse.move(box["x"] + 0.9 * box["width"], y, steps=10)
    expect(digits.get_by_role("button", name=CLEAR)).not_to_have_text(f"Clear selection ({before})")
    n = selected(digits)
    assert n > before
    expect(status(digits, "confusion")).to_contain_text(f"{n} selected")
    assert outgoing.comms() == told, "a drag must not ask the kernel"
    digits.mouse.up()
    value = knob.get_attribute("aria-valuetext")
    pause(digits, 300)
    code = f"s = lab.selection.tolist(); print(len(s), s == lab.select(confidence_below={value}).tolist())"
    assert run_cell(digits, code).split() == [str(selected(digits)), "True"]


def test_mislabelled_samples_lie_in_the_training_part_and_the_views_say_so(digits: Page) -> None:
    boxes = """() => [...document.querySelectorAll('[data-view]')].map((e) => {
      const r = e.getBoundingClientRect(); return [e.dataset.view, r.x, r.width, r.height].join(); })"""
    all_drawn(digits)
    before = digits.evaluate(boxes)
    digits.get_by_label("Select by", exact=True).select_option("mislabelled")
    n = selected(digits)
    assert n > 20
    for name in ["reliability", "boundary", "prototypes", "confusion"]:
        expect(status(digits, name)).to_contain_text(f"one of the {n} selected (all are training samples)")
    assert digits.evaluate(boxes) == before
    digits.get_by_label("Of which samples", exact=True).select_option("training")
    digits.get_by_role("button", name="Invert").click()
    pause(digits, 300)
    right = "d = lab.run.dataset; print((d.y[d.train] == d.y_clean[d.train]).sum())"
    assert selected(digits) == int(run_cell(digits, right))


def test_code_selects_and_escape_clears_from_anywhere_in_the_lab(digits: Page) -> None:
    run_cell(digits, "lab.selection = lab.run.dataset.validation[:9]")
    expect(digits.get_by_role("button", name=CLEAR)).to_have_text("Clear selection (9)")
    view(digits, "prototypes").locator("h3").click()  # plain words take no focus
    digits.keyboard.press("Escape")
    expect(digits.get_by_role("button", name=CLEAR)).to_be_disabled()
    pause(digits, 300)
    assert run_cell(digits, "print(len(lab.selection))").strip() == "0"
    run_cell(digits, "import numpy as np; lab.selection = lab.run.dataset.y == 3")
    expect(digits.get_by_role("button", name=CLEAR)).to_be_enabled()
    slider(digits, "Temperature").focus()
    digits.keyboard.press("Escape")
    expect(digits.get_by_role("button", name=CLEAR)).to_be_disabled()


@pytest.mark.parametrize("model", ["linear", "mlp", "rbf"])
def test_a_walk_by_keys_shows_the_network_there_in_every_view(
    outgoing: Outgoing, open_notebook: Callable[..., Page], model: str
) -> None:
    page = open_notebook([OPEN.format(arguments=f'"iris", model="{model}", epochs=6, pace=None')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    rested(page)
    pause(page, 500)
    canvas = view(page, "landscape").locator("canvas").first
    resting, told = ece(page), outgoing.comms()
    views = ["reliability", "boundary", "landscape", "prototypes", "confusion", "inspector"]

    def walk() -> None:
        canvas.focus()
        for _ in range(3):
            page.keyboard.press("Shift+ArrowLeft")
        for name in views:
            expect(status(page, name)).to_contain_text("Hovered:")
            expect(view(page, name)).to_have_class(re.compile("clsviz-hovered"))
        shows_other_ece(page, resting)

    def back() -> None:
        for name in views:
            expect(status(page, name)).not_to_contain_text("Hovered:")
        shows_ece(page, resting)

    walk()
    page.keyboard.press("Escape")
    back()
    walk()
    page.keyboard.press("Tab")  # leaving returns
    back()
    walk()
    page.keyboard.press("Enter")  # stay here
    view(page, "reliability").locator("canvas").first.focus()
    view(page, "confusion").locator("h3").click()
    expect(status(page, "reliability")).to_contain_text("Hovered:")
    page.keyboard.press("Escape")
    back()
    assert outgoing.comms() == told, "the kernel is asked for nothing"


def test_views_in_two_cells_move_as_one(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> None:
    make = (
        "import clsviz as cv\nrun = cv.Run(cv.Experiment('digits', epochs=4)); run.start(); run.wait()\n"
        "other = cv.Run(cv.Experiment('digits', model='linear', epochs=2)); other.start(); other.wait()\n"
        "a = cv.ReliabilityDiagram.from_run(run)\na"
    )
    page = open_notebook(
        [make, "b = cv.ConfusionMatrix.from_run(run)\nb", "c = cv.ReliabilityDiagram.from_run(other)\nc"]
    )
    expect(status(page, "confusion")).to_contain_text("right", timeout=90_000)
    expect(status(page, "reliability").nth(1)).to_contain_text("ECE", timeout=60_000)
    run_cell(page, "link = cv.link(a, b, c)")
    page.wait_for_function("() => [...globalThis[Symbol.for('clsviz')].groups.values()][0]?.size === 3")
    told = outgoing.comms()
    knob = slider(page, "Temperature").first
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], y, steps=6)
    value = knob.get_attribute("aria-valuetext") or ""
    assert value != "T = 1.00"
    expect(slider(page, "Temperature").nth(1)).to_have_attribute("aria-valuetext", value)
    assert outgoing.comms() == told, "links need no kernel"
    page.mouse.up()
    matrix = view(page, "confusion").locator("canvas").first
    matrix.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    for i in range(2):  # the same digits, in another source too
        expect(status(page, "reliability").nth(i)).to_contain_text("selected")
    pause(page, 500)
    said = run_cell(
        page,
        "print(a.temperature == b.temperature == c.temperature > 1, "
        "a.selection.tolist() == b.selection.tolist() == c.selection.tolist())",
    )
    assert said.split() == ["True", "True"]
    run_cell(page, "b.temperature = 2.5")
    expect(slider(page, "Temperature").nth(1)).to_have_attribute("aria-valuetext", "T = 2.50")
    pause(page, 500)
    settled = outgoing.comms()
    pause(page, 700)
    assert outgoing.comms() == settled, "no echo goes round"
    assert run_cell(page, "print(a.temperature, c.temperature)").split() == ["2.5", "2.5"]
    run_cell(page, "b.close(); link.unlink(); a.temperature = 4")
    expect(slider(page, "Temperature").first).to_have_attribute("aria-valuetext", "T = 4.00")
    expect(slider(page, "Temperature").nth(1)).to_have_attribute("aria-valuetext", "T = 2.50")
    assert page.evaluate("() => globalThis[Symbol.for('clsviz')].groups.size") == 0


def test_all_views_follow_the_tilted_rule_when_asked(digits: Page) -> None:
    calibration = ece(digits)
    found = re.search(r"Accuracy \d+\.\d", status(digits, "confusion").inner_text())
    assert found

    def as_trained() -> None:
        shows_ece(digits, calibration)
        expect(status(digits, "confusion")).to_contain_text(found[0])

    digits.get_by_role("button", name="nearest centroid").click()  # a rule of its own
    expect(status(digits, "boundary")).to_contain_text("angle 0.0°")
    as_trained()
    digits.get_by_role("button", name="use tilted").click()
    for name in ["reliability", "confusion", "prototypes", "inspector"]:
        expect(status(digits, name)).to_contain_text("Tilted:")
    shows_other_ece(digits, calibration)
    pause(digits, 300)
    kernel = run_cell(
        digits, "print(lab.views.reliability.result.ece, 100 * lab.views.confusion.result.accuracy)"
    )
    error, accuracy = map(float, kernel.split())
    shows_ece(digits, error)
    expect(status(digits, "confusion")).to_contain_text(f"Accuracy {accuracy:.1f}")
    digits.get_by_role("button", name="use tilted").click()
    expect(status(digits, "reliability")).not_to_contain_text("Tilted:")
    as_trained()


def test_a_busy_kernel_says_what_waits_and_carries_out_the_newest(
    outgoing: Outgoing, open_notebook: Callable[..., Page]
) -> None:
    lab = OPEN.format(arguments='"iris", epochs=3, pace=None, autostart=False')
    page = open_notebook([lab], run=False)
    # as with kernels before ipykernel 7: messages of widgets wait for the cell
    page.evaluate(
        """() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .commsOverSubshells = 'disabled';
          window.jupyterapp.commands.execute('notebook:run-all-cells'); }"""
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    pause(page, 500)
    page.evaluate(
        """() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code: 'import time; time.sleep(5)' }); }"""
    )
    page.get_by_role("button", name="Step", exact=True).click()
    busy = page.locator(".clsviz-busy")
    expect(busy).to_be_visible(timeout=4_000)
    expect(busy).to_contain_text("The kernel is busy with a cell")
    sent = outgoing.comms()
    for seed in ["5", "6", "7"]:
        page.get_by_label("Seed", exact=True).fill(seed)
    for _ in range(3):
        page.get_by_role("button", name="Step", exact=True).click()
    expect(busy).to_contain_text("seed")
    assert outgoing.comms() == sent, "they wait in the page"
    expect(busy).to_be_hidden(timeout=15_000)
    pause(page, 500)
    assert outgoing.comms() == sent + 2, "the last seed and one step of three"
    assert run_cell(page, "print(lab.run.experiment.seed)").strip() == "7"
