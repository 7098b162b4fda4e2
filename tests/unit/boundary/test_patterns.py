"""Piecewise-linear views and remedies for rare classes: contract numbers, oracles, what is refused."""

import numpy as np
import pytest
import torch
from nets import n1
from torch import nn

from clsviz import boundary
from clsviz.boundary.calling import logits_at
from clsviz.errors import InputError, ShapeError

BORDER = dict(X=[[0, 0], [1, 0], [0, 1], [5, 5], [0.4, 0.4], [4, 4]], y=[0, 0, 0, 0, 1, 1], minority=1)


def test_linear_interpreter_of_the_contract():
    A, b = boundary.linear_interpreter(n1(), [1, 0.5])
    np.testing.assert_allclose(A, [[2, 1], [-1, 0]])
    np.testing.assert_allclose(b, [-1, 1])


def test_the_interpreter_reproduces_logits_through_pooling_and_normalisation():
    torch.manual_seed(0)
    layers = [nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()]
    net = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 3)).double()
    net.train()(torch.randn(8, 16, dtype=torch.float64))
    x = np.random.default_rng(0).standard_normal(16)
    A, b = boundary.linear_interpreter(net, x)
    np.testing.assert_allclose(A @ x + b, logits_at(net, x[None])[0], atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(net.eval(), torch.from_numpy(x[None]))[0, :, 0]
    np.testing.assert_allclose(A, jacobian.numpy(), atol=1e-12)


def test_activation_patterns_go_layer_by_layer_also_for_many_samples():
    net = nn.Sequential(n1()[0], nn.ReLU(), nn.Linear(3, 2).double(), nn.ReLU(), nn.Linear(2, 2).double())
    X = np.random.default_rng(0).standard_normal((20_000, 2))
    patterns = boundary.activation_pattern(net, X)
    first = net[0](torch.from_numpy(X)) > 0
    second = net[2](net[1](net[0](torch.from_numpy(X)))) > 0
    np.testing.assert_array_equal(patterns, torch.cat([first, second], 1).numpy())
    assert 1 < boundary.count_linear_regions(patterns) <= 32
    assert boundary.count_linear_regions([[1, 0], [1, 0], [0, 1]]) == 2


def test_patterns_of_classes_of_the_contract():
    activations, labels = [[1, 0, 1], [1, 0, -1], [0, 1, 1]], [0, 0, 1]
    naps = boundary.mine_nap(activations, labels)
    assert {k: v.tolist() for k, v in naps.items()} == {0: [1, 0, -1], 1: [0, 1, 1]}
    report = boundary.nap_report(naps, activations, labels)
    assert (report.recall.tolist(), report.leak.tolist(), report.ambiguous) == ([1, 1], [0, 0], 0)
    assert report.size.tolist() == [2, 3]
    assert report.conflicts.tolist() == [[0, 2], [2, 0]]


def test_a_stricter_share_fixes_fewer_units_and_all_match_their_own():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    on = rng.standard_normal((200, 12)) + np.where(y[:, None] == 1, 1.2, -1.2) * np.linspace(0, 2, 12)
    sizes = [sum((v != -1).sum() for v in boundary.mine_nap(on, y, delta=d).values()) for d in (0.6, 0.8, 1)]
    assert sizes == sorted(sizes, reverse=True)
    naps = boundary.mine_nap(on, y)
    assert all(boundary.nap_match(naps[k], on[y == k]).all() for k in (0, 1))


def test_smote_of_the_contract_and_on_segments():
    found = boundary.smote([[0, 0], [1, 1], [2, 0]], 2, k=1)
    expected = [[1.730213286, 0.269786714], [0.959026476, 0.959026476]]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert boundary.smote([[0, 0], [1, 1]], 0).shape == (0, 2)
    line = boundary.smote([[0, 0], [2, 4]], 50)
    np.testing.assert_allclose(line[:, 1], 2 * line[:, 0])
    assert line.min() >= 0 and line[:, 0].max() <= 2


def test_border_and_counts_of_the_contract():
    found = boundary.borderline_mask(**BORDER, m=3)
    assert found.noise.all() and not found.danger.any()
    assert boundary.adasyn_counts(**BORDER, n_new=10, k=3).tolist() == [5, 5]


def test_weights_and_logits_of_the_contract():
    found = boundary.effective_number_weights([10, 1], beta=0.9)
    np.testing.assert_allclose(found, [0.266198, 1.733802], atol=1e-6)
    shifted = boundary.logit_adjustment([[1, 2, 3]], [0.7, 0.2, 0.1])
    np.testing.assert_allclose(shifted, [[1.356674944, 3.609437912, 5.302585093]], atol=1e-9)


def test_rare_classes_borrow_from_the_frequent_ones_near_them():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((40, 2)), rng.standard_normal((30, 2)) + 9, [[1.0, 1.0]]])
    y = np.repeat([0, 1, 3], [40, 30, 1])
    found = boundary.representation_calibration(X, y, n_neighbours=1, alpha=0.5, n_classes=5)
    np.testing.assert_allclose(found.mean[3], (X[:40].mean(0) + 1) / 2)
    np.testing.assert_allclose(found.cov[3], np.cov(X[:40].T) + 0.5 * np.eye(2))
    np.testing.assert_allclose(found.cov[0], np.cov(X[:40].T))
    assert np.isnan(found.mean[[2, 4]]).all() and found.counts.tolist() == [40, 30, 0, 1, 0]
    alone = boundary.representation_calibration(X, y, head_min=1000)
    np.testing.assert_allclose(alone.mean[3], [1, 1])
    np.testing.assert_allclose(alone.cov[3], 0)


def test_trimming_leaves_out_what_is_far():
    X = [[0.0], [0.1], [-0.1], [50.0]]
    found = boundary.representation_calibration(X, [0] * 4, trim=0.25)
    assert abs(found.mean[0, 0]) < 0.2 and found.counts.tolist() == [4]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.linear_interpreter(lambda x: x, [1]), InputError, "model must be a torch"),
        (lambda: boundary.activation_pattern(nn.Linear(1, 2), [[1]]), InputError, "no nn.ReLU"),
        (lambda: boundary.mine_nap([[1]], [0], delta=0.5), InputError, "delta must be"),
        (lambda: boundary.mine_nap([[1]], [0, 1]), ShapeError, "labels must be"),
        (lambda: boundary.nap_match([1, 0], [[1]]), ShapeError, "nap has 2 units"),
        (lambda: boundary.nap_report({}, [[1]], [0]), InputError, "naps is empty"),
        (lambda: boundary.smote([[1]], 1), InputError, "a segment needs two"),
        (lambda: boundary.smote([[1], [2]], -1), InputError, "n_new must be"),
        (lambda: boundary.borderline_mask([[1], [2]], [0, 0], 1), InputError, "minority 1 does not occur"),
        (
            lambda: boundary.adasyn_counts([[0], [1], [99]], [1, 1, 0], 1, 5, k=1),
            InputError,
            "no other class",
        ),
        (lambda: boundary.effective_number_weights([0]), InputError, "counts must be >= 1"),
        (lambda: boundary.effective_number_weights([1], beta=1), InputError, "beta must be in"),
        (lambda: boundary.logit_adjustment([[1, 2]], [1, 0]), InputError, "prior must be > 0"),
        (lambda: boundary.representation_calibration([[1]], [0], trim=1), InputError, "trim must be in"),
        (lambda: boundary.representation_calibration([[1]], [2], n_classes=2), InputError, "labels must be"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
