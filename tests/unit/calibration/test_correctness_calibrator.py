"""The calibrator that learns which answers are right, with and without copies of the samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError


def samples(n=400, k=4, seed=0):
    """Logits, labels, and logits of three copies that agree where the answer is right."""
    rng = np.random.default_rng(seed)
    z = 2 * rng.normal(size=(n, k))
    right = rng.random(n) < 0.7
    y = np.where(right, z.argmax(1), (z.argmax(1) + rng.integers(1, k, n)) % k)
    noise = rng.normal(size=(3, n, k)) * np.where(right, 0.2, 4.0)[:, None]
    return z, y, z + noise


def test_untrained_it_is_temperature_scaling():
    z, y, copies = samples()
    fit = cal.fit_correctness_aware(z, y, copies=copies, steps=0)
    t = cal.fit_temperature(z, y).temperature
    np.testing.assert_allclose(fit.temperature(z, copies), np.clip(t, 0.1, 10), rtol=1e-9)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_training_lowers_its_loss(balanced, norm):
    z, y, copies = samples()
    options = dict(norm=norm, balanced=balanced)
    loss = []
    for steps in (0, 150):
        fit = cal.fit_correctness_aware(z, y, copies=copies, steps=steps, **options)
        loss.append(cal.correctness_aware_loss(cal.apply_correctness_aware(fit, z, copies), y, **options))
    assert loss[1] < loss[0] - 0.05


def test_copies_that_waver_betray_wrong_answers_also_of_new_samples():
    z, y, copies = samples()
    new_z, new_y, new_copies = samples(seed=1)
    wrong = new_z.argmax(1) != new_y
    with_copies = cal.fit_correctness_aware(z, y, copies=copies)
    probs = cal.apply_correctness_aware(with_copies, new_z, new_copies)
    alone = cal.apply_correctness_aware(cal.fit_correctness_aware(z, y), new_z)
    scaled = cal.apply_temperature(new_z, cal.fit_temperature(z, y).temperature)
    assert cal.confidence_auroc(probs, new_y) > 0.9
    assert cal.confidence_auroc(probs, new_y) > cal.confidence_auroc(alone, new_y) + 0.2
    assert probs.max(1)[wrong].mean() < min(p.max(1)[wrong].mean() for p in (alone, scaled)) - 0.05


@given(st.integers(0, 2**31), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_order_of_classes_changes_nothing_and_top_classes_stay(seed, k):
    rng = np.random.default_rng(seed)
    z, y, copies = samples(60, k, seed % 1000)
    fit = cal.fit_correctness_aware(z, y, copies=copies, steps=15)
    classes, rows = rng.permutation(k), rng.permutation(60)
    tau = fit.temperature(z, copies)
    np.testing.assert_allclose(
        fit.temperature(z[rows][:, classes], copies[:, rows][:, :, classes]), tau[rows], rtol=1e-9
    )
    assert (tau >= 0.1).all() and (tau <= 10).all()
    np.testing.assert_array_equal(cal.apply_correctness_aware(fit, z, copies).argmax(1), z.argmax(1))


def test_it_depends_on_its_seed_alone():
    z, y, _ = samples(100)
    one, two, other = (cal.fit_correctness_aware(z, y, steps=30, seed=s).temperature(z) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_the_same_network_by_cross_entropy_lowers_that():
    z, y, copies = samples()
    fits = [
        cal.fit_correctness_aware(z, y, copies=copies, objective="cross_entropy", steps=s) for s in (0, 150)
    ]
    before, after = (cal.nll(cal.apply_correctness_aware(fit, z, copies), y) for fit in fits)
    assert after < before - 0.05


def test_all_right_is_no_obstacle():
    z, _, _ = samples(50)
    before, after = (cal.fit_correctness_aware(z, z.argmax(1), steps=steps) for steps in (0, 200))
    sure = [cal.apply_correctness_aware(fit, z).max(1).mean() for fit in (before, after)]
    assert sure[1] > max(sure[0], 0.95)


def test_copies_of_images_are_turned_shifted_and_noisy():
    images = np.zeros((20, 8, 8))
    images[:, 1:7, 3] = 16.0  # an upright bar
    X = images.reshape(20, 64)
    turned, shifted, noisy, again = cal.transformed_copies(X, image_shape=(8, 8), n_copies=4)
    assert {part.shape for part in (turned, shifted, noisy, again)} == {X.shape}
    assert not np.allclose(turned, again), "each copy is drawn anew"
    rows = np.arange(8)
    centre = (shifted.reshape(20, 8, 8) * rows).sum((1, 2)) / shifted.sum(1)
    assert np.abs(centre - 3).max() <= 1.01 and centre.std() > 0.2
    lean = [np.polyfit(*np.nonzero(image > 4), 1)[0] for image in turned.reshape(20, 8, 8)]
    assert np.abs(lean).max() <= np.tan(np.deg2rad(10)) + 0.15
    np.testing.assert_array_equal(noisy[:, 0], 0)  # a pixel that never changes has no noise
    np.testing.assert_array_equal(X, images.reshape(20, 64))


def test_copies_of_other_samples_have_noise_in_the_units_of_each_feature():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 2)) * [1.0, 50.0]
    (one,) = cal.transformed_copies(X, n_copies=1, seed=3)
    np.testing.assert_allclose((one - X).std(0) / X.std(0), 0.3, rtol=0.05)
    np.testing.assert_array_equal(one, cal.transformed_copies(X, n_copies=1, seed=3)[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda z, y, c: cal.fit_correctness_aware(z, y, norm="l3"), InputError, "norm must be one of"),
        (lambda z, y, c: cal.fit_correctness_aware(z, y, objective="mse"), InputError, "objective must be"),
        (lambda z, y, c: cal.fit_correctness_aware(z, y, steps=-1), InputError, "steps must be"),
        (
            lambda z, y, c: cal.fit_correctness_aware(z, y, copies=c[:, :5]),
            ShapeError,
            r"copies must be \(M, ",
        ),
        (
            lambda z, y, c: cal.fit_correctness_aware(z, y, copies=c, steps=0).temperature(z),
            ShapeError,
            "copies must be the 3 of the fit, got 0",
        ),
        (
            lambda z, y, c: cal.fit_correctness_aware(z, y, steps=0).temperature(z[:, :3]),
            ShapeError,
            "the 4 classes of the fit, got 3",
        ),
        (lambda z, y, c: cal.transformed_copies(z[0]), ShapeError, r"X must be \(N, D\)"),
        (
            lambda z, y, c: cal.transformed_copies(z, image_shape=(3, 2)),
            ShapeError,
            "does not fit 4 features",
        ),
        (lambda z, y, c: cal.transformed_copies(z, n_copies=0), InputError, "n_copies must be"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(*samples(20))


def test_the_common_front_has_it_without_copies():
    z, y, _ = samples(60)
    front = cal.Calibrator("correctness_aware", steps=10, balanced=False).fit(z, y)
    fit = cal.fit_correctness_aware(z, y, steps=10, balanced=False)
    np.testing.assert_array_equal(front.predict_proba(z), cal.apply_correctness_aware(fit, z))
