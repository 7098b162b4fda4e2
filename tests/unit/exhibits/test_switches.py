"""What is proved for a pattern holds: no sample of the ball with the pattern has another class."""

import numpy as np
import pytest
import torch
from torch import nn

from clsviz.boundary import activation_pattern, nap_match
from clsviz.exhibits.switches import convolutional, perceptron, proved


@pytest.fixture
def net():
    torch.manual_seed(0)
    layers = [nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)]
    with torch.no_grad():  # several classes within the square
        for layer in layers[::2]:
            layer.weight.mul_(3)
            layer.bias.zero_()
        layers[0].bias.copy_(-layers[0].weight @ torch.full((2,), 0.5))
    return nn.Sequential(*layers).double()


def answers(net, X):
    with torch.no_grad():
        return net(torch.from_numpy(X)).argmax(1).numpy()


def test_proofs_are_sound_and_patterns_only_add_to_them(net):
    rng = np.random.default_rng(0)
    count = {"ball": 0, "pattern": 0}
    for x in rng.random((12, 2)):
        label = int(answers(net, x[None])[0])
        pattern = activation_pattern(net, x[None])[0].astype(int)
        for radius in (0.05, 0.2, 0.5):
            near = np.clip(x + rng.uniform(-radius, radius, (2000, 2)), 0, 1)
            same = answers(net, near) == label
            ball = proved(net, x, label, radius, None)
            held = proved(net, x, label, radius, pattern)
            assert same.all() or not ball
            assert same[nap_match(pattern, activation_pattern(net, near))].all() or not held
            assert held or not ball, "a pattern leaves fewer inputs to prove it for"
            count["ball"] += ball
            count["pattern"] += held
    assert 0 < count["ball"] < count["pattern"]


def test_a_wrong_label_is_never_proved(net):
    x = np.array([0.4, 0.6])
    wrong = (int(answers(net, x[None])[0]) + 1) % 3
    assert not proved(net, x, wrong, 0.01, None)


def test_networks_take_digits():
    X = torch.zeros(2, 64)
    assert perceptron(0)(X).shape == (2, 10)
    assert convolutional(0).eval()(X).shape == (2, 10)
