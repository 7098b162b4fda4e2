"""Frames of the whole laboratory and of its largest pictures, under a moving slider.

``python scripts/bench/frames.py [--steps 60] [--renderers canvas webgl] [--only lab field samples map 3-D]``

Opens JupyterLab in a headless Chromium. A frame costs the time from the slider's event to the frame being
handed to the compositor: event handlers, drawing, layout, paint; waiting for the screen is not counted.
Printed in milliseconds: median and 95th percentile, and what the page's main thread computed per move (on a
busy machine the truer number); with WebGL2 (on a software renderer where there is no other) and without.
At the end one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

sys.path.insert(0, str(Path(__file__).parents[1]))
from labserver import Lab, open_cells, run_cells, running_browser, running_lab

WARM_UP = 5  # moves that are not counted
LIMIT = 300_000  # ms
SIZE = {"width": 1400, "height": 2300}  # all six views in sight

LAB = """import clsviz as cv
lab = cv.Lab("digits", model="mlp", autostart=True)
lab"""
FIELD = """import clsviz as cv
run = cv.Run(cv.Experiment("digits", epochs=10)); run.start(); run.wait()
view = cv.BoundaryView.from_run(run, plane="pca", resolution=256)
view"""
CROWD = """import clsviz as cv, numpy as np
rng = np.random.default_rng(0)
means = np.array([[0, 0], [2.2, 0.4], [1, 2.2]])
y = rng.integers(0, 3, 100_000)
X = (rng.normal(size=(len(y), 2)) * 0.9 + means[y]).astype("float32")
class Nearest:
    classes_ = np.arange(3)
    def decision_function(self, X):
        return -((np.asarray(X)[:, None] - means) ** 2).sum(2)
view = cv.BoundaryView.from_estimator(Nearest(), X, y)
view"""
LANDSCAPE = """import clsviz as cv
run = cv.Run(cv.Experiment("moons", epochs=20)); run.start(); run.wait()
view = cv.LossLandscape(run, kind="{kind}", resolution=101)
_ = view.result
view"""

# name: cell, what says that it is ready, moves
CASES: dict[str, tuple[str, str, list[str]]] = {
    "lab": (
        LAB,
        """() => { const t = document.querySelector('.clsviz-where')?.textContent ?? '';
           const m = t.match(/epoch\\s*([\\d.]+) of\\s*([\\d.]+)/); const land = document.querySelector(
             '[data-view=landscape] [role=status]')?.textContent ?? '';
           return m && m[1] === m[2] && /accuracy/.test(land)
             && document.querySelector('[data-view=landscape] progress').hidden; }""",
        ["Temperature", "Epoch", "Tilt", "Loss line", "hover"],
    ),
    "field 256 x 256": (FIELD, "boundary", ["Temperature", "Epoch", "Tilt"]),
    "100,000 samples": (CROWD, "boundary", ["Temperature", "Tilt"]),
    "landscape 101 x 101, map": (LANDSCAPE.format(kind="map"), "landscape", ["Temperature", "hover"]),
    "landscape 101 x 101, 3-D": (LANDSCAPE.format(kind="3d"), "landscape", ["Temperature", "turn"]),
}
SHOWN = """() => /loss \\d|angle \\d/.test(
  document.querySelector('[data-view={}] [role=status]')?.textContent ?? '')"""

MEASURE = """async ([what, steps]) => {
  const painted = (act) => new Promise((done) => {
    let start = 0, handlers = 0;
    requestAnimationFrame(() => { start = performance.now(); });
    const before = performance.now();
    act();
    handlers = performance.now() - before;
    requestAnimationFrame(() => {
      const channel = new MessageChannel(); // answers after this frame's layout and paint
      channel.port1.onmessage = () => {
        channel.port1.close();
        done(handlers + performance.now() - start);
      };
      channel.port2.postMessage(0);
    });
  });
  const pointer = (el, type, x, y) => el.dispatchEvent(
    new PointerEvent(type, { bubbles: true, pointerId: 1, button: 0, clientX: x, clientY: y }));
  const acts = [];
  let after = () => {};
  if (what === 'hover' || what === 'turn') {
    const el = document.querySelector('[data-view=landscape] canvas');
    const box = el.getBoundingClientRect();
    const [x, y] = [box.left + 0.3 * box.width, box.top + 0.35 * box.height];
    if (what === 'turn') {
      el.setPointerCapture = () => {};
      pointer(el, 'pointerdown', x, y);
    }
    for (let i = 0; i < steps; i++)
      acts.push(() => pointer(el, 'pointermove', x + 60 * Math.sin(0.37 * i), y + 40 * Math.cos(0.23 * i)));
    after = () => {
      if (what === 'turn') pointer(el, 'pointerup', x + 50, y);
      pointer(el, 'pointerleave', 0, 0);
    };
  } else {
    const input = document.querySelector(`input[type=range][aria-label="${what}"]`);
    if (!input) return null;
    const [low, high] = [Number(input.min), Number(input.max)];
    const send = (type) => input.dispatchEvent(new Event(type, { bubbles: true }));
    for (let i = 0; i < steps; i++)
      acts.push(() => {
        input.value = String(low + (high - low) * (0.5 + 0.45 * Math.sin(0.37 * i)));
        send('input');
      });
    after = () => send('change');
  }
  const times = [];
  for (const act of acts) {
    times.push(await painted(act));
    await new Promise((done) => setTimeout(done, 2));
  }
  after();
  return times;
}"""


def measure(page: Page, session: CDPSession, what: str, steps: int) -> dict[str, float] | None:
    """Costs of `steps` moves of a slider (or of the pointer over the landscape), milliseconds."""
    if what == "Loss line":
        page.get_by_role("button", name="score only").click()
    before = thread_time(session)
    times = page.evaluate(MEASURE, [what, steps + WARM_UP])
    if times is None:
        return None
    computed = (thread_time(session) - before) / len(times)
    kept = sorted(times[WARM_UP:])
    return {"median": statistics.median(kept), "p95": kept[int(0.95 * len(kept))], "cpu": computed}


def thread_time(session: CDPSession) -> float:
    """What the page's main thread has computed since measuring began, in milliseconds."""
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["ThreadTime"])


