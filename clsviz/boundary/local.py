"""The linear rule that stands for any model between two classes, and how it leans when it is tilted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.linalg import null_space
from scipy.special import expit
from torch import nn

from clsviz.boundary.tilting import Linear, deviation_angle, tilted_classifier, tilting_basis
from clsviz.errors import InputError
from clsviz.models import network

BISECTIONS = 40
SLOPE_SAMPLES = 200  # that a mean slope is taken over, at most
FLAT = 1e-9  # a slope no larger is none
LDA_RIDGE = 1e-3  # of the mean variance, for models without a gradient


@dataclass(frozen=True, slots=True, eq=False)
class Tangent:
    """A two-class linear rule w.x + b (the second class where positive) and a point of its boundary."""

    w: np.ndarray  # (d,)
    b: float
    through: np.ndarray  # (d,) the point that all tilts of it pass through
    angle: float  # radians between w and the centroid direction


def pair_of(X: Any, y: Any, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n, d) of two classes and their labels 0, 1.

    Raises:
        InputError: one of the two has no samples.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y)
    rows = (y == a) | (y == b)
    two = (y[rows] == b).astype(np.int64)
    if not 0 < two.sum() < len(two):
        raise InputError(f"y must hold samples of both classes {a} and {b}")
    return X[rows], two


def tangent_classifier(model: nn.Module, X: Any, y: Any, a: int, b: int, *, at: Any = None) -> Tangent:
    """The linear rule that stands for a differentiable model between the classes a and b.

    Its normal is the model's slope of z_b - z_a where the segment between the two class centroids crosses
    the model's boundary. Where the model does not call the centroids a and b, it is the mean slope of
    p(b) over the samples, and the rule passes midway. Of a linear model it is the model itself.

    Args:
        model: maps a batch to logits (N, K), differentiable.
        X: (N, d). y: (N,) labels; samples of other classes are left out.
        a, b: two classes, both present.
        at: (d,) point to take the slope at instead.
    """
    X, two = pair_of(X, y, a, b)
    dtype = next((p.dtype for p in model.parameters()), torch.float32)

    def margin(points: torch.Tensor) -> torch.Tensor:
        output = model(points)
        z = getattr(output, "logits", output)
        return z[:, b] - z[:, a]

    def gap(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return margin(torch.as_tensor(points, dtype=dtype)).double().cpu().numpy()

    def slopes(points: np.ndarray) -> np.ndarray:
        x = torch.as_tensor(points, dtype=dtype).requires_grad_(True)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(margin(x).sum(), x)
        return gradient.double().cpu().numpy()

    centroids = X[two == 0].mean(0), X[two == 1].mean(0)
    crossed = crossing(gap, *centroids)
    through = (centroids[0] + centroids[1]) / 2 if crossed is None else crossed
    is_linear = (network(model) or {}).get("kind") == "linear"
    if at is not None:
        w = slopes(np.asarray(at, np.float64)[None])[0]
    elif crossed is not None or is_linear:
        w = slopes(through[None])[0]
    else:
        some = X[:: -(-len(X) // SLOPE_SAMPLES)]
        p = expit(gap(some))
        w = ((p * (1 - p))[:, None] * slopes(some)).mean(0)
    if np.linalg.norm(w) <= FLAT:  # dead or untrained there: no normal of its own
        w = FLAT * (centroids[1] - centroids[0])
    offset = float(gap(through[None])[0]) if is_linear else 0.0
    return Tangent(w, float(offset - w @ through), through, deviation_angle(w, X, two))


def discriminant(X: Any, y: Any, a: int, b: int) -> Tangent:
    """Linear discriminant of two classes, midway between the centroids: for models without a gradient."""
    X, two = pair_of(X, y, a, b)
    means = np.stack([X[two == c].mean(0) for c in (0, 1)])
    cov = within(X, two)
    cov += LDA_RIDGE * np.trace(cov) / len(cov) * np.eye(len(cov))
    w, through = np.linalg.solve(cov, means[1] - means[0]), means.mean(0)
    return Tangent(w, float(-w @ through), through, deviation_angle(w, X, two))


def crossing(
    gap: Callable[[np.ndarray], np.ndarray], start: np.ndarray, end: np.ndarray
) -> np.ndarray | None:
    """The point between two points where `gap` ((N, d) -> (N,)) rises through 0; None when it does not."""
    ends = gap(np.stack([start, end]))
    if not ends[0] < 0 < ends[1]:
        return None
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if gap((start + middle * (end - start))[None])[0] < 0:
            low = middle
        else:
            high = middle
    return start + (low + high) / 2 * (end - start)


def leaning(tangent: Tangent, X: Any, y: Any, a: int, b: int, theta: float) -> Linear:
    """The rule turned to one angle, see `turned`."""
    return turned(tangent, X, y, a, b, [theta])[0]


def turned(tangent: Tangent, X: Any, y: Any, a: int, b: int, angles: Iterable[float]) -> list[Linear]:
    """The rule turned to angles (radians) from the centroid direction; negative ones lean the other way.

    Up to its own angle it turns between the centroid direction and its own normal. Beyond, it leans along
    the direction of least variance within the classes, so that what it says of the samples stays while
    their mirror images come nearer (Tanay & Griffin's free tilt). It keeps passing through `through`.
    """
    X, two = pair_of(X, y, a, b)
    basis = tilting_basis(tangent.w, X, two)
    flat: np.ndarray | None = None
    rules = []
    for theta in angles:
        n = basis.n
        if theta > basis.theta:
            if flat is None:
                across = null_space(basis.z[None])
                flat = across @ np.linalg.eigh(across.T @ within(X, two) @ across)[1][:, 0]
                flat = flat if flat @ n > 0 else -flat
            own = np.tan(basis.theta)
            shared = own * (n @ flat)
            n = own * n + (np.sqrt(shared**2 + np.tan(theta) ** 2 - own**2) - shared) * flat
            n = n / np.linalg.norm(n)
        rules.append(tilted_classifier(basis.z, n, float(theta), tangent.through))
    return rules


def within(X: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Pooled covariance within the two classes."""
    centred = X - np.stack([X[two == c].mean(0) for c in (0, 1)])[two]
    return centred.T @ centred / len(X)
