"""Nobody is shut out: axe finds no serious fault, the keyboard reaches all, every picture has its table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

AXE = Path(__file__).parents[2] / "js/node_modules/axe-core/axe.min.js"
FAULTS = """async (root) => {
  const { violations, passes } = await axe.run(root);
  if (passes.reduce((sum, rule) => sum + rule.nodes.length, 0) < 20) return ['axe looked at next to nothing'];
  return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) =>
    `${v.id} (${v.impact}): ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.any.concat(n.all).map(
      (c) => c.message).join('; ').slice(0, 200)).slice(0, 4).join(' | ')}`);
}"""
LAB = '[data-view="lab"]'
TRAINED = """() => { const words = document.querySelector('.clsviz-where')?.textContent ?? '';
  const at = words.match(/epoch\\s*([\\d.]+) of\\s*([\\d.]+)/); return at && at[1] === at[2]; }"""
ALONE = {
    "reliability": "cv.ReliabilityDiagram",
    "boundary": "cv.BoundaryView",
    "landscape": "cv.LossLandscape",
    "loss": "cv.LossView",
    "prototypes": "cv.PrototypeGallery",
    "confusion": "cv.ConfusionMatrix",
    "inspector": "cv.SampleInspector",
}


def view(page: Page, name: str) -> Locator:
    return page.locator(f'[data-view="{name}"]')


def status(page: Page, name: str) -> Locator:
    return view(page, name).get_by_role("status")


def faults(page: Page, root: str) -> Any:
    """Serious and critical faults that axe finds below `root`."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # not a script tag: the page's rules need not allow one
    return page.evaluate(FAULTS, root)


def set_theme(page: Page, name: str) -> None:
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
        f"JupyterLab {name}",
    )
    page.wait_for_function(
        "(light) => document.body.dataset.jpThemeLight === light && document.body.style.display !== 'none'",
        arg="true" if name == "Light" else "false",
    )


@pytest.fixture
def digits(open_notebook: Callable[..., Page]) -> Page:
    """The digits lab at rest, on a page high enough to see it whole."""
    page = open_notebook(["import clsviz as cv\nlab = cv.Lab('digits', epochs=4, pace=None)\nlab"])
    page.set_viewport_size({"width": 1280, "height": 2000})
    set_theme(page, "Light")  # the server remembers that of the last test
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    page.wait_for_function(TRAINED, timeout=90_000)
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    return page


def test_axe_finds_no_serious_fault_in_lab_and_side_panel(digits: Page) -> None:
    digits.evaluate("() => window.jupyterapp.shell.activateById('clsviz-catalogue')")
    panel = digits.locator("#clsviz-catalogue")
    expect(panel.locator("article")).to_have_count(1)
    for i in range(3):
        panel.locator(".clsviz-entry-head").nth(10 * i).click()
    for theme in ["Light", "Dark"]:
        set_theme(digits, theme)
        assert faults(digits, LAB) == [], theme
        assert faults(digits, "#clsviz-catalogue") == [], theme


def test_axe_finds_no_serious_fault_in_views_that_stand_alone(open_notebook: Callable[..., Page]) -> None:
    run = "import clsviz as cv\nrun = cv.Run(cv.Experiment('moons', epochs=3)).start()\nrun.wait()"
    page = open_notebook([run, *(f"{name}.from_run(run)" for name in ALONE.values())])
    for name in ALONE:
        expect(status(page, name)).to_contain_text(re.compile(r"\d"), timeout=60_000)
    for theme in ["Light", "Dark"]:
        set_theme(page, theme)
        for name in ALONE:
            assert faults(page, f".clsviz:has([data-view={name}])") == [], f"{name}, {theme}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_handout(digits: Page, lab, browser, scheme: Any) -> None:
    digits.evaluate(
        """async () => { const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
           await kernel.requestExecute({ code: "lab.to_html('access.html')" }).done; }"""
    )
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": 1280, "height": 1600})
    alone = context.new_page()
    alone.goto((lab.root / "access.html").as_uri())
    expect(status(alone, "reliability")).to_contain_text("ECE", timeout=20_000)
    assert faults(alone, "html") == []
    context.close()


