"""The side panel of JupyterLab: the catalogue, and the live runs of all kernels."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

TRAIN = "import clsviz as cv\nrun = cv.Run('digits', pace=3).start()"


def open_panel(page: Page) -> Locator:
    page.evaluate("() => window.jupyterapp.shell.activateById('clsviz-catalogue')")
    panel = page.locator("#clsviz-catalogue")
    expect(panel).to_be_visible()
    return panel


def entries(panel: Locator) -> Locator:
    return panel.locator(".clsviz-entry-head")


def test_panel_finds_entries_by_every_word(launcher: Page) -> None:
    panel = open_panel(launcher)
    rows = entries(panel)
    everything = rows.count()
    assert everything > 100
    search = panel.get_by_role("searchbox", name="Search the catalogue")
    search.fill("cross entropy")
    expect(panel.get_by_role("status").last).to_contain_text(f"of {everything} entries")
    assert 0 < rows.count() < everything
    expect(rows.filter(has_text="Cross entropy").first).to_be_visible()
    search.fill("no such thing")
    expect(panel.get_by_role("status").last).to_contain_text("Nothing found")
    expect(rows).to_have_count(0)


def test_the_keyboard_opens_an_entry_with_its_formula_and_inserts_its_cell(
    open_notebook: Callable[..., Page], shot: Callable
) -> None:
    page = open_notebook(["1 + 1", "2 + 2"], run=False)
    panel = open_panel(page)
    panel.get_by_role("searchbox").focus()
    page.keyboard.type("generalised cross")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row = panel.locator("li").first
    expect(row.locator("math mfrac")).to_be_visible()
    expect(row.locator("table")).to_contain_text(re.compile(r"q\s*0\.7\s*0 to 1"))
    expect(row.locator(".clsviz-entry-head")).to_contain_text("arXiv:1805.07836")
    shot("catalogue-panel")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status").last).to_contain_text("new cell")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(3)
    expect(cells.nth(1)).to_contain_text('cv.Lab("digits", loss="gce")')  # below the active cell, the first


def test_panel_copies_the_cell_when_no_notebook_is_open(launcher: Page) -> None:
    panel = open_panel(launcher)
    panel.get_by_role("searchbox").fill("losses.cross_entropy")
    panel.get_by_role("button", name=re.compile("^Insert")).first.click()
    expect(panel.get_by_role("status").last).to_contain_text("Copied")
    code = 'import clsviz as cv\ncv.Lab("digits", loss="cross_entropy")'
    assert launcher.evaluate("() => navigator.clipboard.readText()") == code


def test_live_runs_are_listed_paused_resumed_and_stopped(
    open_notebook: Callable[..., Page], shot: Callable
) -> None:
    page = open_notebook([TRAIN])
    panel = open_panel(page)
    row = panel.locator("article")
    expect(row).to_contain_text("digits, mlp, cross_entropy", timeout=60_000)
    expect(row).to_contain_text(re.compile(r"running, epoch \d.* of 60, accuracy \d"))
    expect(row).to_contain_text(re.compile(r"t[0-9a-f]{8}\.ipynb"))
    before = row.inner_text()
    expect(row).not_to_have_text(before)  # it follows the training
    shot("live-runs")
    row.get_by_role("button", name=re.compile("^Pause")).click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name=re.compile("^Resume")).click()
    expect(row).to_contain_text("running")
    row.get_by_role("button", name=re.compile("^Stop")).click()
    expect(row).to_have_count(0)
    expect(panel.get_by_role("status").first).to_contain_text("No run lives")


def test_a_busy_kernel_can_be_paused_and_a_gone_one_vanishes(
    lab, open_notebook: Callable[..., Page], console_errors: list[str]
) -> None:
    page = open_notebook([TRAIN + "\nimport time\ntime.sleep(200)"], run=False)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    expect(page.locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    panel = open_panel(page)  # the kernel is busy already when the panel finds it
    row = panel.locator("article")
    expect(row).to_contain_text("running", timeout=120_000)
    row.get_by_role("button", name=re.compile("^Pause")).click()
    expect(row).to_contain_text("paused")
    expect(page.locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    for session in lab.request("api/sessions"):
        lab.request(f"api/sessions/{session['id']}", "DELETE")
    expect(row).to_have_count(0, timeout=30_000)
    console_errors.clear()  # JupyterLab itself complains of the kernel that went away
