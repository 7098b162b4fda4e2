"""How far a sample is from where its class ends: searched along a line or by PGD; and of many, a curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from clsviz.boundary.attacks import Ascent, loss_slope
from clsviz.boundary.calling import logits_at, tensor_like, with_gradient
from clsviz.boundary.checks import TINY, class_labels, integer, real_array
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
    t_max: Any = 10.0,
    n_scan: int = 200,
    n_bisect: int = 60,
) -> np.ndarray:
    """How far each sample can go along its direction before its class changes, (N,).

    The line is looked at in `n_scan` equal steps, and the first change is halved down to a point. A region
    thinner than a step is missed, so this is an upper bound.

    Args:
        model: torch module or callable, (N, d) to (N, K) logits.
        X: (N, d). directions: (N, d), scaled to length 1 here.
        t_max: how far to look, in units of the features, > 0; a number, or (N,) one for each sample.
        n_scan, n_bisect: >= 1.

    Returns:
        The upper end of the last interval; inf where no change was met.

    Raises:
        InputError: a direction of length 0, or an option outside its range.
        ShapeError: X and directions differ in shape, or t_max is neither a number nor (N,).
    """
    X, u = real_array(X, "X", 2), real_array(directions, "directions", 2)
    if u.shape != X.shape:
        raise ShapeError(f"directions must be {X.shape}, one for each sample, got {u.shape}")
    length = np.linalg.norm(u, axis=1, keepdims=True)
    if length.min() < TINY:
        raise InputError(f"directions[{int(length.argmin())}] is zero; it points nowhere")
    u = u / length
    own = logits_at(model, X).argmax(1)

    def changed(rows: np.ndarray, t: np.ndarray) -> np.ndarray:
        return logits_at(model, X[rows] + t[:, None] * u[rows]).argmax(1) != own[rows]

    return _first_change(
        changed, _ends(t_max, len(X)), integer(n_scan, "n_scan"), integer(n_bisect, "n_bisect")
    )


@dataclass(frozen=True, slots=True, eq=False)
class OtherCall:
    """For each sample the nearest one that a classifier calls otherwise."""

    index: np.ndarray  # (N,) int64 rows of the pool; -1 where all are called alike
    distance: np.ndarray  # (N,) Euclidean; inf there


def nearest_other_call(X: Any, calls: Any, pool: Any, pool_calls: Any) -> OtherCall:
    """The nearest sample of a pool that is called otherwise: on the line to it a boundary must be met.

    Args:
        X: (N, d). calls: (N,) what the classifier calls them.
        pool: (M, d). pool_calls: (M,) likewise.

    Returns:
        OtherCall; of several that are as near the first.

    Raises:
        InputError: a call that is no integer >= 0.
        ShapeError: shapes do not fit.
    """
    X, pool = real_array(X, "X", 2), real_array(pool, "pool", 2)
    if pool.shape[1] != X.shape[1]:
        raise ShapeError(f"pool must have the {X.shape[1]} features of X, got {pool.shape}")
    most = np.iinfo(np.int64).max
    own, others = class_labels(calls, "calls", most), class_labels(pool_calls, "pool_calls", most)
    if own.shape != X.shape[:1] or others.shape != pool.shape[:1]:
        raise ShapeError(
            f"calls and pool_calls must be ({len(X)},) and ({len(pool)},), got {own.shape} and {others.shape}"
        )
    apart = np.where(own[:, None] == others, np.inf, cdist(X, pool))
    index = apart.argmin(1)
    distance = apart[np.arange(len(X)), index]
    return OtherCall(np.where(np.isinf(distance), -1, index), distance)


@method(
    kind="probe",
    title="Distance towards a sample called otherwise",
    paper="Brendel, Rauber & Bethge 2018, arXiv:1712.04248, where such a line is what the attack begins with",
    formula=r"\min\{t>0:\hat y(x+tu)\ne\hat y(x)\},\quad u\propto x'-x",
    needs=("model", "X", "pool"),
    n_scan=Range(10, 1000, step=10),
)
def distance_to_other_call(
    model: Any, X: Any, pool: Any, *, n_scan: int = 200, n_bisect: int = 60
) -> np.ndarray:
    """How far each sample can go towards the nearest one of a pool that is called otherwise, (N,).

    As `boundary_distance_along`, as far as that sample: on the way a boundary must be met, but there may be
    nearer ones elsewhere, so this is an upper bound.

    Args:
        model: torch module or callable, (N, d) to (N, K) logits.
        X: (N, d). pool: (M, d).
        n_scan, n_bisect: >= 1.

    Returns:
        Euclidean distances; inf where all of the pool is called as the sample is.

    Raises:
        InputError: an option outside its range.
        ShapeError: X and pool differ in their features.
    """
    X, pool = real_array(X, "X", 2), real_array(pool, "pool", 2)
    other = nearest_other_call(X, logits_at(model, X).argmax(1), pool, logits_at(model, pool).argmax(1))
    out = np.full(len(X), np.inf)
    there = np.flatnonzero(other.index >= 0)
    if len(there):
        directions, ends = pool[other.index[there]] - X[there], other.distance[there]
        out[there] = boundary_distance_along(
            model, X[there], directions, t_max=ends, n_scan=n_scan, n_bisect=n_bisect
        )
    return out


@method(
    kind="probe",
    title="Distance found by PGD",
    paper="Madry et al. 2018, arXiv:1706.06083; halved down as by Carlini & Wagner 2017, arXiv:1608.04644",
    formula=r"\min\{\epsilon:\hat y(\mathrm{PGD}_\epsilon(x))\ne\hat y(x)\}",
    needs=("model", "X"),
    t_max=Range(0.1, 100, log=True),
    n_scan=Range(1, 100, step=1),
    n_bisect=Range(1, 60, step=1),
    steps=Range(1, 100, step=1),
)
def pgd_distance(
    model: Any, X: Any, *, t_max: Any = 10.0, n_scan: int = 8, n_bisect: int = 12, steps: int = 20
) -> np.ndarray:
    """The smallest radius at which `pgd` in the Euclidean norm changes each sample's class, (N,).

    It climbs the cross-entropy of the class called, whatever the label. Radii are tried in `n_scan` equal
    steps, and the first that succeeds is halved down. Another start or more steps may find less, so this is
    an upper bound; where the probability called is rounded to 1 the slope is 0, and nothing is found.

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        X: (N, d).
        t_max: the largest radius tried, in units of the features, > 0; a number, or (N,).
        n_scan, n_bisect, steps: >= 1; `steps` of PGD, each of 2.5 radius / steps.

    Returns:
        The upper end of the last interval; inf where no radius tried succeeds.

    Raises:
        InputError: an option outside its range.
        ShapeError: t_max is neither a number nor (N,).
    """
    X = real_array(X, "X", 2)
    ends, count = _ends(t_max, len(X)), integer(steps, "steps")
    with with_gradient(model) as logits_of:
        x0 = torch.from_numpy(np.ascontiguousarray(X)).to(tensor_like(model).device)
        own = logits_of(x0).detach().argmax(1)

        def changed(rows: np.ndarray, t: np.ndarray) -> np.ndarray:
            place = torch.from_numpy(rows).to(x0.device)
            radius = torch.from_numpy(t)[:, None].to(x0.device)
            ascent = Ascent(radius, "l2", count, 2.5 * radius / count, None)
            moved = ascent.run(x0[place], loss_slope(logits_of, own[place]))
            return (logits_of(moved).detach().argmax(1) != own[place]).cpu().numpy()

        return _first_change(changed, ends, integer(n_scan, "n_scan"), integer(n_bisect, "n_bisect"))


def _ends(t_max: Any, n: int) -> np.ndarray:
    """(n,) how far to look, from one number or one for each."""
    ends = real_array(t_max, "t_max")
    if ends.shape not in ((), (n,)):
        raise ShapeError(f"t_max must be a number or ({n},), one for each sample, got {ends.shape}")
    if ends.min() <= 0:
        raise InputError(f"t_max must be > 0, got {ends.min():g}")
    return np.broadcast_to(ends, (n,))


def _first_change(
    changed: Callable[[np.ndarray, np.ndarray], np.ndarray], ends: np.ndarray, scans: int, halvings: int
) -> np.ndarray:
    """The first of `scans` equal steps to each end at which a sample has changed, halved down; else inf.

    `changed` tells of rows (n,) and how far each has gone (n,) which have.
    """
    low, high = np.zeros(len(ends)), np.full(len(ends), np.inf)
    left = np.arange(len(ends))
    for share in np.linspace(0, 1, scans + 1)[1:]:
        t = share * ends[left]
        met = changed(left, t)
        high[left[met]] = t[met]
        low[left[~met]] = t[~met]
        left = left[~met]
        if not len(left):
            break
    found = np.flatnonzero(np.isfinite(high))
    for _ in range(halvings if len(found) else 0):
        middle = (low[found] + high[found]) / 2
        over = changed(found, middle)
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
