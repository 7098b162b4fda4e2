"""Loss and accuracy on a line or plane through parameter space, and between two trained models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError
from clsviz.landscape.directions import LI
from clsviz.landscape.parameters import MovedModel, axis_values, batches_of

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class LossSurface:
    """A landscape; row j belongs to ys[j], column i to xs[i]."""

    xs: Tensor  # (X,) float64, in lengths of direction_x
    ys: Tensor  # (Y,) float64, in lengths of direction_y
    loss: Tensor  # (Y, X) float64; may be inf or NaN far out
    accuracy: Tensor  # (Y, X) float64, share correct


@dataclass(frozen=True, slots=True, eq=False)
class Interpolation:
    """Loss along the straight line between two models."""

    alphas: Tensor  # (A,) float64; 0 is model_a, 1 is model_b
    loss: Tensor  # (A,) float64
    accuracy: Tensor  # (A,) float64
    barrier: float  # highest rise above the chord between the end points, >= 0


def _measure(
    forward: Callable[[Tensor], Tensor], batches: list[tuple[Tensor, Tensor]], loss_fn: LossFunction | None
) -> tuple[float, float]:
    """Sample-weighted mean loss and accuracy over batches."""
    loss, correct, samples = 0.0, 0, 0
    for x, y in batches:
        logits = forward(x)
        y = y.to(logits.device)
        if int(y.max()) >= logits.shape[1]:
            raise InputError(f"data: y must be below the {logits.shape[1]} classes, got {int(y.max())}")
        terms = functional.cross_entropy(logits, y) if loss_fn is None else loss_fn(logits, y)
        loss += float(terms.mean()) * len(x)
        correct += int((logits.argmax(1) == y).sum())
        samples += len(x)
    return loss / samples, correct / samples


@method(
    kind="probe",
    title="Loss surface",
    paper=LI + ", section 4",
    formula=r"f(a,b)=L(\theta+a\,d_x+b\,d_y)",
    needs=("model", "data", "direction_x", "xs"),
)
@torch.no_grad()
def loss_surface(
    model: nn.Module,
    data: Any,
    *,
    direction_x: Any,
    direction_y: Any = None,
    xs: Any,
    ys: Any = None,
    loss_fn: LossFunction | None = None,
) -> LossSurface:
    """Loss and accuracy at theta + x * direction_x + y * direction_y.

    Args:
        model: torch module giving logits; evaluated in eval mode on a copy, left as found.
        data: (x, y) or a DataLoader.
        direction_x, direction_y: flat (P,) or lists shaped like the parameters; without
            `direction_y` the surface is the line y = 0.
        xs, ys: coordinates.
        loss_fn: (logits, targets) -> mean or per-sample loss; None is cross entropy in nats.

    Raises:
        ShapeError: a direction does not fit the model, or x and y differ in length.
        InputError: NaN or inf, a label outside the model's classes, `ys` without `direction_y` or
            the other way round.
    """
    if (direction_y is None) != (ys is None):
        raise InputError("ys and direction_y belong together: give both, or neither for a line")
    moved = MovedModel(model)
    batches = batches_of(data)
    along_x = moved.vector(direction_x, "direction_x")
    along_y = torch.zeros_like(along_x) if direction_y is None else moved.vector(direction_y, "direction_y")
    columns = axis_values(xs, "xs")
    rows = axis_values([0.0] if ys is None else ys, "ys")
    origin = moved.theta.clone()
    values = torch.empty(len(rows), len(columns), 2, dtype=torch.float64)
    for j, b in enumerate(rows):
        for i, a in enumerate(columns):
            moved.move(origin + float(a) * along_x + float(b) * along_y)
            values[j, i, 0], values[j, i, 1] = _measure(moved.logits, batches, loss_fn)
    return LossSurface(torch.from_numpy(columns), torch.from_numpy(rows), values[..., 0], values[..., 1])


@method(
    kind="probe",
    title="Linear interpolation",
    paper="Goodfellow, Vinyals & Saxe 2015, arXiv:1412.6544; barrier: Frankle et al. 2020, arXiv:1912.05671",
    formula=r"\max_\alpha\,L(\alpha)-\big((1-\alpha)L(0)+\alpha L(1)\big)",
    needs=("model_a", "model_b", "data"),
)
@torch.no_grad()
def interpolate(model_a: nn.Module, model_b: nn.Module, data: Any, *, alphas: Any = None) -> Interpolation:
    """Cross entropy and accuracy along (1 - alpha) * theta_a + alpha * theta_b, and its barrier.

    All parameters and floating-point buffers are interpolated, so that the ends are the two models.

    Args:
        model_a, model_b: torch modules of one architecture; only read.
        data: (x, y) or a DataLoader.
        alphas: (A,) positions; None is 21 equal steps from 0 to 1. The barrier takes the ends into
            account also where they are not among them.

    Raises:
        ShapeError: the models differ in the names or shapes of their parameters.
        InputError: as `loss_surface`.
    """
    state_a, state_b = model_a.state_dict(), model_b.state_dict()
    if {k: v.shape for k, v in state_a.items()} != {k: v.shape for k, v in state_b.items()}:
        raise ShapeError("model_a and model_b must have the same parameters and buffers")
    moved, batches = MovedModel(model_a), batches_of(data)
    positions = axis_values(np.linspace(0, 1, 21) if alphas is None else alphas, "alphas")

    def at(alpha: float) -> tuple[float, float]:
        state = {
            key: torch.lerp(a, state_b[key].to(a), alpha) if a.is_floating_point() else a
            for key, a in state_a.items()
        }
        moved.module.load_state_dict(state)
        return _measure(moved.logits, batches, None)

    values = torch.tensor([at(float(alpha)) for alpha in positions], dtype=torch.float64)
    start, end = at(0.0)[0], at(1.0)[0]
    along = torch.from_numpy(positions)
    chord = (1 - along) * start + along * end
    barrier = max(0.0, float((values[:, 0] - chord).max()))
    return Interpolation(along, values[:, 0], values[:, 1], barrier)
