"""How the browser runs a model itself: its layers in words, its weights as one vector."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from torch import nn

from clsviz.models.linear import Linear
from clsviz.models.mlp import ACTIVATIONS, MLP
from clsviz.models.rbf import RBF

# what changes nothing for (N, D) input in eval mode
PASSIVE = (nn.Identity, nn.Dropout, nn.Flatten)


def network(model: Any) -> dict[str, Any] | None:
    """The architecture of a model that the browser can run, or None.

    Known are the built-in linear, mlp and rbf, a bare ``nn.Linear``, and an ``nn.Sequential``
    of linear layers with ReLU or Tanh (one kind) between them; all with bias.

    The weights are ``torch.nn.utils.parameters_to_vector(model.parameters())``, in the order:

    - ``{"kind": "linear", "sizes": [D, K]}``: weight (K, D), bias (K,)
    - ``{"kind": "mlp", "sizes": [D, H1, ..., K], "activation": "relu" | "tanh"}``: per layer
      weight (out, in), bias (out,)
    - ``{"kind": "rbf", "sizes": [D, M, K]}``: centers (M, D), log_gamma (1,), weight (K, M), bias (K,)
    """
    if not isinstance(model, nn.Module):
        return None
    if type(model) is RBF:
        m, d = model.centers.shape
        return {"kind": "rbf", "sizes": [d, m, len(model.bias)]}
    layers = [layer for layer in _layers(model) if type(layer) not in PASSIVE]
    linear, between = layers[::2], layers[1::2]
    if len(layers) % 2 == 0 or not all(_ordinary(layer) for layer in linear):
        return None
    sizes = [linear[0].in_features, *(layer.out_features for layer in linear)]
    # one layer used twice has its weights in the vector only once
    expected = sum((before + 1) * after for before, after in pairwise(sizes))
    if sum(p.numel() for p in model.parameters()) != expected:
        return None
    if not between:
        return {"kind": "linear", "sizes": sizes}
    for name, activation in ACTIVATIONS.items():
        if all(type(layer) is activation for layer in between):
            return {"kind": "mlp", "sizes": sizes, "activation": name}
    return None


def _layers(model: nn.Module) -> Iterator[Any]:
    """The modules that `model` applies one after the other, as far as that is known."""
    if type(model) is Linear:
        yield model.layer
    elif type(model) is MLP:
        yield from model.body
        yield model.head
    elif type(model) is nn.Sequential:
        for part in model:
            yield from _layers(part)
    else:
        yield model


def _ordinary(layer: nn.Module) -> bool:
    """A plain linear layer with bias: no subclass, no reparametrised weight."""
    return type(layer) is nn.Linear and [n for n, _ in layer.named_parameters()] == ["weight", "bias"]
