"""The minimiser of the self-training exhibit finds a minimum, on samples that are shifted as told."""

import numpy as np
import pytest

from clsviz.boundary import rss_loss
from clsviz.exhibits.far_samples import FEATURES, LENGTH, draw, minimiser


def test_unlabelled_samples_lie_round_a_mean_moved_across():
    X, y, U, mean = draw(np.random.default_rng(0), 4000, 8000, 1.5)
    assert mean @ mean == pytest.approx(LENGTH**2)
    np.testing.assert_allclose(((2 * y - 1) @ X) / len(X), mean, atol=0.1)
    values, directions = np.linalg.eigh(U.T @ U / len(U) - np.eye(FEATURES))
    moved = directions[:, -1] * np.sqrt(values[-1])
    assert abs(moved[0]) == pytest.approx(LENGTH, abs=0.15)
    assert np.linalg.norm(moved[1:]) == pytest.approx(1.5 * LENGTH, abs=0.15)


def test_no_step_from_the_minimum_lowers_the_loss():
    X, y, U, _ = draw(np.random.default_rng(1), 30, 40, 0.5)
    X, U = 0.3 * X[:, :3], 0.3 * U[:, :3]  # classes that overlap: otherwise w would grow for ever
    w = minimiser(X, y, U, 0.3, 1.0)

    def loss(v):
        return rss_loss(v, X, y, U, epsilon=0.3, lam=1.0, temperature=0.5)

    steps = 1e-2 * np.random.default_rng(2).standard_normal((200, 3))
    assert min(loss(w + step) for step in steps) > loss(w) - 1e-7
