"""What learnt calibrators and early exits are trained by and judged with."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from clsviz import calibration as cal
from clsviz.calibration.correctness import correctness_mean
from clsviz.calibration.tempnet import tempnet_terms
from clsviz.errors import InputError, ShapeError

P = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]]
Y = [0, 0, 1, 1, 0]


def sample(n=40, k=4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    return logits, np.where(rng.random(n) < 0.6, logits.argmax(1), rng.integers(0, k, n))


def test_correctness_aware_loss_of_the_shared_example():
    assert cal.correctness_aware_loss(P, Y) == pytest.approx(0.1405, abs=1e-12)
    assert cal.correctness_aware_loss(P, Y, balanced=True) == pytest.approx(0.2228125, abs=1e-12)
    assert cal.correctness_aware_loss(P, Y, norm="l1") == pytest.approx((0.1 + 0.2 + 0.6 + 0.3 + 0.45) / 5)


def test_unbalanced_loss_is_the_brier_score_of_the_top_label():
    logits, y = sample()
    brier = cal.brier_decomposition(logits, y, kind="logits").brier
    assert cal.correctness_aware_loss(logits, y, kind="logits") == pytest.approx(brier, abs=1e-12)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_where_all_are_right_or_all_wrong_balance_changes_nothing(labels):
    p = np.array([0.1, 0.2, 0.4])
    plain = cal.correctness_aware_loss(p, labels)
    assert cal.correctness_aware_loss(p, labels, balanced=True) == plain


def test_balance_gives_right_and_wrong_samples_the_same_weight():
    p, y = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 0, 1])
    halves = (np.mean(p[:3] ** 2) + 0.6**2) / 2
    assert cal.correctness_aware_loss(p, y, balanced=True) == pytest.approx(halves)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_correctness_loss_of_tensors_has_a_gradient(norm, balanced):
    v = torch.tensor([0.9, 0.6, 0.8], dtype=torch.float64, requires_grad=True)
    c = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: correctness_mean(v, c, norm=norm, balanced=balanced), v)


def test_tempnet_numbers_of_the_contract():
    assert cal.tempnet_loss([[2, 0, 0]], [0], 0.5, rho=1)[0] == pytest.approx(-0.031317994, abs=1e-9)
    assert cal.tempnet_temperature([[2, 0, 0]], rho=0.3)[0] == pytest.approx(1.248105, abs=1e-6)


def test_tempnet_loss_is_cross_entropy_at_its_temperature():
    logits, y = sample()
    tau = np.linspace(0.1, 3, len(y))
    ce = torch.nn.functional.cross_entropy(
        torch.tensor(logits / tau[:, None]), torch.tensor(y), reduction="none"
    ).numpy()
    found = cal.tempnet_loss(logits, y, tau, rho=0.7)
    np.testing.assert_allclose(found, tau * ce + (0.7 - np.log(4)) * tau, atol=1e-12)
    single = cal.tempnet_loss(torch.tensor(logits), torch.tensor(y), 0.5)
    np.testing.assert_allclose(single, cal.tempnet_loss(logits.tolist(), y.tolist(), np.full(len(y), 0.5)))


def test_tempnet_terms_have_gradients_in_logits_and_temperature():
    logits, y = sample(6)
    z, tau = torch.tensor(logits, requires_grad=True), torch.linspace(0.5, 2, 6, dtype=torch.float64)
    label = torch.tensor(y)
    assert torch.autograd.gradcheck(lambda z, t: tempnet_terms(z, label, t), (z, tau.requires_grad_()))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rho=st.floats(0.05, 1.2))
def test_tempnet_temperature_is_where_the_loss_is_least(seed, rho):
    z = np.random.default_rng(seed).normal(0, 2, (1, 4))
    t = cal.tempnet_temperature(z, rho=rho, tau_min=0.01, tau_max=50)[0]
    for label in (0, 3):  # the label does not matter

        def loss(log_tau, label=label):
            return cal.tempnet_loss(z, [label], np.exp(log_tau), rho=rho)[0]

        found = optimize.minimize_scalar(loss, bounds=np.log([0.01, 50]), options={"xatol": 1e-10})
        assert loss(np.log(t)) <= found.fun + 1e-9
    if 0.01 < t < 50:
        p = cal.apply_temperature(z, t)[0]
        assert stats.entropy(p, np.full(4, 0.25)) == pytest.approx(rho, abs=1e-9)


def test_tempnet_temperature_is_clipped_to_its_bounds():
    flat, steep, tied = [0, 0, 0], [1e4, 0, -1e4], [1, 1, 0]
    assert cal.tempnet_temperature([flat, steep]).tolist() == [0.01, 2.0]
    assert cal.tempnet_temperature([tied], rho=0.9)[0] == 0.01  # two tied classes: at most log 3 - log 2
    assert cal.tempnet_temperature([steep], rho=0)[0] == 2.0
    assert cal.tempnet_temperature([3.0]).shape == (1,)


def test_early_exit_of_the_contract():
    exits = [[[0.6, 0.4], [0.95, 0.05]], [[0.2, 0.8], [0.9, 0.1]]]
    out = cal.early_exit(exits, [1, 0], 0.9, n_bins=5)
    assert (out.exit.tolist(), out.accuracy, out.mean_cost) == ([1, 0], 1.0, 0.75)
    assert out.ece == pytest.approx(0.125)
    assert out.exit_ece == (pytest.approx(0.05), pytest.approx(0.2))
    assert out.exit_fraction.tolist() == [0.5, 0.5]


def test_thresholds_zero_and_above_one_take_the_first_and_the_last_exit():
    p = np.random.default_rng(0).dirichlet(np.ones(3), (4, 30))
    y = np.arange(30) % 3
    first = cal.early_exit(p, y, 0)
    assert first.exit.max() == 0 and first.mean_cost == 0.25
    assert first.exit_ece[1:] == (None, None, None) and first.ece == first.exit_ece[0]
    last = cal.early_exit(p, y, 1.5, costs=[1, 2, 3, 7])
    assert last.exit.min() == 3 and last.mean_cost == 7
    assert last.accuracy == pytest.approx((p[3].argmax(1) == y).mean())


def test_each_sample_leaves_at_the_first_exit_that_reaches_its_threshold():
    p = np.random.default_rng(1).dirichlet(np.ones(3), (3, 50))
    least = [0.8, 0.6, 0.99]
    out = cal.early_exit(p, np.zeros(50, int), least)
    for i in range(50):
        sure = [e for e in range(3) if p[e, i].max() >= least[e]]
        assert out.exit[i] == (sure[0] if sure else 2)
    assert out.exit_fraction.sum() == pytest.approx(1)


def test_two_classes_need_one_column_only():
    p = np.array([[0.2, 0.7], [0.9, 0.6]])
    out = cal.early_exit(p, [0, 1], 0.75)
    both = cal.early_exit(np.stack([1 - p, p], 2), [0, 1], 0.75)
    assert out.exit.tolist() == both.exit.tolist() == [0, 1]
    assert out.ece == both.ece


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.correctness_aware_loss(P, Y, norm="l3"), "norm must be one of"),
        (lambda: cal.correctness_aware_loss(P, Y, kind="z"), "kind must be one of"),
        (lambda: cal.tempnet_loss([[0, 1]], [0], 0), "tau must be > 0"),
        (lambda: cal.tempnet_loss([[0, 1]], [0], 1, rho=-1), "rho must be >= 0"),
        (lambda: cal.tempnet_loss([[0, 1]], [2], 1), "labels must be in 0..1"),
        (lambda: cal.tempnet_temperature([[0, 1]], rho=np.nan), "rho must be >= 0"),
        (lambda: cal.tempnet_temperature([[0, 1]], tau_min=2), "tau_min and tau_max must be"),
        (lambda: cal.early_exit([[[0.5, 0.6]]], [0], 0.5), "rows of exit_probs must sum to 1"),
        (lambda: cal.early_exit([[0.5]], [2], 0.5), "labels must be in 0..1"),
        (lambda: cal.early_exit([[0.5]], [0], 0.5, n_bins=0), "n_bins must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.tempnet_loss([[0, 1]], [0], [1, 2]), "tau must be one number or"),
        (lambda: cal.early_exit([0.5], [0], 0.5), "exit_probs must be"),
        (lambda: cal.early_exit([[0.5]], [0], [0.5, 0.5]), "thresholds must be one number or"),
        (lambda: cal.early_exit([[0.5]], [0], 0.5, costs=[1, 2]), "costs must be"),
    ],
)
def test_wrong_shapes_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()
