"""The tilt view's numbers in Python: theory, samples, types, the L2 path, epochs, and what it refuses."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import clsviz as cv
from clsviz.errors import InputError

TOY = {"dim": 5, "sigma_tilt": 0.3, "rho": -0.8, "n": 200}


@pytest.fixture(scope="module")
def run():
    run = cv.Run(cv.Experiment(data=cv.Spec("tilted", TOY), model="linear", epochs=8)).start()
    run.wait()
    return run


def test_it_says_the_error_that_the_boundary_view_says(run):
    for state in ({}, {"tilt": 50.0}, {"tilt": -30.0}, {"regularisation": 0.1}):
        view = cv.TiltView.from_run(run, **state)
        other = cv.BoundaryView.from_run(run, **state).result
        r = view.result
        assert r.error == pytest.approx(1 - other.accuracy)
        assert r.strength == pytest.approx(other.strength)
        assert abs(r.angle) == pytest.approx(other.angle)
        assert r.drawn and f"type {r.type}" in r.summary()


def test_on_the_set_with_controlled_tilt_the_theory_is_the_exact_error_of_each_rule(run):
    view = cv.TiltView.from_run(run)
    toy = {"separation": 2.0, "sigma_signal": 0.5, "sigma_tilt": 0.3, "rho": -0.8, "sigma_rest": 0.5}
    assert dict(run.dataset.tilt) == toy
    X, y = cv.boundary.make_tilt_data(60_000, TOY["dim"], seed=9, sigma_tilt=0.3, rho=-0.8)
    for tilt in (-60.0, 20.0, 70.0):
        view.tilt = tilt
        w = cv.widgets.overlay.pair_rule(view).w
        measured = np.mean((X @ w > 0) != (y == 1))  # half-way between the classes
        assert view.result.theory_error == pytest.approx(measured, abs=4e-3)


def test_in_the_plane_of_the_class_and_tilt_axes_it_is_tilt_theory():
    model = nn.Linear(2, 2)
    data = cv.data.tilted(dim=2, n=4000, sigma_tilt=0.3, rho=-0.8)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.5]]))
        model.bias.zero_()
    r = cv.TiltView.from_estimator(model, data.X, data.y).result  # does not know what it was drawn from
    theory = cv.boundary.tilt_theory(np.deg2rad(r.degrees), sigma_tilt=0.3, rho=-0.8)
    assert not r.drawn
    np.testing.assert_allclose(r.theory, theory.error, atol=0.01)
    np.testing.assert_allclose(r.errors, theory.error, atol=0.02)
    assert r.best_angle == pytest.approx(np.rad2deg(theory.optimal_angle), abs=3)


def test_types_follow_angle_and_theory(run):
    r = cv.TiltView.from_run(run).result
    least = r.theory.min()
    assert (r.types[np.abs(r.degrees) <= 30] == 0).all()
    beyond = np.abs(r.degrees) > 30
    np.testing.assert_array_equal(r.types[beyond] == 1, r.theory[beyond] <= least + 0.01)
    assert {0, 1, 2} == set(r.types) and r.best_error == least


def test_the_l2_path_is_that_of_tilt_path_with_errors_on_validation_samples(run):
    data = run.dataset
    levels = [1e-3, 0.1, 10.0]
    path = cv.TiltView.from_run(run).l2_path(levels)
    X, y = data.X[data.train].astype(float), data.y[data.train]
    for point, own in zip(path, cv.boundary.tilt_path(X, y, levels), strict=True):
        assert point.at == own.lam
        assert np.deg2rad(point.angle) == pytest.approx(own.angle, abs=1e-6)
        assert point.distance == pytest.approx(own.adversarial_distance)
        fit = cv.boundary.logistic_l2(X, y, own.lam)
        held = data.X[data.validation] @ fit.w + fit.b > 0
        assert point.error == pytest.approx(np.mean(held != (data.y[data.validation] == 1)))


def test_epochs_are_the_networks_own_and_end_at_what_is_shown(run):
    view = cv.TiltView.from_run(run)
    points = view.epochs()
    assert len(points) == len(run.timeline) and points[-1].error == pytest.approx(view.result.error)
    assert points[-1].angle == pytest.approx(view.result.angle)


def test_it_is_drawn_and_opened_in_a_lab_under_its_name(run):
    view = cv.TiltView.from_run(run, tilt=40.0)
    assert view.to_png()[:4] == b"\x89PNG" and len(view.to_plotly().data) == 7
    lab = cv.Lab.from_run(run, more=["tilt"], tilt=40.0)
    assert lab.views.tilt.result.error == view.result.error and len(lab.views.tilt.l2_path([1.0])) == 1
    assert "<title>TiltView</title>" in lab.views.tilt.to_html()
    lab.close()


def test_a_model_without_slopes_is_turned_from_its_discriminant(run):
    data = run.dataset
    forest = RandomForestClassifier(10, random_state=0).fit(data.X, data.y)
    view = cv.TiltView.from_estimator(forest, data.X, data.y)
    assert np.isfinite(view.result.errors).all() and view.epochs() == []


def test_it_says_what_it_needs():
    view = cv.TiltView.from_estimator(nn.Linear(1, 2), np.arange(8.0)[:, None], [0, 1] * 4)
    with pytest.raises(InputError, match="at least two features"):
        _ = view.result
    with pytest.raises(InputError, match="at least two features"):
        view.l2_path()
    assert view.to_png()[:4] == b"\x89PNG"
