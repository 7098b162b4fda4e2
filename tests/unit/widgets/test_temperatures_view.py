"""The view of per-sample temperatures: its numbers in Python, and what the kernel learns for it."""

from functools import partial

import numpy as np
import pytest
import torch

import clsviz as cv
from clsviz.errors import InputError, MessageError
from clsviz.widgets import temperature_job
from clsviz.widgets.messages import AskTemperatures, parse
from clsviz.widgets.temperature_job import learnt_temperatures, temperature_answer


@pytest.fixture(scope="module")
def noisy():
    run = cv.Run(cv.Experiment("moons", epochs=4, seed=1, label_noise=0.3))
    run.start()
    assert run.wait(60) and run.state == "finished", run.message
    yield run
    run.stop()


def scores(logits, labels, t):
    z = logits / t
    return cv.calibration.nll(z, labels, kind="logits"), cv.calibration.ece(z, labels, kind="logits")


def test_temperatures_are_those_of_the_robust_ball_and_are_judged_by_the_public_functions(noisy):
    view = cv.TemperatureView.from_run(noisy, rho=0.4)
    r, data = view.result, noisy.dataset
    z, y = noisy.predict(data.X[data.validation]), data.y[data.validation]
    tau = cv.calibration.tempnet_temperature(z, rho=0.4, tau_min=0.05, tau_max=20)
    np.testing.assert_allclose(r.temperature, tau, rtol=1e-5)
    assert (r.nll, r.ece) == pytest.approx(scores(z, y, tau[:, None]), abs=1e-6)
    assert r.fitted == pytest.approx(cv.calibration.fit_temperature(z, y).temperature, rel=1e-5)
    assert (r.nll_fitted, r.ece_fitted) == pytest.approx(scores(z, y, r.fitted), abs=1e-6)
    assert (r.nll_trained, r.ece_trained) == pytest.approx(scores(z, y, 1.0), abs=1e-6)
    assert r.nll_fitted <= r.nll_trained
    right = z.argmax(1) == y
    pairs = [(w > v) + (w == v) / 2 for w in tau[~right] for v in tau[right]]
    assert r.wrong_hotter == pytest.approx(np.mean(pairs))


def test_wrong_labels_are_a_group_of_their_own_and_the_hottest_come_first(noisy):
    view = cv.TemperatureView.from_run(noisy, part="training")
    r, data = view.result, noisy.dataset
    assert r.rho == pytest.approx(np.log(2) / 2)
    np.testing.assert_array_equal(r.samples, data.train)
    np.testing.assert_array_equal(r.groups == 2, data.y[data.train] != data.y_clean[data.train])
    heat = dict(zip(r.samples, r.temperature, strict=True))
    ordered = [heat[i] for i in r.order]
    assert ordered == sorted(ordered, reverse=True)
    assert len(r.hottest) == int(np.ceil(0.05 * len(data.train)))
    assert min(heat[i] for i in r.hottest) >= ordered[len(r.hottest)]
    assert (np.diff(r.hottest) > 0).all()


def test_learnt_temperatures_come_from_networks_that_have_not_seen_the_sample(monkeypatch):
    quick = partial(cv.calibration.fit_tempnet, steps=8)
    monkeypatch.setitem(temperature_job.FIT, "tempnet", quick)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 3)) * 4
    y = np.where(rng.random(60) < 0.7, z.argmax(1), rng.integers(0, 3, 60))
    fold = np.random.default_rng(0).permutation(np.arange(60) % 5)
    out = learnt_temperatures("tempnet", z, y)
    for f in (0, 3):
        fit = quick(z[fold != f], y[fold != f])
        np.testing.assert_allclose(out[fold == f], fit.temperature(z[fold == f]))
    whole = learnt_temperatures("tempnet", z, y, z[:4] + 1)
    np.testing.assert_allclose(whole, quick(z, y).temperature(z[:4] + 1))
    view = cv.TemperatureView.from_predictions(y, z, by="tempnet")
    np.testing.assert_allclose(view.result.temperature, out, rtol=1e-5)
    with pytest.raises(InputError, match="10 or more validation samples, here are 9"):
        learnt_temperatures("tempnet", z[:9], y[:9])


def test_a_models_own_temperatures_are_shown_with_the_logits_they_divide():
    run = cv.Run(cv.Experiment("moons", model="tempnet", loss="robust_temperature", epochs=2)).start()
    assert run.wait(60) and run.state == "finished", run.message
    view, data = cv.TemperatureView.from_run(run, by="model"), run.dataset
    out = run.model_at().outputs(torch.from_numpy(data.X[data.validation]))
    r = view.result
    np.testing.assert_allclose(r.temperature, out["tau"].detach(), rtol=1e-5)
    z = out["logits"].detach().double().numpy()
    assert r.nll == pytest.approx(cv.calibration.nll(z, data.y[data.validation], kind="logits"), abs=1e-5)
    base = z * r.temperature[:, None]
    expected = cv.calibration.fit_temperature(base, data.y[data.validation], bounds=(0.001, 20))
    assert r.fitted == pytest.approx(expected.temperature, rel=1e-4)
    packet = temperature_answer(run, "r", AskTemperatures("model", None, "training", 50), lambda rows: None)
    assert len(packet.buffers[0]) == 50 and len(packet.buffers[1]) == len(data.validation)
    view.to_html()
    np.testing.assert_allclose(view.session._last_temperatures[0].buffers[0], r.temperature)
    run.stop()


def test_a_model_without_temperatures_is_told_so(noisy):
    with pytest.raises(InputError, match="gives no temperatures"):
        _ = cv.TemperatureView.from_run(noisy, by="model").result
    request = AskTemperatures("model", None, "validation", 50)
    packet = temperature_answer(noisy, "r", request, lambda rows: noisy.predict(noisy.dataset.X[rows]))
    assert "gives no temperatures" in packet.header["why"]
    bare = cv.TemperatureView.from_predictions([0, 1] * 10, np.eye(2)[[0, 1] * 10] * 3, by="model")
    with pytest.raises(InputError, match="predictions alone"):
        _ = bare.result


def test_messages_about_temperatures_are_checked():
    good = {"kind": "temperatures", "by": "tempnet", "step": 3, "member": None, "part": "training", "most": 9}
    assert parse(good) == AskTemperatures("tempnet", 3, "training", 9, None)
    for change, says in [({"by": "ball"}, "by must be one of"), ({"most": 0}, "most must lie in")]:
        with pytest.raises(MessageError, match=says):
            parse(good | change)


def test_pictures_are_drawn_and_the_lab_has_the_view(noisy):
    view = cv.TemperatureView.from_run(noisy)
    assert "mean T" in view.to_plotly().layout.title.text and view.to_png()
    lab = cv.Lab.from_run(noisy, more=["temperatures"])
    lab.views.temperatures.rho = 0.2
    assert lab.temperatures_rho == 0.2 and lab.views.temperatures.result.rho == 0.2
    assert lab.views.temperatures.to_png()
