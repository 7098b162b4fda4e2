"""Rashomon sets, and the samples on which their models do not agree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError

MODELS = [[0.2, 0.6], [0.35, 0.5], [0.25, 0.9]]


def test_the_worked_example():
    assert cal.multiplicity(MODELS, [0.2, 0.6], delta=0.2) == cal.Multiplicity(0.5, 0.5)
    np.testing.assert_allclose(cal.viable_range(MODELS), [[0.2, 0.35], [0.5, 0.9]])
    np.testing.assert_allclose(cal.rashomon_capacity(MODELS), [1.014358160, 1.107717054], atol=1e-6)


def test_a_difference_of_exactly_delta_counts():
    assert cal.multiplicity([[0.3]], [0.2], delta=0.1).ambiguity == 1
    assert cal.multiplicity([[0.3 - 1e-9]], [0.2], delta=0.1).ambiguity == 0


def test_one_model_may_differ_on_all_or_each_on_another():
    assert cal.label_multiplicity([[1, 0], [0, 1]], [0, 0]) == cal.Multiplicity(1.0, 0.5)
    assert cal.label_multiplicity([[1, 1], [0, 0]], [0, 0]) == cal.Multiplicity(1.0, 1.0)
    assert cal.label_multiplicity([[3, 4]], [3, 4]) == cal.Multiplicity(0.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(1, 6), n=st.integers(1, 8), delta=st.floats(0, 1))
def test_discrepancy_is_never_above_ambiguity_and_neither_above_their_sum(seed, m, n, delta):
    rng = np.random.default_rng(seed)
    models, baseline = rng.random((m, n)), rng.random(n)
    found = cal.multiplicity(models, baseline, delta=delta)
    assert found.discrepancy <= found.ambiguity <= m * found.discrepancy + 1e-12
    low, high = cal.viable_range(models).T
    far = np.maximum(np.abs(low - baseline), np.abs(high - baseline))
    assert found.ambiguity == pytest.approx((far >= delta - 1e-12).mean())


def test_labels_are_multiplicity_of_one_hot_probabilities():
    rng = np.random.default_rng(0)
    models, baseline = rng.integers(0, 2, (5, 20)), rng.integers(0, 2, 20)
    assert cal.label_multiplicity(models, baseline) == cal.multiplicity(models, baseline, delta=1)


def test_the_rashomon_set_holds_what_is_at_most_epsilon_worse():
    losses = [0.5, 0.25, 1.0, 0.375]
    assert cal.rashomon_set(losses, 0).tolist() == [1]
    assert cal.rashomon_set(losses, 0.25).tolist() == [0, 1, 3]
    assert cal.rashomon_ratio(losses, 0.25) == 0.75
    assert cal.rashomon_ratio(losses, 10) == 1.0


def test_equal_rows_have_capacity_one_and_disjoint_ones_as_many_as_there_are():
    same = np.tile([0.2, 0.3, 0.5], (4, 2, 1))
    np.testing.assert_allclose(cal.rashomon_capacity(same), 1, atol=1e-9)
    for m in (1, 2, 3):
        one_hots = np.eye(3)[:m, None]
        np.testing.assert_allclose(cal.rashomon_capacity(one_hots), m, atol=1e-6)


def test_capacity_of_a_symmetric_and_of_an_erasure_channel():
    flip, lost = 0.1, 0.3
    h = -flip * np.log(flip) - (1 - flip) * np.log(1 - flip)
    assert cal.rashomon_capacity([[1 - flip], [flip]])[0] == pytest.approx(2 * np.exp(-h), abs=1e-6)
    erasing = [[[1 - lost, lost, 0]], [[0, lost, 1 - lost]]]
    assert cal.rashomon_capacity(erasing)[0] == pytest.approx(2 ** (1 - lost), abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(2, 4), k=st.integers(2, 4))
def test_capacity_is_the_largest_mutual_information(seed, m, k):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(k, 0.5), m).clip(1e-6)
    rows /= rows.sum(1, keepdims=True)

    def information(z):
        r = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        return -(r[:, None] * rows * np.log(rows / (r @ rows))).sum()

    best = max(np.exp(-minimize(information, z).fun) for z in (np.zeros(m), *(4 * np.eye(m))))
    found = cal.rashomon_capacity(rows[:, None])[0]
    assert best - 1e-4 <= found <= min(m, k) + 1e-9
    assert found >= best - 1e-6 or m > k  # the search may stay at a corner when models outnumber classes


def test_capacity_does_not_depend_on_the_samples_beside_or_the_container():
    rng = np.random.default_rng(1)
    models = rng.dirichlet(np.ones(3), (4, 6))
    together = cal.rashomon_capacity(models)
    alone = [cal.rashomon_capacity(models[:, i : i + 1])[0] for i in range(6)]
    np.testing.assert_allclose(together, alone, atol=1e-12)
    np.testing.assert_array_equal(cal.rashomon_capacity(torch.from_numpy(models)), together)
    binary = rng.random((3, 5))
    full = np.stack([1 - binary, binary], 2)
    np.testing.assert_array_equal(cal.rashomon_capacity(binary), cal.rashomon_capacity(full))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cal.viable_range([0.5]), ShapeError, r"model_probs must be \(M, N\)"),
        (lambda: cal.viable_range([[1.5]]), InputError, r"model_probs must lie in \[0, 1\]"),
        (lambda: cal.multiplicity([[0.5]], [0.5, 0.5]), ShapeError, "baseline must be"),
        (lambda: cal.multiplicity([[0.5]], [2.0]), InputError, "baseline must lie in"),
        (lambda: cal.multiplicity([[0.5]], [0.5], delta=-0.1), InputError, "delta must be in"),
        (lambda: cal.label_multiplicity([[0.5]], [0]), InputError, "model_preds must be integers"),
        (lambda: cal.label_multiplicity([[1]], [-1]), InputError, "baseline_pred must be in"),
        (lambda: cal.rashomon_set([], 0.1), InputError, "losses is empty"),
        (lambda: cal.rashomon_set([0.1], -1), InputError, "epsilon must be >= 0"),
        (lambda: cal.rashomon_ratio([np.nan], 1), InputError, "losses holds NaN"),
        (lambda: cal.rashomon_capacity([0.5]), ShapeError, "model_probs must be"),
        (lambda: cal.rashomon_capacity([[[0.5, 0.6]]]), InputError, "rows of model_probs must sum to 1"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
