"""Outliers by reconstruction: shift, error and its weights, the autoencoder, and the score of all."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from clsviz import boundary
from clsviz.boundary import fit_autoencoder, mean_shift, mean_shift_outlier, probabilistic_error
from clsviz.errors import InputError, ShapeError


def line_with_outliers(seed=0, n=120, m=6):
    """Samples about a curve in four dimensions, and some that lie anywhere in its box."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, n)
    curve = np.stack([t, t**2, np.sin(2 * t), -t], 1) + 0.03 * rng.standard_normal((n, 4))
    X = np.concatenate([curve, rng.uniform(curve.min(0), curve.max(0), (m, 4))])
    return (X - X.mean(0)) / X.std(0), np.arange(n + m) >= n


def test_a_shift_by_hand():
    X = [[0.0], [1.0], [3.0], [10.0]]
    np.testing.assert_allclose(mean_shift(X, k=2), [[2.0], [1.5], [0.5], [2.0]])
    np.testing.assert_allclose(mean_shift(X, k=1), [[1.0], [0.0], [1.0], [3.0]])
    np.testing.assert_array_equal(mean_shift(X, k=2, times=0), X)
    np.testing.assert_allclose(mean_shift(X, k=99), [[14 / 3], [13 / 3], [11 / 3], [4 / 3]])


@pytest.mark.parametrize("times", [1, 3])
def test_the_shift_is_to_the_neighbours_of_scikit_learn(times):
    X = np.random.default_rng(0).standard_normal((40, 3))
    expected = X
    for _ in range(times):
        own = NearestNeighbors(n_neighbors=5).fit(expected)
        expected = expected[own.kneighbors(return_distance=False)].mean(1)
    np.testing.assert_allclose(mean_shift(X, k=5, times=times), expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(1, 8), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_shifted_samples_stay_among_the_others(n, k, times, seed):
    X = np.random.default_rng(seed).standard_normal((n, 2))
    moved = mean_shift(X, k=k, times=times)
    assert (moved >= X.min(0) - 1e-12).all() and (moved <= X.max(0) + 1e-12).all()
    order = np.random.default_rng(seed + 1).permutation(n)
    np.testing.assert_allclose(mean_shift(X[order], k=k, times=times), moved[order], atol=1e-12)


def test_with_weights_of_one_the_error_is_the_likelihood_of_a_gaussian():
    rng = np.random.default_rng(1)
    X, mean, log_v = rng.standard_normal((3, 6, 4))
    expected = -2 * stats.norm.logpdf(X, mean, np.exp(log_v / 2)).mean(1) - np.log(2 * np.pi)
    np.testing.assert_allclose(probabilistic_error(X, mean, log_v), expected, atol=1e-12)


def test_weights_take_the_error_apart():
    X, mean, log_v = [[1.0, 3.0]], [[0.0, 1.0]], [[0.0, np.log(4)]]
    assert probabilistic_error(X, mean, log_v, uncertainty_weight=0)[0] == pytest.approx((1 + 4 / 4) / 2)
    assert probabilistic_error(X, mean, log_v, bias_weight=0)[0] == pytest.approx(np.log(4) / 2)
    assert probabilistic_error(X, mean, [[0, 0]])[0] == pytest.approx(2.5)  # the mean squared error


def test_the_best_variance_is_the_squared_error_times_the_ratio_of_the_weights():
    log_v = np.linspace(-4, 4, 8001)[:, None]
    found = probabilistic_error(
        np.full_like(log_v, 1.5), np.zeros_like(log_v), log_v, bias_weight=0.6, uncertainty_weight=0.2
    )
    assert np.exp(log_v[found.argmin(), 0]) == pytest.approx(1.5**2 * 3, rel=1e-3)


def test_a_linear_code_reaches_what_principal_components_leave():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 5)) + 0.1 * rng.standard_normal((60, 5))
    X = (X - X.mean(0)) / X.std(0)
    left = np.linalg.svd(X)[1][2:] ** 2
    made = fit_autoencoder(X, probabilistic=False, code=2, epochs=600).reconstruct(X)
    assert (made.log_variance == 0).all()
    mse = probabilistic_error(X, made.mean, made.log_variance).mean()
    assert mse < 1.05 * left.sum() / X.size  # tanh layers may do better than a plane, not much worse


