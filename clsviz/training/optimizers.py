"""Optimisers: how a gradient becomes a step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from clsviz.catalogue import Range, Spec, method, resolve
from clsviz.errors import InputError

LEARNING_RATE = Range(1e-4, 3, log=True)
WEIGHT_DECAY = Range(0, 0.3, step=0.001)
MOST = torch.finfo(torch.float32).max


@method(
    kind="optimizer",
    title="SGD with momentum",
    paper="Polyak 1964; Sutskever et al. 2013",
    formula=r"v\leftarrow\mu v+g+\lambda\theta,\quad\theta\leftarrow\theta-\eta v",
    lr=LEARNING_RATE,
    momentum=Range(0, 0.99, step=0.01),
    weight_decay=WEIGHT_DECAY,
)
def sgd(
    params: Iterable[Any], *, lr: float = 0.05, momentum: float = 0.9, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Gradient descent on batches, with heavy-ball momentum and an L2 penalty in the gradient."""
    return torch.optim.SGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay)


@method(
    kind="optimizer",
    title="Adam",
    paper="Kingma & Ba 2015, arXiv:1412.6980",
    formula=r"\theta\leftarrow\theta-\eta\,\hat m/(\sqrt{\hat v}+\epsilon)",
    lr=LEARNING_RATE,
    weight_decay=WEIGHT_DECAY,
)
def adam(params: Iterable[Any], *, lr: float = 1e-3, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Steps scaled per weight by running moments of the gradient; the L2 penalty is scaled too."""
    return torch.optim.Adam(params, lr=lr, weight_decay=weight_decay)


@method(
    kind="optimizer",
    title="AdamW",
    paper="Loshchilov & Hutter 2019, arXiv:1711.05101",
    formula=r"\theta\leftarrow(1-\eta\lambda)\theta-\eta\,\hat m/(\sqrt{\hat v}+\epsilon)",
    lr=LEARNING_RATE,
    weight_decay=WEIGHT_DECAY,
)
def adamw(params: Iterable[Any], *, lr: float = 1e-3, weight_decay: float = 0.01) -> torch.optim.Optimizer:
    """Adam whose weight decay shrinks the weights directly instead of entering the gradient."""
    return torch.optim.AdamW(params, lr=lr, weight_decay=weight_decay)


def create_optimizer(spec: Spec, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that `spec` describes, over these parameters.

    Raises:
        InputError: a value it cannot work with (a negative learning rate, ...).
    """
    _, make = resolve("optimizer", spec.name)
    for name, value in spec.params.items():
        # torch takes a larger one, and fails at the first step
        if isinstance(value, int | float) and not abs(value) <= MOST:
            raise InputError(f"optimizer.{name}: expected a number that float32 can hold, got {value}")
    try:
        return make(list(params), **spec.params)
    except ValueError as error:
        raise InputError(f"optimizer {spec.name} with {dict(spec.params)}: {error}") from error
