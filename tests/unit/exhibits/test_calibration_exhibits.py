"""What the exhibits of temperatures, early exits and samples from outside compute beside the package."""

import numpy as np
import pytest
import torch
from torch import nn

from clsviz import calibration as cal
from clsviz.exhibits.early_exits import _curve, easy_and_hard, too_sure
from clsviz.exhibits.label_distances import LABELS, _table
from clsviz.exhibits.outside import _detectors, _fgsm, _layers, _with_new_class
from clsviz.models import create


@pytest.fixture
def net():
    return create({"name": "mlp", "params": {"hidden": (6, 5)}}, 4, 3, seed=0)


def test_confidence_less_accuracy_of_those_that_leave_there():
    exits = np.array([[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [[0.7, 0.3], [0.5, 0.5], [0.3, 0.7]]])
    labels, taken = np.array([0, 1, 1]), np.array([0, 0, 1])
    assert too_sure(exits, labels, taken, taken == 0) == pytest.approx((0.9 - 1 + 0.6 - 0) / 2)
    assert too_sure(exits, labels, taken, taken == 1) == pytest.approx(0.7 - 1)
    assert too_sure(exits, labels, taken, taken == 2) == 0.0
    costs, accuracies = _curve(exits, labels)
    assert (costs[0], costs[-1]) == (0.5, 1.0) and (np.diff(costs) >= 0).all()
    assert accuracies[0] == pytest.approx(2 / 3)


def test_near_the_plane_the_class_is_an_exclusive_or():
    data = easy_and_hard(3, 1.0)
    X, y = data.X, data.y
    near = np.abs(X[:, 0]) < 0.65
    agree = np.where(near, X[:, 1] * X[:, 2] > 0, X[:, 0] > 0) == y
    assert agree[near].mean() == pytest.approx(0.95, abs=0.02)
    assert agree[~near].mean() == pytest.approx(0.95, abs=0.02)


def test_fgsm_moves_every_pixel_by_its_size_and_raises_the_loss(net):
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    y = np.arange(50) % 3
    moved = _fgsm(net, X, y, 0.1)
    np.testing.assert_allclose(np.abs(moved - X), 0.1, atol=1e-6)

    def loss(x):
        return nn.functional.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(y)).item()

    assert loss(moved) > loss(X)


def test_detectors_read_the_layers_of_the_network(net):
    X = np.random.default_rng(1).normal(size=(90, 4)).astype(np.float32)
    labels = np.arange(90) % 3
    layers = _layers(net, X)
    assert [layer.shape for layer in layers] == [(90, 6), (90, 5)]
    with torch.no_grad():
        np.testing.assert_allclose(layers[-1], net.outputs(torch.from_numpy(X))["embeddings"], atol=1e-6)
    found = _detectors(net, layers, labels)(X)
    ridge = 1e-3 * layers[-1].var(0).mean()
    np.testing.assert_allclose(
        found["last"], cal.mahalanobis_score(layers[-1], labels, layers[-1], ridge=ridge)
    )
    assert found["layers"].mean() == pytest.approx(0, abs=1e-9), "standardised on the training samples"


@pytest.mark.parametrize("way", ["mahalanobis", "euclidean"])
def test_a_class_far_from_the_others_is_known_by_its_mean(way):
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(8), 20)
    old = 10 * np.eye(9)[labels] + 0.1 * rng.normal(size=(160, 9))
    new = 10 * np.eye(9)[8] + 0.1 * rng.normal(size=(30, 9))
    assert _with_new_class(way, old, labels, old, labels, new, 3, rng) == (1.0, 1.0)


def test_made_labels_follow_a_direction_and_are_equally_many():
    X, y = _table("made", 0, 1.0)
    assert np.unique(np.bincount(y)).tolist() == [len(y) // LABELS]
    fitted = X @ np.linalg.lstsq(X, y - y.mean(), rcond=None)[0]
    assert np.corrcoef(fitted, y)[0, 1] > 0.95
