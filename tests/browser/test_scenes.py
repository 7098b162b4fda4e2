"""Scenes as a lecturer and a student use them: copied, opened from a link, presented, asked about."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, ece, pause, run_cell, shows_other_ece, status, view
from playwright.sync_api import Browser, Page, expect


def test_a_copied_scene_is_python_that_opens_the_same_lab(
    page: Page, open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    open_notebook([OPEN.format(arguments='"moons", temperature=2.5, reliability_n_bins=10')])
    page.set_viewport_size({"width": 1280, "height": 1400})  # the diagram is in sight, and drawn at once
    shown = ece(page)
    expect(page.locator(".clsviz-where")).to_contain_text("epoch 60 of 60")  # instant: trained at once
    page.get_by_role("slider", name="Epoch", exact=True).focus()
    page.keyboard.press("PageDown")
    expect(page.locator(".clsviz-where")).not_to_contain_text("epoch 60 of 60")
    shows_other_ece(page, shown)
    there = ece(page)
    page.get_by_role("button", name="Copy scene").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("cv.Lab.from_scene('")
    same = run_cell(page, f"again = {text}\nagain.run.wait()\nprint(again.scene() == lab.scene())")
    assert same.strip() == "True"
    printed = run_cell(page, "print(again.views.reliability.result.ece, again.views.reliability.n_bins)")
    assert float(printed.split()[0]) == pytest.approx(there, abs=1e-4) and printed.split()[1] == "10"
    # without access to the clipboard there is a field to copy from
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.get_by_role("button", name="Copy scene").click()
    expect(page.get_by_label("Scene to copy")).to_have_value(text)
    expect(page.get_by_label("Scene to copy")).to_be_focused()


SEQUENCE = """import clsviz as cv
question = cv.Question("How large is the ECE at T = 1?", answer="reliability.ece",
                       then={"temperature": 1.0}, explain="Some labels lie.")
