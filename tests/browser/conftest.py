"""A real JupyterLab in a real browser: one server and one browser a session, one page a test."""

from __future__ import annotations

import json
import os
import re
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
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
SIZE = (1280, 800)
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


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab."""
    flags = ["--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True"]
    with jupyter(tmp_path_factory, "jupyterlab", [*flags, "--LabApp.extension_manager=readonly"]) as server:
        yield server


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def jupyter(make: pytest.TempPathFactory, application: str, flags: list[str]) -> Iterator[Lab]:
    """A Jupyter application (``python -m application``) with folders of its own."""
    home, root = make.mktemp("home"), make.mktemp("root")
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
    with serving(command, env, lab.log, lambda: lab.request("api/status")):
        yield lab


@contextmanager
def serving(
    command: list[str], env: Mapping[str, str], log: Path, answers: Callable[[], object]
) -> Iterator[None]:
    """A server that runs until the block ends, and answers before it begins."""
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
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{command[2]} did not start:\n{log.read_text()[-4000:]}", pytrace=False)
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    command = [sys.executable, str(HERE / "install_browser.py"), "--find"]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        pytest.fail(found.stderr.strip(), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> list[str]:
    """Errors that the page wrote to the console; a test that leaves one here fails."""
    return []


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, lab: Lab, console_errors: list[str]
) -> Iterator[Page]:
    """A fresh browser profile. Afterwards its kernels are stopped and console errors fail the test."""
    context = browser.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(30_000)
    page = context.new_page()

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            console_errors.append(f"{message.text} ({message.location.get('url', '')})")

    page.on("console", heard)
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield page
    failed = getattr(request.node, "failed", False)
    if failed and not page.is_closed():
        SHOTS.mkdir(exist_ok=True)
        shot = SHOTS / f"failed-{re.sub(r'[^a-z0-9_]+', '-', request.node.name.lower())}.png"
        page.screenshot(path=shot)
        # The usual cause is a Python traceback in a cell.
        outputs = page.locator(".jp-OutputArea").all_inner_texts()
        print(f"screenshot: {shot}", "outputs:", *outputs, "console errors:", *console_errors, sep="\n")
    context.close()
    for session in lab.request("api/sessions"):
        lab.request(f"api/sessions/{session['id']}", "DELETE")
    if console_errors and not failed:
        pytest.fail("errors in the browser console:\n" + "\n".join(console_errors), pytrace=False)


@pytest.fixture
def open_notebook(page: Page, lab: Lab) -> Callable[..., Page]:
    """``open_notebook(cells, run=True) -> page``: a notebook of these code cells, its kernel ready."""

    def open_(cells: list[str], run: bool = True) -> Page:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        name = f"t{secrets.token_hex(4)}.ipynb"
        nbformat.write(notebook, lab.root / name)
        show(page, lab.url(name))
        # The toolbar says "Idle" before there is a kernel; running then would ask for one and run nothing.
        page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        if run:
            # Not awaited: a test may look at the page while cells run.
            page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        return page

    return open_


@pytest.fixture
def launcher(page: Page, lab: Lab) -> Page:
    """A page that shows JupyterLab's launcher."""
    show(page, lab.url())
    return page


def show(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("() => !!window.jupyterapp", timeout=60_000)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)


@pytest.fixture
def shot(page: Page) -> Callable[[str], Path]:
    """``shot(name)`` puts a screenshot of the page into tests/browser/shots (git-ignored)."""

    def take(name: str) -> Path:
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take


@pytest.fixture
def start(browser: Browser) -> Iterator[Callable[[str], tuple[Page, list[str]]]]:
    """``start(address) -> page, errors``: a fresh profile for a server of the test's own."""
    contexts = []

    def open_(address: str) -> tuple[Page, list[str]]:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 1400}))
        page, errors = contexts[-1].new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if "clsviz" in m.text.lower() else None)
        page.goto(address)
        return page, errors

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def servers() -> Any:
    """The ways to start a server: ``servers.jupyter``, ``servers.serving``, ``servers.free_port``."""
    return SimpleNamespace(jupyter=jupyter, serving=serving, free_port=free_port)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True
    return report
