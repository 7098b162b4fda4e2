"""Newton's method for the smooth convex fits of this family."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from clsviz.calibration.inputs import Array

STEPS = 100  # separable data have no optimum: each step gains a factor of about e there
GAIN = 1e-15  # expected of a step, below which it is the last one
RIDGE = 1e-12  # of the mean curvature: what does not matter to the objective stays where it is
SHORTEST = 2.0**-40  # step below which rounding hides any gain

# Value, gradient (P,), and what solves the Hessian for the gradient, called only where a step begins.
Objective = Callable[[Array], tuple[float, Array, Callable[[], Array]]]


def newton(objective: Objective, start: Array) -> Array:
    """(P,) minimiser of a convex objective, by damped steps from `start` that never go up."""
    x = start
    value, gradient, solve = objective(x)
    for _ in range(STEPS):
        step = solve()
        gain = float(gradient @ step)
        if gain <= GAIN:
            return x - step
        length = 1.0
        while (trial := objective(x - length * step))[0] > value - 1e-4 * length * gain:
            length /= 2
            if length < SHORTEST:
                return x
        x = x - length * step
        value, gradient, solve = trial
    return x


def solved(hessian: Array, gradient: Array) -> Array:
    """(P,) step of a Hessian that may be singular in directions without gradient."""
    ridge = RIDGE * max(np.trace(hessian) / len(hessian), np.finfo(float).tiny)
    while True:
        try:
            return cho_solve(cho_factor(hessian + ridge * np.eye(len(hessian))), gradient)
        except np.linalg.LinAlgError:  # rounding made it indefinite
            ridge *= 100


def logistic(features: Array, targets: Array) -> tuple[Array, float, float]:
    """Coefficients (d,), intercept and mean log loss of a logistic regression without penalty.

    Args:
        features: (N, d); a constant column gets coefficient 0.
        targets: (N,) in [0, 1], shares of the second class.
    """
    middle, spread = features.mean(0), features.std(0)
    spread[spread <= 1e-12 * np.abs(middle)] = np.inf
    x = np.column_stack([(features - middle) / spread, np.ones(len(features))])

    def objective(theta: Array) -> tuple[float, Array, Callable[[], Array]]:
        u = x @ theta
        p = np.exp(-np.logaddexp(0, -u))
        value = (np.logaddexp(0, u) - targets * u).mean()
        gradient = x.T @ (p - targets) / len(x)
        return value, gradient, lambda: solved((x.T * (p * (1 - p))) @ x / len(x), gradient)

    theta = newton(objective, np.zeros(x.shape[1]))
    slopes = theta[:-1] / spread
    return slopes, float(theta[-1] - slopes @ middle), float(objective(theta)[0])
