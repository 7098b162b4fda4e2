"""Decision regions: which class a model gives to each point of a grid, and how broken up they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from clsviz.boundary.calling import logits_at
from clsviz.boundary.checks import class_labels, real_array, vector_of
from clsviz.boundary.planes import Plane, plane_lift
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A model on a rectangular grid; row 0 is the lowest y (a front end flips the rows to draw)."""

    x: np.ndarray  # (R,) ascending, both limits included
    y: np.ndarray  # (R,) ascending, both limits included
    logits: np.ndarray  # (R, R, K); logits[i, j] belongs to (x[j], y[i])
    labels: np.ndarray  # (R, R) int64, argmax of the logits, ties to the lowest class


@method(
    kind="probe",
    title="Decision regions",
    paper="Somepalli et al. 2022, arXiv:2203.08124, section 3",
    formula=r"\hat y(x_j,y_i)=\arg\max_k z_k(o+x_j u+y_i v)",
    needs=("model",),
    resolution=Range(2, 512, step=1),
)
def decision_grid(
    model: Any,
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    resolution: int = 100,
    plane: Plane | None = None,
) -> Grid:
    """The model's logits and classes on a square grid of a 2-D input space or of a plane.

    Args:
        model: torch module (called in eval mode with its own dtype and device, left as found) or
            callable on float64 numpy arrays; (N, d) -> (N, K) logits.
        xlim, ylim: ends of the axes, low < high, in units of the input or of the plane.
        resolution: points per axis R, >= 1.
        plane: when given, grid points are plane coordinates and are lifted into input space first.

    Raises:
        InputError: a limit is not low < high or not finite, `resolution` < 1, logits not finite.
        ShapeError: the model does not return (N, K).
    """
    if int(resolution) != resolution or resolution < 1:
        raise InputError(f"resolution must be an integer >= 1, got {resolution!r}")
    axes = []
    for name, limits in (("xlim", xlim), ("ylim", ylim)):
        low, high = vector_of(limits, name, 2)
        if low >= high:
            raise InputError(f"{name} must be (low, high) with low < high, got ({low}, {high})")
        axes.append(np.linspace(low, high, int(resolution)))
    x, y = axes
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    logits = logits_at(model, points if plane is None else plane_lift(plane, points))
    logits = logits.reshape(len(y), len(x), -1)
    return Grid(x, y, logits, logits.argmax(-1))


@method(
    kind="measure",
    title="Region shares",
    paper="Somepalli et al. 2022, arXiv:2203.08124, section 4",
    formula=r"\frac{1}{|G|}\sum_{g\in G}\mathbf 1[\hat y_g=k]",
    needs=("labels", "n_classes"),
)
def region_fractions(labels: Any, n_classes: int) -> np.ndarray:
    """Share of the cells that each class holds, (n_classes,), summing to 1.

    Args:
        labels: int array of any shape, in [0, n_classes).

    Raises:
        InputError: a label is outside [0, n_classes).
    """
    labels = class_labels(labels, "labels", n_classes)
    return np.bincount(labels.ravel(), minlength=n_classes) / labels.size


@method(
    kind="measure",
    title="Region fragments",
    paper="Somepalli et al. 2022, arXiv:2203.08124, section 5",
    formula=r"\#\,\text{4-connected components of }\{g:\hat y_g=k\}",
    needs=("labels", "n_classes"),
)
def region_fragments(labels: Any, n_classes: int) -> np.ndarray:
    """Number of 4-connected pieces into which each class's region falls, (n_classes,) int64.

    Args:
        labels: (rows, columns) int in [0, n_classes).

    Raises:
        ShapeError: `labels` is not two-dimensional.
        InputError: a label is outside [0, n_classes).
    """
    labels = class_labels(labels, "labels", n_classes)
    if labels.ndim != 2:
        raise ShapeError(f"labels must be a grid (rows, columns), got shape {labels.shape}")
    return np.array([ndimage.label(labels == k)[1] for k in range(n_classes)], dtype=np.int64)


@method(
    kind="measure",
    title="Agreement of two boundaries",
    paper="Somepalli et al. 2022, arXiv:2203.08124, section 4",
    formula=r"\frac{1}{|G|}\sum_{g\in G}\mathbf 1[\hat y^a_g=\hat y^b_g]",
    needs=("a", "b"),
)
def region_agreement(a: Any, b: Any) -> float:
    """Share of the cells that two label grids give to the same class, in [0, 1].

    Raises:
        ShapeError: the two grids differ in shape.
    """
    a, b = real_array(a, "a"), real_array(b, "b")
    if a.shape != b.shape:
        raise ShapeError(f"a and b must be grids of one shape, got {a.shape} and {b.shape}")
    return float((a == b).mean())
