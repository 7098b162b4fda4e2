"""Certified radii: the contract's numbers, and that nothing within them changes class."""

import numpy as np
import pytest

from clsviz import boundary
from clsviz.errors import InputError, ShapeError

P, Y = [[0, 0], [4, 0]], [0, 1]
TWO = [[1], [2]]  # weights of two classes


def test_prototypes_of_the_contract():
    found = boundary.certified_radius_prototypes(P, Y, [[1, 0]])
    assert (found.predictions[0], found.radius[0]) == (0, 1.0)


def test_rbf_of_the_contract():
    found = boundary.certified_radius_rbf(P, np.eye(2), 0.5, [[1, 0]])
    assert found.radius[0] == pytest.approx(0.490842181, abs=1e-9)
    np.testing.assert_allclose(boundary.rbf_scores(P, np.eye(2), 0.5, [[1, 0]]), [np.exp([-0.5, -4.5])])


def test_lipschitz_and_smoothing_of_the_contract():
    assert boundary.certified_radius_lipschitz([[3, 1, 0]], 2)[0] == pytest.approx(0.707106781, abs=1e-9)
    assert boundary.certified_radius_smoothing(990, 1000, sigma=0.25) == pytest.approx(0.494502396, abs=1e-9)
    np.testing.assert_array_equal(boundary.certified_radius_smoothing([0, 500], 1000, sigma=1), [0, 0])


def test_equal_coefficients_certify_everything():
    assert np.isinf(boundary.certified_radius_rbf(P, np.ones((2, 2)), 1.0, [[1, 0]]).radius[0])


@pytest.mark.parametrize("seed", range(3))
def test_nothing_within_the_radius_changes_class(seed):
    rng = np.random.default_rng(seed)
    prototypes, labels = rng.standard_normal((7, 3)), np.array([0, 0, 1, 1, 2, 2, 2])
    X = rng.standard_normal((8, 3))
    coef = rng.standard_normal((3, 7))
    certificates = (
        (boundary.certified_radius_prototypes(prototypes, labels, X), "nearest"),
        (boundary.certified_radius_rbf(prototypes, coef, 0.7, X), "rbf"),
    )
    directions = rng.standard_normal((20_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for found, which in certificates:
        for x, radius, own in zip(X, found.radius, found.predictions, strict=True):
            points = x + 0.999 * radius * directions
            if which == "nearest":
                gaps = ((points[:, None] - prototypes) ** 2).sum(2)
                said = labels[gaps.argmin(1)]
            else:
                said = boundary.rbf_scores(prototypes, coef, 0.7, points).argmax(1)
            assert (said == own).all()


def test_with_one_prototype_a_class_the_radius_is_the_exact_distance():
    rng = np.random.default_rng(0)
    prototypes, X = rng.standard_normal((4, 3)), rng.standard_normal((20, 3))
    found = boundary.certified_radius_prototypes(prototypes, range(4), X)
    W, b = prototypes, -(prototypes**2).sum(1) / 2  # the nearest one has the largest w.x + b
    exact = boundary.multiclass_linear_margin(W, b, X, found.predictions)
    np.testing.assert_allclose(found.radius, exact, atol=1e-12)


def test_multiclass_margin_of_the_contract():
    W = [[1, 0], [0, 1], [-1, -1]]
    at = dict(W=W, b=[0, 0, 0], X=[[2, 1]], y=[0])
    assert boundary.multiclass_linear_margin(**at)[0] == pytest.approx(0.707106781, abs=1e-9)
    assert boundary.multiclass_linear_margin(**at, norm=np.inf)[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("b", "margin"), [([1, 0], np.inf), ([0, 1], -np.inf), ([0, 0], 0)])
def test_classes_with_equal_rows_are_told_apart_by_their_bias(b, margin):
    assert boundary.multiclass_linear_margin([[1, 2], [1, 2]], b, [[3, 4]], [0])[0] == margin


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.certified_radius_prototypes(P, [0, 0], P), InputError, "hold one class"),
        (lambda: boundary.certified_radius_prototypes([[0, 0], [0, 0]], Y, P), InputError, "coincide"),
        (lambda: boundary.certified_radius_prototypes(P, [0], P), ShapeError, "prototype_labels must be"),
        (lambda: boundary.certified_radius_prototypes(P, Y, [[1]]), ShapeError, "features"),
        (lambda: boundary.rbf_scores(P, np.eye(3), 1, P), ShapeError, "coef must be"),
        (lambda: boundary.rbf_scores(P, np.eye(2), 0, P), InputError, "gamma must be > 0"),
        (lambda: boundary.certified_radius_rbf(P, [[1, 1]], 1, P), InputError, "coef has one row"),
        (lambda: boundary.certified_radius_lipschitz([[1]], 1), ShapeError, "at least 2 classes"),
        (lambda: boundary.certified_radius_lipschitz([[1, 0]], 0), InputError, "lipschitz must be > 0"),
        (lambda: boundary.certified_radius_smoothing(3, 2, sigma=1), InputError, "count must be"),
        (lambda: boundary.certified_radius_smoothing(1, 2, sigma=0), InputError, "sigma must be > 0"),
        (lambda: boundary.certified_radius_smoothing(1, 2, sigma=1, alpha=1), InputError, "alpha must be"),
        (lambda: boundary.multiclass_linear_margin([[1]], [0], [[1]], [0]), ShapeError, "W must be"),
        (lambda: boundary.multiclass_linear_margin([[1], [2]], [0, 0], [[1]], [2]), InputError, "y must be"),
        (
            lambda: boundary.multiclass_linear_margin([[1], [2]], [0, 0], [[1]], [0], norm=3),
            InputError,
            "norm",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
