"""Every output holds a picture and a line of text, also where no widget runs."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import clsviz as cv
from clsviz.widgets import pictures
from clsviz.widgets.base import SAVED_MIME
from clsviz.widgets.drawing import clipped, legible, ticks

MOST_BYTES = 60_000
VIEWS = [
    cv.ReliabilityDiagram,
    cv.BoundaryView,
    cv.LossLandscape,
    cv.PrototypeGallery,
    cv.ConfusionMatrix,
    cv.SampleInspector,
]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def ink(png: bytes) -> float:
    """Share of the pixels below the title that are not white."""
    return float((pixels(png)[34:].min(-1) < 240).mean())


@pytest.fixture(scope="module", params=["moons", "iris", "digits"])
def finished(request):
    run = cv.Run(cv.Experiment(request.param, epochs=2))
    run.start()
    assert run.wait(120)
    yield run
    run.stop()


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_a_small_picture_with_something_on_it(finished, view):
    widget = view.from_run(finished, **({"resolution": 11} if view is cv.LossLandscape else {}))
    try:
        if view is cv.LossLandscape:
            widget.session._probes.join()
        png = widget.to_png()
        assert len(png) < MOST_BYTES
        assert ink(png) > 0.02
    finally:
        widget.close()


def test_the_output_of_a_lab_holds_widget_picture_text_and_a_place_for_what_is_saved():
    lab = cv.Lab("digits", epochs=1, pace=None)
    lab.run.wait(60)
    data, _ = lab._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == lab.model_id
    assert len(data["image/png"]) < MOST_BYTES * 4 / 3
    assert pixels(base64.b64decode(data["image/png"])).shape == (574, 1200, 3)
    assert data[SAVED_MIME] == {"version": 1, "view": "lab", "name": "Lab"}
    metrics = lab.run.timeline.latest.metrics
    assert data["text/plain"] == (
        "<Lab of digits: mlp, cross_entropy, epoch 1, "
        f"accuracy {metrics['validation_accuracy']:.4f}, ECE {metrics['validation_ece']:.4f}>"
    )
    lab.close()


def test_a_picture_shows_the_state_of_its_view(trained):
    view = cv.ReliabilityDiagram.from_run(trained)
    before = view.to_png()
    view.temperature = 5.0
    assert view.to_png() != before
    assert "T = 5.00" in repr(view)


def test_a_lab_that_has_not_begun_has_a_picture_that_says_so():
    lab = cv.Lab("moons", autostart=False)
    assert 0 < len(lab.to_png()) < MOST_BYTES
    assert repr(lab).startswith("<Lab of moons: mlp, cross_entropy")
    lab.close()


def test_what_cannot_be_drawn_never_costs_the_output(trained, monkeypatch, caplog):
    def broken(page, box, view):
        raise RuntimeError("no")

    monkeypatch.setitem(pictures.DRAW, "confusion", ("Confusion", broken))
    view = cv.ConfusionMatrix.from_run(trained)
    assert ink(view.to_png()) > 0.001
    assert "no picture of confusion" in caplog.text


def test_views_that_need_inputs_say_so_in_their_picture():
    view = cv.ReliabilityDiagram.from_predictions([0, 1, 1], [[2.0, 1], [0, 1], [1, 3]])
    assert ink(view.to_png()) > 0.02
    lab = cv.Lab.from_run(view.source)
    assert len(lab.to_png()) < MOST_BYTES


def test_a_view_of_a_lab_gives_its_own_picture(tmp_path):
    lab = cv.Lab("moons", epochs=1, pace=None)
    lab.run.wait(60)
    path = tmp_path / "reliability.png"
    assert lab.views.reliability.to_png(path) == path.read_bytes()
    lab.close()


def test_ticks_are_round_and_inside():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-3, 12) == pytest.approx([0, 5, 10])
    assert ticks(1, 1) == []


def test_a_line_is_drawn_inside_its_frame_only():
    box = (0.0, 0.0, 10.0, 10.0)
    assert clipped((-5, 5), (15, 5), box) == ((0, 5), (10, 5))
    assert clipped((-5, -5), (-1, 20), box) is None
    assert clipped((2, 2), (3, 3), box) == ((2, 2), (3, 3))


def test_names_in_any_script_are_written_or_replaced_but_never_fail(monkeypatch):
    monkeypatch.setattr("clsviz.widgets.drawing._system_font", lambda size: None)
    assert legible("Café") == "Cafe"
    assert legible("plain") == "plain"
    assert legible("日本").isascii()
