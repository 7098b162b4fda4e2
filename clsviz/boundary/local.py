"""The linear classifier that stands for any model between two classes: its tangent where it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz.boundary.tilting import deviation_angle

BISECTIONS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Tangent:
    """A two-class linear rule w.x + b (class 1 where positive) and where it touches the model."""

    w: np.ndarray  # (d,)
    b: float
    anchor: np.ndarray  # (d,) the boundary passes here
    angle: float  # radians between w and the centroid direction


def crossing(gap: Callable[[np.ndarray], np.ndarray], start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The point between two points where `gap` ((N, d) -> (N,)) changes sign; their middle if it does not."""
    ends = gap(np.stack([start, end]))
    if not ends[0] < 0 < ends[1]:
        return (start + end) / 2
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if gap((start + middle * (end - start))[None])[0] < 0:
            low = middle
        else:
            high = middle
    return start + (low + high) / 2 * (end - start)


def tangent_classifier(model: nn.Module, X: Any, y: Any, a: int, b: int, *, anchor: Any = None) -> Tangent:
    """The tangent of the boundary between classes a and b of a differentiable model.

    It touches where the segment between the two class centroids crosses the boundary (its middle when it
    does not cross), or at `anchor`. Of a linear model it has the true normal.

    Args:
        model: maps (N, d) to (N, K) logits, differentiable.
        X: (N, d). y: (N,) labels; samples of other classes are left out.
        a, b: the two classes, both present.
        anchor: (d,) point to take the gradient at instead.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y)
    pair = (y == a) | (y == b)
    X, two = X[pair], (y[pair] == b).astype(np.int64)
    dtype = next((p.dtype for p in model.parameters()), torch.float32)

    def gap(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            z = _logits(model(torch.as_tensor(points, dtype=dtype)))
        return (z[:, b] - z[:, a]).double().cpu().numpy()

    if anchor is None:
        anchor = crossing(gap, X[two == 0].mean(0), X[two == 1].mean(0))
    at = torch.as_tensor(np.asarray(anchor, np.float64), dtype=dtype)[None].requires_grad_(True)
    with torch.enable_grad():
        z = _logits(model(at))
        (gradient,) = torch.autograd.grad(z[0, b] - z[0, a], at)
    w = gradient[0].double().numpy()
    anchor = np.asarray(anchor, np.float64)
    return Tangent(w, float(-w @ anchor), anchor, deviation_angle(w, X, two))


def _logits(output: Any) -> torch.Tensor:
    logits: torch.Tensor = getattr(output, "logits", output)
    return logits
