"""What a person sees of the laboratory and does with it; shared by the browser tests."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, WebSocket, expect

LAB = '[data-view="lab"]'
OPEN = "import clsviz as cv\nlab = cv.Lab({arguments})\nlab"


def view(page: Page, name: str) -> Locator:
    return page.locator(f'[data-view="{name}"]')


def status(page: Page, name: str) -> Locator:
    return view(page, name).get_by_role("status")


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def ece(page: Page) -> float:
    expect(status(page, "reliability")).to_contain_text(re.compile(r"ECE \d\.\d{4}"), timeout=60_000)
    found = re.search(r"ECE (\d\.\d{4})", status(page, "reliability").inner_text())
    assert found, status(page, "reliability").inner_text()
    return float(found.group(1))


def shows_ece(page: Page, value: float) -> None:
    """The reliability view comes to say this ECE, to the digits shown; in a busy page that takes a while."""
    near = "|".join(re.escape(f"{value + d:.4f}") for d in (-1e-4, 0, 1e-4))
    expect(status(page, "reliability")).to_contain_text(re.compile(f"ECE ({near})"), timeout=30_000)


def shows_other_ece(page: Page, than: float) -> None:
    """The reliability view comes to say another ECE."""
    another = re.compile(rf"ECE (?!{re.escape(f'{than:.4f}')})\d")
    expect(status(page, "reliability")).to_contain_text(another, timeout=30_000)


def pause(page: Page, ms: int) -> None:
    """Waits by the page's own clock and two frames more: what was due by then is done, however slow it is."""
    page.evaluate(
        """(ms) => new Promise((done) => setTimeout(
          () => requestAnimationFrame(() => requestAnimationFrame(done)), ms))""",
        ms,
    )


def drag(page: Page, knob: Locator, share: float) -> None:
    """Drags a slider from where it is to a share of its track."""
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, y, steps=12)
    page.mouse.up()


def rested(page: Page) -> None:
    """Until training rests and its landscape is complete."""
    expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*\d+ of"), timeout=90_000)
    page.wait_for_function(
        """() => { const t = document.querySelector('.clsviz-where')?.textContent ?? '';
           const m = t.match(/epoch\\s*([\\d.]+) of\\s*([\\d.]+)/); return m && m[1] === m[2]; }""",
        timeout=90_000,
    )


def all_drawn(page: Page) -> None:
    """Until a window that shows all views has drawn them (out of sight they wait), with the landscape."""
    page.set_viewport_size({"width": 1280, "height": 2600})
    for name in ["reliability", "boundary", "prototypes", "confusion", "inspector"]:
        expect(status(page, name)).not_to_be_empty()
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=120_000)
    expect(view(page, "landscape").get_by_role("button", name="Cancel")).to_be_hidden(timeout=120_000)


class Outgoing:
    """Counts what the page sends to the kernel."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        page.on("websocket", self.follow)

    def follow(self, socket: WebSocket) -> None:
        if "/channels" in socket.url:
            socket.on("framesent", lambda payload: self.sent.append(str(payload)[:400]))

    def comms(self) -> int:
        return sum("comm_msg" in frame for frame in self.sent)


def run_cell(page: Page, code: str) -> str:
    """Runs code in the notebook's kernel and returns what it printed."""
    return page.evaluate(
        """async (code) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const future = kernel.requestExecute({ code, store_history: false });
          let text = '';
          future.onIOPub = (m) => { if (m.header.msg_type === 'stream') text += m.content.text;
            if (m.header.msg_type === 'error') text += m.content.evalue; };
          await future.done;
          return text; }""",
        code,
    )
