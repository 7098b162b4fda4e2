"""Attacks and distances: the contract's numbers, closed forms on linear models, and what is refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import n1
from torch import nn

from clsviz import boundary
from clsviz.errors import InputError, ShapeError

AT, LABEL = [[1, 0.5]], [0]


def linear(seed=0, d=4, k=3):
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((k, d)), rng.standard_normal(k)
    net = nn.Linear(d, k).double()
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(W))
        net.bias.copy_(torch.from_numpy(b))
    X = rng.standard_normal((30, d))
    return net, W, b, X, (X @ W.T + b).argmax(1)


def test_fgsm_of_the_contract():
    np.testing.assert_allclose(boundary.fgsm(n1(), AT, LABEL, epsilon=0.1), [[0.9, 0.4]], atol=1e-12)


def test_pgd_of_the_contract():
    found = boundary.pgd(n1(), AT, LABEL, epsilon=0.1, norm="l2", steps=2)
    np.testing.assert_allclose(found, [[0.905131670, 0.468377223]], atol=1e-7)


def test_deepfool_of_the_contract():
    found = boundary.deepfool(n1(), AT)
    np.testing.assert_allclose(found.adversarial, [[0.44206, 0.44594]], atol=1e-5)
    assert found.distance[0] == pytest.approx(0.560553, abs=1e-6)
    assert (found.iterations[0], found.success[0]) == (2, True)


def test_distance_along_a_direction_of_the_contract():
    found = boundary.boundary_distance_along(n1(), AT, [[-1, 1]])
    assert found[0] == pytest.approx(1.060660172, abs=1e-9)


def test_on_a_linear_model_deepfool_is_one_step_to_the_exact_margin():
    net, W, b, X, own = linear()
    margin = boundary.multiclass_linear_margin(W, b, X, own)
    found = boundary.deepfool(net, X)
    np.testing.assert_allclose(found.distance, 1.02 * (margin + 1e-8), rtol=1e-9)
    assert (found.iterations == 1).all() and found.success.all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_attack_succeeds_within_the_exact_margin_and_pgd_does_just_beyond(norm):
    net, W, b, X, own = linear(1, k=2)
    dual = math.inf if norm == "linf" else 2
    margin = boundary.multiclass_linear_margin(W, b, X, own, norm=dual)
    for share, broken in ((0.999, False), (1.001, True)):
        for i in range(6):
            moved = boundary.pgd(net, X[i : i + 1], own[i : i + 1], epsilon=share * margin[i], norm=norm)
            assert ((moved @ W.T + b).argmax(1)[0] != own[i]) == broken


@settings(max_examples=25, deadline=None)
@given(
    epsilon=st.floats(0, 3),
    norm=st.sampled_from(["linf", "l2"]),
    start=st.booleans(),
    seed=st.integers(0, 99),
)
def test_pgd_stays_within_its_radius_and_its_box(epsilon, norm, start, seed):
    X = np.random.default_rng(seed).random((5, 2))
    moved = boundary.pgd(
        n1(), X, [0, 1, 0, 1, 0], epsilon=epsilon, norm=norm, steps=5, random_start=start, seed=seed
    )
    order = np.inf if norm == "linf" else 2
    assert np.linalg.norm(moved - X, order, axis=1).max() <= epsilon + 1e-9
    boxed = boundary.pgd(n1(), X, [0, 1, 0, 1, 0], epsilon=epsilon, norm=norm, steps=5, clip=(0, 1))
    assert boxed.min() >= 0 and boxed.max() <= 1


def test_an_attack_repeats_with_its_seed_and_leaves_the_model_as_it_was():
    net = nn.Sequential(n1(), nn.Dropout(0.5)).train()
    first, again, other = (
        boundary.pgd(net, AT, LABEL, epsilon=0.2, steps=1, step_size=0.01, random_start=True, seed=s)
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert net.training and net[1].training and all(p.requires_grad for p in net.parameters())
    assert all(p.grad is None for p in net.parameters())


def test_a_float32_model_is_attacked_in_its_own_precision():
    moved = boundary.fgsm(n1().float(), AT, LABEL, epsilon=0.1)
    assert moved.dtype == np.float64
    np.testing.assert_allclose(moved, [[0.9, 0.4]], atol=1e-6)


def test_a_flat_region_is_no_success_at_distance_0():
    net = nn.Linear(2, 2).double()
    nn.init.zeros_(net.weight)
    found = boundary.deepfool(net, AT)
    assert (found.distance[0], found.success[0], found.iterations[0]) == (0, False, 0)


def test_a_direction_that_meets_no_boundary_is_infinitely_far():
    net, W, b, X, own = linear(2)
    u = np.stack([W[y] for y in own])
    directions = np.concatenate([u])
    found = boundary.boundary_distance_along(net, X, directions, t_max=5, n_scan=20)
    gap = (X @ W.T + b)[np.arange(len(X)), own][:, None] - (X @ W.T + b)
    slope = (u / np.linalg.norm(u, axis=1, keepdims=True)) @ W.T
    fall = slope - slope[np.arange(len(X)), own][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(fall > 0, gap / fall, np.inf).min(1)
    exact = np.where(exact <= 5, exact, np.inf)
    np.testing.assert_allclose(found, exact, rtol=1e-9)


def test_robust_accuracy_of_the_contract_and_that_it_never_rises():
    curve = boundary.robust_accuracy_curve([0.2, np.inf, 1], [1, 1, 0], [0, 0.5])
    np.testing.assert_allclose(curve, [2 / 3, 1 / 3])
    rng = np.random.default_rng(0)
    curve = boundary.robust_accuracy_curve(
        rng.exponential(1, 100), rng.random(100) < 0.8, np.linspace(0, 3, 30)
    )
    assert (np.diff(curve) <= 0).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.fgsm(n1(), AT, LABEL, epsilon=-1), InputError, "epsilon must be >= 0"),
        (lambda: boundary.fgsm(n1(), AT, [2], epsilon=1), InputError, "y must be integers in 0..1"),
        (lambda: boundary.fgsm(n1(), AT, [0, 1], epsilon=1), ShapeError, "y must be"),
        (lambda: boundary.fgsm(n1(), AT, LABEL, epsilon=1, clip=(1, 0)), InputError, "clip must be"),
        (lambda: boundary.fgsm(lambda x: x, AT, LABEL, epsilon=1), InputError, "model must be a torch"),
        (lambda: boundary.pgd(n1(), AT, LABEL, epsilon=1, norm="l1"), InputError, "norm must be one of"),
        (lambda: boundary.pgd(n1(), AT, LABEL, epsilon=1, steps=0), InputError, "steps must be"),
        (lambda: boundary.pgd(n1(), AT, LABEL, epsilon=1, step_size=0), InputError, "step_size must be"),
        (lambda: boundary.deepfool(n1(), AT, max_iter=0), InputError, "max_iter must be"),
        (lambda: boundary.deepfool(n1(), AT, overshoot=-1), InputError, "overshoot must be"),
        (lambda: boundary.boundary_distance_along(n1(), AT, [[0, 0]]), InputError, "is zero"),
        (lambda: boundary.boundary_distance_along(n1(), AT, [[1, 0, 0]]), ShapeError, "directions must be"),
        (lambda: boundary.boundary_distance_along(n1(), AT, [[1, 0]], t_max=0), InputError, "t_max must be"),
        (lambda: boundary.robust_accuracy_curve([-1], [1], [0]), InputError, "distances must be"),
        (lambda: boundary.robust_accuracy_curve([1], [2], [0]), InputError, "correct must be"),
        (lambda: boundary.robust_accuracy_curve([1], [1], [-1]), InputError, "epsilons must be"),
        (lambda: boundary.robust_accuracy_curve([1], [1, 0], [1]), ShapeError, "correct must be"),
        (lambda: boundary.fgsm(n1(), [[np.nan, 0]], LABEL, epsilon=1), InputError, "X holds NaN"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
