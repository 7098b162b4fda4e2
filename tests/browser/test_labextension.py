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