def test_every_picture_says_its_numbers_in_words_and_as_a_table(digits: Page) -> None:
    for name in ALONE:
        assert re.search(r"\d", status(digits, name).inner_text()), name
        box = view(digits, name)
        button = box.get_by_role("button", name="Table", exact=True)
        button.focus()
        digits.keyboard.press("Enter")
        table = box.locator(".clsviz-table table")
        expect(table.locator("tbody tr").first).to_be_visible()
        assert table.locator("td").count() >= 2, name
        digits.keyboard.press("Enter")
        expect(table).to_be_hidden()
    # the small pictures of the controls have their words beside them, and say so
    for canvas in digits.locator(f"{LAB} canvas").all():
        assert canvas.get_attribute("aria-label") or canvas.get_attribute("aria-hidden"), canvas


def test_tab_reaches_every_control_and_shows_where_it_is(digits: Page) -> None:
    controls = digits.evaluate(
        """() => { const all = [...document.querySelectorAll(
             '.clsviz :is(button, input, select, canvas[tabindex="0"], [tabindex="0"])')];
           window.wanted = all.filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility());
           window.wanted[0].focus(); return window.wanted.length; }"""
    )
    assert controls > 30
    unseen = []
    for _ in range(controls + 5):
        state = digits.evaluate(
            """() => { const e = document.activeElement; const at = window.wanted.indexOf(e);
               if (at < 0) return null; window.wanted[at] = null;
               const s = getComputedStyle(e); const near = e.closest('.clsviz-curve, .clsviz-track');
               const seen = [s, near && getComputedStyle(near)].some((c) => c && (
                 (c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) > 0) || c.boxShadow !== 'none'));
               return seen ? '' : e.outerHTML.slice(0, 120); }"""
        )
        if state:
            unseen.append(state)
        digits.keyboard.press("Tab")
    assert unseen == [], "no visible focus"
    left = digits.evaluate("() => window.wanted.filter(Boolean).map((e) => e.outerHTML.slice(0, 120))")
    assert left == [], "Tab does not reach these"


def test_what_the_pointer_does_in_a_picture_keys_do_too(digits: Page) -> None:
    for name in ["reliability", "confusion", "boundary", "landscape"]:
        canvas = view(digits, name).locator("canvas[tabindex='0'], [role=application]").first
        canvas.focus()
        digits.keyboard.press("End" if name == "reliability" else "ArrowRight")  # where samples are
        digits.keyboard.press("Enter")
        if name in ("reliability", "confusion"):
            expect(digits.get_by_role("button", name=re.compile(r"Clear selection \("))).to_be_enabled()
        if name == "landscape":
            expect(status(digits, "reliability")).to_contain_text("Hovered:")
        digits.keyboard.press("Escape")
        expect(digits.get_by_role("button", name="Clear selection", exact=True)).to_be_disabled()


def test_nothing_moves_by_itself_when_motion_is_unwanted(digits: Page) -> None:
    digits.emulate_media(reduced_motion="reduce")
    moving = digits.evaluate(
        """() => [...document.querySelectorAll('.clsviz *')].filter((e) => { const s = getComputedStyle(e);
             return [s.transitionDuration, s.animationDuration].some((d) => d.split(',').some(
               (t) => parseFloat(t) > 0)); }).length"""
    )
    assert moving == 0


def test_the_theme_changes_without_reload(digits: Page) -> None:
    colour = "() => getComputedStyle(document.querySelector('.clsviz')).getPropertyValue('--clsviz-bg')"
    pixel = """() => { const c = document.querySelector('[data-view=reliability] canvas');
      return [...c.getContext('2d').getImageData(2, c.height / 2, 60, 1).data].join(); }"""
    light, drawn = digits.evaluate(colour), digits.evaluate(pixel)
    set_theme(digits, "Dark")
    assert digits.evaluate(colour) != light
    digits.wait_for_function(f"(before) => ({pixel})() !== before", arg=drawn)
