"""All losses under the loss control: found, chosen, turned by keyboard; the landscape under any of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, Outgoing, pause, rested, run_cell, slider, status
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def moons(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> Page:
    """A small lab at rest, its landscape computed with few points."""
    arguments = '"moons", epochs=4, instant=False, pace=None, landscape_resolution=11'
    page = open_notebook([OPEN.format(arguments=arguments)])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    return page


def menu(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Loss menu", exact=True)


def choose(page: Page, words: str) -> None:
    menu(page).click()
    menu(page).fill(words)
    menu(page).press("Enter")


def loss_at_marker(page: Page) -> float:
    found = re.match(r"loss (-?\d+\.\d+)", status(page, "landscape").inner_text())
    assert found
    return float(found.group(1))


def test_a_loss_is_found_and_trained_with_by_the_keyboard_alone(
    moons: Page, shot: Callable[[str], Path]
) -> None:
    box, options = menu(moons), moons.get_by_role("listbox", name="Losses").get_by_role("option")
    box.focus()
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-expanded", "true")
    everything = options.count()
    assert everything > 12
    moons.keyboard.type("sum-exponential")
    expect(options.and_(moons.locator(":visible"))).to_have_count(1)
    detail = moons.locator(".clsviz-lossdetail")
    expect(detail.locator("math")).to_have_count(1)
    expect(detail).to_contain_text("Theoretical Analysis")
    expect(detail).to_contain_text("calibrated")
    shot("loss-menu")
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert run_cell(moons, "print(lab.run.loss.name)").strip() == "cross_entropy"
    choose(moons, "sum-exponential")
    knob = slider(moons, "tau")
    knob.focus()
    knob.press("End")
    expect(knob).to_have_attribute("aria-valuetext", "3")
    expect(moons.get_by_role("button", name="Train on", exact=True)).to_be_visible()
    moons.get_by_role("button", name="Train on", exact=True).click()
    pause(moons, 300)
    told = run_cell(moons, "lab.run.wait(60); print(lab.run.loss.to_json(), lab.run.timeline.latest.epoch)")
    assert "'comp_sum'" in told and "'tau': 3" in told and float(told.split()[-1]) > 4


def test_a_loss_that_cannot_be_used_says_why_and_a_network_becomes_the_teacher(moons: Page) -> None:
    menu(moons).click()
    menu(moons).fill("knowledge distillation")
    option = moons.get_by_role("listbox", name="Losses").get_by_role("option", selected=True)
    expect(option).to_have_attribute("aria-disabled", "true")
    expect(moons.locator(".clsviz-why")).to_contain_text("teacher_logits")
    menu(moons).press("Enter")
    expect(menu(moons)).to_have_attribute("aria-expanded", "true")
    before = run_cell(moons, "print(lab.run.run_id)").strip()
    menu(moons).focus()
    moons.locator(".clsviz-lossdetail").get_by_role("button", name="Take this network as the teacher").click()
    expect(slider(moons, "alpha")).to_be_visible(timeout=20_000)
    moons.wait_for_function("!document.querySelector('.clsviz-losspop:not([hidden])')")
    after = run_cell(moons, "print(lab.run.run_id, lab.run.loss.name)")
    assert before not in after and after.split()[-1] == "kd"


def test_the_landscape_follows_a_parameter_in_the_browser_and_agrees_with_the_kernel(
    moons: Page, outgoing: Outgoing
) -> None:
    moons.set_viewport_size({"width": 1280, "height": 1600})  # out of sight it would wait for rest
    moons.get_by_role("button", name="score only", exact=True).click()
    choose(moons, "sum-exponential")
    words = status(moons, "landscape")
    expect(words).to_contain_text("Comp-sum", timeout=20_000)
    expect(words).not_to_contain_text("computed", timeout=20_000)
    knob = slider(moons, "tau")
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    moons.mouse.move(box["x"] + box["width"] / 3, y)
    moons.mouse.down()
    pause(moons, 400)
    told, seen = outgoing.comms(), set()
    for i in range(8):
        moons.mouse.move(box["x"] + box["width"] * (0.35 + 0.04 * i), y)
        pause(moons, 40)
        seen.add(loss_at_marker(moons))
    assert len(seen) > 4
    # the exact table is asked for where the hand rests, which a busy machine makes of a slow step
    assert outgoing.comms() - told < len(seen) / 2, "a drag must not ask the kernel"
    moons.mouse.up()
    pause(moons, 1500)
    shown = loss_at_marker(moons)
    told_by = run_cell(
        moons,
        "r = lab.views.landscape.result\n"
        "print(lab.score['name'], lab.score['params']['tau'], r.loss.min(), r.loss.max())",
    ).split()
    assert told_by[0] == "comp_sum" and 1.5 < float(told_by[1]) < 2.2
    assert float(told_by[2]) - 1e-3 <= shown <= float(told_by[3])
    # one that only the kernel computes
    choose(moons, "squared error on scores")
    expect(words).to_contain_text("Squared error on scores at T", timeout=20_000)
    choose(moons, "label-distributionally robust (kl)")
    expect(words).to_contain_text("Label-distributionally robust (KL) at T", timeout=20_000)


def test_a_fan_over_a_parameter_is_walked_by_the_same_slider(moons: Page) -> None:
    choose(moons, "sum-exponential")
    knob = slider(moons, "tau")
    expect(knob).to_be_visible()
    moons.get_by_role("button", name="Fan out tau", exact=True).click()
    expect(moons.locator(".clsviz-fan-words")).to_contain_text("networks", timeout=60_000)
    knob.focus()
    knob.press("End")
    expect(moons.locator(".clsviz-fan-words")).to_contain_text("tau of the loss 3", timeout=20_000)
    expect(moons.locator(".clsviz-hero", has=menu(moons))).to_contain_text("trained networks")
    member = "None"
    for _ in range(50):  # the page is ahead of the kernel on a busy machine
        member = run_cell(moons, "print(lab.member if lab.member is None else lab.fan.members[lab.member])")
        if member.strip() != "None":
            break
    assert "'loss.tau': 3" in member
