"""Ensembles and temperature, nearest neighbours, mixtures, quantised weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special
from sklearn.neighbors import KNeighborsClassifier

from clsviz import calibration as cal
from clsviz.calibration import neighbours
from clsviz.calibration.quantization import NF4
from clsviz.errors import InputError, ShapeError

MEMBERS, LABELS = [[[2, 0], [0, 1], [1, 0]], [[1, 0], [1, 0], [0, 3]]], [0, 1, 1]
ORDERS = ("pool_then_calibrate", "calibrate_then_pool", "joint")


def ensemble(m=3, n=200, k=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return 2 * (rng.normal(0, 1, (m, n, k)) + rng.normal(0, 1, (n, k)) + 1.5 * np.eye(k)[y]), y


def test_ensembles_of_the_contract():
    pool, each, joint = (cal.ensemble_temperature(MEMBERS, LABELS, order=o) for o in ORDERS)
    assert (pool.temperature, pool.nll) == (0.05, pytest.approx(0.231089786, abs=1e-9))
    np.testing.assert_allclose(each.temperature, [1.322213321, 1.442695041], atol=1e-8)
    assert each.nll == pytest.approx(0.493413813, abs=1e-8)
    assert joint.temperature == pytest.approx(0.557488568, abs=1e-6)
    assert joint.nll == pytest.approx(0.448523713, abs=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_one_member_is_scaled_as_alone(order):
    logits, y = ensemble(1)
    alone = cal.fit_temperature(logits[0], y)
    out = cal.ensemble_temperature(logits, y, order=order)
    np.testing.assert_allclose(out.temperature, alone.temperature, atol=1e-6)
    assert out.nll == pytest.approx(alone.nll_after, abs=1e-9)
    np.testing.assert_allclose(out.probs, cal.apply_temperature(logits[0], alone.temperature), atol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_probabilities_are_those_of_the_order_and_their_loss_is_told(order):
    logits, y = ensemble()
    out = cal.ensemble_temperature(logits, y, order=order)
    t = np.broadcast_to(out.temperature, 3)
    if order == "pool_then_calibrate":
        mean = special.softmax(logits, axis=2).mean(0)
        expected = mean ** (1 / t[0]) / (mean ** (1 / t[0])).sum(1, keepdims=True)
    else:
        expected = special.softmax(logits / t[:, None, None], axis=2).mean(0)
    np.testing.assert_allclose(out.probs, expected, atol=1e-12)
    assert out.nll == pytest.approx(cal.nll(out.probs, y), abs=1e-12)


def test_the_joint_temperature_is_the_best_for_the_mean():
    logits, y = ensemble()
    out = cal.ensemble_temperature(logits, y, order="joint")
    for t in np.geomspace(0.05, 20, 200):
        assert out.nll <= cal.nll(special.softmax(logits / t, axis=2).mean(0), y) + 1e-12
    assert out.nll <= cal.ensemble_temperature(logits, y, order="joint", bounds=(5, 6)).nll


def test_joint_temperatures_reach_their_bounds():
    sure = 10 * np.eye(3)[None].repeat(2, 0)
    assert cal.ensemble_temperature(sure, [0, 1, 2], order="joint").temperature == 0.05
    assert cal.ensemble_temperature(-sure, [0, 1, 2], order="joint", bounds=(0.1, 7)).temperature == 7


def test_members_that_are_sure_and_wrong_cost_finitely():
    out = cal.ensemble_temperature(1e4 * np.array(MEMBERS), LABELS, order="pool_then_calibrate")
    assert np.isfinite(out.nll) and np.isfinite(out.probs).all()


def test_two_classes_need_one_logit_each():
    logits, y = ensemble(k=2)
    both = cal.ensemble_temperature(logits, y)
    one = cal.ensemble_temperature(torch.tensor(logits[:, :, 1] - logits[:, :, 0]), y)
    assert one.temperature == pytest.approx(both.temperature)


def test_neighbours_of_the_contract():
    p = cal.knn_softmax([0, 1, 3], [0, 1, 1], [0.5, 2], n_classes=2, k=2)
    np.testing.assert_allclose(p, [[0.5, 0.5], [0, 1]])


@pytest.mark.parametrize("squared", [True, False])
def test_neighbours_vote_as_in_scikit_learn(squared):
    rng = np.random.default_rng(0)
    train, y, f = rng.normal(size=(80, 3)), rng.integers(0, 4, 80), rng.normal(size=(30, 3))

    def weights(d):
        return np.exp(-(d**2 if squared else d) / 0.7)

    oracle = KNeighborsClassifier(7, weights=weights, algorithm="brute").fit(train, y)
    found = cal.knn_softmax(train, y, f, n_classes=4, k=7, temperature=0.7, squared=squared)
    np.testing.assert_allclose(found, oracle.predict_proba(f), atol=1e-9)


def test_hot_neighbours_share_votes_and_cold_ones_leave_it_to_the_nearest():
    rng = np.random.default_rng(0)
    train, y, f = rng.normal(size=(50, 2)), rng.integers(0, 3, 50), rng.normal(size=(20, 2))
    hot = cal.knn_softmax(train, y, f, n_classes=3, k=5, temperature=1e9)
    np.testing.assert_allclose(hot * 5, (hot * 5).round(), atol=1e-6)
    cold = cal.knn_softmax(train, y, f, n_classes=3, k=5, temperature=1e-9)
    nearest = y[((f[:, None] - train) ** 2).sum(2).argmin(1)]
    np.testing.assert_array_equal(cold, np.eye(3)[nearest])


def test_equally_far_neighbours_are_taken_in_order_and_all_where_there_are_few(monkeypatch):
    p = cal.knn_softmax([1, -1, 1, 5], [0, 1, 2, 2], [0.0], n_classes=3, k=2)
    np.testing.assert_allclose(p, [[0.5, 0.5, 0]])
    every = cal.knn_softmax([[1.0], [-1.0]], [0, 1], [[0.0], [0.5]], n_classes=2, k=10)
    np.testing.assert_allclose(every[0], [0.5, 0.5])
    monkeypatch.setattr(neighbours, "BLOCK", 1)  # one row at a time gives the same
    np.testing.assert_array_equal(
        cal.knn_softmax([[1.0], [-1.0]], [0, 1], [[0.0], [0.5]], n_classes=2), every
    )


def test_interpolation_is_linear_between_its_ends():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(3), (2, 10))
    np.testing.assert_array_equal(cal.interpolate_probs(p, q, 1), p)
    np.testing.assert_array_equal(cal.interpolate_probs(p, q, 0), q)
    np.testing.assert_allclose(cal.interpolate_probs(p, q, 0.25), 0.25 * p + 0.75 * q)
    np.testing.assert_allclose(cal.interpolate_probs([0.1], torch.tensor([0.3]), 0.5), [[0.8, 0.2]])


def test_rounded_weights_of_the_contract():
    w = [-1, 0.26, 0.5, 0.9]
    np.testing.assert_allclose(cal.fake_quantize(w, bits=3), [-1, 1 / 3, 2 / 3, 1], atol=1e-12)
    found = cal.fake_quantize(w, codebook="nf4")
    np.testing.assert_allclose(found, [-1, 0.246112302, 0.440709829, 1], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    w=arrays(
        np.float64, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.floats(-1e3, 1e3, width=32)
    ),
    bits=st.integers(2, 9),
)
def test_rounding_keeps_to_few_levels_and_moves_by_half_a_step_at_most(w, bits):
    q = cal.fake_quantize(w, bits=bits)
    step = np.abs(w).max() / (2 ** (bits - 1) - 1)
    assert q.shape == w.shape
    assert np.abs(q - w).max() <= step / 2 + 1e-9
    assert len(np.unique(q.round(9))) <= 2**bits - 1
    np.testing.assert_allclose(cal.fake_quantize(q, bits=bits), q, atol=1e-9)
    np.testing.assert_allclose(cal.fake_quantize(-w, bits=bits), -q, atol=1e-12)


def test_nf4_takes_the_nearest_level_of_each_block():
    w = np.random.default_rng(0).normal(size=(7, 20))
    found = cal.fake_quantize(w, codebook="nf4", block=16).ravel()
    flat = w.ravel()
    for start in range(0, flat.size, 16):
        part = flat[start : start + 16]
        scale = np.abs(part).max()
        nearest = NF4[np.abs(part[:, None] / scale - NF4).argmin(1)] * scale
        np.testing.assert_allclose(found[start : start + 16], nearest, atol=1e-12)
    halfway = [1.0, NF4[8] / 2, -1.0]
    assert cal.fake_quantize(halfway, codebook="nf4")[1] == 0  # ties go down


@pytest.mark.parametrize("codebook", ["uniform", "nf4"])
def test_zeros_stay_zeros_and_weights_as_they_were(codebook):
    zeros = np.zeros((3, 50))
    assert np.abs(cal.fake_quantize([5e-324, 0], codebook=codebook)).max() <= 5e-324
    np.testing.assert_array_equal(cal.fake_quantize(zeros, codebook=codebook), zeros)
    w = torch.tensor([[0.3, -0.7]], requires_grad=True)
    assert cal.fake_quantize(w, codebook=codebook).dtype == np.float64
    assert w.detach().tolist() == torch.tensor([[0.3, -0.7]]).tolist()


def test_grid_of_the_contract():
    options = {"bits": (2,), "temperatures": (1,)}
    grid = cal.quantization_temperature_grid(np.eye(3), np.diag([2, 1, 3]), 0, [0, 1, 1], **options)
    assert list(grid) == ["float", "2"]
    assert grid["float"]["nll"] == pytest.approx(1.295304146, abs=1e-9)
    assert grid["float"]["temperature"] == pytest.approx(3.369008789, abs=1e-8)
    assert grid["2"]["nll"] == pytest.approx(1.429486067, abs=1e-9)
    assert grid["2"]["temperature"] == pytest.approx(4.328085123, abs=1e-8)


def test_grid_is_what_measures_say_of_the_rounded_layer():
    rng = np.random.default_rng(0)
    f, w, b = rng.normal(size=(60, 5)), rng.normal(size=(3, 5)), rng.normal(size=3)
    y = (f @ w.T + b).argmax(1)
    grid = cal.quantization_temperature_grid(f, w, b, y, n_bins=7)
    assert list(grid) == ["float", "8", "4", "2"] and grid["float"]["accuracy"] == 1
    z = f @ cal.fake_quantize(w, bits=4).T + b
    np.testing.assert_allclose(grid["4"]["nll"], [cal.nll(z / t, y, kind="logits") for t in (0.5, 1, 2)])
    np.testing.assert_allclose(
        grid["4"]["ece"], [cal.ece(z / t, y, kind="logits", n_bins=7) for t in (0.5, 1, 2)]
    )
    assert grid["4"]["temperature"] == cal.fit_temperature(z, y).temperature


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.ensemble_temperature(MEMBERS, LABELS, order="both"), "order must be one of"),
        (lambda: cal.ensemble_temperature(MEMBERS, LABELS, bounds=(2, 1)), "bounds must be"),
        (lambda: cal.ensemble_temperature(MEMBERS, [0, 1, 2]), r"labels must be in 0\.\.1"),
        (lambda: cal.interpolate_probs([0.5], [0.5], 1.1), "lam must be in"),
        (lambda: cal.interpolate_probs([1.5], [0.5], 1), "p must lie in"),
        (lambda: cal.knn_softmax([0, 1], [0, 2], [0.0], n_classes=2), r"train_labels must be in 0\.\.1"),
        (lambda: cal.knn_softmax([0, 1], [0, 1], [0.0], n_classes=1), "n_classes must be"),
        (lambda: cal.knn_softmax([0, 1], [0, 1], [0.0], n_classes=2, k=0), "k must be an integer"),
        (lambda: cal.knn_softmax([0], [0], [0.0], n_classes=2, temperature=0), "temperature must be > 0"),
        (lambda: cal.fake_quantize([]), "w is empty"),
        (lambda: cal.fake_quantize([1.0], bits=1), "bits must be an integer >= 2"),
        (lambda: cal.fake_quantize([1.0], codebook="int8"), "codebook must be one of"),
        (lambda: cal.fake_quantize([1.0], block=0), "block must be an integer >= 1"),
        (
            lambda: cal.quantization_temperature_grid([1.0], [[1], [2]], 0, [0], temperatures=(0,)),
            "temperatures must be > 0",
        ),
        (lambda: cal.quantization_temperature_grid([1.0], [[1], [2]], 0, [0], bits=(1,)), "bits must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.ensemble_temperature([1.0], [0]), "member_logits must be"),
        (lambda: cal.interpolate_probs([0.5], [0.5, 0.5], 0), "q must be"),
        (lambda: cal.knn_softmax([[0, 1]], [0], [0.0], n_classes=2), "features must be"),
        (lambda: cal.quantization_temperature_grid([1.0], [[1]], 0, [0]), "weight must be"),
        (lambda: cal.quantization_temperature_grid([1.0], [[1], [2]], [0], [0]), "bias must be"),
    ],
)
def test_wrong_shapes_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()
