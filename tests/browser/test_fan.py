"""The fan as a person uses it: fan out, drag through trained networks, compare with a pinned one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, Outgoing, ece, pause, run_cell, shows_ece, shows_other_ece, slider, status
from playwright.sync_api import Locator, Page, expect

VIEWS = ["reliability", "boundary", "landscape", "loss", "prototypes", "confusion", "inspector", "fan"]
OPEN = (
    "import clsviz as cv\n"
    'lab = cv.Lab("moons", model=cv.Spec("mlp", {"hidden": [8]}), epochs=6, label_noise=0.2, pace=None)\nlab'
)
MEMBER = "Fan: learning rate"


def words(page: Page) -> Locator:
    return page.locator(".clsviz-fan-words")


@pytest.fixture
def fanned(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> Page:
    """A trained lab whose learning rate has been fanned out with the mouse, all weights here."""
    page = open_notebook([OPEN])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*6 of"), timeout=90_000)
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=120_000)
    assert page.locator('[data-slot="fan"]').is_hidden()
    page.get_by_role("button", name="Fan out learning rate", exact=True).click()
    expect(slider(page, MEMBER)).to_be_visible(timeout=60_000)
    expect(words(page)).to_contain_text(
        re.compile(r"39 networks, 6 epochs(, \d+ diverged)?\.$"), timeout=120_000
    )
    return page


def test_dragging_the_member_slider_moves_every_view_and_asks_the_kernel_nothing(
    fanned: Page, outgoing: Outgoing, shot: Callable[[str], object]
) -> None:
    fanned.set_viewport_size(
        {"width": 1280, "height": 2200}
    )  # views out of sight wait until the slider rests
    pause(fanned, 500)
    knob = slider(fanned, MEMBER)
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    fanned.mouse.move(box["x"] + box["width"] * 0.6, y)
    fanned.mouse.down()
    fanned.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    pause(fanned, 300)
    before = {name: status(fanned, name).inner_text() for name in VIEWS}
    told = outgoing.comms()
    seen = set()
    for i in range(10):
        fanned.mouse.move(box["x"] + box["width"] * (0.5 - 0.04 * i), y)
        pause(fanned, 60)
        seen.add(ece(fanned))
    pause(fanned, 500)
    after = {name: status(fanned, name).inner_text() for name in VIEWS}
    assert outgoing.comms() == told, "a drag must not ask the kernel"
    assert len(seen) >= 4
    assert [n for n in VIEWS if before[n] == after[n]] == []
    fanned.mouse.up()
    pause(fanned, 500)
    code = "print(lab.member, lab.views.reliability.result.ece, lab.views.boundary.result.angle)"
    member, kernel, angle = map(float, run_cell(fanned, code).split())
    shows_ece(fanned, kernel)
    expect(status(fanned, "boundary")).to_contain_text(f"angle {angle:.1f}°")
    value = float(run_cell(fanned, f"print(lab.fan.members[{int(member)}].values['optimizer.lr'])"))
    expect(knob).to_have_attribute("aria-valuetext", f"{float(f'{value:.3g}'):g}")
    shot("fan-light")


def test_the_epoch_slider_goes_through_the_history_of_the_network_shown(
    fanned: Page, outgoing: Outgoing
) -> None:
    run_cell(fanned, "lab.member = 20")
    expect(words(fanned)).to_contain_text("Shown is the network")
    pause(fanned, 300)
    told = outgoing.comms()
    knob = slider(fanned, "Epoch")
    knob.focus()
    for _ in range(3):
        fanned.keyboard.press("ArrowLeft")
    expect(fanned.locator(".clsviz-where")).not_to_contain_text(re.compile(r"epoch\s*6 "))
    pause(fanned, 500)
    assert outgoing.comms() - told <= 3, "one message a release, none for weights"
    code = "print(lab.step, lab.views.reliability.result.ece)"
    step, kernel = run_cell(fanned, code).split()
    assert step != "None"
    expect(status(fanned, "reliability")).to_contain_text(f"ECE {float(kernel):.4f}")


def test_keys_walk_from_network_to_network_in_slider_and_strip(
    fanned: Page, shot: Callable[[str], object]
) -> None:
    knob = slider(fanned, MEMBER)
    expect(knob).to_have_attribute("aria-valuetext", "the run")
    expect(status(fanned, "fan")).to_contain_text("No ring")
    knob.focus()
    fanned.keyboard.press("Home")
    expect(knob).to_have_attribute("aria-valuetext", "0.0001")
    fanned.keyboard.press("ArrowRight")
    expect(knob).not_to_have_attribute("aria-valuetext", "0.0001")
    strip = fanned.locator('[data-view="fan"] canvas')
    strip.focus()
    fanned.keyboard.press("End")
    expect(knob).to_have_attribute("aria-valuetext", "3")
    expect(status(fanned, "fan")).to_contain_text("learning rate 3")
    expect(slider(fanned, "Learning rate")).to_have_attribute("aria-valuetext", "3")
    expect(slider(fanned, "Learning rate")).to_be_disabled()
    fanned.get_by_label("Seed of the fan", exact=True).select_option("2")
    expect(words(fanned)).to_contain_text("seed 2")
    fanned.get_by_role("button", name="Show the run", exact=True).click()
    pause(fanned, 300)
    assert run_cell(fanned, "print(lab.member)").strip() == "None"
    expect(knob).to_have_attribute("aria-valuetext", "the run")
    expect(slider(fanned, "Learning rate")).to_be_enabled()
    shot("fan-run")


def test_pinned_and_shown_compare_as_in_python_and_the_numbers_select_samples(fanned: Page) -> None:
    fanned.get_by_role("button", name="Pin to compare", exact=True).click()
    run_cell(fanned, "lab.member = 12; lab.temperature = 1.5")
    line = fanned.locator(".clsviz-compare")
    expect(line).to_contain_text("T = 1.50")
    code = (
        "c = lab.compare(); print(c.ece_difference, c.agreement, len(c.negative_flips), len(c.disagreeing))"
    )
    difference, agreement, lost, other = map(float, run_cell(fanned, code).split())
    expect(line).to_contain_text(f"{abs(difference):.4f}")
    expect(line).to_contain_text(f"{100 * agreement:.1f} %")
    expect(line.get_by_role("button", name=f"{int(lost)} now wrong")).to_be_visible()
    assert other > 0
    line.get_by_role("button", name=f"{int(other)} another guess").click()
    pause(fanned, 300)
    same = run_cell(fanned, "print(sorted(lab.selection) == sorted(lab.compare().disagreeing))")
    assert same.strip() == "True"


def test_closing_the_fan_brings_the_run_back_and_ends_its_threads(fanned: Page) -> None:
    fanned.get_by_role("button", name="Close fan", exact=True).click()
    expect(slider(fanned, MEMBER)).to_have_count(0)
    expect(fanned.locator('[data-slot="fan"]')).to_be_hidden()
    kernel = float(run_cell(fanned, "print(lab.views.reliability.result.ece)"))
    shows_ece(fanned, kernel)
    threads = run_cell(fanned, "import threading; print([t.name for t in threading.enumerate()])")
    assert threads.count("clsviz-trainer") == 1


def test_a_handout_moves_through_the_fan_without_a_kernel(fanned: Page, lab, browser) -> None:
    run_cell(fanned, "lab.member = 20; lab.to_html('fan.html')")
    path = lab.root / "fan.html"
    assert path.stat().st_size < 3_000_000
    expect(words(fanned)).to_contain_text("Shown is the network")
    pause(fanned, 500)
    shown = ece(fanned)
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    alone = context.new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda e: errors.append(str(e)))
    alone.goto(path.as_uri())
    expect(status(alone, "reliability")).to_contain_text("ECE", timeout=20_000)
    shows_ece(alone, shown)
    knob = slider(alone, MEMBER)
    knob.focus()
    alone.keyboard.press("Home")
    expect(knob).to_have_attribute("aria-valuetext", "0.0001")
    expect(status(alone, "reliability")).not_to_contain_text(f"{shown:.4f}")
    assert not errors
    context.close()


def test_a_view_of_a_fan_has_the_slider_above_it(open_notebook: Callable[..., Page]) -> None:
    page = open_notebook(
        [
            'import clsviz as cv\nfan = cv.Fan(cv.Experiment("moons", loss="gce", epochs=3), '
            '{"loss.q": [0.1, 0.5, 0.9]})\nfan.start(); fan.wait()\n'
            "view = cv.ReliabilityDiagram.from_run(fan)\nview"
        ]
    )
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    knob = slider(page, "Fan: q of the loss")
    first = ece(page)
    knob.focus()
    page.keyboard.press("End")
    expect(status(page, "reliability")).not_to_contain_text(f"ECE {first:.4f}", timeout=20_000)
    pause(page, 500)
    kernel = float(run_cell(page, "print(view.result.ece)"))
    shows_ece(page, kernel)


MODELS = """
import clsviz as cv
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
d = cv.data.moons(n=200, noise=0.2, seed=0)
linear, kernel = LogisticRegression().fit(d.X, d.y), SVC(gamma=2).fit(d.X, d.y)
models = cv.ModelSet({"logistic regression": linear, "nearest of kin": kernel}, (d.X, d.y))
lab = cv.Lab.from_run(models, pinned={"member": 0, "step": 0})
lab
"""


def test_finished_models_are_walked_by_name_beside_the_pinned_one(
    open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page = open_notebook([MODELS])
    expect(words(page)).to_contain_text("Shown is logistic regression", timeout=60_000)
    expect(page.locator(".clsviz-timeline")).to_be_hidden()
    first = ece(page)
    knob = slider(page, "Model")
    knob.focus()
    page.keyboard.press("ArrowRight")
    expect(words(page)).to_contain_text("Shown is nearest of kin")
    expect(knob).to_have_attribute("aria-valuetext", "nearest of kin")
    shows_other_ece(page, first)
    pause(page, 300)
    agreement = float(run_cell(page, "print(100 * lab.compare().agreement)"))
    compared = page.locator(".clsviz-compare")
    expect(compared).to_contain_text("Pinned logistic regression, T = 1.00, shown nearest of kin, T = 1.00")
    expect(compared).to_contain_text(f"the same guess on {agreement:.1f} %")
    expect(status(page, "boundary")).to_contain_text("field computed by the kernel", timeout=30_000)
    shot("fan-models")