lab = cv.Lab("digits", label_noise=0.1, scenes=[
    {"title": "One", "note": "A note", "projector": True},
    {"title": "Two", "temperature": 3.0, "questions": [question]},
    {"title": "Three", "epoch": 1, "questions": []},
    {"title": "Four", "experiment": {"data": "moons", "seed": 1, "epochs": 3}},
])
lab"""


NOTHING_TO_SCROLL = """() => { const lab = document.querySelector('[data-view=lab]');
  const top = lab.getBoundingClientRect().top;
  return [...lab.querySelectorAll('.clsviz-on-stage, .clsviz-scenes, .clsviz-revealed')]
    .every((e) => e.getBoundingClientRect().bottom - top <= 722); }"""


def test_a_sequence_is_presented_by_keys_and_a_question_covers_its_view(
    page: Page, open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    sent: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))),
    )
    open_notebook([SEQUENCE])
    bar = page.get_by_role("region", name="Scenes")
    expect(bar).to_contain_text("1 of 4", timeout=60_000)
    ece(page)
    bar.get_by_role("heading").click()
    page.evaluate("document.querySelector('[data-view=lab]').requestFullscreen()")
    page.wait_for_function("document.fullscreenElement !== null")
    page.wait_for_function(NOTHING_TO_SCROLL)
    shot("scene-one")
    page.keyboard.press("n")
    expect(bar).to_contain_text("2 of 4")
    assert not any('"kind": "scene"' in f or '"kind":"scene"' in f for f in sent)
    card = page.get_by_role("form", name="How large is the ECE at T = 1?")
    expect(card).to_be_visible()
    assert view(page, "reliability").evaluate("(e) => e.inert")
    assert "labels lie" not in page.locator(LAB).inner_html()
    card.get_by_label("Your prediction").fill("0.5")
    page.keyboard.press("Enter")
    said = page.locator(".clsviz-revealed")
    expect(said).to_contain_text("You said 0.5; it is 0.0")
    expect(said).to_contain_text("labels lie")
    assert not view(page, "reliability").evaluate("(e) => e.inert")
    page.wait_for_function(NOTHING_TO_SCROLL)
    shot("scene-revealed")
    page.keyboard.press("PageDown")
    expect(bar).to_contain_text("3 of 4")
    expect(page.locator(".clsviz-where")).to_contain_text("epoch 1 of 60")
    page.keyboard.press("n")
    expect(bar).to_contain_text("4 of 4", timeout=30_000)
    expect(page.locator(".clsviz-where")).to_contain_text("epoch 3 of 3", timeout=30_000)
    page.wait_for_function(NOTHING_TO_SCROLL)
    page.keyboard.press("p")
    expect(bar).to_contain_text("3 of 4", timeout=30_000)
    expect(page.locator(".clsviz-where")).to_contain_text("epoch 1 of 60", timeout=30_000)
    page.keyboard.press("PageUp")
    expect(bar).to_contain_text("2 of 4")
    expect(said).to_contain_text("You said 0.5")  # an answer stays
    for _ in range(200):  # what the page sets travels behind its other messages
        printed = run_cell(page, "print(list(lab.answers.values())[0], lab.deck_at)")
        if printed.strip().endswith("1"):
            break
        pause(page, 200)
    assert "'prediction': 0.5" in printed and printed.strip().endswith("1")
    outcome = float(re.search(r"'outcome': ([\d.]+)", printed).group(1))  # type: ignore[union-attr]
    kernel = run_cell(page, "lab.temperature = 1.0\nprint(lab.views.reliability.result.ece)")
    assert outcome == pytest.approx(float(kernel), abs=1e-4)


def test_a_lesson_shows_only_what_it_needs_at_all_widths(
    page: Page, open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    lesson = '"moons", show=["boundary", "reliability"], controls=["temperature", "epoch"]'
    open_notebook([OPEN.format(arguments=lesson)])
    ece(page)
    for name in ["Temperature", "Epoch"]:
        expect(page.get_by_role("slider", name=name, exact=True)).to_be_visible()
    for name in ["Learning rate", "Tilt", "Loss line"]:
        expect(page.get_by_role("slider", name=name, exact=True)).to_be_hidden()
    for name in ["Train", "Reset", "Pin to compare", "Copy scene", "Projector"]:
        expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()
    for name in ["landscape", "prototypes", "confusion", "inspector"]:
        expect(view(page, name)).to_be_hidden()
    for width in (1280, 800, 560):
        page.set_viewport_size({"width": width, "height": 900})
        pause(page, 300)
        slots = page.locator(".clsviz-slot:visible").evaluate_all(
            "(all) => all.map((e) => [e.dataset.slot, e.getBoundingClientRect().left, e.offsetWidth])"
        )
        room = page.locator(".clsviz-views").evaluate("(e) => e.offsetWidth")
        assert sorted(s[0] for s in slots) == ["boundary", "reliability"]
        if slots[0][1] == slots[1][1]:  # one below the other
            assert all(s[2] == pytest.approx(room, abs=2) for s in slots)
        else:
            assert sum(s[2] for s in slots) == pytest.approx(room, abs=16)
            assert sorted(slots, key=lambda s: s[1])[0][0] == "boundary", "in the order of the lesson"
        shot(f"lesson-{width}")
    controls = run_cell(
        page,
        "from clsviz.widgets.staging import CONTROLS\nlab.show = None\nlab.controls = []\nprint(*CONTROLS)",
    ).split()
    expect(view(page, "inspector")).to_be_visible()
    for name in controls:
        assert page.locator(f'[data-control="{name}"]').count() >= 1, name
        expect(page.locator(f'[data-control="{name}"]').first).to_be_hidden()


def test_a_link_opens_a_handout_on_its_scene(
    page: Page, lab, open_notebook: Callable[..., Page], browser: Browser
) -> None:
    open_notebook([OPEN.format(arguments='"moons"')])
    plain = ece(page)
    made = run_cell(
        page,
        """lab.session._probes.join()
lab.questions = [cv.Question("Which way?", choices=["up", "down"], answer="up", covers="boundary")]
lab.present([{"title": "A"}, {"title": "B", "temperature": 5.0}])
lab.to_html('handout.html')
lab.temperature, lab.views.reliability.n_bins = 3.0, 7
print(lab.scene().link(), lab.views.reliability.result.ece)""",
    )
    link, expected = made.split()
    path = lab.root / "handout.html"
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    alone = context.new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda e: errors.append(str(e)))
    alone.goto(path.as_uri())
    expect(status(alone, "reliability")).to_contain_text(f"ECE {plain:.4f}", timeout=20_000)
    alone.goto("about:blank")
    alone.goto(path.as_uri() + link)
    expect(status(alone, "reliability")).to_contain_text(f"ECE {float(expected):.4f}", timeout=20_000)
    expect(alone.get_by_label("Bins", exact=True)).to_have_value("7")
    # questions and sequences work without a kernel, too
    alone.get_by_role("radio", name="up").check()
    alone.get_by_role("button", name="That is my prediction").click()
    expect(alone.locator(".clsviz-revealed")).to_contain_text("You said “up”, and so it is.")
    scenes = alone.get_by_role("region", name="Scenes")
    scenes.get_by_role("button", name="Next").click()
    expect(scenes).to_contain_text("2 of 2")
    expect(alone.get_by_role("slider", name="Temperature", exact=True)).to_have_attribute(
        "aria-valuetext", "T = 5.00"
    )
    alone.goto(path.as_uri() + "#clsviz=broken")
    expect(alone.get_by_role("alert")).to_contain_text("does not hold a scene")
    assert not errors
    context.close()
