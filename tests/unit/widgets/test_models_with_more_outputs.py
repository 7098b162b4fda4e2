"""The lab's views work on models beyond plain networks: temperatures, exits, prototypes, a ball."""

import numpy as np
import pytest

import clsviz as cv
from clsviz import calibration as cal

MODELS = {
    "tempnet": {"hidden": (8,)},
    "early_exit": {"hidden": (8, 8)},
    "nearest_prototype": {"per_class": 2},
    "hyperbolic_head": {"hidden": (8,)},
}
LOSSES = {"tempnet": "robust_temperature", "early_exit": "jei_dnn"}


@pytest.fixture(params=list(MODELS))
def lab(request):
    model = {"name": request.param, "params": MODELS[request.param]}
    lab = cv.Lab({"name": "moons", "params": {"n": 120}}, model=model, epochs=3, autostart=False)
    lab.run.start()
    assert lab.run.wait(60) and lab.run.state == "finished"
    yield lab
    lab.close()


def test_the_companion_loss_comes_with_the_model(lab):
    expected = LOSSES.get(lab.run.experiment.model.name, "cross_entropy")
    assert lab.run.experiment.loss.name == expected


def test_views_show_what_the_model_answers(lab):
    data = lab.run.dataset
    logits = lab.run.predict(data.X[data.validation])
    shown = lab.views.reliability.result
    assert shown.ece == pytest.approx(cal.ece(logits, data.y[data.validation], kind="logits"), abs=1e-6)
    matrix = lab.views.confusion.result
    assert np.trace(matrix.counts) == (logits.argmax(1) == data.y[data.validation]).sum()


def test_a_fan_of_them_is_a_lab_too(lab):
    paths = {"tempnet": "loss.radius", "early_exit": "loss.cost_weight"}
    path = paths.get(lab.run.experiment.model.name, "loss_temperature")
    fan = cv.Fan(lab.run.experiment, {path: [0.3, 0.8]})
    fan.start()
    assert fan.wait(60) and fan.state == "finished"
    shown = cv.Lab.from_run(fan)
    assert np.isfinite(shown.views.reliability.result.ece)
    shown.close()
    fan.stop()


def test_with_one_class_to_train_on_the_boundary_runs_between_validation_samples():
    model = {"name": "hyperbolic_head", "params": {"hidden": (16,)}}
    lab = cv.Lab("one_digit", model=model, loss="hyp_oc", epochs=10, autostart=False)
    lab.run.start()
    assert lab.run.wait(60) and lab.run.state == "finished"
    shown = lab.views.boundary.result
    assert shown.pair == (0, 1) and 0 <= shown.angle < 90
    logits = lab.run.predict(lab.run.dataset.X[lab.run.dataset.validation])
    assert shown.accuracy == (logits.argmax(1) == lab.run.dataset.y[lab.run.dataset.validation]).mean()
    lab.close()
