"""Optimisers of K models at once, each with its own settings; the same arithmetic as torch's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

Settings = Sequence[Mapping[str, Any]]  # of each member, defaults filled in


class BatchedOptimizer(Protocol):
    """Steps stacked weights (K, ...) in place.

    `slots` are its moments: name -> one (K, ...) tensor for each weight, under the names of torch's
    optimisers; `count` is the number of steps they have seen.
    """

    slots: dict[str, list[Tensor]]
    count: int

    def step(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None]) -> None: ...


class SGD:
    """`torch.optim.SGD` with momentum and weight decay."""

    def __init__(self, weights: Sequence[Tensor], settings: Settings) -> None:
        self.lr, self.momentum, self.decay = (
            _column(settings, name, weights[0]) for name in ("lr", "momentum", "weight_decay")
        )
        self.slots = (
            {"momentum_buffer": [torch.zeros_like(w) for w in weights]} if self.momentum.any() else {}
        )
        self.count = 0

    def step(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None]) -> None:
        decays = bool(self.decay.any())
        buffers = self.slots.get("momentum_buffer", ())
        for i, (w, g) in enumerate(zip(weights, grads, strict=True)):
            if g is None:
                continue
            if decays:
                g = torch.addcmul(g, w, _like(self.decay, w))
            if buffers:
                g = torch.addcmul(g, buffers[i], _like(self.momentum, w), out=buffers[i])
            w.addcmul_(g, _like(self.lr, w), value=-1)
        self.count += 1


class Adam:
    """`torch.optim.Adam`, or with `decoupled` weight decay `torch.optim.AdamW`."""

    beta1, beta2, eps = 0.9, 0.999, 1e-8
    decoupled = False

    def __init__(self, weights: Sequence[Tensor], settings: Settings) -> None:
        self.lr, self.decay = (_column(settings, name, weights[0]) for name in ("lr", "weight_decay"))
        self.slots = {name: [torch.zeros_like(w) for w in weights] for name in ("exp_avg", "exp_avg_sq")}
        self.count = 0

    def step(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None]) -> None:
        self.count += 1
        rate = self.lr / (1 - self.beta1**self.count)
        root = math.sqrt(1 - self.beta2**self.count)
        decays = bool(self.decay.any())
        moments = zip(self.slots["exp_avg"], self.slots["exp_avg_sq"], strict=True)
        for w, g, (mean, square) in zip(weights, grads, moments, strict=True):
            if g is None:
                continue
            if decays and self.decoupled:
                w.mul_(1 - _like(self.lr * self.decay, w))
            elif decays:
                g = torch.addcmul(g, w, _like(self.decay, w))
            mean.lerp_(g, 1 - self.beta1)
            square.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            w.addcmul_(mean / (square.sqrt() / root + self.eps), _like(rate, w), value=-1)


class AdamW(Adam):
    decoupled = True


BATCHED: dict[str, Callable[[Sequence[Tensor], Settings], BatchedOptimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
}


def _column(settings: Settings, name: str, like: Tensor) -> Tensor:
    return torch.tensor([s[name] for s in settings], dtype=like.dtype, device=like.device)


def _like(column: Tensor, weight: Tensor) -> Tensor:
    """(K,) beside the weights (K, ...)."""
    return column.view(-1, *[1] * (weight.ndim - 1))
