"""A view and the lab in marimo, which has no Jupyter widgets manager."""

from __future__ import annotations

import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from labserver import free_port, running_server
from playwright.sync_api import expect

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import clsviz as cv
    return cv, mo


@app.cell
def _(cv, mo):
    lab = cv.Lab("moons", epochs=3, pace=None)
    mo.ui.anywidget(lab)
    return (lab,)


if __name__ == "__main__":
    app.run()
"""


def test_the_lab_shows_and_its_slider_changes_the_numbers(tmp_path: Path, start: Any) -> None:
    file = tmp_path / "lab.py"
    file.write_text(NOTEBOOK)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "marimo", "run", str(file), "--headless", "--no-token"]
    command += ["--host=127.0.0.1", f"--port={port}"]
    env = os.environ | {"HOME": str(tmp_path), "MARIMO_SKIP_UPDATE_CHECK": "1"}

    def answers() -> None:
        urllib.request.urlopen(address, timeout=5).close()

    with running_server(command, env, tmp_path / "marimo.log", answers):
        page, errors = start(address)
        status = page.locator('[data-view="reliability"]').get_by_role("status")
        try:
            expect(status).to_contain_text(re.compile(r"ECE \d"), timeout=90_000)
        except AssertionError:
            log = (tmp_path / "marimo.log").read_text()[-3000:]
            pytest.fail("\n".join([log, *errors, page.locator("body").inner_text()[:1000]]), pytrace=False)
        expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*3 of\s*3"), timeout=60_000)
        before = status.inner_text()
        page.get_by_role("slider", name="Temperature", exact=True).focus()
        page.keyboard.press("PageUp")
        expect(status).not_to_have_text(before)
        assert [e for e in errors if "no access to the stream" not in e] == []
