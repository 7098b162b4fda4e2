"""Bayes errors, robust linear rules, shortcuts, attributions: contract numbers and identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import n1
from scipy.special import softmax

from clsviz import boundary
from clsviz.boundary.calling import logits_at
from clsviz.errors import InputError, ShapeError

I2 = np.eye(2)


def test_bayes_error_of_the_contract_and_of_samples():
    assert boundary.bayes_error_gaussian([0], [2], [[1]]) == pytest.approx(0.158655254, abs=1e-9)
    assert boundary.bayes_error_gaussian([1, 1], [1, 1], I2, prior1=0.2) == pytest.approx(0.2)
    rng = np.random.default_rng(0)
    y = rng.random(200_000) < 0.2
    x = rng.standard_normal(len(y)) + 1.5 * y
    odds = np.log(0.2 / 0.8) + 1.5 * x - 1.5**2 / 2
    exact = boundary.bayes_error_gaussian([0], [1.5], [[1]], prior1=0.2)
    assert ((odds > 0) != y).mean() == pytest.approx(exact, abs=3e-3)
    p = 1 / (1 + np.exp(-odds))
    assert boundary.bayes_error_posterior(np.stack([1 - p, p], 1)) == pytest.approx(exact, abs=3e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), prior=st.floats(0.05, 0.95))
def test_no_linear_rule_beats_the_bayes_error_and_the_discriminant_reaches_it(seed, prior):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((3, 3))
    cov, mu0, mu1 = A @ A.T + 0.1 * np.eye(3), rng.standard_normal(3), rng.standard_normal(3)
    least = boundary.bayes_error_gaussian(mu0, mu1, cov, prior1=prior)
    any_rule = boundary.gaussian_linear_error(
        rng.standard_normal(3), rng.standard_normal(), mu0, mu1, cov, prior1=prior
    )
    assert least <= any_rule + 1e-12
    w = np.linalg.solve(cov, mu1 - mu0)
    b = -w @ (mu0 + mu1) / 2 + np.log(prior / (1 - prior))
    assert boundary.gaussian_linear_error(w, b, mu0, mu1, cov, prior1=prior) == pytest.approx(least, abs=1e-9)
    low, high = boundary.bhattacharyya_bounds(mu0, mu1, cov, cov, prior1=prior)
    assert low - 1e-12 <= least <= high + 1e-12


def test_bounds_of_the_contract():
    low, high = boundary.cover_hart_bounds(0.2, 2)
    assert (low, high) == (pytest.approx(0.112702, abs=1e-6), 0.2)
    found = boundary.bhattacharyya_bounds([0], [2], [[1]], [[1]])
    np.testing.assert_allclose(found, [0.102469951, 0.303265330], atol=1e-9)


def test_unlearnable_gaussians_of_the_contract():
    found = boundary.unlearnable_gaussian(2, 0.5, 0.4, clean_fraction=0.25)
    np.testing.assert_allclose(found[:2], [0.0227501, 0.1150697], atol=1e-7)
    assert found.mixture_lower_bound == pytest.approx(0.25 * found.clean + 0.75 * found.unlearnable)
    assert boundary.unlearnable_gaussian(1, 1, 3).unlearnable == 0.5


def test_robust_rules_of_the_contract():
    assert boundary.gmm_error([1, 0], [1, 0], epsilon=0.5) == pytest.approx(0.308537539, abs=1e-9)
    np.testing.assert_allclose(
        boundary.self_training_direction([[1, 0]], [1], [[2, 1], [-1, 3]]), [1.25, -0.5]
    )
    loss = boundary.rss_loss([1, 0], [[1, 0]], [1], [[2, 0]])
    assert loss == pytest.approx(1.055536595, abs=1e-9)


def test_a_cold_soft_minimum_takes_the_better_pseudo_label():
    w, U = np.array([1.0, -0.5]), np.random.default_rng(0).standard_normal((20, 2))
    cold = boundary.rss_loss(w, [[1, 0]], [1], U, temperature=1e-6)
    hard = boundary.rss_loss(w, [[1, 0]], [1], U, lam=0)
    margin = np.abs(U @ w) - 0.1 * np.linalg.norm(w)
    assert cold == pytest.approx(hard + np.logaddexp(0, -margin).mean(), abs=1e-5)


def test_shortcut_data_of_the_contract():
    X, y, z = boundary.make_shortcut_data(2, dim=2)
    np.testing.assert_allclose(X, [[-2.517897564, -1.108478516], [4.173600041, 1.284124289]], atol=1e-9)
    assert y.tolist() == [0, 1]
    np.testing.assert_allclose(X, z * [3, 1])


def test_cues_agree_as_often_as_they_are_said_to():
    _, y, z = boundary.make_shortcut_data(20_000, predictivity=(0.95, 0.6), noise=0.1)
    assert ((z > 0) == (y[:, None] == 1)).mean(0) == pytest.approx([0.95, 0.6], abs=0.02)


def test_bias_and_disagreement():
    assert boundary.shortcut_bias([0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]) == pytest.approx(0.25)
    halves = [[1, 0], [0, 1]]
    assert boundary.divdis_mutual_information(halves, halves) == pytest.approx(np.log(2))
    assert boundary.dbat_disagreement([0.5], [0.5]) == pytest.approx(0.693146981, abs=1e-9)
    p1, p2 = np.random.default_rng(0).dirichlet([1, 1, 1], (2, 50))
    assert boundary.divdis_mutual_information(p1, np.tile(p2[:1], (50, 1))) == pytest.approx(0, abs=1e-12)
    assert boundary.divdis_mutual_information(p1, p2) >= 0


def test_agreement_of_attributions_of_the_contract():
    found = boundary.attribution_agreement([3, 2, 1, 0], [3, 1, 2, 0], k=2)
    np.testing.assert_allclose(found, [0.5, 0.8, 0.6667, 0.92857], atol=1e-4)
    flat = boundary.attribution_agreement([1, 1], [1, 2], k=1)
    assert (flat.spearman, flat.kendall) == (None, None) and flat.cosine is not None
    assert boundary.attribution_agreement([0, 0], [1, 2], k=1).cosine is None


def probabilities(x):
    return softmax(logits_at(n1(), x), axis=1)


def test_deletion_of_the_contract_and_insertion_is_the_walk_back():
    found = boundary.insertion_deletion(probabilities, [1, 0.5], [2, 1], 0)
    np.testing.assert_allclose(found.curve, [0.817574476, 0.377540669, 0.5], atol=1e-9)
    assert found.auc == pytest.approx(0.518163953, abs=1e-9)
    back = boundary.insertion_deletion(probabilities, [1, 0.5], [1, 2], 0, mode="insertion")
    np.testing.assert_allclose(back.curve, found.curve[::-1])


def test_attributions_are_alike_inside_one_linear_region():
    np.testing.assert_allclose(boundary.attribution_robustness(n1(), [1, 0.5], 0, k=1), [1, 1, 1])
    near_kink = boundary.attribution_robustness(n1(), [0.5, 0.51], 0, k=1)
    assert near_kink.worst_cosine < 0.99


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.bayes_error_gaussian([0], [1], [[-1]]), InputError, "positive definite"),
        (lambda: boundary.bayes_error_gaussian([0], [1], [[1]], prior1=0), InputError, "prior1 must be"),
        (lambda: boundary.bayes_error_gaussian([0, 0], [1, 1], [[1, 2], [0, 1]]), InputError, "symmetric"),
        (lambda: boundary.bayes_error_posterior([[0.5, 0.6]]), InputError, "posteriors must"),
        (lambda: boundary.cover_hart_bounds(2, 2), InputError, "error_1nn must be"),
        (lambda: boundary.cover_hart_bounds(0.2, 1), InputError, "n_classes must be"),
        (lambda: boundary.unlearnable_gaussian(1, 0, 1), InputError, "sigma must be > 0"),
        (lambda: boundary.unlearnable_gaussian(1, 1, 1, clean_fraction=2), InputError, "clean_fraction"),
        (lambda: boundary.gmm_error([0, 0], [1, 0]), InputError, "w has no direction"),
        (lambda: boundary.self_training_direction([[1]], [1], [[1]], lam=2), InputError, "lam must be"),
        (lambda: boundary.self_training_direction([[1]], [3], [[1]]), InputError, "y must hold"),
        (lambda: boundary.rss_loss([1], [[1]], [1], [[1, 2]]), ShapeError, "do not fit"),
        (lambda: boundary.rss_loss([1], [[1]], [1], [[1]], temperature=0), InputError, "temperature must"),
        (lambda: boundary.make_shortcut_data(2, predictivity=(2, 0)), InputError, "predictivity must"),
        (lambda: boundary.make_shortcut_data(2, availability=(-1, 0)), InputError, "availability must"),
        (lambda: boundary.make_shortcut_data(2, dim=1), InputError, "dim must be"),
        (lambda: boundary.shortcut_bias([0], [0, 1], [0]), ShapeError, "must be"),
        (lambda: boundary.divdis_mutual_information(I2, [[1, 0]]), ShapeError, "one shape"),
        (lambda: boundary.dbat_disagreement([2], [0]), InputError, "p1 must lie"),
        (lambda: boundary.attribution_agreement([1], [1], k=2), InputError, "k must be at most"),
        (lambda: boundary.attribution_agreement([1], [1, 2], k=1), ShapeError, "one shape"),
        (
            lambda: boundary.insertion_deletion(probabilities, [1, 0], [1, 1], 0, mode="x"),
            InputError,
            "mode",
        ),
        (lambda: boundary.insertion_deletion(probabilities, [1, 0], [1, 1], 2), InputError, "target must"),
        (lambda: boundary.insertion_deletion(probabilities, [1, 0], [1], 0), ShapeError, "attribution"),
        (lambda: boundary.attribution_robustness(n1(), [1, 0], 2, k=1), InputError, "target must be"),
        (lambda: boundary.attribution_robustness(n1(), [-9, -9], 0, k=1), InputError, "gradient of class 0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
