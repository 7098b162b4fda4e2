"""Curves, simplex and terms of a loss are those that its definition gives."""

import numpy as np
import pytest
import torch

from clsviz import losses
from clsviz.errors import InputError
from clsviz.losses.profile import why_no_profile

Z = np.array([[2, -1, 0.5], [0, 1, -1.0]])
Y = np.array([0, 2])


def test_the_profile_of_cross_entropy_is_minus_log_p_with_slope_p_minus_1():
    for axis in ("p", "margin"):
        profile = losses.loss_profile("cross_entropy", n=51, n_classes=4, axis=axis)
        np.testing.assert_allclose(profile.value, -np.log(profile.p_y), rtol=1e-12)
        np.testing.assert_allclose(profile.gradient, profile.p_y - 1, rtol=1e-10)
        np.testing.assert_allclose(profile.p_y, 1 / (1 + 3 * np.exp(-profile.margin)), rtol=1e-12)
    assert profile.margin[0] == -8 and profile.margin[-1] == 8


@pytest.mark.parametrize(("name", "params"), [("focal", {"gamma": 3.0}), ("gce", {}), ("mse", {})])
def test_the_gradient_of_a_profile_is_the_slope_of_its_value(name, params):
    profile = losses.loss_profile(name, params, n=4001, axis="margin")
    slope = np.gradient(profile.value, profile.margin)
    np.testing.assert_allclose(profile.gradient[1:-1], slope[1:-1], atol=2e-4)


def test_a_gradient_step_moves_the_probabilities_as_the_simplex_says():
    field = losses.loss_simplex("cross_entropy", side=9)
    np.testing.assert_allclose(field.points.sum(1), 1)
    np.testing.assert_allclose(field.value, -np.log(field.points[:, 0]))
    small = 1e-6
    gradient = field.points - np.array([1, 0, 0])
    moved = torch.from_numpy(np.log(field.points) - small * gradient).softmax(1).numpy()
    np.testing.assert_allclose((moved - field.points) / small, field.flow, atol=1e-5)


def test_terms_are_those_of_the_loss_and_weights_are_relative_to_cross_entropy():
    terms = losses.loss_terms("gce", {"q": 0.5}, Z, Y)
    expected = losses.create("gce", q=0.5)(torch.tensor(Z), torch.tensor(Y), reduction="none")
    np.testing.assert_allclose(terms.value, expected.numpy())
    p = np.exp(Z[[0, 1], Y]) / np.exp(Z).sum(1)
    np.testing.assert_allclose(terms.weight, p**0.5, rtol=1e-10)  # the gradient is p^q (p - Y)
    np.testing.assert_allclose(losses.loss_terms("cross_entropy", None, Z, Y).weight, 1)


def test_the_weight_of_a_loss_that_weighs_samples_is_that_weight():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(12, 3)), rng.integers(0, 3, 12)
    weight = losses.loss_terms("dynamic_reweight", {"strategy": "linear"}, z, y).weight
    assert weight.sum() == pytest.approx(12)
    given = rng.random(12)
    scaled = losses.loss_terms("meta_rescale", {"normalize": False}, z, y, weights=given).weight
    np.testing.assert_allclose(scaled, given, rtol=1e-10)


def test_terms_of_a_loss_with_a_memory_use_it_and_leave_it_alone():
    module = losses.create("elr", num_examples=2, num_classes=3)
    module.memory.copy_(torch.tensor([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05]]))
    before, dtype = module.memory.clone(), module.memory.dtype
    terms = losses.loss_terms("elr", None, Z, Y, module=module)
    assert torch.equal(module.memory, before) and module.memory.dtype == dtype and module.training
    plain = losses.loss_terms("cross_entropy", None, Z, Y)
    assert (terms.value < plain.value).all()


def test_a_batch_loss_has_a_gradient_for_each_sample_but_no_value():
    terms = losses.loss_terms("dice", None, Z, Y)
    assert np.isnan(terms.value).all()
    assert (terms.gradient > 0).all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dice", "whole batch"),
        ("dynamic_reweight", "against each other"),
        ("supcon", "embeddings"),
        ("kd", "teacher_logits"),
        ("hl_gauss", "values"),
    ],
)
def test_a_loss_without_a_curve_says_why(name, says):
    assert says in why_no_profile(name)
    for make in (losses.loss_profile, losses.loss_simplex):
        with pytest.raises(InputError, match=says):
            make(name)


def test_every_loss_has_a_finite_curve_or_a_reason():
    for name in losses.names():
        if why_no_profile(name):
            continue
        profile = losses.loss_profile(name, n=11)
        assert np.isfinite(profile.value).all() and np.isfinite(profile.gradient).all(), name


def test_groups_and_their_shares():
    logits = np.array([[2.0, 0], [2, 0], [2, 0], [0, 2]])
    groups = losses.sample_groups(logits, [0, 1, 0, 0], [0, 1, 1, 1])
    assert groups.tolist() == [0, 1, 2, 2]
    np.testing.assert_allclose(losses.group_shares([1, 1, 1, 5], groups), [1 / 8, 1 / 8, 6 / 8])
    np.testing.assert_allclose(losses.group_shares([0, 0, 0, np.nan], groups), 0)
