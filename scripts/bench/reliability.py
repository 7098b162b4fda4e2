"""A reliability diagram under the slider, beside what else a notebook offers.

``python scripts/bench/reliability.py [--n 10000 100000] [--ways clsviz plotly]``

Opens JupyterLab in a headless Chromium and, for each number of samples, shows the same picture (15 bins,
10 classes) three ways: clsviz, `ipywidgets.interact` with matplotlib, and a plotly FigureWidget that a
slider updates. Printed for each: seconds from running the cell (imports and data are there already) to the
first picture, megabytes over the
websocket until then, milliseconds from a slider event to the next painted frame that shows it (median and
95th percentile), messages to the kernel for a drag, and what the view adds to the saved notebook. At the
end one JSON object with everything and the ratios to clsviz.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, WebSocket

sys.path.insert(0, str(Path(__file__).parents[1]))
from labserver import Lab, open_cells, run_cells, running_browser, running_lab

STEPS = 25  # slider events of a drag
SETTLE = 3.0  # s after the first picture, for what is made ahead
LIMIT = 300_000  # ms
SIZE = {"width": 1280, "height": 1000}

DATA = """import numpy as np
rng = np.random.default_rng(0)
n, k = {n}, 10
y = rng.integers(0, k, n)
z = rng.normal(0, 1.5, (n, k)).astype(np.float32)
z[np.arange(n), y] += rng.normal(3, 2, n)
def bins(T):
    p = np.exp((z - z.max(1, keepdims=True)) / T)
    v = 1 / p.sum(1)
    right = z.argmax(1) == y
    b = np.minimum((v * 15).astype(int), 14)
    count = np.bincount(b, minlength=15)
    some = np.maximum(count, 1)
    return np.bincount(b, v, 15) / some, np.bincount(b, right, 15) / some, count"""

IMPORTS = {
    "clsviz": "import clsviz as cv",
    "matplotlib": "%matplotlib inline\nimport ipywidgets, matplotlib.pyplot as plt",
    "plotly": "import ipywidgets, plotly.graph_objects as go\nfrom IPython.display import display",
}

CELLS = {
    "clsviz": """cv.ReliabilityDiagram.from_predictions(y, z)""",
    "matplotlib": """def show(T=1.0):
    v, a, count = bins(T)
    figure, (top, low) = plt.subplots(2, gridspec_kw={"height_ratios": [4, 1]})
    top.bar(np.arange(15) / 15, a, 1 / 15, align="edge")
    top.plot(v[count > 0], a[count > 0], "k.")
    top.plot([0, 1], [0, 1], ":")
    top.set_title(f"ECE {np.abs(a - v) @ count / n:.4f}")
    low.bar(np.arange(15) / 15, count, 1 / 15, align="edge")
    plt.show()
ipywidgets.interact(show, T=ipywidgets.FloatLogSlider(1.0, min=-1.3, max=1.3, step=0.01));""",
    "plotly": """def numbers(T):
    v, a, count = bins(T)
    return a, count, f"ECE {np.abs(a - v) @ count / n:.4f}"
a, count, title = numbers(1.0)
x = np.arange(15) / 15
figure = go.FigureWidget([go.Bar(x=x, y=a), go.Bar(x=x, y=count, yaxis="y2")])
figure.update_layout(title=title, yaxis={"domain": [0.3, 1], "range": [0, 1]}, yaxis2={"domain": [0, 0.2]})
slider = ipywidgets.FloatLogSlider(1.0, min=-1.3, max=1.3, step=0.01)
def move(change):
    a, count, title = numbers(change["new"])
    with figure.batch_update():
        figure.data[0].y, figure.data[1].y, figure.layout.title.text = a, count, title
