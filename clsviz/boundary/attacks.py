"""Attacks: small moves of a sample that raise its loss or change its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from clsviz.boundary.calling import tensor_like, with_gradient
from clsviz.boundary.checks import TINY, class_labels, integer, not_negative, positive, real_array, vector_of
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

NORMS = ("linf", "l2")
CONTINUED = 1e-8  # what a step of DeepFool goes beyond the boundary of the tangent


@method(
    kind="probe",
    title="Fast gradient sign",
    paper="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",
    formula=r"x+\epsilon\,\mathrm{sign}\,\nabla_x\,\ell(f(x),y)",
    needs=("model", "X", "y"),
    epsilon=Range(0, 2),
)
def fgsm(
    model: Any, X: Any, y: Any, *, epsilon: float, clip: tuple[float, float] | None = None
) -> np.ndarray:
    """Samples moved by epsilon in each feature, whichever way raises their cross-entropy, (N, d).

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        X: (N, d). y: (N,) int labels.
        epsilon: in units of the features, >= 0.
        clip: (low, high) that features are kept in.

    Raises:
        InputError: epsilon < 0, a bad `clip`, or a label outside [0, K).
        ShapeError: shapes do not fit.
    """
    X, limits = real_array(X, "X", 2), _limits(clip)
    step = not_negative(epsilon, "epsilon")
    return _clipped(X + step * np.sign(loss_gradient(model, X, y)), limits)


@method(
    kind="probe",
    title="Projected gradient descent",
    paper="Madry et al. 2018, arXiv:1706.06083",
    formula=r"x\leftarrow\Pi_{B_\epsilon(x_0)}\big(x+a\,g/\lVert g\rVert\big)",
    needs=("model", "X", "y"),
    epsilon=Range(0, 2),
    norm=NORMS,
    steps=Range(1, 100, step=1),
)
def pgd(
    model: Any,
    X: Any,
    y: Any,
    *,
    epsilon: float,
    norm: str = "linf",
    steps: int = 40,
    step_size: float | None = None,
    clip: tuple[float, float] | None = None,
    random_start: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Samples moved up the gradient of their cross-entropy, within epsilon of where they were, (N, d).

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        X: (N, d). y: (N,) int labels.
        epsilon: radius in `norm`, in units of the features, >= 0.
        norm: "linf", a cube round each sample, or "l2", a ball.
        steps: >= 1; the last iterate is returned, also where an earlier one was worse.
        step_size: None is 2.5 epsilon / steps.
        clip: (low, high) that features are kept in, applied after each step.
        random_start: begin anywhere in the cube or ball. seed: of that.

    Raises:
        InputError: an option outside its range, an unknown norm, or a label outside [0, K).
        ShapeError: shapes do not fit.
    """
    if norm not in NORMS:
        raise InputError(f"norm must be one of {list(NORMS)}, got {norm!r}")
    start, limits = real_array(X, "X", 2), _limits(clip)
    radius, count = not_negative(epsilon, "epsilon"), integer(steps, "steps")
    stride = 2.5 * radius / count if step_size is None else positive(step_size, "step_size")
    x = start + (_anywhere(start.shape, radius, norm, seed) if random_start else 0.0)
    if random_start:
        x = _clipped(x, limits)
    for _ in range(count):
        g = loss_gradient(model, x, y)
        if norm == "linf":
            x = start + (x + stride * np.sign(g) - start).clip(-radius, radius)
        else:
            moved = x + stride * g / (np.linalg.norm(g, axis=1, keepdims=True) + TINY) - start
            length = np.linalg.norm(moved, axis=1, keepdims=True)
            x = start + moved * np.where(length > radius, radius / np.maximum(length, TINY), 1.0)
        x = _clipped(x, limits)
    return x


