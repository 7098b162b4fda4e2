"""The consistency bound that the comp-sum exhibit draws is a bound, and a tight one."""

import numpy as np
import pytest

from clsviz.exhibits.comp_sum import _losses, bound, least

TAUS = [0.0, 0.5, 1.0, 1.5, 1.8]


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_no_scores_have_more_zero_one_excess_than_the_bound(tau, k):
    rng = np.random.default_rng(k)
    posterior = rng.dirichlet(np.full(k, 0.7), 3000)
    logits = rng.normal(size=(3000, k)) * rng.exponential(size=(3000, 1))
    error = posterior.max(1) - posterior[np.arange(3000), logits.argmax(1)]
    excess = (posterior * _losses(tau, logits)).sum(1) - least(tau, posterior)
    assert (excess > -1e-9).all(), "least() is the least"
    assert (error <= bound(tau, excess, k) + 1e-3).all()


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.2, 0.6])
def test_two_classes_and_equal_scores_attain_it(tau, beta):
    posterior = np.array([[(1 + beta) / 2, (1 - beta) / 2]])
    excess = (posterior * _losses(tau, np.zeros((1, 2)))).sum(1) - least(tau, posterior)
    assert bound(tau, excess, 2) == pytest.approx(beta, abs=2e-3)