slider.observe(move, "value")
display(slider, figure)""",
}

PREPARE = """(code) => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
  .requestExecute({ code, store_history: false }).done.then(() => null)"""

# What tells that a picture is there, and what changes with it: a text with the ECE, or an image.
SHOWN = {
    "clsviz": """() => { const v = document.querySelector('[data-view=reliability]');
      return v?.dataset.path ? v.querySelector('p[role=status]').innerText : null; }""",
    "matplotlib": "() => document.querySelector('.jp-OutputArea img')?.src ?? null",
    "plotly": "() => document.querySelector('.gtitle')?.textContent ?? null",
}

# One slider event; resolves in the frame after the first that shows something new.
STEP = """async ([shown, value, patience]) => {
  const read = eval(shown);
  const before = read();
  const begun = performance.now();
  const native = document.querySelector('input[type=range][aria-label="Temperature"]');
  if (native) {
    native.value = value;
    native.dispatchEvent(new Event('input', { bubbles: true }));
  } else {
    const slider = document.querySelector('.widget-slider .slider, .jupyter-widgets .noUi-target');
    slider.noUiSlider.set(Math.log10(0.1 * 100 ** (value / 1000)), true);
  }
  return await new Promise((done) => {
    const look = () => requestAnimationFrame(() => {
      const late = performance.now() - begun > patience;
      if (read() === before && !late) return look();
      const channel = new MessageChannel(); // after the paint of this frame
      channel.port1.onmessage = () => done(late ? null : performance.now() - begun);
      channel.port2.postMessage(null);
    });
    look();
  }); }"""


class Wire:
    """Bytes and messages of a page's kernel connections."""

    def __init__(self, page: Page) -> None:
        self.received = self.sent = 0
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        if "/channels" in socket.url:
            socket.on("framereceived", self._in)
            socket.on("framesent", self._out)

    def _in(self, payload: str | bytes) -> None:
        self.received += len(payload)

    def _out(self, payload: str | bytes) -> None:
        self.sent += b"comm_msg" in (payload if isinstance(payload, bytes) else payload.encode())


def measure(lab: Lab, page: Page, way: str, n: int) -> dict[str, Any]:
    wire = Wire(page)
    file = open_cells(page, lab, [CELLS[way]])
    page.evaluate(PREPARE, IMPORTS[way])
    page.evaluate(PREPARE, DATA.format(n=n))
    received = wire.received
    begun = time.perf_counter()
    run_cells(page)
    page.wait_for_function(SHOWN[way], timeout=LIMIT)
    first = time.perf_counter() - begun
    received = wire.received - received
    page.wait_for_timeout(1000 * SETTLE)
    if way == "clsviz" and n * 10 > 2_000_000:
        page.wait_for_function(
            "() => document.querySelector('[data-view=reliability]').dataset.path === 'exact'", timeout=LIMIT
        )
    sent = wire.sent
    times, paths = [], set()
    for i in range(STEPS):
        took = page.evaluate(STEP, [SHOWN[way], 350 + 12 * i + (i % 2), 10_000])
        if took is not None:
            times.append(took)
        if way == "clsviz":
            paths.add(page.locator("[data-view=reliability]").get_attribute("data-path"))
    sent = wire.sent - sent
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    outputs = sum(len(json.dumps(cell.get("outputs", []))) for cell in json.loads(file.read_text())["cells"])
    times.sort()
    return {
        "first paint s": round(first, 2),
        "received MB": round(received / 1e6, 2),
        "median ms": round(statistics.median(times), 1) if times else None,
        "p95 ms": round(times[int(0.95 * (len(times) - 1))], 1) if times else None,
        "messages per drag": sent,
        "notebook kB": round(outputs / 1e3, 1),
        "paths": sorted(paths),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ways", nargs="+", choices=list(CELLS), default=list(CELLS))
    options = parser.parse_args()
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        home, root = Path(folder, "home"), Path(folder, "root")
        home.mkdir()
        root.mkdir()
        with running_lab(home, root) as lab:
            for n in options.n:
                results[str(n)] = {}
                for way in options.ways:
                    context = browser.new_context(viewport=SIZE)
                    found = measure(lab, context.new_page(), way, n)
                    context.close()
                    for session in lab.request("api/sessions"):
                        lab.request(f"api/sessions/{session['id']}", "DELETE")
                    results[str(n)][way] = found
                    words = ", ".join(f"{key} {value}" for key, value in found.items() if value != [])
                    print(f"N = {n:>9,}  {way:<10}  {words}", flush=True)
    for by_way in results.values():
        ours = by_way.get("clsviz")
        for way, other in by_way.items():
            if ours and way != "clsviz":
                other["ratio"] = {
                    key: round(other[key] / ours[key], 1)
                    for key in ("first paint s", "received MB", "median ms", "p95 ms", "notebook kB")
                    if ours[key] and other[key] is not None
                }
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
