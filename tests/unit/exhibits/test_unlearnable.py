"""Moves stay within their radius and raise the estimate; errors on Gaussians are those of theory."""

import numpy as np
import pytest
import torch

from clsviz.boundary import unlearnable_gaussian
from clsviz.exhibits.unlearnable import SIGMA, estimated_error, on_gaussians, spoilt

RNG = np.random.default_rng(0)
y = np.arange(60) % 2
X = np.clip(RNG.normal(0.5, 0.05, (60, 4)) + 0.2 * (2 * y - 1)[:, None], 0, 1)


def test_the_estimate_by_hand():
    # two samples of each class: of the three others one is of the own class, at distance 1
    points = torch.tensor([[0.0], [1.0], [3.0], [4.0]], dtype=torch.float64)
    far = np.exp(-np.array([9, 16, 4, 9]) / 2)
    own = np.exp(-0.5)
    outer, inner = own / (own + far[0] + far[1]), own / (own + far[2] + far[3])
    found = float(estimated_error(points, np.array([0, 0, 1, 1]), 1.0))
    assert found == pytest.approx(1 - (outer + inner) / 2)


def test_moves_stay_within_radius_and_box_and_raise_the_estimate():
    moved = spoilt(X, y, 0.1)
    assert np.abs(moved - X).max() <= 0.1 + 1e-12 and moved.min() >= 0 and moved.max() <= 1
    errors = [float(estimated_error(torch.from_numpy(Z), y, 0.3)) for Z in (X, moved)]
    assert errors[1] > errors[0]
    np.testing.assert_array_equal(spoilt(X, y, 0.0), X)


def test_the_error_on_moved_gaussians_is_the_raised_bayes_error_and_clean_ones_are_none_the_worse():
    errors = [on_gaussians(np.random.default_rng(i), 2.0, 0.6, 0.0) for i in range(20)]
    clean, moved = np.mean(errors, 0)
    theory = unlearnable_gaussian(2.0, SIGMA, 0.6)
    assert moved == pytest.approx(theory.unlearnable, abs=5e-3) and moved >= theory.unlearnable
    assert clean == pytest.approx(theory.clean, abs=5e-3)


def test_where_classes_meet_nothing_can_be_learnt_unless_some_are_clean():
    alone = [on_gaussians(np.random.default_rng(i), 2.0, 1.0, 0.0)[0] for i in range(20)]
    mixed = [on_gaussians(np.random.default_rng(i), 2.0, 1.0, 0.5)[0] for i in range(20)]
    assert np.mean(alone) > 0.2 and np.mean(mixed) < 0.05
