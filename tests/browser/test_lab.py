"""The laboratory as a person uses it: a real JupyterLab, a real browser, mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from labserver import Lab
from person import (
    LAB,
    OPEN,
    Outgoing,
    all_drawn,
    drag,
    ece,
    pause,
    rested,
    run_cell,
    shows_ece,
    shows_other_ece,
    slider,
    status,
    view,
)
from playwright.sync_api import Page, expect

VIEWS = ["reliability", "boundary", "landscape", "loss", "prototypes", "confusion", "inspector"]
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture
def digits(outgoing: Outgoing, open_notebook: Callable[..., Page]) -> Page:
    """The digits lab, trained for a few epochs and at rest."""
    page = open_notebook(
        [OPEN.format(arguments='"digits", epochs=8, label_noise=0.1, pace=None, landscape_resolution=11')]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    rested(page)
    return page


def test_a_network_trains_live_and_every_view_says_its_numbers(
    page: Page, outgoing: Outgoing, open_notebook: Callable[..., Page], shot: Callable[[str], Path]
) -> None:
    open_notebook([OPEN.format(arguments='"digits", instant=False')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(page.locator(".clsviz-where")).to_contain_text("training", timeout=30_000)
    first = status(page, "reliability")
    expect(first).to_contain_text(re.compile(r"ECE \d\.\d{4}"), timeout=30_000)
    before = first.inner_text()
    page.wait_for_function(
        "(old) => document.querySelector('[data-view=reliability] [role=status]').innerText !== old",
        arg=before,
    )
    rested(page)
    expect(status(page, "boundary")).to_contain_text(re.compile(r"angle \d+\.\d°"))
    expect(status(page, "landscape")).to_contain_text(re.compile(r"loss \d+\.\d{3}"), timeout=90_000)
    expect(status(page, "prototypes")).to_contain_text("nearest")
    expect(status(page, "confusion")).to_contain_text("right")
    for name in VIEWS:
        assert view(page, name).count() == 1
    for name in ["Temperature", "Epoch", "Learning rate", "Weight decay", "Label noise", "Tilt"]:
        expect(slider(page, name)).to_have_count(1)
    for name in ["Data", "Model", "Loss menu"]:
        expect(page.get_by_role("combobox", name=name, exact=True)).to_have_count(1)
    for name in ["Train", "Pause", "Step", "Reset"]:
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_label("Bins", exact=True)).to_have_count(1)
    shot("lab-light")


def test_the_temperature_slider_recomputes_in_the_browser_and_agrees_with_the_kernel(
    digits: Page, outgoing: Outgoing
) -> None:
    digits.set_viewport_size({"width": 1280, "height": 1400})  # out of sight it would wait for the end
    start = ece(digits)
    told = outgoing.comms()
    knob = slider(digits, "Temperature")
    box = knob.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    digits.mouse.move(box["x"] + box["width"] / 2, y)
    digits.mouse.down()
    seen = set()
    for i in range(10):
        digits.mouse.move(box["x"] + box["width"] * (0.5 + 0.04 * i), y)
        pause(digits, 40)
        seen.add(ece(digits))
    assert len(seen) > 5 and start not in list(seen)[1:]
    assert outgoing.comms() == told, "a drag must not ask the kernel"
    digits.mouse.up()
    pause(digits, 300)
    printed = run_cell(digits, "print(lab.temperature, lab.views.reliability.result.ece)")
    temperature, kernel = map(float, printed.split())
    assert temperature > 1
    shows_ece(digits, kernel)


def test_every_slider_moves_by_the_keyboard_alone(digits: Page) -> None:
    for name in ["Temperature", "Epoch", "Tilt", "Loss line"]:
        knob = slider(digits, name)
        knob.focus()
        before = knob.get_attribute("aria-valuetext")
        digits.keyboard.press("ArrowLeft")
        expect(knob).not_to_have_attribute("aria-valuetext", before or "", timeout=3_000)


def test_double_click_brings_a_slider_back(digits: Page) -> None:
    drag(digits, slider(digits, "Temperature"), 0.8)
    expect(slider(digits, "Temperature")).not_to_have_attribute("aria-valuetext", "T = 1.00")
    slider(digits, "Temperature").dblclick()
    expect(slider(digits, "Temperature")).to_have_attribute("aria-valuetext", "T = 1.00")


def test_fit_goes_to_the_temperature_the_kernel_finds(digits: Page) -> None:
    digits.get_by_role("button", name="Fit T to the data", exact=True).click()
    pause(digits, 300)
    found, best = map(
        float,
        run_cell(digits, "print(lab.temperature, lab.views.reliability.result.best_temperature)").split(),
    )
    assert found == pytest.approx(best, rel=1e-3)


def test_the_epoch_slider_travels_in_time_without_the_kernel(digits: Page, outgoing: Outgoing) -> None:
    told = outgoing.comms()
    knob = slider(digits, "Epoch")
    box = knob.bounding_box()
    assert box
    digits.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    digits.mouse.down()
    digits.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20, steps=8)
    pause(digits, 200)
    assert outgoing.comms() == told
    digits.mouse.up()
    pause(digits, 300)
    step, kernel = run_cell(digits, "print(lab.step, lab.views.reliability.result.ece)").split()
    assert 0 < int(step) < 8 * 20
    shows_ece(digits, float(kernel))


def test_a_hovered_landscape_point_is_a_network_in_every_view(digits: Page, outgoing: Outgoing) -> None:
    expect(status(digits, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    pause(digits, 500)
    canvas = view(digits, "landscape").locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    resting, told = ece(digits), outgoing.comms()
    digits.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.2)
    digits.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.15)
    for name in ["reliability", "boundary", "landscape"]:
        expect(status(digits, name)).to_contain_text("Hovered:")
    shows_other_ece(digits, resting)
    digits.mouse.move(5, 5)
    expect(status(digits, "reliability")).not_to_contain_text("Hovered:")
    shows_ece(digits, resting)
    assert outgoing.comms() == told


def test_tilting_keeps_accuracy_while_the_mirror_images_come_nearer(digits: Page) -> None:
    def numbers() -> tuple[float, float, float]:
        angle, strength, right = NUMBER.findall(status(digits, "boundary").inner_text())[:3]
        return float(angle), float(strength), float(right)

    angle, strength, right = numbers()
    knob = slider(digits, "Tilt")
    knob.focus()
    digits.keyboard.press("End")
    expect(status(digits, "boundary")).not_to_contain_text(f"angle {angle}°")
    tilted = numbers()
    assert tilted[0] > angle + 10 and tilted[1] > 1.5 * strength
    assert abs(tilted[2] - right) < 8
    digits.keyboard.press("Home")  # as far to the other side
    expect(knob).to_have_attribute("aria-valuetext", "−85.0°")
    view(digits, "boundary").get_by_role("button", name="nearest centroid").click()
    expect(status(digits, "boundary")).to_contain_text("angle 0.0°")
    knob.dblclick()
    expect(status(digits, "boundary")).to_contain_text(f"angle {angle}°")


def test_train_pause_step_and_reset_steer_the_run(digits: Page) -> None:
    digits.get_by_role("button", name="Reset", exact=True).click()
    expect(digits.locator(".clsviz-where")).to_contain_text("epoch 0")
    digits.get_by_role("button", name="Step", exact=True).click()
    expect(slider(digits, "Epoch")).not_to_have_attribute("aria-valuetext", "epoch 0")
    assert run_cell(digits, "print(lab.run.progress['step'])").strip() == "1"
    run_cell(digits, "lab.run.pace = 4")
    digits.get_by_role("button", name="Train", exact=True).click()
    expect(digits.locator(".clsviz-where")).to_contain_text("training")
    digits.get_by_role("button", name="Pause", exact=True).click()
    expect(digits.locator(".clsviz-where")).not_to_contain_text("training")
    assert run_cell(digits, "print(lab.run.state)").strip() == "paused"


def test_training_on_from_the_past_branches(digits: Page) -> None:
    knob = slider(digits, "Epoch")
    knob.focus()
    for _ in range(3):
        digits.keyboard.press("ArrowLeft")
    pause(digits, 200)
    step = int(run_cell(digits, "print(lab.step)"))
    digits.get_by_role("button", name="Step", exact=True)
    digits.get_by_role("button", name="Train", exact=True).click()
    rested(digits)
    steps = run_cell(digits, "print(lab.run.timeline.steps)")
    assert str(step) in steps
    assert run_cell(digits, "print(lab.step)").strip() == "None"


def test_other_data_model_and_loss_train_at_once(digits: Page) -> None:
    digits.get_by_role("combobox", name="Data", exact=True).select_option("moons")
    expect(status(digits, "confusion")).to_contain_text("of 160 right", timeout=30_000)
    rested(digits)
    menu = digits.get_by_role("combobox", name="Loss menu", exact=True)
    menu.click()
    menu.fill("focal")  # what begins with the word comes before what only mentions it
    menu.press("Enter")
    pause(digits, 300)
    assert run_cell(digits, "print(lab.run.loss.name)").strip() == "focal"
    digits.get_by_role("combobox", name="Model", exact=True).select_option("rbf")
    rested(digits)
    expect(status(digits, "boundary")).to_contain_text(re.compile(r"angle \d+\.\d°"), timeout=30_000)


def test_a_selection_is_shared_and_escape_clears_it(digits: Page) -> None:
    matrix = view(digits, "confusion").locator("canvas").first
    matrix.scroll_into_view_if_needed()
    matrix.focus()
    digits.keyboard.press("ArrowRight")
    digits.keyboard.press("Enter")
    clear = digits.get_by_role("button", name=re.compile("Clear selection"))
    expect(clear).to_be_enabled()
    pause(digits, 200)
    chosen = run_cell(digits, "print(len(lab.selection))")
    expect(clear).to_have_text(f"Clear selection ({chosen.strip()})")
    digits.keyboard.press("Escape")
    expect(clear).to_be_disabled()
    run_cell(digits, "lab.selection = lab.run.dataset.validation[:7]")
    expect(clear).to_have_text("Clear selection (7)")


def test_what_is_set_in_code_is_seen_on_screen(digits: Page) -> None:
    run_cell(digits, "lab.temperature = 3; lab.views.reliability.n_bins = 9; lab.marked = 5")
    expect(slider(digits, "Temperature")).to_have_attribute("aria-valuetext", "T = 3.00")
    expect(digits.get_by_label("Bins", exact=True)).to_have_value("9")
    expect(view(digits, "inspector")).to_contain_text("sample 5")


def test_a_busy_kernel_stops_neither_the_slider_nor_the_training(
    outgoing: Outgoing, open_notebook: Callable[..., Page], lab: Lab
) -> None:
    page = open_notebook([OPEN.format(arguments='"digits", epochs=400, pace=20')])
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    ece(page)  # the page has its data
    page.evaluate(
        """code => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code }); }""",
        "import pathlib, time\nlab.run.start()\nwhile not pathlib.Path('enough').exists(): time.sleep(0.05)",
    )
    expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"epoch\s*\d{2}"), timeout=60_000)
    expect(status(page, "reliability")).to_contain_text("ECE 0.0", timeout=30_000)
    where = page.locator(".clsviz-where").inner_text()
    drag(page, slider(page, "Temperature"), 0.75)
    expect(status(page, "reliability")).to_contain_text(re.compile(r"ECE 0\.[1-9]"), timeout=10_000)
    expect(page.locator(".clsviz-where")).not_to_have_text(where, timeout=10_000)
    (lab.root / "enough").touch()
    assert float(run_cell(page, "print(lab.temperature)")) > 2
    assert len(outgoing.sent) < 400


def test_views_live_on_when_the_kernel_is_gone(digits: Page, console_errors: list[str]) -> None:
    before = ece(digits)
    digits.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(digits.get_by_role("alert")).to_contain_text("Kernel is gone", timeout=30_000)
    drag(digits, slider(digits, "Temperature"), 0.8)
    expect(status(digits, "reliability")).not_to_contain_text(f"ECE {before:.4f}")
    slider(digits, "Epoch").focus()
    digits.keyboard.press("Home")
    expect(slider(digits, "Epoch")).to_have_attribute("aria-valuetext", "epoch 0")
    expect(digits.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    console_errors.clear()  # JupyterLab itself complains of the closed comms


def test_running_the_cell_again_replaces_the_lab(digits: Page) -> None:
    for _ in range(3):
        digits.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        rested(digits)
    pause(digits, 500)
    assert digits.locator(LAB).count() == 1
    assert digits.evaluate("() => globalThis[Symbol.for('clsviz')].sessions.size") == 1
    threads = run_cell(digits, "import threading; print(sorted(t.name for t in threading.enumerate()))")
    assert threads.count("clsviz-trainer") == 1 and threads.count("clsviz-publisher") == 1


@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("cv.ReliabilityDiagram.from_estimator(model, X, y)", "reliability", r"ECE \d\.\d{4}"),
        ("cv.BoundaryView.from_estimator(model, X, y)", "boundary", r"angle \d+\.\d°"),
        ("cv.PrototypeGallery.from_estimator(model, X, y)", "prototypes", "nearest"),
        ("cv.ConfusionMatrix.from_estimator(model, X, y)", "confusion", "right"),
        ("cv.SampleInspector.from_estimator(model, X, y)", "inspector", "network says"),
        ("cv.LossLandscape(net, X.to_numpy(), y, plane='random')", "landscape", r"loss \d+\.\d{3}"),
        (
            "cv.ReliabilityDiagram.from_predictions(y, model.predict_proba(X), kind='probs')",
            "reliability",
            "ECE",
        ),
    ],
)
def test_each_view_stands_alone(open_notebook: Callable[..., Page], code: str, name: str, says: str) -> None:
    setup = (
        "import clsviz as cv, torch\nfrom sklearn.datasets import load_iris\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "X, y = load_iris(return_X_y=True, as_frame=True)\n"
        "model = RandomForestClassifier(20, random_state=0).fit(X, y)\n"
        "torch.manual_seed(0)\nnet = torch.nn.Linear(4, 3)\n"
    )
    page = open_notebook([setup + code])
    expect(status(page, name)).to_contain_text(re.compile(says), timeout=60_000)


def test_a_watched_loop_feeds_the_same_views(open_notebook: Callable[..., Page]) -> None:
    page = open_notebook(
        [
            "import clsviz as cv, torch\ndata = cv.data.moons(n=200)\nnet = torch.nn.Sequential("
            "torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))\n"
            "w = cv.watch(net, data.X, data.y)\nw",
            "import time\nopt = torch.optim.SGD(net.parameters(), lr=0.5)\n"
            "X, y = map(torch.from_numpy, (data.X, data.y))\n"
            "for _ in range(60):\n    opt.zero_grad(); loss = torch.nn.functional.cross_entropy(net(X), y); "
            "loss.backward(); opt.step(); w.step(loss); time.sleep(0.02)\nw.close()\nprint('finished')",
        ]
    )
    expect(page.locator(LAB)).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-OutputArea-output", has_text="finished")).to_be_visible(timeout=60_000)
    expect(page.locator(".clsviz-where")).to_contain_text(re.compile(r"step\s*60"))
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_hidden()
    kernel = float(run_cell(page, "print(w.lab.views.reliability.result.ece)"))
    shows_ece(page, kernel)


def test_an_exported_page_is_live_without_kernel_or_network(
    digits: Page, lab, browser, shot: Callable[[str], Path]
) -> None:
    expect(status(digits, "landscape")).to_contain_text(re.compile(r"loss \d"), timeout=90_000)
    shown = ece(digits)
    run_cell(digits, "lab.session._probes.join(); lab.to_html('handout.html')")
    path = lab.root / "handout.html"
    assert path.stat().st_size < 3_000_000
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    alone = context.new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda e: errors.append(str(e)))
    alone.goto(path.as_uri())
    expect(status(alone, "reliability")).to_contain_text("ECE", timeout=20_000)
    shows_ece(alone, shown)
    drag(alone, slider(alone, "Temperature"), 0.75)
    shows_other_ece(alone, shown)
    slider(alone, "Epoch").focus()
    alone.keyboard.press("Home")
    expect(slider(alone, "Epoch")).to_have_attribute("aria-valuetext", "epoch 0")
    assert not errors
    context.close()


def test_no_request_leaves_the_machine(
    page: Page, outgoing: Outgoing, lab, open_notebook: Callable[..., Page]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_notebook([OPEN.format(arguments='"iris", epochs=3')])
    expect(status(page, "reliability")).to_contain_text("ECE", timeout=60_000)
    strangers = [u for u in asked if not u.startswith((lab.address, "data:", "blob:"))]
    assert asked and strangers == []


def test_dark_theme_narrow_page_and_projector_draw_every_view(
    digits: Page, shot: Callable[[str], Path]
) -> None:
    digits.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    digits.evaluate(
        "() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
    )
    expect(digits.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    pause(digits, 1000)
    assert digits.locator(".clsviz-broken").count() == 0
    shot("lab-dark")
    digits.set_viewport_size({"width": 900, "height": 900})
    pause(digits, 500)
    assert digits.locator(".clsviz-broken").count() == 0
    shot("lab-narrow")
    digits.set_viewport_size({"width": 1280, "height": 720})
    digits.get_by_role("button", name="Projector").click()
    pause(digits, 500)
    shot("lab-projector")
    digits.get_by_role("button", name="landscape to stage").click()
    expect(digits.locator('[data-slot="landscape"]')).to_have_class(re.compile("clsviz-on-stage"))
    assert digits.locator(".clsviz-broken").count() == 0


def test_nothing_moves_while_a_slider_moves(digits: Page) -> None:
    boxes = """() => [...document.querySelectorAll('[data-view]')].map((e) => {
      const r = e.getBoundingClientRect(); return [e.dataset.view, r.x, r.width, r.height].join(); })"""
    all_drawn(digits)
    before = digits.evaluate(boxes)
    knob = slider(digits, "Temperature")
    knob.focus()
    for key in ["End", "Home"]:
        digits.keyboard.press(key)
        pause(digits, 100)
        assert digits.evaluate(boxes) == before
