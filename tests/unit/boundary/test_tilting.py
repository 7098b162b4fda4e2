"""Boundary tilting: the angle to the nearest-centroid classifier and what it costs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm as normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from clsviz import boundary
from clsviz.errors import InputError, ShapeError

X = np.array([[-1.0, 0], [-1, 2], [1, 0], [3, 2]])
Y = np.array([0, 0, 1, 1])
W = np.array([1.0, 1])


def toy(seed, n=20, d=4):
    rng = np.random.default_rng(seed)
    y = np.r_[np.zeros(n, int), np.ones(n + 3, int)]
    return rng.normal(size=(len(y), d)) + y[:, None], y, rng.normal(size=d), float(rng.normal())


def test_numbers_of_the_contract():
    near = boundary.nearest_centroid_classifier(X, Y)
    np.testing.assert_allclose(near.w, [1, 0])
    assert (near.b, near.distance) == (-0.5, 3)
    assert boundary.deviation_angle(W, X, Y) == pytest.approx(math.pi / 4, abs=1e-12)
    assert boundary.deviation_angle(W, X, Y, degrees=True) == pytest.approx(45)
    np.testing.assert_allclose(boundary.projected_image([[3, 2]], W, 0), [[0.5, -0.5]])
    np.testing.assert_allclose(boundary.mirror_image([[3, 2]], W, 0), [[-2, -3]])
    assert boundary.adversarial_distance(W, 0, X, Y) == pytest.approx(1.060660172, abs=1e-9)
    assert boundary.adversarial_strength(W, -1, X, Y) == pytest.approx(1.5)
    assert boundary.adversarial_strength(W, 0, X, Y) == math.inf


def test_error_of_the_tilted_toy_is_that_of_the_contract():
    theory = boundary.tilt_theory([0, 1])
    np.testing.assert_allclose(theory.error, [0.022750132, 0.024067349], atol=1e-9)
    assert theory.optimal_angle == 0
    assert math.copysign(1, theory.optimal_angle) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_identities_of_tilting(seed):
    X, y, w, b = toy(seed)
    i, j = X[y == 0].mean(0), X[y == 1].mean(0)
    angle = boundary.deviation_angle(w, X, y)
    assert boundary.deviation_angle(3 * w, X, y) == pytest.approx(angle)
    balanced = np.linalg.norm(j - i) * math.cos(angle) / 2
    assert boundary.adversarial_distance(w, b, X, y) == pytest.approx(balanced, abs=1e-9)
    assert boundary.adversarial_distance(w, b + 9, X, y) == pytest.approx(balanced, abs=1e-9)
    midway = -w @ (i + j) / 2
    assert boundary.adversarial_strength(w, midway, X, y) == pytest.approx(1 / abs(math.cos(angle)))
    mirror = boundary.mirror_image(X, w, b)
    np.testing.assert_allclose(mirror @ w + b, -(X @ w + b), atol=1e-9)
    np.testing.assert_allclose(boundary.mirror_image(mirror, w, b), X, atol=1e-9)
    np.testing.assert_allclose(boundary.projected_image(X, w, b) @ w + b, 0, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_tilted_classifier_at_the_angle_of_the_basis_is_the_classifier(seed):
    X, y, w, _ = toy(seed)
    basis = boundary.tilting_basis(w, X, y)
    assert basis.z @ basis.n == pytest.approx(0, abs=1e-9)
    assert basis.theta == pytest.approx(boundary.deviation_angle(w, X, y))
    np.testing.assert_allclose(basis.coords, np.c_[X @ basis.z, X @ basis.n])
    midpoint = X.mean(0)
    tilted = boundary.tilted_classifier(basis.z, basis.n, basis.theta, midpoint)
    np.testing.assert_allclose(tilted.w, w / np.linalg.norm(w), atol=1e-9)
    assert tilted.w @ midpoint + tilted.b == pytest.approx(0, abs=1e-9)
    assert math.isnan(tilted.distance)


def test_plain_adversarial_distance_is_the_mean_over_samples():
    X, y, w, b = toy(3)
    s = 2 * y - 1
    expected = (s * (X @ w + b)).mean() / np.linalg.norm(w)
    assert boundary.adversarial_distance(w, b, X, y, balanced=False) == pytest.approx(expected)


def test_tilt_data_follow_the_documented_draw():
    X, y = boundary.make_tilt_data(3, 4, rho=0.6, seed=7)
    e = np.random.default_rng(7).standard_normal((6, 4))
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(X[:, 0], 0.5 * e[:, 0] + np.repeat([-1, 1], 3))
    np.testing.assert_allclose(X[:, 1], 0.05 * (0.6 * e[:, 0] + 0.8 * e[:, 1]))
    np.testing.assert_allclose(X[:, 2:], 0.5 * e[:, 2:])


@pytest.mark.parametrize(("rho", "theta"), [(0.0, 0.4), (0.8, -0.7), (-0.5, 1.2)])
def test_tilt_theory_agrees_with_simulation(rho, theta):
    X, y = boundary.make_tilt_data(100_000, 2, sigma_tilt=0.3, rho=rho, seed=1)
    w = np.array([math.cos(theta), math.sin(theta)])
    theory = boundary.tilt_theory(theta, sigma_tilt=0.3, rho=rho)
    assert isinstance(theory.error, float)
    assert ((X @ w > 0) != y).mean() == pytest.approx(theory.error, abs=0.003)
    assert boundary.adversarial_distance(w, 0, X, y) == pytest.approx(theory.adversarial_distance, abs=0.01)
    assert boundary.adversarial_strength(w, 0, X, y) == pytest.approx(theory.strength, rel=0.01)


def test_optimal_angle_is_that_of_the_linear_discriminant_and_has_the_least_error():
    X, y = boundary.make_tilt_data(100_000, 2, sigma_tilt=0.3, rho=0.8, seed=1)
    w = LinearDiscriminantAnalysis().fit(X, y).coef_[0]
    theory = boundary.tilt_theory(np.linspace(-1.5, 1.5, 3001), sigma_tilt=0.3, rho=0.8)
    assert math.atan2(w[1], w[0]) == pytest.approx(theory.optimal_angle, abs=0.01)
    best = np.linspace(-1.5, 1.5, 3001)[theory.error.argmin()]
    assert best == pytest.approx(theory.optimal_angle, abs=0.002)


def test_tilt_is_free_along_a_flat_axis():
    theory = boundary.tilt_theory(np.linspace(0, 1.57, 50), sigma_tilt=0)
    np.testing.assert_allclose(theory.error, normal.cdf(-2))
    assert theory.adversarial_distance[-1] < 1e-3
    assert theory.strength[-1] > 1000
    assert theory.optimal_angle == 0


def test_tilt_theory_without_any_spread_has_no_nan():
    theory = boundary.tilt_theory([0.0, math.pi], sigma_signal=0, sigma_tilt=0)
    np.testing.assert_allclose(theory.error, [0, 1])


def test_adversarial_types():
    assert boundary.adversarial_type(-0.5, 0.9, optimal_error=0) == 0
    assert boundary.adversarial_type(-1.0, 0.11, optimal_error=0.1) == 1
    assert boundary.adversarial_type(1.0, 0.12, optimal_error=0.1) == 2


@pytest.mark.parametrize("lam", [1e-3, 0.1, 10.0])
def test_logistic_l2_is_scikit_learns(lam):
    X, y, _, _ = toy(0, n=60)
    fit = boundary.logistic_l2(X, y, lam)
    oracle = LogisticRegression(C=1 / (lam * len(y)), tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(fit.w, oracle.coef_[0], atol=1e-6)
    assert fit.b == pytest.approx(oracle.intercept_[0], abs=1e-6)


def test_logistic_l2_without_penalty_on_overlapping_classes():
    X, y, _, _ = toy(0, n=60)
    fit = boundary.logistic_l2(X, y, 0)
    residual = 1 / (1 + np.exp(-(X @ fit.w + fit.b))) - y
    assert np.abs(residual @ np.c_[X, np.ones(len(y))]).max() / len(y) < 1e-9


def test_regularisation_turns_the_boundary_back():
    X, y = boundary.make_tilt_data(30, 10, seed=2)
    weak, strong = boundary.tilt_path(X, y, [1e-8, 1e4])
    assert weak.angle > 0.3
    assert strong.angle < 1e-3
    assert strong.norm < 1e-3 < weak.norm
    assert (weak.lam, strong.lam) == (1e-8, 1e4)
    assert weak.error == 0
    assert weak.adversarial_distance < strong.adversarial_distance


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boundary.deviation_angle([0, 0], X, Y), "w has no direction"),
        (lambda: boundary.deviation_angle([1, 0, 0], X, Y), "w has length 3"),
        (lambda: boundary.deviation_angle(W, X, [0, 0, 0, 0]), "y must hold the labels 0 and 1"),
        (lambda: boundary.deviation_angle(W, X, [0, 1]), "y has 2 labels"),
        (
            lambda: boundary.nearest_centroid_classifier([[0, 0], [0, 0]], [0, 1]),
            "between the class centroids",
        ),
        (lambda: boundary.adversarial_distance(W, math.nan, X, Y), "b holds NaN"),
        (lambda: boundary.tilting_basis([2, 0], X, Y), "w is parallel"),
        (lambda: boundary.tilted_classifier([1, 0], [0, 1], math.inf, [0, 0]), "theta holds"),
        (lambda: boundary.tilted_classifier([1, 0], [0, 1, 0], 0.0, [0, 0]), "n has length"),
        (lambda: boundary.make_tilt_data(3, 1), "dim must be"),
        (lambda: boundary.make_tilt_data(0, 2), "n_per_class must be"),
        (lambda: boundary.make_tilt_data(3, 2, rho=1.0), "rho is a correlation"),
        (lambda: boundary.tilt_theory(0.0, sigma_tilt=-1.0), "sigma_tilt is a standard deviation"),
        (lambda: boundary.adversarial_type(math.nan, 0.1, optimal_error=0.1), "angle holds NaN"),
        (lambda: boundary.logistic_l2(X, Y, -1.0), "lam must be >= 0"),
        (lambda: boundary.logistic_l2(X, Y, 0.0), "lam = 0 needs classes that overlap"),
        (lambda: boundary.logistic_l2([[0.0], [1], [1], [2]], [0, 0, 1, 1], 0.0), "lam = 0 needs"),
        (lambda: boundary.tilt_path(X, Y, []), "lambdas is empty"),
        (lambda: boundary.mirror_image([], W, 0), "X"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_shape_errors_are_value_errors():
    assert issubclass(ShapeError, ValueError)
