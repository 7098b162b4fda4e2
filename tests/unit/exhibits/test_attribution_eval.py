"""The maps of the attribution exhibit are what they are called, where that can be computed by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from clsviz.exhibits.explained import attributions, probabilities, trained
from clsviz.exhibits.switches import digits


def test_of_a_linear_network_all_gradient_maps_are_its_weights():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 3)).double()
    w = net[0].weight.detach().numpy()[1]
    x = np.random.default_rng(0).random(5)
    maps = attributions(net, x, 1, np.random.default_rng(1))
    np.testing.assert_allclose(maps["gradient"], np.abs(w))
    np.testing.assert_allclose(maps["smooth"], np.abs(w))
    np.testing.assert_allclose(maps["integrated"], x * w)
    probs = probabilities(net)
    without = x.copy()
    without[2] = 0
    expected = probs(x[None])[0, 1] - probs(without[None])[0, 1]
    assert maps["occlusion"][2] == pytest.approx(expected)


def test_adversarial_training_withstands_the_attack_that_it_met():
    from clsviz.boundary import fgsm

    X, y, X_test, y_test = digits(0, 1.0)
    held = {}
    for robust in (False, True):
        net = trained(0, robust, X, y, 0.4)
        moved = fgsm(net, X_test[:200], y_test[:200], epsilon=0.1, clip=(0, 1))
        held[robust] = (probabilities(net)(moved).argmax(1) == y_test[:200]).mean()
    assert held[True] > held[False] + 0.1
