"""How far a sample is from where its class ends: searched along a line, and over many samples as a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz.boundary.calling import logits_at
from clsviz.boundary.checks import TINY, integer, positive, real_array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


@method(
    kind="probe",
    title="Distance to the boundary along a direction",
    paper="Fawzi, Moosavi-Dezfooli & Frossard 2017, The Robustness of Deep Networks: A Geometrical "
    "Perspective, doi:10.1109/MSP.2017.2740965",
    formula=r"\min\{t>0:\hat y(x+tu)\ne\hat y(x)\}",
    needs=("model", "X", "directions"),
    t_max=Range(0.1, 100, log=True),
    n_scan=Range(10, 1000, step=10),
)
def boundary_distance_along(
    model: Any,
    X: Any,
    directions: Any,
    *,
    t_max: float = 10.0,
    n_scan: int = 200,
    n_bisect: int = 60,
) -> np.ndarray:
    """How far each sample can go along its direction before its class changes, (N,).

    The line is looked at in `n_scan` equal steps, and the first change is halved down to a point. A region
    thinner than a step is missed, so this is an upper bound.

    Args:
        model: torch module or callable, (N, d) to (N, K) logits.
        X: (N, d). directions: (N, d), scaled to length 1 here.
        t_max: how far to look, in units of the features, > 0.
        n_scan, n_bisect: >= 1.

    Returns:
        The upper end of the last interval; inf where no change was met.

    Raises:
        InputError: a direction of length 0, or an option outside its range.
        ShapeError: X and directions differ in shape.
    """
    X, u = real_array(X, "X", 2), real_array(directions, "directions", 2)
    if u.shape != X.shape:
        raise ShapeError(f"directions must be {X.shape}, one for each sample, got {u.shape}")
    length = np.linalg.norm(u, axis=1, keepdims=True)
    if length.min() < TINY:
        raise InputError(f"directions[{int(length.argmin())}] is zero; it points nowhere")
    u = u / length
    end, scans, halvings = positive(t_max, "t_max"), integer(n_scan, "n_scan"), integer(n_bisect, "n_bisect")
    own = logits_at(model, X).argmax(1)

    def changed(t: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return logits_at(model, X[rows] + t[:, None] * u[rows]).argmax(1) != own[rows]

    low, high = np.zeros(len(X)), np.full(len(X), np.inf)
    left = np.arange(len(X))
    for t in np.linspace(0, end, scans + 1)[1:]:
        met = changed(np.full(len(left), t), left)
        high[left[met]] = t
        left = left[~met]
        if not len(left):
            break
        low[left] = t
    found = np.flatnonzero(np.isfinite(high))
    for _ in range(halvings if len(found) else 0):
        middle = (low[found] + high[found]) / 2
        over = changed(middle, found)
        high[found] = np.where(over, middle, high[found])
        low[found] = np.where(over, low[found], middle)
    return high


@method(
    kind="measure",
    title="Accuracy against radius",
    paper="Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918",
    formula=r"\frac1N\sum_i c_i\,1[d_i>\epsilon]",
    needs=("distances", "correct", "epsilons"),
)
def robust_accuracy_curve(distances: Any, correct: Any, epsilons: Any) -> np.ndarray:
    """Share of samples that are right and stay so within each radius, (E,), never rising with it.

    Distances from attacks make it an upper bound of the true curve, certified radii a lower one: say which.

    Args:
        distances: (N,) to the boundary, >= 0; inf where none was found.
        correct: (N,) bool. epsilons: (E,) radii >= 0.

    Raises:
        InputError: a NaN or negative distance or radius, or `correct` that is not 0 or 1.
        ShapeError: `correct` is not (N,).
    """
    d = np.asarray(distances, np.float64)
    if d.ndim != 1 or not d.size:
        raise ShapeError(f"distances must be (N,) with N >= 1, got {d.shape}")
    if np.isnan(d).any() or d.min() < 0:
        raise InputError("distances must be >= 0 (inf where none was found), without NaN")
    right, radii = real_array(correct, "correct", 1), real_array(epsilons, "epsilons", 1)
    if right.shape != d.shape:
        raise ShapeError(f"correct must be {d.shape}, got {right.shape}")
    if not np.isin(right, (0, 1)).all():
        raise InputError("correct must be True or False for each sample")
    if radii.min() < 0:
        raise InputError(f"epsilons must be >= 0, got {radii.min():g}")
    return ((d > radii[:, None]) & (right == 1)).mean(1)
