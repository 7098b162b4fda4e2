"""The extreme models of the multiplicity exhibit are what a general optimiser finds."""

import numpy as np
import pytest
from scipy.optimize import minimize

from clsviz.exhibits.model_choice import RIDGE, draw, extremes, fitted, loss


def gradient(w, X, y):
    return (1 / (1 + np.exp(-X @ w)) - y) @ X / len(y) + RIDGE * w


@pytest.mark.parametrize(("share", "outliers"), [(0.5, 0.0), (0.1, 0.0), (0.5, 0.1)])
def test_extreme_models_are_those_of_a_constrained_optimiser(share, outliers):
    X, y, apart = draw(np.random.default_rng(3), 60, share, outliers)
    assert apart.sum() == round(outliers * 60)
    best = fitted(X, y)
    assert np.abs(gradient(best, X, y)).max() < 1e-10
    least = loss(best[None], X, y)[0]
    for epsilon, models in zip((0.003, 0.03), extremes(X, y, best, (0.003, 0.03)), strict=True):
        np.testing.assert_allclose(loss(models, X, y), least + epsilon, atol=1e-9)
        for i in (0, 7, 31):
            for sign, own in ((1, models[i]), (-1, models[60 + i])):
                room = {
                    "type": "ineq",
                    "fun": lambda w, e=epsilon: 1e3 * (least + e - loss(w[None], X, y)[0]),
                    "jac": lambda w: -1e3 * gradient(w, X, y),
                }
                found = minimize(
                    lambda w, i=i, s=sign: -s * X[i] @ w,
                    best,
                    jac=lambda _w, i=i, s=sign: -s * X[i],
                    constraints=[room],
                    method="SLSQP",
                    options={"maxiter": 500, "ftol": 1e-12},
                )
                assert sign * X[i] @ own == pytest.approx(-found.fun, abs=1e-5)
