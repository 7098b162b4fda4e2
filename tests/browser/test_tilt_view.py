"""The tilt view as a person uses it: turned by mouse and keys, the L2 path played and stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from person import LAB, OPEN, pause, rested, run_cell, status, view
from playwright.sync_api import Page, expect

WORDS = (
    r"angle ([−\d.]+)°, error ([\d.]+) % of (\d+) validation samples \(theory ([\d.]+) %\), "
    r"adversarial strength ([\d.]+), distance ([−\d.]+): type (\d)"
)
NUMBERS = (
    "r = lab.views.tilt.result; n = (lab.run.dataset.validation >= 0).sum()\n"
    "print([float(v) for v in "
    "(r.angle, 100 * r.error, n, 100 * r.theory_error, r.strength, r.distance, r.type)])"
)


# Paused from within the page: seen from here, a busy page may have walked to the end of the path.
PAUSE_ON_THE_WAY = """() => {
  const view = document.querySelector('[data-view="tilt"]');
  const says = view.querySelector('[role="status"]');
  const look = new MutationObserver(() => {
    if (!(Number(says.textContent.match(/^λ ([\\d.]+):/)?.[1]) >= 0.001)) return;
    look.disconnect();
    [...view.querySelectorAll('button')].find((b) => b.textContent === 'Pause').click();
    view.dataset.paused = 'yes';
  });
  look.observe(says, { childList: true, characterData: true, subtree: true });
}"""


def agrees(page: Page) -> list[float]:
    """What the browser says is what Python computes, to the digits that are shown."""
    pause(page, 600)  # the kernel hears of a release
    found = re.search(WORDS, status(page, "tilt").inner_text())
    assert found
    told = [float(v.replace("−", "-")) for v in found.groups()]
    for shown, expected, digits in zip(
        told, json.loads(run_cell(page, NUMBERS)), (1, 2, 0, 2, 3, 3, 0), strict=True
    ):
        assert shown == pytest.approx(expected, abs=0.6 * 10**-digits)
    return told


def test_the_tilt_is_dragged_and_the_l2_path_played_and_all_agrees_with_python(
    open_notebook: Callable[..., Page],
    shot: Callable[[str], Path],
    tmp_path: Path,
    start: Callable[[str], tuple[Page, list[str]]],
) -> None:
    spec = 'cv.Spec("tilted", {"sigma_tilt": 0.3, "rho": -0.8}), "linear", epochs=8, pace=None, more=["tilt"]'
    page = open_notebook([OPEN.format(arguments=spec)])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    rested(page)
    tilt = view(page, "tilt")
    tilt.scroll_into_view_if_needed()
    expect(status(page, "tilt")).to_contain_text("As trained: angle", timeout=30_000)
    expect(status(page, "tilt")).not_to_contain_text("levels of L2 are computed", timeout=30_000)
    agrees(page)

    curve = tilt.get_by_role("slider", name="Tilt of the boundary")
    box = curve.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.55, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=5)
    expect(status(page, "tilt")).to_contain_text("Turned: angle")
    page.mouse.up()
    dragged = agrees(page)
    assert 55 < dragged[0] < 80
    expect(status(page, "boundary")).to_contain_text(f"angle {dragged[0]:.1f}°")
    curve.focus()
    page.keyboard.press("Home")
    expect(status(page, "tilt")).to_contain_text("angle −85.0°")
    assert agrees(page)[6] == 2
    page.keyboard.press("ArrowRight")
    expect(status(page, "tilt")).to_contain_text("angle −84.0°")
    shot("tilt-view")

    play = tilt.get_by_role("button", name="Play the L2 path")
    play.focus()
    page.evaluate(PAUSE_ON_THE_WAY)
    page.keyboard.press("Enter")
    expect(tilt).to_have_attribute("data-paused", "yes", timeout=30_000)  # it walks by itself
    expect(status(page, "boundary")).to_contain_text("angle")
    expect(play).to_have_attribute("aria-pressed", "false")
    stopped = agrees(page)
    pause(page, 600)
    assert agrees(page) == stopped
    page.keyboard.press("Enter")
    expect(status(page, "tilt")).to_contain_text("λ 1000:", timeout=20_000)  # to its end, and no further
    expect(tilt.get_by_role("button", name="Play the L2 path")).to_have_attribute("aria-pressed", "false")
    assert agrees(page)[0] < 1

    page.emulate_media(reduced_motion="reduce")
    run_cell(page, "lab.regularisation = None; lab.tilt = None")
    expect(status(page, "tilt")).to_contain_text("As trained")
    tilt.locator("button", has_text=re.compile("Play|Next")).click()  # now a level at a time
    expect(status(page, "tilt")).to_contain_text("λ 0.0001:")
    pause(page, 500)
    expect(status(page, "tilt")).to_contain_text("λ 0.0001:")
    expect(tilt.get_by_role("button", name="Next level")).to_be_visible()

    handout = tmp_path / "tilt.html"
    run_cell(page, f"lab.views.tilt.to_html({str(handout)!r}) and None")
    alone, errors = start(handout.as_uri())
    expect(status(alone, "tilt")).to_contain_text("λ 0.0001:", timeout=30_000)
    alone.get_by_role("slider", name="Tilt of the boundary").focus()
    alone.keyboard.press("End")
    expect(status(alone, "tilt")).to_contain_text("Turned: angle 85.0°")
    alone.set_viewport_size({"width": 420, "height": 900})
    expect(status(alone, "tilt")).to_be_visible()
    assert alone.evaluate("document.documentElement.scrollWidth") <= 420
    alone.emulate_media(color_scheme="dark")
    alone.screenshot(path=shot("tilt-narrow"), full_page=True)
    assert errors == []
