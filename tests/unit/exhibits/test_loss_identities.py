"""What the papers say of a loss exactly, as the exhibits measure it."""

import numpy as np
import pytest

from clsviz.exhibits import bags, coverage, overfitting, rewards


def test_derivatives_that_ensloss_draws_are_negative_and_never_fall():
    slopes = overfitting.drawn_slopes(overfitting.MARGINS, 20, seed=1)
    assert (slopes < 0).all() and (np.diff(slopes, axis=1) >= 0).all()
    assert np.ptp(slopes[:, 40]) > 0.01, "each draw is another loss"


@pytest.mark.parametrize("n", [1, 4, 16, 64])
def test_gradient_for_n_draws_is_the_papers_share_of_cross_entropys(n):
    p = coverage.PROBABILITIES
    share = coverage.gradient_share(p, n)
    assert share == pytest.approx(coverage.gradient_share_formula(p, n), rel=1e-9, abs=1e-12)
    assert (np.diff(share) <= 1e-12).all() and ((share > 0.99).all() if n == 1 else share[-1] < 0.05)


def test_coverage_is_the_chance_to_draw_the_label():
    logits = np.log([[0.5, 0.25, 0.25], [0.9, 0.1, 1e-12]])
    assert coverage.coverage(logits, np.array([1, 0]), 2) == pytest.approx((1 - 0.75**2 + 1 - 0.1**2) / 2)


def test_squared_instance_loss_is_bag_loss_and_variance_within_the_bags():
    assert bags.variance_penalty_gap(seed=3) < 1e-14


def test_estimates_from_bags_lie_at_the_minimum_of_the_mixture():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.normal(size=20)
    found, means, each = bags.estimates(X, y, 3), X.reshape(20, 3, 4).mean(1), np.repeat(y, 3)
    for rho, w in zip(bags.RHOS, found, strict=True):
        slope = (1 - rho) * means.T @ (means @ w - y) / 20 + rho * X.T @ (X @ w - each) / 60
        assert abs(slope).max() < 1e-12


def test_mean_policy_gradient_for_a_reward_of_0_or_1_is_the_gradient_of_1_minus_p():
    errors, deviation = rewards.sampling_errors(seed=5)
    assert errors[-1] < 0.02 and deviation < 5
    assert errors[0] / errors[-1] > 8, "a thousand times the draws: about 30 times nearer"
