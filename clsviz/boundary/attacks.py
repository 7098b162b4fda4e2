"""Attacks: small moves of a sample that raise its loss or change its class."""

from __future__ import annotations

from collections.abc import Callable
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
    moved = X + step * np.sign(loss_gradient(model, X, y))
    return moved if limits is None else moved.clip(*limits)


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
    ascent = Ascent.checked(epsilon, norm, steps, step_size, clip)
    start = real_array(X, "X", 2)
    away = _anywhere(start.shape, ascent.radius, norm, seed) if random_start else None
    with with_gradient(model) as logits_of:
        device = tensor_like(model).device
        x0 = torch.from_numpy(np.ascontiguousarray(start)).to(device)
        x = None if away is None else x0 + torch.from_numpy(away).to(device)
        moved = ascent.run(x0, loss_slope(logits_of, own_labels(logits_of, x0, y)), x)
    return moved.cpu().numpy()


@dataclass(frozen=True, slots=True)
class Ascent:
    """Steps up a slope that stay within a radius of where they began; for one model or for many."""

    radius: Any  # a float, or a tensor (N, 1)
    norm: str
    steps: int
    step_size: Any  # likewise
    limits: tuple[float, float] | None

    @classmethod
    def checked(
        cls, epsilon: float, norm: str, steps: int, step_size: float | None, clip: tuple[float, float] | None
    ) -> Ascent:
        """The options of `pgd`; raises what it does."""
        if norm not in NORMS:
            raise InputError(f"norm must be one of {list(NORMS)}, got {norm!r}")
        radius, count = not_negative(epsilon, "epsilon"), integer(steps, "steps")
        size = 2.5 * radius / count if step_size is None else positive(step_size, "step_size")
        return cls(radius, norm, count, size, _limits(clip))

    def run(self, start: Tensor, slope: Callable[[Tensor], Tensor], x: Tensor | None = None) -> Tensor:
        """The last of the steps.

        Args:
            start: (..., N, d) centres of the cubes or balls.
            slope: what goes uphill, at points of that shape.
            x: where to begin, kept in the limits; None for the centres as they are.
        """
        x = start if x is None else self._kept(x)
        for _ in range(self.steps):
            g = slope(x)
            if self.norm == "linf":
                x = start + (x + self.step_size * g.sign() - start).clamp(-self.radius, self.radius)
            else:
                moved = x + self.step_size * g / (_length(g) + TINY) - start
                length = _length(moved)
                x = start + moved * torch.where(length > self.radius, self.radius / length, 1.0)
            x = self._kept(x)
        return x

    def _kept(self, x: Tensor) -> Tensor:
        return x if self.limits is None else x.clamp(*self.limits)


def own_labels(logits_of: Callable[[Tensor], Tensor], start: Tensor, y: Any) -> Tensor:
    """y as a tensor (N,), beside the (..., N, d) samples.

    Raises:
        InputError: a label outside [0, K).
        ShapeError: y is not (N,).
    """
    with torch.no_grad():
        labels = class_labels(y, "y", logits_of(start[..., :1, :]).shape[-1])
    n = start.shape[-2]
    if labels.shape != (n,):
        raise ShapeError(f"y must be ({n},), got {labels.shape}")
    return torch.from_numpy(labels).to(start.device)


def loss_slope(logits_of: Callable[[Tensor], Tensor], labels: Tensor) -> Callable[[Tensor], Tensor]:
    """The slope of each sample's own cross-entropy, as a function of (..., n, d) points with (n,) labels."""

    def slope(points: Tensor) -> Tensor:
        x = points.detach().requires_grad_(True)
        targets = labels.expand(x.shape[:-1]).flatten()
        loss = cross_entropy(logits_of(x).flatten(0, -2), targets, reduction="sum")
        return torch.autograd.grad(loss, x)[0]

    return slope


def loss_gradient(model: Any, X: np.ndarray, y: Any) -> np.ndarray:
    """(N, d) slope of each sample's own cross-entropy."""
    with with_gradient(model) as logits_of:
        x = torch.from_numpy(np.ascontiguousarray(X)).to(tensor_like(model).device)
        return loss_slope(logits_of, own_labels(logits_of, x, y))(x).cpu().numpy()


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


def _length(v: Tensor) -> Tensor:
    return torch.linalg.vector_norm(v, dim=-1, keepdim=True)


def _limits(clip: tuple[float, float] | None) -> tuple[float, float] | None:
    if clip is None:
        return None
    low, high = vector_of(clip, "clip", 2)
    if low >= high:
        raise InputError(f"clip must be (low, high) with low < high, got {clip!r}")
    return float(low), float(high)
