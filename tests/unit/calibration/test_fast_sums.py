"""Fast ways to sums that have a plain definition: the same numbers as the definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz import calibration as cal
from clsviz.calibration import arrays
from clsviz.calibration.arrays import Total, sorted_pairs
from clsviz.calibration.inputs import forecasts


@pytest.fixture(autouse=True)
def tensors_stay_tensors(monkeypatch):
    monkeypatch.setattr(arrays, "SHARED", ())


VALUES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, -0.0, 0.1, 0.25, 1 / 3, 0.5, 0.6, 0.999, 1.0]))
PAIRS = st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=40)


def binary(pairs):
    """Forecasts of two classes whose pairs (top confidence, right) are in [0.5, 1]."""
    v = np.array([(1 + abs(v)) / 2 for v, _ in pairs])
    return np.stack([v, 1 - v], 1), np.array([0 if c else 1 for _, c in pairs])


def tops(p, y):
    top = p.argmax(1)
    return p[np.arange(len(y)), top], (top == y).astype(float)


@given(
    v=st.lists(VALUES, min_size=1, max_size=30),
    n_bins=st.integers(1, 600),
    closed=st.sampled_from(["left", "right"]),
    as_tensor=st.booleans(),
)
def test_equal_width_bins_are_those_of_a_search(v, n_bins, closed, as_tensor):
    edges = np.arange(n_bins + 1) / n_bins
    v = np.concatenate([v, edges, np.nextafter(edges, 2).clip(0, 1), np.nextafter(edges, -1).clip(0, 1)])
    _, index, _ = cal.bin_indices(torch.from_numpy(v) if as_tensor else v, n_bins, closed=closed)
    side = "right" if closed == "left" else "left"
    np.testing.assert_array_equal(index, (np.searchsorted(edges, v, side=side) - 1).clip(0, n_bins - 1))


@given(
    v=st.lists(VALUES, min_size=1, max_size=40),
    n_bins=st.integers(1, 20),
    closed=st.sampled_from(["left", "right"]),
)
def test_equal_mass_edges_are_the_quantiles_of_numpy(v, n_bins, closed):
    edges = np.quantile(v, np.arange(n_bins + 1) / n_bins)
    edges[0], edges[-1] = 0, 1
    for values in (np.array(v), torch.tensor(v, dtype=torch.float64)):
        found, index, _ = cal.bin_indices(values, n_bins, "equal_mass", closed)
        np.testing.assert_allclose(found, np.unique(edges + 0.0), rtol=0, atol=1e-16)
        side = "right" if closed == "left" else "left"
        expected = (np.searchsorted(found, v, side=side) - 1).clip(0, len(found) - 2)
        np.testing.assert_array_equal(index, expected)


@given(v=st.lists(VALUES, min_size=1, max_size=60), n_bins=st.integers(1, 70), many=st.booleans())
def test_rank_bins_split_the_stable_order(v, n_bins, many):
    v = np.tile(v, 50) if many else np.array(v)
    expected = np.empty(len(v), dtype=int)
    expected[np.argsort(v, kind="stable")] = np.arange(len(v)) * n_bins // len(v)
    for values in (v, torch.from_numpy(v)):
        np.testing.assert_array_equal(cal.bin_indices(values, n_bins, "equal_mass_rank")[1], expected)


@given(pairs=PAIRS)
def test_sorted_pairs_are_the_pairs_in_order(pairs):
    v, c = (np.array(a) for a in zip(*pairs, strict=True))
    expected = sorted((abs(a), b) for a, b in pairs)  # -0. is 0.
    for x, right in ((v, c), (torch.from_numpy(v), torch.from_numpy(c))):
        found = sorted_pairs(x, right)
        assert [(float(a), bool(b)) for a, b in zip(*found, strict=True)] == expected


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, width=st.sampled_from([1e-5, 1e-3, 0.05, 0.4, 7.0]))
def test_mmce_is_the_double_sum(pairs, width):
    p, y = binary(pairs)
    v, c = tops(p, y)
    r = c - v
    kernel = np.exp(-np.abs(v[:, None] - v) / width)
    expected = np.sqrt(max(0.0, r @ kernel @ r)) / len(v)
    assert cal.mmce(p, y, width=width) ** 2 == pytest.approx(expected**2, abs=1e-14)
    assert cal.mmce(p, y, width=width) == pytest.approx(expected, abs=1e-7)


def test_mmce_of_many_samples_is_the_double_sum():
    rng = np.random.default_rng(0)
    v = 0.5 + 0.5 * rng.beta(5, 1, 3000)
    y = (rng.random(3000) > v).astype(int)
    p, r = np.stack([v, 1 - v], 1), (1 - y) - v
    for width in (1e-4, 0.4):
        expected = np.sqrt(r @ np.exp(-np.abs(v[:, None] - v) / width) @ r) / len(v)
        assert cal.mmce(p, y, width=width) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    pairs=PAIRS,
    bandwidth=st.one_of(st.sampled_from([1e-4, 1e-3, 0.01, 0.05, 0.25, 0.5, 1.0, 3.0]), st.floats(1e-3, 2)),
    n_grid=st.integers(2, 300),
)
def test_kde_ece_is_the_sum_over_samples_and_grid(pairs, bandwidth, n_grid):
    p, y = binary(pairs)
    v, c = tops(p, y)
    t = np.arange(n_grid) / (n_grid - 1)

    def kernel(u):
        return 35 / 32 * (1 - np.minimum(u**2, 1)) ** 3

    w = sum(kernel((t[:, None] - x) / bandwidth) for x in (v, -v, 2 - v))
    mass, right = w.sum(1), w @ c
    accuracy = np.where(mass > 0, right / np.where(mass > 0, mass, 1), t)
    expected = np.trapezoid(np.abs(accuracy - t) * mass / (len(v) * bandwidth), t)
    found = cal.kde_ece(p, y, bandwidth=bandwidth, n_grid=n_grid)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-11)


@settings(max_examples=30, deadline=None)
@given(pairs=PAIRS, sigma=st.sampled_from([2e-3, 0.03, 0.2, 1.0]))
def test_smooth_ece_is_the_sum_of_cosines(pairs, sigma):
    p, y = binary(pairs)
    v, c = tops(p, y)
    j = np.pi * np.arange(np.ceil(2.8 / sigma) + 1)
    t = np.arange(2001) / 2000
    weight = (
        np.where(j > 0, 2, 1) * np.exp(-((j * sigma) ** 2) / 2) * (np.cos(np.outer(j, v)) @ (c - v)) / len(v)
    )
    expected = np.trapezoid(np.abs(np.cos(np.outer(t, j)) @ weight), t)
    assert cal.smooth_ece(p, y, sigma=sigma) == pytest.approx(expected, abs=1e-11)


@given(pairs=PAIRS)
def test_risk_of_ties_is_their_mean(pairs):
    p, y = binary([(round(v, 1), c) for v, c in pairs])
    v, c = tops(p, y)
    order = np.argsort(-v, kind="stable")
    v, error = v[order], 1 - c[order]
    for value in np.unique(v):
        error[v == value] = error[v == value].mean()
    k = np.arange(1, len(v) + 1)
    curve = cal.risk_coverage(p, y)
    np.testing.assert_allclose(curve.risk, np.cumsum(error) / k, atol=1e-12)
    best = np.cumsum(np.sort(1 - c)) / k
    assert curve.eaurc == pytest.approx(curve.risk.mean() - best.mean(), abs=1e-12)


@given(
    inside=st.lists(st.integers(-3, 3), min_size=1, max_size=20),
    outside=st.lists(st.integers(-3, 3), min_size=1, max_size=20),
)
def test_detection_error_is_the_least_over_all_cuts(inside, outside):
    a, b = np.array(inside, float), np.array(outside, float)
    cuts = [*a, *b, np.inf]
    expected = min(((a < q).mean() + (b >= q).mean()) / 2 for q in cuts)
    found = cal.ood_metrics(a, b)
    assert found.detection_error == pytest.approx(expected, abs=1e-12)
    assert found.auroc == pytest.approx(((a[:, None] > b).mean() + (a[:, None] == b).mean() / 2), abs=1e-12)


@given(st.lists(st.floats(-1e9, 1e9), max_size=50))
def test_total_is_the_exact_sum(values):
    total = Total()
    for value in values:
        total.add(value)
    assert float(total.value) == pytest.approx(math.fsum(values), rel=1e-15, abs=1e-20)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.sampled_from([0, 1e-17, 1.2e-16, 3e-16, 1, 40, 800])] * 3), min_size=1),
    as_tensor=st.booleans(),
)
def test_the_top_of_logits_is_that_of_their_softmax(rows, as_tensor):
    z, y = np.array(rows, dtype=float), np.arange(len(rows)) % 3
    p = cal.apply_temperature(z, 1.0)
    ((v, c),) = forecasts(torch.from_numpy(z) if as_tensor else z, y, "logits").pairs()
    np.testing.assert_array_equal(np.asarray(v), p.max(1))
    np.testing.assert_array_equal(np.asarray(c), p.argmax(1) == y)
