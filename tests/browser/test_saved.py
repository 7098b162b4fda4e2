"""Views without a kernel: exported files, saved notebooks, and places that run no widgets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import clsviz as cv

SAVED = "application/vnd.clsviz+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_HANDOUT = 3_000_000  # bytes
MOST_SAVED = 2_000_000
VIEWS = ["reliability", "boundary", "landscape", "loss", "prototypes", "confusion", "inspector"]
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)"
# JupyterLab would start a kernel for a notebook that is opened
NO_KERNEL = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)"

# what js/src/widgets/host.ts tells of the view on the page
STATE = """() => { let state; document.querySelector('.clsviz').dispatchEvent(
  new CustomEvent('clsviz:shown', { detail: (shown) => { state = shown.state; } })); return state; }"""


def status(page: Page, name: str) -> Locator:
    return page.locator(f'[data-view="{name}"]').get_by_role("status")


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def number(page: Page, view: str, pattern: str) -> float:
    text = status(page, view).inner_text()
    found = re.search(pattern, text)
    assert found, text
    return float(found.group(1))


def moved(page: Page, knob: Locator, key: str, says: Locator) -> None:
    """Moves a slider by a key; the line of words must follow."""
    before = says.inner_text()
    knob.focus()
    page.keyboard.press(key)
    expect(says).not_to_have_text(before)


# -- exported files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> Iterator[cv.Lab]:
    lab = cv.Lab("digits", epochs=6, label_noise=0.1, pace=None, landscape_resolution=11)
    assert lab.run.wait(120)
    lab.session._probes.join()
    yield lab
    lab.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``opened(html) -> page``: the file in a browser that has no network."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    errors: list[str] = []

    def open_(html: str, dark: bool = False) -> Page:
        path = tmp_path / "handout.html"
        path.write_text(html, encoding="utf-8")
        assert path.stat().st_size < MOST_HANDOUT
        page = context.new_page()
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.on("request", lambda r: asked.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(path.as_uri())
        return page

    yield open_
    context.close()
    assert not errors
    assert all(url.startswith(("file:", "blob:", "data:")) for url in asked)


def test_every_slider_of_the_exported_lab_is_live(trained: cv.Lab, opened: Callable[..., Page]) -> None:
    page = opened(trained.to_html(title="Digits & co"))
    expect(page).to_have_title("Digits & co")
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=20_000)
    ece = r"ECE (\d\.\d{4})"
    assert number(page, "reliability", ece) == pytest.approx(trained.views.reliability.result.ece, abs=5.1e-5)
    moved(page, slider(page, "Temperature"), "PageUp", status(page, "reliability"))
    page.get_by_label("Bins", exact=True).fill("7")
    page.keyboard.press("Enter")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    temperature = page.evaluate(STATE)["temperature"]
    assert temperature > 1
    data = trained.run.dataset
    logits = trained.run.predict(data.X[data.validation]) / temperature
    exact = cv.calibration.ece(logits, data.y[data.validation], kind="logits", n_bins=7)
    assert number(page, "reliability", ece) == pytest.approx(exact, abs=5.1e-5)
    moved(page, slider(page, "Epoch"), "Home", status(page, "confusion"))
    moved(page, slider(page, "Epoch"), "End", status(page, "confusion"))
    slider(page, "Loss line").focus()
    page.keyboard.press("PageDown")
    expect(status(page, "landscape")).to_contain_text("GCE")
    moved(page, slider(page, "Tilt"), "PageUp", status(page, "boundary"))


def test_the_exported_lab_answers_hovering_and_selecting(
    trained: cv.Lab, opened: Callable[..., Page]
) -> None:
    page = opened(trained.to_html())
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=20_000)
    here = status(page, "reliability").inner_text()
    surface = page.locator('[data-view="landscape"] canvas').first
    box = surface.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    expect(status(page, "reliability")).not_to_have_text(here)
    page.mouse.move(5, 5)
    expect(status(page, "reliability")).to_have_text(here)
    page.locator('[data-view="confusion"] canvas').first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    clear = page.get_by_role("button", name=re.compile("Clear selection"))
    expect(clear).to_be_enabled()
    page.keyboard.press("Escape")
    expect(clear).to_be_disabled()
    expect(page.get_by_role("button", name="Train", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "pattern", "result"),
    [
        ("reliability", r"ECE (\d\.\d{4})", lambda r: r.ece),
        ("boundary", r"angle (\d+\.\d)", lambda r: r.angle),
        ("landscape", r"loss (\d+\.\d{3})", None),
        ("prototypes", r"(nearest)", None),
        ("confusion", r"(\d+) of 719 right", lambda r: r.counts.trace()),
        ("inspector", r"(network says)", None),
    ],
)
def test_each_view_is_exported_alone_with_live_sliders_and_the_same_numbers(
    trained: cv.Lab,
    opened: Callable[..., Page],
    name: str,
    pattern: str,
    result: Callable[[Any], float] | None,
) -> None:
    view = getattr(trained.views, name)
    page = opened(view.to_html(), dark=True)
    expect(status(page, name)).to_contain_text(re.compile(pattern), timeout=20_000)
    if result:
        shown = re.search(pattern, status(page, name).inner_text())
        assert shown
        digits = len(shown.group(1).partition(".")[2])
        assert float(shown.group(1)) == pytest.approx(result(view.result), abs=0.51 * 10**-digits)
    for knob, changes in [("Temperature", ["reliability", "landscape", "inspector"]), ("Epoch", VIEWS)]:
        if name in changes and slider(page, knob).count():
            where = page.locator(f'[data-view="{name}"]')
            if name == "prototypes":
                continue  # its words name the prototype's neighbours, which no network changes
            moved(page, slider(page, knob), "PageDown", where.get_by_role("status"))
    assert page.locator(".clsviz-dark").count() == 1


def test_a_page_exported_while_training_holds_what_there_is(opened: Callable[..., Page]) -> None:
    lab = cv.Lab("moons", epochs=500, pace=30)
    try:
        while len(lab.run.timeline) < 3:
            lab.run.wait(0.05)
        with pytest.warns(UserWarning, match="training still runs"):
            text = lab.to_html()
    finally:
        lab.close()
    page = opened(text)
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=20_000)
    moved(page, slider(page, "Epoch"), "Home", status(page, "reliability"))


# -- saved notebooks --------------------------------------------------------------------------------------


def outputs(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [o for cell in notebook.cells for o in cell.get("outputs", []) if SAVED in o.get("data", {})]


def saved(page: Page, path: Path) -> list[Any]:
    """Saves the notebook; its outputs of views, once their numbers are in them."""
    page.evaluate(SAVE)
    for _ in range(100):
        try:
            found = outputs(path)
        except nbformat.reader.NotJSONError:  # just being written
            found = []
        if found and all("data" in o["data"][SAVED] or "left_out" in o["data"][SAVED] for o in found):
            return found
        page.wait_for_timeout(100)
    raise AssertionError("the numbers of the views were not saved")


def reopened(page: Page, lab: Any, path: Path) -> Page:
    """The notebook under another name, so that no kernel knows it."""
    copy = path.with_name(f"copy-{path.name}")
    copy.write_bytes(path.read_bytes())
    page.goto(lab.url(copy.name))
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.isReady")
    page.evaluate(NO_KERNEL)
    return page


def at_rest(page: Page) -> None:
    page.wait_for_function(
        """() => { const t = document.querySelector('.clsviz-where')?.textContent ?? '';
           const m = t.match(/epoch\\s*([\\d.]+) of\\s*([\\d.]+)/); return m && m[1] === m[2]; }""",
        timeout=90_000,
    )
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    land = page.locator('[data-view="landscape"]')
    expect(land.get_by_role("button", name="Cancel")).to_be_hidden(timeout=120_000)  # the finest map is there


def path_of(page: Page, lab: Any) -> Path:
    return lab.root / page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")


def test_a_saved_lab_lives_without_a_kernel(
    open_notebook: Callable[..., Page], lab: Any, shot: Callable[[str], Path]
) -> None:
    page = open_notebook(
        ["import clsviz as cv\nlab = cv.Lab('digits', epochs=8, label_noise=0.1, pace=None)\nlab"]
    )
    expect(page.locator('[data-view="lab"]')).to_be_visible(timeout=60_000)
    page.set_viewport_size({"width": 1280, "height": 2600})  # all views are in sight, and drawn at once
    at_rest(page)
    page.locator('[data-view="lab"]').evaluate("e => { e.dataset.same = 'yes'; }")
    slider(page, "Temperature").focus()
    page.keyboard.press("PageUp")
    path = path_of(page, lab)
    (output,) = saved(page, path)
    # saving leaves the live view as it was, and nothing unsaved
    assert page.locator('[data-view="lab"]').evaluate("e => e.dataset.same") == "yes"
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty") is False
    words = {name: status(page, name).inner_text() for name in VIEWS}
    data = output["data"]
    assert len(json.dumps(data[SAVED])) < MOST_SAVED + 10_000
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert re.match(
        r"<Lab of digits: mlp, cross_entropy, epoch 8, accuracy 0\.\d{4}, ECE", data["text/plain"]
    )

    page = reopened(page, lab, path)
    expect(page.locator('[data-view="lab"]')).to_be_visible(timeout=30_000)
    expect(page.get_by_role("note")).to_contain_text("without a kernel")
    for name, text in words.items():
        expect(status(page, name)).to_have_text(text)
    shot("saved-lab")
    moved(page, slider(page, "Temperature"), "Home", status(page, "reliability"))
    moved(page, slider(page, "Epoch"), "Home", status(page, "confusion"))
    # a saved view that was moved is saved as it stands, with the same numbers
    page.evaluate(SAVE)
    (again,) = outputs(path.with_name(f"copy-{path.name}"))
    assert again["data"][SAVED]["data"] == data[SAVED]["data"]
    assert again["data"][SAVED]["state"]["temperature"] == pytest.approx(0.05)


def test_stand_alone_views_are_saved_too(open_notebook: Callable[..., Page], lab: Any) -> None:
    setup = (
        "import clsviz as cv\nfrom sklearn.datasets import load_iris\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "X, y = load_iris(return_X_y=True, as_frame=True)\n"
        "model = LogisticRegression(max_iter=500).fit(X, y)\n"
    )
    page = open_notebook(
        [
            f"{setup}cv.ReliabilityDiagram.from_estimator(model, X, y, temperature=2)",
            "cv.BoundaryView.from_estimator(model, X, y)",
        ]
    )
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    expect(status(page, "boundary")).to_contain_text("computed by the kernel.", timeout=60_000)
    path = path_of(page, lab)
    found = saved(page, path)
    assert [o["data"][SAVED]["view"] for o in found] == ["reliability", "boundary"]
    words = [status(page, name).inner_text() for name in ("reliability", "boundary")]
    page = reopened(page, lab, path)
    expect(status(page, "reliability")).to_have_text(words[0], timeout=30_000)
    expect(status(page, "boundary")).to_have_text(words[1])


def test_a_reloaded_page_shows_the_living_view(open_notebook: Callable[..., Page], lab: Any) -> None:
    page = open_notebook(["import clsviz as cv\nlab = cv.Lab('moons', epochs=3, pace=None)\nlab"])
    expect(page.locator('[data-view="lab"]')).to_be_visible(timeout=60_000)
    at_rest(page)
    saved(page, path_of(page, lab))
    page.reload()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled(timeout=60_000)
    expect(page.locator('[data-view="lab"]')).to_have_count(1)
    expect(page.get_by_role("note")).to_have_count(0)


BROKEN = {"version": 1, "view": "lab", "name": "Lab", "data": "bm8gZ3ppcA=="}


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (BROKEN, "could not be shown"),
        (BROKEN | {"version": 99}, "version 99"),
        (BROKEN | {"view": "<img src=x onerror=alert(1)>"}, "cannot be shown"),
        (BROKEN | {"view": "__proto__"}, "cannot be shown"),
        ({"version": 1, "view": "lab", "name": "Lab"}, "run its cell"),
    ],
)
def test_what_cannot_be_shown_becomes_a_card(
    page: Page, lab: Any, console_errors: list[str], kept: dict[str, Any], says: str
) -> None:
    pixel = base64.b64encode(cv.ReliabilityDiagram.from_predictions([0, 1], [[2, 0], [0, 1]]).to_png())
    cell = nbformat.v4.new_code_cell("lab")
    view = {"model_id": "0" * 32, "version_major": 2, "version_minor": 0}
    cell.outputs = [
        nbformat.v4.new_output(
            "display_data",
            {SAVED: kept, WIDGET: view, "image/png": pixel.decode(), "text/plain": "<Lab of digits>"},
        )
    ]
    path = lab.root / "broken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    reopened(page, lab, path)
    output = page.locator(".clsviz-output")
    expect(output).to_contain_text(says, timeout=30_000)
    expect(page.get_by_role("note")).to_have_count(0)
    assert page.locator(".clsviz-output img").count() == ("data" not in kept)


# -- places that run no widgets ---------------------------------------------------------------------------


def test_a_notebook_run_without_a_front_end_becomes_a_page_with_the_picture(tmp_path: Path) -> None:
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    cells = ["import clsviz as cv\nlab = cv.Lab('moons', epochs=2, pace=None)\nlab.run.wait(60)\nlab"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    nbformat.validate(notebook)
    data = notebook.cells[0].outputs[0].data
    assert re.fullmatch(r"<Lab of moons: mlp, cross_entropy, epoch 2, .*ECE 0\.\d{4}>", data["text/plain"])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert data["image/png"].strip()[:2000].replace("\n", "") in page.replace("\n", "")
    assert SAVED not in page