def case(
    browser: Browser, lab: Lab, renderer: str, cell: str, ready: str, moves: list[str], steps: int
) -> dict[str, Any]:
    """Opens one cell in a fresh page and moves each of its sliders."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(LIMIT)
    page.add_init_script(f"localStorage.setItem('clsviz:renderer', '{renderer}')")
    try:
        open_cells(page, lab, [cell])
        run_cells(page)
        page.wait_for_function(ready if ready.startswith("(") else SHOWN.format(ready))
        page.wait_for_timeout(3000)  # finer fields, tables of the loss line
        page.evaluate("document.querySelector('.clsviz').scrollIntoView()")
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        return {what: measure(page, session, what, steps) for what in moves}
    finally:
        context.close()
        for running in lab.request("api/sessions"):
            lab.request(f"api/sessions/{running['id']}", "DELETE")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=60, help="moves of each slider")
    parser.add_argument("--renderers", nargs="+", choices=["canvas", "webgl"], default=["canvas", "webgl"])
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of the cases to run")
    options = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    print(f"{'':28}{'':14}" + "".join(f"{r + ': median, p95, cpu':>32}" for r in options.renderers))
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as root,
        running_lab(Path(home), Path(root)) as lab,
        running_browser() as browser,
    ):
        for name, (cell, ready, moves) in CASES.items():
            if not any(part in name for part in options.only):
                continue
            found[name] = {
                r: case(browser, lab, r, cell, ready, moves, options.steps) for r in options.renderers
            }
            for what in moves:
                row = [found[name][r][what] for r in options.renderers]
                cells = [
                    f"{v['median']:15.1f}{v['p95']:9.1f}{v['cpu']:8.1f}" if v else f"{'no slider':>32}"
                    for v in row
                ]
                print(f"{name:28}{what:14}{''.join(cells)}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
