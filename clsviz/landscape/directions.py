"""Directions through parameter space: random and filter-normalised, or those the training took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError
from clsviz.landscape.parameters import finite, trainable

LI = "Li et al. 2018, arXiv:1712.09913"
NORMS = ("filter", "layer", "none")


@dataclass(frozen=True, slots=True, eq=False)
class TrajectoryPlane:
    """The plane that holds most of a training path."""

    origin: Tensor  # (P,) float64, the reference checkpoint
    basis: Tensor  # (2, P) float64 orthonormal directions
    coords: Tensor  # (T, 2) the checkpoints along the basis
    explained: Tensor  # (2,) shares of the squared path length about the origin, in [0, 1]


def _normalized(w: Tensor, d: Tensor, norm: str, ignore_1d: bool) -> Tensor:
    if w.shape != d.shape:
        raise ShapeError(f"direction has shape {tuple(d.shape)} where params has {tuple(w.shape)}")
    w, d = finite(w.detach(), "params"), finite(d.detach(), "direction")
    if w.ndim <= 1:
        return torch.zeros_like(w) if ignore_1d else w.clone()
    d = d.to(w)
    if norm == "filter":
        along = tuple(range(1, w.ndim))
        lengths = torch.linalg.vector_norm(d, dim=along, keepdim=True) + 1e-10
        return d * torch.linalg.vector_norm(w, dim=along, keepdim=True) / lengths
    if norm == "layer":
        length = d.norm()
        return d * (w.norm() / length) if length > 0 else d.clone()
    return d.clone()


def filter_normalize(params: Any, direction: Any, *, norm: str = "filter", ignore_1d: bool = True) -> Any:
    """Scales a direction so that each filter is as long as the weights it moves.

    A surface drawn along such directions does not change when a ReLU layer is scaled by a and the
    next one by 1/a.

    Args:
        params: tensor, list of tensors or state dict.
        direction: same structure and shapes.
        norm: "filter" scales each slice along dimension 0, "layer" each whole tensor, "none" nothing.
        ignore_1d: tensors of dimension <= 1 (biases, norm layers) become zero, whatever `norm`;
            otherwise they become the parameters themselves.

    Returns:
        The scaled direction, in the structure of `params`.

    Raises:
        ShapeError: the structures or shapes differ.
        InputError: unknown `norm`, NaN or inf.
    """
    if norm not in NORMS:
        raise InputError(f"norm must be one of {NORMS}, got {norm!r}")
    if isinstance(params, Tensor):
        return _normalized(params, torch.as_tensor(direction), norm, ignore_1d)
    if isinstance(params, Mapping):
        if not isinstance(direction, Mapping) or set(params) != set(direction):
            raise ShapeError("direction must be a dict with the keys of params")
        return {key: _normalized(w, direction[key], norm, ignore_1d) for key, w in params.items()}
    params, direction = list(params), list(direction)
    if not params or len(params) != len(direction):
        raise ShapeError(f"direction has {len(direction)} tensors where params has {len(params)}")
    return [_normalized(w, d, norm, ignore_1d) for w, d in zip(params, direction, strict=True)]


@method(
    kind="probe",
    title="Random directions",
    paper=LI + ", section 4",
    formula=r"d_i\leftarrow\frac{d_i}{\lVert d_i\rVert}\lVert w_i\rVert",
    needs=("model",),
    norm=NORMS,
)
@torch.no_grad()
def random_directions(model: nn.Module, n: int = 2, *, norm: str = "filter", seed: int = 0) -> Tensor:
    """Gaussian directions at the model's weights, normalised; not made orthogonal, as in the paper.

    Args:
        model: torch module; only read.
        n: how many, >= 1.
        norm: as in `filter_normalize`, biases and norm layers zero.
        seed: of the draw, one direction after the other.

    Returns:
        (n, P) in the dtype of the parameters; see `direction_cosine` for how orthogonal they are.

    Raises:
        InputError: n < 1, unknown `norm`, a model without trainable parameters.
    """
    if int(n) != n or n < 1:
        raise InputError(f"n must be an integer >= 1, got {n!r}")
    parameters = trainable(model)
    generator = torch.Generator().manual_seed(seed)
    directions = []
    for _ in range(int(n)):
        # drawn in float64 on the CPU, so that dtype and device of the model do not matter
        draw = [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p) for p in parameters]
        parts = filter_normalize(parameters, draw, norm=norm)
        directions.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(directions)


def direction_cosine(a: Tensor, b: Tensor) -> float:
    """Cosine of the angle between two flat directions, in [-1, 1].

    Raises:
        ShapeError: they are no vectors of one length.
        InputError: one of them is zero.
    """
    a, b = (finite(torch.as_tensor(v).double(), name) for v, name in ((a, "a"), (b, "b")))
    if a.ndim != 1 or a.shape != b.shape:
        raise ShapeError(f"a and b must be vectors of one length, got {tuple(a.shape)}, {tuple(b.shape)}")
    lengths = float(a.norm() * b.norm())
    if not lengths:
        raise InputError("a and b must not be zero: a zero direction has no angle")
    return float((a @ b).clamp(-lengths, lengths)) / lengths


@method(
    kind="probe",
    title="Plane of the training path",
    paper=LI + ", section 7",
    formula=r"[\theta_t-\theta_{ref}]_t=U\Sigma V^\top,\quad\mathrm{basis}=(V_1,V_2)",
    needs=("checkpoints",),
    reference=Range(-100, 100, step=1),
)
@torch.no_grad()
def trajectory_plane(checkpoints: Tensor | Sequence[Any], *, reference: int = -1) -> TrajectoryPlane:
    """PCA plane of the checkpoints of a run, through one of them (not through their mean).

    The sign of each axis is fixed: its entry of largest magnitude is positive.

    Args:
        checkpoints: (T, P), T >= 3 and P >= 2; not all equal.
        reference: index of the checkpoint that becomes the origin, in [-T, T).

    Raises:
        ShapeError: `checkpoints` is not (T >= 3, P >= 2).
        InputError: NaN or inf, all checkpoints equal, `reference` out of range.
    """
    if isinstance(checkpoints, (list, tuple)):
        checkpoints = torch.stack([torch.as_tensor(row, dtype=torch.float64) for row in checkpoints])
    path = torch.as_tensor(checkpoints).detach().double()
    if path.ndim != 2 or path.shape[0] < 3 or path.shape[1] < 2:
        raise ShapeError(f"checkpoints must be (T >= 3, P >= 2), got shape {tuple(path.shape)}")
    finite(path, "checkpoints")
    steps = len(path)
    if int(reference) != reference or not -steps <= reference < steps:
        raise InputError(f"reference must be an index in {-steps}..{steps - 1}, got {reference!r}")
    origin = path[reference]
    away = path - origin
    rows = torch.arange(steps) != reference % steps
    _, sizes, axes = torch.linalg.svd(away[rows], full_matrices=False)
    if not sizes[0] > 0:
        raise InputError("checkpoints are all equal, so the path spans no plane")
    basis = axes[:2]
    largest = basis.abs().argmax(dim=1, keepdim=True)
    basis = basis * basis.gather(1, largest).sign()
    explained = sizes[:2].square() / sizes.square().sum()
    return TrajectoryPlane(origin, basis, away @ basis.T, explained)
