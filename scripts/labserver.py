"""A JupyterLab with settings of its own and a headless Chromium: for the browser tests and the benches."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

INSTALLER = Path(__file__).parents[1] / "tests/browser/install_browser.py"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # every output is in the DOM
}
START_LIMIT = 60  # s
KERNEL_IS_IDLE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return panel?.context.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab. `root` is the folder it shows."""

    address: str
    token: str
    root: Path
    log: Path

    def request(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            f"{self.address}/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read() or "null")

    def url(self, path: str = "") -> str:
        """Address that opens `path` (or the launcher) in a workspace of its own."""
        workspace = f"{self.address}/lab/workspaces/t{secrets.token_hex(4)}"
        return f"{workspace}{'/tree/' + path if path else ''}?token={self.token}&reset"


@contextmanager
def running_lab(home: Path, root: Path) -> Iterator[Lab]:
    """A JupyterLab that shows `root` and keeps its settings in `home`.

    Raises:
        RuntimeError: it did not start; the message ends with its log.
    """
    flags = ["--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True"]
    with running_jupyter(home, root, "jupyterlab", [*flags, "--LabApp.extension_manager=readonly"]) as lab:
        yield lab


@contextmanager
def running_jupyter(home: Path, root: Path, application: str, flags: list[str]) -> Iterator[Lab]:
    """A Jupyter application (``python -m application``) that shows `root`; its settings are in `home`."""
    settings = home / "config/lab/user-settings"
    for name, value in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    port = free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), root, home / "server.log")
    env = os.environ | {
        "JUPYTER_CONFIG_DIR": f"{home}/config",
        "JUPYTER_DATA_DIR": f"{home}/data",
        "JUPYTER_RUNTIME_DIR": f"{home}/run",
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": f"{home}/workspaces",
        "IPYTHONDIR": f"{home}/ipython",
    }
    command = [sys.executable, "-m", application, "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={lab.token}"]
    command += [f"--ServerApp.root_dir={root}", *flags]
    if os.geteuid() == 0:
        command.append("--allow-root")
    with running_server(command, env, lab.log, lambda: lab.request("api/status")):
        yield lab


@contextmanager
def running_server(
    command: list[str], env: Mapping[str, str], log: Path, answers: Callable[[], object]
) -> Iterator[None]:
    """A server that runs until the block ends, and answers before it begins.

    Raises:
        RuntimeError: it did not start; the message ends with its log.
    """
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                answers()
                break
            except (OSError, HTTPException):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[2]} did not start:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless Chromium.

    Raises:
        RuntimeError: there is none; the message says how to get one.
    """
    found = subprocess.run([sys.executable, str(INSTALLER), "--find"], capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS)
        yield browser
        browser.close()


def show(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("() => !!window.jupyterapp", timeout=60_000)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)


def open_cells(page: Page, lab: Lab, cells: list[str]) -> Path:
    """Opens a notebook of these code cells and waits for its kernel; returns its file."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    name = f"t{secrets.token_hex(4)}.ipynb"
    nbformat.write(notebook, lab.root / name)
    show(page, lab.url(name))
    # The toolbar says "Idle" before there is a kernel; running then would ask for one and run nothing.
    page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
    return lab.root / name


def run_cells(page: Page) -> None:
    """Runs all cells. Not awaited: one may look at the page while they run."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