def loss_gradient(model: Any, X: np.ndarray, y: Any) -> np.ndarray:
    """(N, d) slope of each sample's own cross-entropy."""
    with with_gradient(model) as logits_of:
        x = torch.from_numpy(np.ascontiguousarray(X)).to(tensor_like(model).device).requires_grad_(True)
        logits = logits_of(x)
        labels = class_labels(y, "y", logits.shape[1])
        if labels.shape != (len(X),):
            raise ShapeError(f"y must be ({len(X)},), got {labels.shape}")
        loss = cross_entropy(logits, torch.from_numpy(labels).to(x.device), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return gradient.cpu().numpy()


@dataclass(frozen=True, slots=True, eq=False)
class DeepFool:
    """Samples just beyond the nearest boundary that was found."""

    adversarial: np.ndarray  # (N, d)
    distance: np.ndarray  # (N,) Euclidean, from the sample
    iterations: np.ndarray  # (N,) int64
    success: np.ndarray  # (N,) bool, whether the class changed


@method(
    kind="probe",
    title="DeepFool",
    paper="Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv:1511.04599",
    formula=r"r\leftarrow r+\frac{|z_k-z_{k_0}|}{\lVert w_k\rVert^2}\,w_k,\quad w_k=\nabla(z_k-z_{k_0})",
    needs=("model", "X"),
    max_iter=Range(1, 100, step=1),
    overshoot=Range(0, 0.1),
)
def deepfool(model: Any, X: Any, *, max_iter: int = 50, overshoot: float = 0.02) -> DeepFool:
    """Walks each sample over the nearest boundary of the tangent, again and again until its class changes.

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        X: (N, d).
        max_iter: steps at most, >= 1.
        overshoot: share by which the whole move is lengthened at the end, >= 0.

    Returns:
        DeepFool; where all slopes are zero the sample stays, at distance 0 and without success.

    Raises:
        InputError: `max_iter` < 1, or `overshoot` < 0.
    """
    start = real_array(X, "X", 2)
    most, beyond = integer(max_iter, "max_iter"), not_negative(overshoot, "overshoot")
    x0 = torch.from_numpy(np.ascontiguousarray(start))
    with with_gradient(model) as logits_of:
        x0 = x0.to(tensor_like(model).device)
        x, moved = x0.clone(), torch.zeros_like(x0)
        own = logits_of(x0).detach().argmax(1)
        iterations = torch.zeros(len(x0), dtype=torch.int64)
        active = torch.arange(len(x0), device=x0.device)
        for _ in range(most):
            step, guess = _to_tangent(logits_of, x[active], own[active])
            going = (guess == own[active]) & (step.abs().sum(1) > 0)
            active, step = active[going], step[going]
            if not len(active):
                break
            moved[active] += step
            x[active] = x0[active] + (1 + beyond) * moved[active]
            iterations[active.cpu()] += 1
        success = logits_of(x).detach().argmax(1) != own
    distance = torch.linalg.vector_norm(x - x0, dim=1)
    return DeepFool(x.cpu().numpy(), distance.cpu().numpy(), iterations.numpy(), success.cpu().numpy())


def _to_tangent(logits_of: Any, points: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """(n, d) shortest steps to the other classes' tangents (0 where all are flat), and the (n,) guesses."""
    x = points.detach().requires_grad_(True)
    z = logits_of(x)
    k = z.shape[1]
    slopes = torch.stack(
        [torch.autograd.grad(z[:, j].sum(), x, retain_graph=j < k - 1)[0] for j in range(k)], 1
    )
    rows = torch.arange(len(x), device=x.device)
    w = slopes - slopes[rows, own][:, None]
    gap = (z - z[rows, own][:, None]).detach().abs()
    length = torch.linalg.vector_norm(w, dim=2)
    reach = torch.where(length < TINY, torch.inf, gap / length.clamp_min(TINY))
    reach[rows, own] = torch.inf
    nearest = reach.argmin(1)
    least = reach[rows, nearest]
    direction = w[rows, nearest] / length[rows, nearest].clamp_min(TINY)[:, None]
    step = torch.where(least.isfinite(), least + CONTINUED, 0.0)[:, None] * direction
    return step, z.detach().argmax(1)


def _anywhere(shape: tuple[int, ...], radius: float, norm: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if norm == "linf":
        return rng.uniform(-radius, radius, shape)
    direction = rng.standard_normal(shape)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), TINY)
    return direction * radius * rng.random((shape[0], 1)) ** (1 / shape[1])


def _limits(clip: tuple[float, float] | None) -> tuple[float, float] | None:
    if clip is None:
        return None
    low, high = vector_of(clip, "clip", 2)
    if low >= high:
        raise InputError(f"clip must be (low, high) with low < high, got {clip!r}")
    return float(low), float(high)


def _clipped(x: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    return x if limits is None else x.clip(*limits)
