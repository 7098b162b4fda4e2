"""What the self-distillation exhibit computes in closed form is what iterating gives."""

import numpy as np
import pytest

from clsviz.exhibits.self_distillation import (
    _gradient_of_loss,
    chain,
    closed_form,
    optimal_alpha,
    shrinkage,
)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    return x @ x.T + np.exp(-((x[:, None] - x) ** 2).sum(2)), rng.normal(size=30)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [0, 1, 7])
def test_the_closed_form_equals_iterating(problem, alpha, steps):
    kernel, y = problem
    fit = chain(kernel, y, 0.5, np.full(steps, alpha))[-1]
    assert closed_form(kernel, y, 0.5, alpha, steps) == pytest.approx(fit, abs=1e-10)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_the_limit_is_ridge_regression_with_lambda_over_alpha(problem, alpha):
    kernel, y = problem
    ridge = kernel @ np.linalg.solve(kernel + 0.5 / alpha * np.eye(30), y)
    assert closed_form(kernel, y, 0.5, alpha, 1000) == pytest.approx(ridge, abs=1e-10)


def test_without_true_targets_each_teaching_leaves_less():
    d = np.array([0.1, 1.0, 10.0])
    left = [shrinkage(d, 0.5, 0.0, steps) for steps in range(6)]
    assert (np.diff(left, axis=0) < 0).all()
    assert left[3] == pytest.approx((d / (d + 0.5)) ** 4)


def test_the_library_loss_has_its_minimum_where_the_chain_says(problem):
    assert _gradient_of_loss(*problem) < 1e-9


def test_the_optimal_alpha_beats_its_neighbours():
    own, taught, y = np.random.default_rng(1).normal(size=(3, 50))
    star = optimal_alpha(own, taught, y)
    error = [np.mean((a * own + (1 - a) * taught - y) ** 2) for a in (star - 0.01, star, star + 0.01)]
    assert error[1] < min(error[0], error[2])
