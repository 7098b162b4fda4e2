"""Large predictions in a real browser: how each number is made, and that the kernel is left in peace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from person import Outgoing, run_cell
from playwright.sync_api import Locator, Page, expect

VIEW = '[data-view="reliability"]'
LARGE = """import numpy as np, clsviz as cv
rng = np.random.default_rng(0)
n, k = {n}, {k}
y = rng.integers(0, k, n)
z = rng.normal(0, 1.5, (n, k)).astype(np.float32)
z[np.arange(n), y] += rng.normal({signal}, 2, n)
view = cv.ReliabilityDiagram.from_predictions(y, z)
view"""
NUMBERS = """import json
r = view.result
print(json.dumps([r.ece, r.ece_low, r.ece_high, r.nll, r.coverage, r.selective_accuracy]))"""
# Drags a slider through values, a frame for each, and says which ways were taken.
DRAG = """async ([name, values]) => {
  const input = document.querySelector(`input[type=range][aria-label="${name}"]`);
  const paths = [];
  for (const value of values) {
    input.value = value;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    paths.push(document.querySelector('[data-view=reliability]').dataset.path);
  }
  return paths; }"""
RELEASE = """(name) => document.querySelector(`input[type=range][aria-label="${name}"]`)
  .dispatchEvent(new Event('change', { bubbles: true }))"""
# Nudges the temperature until its table is made.
TABULATED = """() => {
  const view = document.querySelector('[data-view=reliability]');
  const input = document.querySelector('input[type=range][aria-label="Temperature"]');
  input.value = 500 + (Number(input.value) + 3) % 50;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  return view.dataset.path === 'tabulated'; }"""


def status(page: Page) -> Locator:
    return page.locator(VIEW).get_by_role("status")


def on_path(page: Page, path: str) -> None:
    expect(page.locator(VIEW)).to_have_attribute("data-path", path, timeout=90_000)


def says(page: Page) -> dict[str, float]:
    """The numbers of the status line."""
    text = status(page).inner_text()
    found = re.search(r"ECE (\S+) \(90 %: (\S+) to (\S+)\)", text)
    assert found, text
    out = dict(zip(("ece", "low", "high"), map(float, found.groups()), strict=True))
    for name, pattern in {
        "nll": r"NLL ([\d.]+),",
        "keeps": r"keeps ([\d.]+)",
        "right": r", ([\d.]+)\W+right",
    }.items():
        if number := re.search(pattern, text):
            out[name] = float(number.group(1))
    return out


def agrees(page: Page) -> None:
    """The status line says what Python computes."""
    ours = says(page)
    ece, low, high, nll, coverage, accuracy = json.loads(run_cell(page, NUMBERS))
    assert ours["ece"] == pytest.approx(ece, abs=0.5e-4 + 1e-6)
    assert ours["low"] == pytest.approx(low, abs=0.5e-3 + 1e-5)
    assert ours["high"] == pytest.approx(high, abs=0.5e-3 + 1e-5)
    assert ours["nll"] == pytest.approx(nll, abs=0.5e-3 + 1e-6)
    if "keeps" in ours:
        assert ours["keeps"] == pytest.approx(100 * coverage, abs=0.05 + 1e-4)
        assert ours["right"] == pytest.approx(100 * accuracy, abs=0.05 + 1e-4)


def test_300_000_predictions_are_tabulated_while_dragging_and_exact_at_rest(
    page: Page, outgoing: Outgoing, open_notebook: Callable[..., Page], shot: Callable[[str], object]
) -> None:
    open_notebook([LARGE.format(n=300_000, k=10, signal=3)])
    expect(page.locator(VIEW)).to_be_visible(timeout=60_000)
    on_path(page, "exact")
    agrees(page)

    # every frame of a machine on which a pass takes too long; then of one on which it fits
    for budget, path, first in ((-1, "tabulated", 610), (1e9, "table", 660)):
        page.locator(VIEW).evaluate("(el, budget) => { el.dataset.passBudget = budget; }", budget)
        if path == "tabulated":
            page.wait_for_function(TABULATED, timeout=90_000)
        told = outgoing.comms()
        paths = page.evaluate(DRAG, ["Temperature", list(range(first, first + 30, 3))])
        assert set(paths) == {path}
        assert outgoing.comms() == told
        expect(status(page)).to_contain_text("within")
        page.evaluate(RELEASE, "Temperature")
        on_path(page, "exact")
        expect(status(page)).to_contain_text("Exact")
        assert outgoing.comms() == told + 1  # the trait
        agrees(page)

    # threshold and bins of the menu are read off what is exact already
    told = outgoing.comms()
    assert set(page.evaluate(DRAG, ["Threshold", [0.5, 0.6, 0.7, 0.8]])) == {"exact"}
    assert outgoing.comms() == told
    page.evaluate(RELEASE, "Threshold")
    expect(status(page)).to_contain_text("keeps")
    agrees(page)
    shot("scale-threshold")
    page.get_by_label("Bins", exact=True).fill("20")
    page.get_by_label("Bins", exact=True).press("Tab")
    on_path(page, "exact")
    expect(page.locator(f"{VIEW} canvas")).to_have_attribute("aria-valuemax", "20")
    agrees(page)
    page.get_by_role("combobox", name="Of").select_option("3")
    on_path(page, "exact")
    expect(status(page)).to_contain_text("of class 3")


def test_many_classes_are_compressed_and_within_the_bound_they_state(
    page: Page, outgoing: Outgoing, open_notebook: Callable[..., Page]
) -> None:
    open_notebook(
        [
            "import clsviz.widgets.predictions as p; p.LARGE = 1e6",
            LARGE.format(n=2000, k=1000, signal=6),
        ]
    )
    expect(page.locator(VIEW)).to_be_visible(timeout=60_000)
    on_path(page, "compressed")
    told = outgoing.comms()
    page.evaluate(DRAG, ["Temperature", [400, 450, 480]])
    assert outgoing.comms() == told
    page.evaluate(RELEASE, "Temperature")
    on_path(page, "compressed")
    bound = re.search(r"within ([\d.e-]*\d)", status(page).inner_text())
    assert bound
    ece = json.loads(run_cell(page, NUMBERS))[0]
    assert abs(says(page)["ece"] - ece) <= float(bound.group(1)) + 1e-4
    page.get_by_role("combobox", name="Of").select_option("17")
    expect(status(page)).to_contain_text("this class is not among the 16 likeliest")


def test_an_exported_file_of_large_predictions_works_with_a_sample_of_them(
    page: Page, open_notebook: Callable[..., Page], lab: object
) -> None:
    open_notebook([LARGE.format(n=300_000, k=10, signal=3) + "\nview.to_html('large.html');"])
    page.wait_for_function("() => true")
    root = lab.root  # type: ignore[attr-defined]
    run_cell(page, "pass")  # after the cell
    assert (root / "large.html").stat().st_size <= 3_000_000
    page.goto(f"file://{root}/large.html")
    on_path(page, "exact")
    expect(status(page)).to_contain_text("of 300,000 samples are in this file")
