"""The live landscape: logits coarse to fine, loss tables, and their Uint16 form."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from clsviz import landscape
from clsviz.landscape.tables import MARK, scan_order


def terms(logits, targets):
    return functional.cross_entropy(logits, targets, reduction="none")


def grid(seed=0, points=7, samples=6, classes=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(points, samples, classes)).astype(np.float32), rng.integers(0, classes, samples)


def test_the_scan_is_nested_coarse_to_fine_and_visits_each_cell_once():
    order = np.concatenate(scan_order(41, 41))
    assert sorted(order.tolist()) == list(range(41 * 41))
    for cells, stride in ((11 * 11, 4), (21 * 21, 2)):
        j, i = np.divmod(order[:cells], 41)
        assert (j % stride == 0).all()
        assert (i % stride == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_every_grid_is_covered_once(n_x, n_y):
    assert sorted(np.concatenate(scan_order(n_x, n_y)).tolist()) == list(range(n_x * n_y))


@pytest.mark.parametrize("rows", [1, 4])
def test_logits_of_each_cell_are_those_of_the_model_at_its_weights(rows):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(5, 3)
    origin, (dx, dy) = landscape.theta_of(model), landscape.random_directions(model)
    xs, ys = np.linspace(-1, 1, 5), np.linspace(0, 2, 3)
    before = copy.deepcopy(model.state_dict())
    out = np.full((15, 5, 2), np.nan, dtype=np.float32)
    for cells, logits in landscape.landscape_logits(model, x, origin, dx.numpy(), dy, xs, ys, rows=rows):
        assert logits.dtype == np.float32
        assert logits.shape == (len(cells), 5, 2)
        assert np.isnan(out[cells]).all()
        out[cells] = logits
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    surface = landscape.loss_surface(
        model, (x, torch.tensor([0, 1, 0, 1, 1])), direction_x=dx, direction_y=dy, xs=xs, ys=ys
    )
    table = landscape.loss_table(out, [0, 1, 0, 1, 1], terms, [1.0])
    np.testing.assert_allclose(table[:, 0].reshape(3, 5), surface.loss, rtol=1e-5)
    np.testing.assert_allclose(
        landscape.accuracy_map(out, [0, 1, 0, 1, 1]).reshape(3, 5), surface.accuracy, rtol=1e-6
    )


def test_a_scan_that_is_not_continued_leaves_the_model_alone():
    model = nn.Linear(2, 2)
    theta = landscape.theta_of(model)
    scan = landscape.landscape_logits(
        model, torch.ones(3, 2), theta + 5, theta, theta, np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)
    )
    cells, _ = next(scan)
    assert len(cells) == 11
    assert torch.equal(landscape.theta_of(model), theta)


def test_each_temperature_divides_the_logits():
    logits, labels = grid()
    table = landscape.loss_table(logits, labels, terms)
    assert table.shape == (7, 32)
    assert table.dtype == np.float32
    assert landscape.TEMPERATURES[[0, -1]].tolist() == pytest.approx([0.05, 20])
    for g, t in ((0, 0), (3, 17), (6, 31)):
        scaled = torch.from_numpy(logits[g]).double() / landscape.TEMPERATURES[t]
        expected = functional.cross_entropy(scaled, torch.from_numpy(labels))
        assert table[g, t] == pytest.approx(float(expected), rel=1e-5)


def test_a_loss_of_the_whole_batch_is_taken_point_by_point():
    logits, labels = grid()
    table = landscape.loss_table(logits, labels, terms, [0.5, 2.0])
    scalar = landscape.loss_table(logits, labels, functional.cross_entropy, [0.5, 2.0])
    np.testing.assert_allclose(table, scalar, rtol=1e-5)


def test_a_table_does_not_depend_on_how_the_grid_is_cut_and_needs_little_memory():
    logits, labels = grid(points=400, samples=300, classes=10)
    seen = []

    def watched(z, t):
        seen.append(z.numel() * z.element_size())
        return terms(z, t)

    table = landscape.loss_table(logits, labels, watched, [0.1, 1.0])
    assert max(seen) < 2e6  # bytes at a time: a loss may hold dozens of copies and stay below 100 MB
    parts = [landscape.loss_table(part, labels, terms, [0.1, 1.0]) for part in np.split(logits, 4)]
    np.testing.assert_allclose(table, np.concatenate(parts), rtol=1e-6)


def test_accuracy_counts_ties_for_the_lowest_class_and_nan_as_wrong():
    logits = np.array([[[1, 1], [np.inf, 0]], [[np.nan, 0], [2, 1]]], dtype=np.float32)
    assert landscape.accuracy_map(logits, [0, 0]).tolist() == [1.0, 0.5]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 4), st.booleans())
def test_quantisation_stays_within_the_stated_error(seed, magnitude, negative):
    table = np.random.default_rng(seed).exponential(10**magnitude, (9, 32))
    table -= 0.5 * table.max() * negative
    q = landscape.quantise_table(table)
    bound = (1 + table - q.shift) * np.expm1(q.scale / 2)
    assert q.codes.dtype == np.uint16
    assert (np.abs(landscape.dequantise(q) - table) <= bound * (1 + 1e-9) + 1e-12).all()
    assert q.codes.max() < MARK


def test_cells_that_are_not_finite_are_marked_and_come_back_as_nan():
    table = np.ones((3, 2))
    table[0, 0], table[2, 1] = np.inf, np.nan
    q = landscape.quantise_table(table, [1.0, 2.0])
    assert (q.codes == MARK).tolist() == [[True, False], [False, False], [False, True]]
    back = landscape.dequantise(q)
    assert np.isnan(back).tolist() == (q.codes == MARK).tolist()
    np.testing.assert_allclose(back[1], 1)
    empty = landscape.quantise_table(np.full((2, 2), np.inf), [1.0, 2.0])
    assert np.isnan(landscape.dequantise(empty)).all()


def test_loss_between_temperatures():
    logits, labels = grid(points=20, samples=50)
    q = landscape.quantise_table(landscape.loss_table(logits, labels, terms))
    exact = landscape.dequantise(q)
    np.testing.assert_allclose(landscape.loss_at(q, landscape.TEMPERATURES[5]), exact[:, 5], rtol=1e-6)
    np.testing.assert_allclose(landscape.loss_at(q, 1e-9), exact[:, 0])
    np.testing.assert_allclose(landscape.loss_at(q, 1e9), exact[:, -1])
    for temperature in (0.07, 0.6, 1.0, 3.3, 15.0):
        truth = landscape.loss_table(logits, labels, terms, [temperature])[:, 0]
        np.testing.assert_array_less(np.abs(landscape.loss_at(q, temperature) - truth), 0.005 * (1 + truth))


def test_a_marked_neighbour_makes_the_interpolated_loss_unknown_only_where_it_counts():
    q = landscape.quantise_table([[np.inf, 1.0, 2.0]], [1.0, 2.0, 4.0])
    assert np.isnan(landscape.loss_at(q, 1.5))[0]
    assert landscape.loss_at(q, 2.0)[0] == pytest.approx(1)
    assert landscape.loss_at(q, 4.0)[0] == pytest.approx(2)


def test_read_only_arrays_are_taken_without_a_warning():
    logits, labels = grid()
    logits.flags.writeable = labels.flags.writeable = False
    assert landscape.loss_table(logits, labels, terms, [1.0]).shape == (7, 1)


MODEL = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, y: landscape.loss_table(z[0], y, terms), r"logits must be \(G, N, K\)"),
        (lambda z, y: landscape.loss_table(z, y[:2], terms), r"labels must be \(6,\)"),
        (lambda z, y: landscape.loss_table(z, y + 3, terms), "labels must be integers in 0..2"),
        (lambda z, y: landscape.loss_table(z, y, terms, [0.0]), "temperatures must be > 0"),
        (lambda z, y: landscape.loss_table(z, y, lambda a, b: a), "loss_fn must give one term per row"),
        (lambda z, y: landscape.quantise_table(z[0]), r"table must be \(G, 32\)"),
        (lambda z, y: landscape.quantise_table(z[0], [3, 2, 1]), "ascending"),
        (lambda z, y: landscape.loss_at(landscape.quantise_table([[1.0]], [1.0]), 0), "temperature must be"),
        (
            lambda z, y: landscape.landscape_logits(
                MODEL, torch.ones(1, 2), np.zeros(6), np.zeros(6), np.zeros(6), [0], [0], rows=0
            ),
            "rows must be",
        ),
        (
            lambda z, y: landscape.landscape_logits(
                MODEL, torch.ones(1, 2), np.zeros(5), np.zeros(6), np.zeros(6), [0], [0]
            ),
            "origin must have the 6",
        ),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*grid())
