"""Maps of which features an answer rests on: closed forms, identities, finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import n1
from torch import nn

from clsviz import boundary
from clsviz.boundary.attribution import gradients_agree, logit_gradient
from clsviz.errors import InputError, ShapeError


def smooth_net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def logits(net, X):
    with torch.no_grad():
        return net(torch.from_numpy(np.atleast_2d(X))).numpy()


X0 = np.array([0.4, -1.2, 0.3, 2.0, -0.7])
MEAN = np.array([0.1, 0.2, -0.3, 0.4, 0.5])


@pytest.mark.parametrize("baseline", [0.0, MEAN])
def test_a_linear_models_maps_are_its_weights_times_the_way(baseline):
    torch.manual_seed(0)
    net = nn.Linear(5, 3).double()
    w = net.weight[1].detach().numpy()
    way = w * (X0 - baseline)
    found = boundary.integrated_gradients(net, X0, 1, baseline=baseline, n_steps=1)
    np.testing.assert_allclose(found.values, way)
    assert found.gap == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(boundary.occlusion(net, X0, 1, baseline=baseline), way)
    np.testing.assert_allclose(boundary.smooth_grad(net, X0, 1), w)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 2), st.floats(-1, 1))
def test_integrated_gradients_add_up_to_what_the_logit_gains(seed, target, baseline):
    net = smooth_net(seed)
    found = boundary.integrated_gradients(net, X0, target, baseline=baseline, n_steps=256)
    gain = logits(net, X0)[0, target] - logits(net, np.full(5, baseline))[0, target]
    assert found.values.sum() + found.gap == pytest.approx(gain)
    assert abs(found.gap) < 1e-3
    coarse = boundary.integrated_gradients(net, X0, target, baseline=baseline, n_steps=16)
    assert abs(found.gap) <= abs(coarse.gap) + 1e-9


def test_integrated_gradients_are_the_integral_of_slopes_taken_by_finite_differences():
    net, h = smooth_net(), 1e-5
    shares = (np.arange(64) + 0.5) / 64
    for i, e in enumerate(np.eye(5)):
        points = MEAN + shares[:, None] * (X0 - MEAN)
        slope = (logits(net, points + h * e) - logits(net, points - h * e))[:, 2] / (2 * h)
        found = boundary.integrated_gradients(net, X0, 2, baseline=MEAN)
        assert found.values[i] == pytest.approx((X0 - MEAN)[i] * slope.mean(), abs=1e-8)


def test_occlusion_is_the_loss_of_the_logit_one_feature_at_a_time_and_needs_no_gradient():
    net = smooth_net()
    found = boundary.occlusion(lambda X: logits(net, X), X0, 0, baseline=MEAN)
    for i in range(5):
        x = X0.copy()
        x[i] = MEAN[i]
        assert found[i] == pytest.approx(logits(net, X0)[0, 0] - logits(net, x)[0, 0])
    np.testing.assert_allclose(found, boundary.occlusion(net, X0, 0, baseline=MEAN))


def test_smooth_grad_averages_slopes_of_seeded_copies():
    net = smooth_net()
    np.testing.assert_allclose(
        boundary.smooth_grad(net, X0, 0, noise=0, n=3), logit_gradient(net, X0[None], 0)[0]
    )
    one = boundary.smooth_grad(net, X0, 0, seed=1)
    np.testing.assert_array_equal(one, boundary.smooth_grad(net, X0, 0, seed=1))
    assert not np.allclose(one, boundary.smooth_grad(net, X0, 0, seed=2))
    many = boundary.smooth_grad(net, X0, 0, n=4000)  # the slope of the smoothed logit, by sampling it anew
    rng = np.random.default_rng(0)
    other = logit_gradient(net, X0 + 0.2 * rng.standard_normal((4000, 5)), 0)
    np.testing.assert_allclose(many, other.mean(0), atol=4 * other.std(0).max() / np.sqrt(2000))


def test_robustness_in_own_directions_is_that_of_drawn_ones():
    directions = np.random.default_rng(3).standard_normal((32, 5))
    found = boundary.attribution_robustness(smooth_net(), X0, 1, radius=0.5, seed=3)
    assert found == gradients_agree(smooth_net(), X0, 1, directions, radius=0.5, k=3)
    assert found.worst_cosine < found.cosine < 1


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: boundary.integrated_gradients(n1(), [1, 0.5], 2), InputError, "target must be in 0..1"),
        (lambda: boundary.integrated_gradients(n1(), [1, 0.5], 0, n_steps=0), InputError, "n_steps"),
        (lambda: boundary.integrated_gradients(n1(), [1, 0.5], 0, baseline=[1]), ShapeError, "baseline"),
        (lambda: boundary.integrated_gradients(len, [1, 0.5], 0), InputError, "must be a torch"),
        (lambda: boundary.occlusion(n1(), [1, 0.5], 5), InputError, "target must be in 0..1"),
        (lambda: boundary.occlusion(n1(), [1, 0.5], 0, baseline=[0, 0, 0]), ShapeError, "baseline"),
        (lambda: boundary.smooth_grad(n1(), [1, 0.5], 0, noise=-1), InputError, "noise"),
        (lambda: boundary.smooth_grad(n1(), [1, 0.5], 0, n=0), InputError, "n must be"),
        (lambda: boundary.smooth_grad(n1(), [1, 0.5], 0, seed=-1), InputError, "seed"),
        (lambda: boundary.smooth_grad(n1(), [1, 0.5], 9), InputError, "target must be in 0..1"),
    ],
)
def test_what_does_not_fit_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
