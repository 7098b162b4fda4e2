"""Ordered classes and values as bins, against formulas written out plainly."""

import math

import pytest
import torch
from loss_tools import X, ce, draw, gradient, same, terms, with_state
from scipy.stats import norm as normal

from clsviz import losses
from clsviz.errors import InputError


def test_presto_of_equal_directions_is_the_proportional_odds_model():
    w, bias = draw(5, seed=20), torch.tensor([-1.0, 0.2, 1.5], dtype=torch.float64)
    state = {"weight": w.repeat(3, 1), "bias": bias}
    y = torch.arange(9) % 4
    cumulative = torch.sigmoid(X @ w[:, None] + bias)
    ends = torch.cat([torch.zeros(9, 1), cumulative, torch.ones(9, 1)], 1)
    p = ends.diff(dim=1)
    for lam in (0.0, 10.0):
        same(terms("presto", X, y, state, lam=lam), -p[torch.arange(9), y].log())
    same(p.sum(1), torch.ones(9).double())


def test_presto_penalises_directions_that_differ():
    state = {
        "weight": draw(3, 5, seed=21, scale=0.1),
        "bias": torch.tensor([-2.0, 0, 2], dtype=torch.float64),
    }
    y = torch.arange(9) % 4
    free = terms("presto", X, y, state, lam=0.0)
    penalty = state["weight"].diff(dim=0).abs().sum()
    same(terms("presto", X, y, state, lam=0.5), free + 0.5 * penalty)
    found = terms("presto", X, y, state, lam=0.5, penalize_first=True)
    same(found, free + 0.5 * (penalty + state["weight"][0].abs().sum()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_presto_where_thresholds_cross_is_floored_without_gradient(dtype):
    state = {"weight": torch.zeros(2, 5, dtype=dtype), "bias": torch.tensor([1.0, 0.5], dtype=dtype)}
    y = torch.full((9,), 1)
    found = terms("presto", X.to(dtype), y, state)
    same(found, torch.full((9,), 12 * math.log(10), dtype=dtype), rtol=1e-6)
    module = with_state(losses.create("presto", num_classes=3, dim=5), state)
    module(X.to(dtype), y).backward()
    assert not module.bias.grad.any() and not module.weight.grad.any()


def test_presto_keeps_its_digits_where_a_class_is_sure_or_hopeless():
    state = {"weight": torch.ones(2, 1), "bias": torch.tensor([-20.0, 20])}
    x, y = torch.tensor([[0.0], [60.0], [20.0], [-1e4], [1e4]]), torch.tensor([1, 0, 1, 0, 2])
    found = terms("presto", x, y, state)
    near = 2 * math.exp(-20)
    expected = [near, math.exp(-40), math.log(2), 12 * math.log(10), 12 * math.log(10)]
    same(found, torch.tensor(expected), rtol=2e-6, atol=0)
    assert gradient(lambda x: terms("presto", x, y, state), x).isfinite().all()


def test_presto_starts_with_increasing_thresholds_and_one_direction():
    module = losses.create("presto", num_classes=5, dim=3)
    assert (module.bias.diff() > 0).all() and module.weight.shape == (4, 3)
    assert (module.weight == module.weight[0]).all() and module.weight.any()
    same(torch.sigmoid(module.bias), torch.arange(1, 5) / 5, rtol=1e-6)
    with pytest.raises(InputError, match="num_classes must be >= 2"):
        losses.create("presto", num_classes=1, dim=3)


def test_hl_gauss_is_cross_entropy_to_the_mass_of_the_bell_in_each_bin():
    z, t = draw(6, 7, seed=22), torch.tensor([-9, -1.9, -0.3, 0.0, 1.97, 2.0], dtype=torch.float64)
    edges = torch.linspace(-2, 2, 8, dtype=torch.float64)
    clipped = t.clamp(-2, 2)[:, None]
    mass = torch.tensor(normal.cdf(edges, clipped, 0.5 * 4 / 7)).diff(dim=1)
    q = mass / mass.sum(1, keepdim=True)
    found = terms("hl_gauss", z, t, vmin=-2.0, vmax=2.0, sigma_ratio=0.5)
    same(found, -(q * z.log_softmax(1)).sum(1), rtol=1e-7)


def test_hl_gauss_of_a_narrow_bell_is_cross_entropy_to_the_bin():
    z, t = draw(5, 6, seed=23), torch.tensor([-3, -2.5, 0.2, 1.1, 3], dtype=torch.float64)
    found = terms("hl_gauss", z, t, sigma_ratio=1e-6)
    same(found, ce(z, torch.tensor([0, 0, 3, 4, 5])))


def test_two_hot_has_the_target_as_its_mean():
    atoms = torch.linspace(-3, 3, 8, dtype=torch.float64)
    t = torch.tensor([-7, -3, -1.234, 0.5, 2.999, 3, 4], dtype=torch.float64)
    z = draw(7, 8, seed=24)
    # gradient with respect to z is softmax(z) - q
    q = z.softmax(1) - gradient(lambda z: terms("two_hot", z, t), z)
    same(q @ atoms, t.clamp(-3, 3))
    assert ((q > 1e-12).sum(1) <= 2).all()


def test_two_hot_on_an_atom_is_cross_entropy():
    z, atoms = draw(7, 7, seed=25), torch.linspace(-3, 3, 7, dtype=torch.float64)
    same(terms("two_hot", z, atoms), ce(z, torch.arange(7)))
    same(terms("two_hot", z.float(), atoms.float()), ce(z.float(), torch.arange(7)), rtol=1e-5)
