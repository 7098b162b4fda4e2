"""Surfaces round a model and lines between models; the models are left as they were."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from clsviz import landscape


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).double()


X = torch.randn(21, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
Y = torch.arange(21) % 2


def loss_at(model, theta):
    moved = copy.deepcopy(model).eval()
    nn.utils.vector_to_parameters(theta, moved.parameters())
    with torch.no_grad():
        logits = moved(X)
    return functional.cross_entropy(logits, Y), (logits.argmax(1) == Y).double().mean()


def test_each_cell_is_the_loss_at_its_weights():
    model = network()
    theta, (dx, dy) = landscape.theta_of(model), landscape.random_directions(model)
    surface = landscape.loss_surface(
        model, (X, Y), direction_x=dx, direction_y=dy, xs=[-1, 0, 2], ys=[0, 0.5]
    )
    assert surface.loss.shape == surface.accuracy.shape == (2, 3)
    for j, b in enumerate([0, 0.5]):
        for i, a in enumerate([-1, 0, 2]):
            loss, accuracy = loss_at(model, theta + a * dx + b * dy)
            assert float(surface.loss[j, i]) == pytest.approx(float(loss), abs=1e-12)
            assert float(surface.accuracy[j, i]) == pytest.approx(float(accuracy))


def test_a_line_needs_one_direction_which_may_be_a_list():
    model = network()
    flat = landscape.random_directions(model, 1)[0]
    parts = list(torch.split(flat, [p.numel() for p in model.parameters()]))
    shaped = [part.view_as(p) for part, p in zip(parts, model.parameters(), strict=True)]
    line = landscape.loss_surface(model, (X, Y), direction_x=flat, xs=[0, 1])
    again = landscape.loss_surface(model, (X, Y), direction_x=shaped, xs=[0, 1])
    assert line.ys.tolist() == [0]
    assert torch.equal(line.loss, again.loss)


def test_loaders_are_weighted_by_samples():
    model = network()
    d = landscape.random_directions(model, 1)[0]
    loader = DataLoader(TensorDataset(X, Y), batch_size=8)  # 8, 8, 5
    whole = landscape.loss_surface(model, (X, Y), direction_x=d, xs=[0, 1])
    parts = landscape.loss_surface(model, loader, direction_x=d, xs=[0, 1])
    torch.testing.assert_close(whole.loss, parts.loss)
    torch.testing.assert_close(whole.accuracy, parts.accuracy)


def test_own_loss_as_mean_or_terms():
    model = network()
    d = landscape.random_directions(model, 1)[0]
    mean = landscape.loss_surface(model, (X, Y), direction_x=d, xs=[0], loss_fn=functional.multi_margin_loss)
    terms = landscape.loss_surface(
        model,
        (X, Y),
        direction_x=d,
        xs=[0],
        loss_fn=lambda z, t: functional.multi_margin_loss(z, t, reduction="none"),
    )
    torch.testing.assert_close(mean.loss, terms.loss)


def test_models_are_left_exactly_as_found():
    model = network()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model(X).sum().backward()
    before = copy.deepcopy(model)
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    d = landscape.random_directions(model, 1)[0]
    landscape.loss_surface(model, (X, Y), direction_x=d, xs=[0, 1])
    landscape.interpolate(model, network(1), (X, Y), alphas=[0.5])
    assert all(torch.equal(v, before.state_dict()[k]) for k, v in model.state_dict().items())
    assert [m.training for m in model.modules()] == [m.training for m in before.modules()]
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in before.parameters()]
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        assert (p.grad is None and gradient is None) or torch.equal(p.grad, gradient)


def test_interpolation_ends_at_the_two_models():
    a, b = network(0), network(1)
    for model in (a, b):  # running statistics that differ
        for _ in range(3):
            model(X * (1 if model is a else 3))
    line = landscape.interpolate(a, b, (X, Y))
    assert line.alphas.tolist() == pytest.approx(np.linspace(0, 1, 21))
    for model, value in ((a, line.loss[0]), (b, line.loss[-1])):
        assert float(loss_at(model, landscape.theta_of(model))[0]) == pytest.approx(float(value), abs=1e-12)
    chord = (1 - line.alphas) * line.loss[0] + line.alphas * line.loss[-1]
    assert line.barrier == pytest.approx(float((line.loss - chord).max()))
    assert line.barrier >= 0


def test_the_barrier_counts_the_ends_even_when_they_are_not_asked_for():
    model = network()
    assert landscape.interpolate(model, copy.deepcopy(model), (X, Y), alphas=[0.5]).barrier < 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direction_x": torch.zeros(3)}, "direction_x must have the 42"),
        ({"direction_x": [torch.zeros(3)]}, "direction_x must be shaped like"),
        ({"direction_x": torch.full((42,), torch.nan)}, "direction_x holds NaN"),
        ({"ys": [0.0]}, "ys and direction_y belong together"),
        ({"xs": []}, "xs must be a non-empty vector"),
        ({"xs": [np.nan]}, "xs holds NaN"),
        ({"data": (X, Y[:3])}, r"y must be \(21,\)"),
        ({"data": (X[:0], Y[:0])}, "x is empty"),
        ({"data": (X, Y + 1)}, "below the 2 classes"),
        ({"data": (X, Y - 1)}, "y must be integers >= 0"),
        ({"data": (X, Y.double())}, "y must be integers"),
        ({"data": (X * np.inf, Y)}, "x holds NaN or inf"),
        ({"data": []}, "no samples"),
        ({"data": 3}, "data must be a pair"),
    ],
)
def test_wrong_input_is_named(changes, message):
    arguments = {"data": (X, Y), "direction_x": torch.ones(42), "xs": [0.0]} | changes
    with pytest.raises(ValueError, match=message):
        landscape.loss_surface(network(), arguments.pop("data"), **arguments)


def test_interpolate_refuses_two_architectures():
    with pytest.raises(ValueError, match="same parameters"):
        landscape.interpolate(network(), nn.Linear(3, 2), (X, Y))
