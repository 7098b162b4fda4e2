"""Big pictures: with WebGL or without they look the same, and a lost context takes none away."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from person import run_cell, slider, view
from playwright.sync_api import Browser, Page, expect

import clsviz as cv

MEANS = np.array([[0, 0], [2.2, 0.4], [1, 2.2]])
POINTS = 100_000
OPEN_CROWD = f"""
import clsviz as cv, numpy as np
rng = np.random.default_rng(0)
means = np.array({MEANS.tolist()})
y = rng.integers(0, 3, {POINTS})
X = (rng.normal(size=({POINTS}, 2)) * 0.9 + means[y]).astype("float32")
class Nearest:
    classes_ = np.arange(3)
    def decision_function(self, X):
        return -((np.asarray(X)[:, None] - means) ** 2).sum(2)
v = cv.BoundaryView.from_estimator(Nearest(), X, y)
v"""
PIXELS = """(name) => {
  const c = document.querySelector(`[data-view="${name}"] canvas`);
  const bytes = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return [c.height, c.width, btoa(text)];
}"""
CONTEXT = 'globalThis[Symbol.for("clsviz:webgl")]'


def pixels(page: Page, name: str) -> np.ndarray:
    """(height, width, 4) what the view's largest canvas holds."""
    height, width, text = page.evaluate(PIXELS, name)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4).astype(int)


def settled(page: Page, name: str) -> np.ndarray:
    """The picture once nothing about it changes any more (finer fields come from a worker)."""
    page.evaluate(
        f"""async () => {{ const pixels = {PIXELS};
          const pause = () => new Promise((done) => setTimeout(done, 400));
          let before = ''; let now = pixels({name!r})[2];
          while (before !== now) {{ await pause(); before = now; now = pixels({name!r})[2]; }} }}"""
    )
    return pixels(page, name)


def set_temperature(page: Page, value: float) -> None:
    knob = slider(page, "Temperature")
    knob.evaluate(
        """(el, t) => { const [low, high] = [Math.log(0.05), Math.log(20)];
          el.value = String((1000 * (Math.log(t) - low)) / (high - low));
          el.dispatchEvent(new Event('input', { bubbles: true }));
          el.dispatchEvent(new Event('change', { bubbles: true })); }""",
        value,
    )


@pytest.fixture(scope="module")
def handouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """One page per view, small networks that the browser runs itself."""
    folder = tmp_path_factory.mktemp("handouts")
    run = cv.Run(cv.Experiment("moons", epochs=8, seed=0))
    run.start()
    run.wait()
    views = {
        "boundary": cv.BoundaryView.from_run(run),
        "landscape": cv.LossLandscape(run, plane="random", kind="3d", resolution=61),
    }
    _ = views["landscape"].result  # waits for it
    pages = {}
    for name, widget in views.items():
        pages[name] = folder / f"{name}.html"
        widget.to_html(pages[name])
        widget.close()
    yield pages
    run.stop()


@pytest.fixture
def show(browser: Browser, handouts: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """``show(name, renderer, dark=False) -> page`` of a handout; an error on it fails the test."""
    contexts, errors = [], []

    def show_(name: str, renderer: str, dark: bool = False) -> Page:
        context = browser.new_context(color_scheme="dark" if dark else "light")
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('clsviz:renderer', '{renderer}')")
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(handouts[name].as_uri())
        page.wait_for_selector(f'[data-view="{name}"] canvas')
        return page

    yield show_
    for context in contexts:
        context.close()
    assert not errors


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["boundary", "landscape"])
def test_with_and_without_webgl_a_view_looks_the_same(show, name, dark):
    pictures = {}
    for renderer in ("webgl", "canvas"):
        page = show(name, renderer, dark)
        set_temperature(page, 2.5)
        pictures[renderer] = settled(page, name)
        assert page.evaluate(f"Boolean({CONTEXT})") is (renderer == "webgl")
    difference = np.abs(pictures["webgl"] - pictures["canvas"]).max(2)
    assert np.ptp(pictures["canvas"][..., :3]) > 100, "nothing is drawn"
    # the two round differently, and decide differently which triangle has a pixel on its edge
    assert (difference > 8).mean() < 0.005
    assert np.abs(pictures["webgl"] - pictures["canvas"]).mean() < 0.25


def test_a_lost_context_is_survived_and_used_again_when_it_comes_back(show):
    page = show("boundary", "webgl")
    set_temperature(page, 2.5)
    before = settled(page, "boundary")
    page.evaluate(
        f"""() => new Promise((done) => {{
          const gl = {CONTEXT};
          window.lose = gl.getExtension('WEBGL_lose_context');
          gl.canvas.addEventListener('webglcontextlost', done, {{ once: true }});
          window.lose.loseContext(); }})"""
    )
    assert np.array_equal(pixels(page, "boundary"), before), "the picture went with the context"
    set_temperature(page, 0.3)
    without = settled(page, "boundary")
    assert np.abs(without - before).mean() > 1, "the picture does not follow"
    page.evaluate(
        f"""() => new Promise((done) => {{
          {CONTEXT}.canvas.addEventListener('webglcontextrestored', () => setTimeout(done), {{ once: true }});
          window.lose.restoreContext(); }})"""
    )
    page.evaluate(
        f"""() => {{ window.draws = 0; const gl = {CONTEXT}; const draw = gl.drawArrays.bind(gl);
          gl.drawArrays = (...a) => {{ window.draws++; draw(...a); }}; }}"""
    )
    set_temperature(page, 2.5)
    again = settled(page, "boundary")
    assert page.evaluate("window.draws") > 0
    assert np.abs(again - before).max(2).mean() < 0.25


def test_a_hundred_thousand_samples_are_shown_and_can_be_pointed_at(page, open_notebook):
    open_notebook([OPEN_CROWD])
    page.wait_for_selector('[data-view="boundary"] canvas', timeout=60_000)
    words = view(page, "boundary").get_by_role("status")
    expect(words).to_contain_text("angle", timeout=60_000)
    expect(words).not_to_contain_text("on its way", timeout=60_000)
    view(page, "boundary").scroll_into_view_if_needed()
    picture = settled(page, "boundary")
    colours = {tuple(c) for c in picture[..., :3].reshape(-1, 3)[::7]}
    assert len(colours) > 50
    canvas = view(page, "boundary").locator("canvas").first
    box = canvas.bounding_box()
    assert box
    place = {"x": box["width"] * 0.5, "y": box["height"] * 0.5}
    canvas.click(position=place)
    found = run_cell(page, "print(v.marked)")
    assert found.strip().isdigit(), found
    first = run_cell(page, f"print(*X[{found.strip()}])").split()
    canvas.click(position={"x": place["x"] + 60, "y": place["y"]})
    second = run_cell(page, "print(*X[v.marked])").split()
    moved = np.array(second, float) - np.array(first, float)
    assert moved[0] > 5 * abs(moved[1]), (first, second)
    # and the other way round: the temperature bleaches the field under the crowd in the browser alone
    set_temperature(page, 20)
    bleached = settled(page, "boundary")
    assert np.abs(bleached - picture)[..., :3].mean() > 2
