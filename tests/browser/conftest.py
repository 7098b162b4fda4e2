"""A real JupyterLab in a real browser: one server and one browser a session, one page a test."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))  # the benches use it too
from labserver import Lab, open_cells, run_cells, running_browser, running_lab, show
from person import Outgoing

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
SIZE = (1280, 800)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")) as lab:
        yield lab


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


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
        shot.with_suffix(".txt").write_text(request.node.why)  # a second try that passes hides it
        # The usual cause is a Python traceback in a cell.
        outputs = page.locator(".jp-OutputArea").all_inner_texts()
        print(f"screenshot: {shot}", "outputs:", *outputs, "console errors:", *console_errors, sep="\n")
    context.close()
    for session in lab.request("api/sessions"):
        lab.request(f"api/sessions/{session['id']}", "DELETE")
    if console_errors and not failed:
        pytest.fail("errors in the browser console:\n" + "\n".join(console_errors), pytrace=False)


@pytest.fixture
def outgoing(page: Page) -> Outgoing:
    """What the page sends to the kernel."""
    return Outgoing(page)


@pytest.fixture
def open_notebook(page: Page, lab: Lab) -> Callable[..., Page]:
    """``open_notebook(cells, run=True) -> page``: a notebook of these code cells, its kernel ready."""

    def open_(cells: list[str], run: bool = True) -> Page:
        open_cells(page, lab, cells)
        if run:
            run_cells(page)
        return page

    return open_


@pytest.fixture
def launcher(page: Page, lab: Lab) -> Page:
    """A page that shows JupyterLab's launcher."""
    show(page, lab.url())
    return page


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.failed, item.why = report.failed, report.longreprtext
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that fails is tried again, twice at most: a fault stays, a stalled machine does not."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=2))
