"""Directions: filter normalisation and the plane of a training path."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from clsviz import landscape


def mlp(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)).to(dtype)


W = torch.tensor([[3.0, 4], [0, 2]], dtype=torch.float64)
D = torch.tensor([[1.0, 0], [0, -5]], dtype=torch.float64)


def test_filter_normalisation_of_the_contract():
    (result,) = landscape.filter_normalize([W], [D])
    torch.testing.assert_close(result, torch.tensor([[5.0, 0], [0, -2]], dtype=torch.float64))


def test_filter_norms_are_those_of_the_weights_also_for_kernels():
    g = torch.Generator().manual_seed(0)
    w, d = torch.randn(2, 4, 3, 3, 3, generator=g, dtype=torch.float64)
    result = landscape.filter_normalize(w, d)
    torch.testing.assert_close(result.flatten(1).norm(dim=1), w.flatten(1).norm(dim=1))


def test_layer_and_none():
    result = landscape.filter_normalize([W], [D], norm="layer")[0]
    torch.testing.assert_close(result, D * W.norm() / D.norm())
    torch.testing.assert_close(landscape.filter_normalize([W], [D], norm="none")[0], D)
    zero = torch.zeros_like(D)
    torch.testing.assert_close(landscape.filter_normalize([W], [zero], norm="layer")[0], zero)


@pytest.mark.parametrize("norm", ["filter", "layer", "none"])
def test_vectors_are_zeroed_or_take_the_parameters_whatever_the_norm(norm):
    b, d = torch.tensor([1.0, -2]), torch.tensor([5.0, 5])
    assert landscape.filter_normalize([b], [d], norm=norm)[0].tolist() == [0, 0]
    kept = landscape.filter_normalize([b], [d], norm=norm, ignore_1d=False)[0]
    assert kept.tolist() == b.tolist()


def test_the_result_has_the_structure_of_the_parameters():
    result = landscape.filter_normalize({"w": W, "b": W[0]}, {"w": D, "b": D[0]})
    assert set(result) == {"w", "b"}
    assert isinstance(landscape.filter_normalize((W,), (D,)), list)


def test_rescaling_a_relu_layer_leaves_the_surface_unchanged():
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2, bias=False)).double()
    scaled = copy.deepcopy(model)
    with torch.no_grad():
        scaled[0].weight.mul_(4)
        scaled[0].bias.mul_(4)
        scaled[2].weight.div_(4)
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    data, axis = (x, torch.arange(20) % 2), np.linspace(-1, 1, 5)
    surfaces = [
        landscape.loss_surface(m, data, direction_x=d[0], direction_y=d[1], xs=axis, ys=axis).loss
        for m in (model, scaled)
        for d in [landscape.random_directions(m, seed=3)]
    ]
    torch.testing.assert_close(surfaces[0], surfaces[1])


def test_random_directions_repeat_by_seed_and_do_not_touch_the_model():
    model = mlp(dtype=torch.float32)
    before, state = landscape.theta_of(model), torch.get_rng_state()
    a, b = landscape.random_directions(model, seed=1), landscape.random_directions(model, seed=1)
    assert torch.equal(a, b)
    assert a.shape == (2, len(before))
    assert a.dtype == torch.float32
    assert not torch.equal(a, landscape.random_directions(model, seed=2))
    assert torch.equal(landscape.random_directions(model, n=3, seed=1)[:2], a)
    assert torch.equal(before, landscape.theta_of(model))
    assert torch.equal(state, torch.get_rng_state())
    assert a[0, 15:20].abs().sum() == 0  # biases
    assert -1 <= landscape.direction_cosine(*a) <= 1
    assert landscape.direction_cosine([1, 0], [1, 1]) == pytest.approx(math.sqrt(0.5))


def test_frozen_parameters_are_no_part_of_theta():
    model = mlp()
    model[0].weight.requires_grad_(False)
    assert len(landscape.theta_of(model)) == 5 + 10 + 2
    assert landscape.random_directions(model).shape == (2, 17)


def test_trajectory_plane_is_an_svd_about_the_reference():
    path = np.random.default_rng(0).normal(size=(6, 9))
    plane = landscape.trajectory_plane(torch.from_numpy(path))
    away = path - path[-1]
    _, s, vt = np.linalg.svd(away[:-1])
    np.testing.assert_allclose(plane.origin, path[-1])
    np.testing.assert_allclose(np.abs(plane.basis.numpy() @ vt[:2].T), np.eye(2), atol=1e-9)
    np.testing.assert_allclose(plane.explained, s[:2] ** 2 / (s**2).sum())
    np.testing.assert_allclose(plane.coords, away @ plane.basis.numpy().T, atol=1e-12)
    for axis in plane.basis:
        assert axis[axis.abs().argmax()] > 0
    assert plane.coords[-1].tolist() == [0, 0]


def test_a_path_in_a_plane_is_recovered_exactly_about_any_reference():
    coords = torch.tensor([[0.0, 0], [2, 0], [3, 1], [1, 1]], dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(7, 2, dtype=torch.float64))[0].T
    path = coords @ basis
    for reference in (0, 2, -1):
        plane = landscape.trajectory_plane(path, reference=reference)
        torch.testing.assert_close(plane.origin + plane.coords @ plane.basis, path)
        assert float(plane.explained.sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: landscape.filter_normalize([W], [D], norm="row"), "norm must be one of"),
        (lambda: landscape.filter_normalize([W], [D, D]), "direction has 2 tensors"),
        (lambda: landscape.filter_normalize([W], [D[0]]), "direction has shape"),
        (lambda: landscape.filter_normalize({"w": W}, {"v": D}), "keys of params"),
        (lambda: landscape.filter_normalize([W], [D * math.nan]), "direction holds NaN"),
        (lambda: landscape.random_directions(mlp(), 0), "n must be"),
        (lambda: landscape.random_directions(nn.ReLU()), "no parameter with requires_grad"),
        (lambda: landscape.random_directions("mlp"), "model must be a torch module"),
        (lambda: landscape.direction_cosine([0, 0], [1, 0]), "must not be zero"),
        (lambda: landscape.direction_cosine([1], [1, 0]), "one length"),
        (lambda: landscape.trajectory_plane(torch.zeros(2, 5)), "T >= 3"),
        (lambda: landscape.trajectory_plane(torch.zeros(4, 5)), "all equal"),
        (lambda: landscape.trajectory_plane(torch.randn(4, 5), reference=4), "reference must be"),
        (lambda: landscape.trajectory_plane(torch.full((4, 5), math.inf)), "checkpoints holds"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
