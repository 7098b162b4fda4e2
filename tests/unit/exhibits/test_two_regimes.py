"""The mixture of the two regimes has the errors that it says, and needs are read off curves as told."""

import numpy as np
import pytest

from clsviz.boundary import bayes_error_gaussian, gaussian_linear_error
from clsviz.exhibits.two_regimes import (
    DIMENSIONS,
    LEAST_ERROR,
    NAIVE_ERROR,
    NEAR,
    SIZES,
    fitted,
    last_crossing,
    mixture,
    needed,
)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_naive_bayes_and_the_best_rule_err_as_wanted_with_endless_data(d):
    delta, cov = mixture(d)
    naive = delta / np.diag(cov)
    assert gaussian_linear_error(naive, 0, -delta / 2, delta / 2, cov) == pytest.approx(NAIVE_ERROR, abs=1e-9)
    assert bayes_error_gaussian(-delta / 2, delta / 2, cov) == pytest.approx(LEAST_ERROR, abs=1e-9)


def test_with_many_samples_learners_are_near_their_asymptotes():
    delta, cov = mixture(8)
    rng = np.random.default_rng(0)
    y = np.arange(60_000) % 2
    X = rng.standard_normal((len(y), 8)) @ np.linalg.cholesky(cov).T + (y[:, None] - 0.5) * delta
    bayes, lda, logistic = (gaussian_linear_error(w, b, -delta / 2, delta / 2, cov) for w, b in fitted(X, y))
    assert bayes == pytest.approx(NAIVE_ERROR, abs=3e-3)
    assert logistic == pytest.approx(LEAST_ERROR, abs=1e-3)
    assert LEAST_ERROR <= lda < 0.105


def test_the_need_is_where_a_curve_enters_its_band_for_good():
    curve = [0.3] * 4 + [0.1 + 2 * NEAR] + [0.1] * (len(SIZES) - 5)
    assert needed(curve, 0.1) == pytest.approx(np.sqrt(SIZES[4] * SIZES[5]))
    assert needed([0.1] * len(SIZES), 0.1) == SIZES[0]
    assert needed([0.5] * len(SIZES), 0.1) == SIZES[-1]


def test_the_last_crossing_is_the_one_that_lasts():
    second = np.full(len(SIZES), 0.2)
    first = np.where(np.arange(len(SIZES)) < 6, 0.1, 0.3)
    first[1] = 0.4  # a crossing that does not last
    assert last_crossing(first.tolist(), second.tolist()) == pytest.approx(np.sqrt(SIZES[5] * SIZES[6]))
    assert last_crossing((second - 0.1).tolist(), second.tolist()) == SIZES[-1]
