"""TempNet after training: what it learns, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError


def samples(n=300, k=4, seed=0, scale=3.0):
    """Logits whose labels are drawn from their softmax, then `scale` times too sure."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=(n, k))
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return scale * z, np.array([rng.choice(k, p=row) for row in p])


def distance(probs):
    return np.log(probs.shape[1]) + (probs * np.log(probs)).sum(1)


def test_untrained_it_is_temperature_scaling():
    z, y = samples()
    fit = cal.fit_tempnet(z, y, steps=0)
    t = cal.fit_temperature(z, y).temperature
    np.testing.assert_allclose(fit.temperature(z), t, rtol=1e-9)
    np.testing.assert_allclose(cal.apply_tempnet(fit, z), cal.apply_temperature(z, t), atol=1e-12)


def test_the_distance_it_takes_makes_the_fitted_temperature_the_best_single_one():
    z, y = samples()
    t = cal.fit_temperature(z, y).temperature
    rho = cal.fit_tempnet(z, y, steps=0).rho
    assert rho == pytest.approx(distance(cal.apply_temperature(z, t)).mean())
    losses = [cal.tempnet_loss(z, y, s, rho=rho).mean() for s in (t * 0.98, t, t * 1.02)]
    assert losses[1] == min(losses)


@pytest.mark.parametrize("seed", range(3))
def test_training_lowers_its_loss_and_brings_samples_nearer_to_the_distance(seed):
    z, y = samples(seed=seed)
    start, fit = cal.fit_tempnet(z, y, rho=0.6, steps=0), cal.fit_tempnet(z, y, rho=0.6, seed=seed)
    loss = [cal.tempnet_loss(z, y, f.temperature(z), rho=0.6).mean() for f in (start, fit)]
    best = cal.tempnet_loss(
        z, y, cal.tempnet_temperature(z, rho=0.6, tau_min=0.05, tau_max=20.0), rho=0.6
    ).mean()
    assert best <= loss[1] < loss[0] - 0.8 * (loss[0] - best)
    spread = [np.abs(distance(cal.apply_tempnet(f, z)) - 0.6).mean() for f in (start, fit)]
    assert spread[1] < spread[0] / 3


@given(st.integers(0, 2**31), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_order_of_classes_and_of_samples_changes_nothing_and_top_classes_stay(seed, k):
    rng = np.random.default_rng(seed)
    z, y = samples(60, k, seed % 1000)
    fit = cal.fit_tempnet(z, y, steps=15)
    classes, rows = rng.permutation(k), rng.permutation(60)
    tau = fit.temperature(z)
    np.testing.assert_allclose(fit.temperature(z[rows][:, classes]), tau[rows], rtol=1e-9)
    assert (tau >= 0.05).all() and (tau <= 20).all()
    np.testing.assert_array_equal(cal.apply_tempnet(fit, z).argmax(1), z.argmax(1))


def test_it_depends_on_its_seed_alone():
    z, y = samples()
    one, two, other = (cal.fit_tempnet(z, y, steps=30, seed=s).temperature(z) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_two_classes_may_be_one_column():
    z, y = samples(80, 2)
    margin = z[:, 1] - z[:, 0]
    wide, narrow = cal.fit_tempnet(z, y, steps=20), cal.fit_tempnet(margin, y, steps=20)
    np.testing.assert_allclose(narrow.temperature(margin), wide.temperature(z), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": -0.1}, "rho must be >= 0"),
        ({"bounds": (2, 1)}, "bounds must be 0 < low < high"),
        ({"steps": -1}, "steps must be an integer >= 0"),
        ({"seed": 0.5}, "seed must be an integer >= 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        cal.fit_tempnet(*samples(20), **options)


def test_other_classes_than_fitted_are_refused():
    fit = cal.fit_tempnet(*samples(20), steps=0)
    with pytest.raises(ShapeError, match="the 4 classes of the fit, got 3"):
        cal.apply_tempnet(fit, np.zeros((2, 3)))


def test_the_common_front_has_it():
    z, y = samples(60)
    front = cal.Calibrator("tempnet", steps=10, rho=0.5).fit(z, y)
    expected = cal.apply_tempnet(cal.fit_tempnet(z, y, steps=10, rho=0.5), z)
    np.testing.assert_array_equal(front.predict_proba(z), expected)
