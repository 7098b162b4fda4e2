"""The lab in Notebook 7: the same widget, no part of JupyterLab's shell."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from labserver import running_jupyter
from playwright.sync_api import expect

CELL = "import clsviz as cv\nlab = cv.Lab('moons', epochs=3, pace=None)\nlab"
READY = """() => { const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === 'connected' && kernel.status === 'idle'; }"""


def test_the_lab_shows_and_its_slider_changes_the_numbers(
    tmp_path_factory: pytest.TempPathFactory, start: Any
) -> None:
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")
    flags = ["--JupyterNotebookApp.expose_app_in_browser=True"]
    with running_jupyter(home, root, "notebook", flags) as server:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(CELL)], metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, server.root / "lab.ipynb")
        page, errors = start(f"{server.address}/notebooks/lab.ipynb?token={server.token}")
        page.wait_for_function(READY, timeout=60_000)
        errors.clear()  # Notebook's own while it opens
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        status = page.locator('[data-view="reliability"]').get_by_role("status")
        expect(status).to_contain_text(re.compile(r"ECE \d"), timeout=60_000)
        expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*3 of\s*3"), timeout=60_000)
        before = status.inner_text()
        page.get_by_role("slider", name="Temperature", exact=True).focus()
        page.keyboard.press("PageUp")
        expect(status).not_to_have_text(before)
        assert errors == []
