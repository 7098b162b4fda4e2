"""Other class shares and shifted inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError

Z1 = np.array([[2, 0, 0], [0, 1, 0], [0, 0, 3], [1, 0, 0], [0, 2, 0]], dtype=float)
L1 = [0, 1, 2, 1, 0]


def test_the_worked_examples():
    np.testing.assert_allclose(cal.reweight_priors([[0.5, 0.5]], [0.5, 0.5], [0.8, 0.2]), [[0.8, 0.2]])
    shares = cal.label_shift_em([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], [0.5, 0.5])
    np.testing.assert_allclose(shares, [0.677599897, 0.322400103], atol=1e-6)
    np.testing.assert_allclose(cal.label_shift_bbse([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1], 2), [0.5, 2.5])


def test_the_shift_report_of_halved_logits():
    report = cal.shift_report([Z1, Z1 / 2], [L1, L1], n_bins=5)
    assert report["temperature"] == pytest.approx(1.480658445)
    expected = {"accuracy": 0.6, "ece": 0.072904168, "ece_scaled": 0.121092766, "nll": 0.912124820}
    assert report["rows"][1] == pytest.approx(expected | {"nll_scaled": 0.947262688}, abs=1e-8)
    assert report["rows"][0]["nll_scaled"] <= report["rows"][0]["nll"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 5))
def test_reweighting_there_and_back_changes_nothing(seed, k):
    rng = np.random.default_rng(seed)
    p, s, t = rng.dirichlet(np.ones(k), 6), *rng.dirichlet(np.full(k, 5.0), 2)
    there = cal.reweight_priors(p, s, t)
    np.testing.assert_allclose(there.sum(1), 1)
    np.testing.assert_allclose(cal.reweight_priors(there, t, s), p, atol=1e-12)
    logits = np.log(p) + 3
    np.testing.assert_allclose(cal.reweight_priors(logits, s, t, kind="logits"), there, atol=1e-12)


def test_reweighting_gives_the_posterior_of_the_other_population():
    """Bayes: likelihoods (rows sum to 1 over inputs) times either prior."""
    likelihood = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])  # class x input
    s, t = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    posterior = [(likelihood * prior[:, None] / (prior @ likelihood)).T for prior in (s, t)]
    np.testing.assert_allclose(cal.reweight_priors(posterior[0], s, t), posterior[1])


def test_em_finds_the_shares_of_highest_likelihood():
    rng = np.random.default_rng(3)
    p, s = rng.random(40), np.array([0.3, 0.7])
    x = np.stack([1 - p, p], 1)

    def minus_log_likelihood(t):
        return -np.log(x @ (np.array([1 - t, t]) / s)).sum()

    best = minimize_scalar(minus_log_likelihood, bounds=(0, 1), options={"xatol": 1e-10}).x
    np.testing.assert_allclose(cal.label_shift_em(x, s), [1 - best, best], atol=1e-6)
    assert cal.label_shift_em(p, s) == pytest.approx(cal.label_shift_em(x, s))


def test_both_estimates_find_a_known_shift():
    rng = np.random.default_rng(0)
    means, s, t = np.array([-1.0, 1.0]), np.array([0.5, 0.5]), np.array([0.9, 0.1])
    y = [rng.choice(2, 4000, p=prior) for prior in (s, t)]
    x = [means[labels] + rng.normal(size=4000) for labels in y]
    logits = [np.stack([np.zeros(4000), 2 * values], 1) for values in x]  # Bayes under s
    np.testing.assert_allclose(cal.label_shift_em(logits[1], s, kind="logits"), t, atol=0.03)
    preds = [z.argmax(1) for z in logits]
    ratio = cal.label_shift_bbse(preds[0], y[0], preds[1], 2)
    np.testing.assert_allclose(ratio * (np.bincount(y[0]) / 4000), t, atol=0.03)


def test_no_shift_gives_ratios_of_one_and_negative_ones_are_cut():
    preds, labels = [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 0]
    np.testing.assert_allclose(cal.label_shift_bbse(preds, labels, preds, 3), 1)
    assert cal.label_shift_bbse([0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0], 2)[1] == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cal.reweight_priors([0.5], [1, 0], [0.5, 0.5]), InputError, "source_prior of class 1 is 0"),
        (lambda: cal.reweight_priors([0.5], [0.5, 0.5], [0.5, 0.6]), InputError, "target_prior must be"),
        (lambda: cal.reweight_priors([0.5], [1.0], [0.5, 0.5]), ShapeError, "source_prior must be"),
        (lambda: cal.reweight_priors([1.0], [0.5, 0.5], [1, 0]), InputError, "target_prior gives share 0"),
        (lambda: cal.label_shift_em([0.5], [1.5, -0.5]), InputError, "source_prior must be"),
        (lambda: cal.label_shift_em([0.5], [0.5, 0.5], max_iter=0), InputError, "max_iter must be"),
        (lambda: cal.label_shift_em([0.5], [0.5, 0.5], tol=0), InputError, "tol must be > 0"),
        (lambda: cal.label_shift_bbse([0, 0], [0, 1], [0], 2), InputError, "cannot be inverted"),
        (lambda: cal.label_shift_bbse([0, 1], [0, 1], [2], 2), InputError, "target_preds must be in 0..1"),
        (lambda: cal.label_shift_bbse([0, 1], [0], [1], 2), ShapeError, "source_labels must be"),
        (lambda: cal.label_shift_bbse([0], [0], [0], 1), InputError, "n_classes must be"),
        (lambda: cal.shift_report([Z1], []), InputError, "labels_list must have"),
        (lambda: cal.shift_report([], []), InputError, "at least one"),
        (lambda: cal.shift_report([Z1, Z1], [L1, L1[:3]]), ShapeError, "labels_list must be"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