def test_it_learns_where_it_cannot_know():
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, 400)
    noise = np.where(t > 0, 1.0, 0.05) * rng.standard_normal(400)
    X = np.stack([t, t, noise], 1)  # the code has one number: it holds t, and the noise is beyond it
    X = np.concatenate([X, X[:, :2], X[:, :1]], 1)
    log_v = fit_autoencoder(X, code=1, epochs=400).reconstruct(X).log_variance[:, 2]
    assert log_v[t > 0.2].mean() > log_v[t < -0.2].mean() + 2
    assert np.abs(log_v).max() <= 6


def test_the_seed_is_all_that_chance_needs_and_torch_is_left_as_it_was():
    X, _ = line_with_outliers()
    before = torch.get_rng_state()
    one, two, other = (mean_shift_outlier(X, seed=seed).score for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other) and torch.equal(torch.get_rng_state(), before)


def test_scores_are_errors_of_what_is_made_of_the_shifted_and_of_the_sample():
    X, _ = line_with_outliers()
    net = fit_autoencoder(X, epochs=30, uncertainty_weight=0.5)
    found = mean_shift_outlier(X, k=4, times=2, uncertainty_weight=0.5, autoencoder=net)
    np.testing.assert_array_equal(found.shifted, mean_shift(X, k=4, times=2))
    for score, points in ((found.score, found.shifted), (found.plain, X)):
        made = net.reconstruct(points)
        expected = probabilistic_error(X, made.mean, made.log_variance, uncertainty_weight=0.5)
        np.testing.assert_array_equal(score, expected)
    still = mean_shift_outlier(X, times=0, autoencoder=net)
    np.testing.assert_array_equal(still.score, still.plain)


def test_an_outlier_that_is_learnt_by_heart_is_found_where_its_neighbours_are():
    X, outlier = line_with_outliers()
    wide = fit_autoencoder(X, probabilistic=False, code=4, hidden=64, epochs=1500)
    found = mean_shift_outlier(X, k=5, autoencoder=wide)
    assert roc_auc_score(outlier, found.score) > 0.95 > roc_auc_score(outlier, found.plain)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mean_shift([[1.0]]), ShapeError, "one sample"),
        (lambda: mean_shift([[1.0], [2.0]], k=0), InputError, "k must be"),
        (lambda: mean_shift([[1.0], [2.0]], times=-1), InputError, "times must be"),
        (lambda: probabilistic_error([[1.0]], [[1.0, 2.0]], [[1.0]]), ShapeError, "mean must be"),
        (lambda: probabilistic_error([[1.0]], [[1.0]], [[1.0, 2.0]]), ShapeError, "log_variance must be"),
        (lambda: probabilistic_error([[1.0]], [[1.0]], [[1.0]], bias_weight=-1), InputError, "bias_weight"),
        (lambda: fit_autoencoder([[1.0]], uncertainty_weight=-1), InputError, "uncertainty_weight must be"),
        (lambda: fit_autoencoder([[1.0]], hidden=0), InputError, "hidden must be"),
        (lambda: fit_autoencoder([[1.0]], code=1.5), InputError, "code must be"),
        (lambda: fit_autoencoder([[1.0]], epochs=0), InputError, "epochs must be"),
        (lambda: fit_autoencoder([[1.0]], lr=0), InputError, "lr must be"),
        (lambda: fit_autoencoder([[1.0]], probabilistic="yes"), InputError, "probabilistic must be"),
        (lambda: fit_autoencoder([[np.nan]]), InputError, "X holds NaN"),
        (
            lambda: boundary.fit_autoencoder([[1.0]], epochs=1).reconstruct([[1.0, 2.0]]),
            ShapeError,
            "X must have 1 features",
        ),
    ],
)
def test_what_cannot_be_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
