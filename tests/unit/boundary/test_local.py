"""A linear rule in place of any model, and the tilt that costs nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from clsviz import boundary
from clsviz.boundary import local
from clsviz.errors import InputError


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    X = rng.normal(size=(180, 6)) * [1, 1, 1, 0.7, 0.5, 1e-4] + 1.5 * np.eye(3, 6)[y]
    return X, y


@pytest.fixture(scope="module")
def net(data):
    torch.manual_seed(0)
    X, y = torch.from_numpy(data[0]), torch.from_numpy(data[1])
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(X), y).backward()
        optimizer.step()
    return net


def gap(net, points):
    with torch.no_grad():
        z = net(torch.from_numpy(np.atleast_2d(points))).numpy()
    return z[:, 1] - z[:, 0]


def test_the_rule_touches_the_network_s_boundary_between_the_centroids(net, data):
    tangent = local.tangent_classifier(net, *data, 0, 1)
    assert abs(gap(net, tangent.through)[0]) < 1e-6
    assert tangent.w @ tangent.through + tangent.b == pytest.approx(0)
    h = 1e-5
    for e in np.eye(6):
        slope = (gap(net, tangent.through + h * e) - gap(net, tangent.through - h * e))[0] / (2 * h)
        assert slope == pytest.approx(tangent.w @ e, abs=1e-5)


def test_a_linear_model_is_its_own_rule(data):
    torch.manual_seed(1)
    net = nn.Linear(6, 3)
    tangent = local.tangent_classifier(net, *data, 0, 2)
    w = (net.weight[2] - net.weight[0]).detach().double().numpy()
    np.testing.assert_allclose(tangent.w, w, atol=1e-6)
    assert tangent.b == pytest.approx(float((net.bias[2] - net.bias[0]).detach()), abs=1e-6)


def test_without_a_crossing_the_mean_slope_stands_in(data):
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    with torch.no_grad():
        net[2].bias += torch.tensor([50.0, 0, 0])
    X, y = data
    tangent = local.tangent_classifier(net, X, y, 0, 1)
    middle = (X[y == 0].mean(0) + X[y == 1].mean(0)) / 2
    np.testing.assert_allclose(tangent.through, middle)
    assert np.isfinite(tangent.w).all()


def test_leaning_keeps_the_angle_asked_for_and_passes_through_the_point(net, data):
    tangent = local.tangent_classifier(net, *data, 0, 1)
    X, two = local.pair_of(*data, 0, 1)
    for degrees in (0.0, 10.0, 45.0, 80.0):
        rule = local.leaning(tangent, *data, 0, 1, np.deg2rad(degrees))
        assert boundary.deviation_angle(rule.w, X, two, degrees=True) == pytest.approx(degrees, abs=1e-5)
        assert rule.w @ tangent.through + rule.b == pytest.approx(0, abs=1e-9)


def test_beyond_its_own_angle_accuracy_stays_while_strength_grows(net, data):
    tangent = local.tangent_classifier(net, *data, 0, 1)
    X, two = local.pair_of(*data, 0, 1)

    def measured(theta):
        rule = local.leaning(tangent, *data, 0, 1, theta)
        right = np.mean((X @ rule.w + rule.b > 0) == two)
        return right, boundary.adversarial_strength(rule.w, rule.b, X, two)

    right, strength = measured(tangent.angle)
    far_right, far_strength = measured(np.deg2rad(85))
    assert abs(far_right - right) < 0.02
    assert far_strength > 3 * strength


def test_at_its_own_angle_the_rule_is_the_tangent(net, data):
    tangent = local.tangent_classifier(net, *data, 0, 1)
    rule = local.leaning(tangent, *data, 0, 1, tangent.angle)
    np.testing.assert_allclose(rule.w, tangent.w / np.linalg.norm(tangent.w), atol=1e-9)


def test_the_discriminant_is_that_of_the_pooled_covariance(data):
    X, y = data
    rule = local.discriminant(X, y, 0, 1)
    lda = boundary.Linear(rule.w, rule.b)
    X, two = local.pair_of(X, y, 0, 1)
    assert np.mean((X @ lda.w + lda.b > 0) == two) > 0.8


def test_a_missing_class_is_named(net, data):
    X, y = data
    with pytest.raises(InputError, match="both classes 0 and 7"):
        local.tangent_classifier(net, X, y, 0, 7)
