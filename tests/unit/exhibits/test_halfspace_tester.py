"""What the tester-learner's exhibit draws is what it says, and its promise is measured against the truth."""

import numpy as np
import pytest

from clsviz.exhibits.halfspaces import FEATURES, MARGINALS, NOISE, NOISES, answer, draw


@pytest.mark.parametrize("marginal", MARGINALS)
@pytest.mark.parametrize("noise", NOISES)
def test_samples_are_standardised_and_labels_are_turned_as_often_as_said(marginal, noise):
    X, y, w = draw(np.random.default_rng(0), marginal, noise, 20_000)
    np.testing.assert_allclose(X.mean(0), np.zeros(FEATURES), atol=1e-9)
    np.testing.assert_allclose(X.std(0), np.ones(FEATURES), atol=1e-9)
    turned = (y != (X @ w > 0)).mean()
    if noise == "even":
        assert turned == pytest.approx(NOISE, abs=0.02)
    else:
        assert 0 < turned < NOISE


def test_an_answer_is_the_tests_verdict_and_the_excess_over_the_labels_halfspace():
    from clsviz import boundary

    found = answer(np.random.default_rng(3), "gaussian", "even", 5000)
    X, y, w = draw(np.random.default_rng(3), "gaussian", "even", 5000)
    direction = boundary.chow_direction(X, y)
    expected = ((X @ direction > 0) != y).mean() - ((X @ w > 0) != y).mean()
    assert found[1] == pytest.approx(expected)
    assert found[0] == (boundary.moment_test(X).passed and boundary.band_test(X, direction).passed)
