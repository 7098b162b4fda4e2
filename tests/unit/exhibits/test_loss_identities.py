"""What the papers say of a loss exactly, as the exhibits measure it."""

import numpy as np
import pytest

from clsviz.exhibits import coverage, overfitting


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
