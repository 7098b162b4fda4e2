"""Halfspaces with tests, infinitely wide and deep networks, generative against discriminative rules."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from clsviz import boundary
from clsviz.errors import InputError, ShapeError

X, Y = [[-1, 0], [-1, 2], [1, 0], [3, 2]], [0, 0, 1, 1]


def test_a_cross_is_rejected_though_its_halfspace_is_right():
    found = boundary.tester_learner_halfspace(
        np.sqrt(2) * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]), [1, 0, 1, 0], moment_tolerance=2
    )
    np.testing.assert_allclose(found.w, [np.sqrt(0.5)] * 2)
    assert (found.error, found.moment.deviation, found.band.fraction) == (0, pytest.approx(1), 0)
    assert found.moment.passed and not found.accepted


def test_moments_of_a_coin():
    assert boundary.moment_test([[1], [-1]]).deviation == pytest.approx(2)


def test_a_gaussian_is_accepted_and_its_halfspace_found():
    rng = np.random.default_rng(0)
    samples, w = rng.standard_normal((20_000, 3)), np.array([0.6, 0.0, 0.8])
    found = boundary.tester_learner_halfspace(samples, samples @ w > 0, degree=4, moment_tolerance=0.3)
    assert found.accepted and boundary.halfspace_disagreement(found.w, w) < 0.02
    assert found.error == pytest.approx(boundary.halfspace_disagreement(found.w, w), abs=0.01)
    assert found.band.expected == pytest.approx(2 * norm.cdf(0.5) - 1)


def test_orthogonal_halfspaces_disagree_half_the_time():
    assert boundary.halfspace_disagreement([1, 0], [0, 2]) == pytest.approx(0.5)
    assert boundary.halfspace_disagreement([1, 0], [-1, 0]) == pytest.approx(1)


def test_singular_kernel_of_the_contract_and_between_its_ends():
    at = dict(X_train=[[0], [3]], y_train=[0, 1], X=[[1]], n_classes=2)
    np.testing.assert_allclose(boundary.singular_kernel_scores(**at, alpha=2), [[0.8, 0.2]])
    rng = np.random.default_rng(0)
    train, y, new = rng.standard_normal((30, 2)), rng.integers(0, 3, 30), rng.standard_normal((20, 2))
    near = boundary.singular_kernel_scores(train, y, new, alpha=2000, n_classes=3)
    knn = KNeighborsClassifier(1).fit(train, y).predict(new)
    assert (near.argmax(1) == knn).all()
    assert (boundary.nearest_neighbour_predict(train, y, new) == knn).all()
    far = boundary.singular_kernel_scores(train, y, new, alpha=1e-6, n_classes=3)
    np.testing.assert_allclose(far, np.tile(np.bincount(y) / 30, (20, 1)), atol=1e-4)
    assert (boundary.majority_predict(y, 4, 3) == np.bincount(y).argmax()).all()


def test_on_a_training_point_only_the_points_there_count():
    scores = boundary.singular_kernel_scores([[0], [0], [1]], [0, 1, 1], [[0]], alpha=3, n_classes=2)
    np.testing.assert_allclose(scores, [[0.5, 0.5]])


def test_tangent_kernel_of_the_contract():
    assert boundary.ntk_sphere([[1, 0]], [[0, 1]], depth=1)[0, 0] == pytest.approx(1 / np.pi)
    rows = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(np.diag(boundary.ntk_sphere(rows, rows, depth=7)), 8, atol=1e-9)
    train = [[1, 0], [0, 1]]
    scores = boundary.kernel_interpolate(
        boundary.ntk_sphere(train, train, depth=2),
        [0, 1],
        boundary.ntk_sphere([[1, 0.5]], train, depth=2),
        n_classes=2,
    )
    np.testing.assert_allclose(scores, [[0.724315995, 0.254365345]], atol=1e-9)


@pytest.mark.parametrize(
    ("phi", "dphi", "regime", "alpha"),
    [
        (np.square, lambda x: 2 * x, "majority_vote", None),
        (lambda x: x**3 - 3 * x, lambda x: 3 * x**2 - 3, "nearest_neighbour", None),
        (lambda x: x, np.ones_like, "linear", None),
        (np.sin, np.cos, "singular_kernel", 1.185566),
        (lambda x: np.sin(2 * x), lambda x: 2 * np.cos(2 * x), "singular_kernel", 2.768956),
    ],
)
def test_the_activation_decides_the_regime(phi, dphi, regime, alpha):
    found = boundary.infinite_depth_regime(phi, dphi)
    assert found.regime == regime
    assert found.alpha is None if alpha is None else found.alpha == pytest.approx(alpha, abs=1e-6)


def test_discriminant_and_naive_bayes_of_the_contract():
    lda, bayes = boundary.fit_lda(X, Y), boundary.fit_naive_bayes(X, Y)
    np.testing.assert_allclose([*lda.w, lda.b], [12, -6, 0], atol=1e-9)
    np.testing.assert_allclose([*bayes.w, bayes.b], [6, 0, -3], atol=1e-7)


def test_discriminant_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    y = (rng.random(80) < 0.3).astype(int)
    samples = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 3)) + y[:, None]
    ours, theirs = boundary.fit_lda(samples, y), LinearDiscriminantAnalysis(solver="lsqr").fit(samples, y)
    np.testing.assert_allclose(ours.w, theirs.coef_[0], rtol=1e-8)
    assert ours.b == pytest.approx(theirs.intercept_[0], rel=1e-8)


def test_the_exact_error_is_that_of_samples():
    rng = np.random.default_rng(2)
    cov, w, b = np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([1.0, -0.4]), 0.2
    mu0, mu1, prior = np.array([-1.0, 0]), np.array([1.0, 0.5]), 0.3
    y = rng.random(200_000) < prior
    samples = rng.multivariate_normal([0, 0], cov, len(y)) + np.where(y[:, None], mu1, mu0)
    exact = boundary.gaussian_linear_error(w, b, mu0, mu1, cov, prior1=prior)
    assert exact == pytest.approx(((samples @ w + b > 0) != y).mean(), abs=3e-3)
    contract = boundary.gaussian_linear_error([1, 0], 0, [-1, 0], [1, 0], np.eye(2))
    assert contract == pytest.approx(0.158655254, abs=1e-9)


def test_curves_cross_where_the_sign_changes():
    assert boundary.curve_crossing([10, 100], [0.3, 0.1], [0.2, 0.2]) == pytest.approx(31.6228, abs=1e-4)
    assert boundary.curve_crossing([1, 2], [0.3, 0.2], [0.3, 0.1]) == 1
    assert boundary.curve_crossing([1, 2], [0.3, 0.2], [0.1, 0.1]) is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.moment_test(X, degree=0), InputError, "degree must be"),
        (lambda: boundary.moment_test(X, tolerance=-1), InputError, "tolerance must be >= 0"),
        (lambda: boundary.band_test(X, [0, 0]), InputError, "w has no direction"),
        (lambda: boundary.band_test(X, [1, 0], width=0), InputError, "width must be > 0"),
        (lambda: boundary.chow_direction([[1], [1]], [0, 1]), InputError, "mean of signed samples"),
        (lambda: boundary.chow_direction(X, [1, 1, 1, 1]), InputError, "y must hold the labels 0 and 1"),
        (lambda: boundary.halfspace_disagreement([0, 0], [1, 0]), InputError, "u has no direction"),
        (lambda: boundary.singular_kernel_scores(X, Y, X, alpha=0, n_classes=2), InputError, "alpha must be"),
        (
            lambda: boundary.nearest_neighbour_predict(X, Y, [[1]]),
            ShapeError,
            "do not fit",
        ),
        (lambda: boundary.majority_predict([0, 3], 1, 2), InputError, "y_train must be integers"),
        (lambda: boundary.ntk_sphere([[0, 0]], X, depth=1), InputError, "zero row"),
        (lambda: boundary.ntk_sphere(X[1:], [[1]], depth=1), ShapeError, "features"),
        (lambda: boundary.ntk_sphere(X[1:], X[1:], depth=-1), InputError, "depth must be"),
        (lambda: boundary.ntk_sphere(X, X, depth=1, activation="tanh"), InputError, "activation must be"),
        (
            lambda: boundary.kernel_interpolate(np.ones((2, 2)), [0, 1], [[1, 1]], n_classes=2),
            InputError,
            "K_train is singular",
        ),
        (lambda: boundary.kernel_interpolate([[1]], [0], [[1, 1]], n_classes=2), ShapeError, "do not fit"),
        (
            lambda: boundary.infinite_depth_regime(np.zeros_like, np.zeros_like),
            InputError,
            "phi is 0 everywhere",
        ),
        (lambda: boundary.fit_lda([[0, 0], [1, 1]], [0, 1]), InputError, "singular covariance"),
        (lambda: boundary.fit_lda(X, Y, ridge=-1), InputError, "ridge must be >= 0"),
        (lambda: boundary.fit_naive_bayes([[0], [1]], [0, 1], var_floor=0), InputError, "does not vary"),
        (
            lambda: boundary.gaussian_linear_error([0, 0], 0, [0, 0], [1, 1], np.eye(2)),
            InputError,
            "does not vary under cov",
        ),
        (
            lambda: boundary.gaussian_linear_error([1, 0], 0, [0, 0], [1, 1], np.eye(3)),
            ShapeError,
            "cov must be",
        ),
        (
            lambda: boundary.gaussian_linear_error([1, 0], 0, [0, 0], [1, 1], np.eye(2), prior1=1),
            InputError,
            "prior1 must be in",
        ),
        (lambda: boundary.curve_crossing([2, 1], [0, 0], [0, 0]), InputError, "ns must be positive"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
