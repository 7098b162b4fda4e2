"""The row "More views", and the multiplicity view behind one of its buttons."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, pause, run_cell, slider, status, view
from playwright.sync_api import Locator, Page, expect

ARGUMENTS = '"moons", epochs=8, label_noise=0.2, pace=None, instant=False'
EPSILON, DELTA = "Epsilon, nats worse", "Delta, a difference that counts"
WORDS = (
    r"(\d+) of (\d+) networks? lies? within ([\d.]+) nats.* "
    r"([\d.]+)\s% of \d+ samples change their answer \(ambiguity\), "
    r"at most ([\d.]+)\s% by one network \(discrepancy\); "
    r"([\d.]+)\s% move by ([\d.]+) or more, at most ([\d.]+)\s% by one"
)
NUMBERS = (
    "r = lab.views.multiplicity.result\n"
    "print(len(r.members), len(r.losses), r.epsilon, 100 * r.answers.ambiguity, 100 * r.answers.discrepancy, "
    "100 * r.moved.ambiguity, r.delta, 100 * r.moved.discrepancy)"
)
BOXES = """() => [...document.querySelectorAll('[data-view="multiplicity"] :is(canvas, input, p, select)')]
  .map((e) => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"""


def set_theme(page: Page, theme: str) -> None:
    page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)


def toggle(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="More views").get_by_role("button", name=name, exact=True)


def said(page: Page) -> list[float]:
    """The numbers in the view's line."""
    expect(status(page, "multiplicity")).to_contain_text(re.compile(WORDS), timeout=60_000)
    found = re.search(WORDS, status(page, "multiplicity").inner_text())
    assert found
    return [float(v) for v in found.groups()]


def agrees(page: Page) -> None:
    """What the browser says is what Python computes, to the digits that are shown."""
    pause(page, 500)  # the kernel hears of a release
    numbers = [float(v) for v in run_cell(page, NUMBERS).split()]
    shown = said(page)
    assert shown[:2] == numbers[:2]
    assert shown == pytest.approx(numbers, abs=0.51)  # per cent without a digit above 10
    assert shown[2] == pytest.approx(numbers[2], abs=0.006)


def test_a_view_is_mounted_when_it_is_opened_and_its_sliders_answer_without_the_kernel(
    page: Page, open_notebook: Callable[..., Page], outgoing: Outgoing, shot: Callable[[str], Path]
) -> None:
    open_notebook([OPEN.format(arguments=ARGUMENTS)])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    page.set_viewport_size({"width": 1280, "height": 3200})
    expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*8 of"), timeout=90_000)
    height = page.locator(LAB).evaluate("(e) => e.offsetHeight")
    expect(view(page, "multiplicity")).to_have_count(0)
    toggle(page, "Multiplicity").click()
    expect(view(page, "multiplicity")).to_contain_text("No networks to compare")
    page.get_by_role("button", name="Fan out over 16 seeds", exact=True).click()
    expect(page.locator(".clsviz-fan-words")).to_contain_text("16 networks, 8 epochs.", timeout=120_000)
    agrees(page)

    knob = slider(page, EPSILON)
    knob.scroll_into_view_if_needed()
    pause(page, 500)
    told, boxes, seen = outgoing.comms(), page.evaluate(BOXES), set()
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    for i in range(8):
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.1 * i), y)
        pause(page, 60)
        seen.add(tuple(said(page)))
    assert outgoing.comms() == told, "a drag must not ask the kernel"
    assert len(seen) >= 4
    assert page.evaluate(BOXES) == boxes, "nothing changes size or place while a slider moves"
    page.mouse.up()
    agrees(page)

    knob = slider(page, DELTA)
    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    agrees(page)
    ranges = view(page, "multiplicity").get_by_role("application")
    ranges.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(status(page, "multiplicity")).to_contain_text(re.compile(r"Sample \d+: p of .* capacity \d\.\d\d"))
    shot("more-multiplicity-light")

    toggle(page, "Multiplicity").click()
    expect(view(page, "multiplicity")).to_have_count(0)
    run_cell(page, "lab.close_fan()")
    expect(page.locator('[data-slot="fan"]')).to_be_hidden()
    page.wait_for_function(f"() => document.querySelector('{LAB}').offsetHeight === {height}")


def test_lessons_scenes_and_the_projector_open_it_and_it_outlives_the_kernel(
    page: Page,
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    console_errors: list[str],
) -> None:
    open_notebook(
        [
            OPEN.format(arguments=ARGUMENTS + ', show=["reliability", "multiplicity"]')
            + "\nlab.run.wait(60)\nfan = lab.fan_out('seed', range(6), 1)\nfan.wait(60)\nlab"
        ]
    )
    expect(status(page, "multiplicity")).to_contain_text("of 6 networks", timeout=120_000)
    expect(toggle(page, "Multiplicity")).to_be_hidden()
    page.evaluate(
        "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    run_cell(page, "lab.show = None\nlab.stage = ['multiplicity', 'reliability']\nlab.projector = True")
    slot = page.locator('[data-slot="multiplicity"]')
    expect(slot).to_have_class(re.compile("clsviz-on-stage"))
    expect(status(page, "multiplicity")).to_contain_text("of 6 networks")
    page.set_viewport_size({"width": 1280, "height": 900})
    pause(page, 600)
    shot("more-projector-dark")
    run_cell(page, "lab.projector = False")
    expect(view(page, "multiplicity")).to_have_count(0)
    toggle(page, "Multiplicity").click()
    expect(view(page, "multiplicity")).to_be_visible()
    pause(page, 500)
    assert run_cell(page, "print(lab.more, lab.scene().state['more'])").split() == ["['multiplicity']"] * 2

    before = said(page)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(page.get_by_role("alert")).to_contain_text("Kernel is gone", timeout=30_000)
    knob = slider(page, EPSILON)
    knob.focus()
    page.keyboard.press("End")
    expect(status(page, "multiplicity")).to_contain_text("6 of 6 networks lie within 3.00 nats")
    assert said(page) != before
    set_theme(page, "JupyterLab Light")  # the server remembers it
    toggle(page, "Multiplicity").click()
    expect(view(page, "multiplicity")).to_have_count(0)
    console_errors.clear()  # JupyterLab itself complains of the closed comms
