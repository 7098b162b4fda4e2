"""The JupyterLab extension: launcher card, palette command, side panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

LAB = '[data-view="lab"]'


def test_launcher_card_opens_a_notebook_with_a_running_lab(launcher: Page, lab, shot: Callable) -> None:
    card = launcher.locator(".jp-LauncherCard", has_text="Classifier lab")
    expect(card).to_have_count(1)
    shot("launcher")
    card.click()
    expect(launcher.locator(LAB)).to_be_visible(timeout=90_000)
    shot("launched-lab")
    notebook = nbformat.read(lab.root / "Classifier lab.ipynb", as_version=4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
    assert "cv.Lab(" in notebook.cells[1].source


def test_command_opens_a_notebook_of_a_new_name_each_time(launcher: Page, lab) -> None:
    before = set(lab.root.glob("Classifier lab*.ipynb"))
    paths = [
        launcher.evaluate("() => window.jupyterapp.commands.execute('clsviz:open-lab', {cwd: ''})")
        for _ in range(2)
    ]
    assert paths[0] != paths[1]
    assert not before & {lab.root / path for path in paths}
    assert all((lab.root / path).is_file() for path in paths)
    expect(launcher.locator(f"{LAB}:visible")).to_have_count(1, timeout=90_000)


def test_command_writes_into_the_folder_it_is_given(launcher: Page, lab) -> None:
    (lab.root / "course").mkdir()
    path = launcher.evaluate("() => window.jupyterapp.commands.execute('clsviz:open-lab', {cwd: 'course'})")
    assert Path(path) == Path("course/Classifier lab.ipynb")
    assert (lab.root / path).is_file()


def test_palette_lists_the_lab(launcher: Page) -> None:
    launcher.evaluate("() => window.jupyterapp.commands.execute('apputils:activate-command-palette')")
    launcher.keyboard.type("Classifier lab")
    expect(launcher.locator('.lm-CommandPalette-item[data-command="clsviz:open-lab"]').first).to_be_visible()


def open_panel(page: Page) -> None:
    page.evaluate("() => window.jupyterapp.shell.activateById('clsviz-catalogue')")
    expect(page.locator("#clsviz-catalogue")).to_be_visible()


def test_panel_finds_entries_by_every_word(launcher: Page, shot: Callable) -> None:
    open_panel(launcher)
    panel = launcher.locator("#clsviz-catalogue")
    rows = panel.get_by_role("button")
    everything = rows.count()
    assert everything > 0
    search = panel.get_by_role("searchbox", name="Search the catalogue")
    search.fill("cross entropy")
    expect(panel.get_by_role("status")).to_contain_text(f"of {everything} entries")
    assert 0 < rows.count() < everything
    expect(rows.filter(has_text="Cross entropy").first).to_be_visible()
    shot("catalogue-panel")
    search.fill("no such thing")
    expect(panel.get_by_role("status")).to_contain_text("Nothing found")
    expect(rows).to_have_count(0)


def test_panel_copies_a_line_of_code_when_no_notebook_is_open(launcher: Page) -> None:
    open_panel(launcher)
    panel = launcher.locator("#clsviz-catalogue")
    panel.get_by_role("searchbox").fill("losses.cross_entropy")
    panel.get_by_role("button").first.click()
    expect(panel.get_by_role("status")).to_contain_text("Copied")
    code = 'import clsviz as cv; cv.Lab("digits", loss="cross_entropy")'
    assert launcher.evaluate("() => navigator.clipboard.readText()") == code


def test_panel_puts_a_line_of_code_into_a_new_cell(open_notebook: Callable[..., Page]) -> None:
    page = open_notebook(["1 + 1"], run=False)
    open_panel(page)
    panel = page.locator("#clsviz-catalogue")
    panel.get_by_role("searchbox").fill("losses.cross_entropy")
    panel.get_by_role("button").first.click()
    expect(panel.get_by_role("status")).to_contain_text("new cell")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(2)
    expect(cells.nth(1)).to_contain_text('cv.Lab("digits", loss="cross_entropy")')
