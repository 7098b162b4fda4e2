"""The convex hull of a ROC curve: what thresholds and coin flips together can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.catalogue import method
from clsviz.data import checks
from clsviz.errors import InputError, ShapeError

TIE = 1e-12  # heights that differ by no more are equal


@dataclass(frozen=True, slots=True, eq=False)
class RocHull:
    """Upper convex hull of points in the ROC plane, from (0, 0) to (1, 1)."""

    fpr: np.ndarray  # (H,) float64, ascending, in [0, 1]
    tpr: np.ndarray  # (H,) float64, ascending, in [0, 1]
    auc: float  # area under the hull, in [0.5, 1]


@method(
    kind="transform",
    title="Convex hull of a ROC curve",
    paper="Provost & Fawcett 2001, Robust classification for imprecise environments, arXiv:cs/0009007",
    needs=("fpr", "tpr"),
)
def roc_hull(fpr: Any, tpr: Any) -> RocHull:
    """Upper convex hull of ROC points with (0, 0) and (1, 1) added, and the area under it.

    Points on a straight edge are dropped; at fpr = 0 the highest point stays next to (0, 0).

    Args:
        fpr: (N,) false positive rates in [0, 1], in any order.
        tpr: (N,) true positive rates in [0, 1].

    Raises:
        ShapeError: the two differ in length, or are empty.
        InputError: a rate is outside [0, 1] or NaN.
    """
    x, y = checks.floats(fpr, "fpr", "(N,)"), checks.floats(tpr, "tpr", "(N,)")
    if x.shape != y.shape:
        raise ShapeError(f"fpr and tpr must be of one length, but have {len(x)} and {len(y)} entries")
    for name, rates in (("fpr", x), ("tpr", y)):
        if rates.min() < 0 or rates.max() > 1:
            raise InputError(f"{name} must lie in [0, 1], but spans {rates.min():g} to {rates.max():g}")
    hull: list[tuple[float, float]] = []
    for point in sorted([(0.0, 0.0), (1.0, 1.0), *zip(x.tolist(), y.tolist(), strict=True)]):
        while len(hull) > 1 and _under(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    hx, hy = np.array(hull).T
    return RocHull(hx, hy, float(np.trapezoid(hy, hx)))


def _under(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    """Whether `middle` lies on or below the line from `left` to `right`."""
    width = right[0] - left[0]
    rise = (right[1] - left[1]) * (middle[0] - left[0])
    return (middle[1] - left[1]) * width <= rise + TIE * width
