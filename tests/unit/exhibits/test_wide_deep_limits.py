"""The kernels of the wide and deep exhibit are those of its activations, and its errors are exact."""

import math

import numpy as np
import pytest

from clsviz.boundary import infinite_depth_regime
from clsviz.exhibits.limits import (
    BANDS,
    NETWORKS,
    NOISE,
    activations,
    draw,
    duals,
    error_of,
    likely,
    sine_slope,
    tangent_kernels,
)


@pytest.mark.parametrize("name", NETWORKS)
def test_covariances_are_the_means_of_products_of_activations(name):
    a = sine_slope(2.0)
    phi, dphi = activations(a)[name]
    covariance, slope = duals(a)[name]
    x, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = np.outer(weight, weight) / (2 * math.pi)
    scale = (weight * phi(x) ** 2).sum()
    for r in (0.0, 0.3, 0.9):
        other = r * x[:, None] + math.sqrt(1 - r * r) * x
        assert covariance(r) == pytest.approx((weight * phi(x)[:, None] * phi(other)).sum() / scale, abs=1e-9)
        assert slope(r) == pytest.approx((weight * dphi(x)[:, None] * dphi(other)).sum() / scale, abs=1e-9)
    assert covariance(1.0) == pytest.approx(1)


def test_the_slope_of_the_sine_gives_the_exponent_that_was_asked_for():
    assert sine_slope(2.768956) == pytest.approx(2, abs=1e-5)
    a = sine_slope(2.0)
    regimes = [infinite_depth_regime(*pair) for pair in activations(a).values()]
    assert [found.regime for found in regimes] == ["majority_vote", "nearest_neighbour", "singular_kernel"]
    assert regimes[2].alpha == pytest.approx(2)


def test_a_depth_adds_one_layer_to_the_kernel():
    covariance, slope = duals(1.5)["sine"]
    r = np.array([[0.2, 0.8]])
    one, two = tangent_kernels(r, "sine", 1.5, (1, 2))
    np.testing.assert_allclose(one, r * slope(r) + covariance(r))
    np.testing.assert_allclose(two, one * slope(covariance(r)) + covariance(covariance(r)))


def test_errors_are_those_of_the_known_posterior():
    X, y = draw(np.random.default_rng(0), 20_000)
    assert (X >= 0).all() and np.allclose(np.linalg.norm(X, axis=1), 1)
    best = likely(X)
    assert error_of(best, X) == pytest.approx(NOISE)
    assert error_of(1 - best, X) == pytest.approx(1 - NOISE)
    assert (y != best).mean() == pytest.approx(NOISE, abs=0.01)
    # heights are uniform on a sphere
    assert best.mean() == pytest.approx(sum(high - low for low, high in BANDS), abs=0.02)
