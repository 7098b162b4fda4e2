"""Models as points: theta is all trainable parameters, flattened one after the other.

Order: `model.parameters()` with requires_grad, each row-major.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.errors import InputError, ShapeError


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that make up theta, in order.

    Raises:
        InputError: `model` is no torch module or has none.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model must be a torch module, got {type(model).__name__}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise InputError("model has no parameter with requires_grad, so there is no landscape")
    return parameters


def theta_of(model: nn.Module) -> Tensor:
    """(P,) copy of the trainable parameters."""
    return torch.cat([p.detach().reshape(-1) for p in trainable(model)])


class MovedModel:
    """A private copy of a model, in eval mode, that can be put at any theta.

    The model itself is never touched, so it may go on training, and an abandoned scan leaves no trace.
    """

    def __init__(self, model: nn.Module) -> None:
        trainable(model)
        self.module = copy.deepcopy(model).eval()
        self._parameters = trainable(self.module)
        self.theta = theta_of(self.module)

    @torch.no_grad()
    def move(self, theta: Tensor) -> None:
        """Puts the copy at `theta` (P,)."""
        start = 0
        for p in self._parameters:
            p.copy_(theta[start : start + p.numel()].view_as(p))
            start += p.numel()

    @torch.no_grad()
    def logits(self, x: Tensor) -> Tensor:
        """Logits (N, K) of the batch `x` where the copy stands."""
        output = self.module(x.to(self.theta) if x.is_floating_point() else x.to(self.theta.device))
        logits = getattr(output, "logits", output)  # a prototype network returns more than its logits
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
            raise ShapeError(f"model must map a batch of {len(x)} samples to logits ({len(x)}, K)")
        return logits

    def vector(self, value: Any, name: str) -> Tensor:
        """A point or direction, flat (P,) or a list shaped like the parameters, as a finite (P,) tensor.

        Raises:
            ShapeError: it does not have the P entries of theta, or a part has another shape.
            InputError: NaN or inf.
        """
        if isinstance(value, (list, tuple)) and any(isinstance(part, Tensor) for part in value):
            shapes = [tuple(part.shape) for part in value]
            expected = [tuple(p.shape) for p in self._parameters]
            if shapes != expected:
                raise ShapeError(f"{name} must be shaped like the parameters {expected}, got {shapes}")
            value = torch.cat([part.detach().reshape(-1) for part in value])
        flat = finite(as_tensor(value).detach(), name).to(self.theta)
        if flat.shape != self.theta.shape:
            raise ShapeError(
                f"{name} must have the {len(self.theta)} trainable parameters of the model, "
                f"got shape {tuple(flat.shape)}"
            )
        return flat


def as_tensor(value: Any) -> Tensor:
    """`value` (tensor, numpy, list) as a tensor; read-only arrays are copied."""
    return (
        value if isinstance(value, Tensor) else torch.from_numpy(np.require(value, requirements=["C", "W"]))
    )


def finite(value: Tensor, name: str) -> Tensor:
    """`value`, or InputError when it holds NaN or inf, or ShapeError when it is empty."""
    if value.numel() == 0:
        raise ShapeError(f"{name} is empty; at least one entry is needed")
    if value.is_floating_point() and not torch.isfinite(value).all():
        raise InputError(f"{name} holds NaN or inf; remove or replace those entries")
    return value


def axis_values(value: Any, name: str) -> np.ndarray:
    """Grid coordinates as a finite (n,) float64 array, n >= 1."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    axis = np.asarray(value, dtype=np.float64)
    if axis.ndim != 1 or not axis.size:
        raise ShapeError(f"{name} must be a non-empty vector, got shape {axis.shape}")
    if not np.isfinite(axis).all():
        raise InputError(f"{name} holds NaN or inf")
    return axis


def batches_of(data: Any) -> list[tuple[Tensor, Tensor]]:
    """`data`, a pair (x, y) or an iterable of such pairs (a DataLoader), as checked tensors.

    Raises:
        ShapeError: x and y differ in length, or there are no samples.
        InputError: NaN or inf in x, negative or fractional labels, no pair.
    """
    pair = (
        isinstance(data, tuple | list)
        and len(data) == 2
        and not isinstance(data[0], tuple | (list if isinstance(data, list) else tuple))
    )
    if not pair and not isinstance(data, Iterable):
        raise InputError(f"data must be a pair (x, y) or a DataLoader, got {type(data).__name__}")
    parts: Sequence[Any] = [data] if pair else list(data)
    if not parts:
        raise ShapeError("data has no samples")
    batches = []
    for x, y in parts:
        x, y = finite(as_tensor(x), "data: x"), as_tensor(y)
        if y.shape != (len(x),):
            raise ShapeError(f"data: y must be ({len(x)},) for this x, got shape {tuple(y.shape)}")
        if y.is_floating_point() or y.is_complex() or int(y.min()) < 0:
            raise InputError(f"data: y must be integers >= 0, got {y.dtype} with minimum {y.min()}")
        batches.append((x, y.long()))
    return batches
