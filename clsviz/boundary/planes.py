"""Planes through input space: the sheets of paper on which a boundary is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from torch import nn

from clsviz.boundary.attacks import deepfool
from clsviz.boundary.calling import logits_at
from clsviz.boundary.checks import TINY, class_labels, integer, not_negative, real_array, unit, vector_of
from clsviz.boundary.distances import boundary_distance_along, nearest_other_call
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

LDA_RIDGE = 1e-3  # of the mean variance: pixels that never vary leave the covariance singular
LEAST_SPREAD = 1e-10  # of the first discriminant's: class means as good as on one line
ON_A_LINE = 1e-9  # of the whole spread: what solving for the discriminant leaves across it by rounding


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane in R^d with an orthonormal basis; fields that its maker does not give are None."""

    origin: np.ndarray  # (d,)
    u: np.ndarray  # (d,) first axis, length 1
    v: np.ndarray  # (d,) second axis, length 1, orthogonal to u
    coords: np.ndarray | None = None  # (3, 2) plane coordinates of the three points it goes through
    explained: np.ndarray | None = None  # (2,) shares of the variance along u and v, in [0, 1]


@method(
    kind="probe",
    title="Plane through three samples",
    paper="Somepalli et al. 2022, arXiv:2203.08124, section 3",
    formula=r"u=\frac{b-a}{\lVert b-a\rVert},\quad v\propto(c-a)-((c-a)\cdot u)\,u",
    needs=("a", "b", "c"),
)
def plane_from_points(a: Any, b: Any, c: Any) -> Plane:
    """The plane through three samples: origin a, first axis towards b, c on the positive side.

    Args:
        a, b, c: (d,) points, d >= 2.

    Returns:
        Plane with `coords` = the plane coordinates of a, b and c.

    Raises:
        ShapeError: the points differ in length or are no vectors.
        InputError: two points are equal, or the three lie on one line.
    """
    a = real_array(a, "a", 1)
    b, c = vector_of(b, "b", len(a)), vector_of(c, "c", len(a))
    u = unit(b - a, "b - a (the points a and b are equal)")
    to_c = c - a
    across = to_c - (to_c @ u) * u
    across -= (across @ u) * u  # once more: rounding leaves a part along u when c is near the line
    if np.linalg.norm(across) < TINY * max(1.0, float(np.linalg.norm(to_c))):
        raise InputError("c lies on the line through a and b; choose three points that span a plane")
    v = unit(across, "c")
    coords = np.array([[p @ u, p @ v] for p in (a - a, b - a, to_c)])
    return Plane(a, u, v, coords=coords)


@method(
    kind="probe",
    title="PCA plane",
    paper="Pearson 1901, doi:10.1080/14786440109462720",
    formula=r"X-\bar x=U\Sigma V^\top,\quad u=V_1,\ v=V_2",
    needs=("X",),
)
def pca_plane(X: Any) -> Plane:
    """The plane through the mean along the two directions of largest variance.

    The sign of each axis is fixed: its entry of largest magnitude is positive.

    Args:
        X: (N, d) samples, N >= 3, d >= 2, any unit.

    Returns:
        Plane with `explained` = the two shares of the total variance.

    Raises:
        ShapeError: N < 3 or d < 2.
        InputError: the samples lie on one line (rank below 2).
    """
    X = real_array(X, "X", 2)
    if X.shape[0] < 3 or X.shape[1] < 2:
        raise ShapeError(f"X must have at least 3 rows and 2 columns for a plane, got shape {X.shape}")
    mean = X.mean(0)
    _, s, axes = np.linalg.svd(X - mean, full_matrices=False)
    # the centred data carry rounding of the size of X itself, hence the second term
    noise = np.finfo(float).eps * max(X.shape) * max(s[0], float(np.abs(X).max()))
    if s[1] <= noise:
        raise InputError("X has rank below 2: its samples lie on one line, so they span no plane")
    u, v = map(_upright, axes[:2])
    return Plane(mean, u, v, explained=s[:2] ** 2 / (s**2).sum())


@method(
    kind="probe",
    title="Discriminant plane",
    paper="Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x; Rao 1948",
    formula=r"S_b\,w=\lambda\,(S_w+r\,\bar s^2 I)\,w",
    needs=("X", "y"),
    ridge=Range(0, 1),
)
def lda_plane(X: Any, y: Any, *, ridge: float = LDA_RIDGE) -> Plane:
    """The plane through the mean in which the class means lie farthest apart, in units of the spread within.

    It holds the first two directions of linear discriminant analysis. Two classes (or class means on one
    line) have one such direction: the second axis then is the direction of largest variance across it.
    Axes are orthonormal and signed as those of `pca_plane`: u along the first discriminant, v what the
    second adds.

    Args:
        X: (N, d) samples, N >= 3, d >= 2. y: (N,) int labels >= 0, two classes or more.
        ridge: added to the covariance within the classes, as a share of its mean variance, >= 0.

    Returns:
        Plane with `explained` = shares of the total variance along u and v.

    Raises:
        ShapeError: N < 3, d < 2, or y is not (N,).
        InputError: one class, `ridge` < 0, equal class means, a singular covariance without ridge, or
            samples on one line.
    """
    X, share = real_array(X, "X", 2), not_negative(ridge, "ridge")
    if X.shape[0] < 3 or X.shape[1] < 2:
        raise ShapeError(f"X must have at least 3 rows and 2 columns for a plane, got shape {X.shape}")
    y = class_labels(y, "y", np.iinfo(np.int64).max)
    if y.shape != (len(X),):
        raise ShapeError(f"y must be ({len(X)},), a label for each row of X, got {y.shape}")
    classes, y = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise InputError("y holds one class; directions that tell classes apart need two")
    n, d = X.shape
    mean = X.mean(0)
    means = np.stack([X[y == k].mean(0) for k in range(len(classes))])
    centred, within = X - mean, (X - means[y]).T @ (X - means[y]) / n
    within += share * np.trace(within) / d * np.eye(d)
    between = np.sqrt(np.bincount(y) / n)[:, None] * (means - mean)  # (K, d), S_b is its square
    if np.abs(between).max() < TINY:
        raise InputError("the class means are equal, so that no direction tells the classes apart")
    try:
        whitened = cho_solve(cho_factor(within), between.T)  # (d, K)
    except np.linalg.LinAlgError:
        raise InputError("the covariance within the classes is singular; use a ridge above 0") from None
    values, vectors = eigh(between @ whitened)
    u = _upright(unit(whitened @ vectors[:, -1], "the first discriminant"))
    if len(classes) > 2 and values[-2] > LEAST_SPREAD * values[-1]:
        second = whitened @ vectors[:, -2]
    else:
        across = centred - np.outer(centred @ u, u)
        _, spread, axes = np.linalg.svd(across, full_matrices=False)
        second = axes[0]
        if spread[0] <= ON_A_LINE * np.linalg.norm(centred):
            raise InputError("X has rank below 2: its samples lie on one line, so they span no plane")
    second = second - (second @ u) * u
    v = _upright(unit(second - (second @ u) * u, "the second discriminant"))
    shares = ((centred @ np.stack([u, v], axis=1)) ** 2).sum(0) / (centred**2).sum()
    return Plane(mean, u, v, explained=shares)


@dataclass(frozen=True, slots=True, eq=False)
class AttackPlane:
    """The way of an attack on one sample, and a plane through it."""

    plane: Plane  # `coords` are those of the sample, of the end of the attack, and of the neighbour
    path: np.ndarray  # (T + 1, d) the sample and the T points of the attack
    coords: np.ndarray  # (T + 1, 2) of the path in the plane
    distance: float  # Euclidean, from the first to the last
    called: tuple[int, int]  # what the model says of the first and of the last
    neighbour: int  # row of X that the second axis points to

    @property
    def success(self) -> bool:
        """Whether the class changed."""
        return self.called[0] != self.called[1]


@method(
    kind="probe",
    title="Plane along an attack",
    paper="Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv:1511.04599; planes through three "
    "samples: Somepalli et al. 2022, arXiv:2203.08124",
    formula=r"u\propto x_T-x_0,\quad v\propto(x_j-x_0)-((x_j-x_0)\cdot u)\,u",
    needs=("model", "x", "X", "y"),
    max_iter=Range(1, 100, step=1),
    overshoot=Range(0, 0.1),
)
def attack_plane(
    model: Any, x: Any, X: Any, y: Any, *, max_iter: int = 50, overshoot: float = 0.02
) -> AttackPlane:
    """The plane from a sample along DeepFool's attack on it, and towards the class that the attack reaches.

    The first axis points at the end of the attack, the second at the nearest sample of the class that the
    model calls it: where the class that was reached really lies. DeepFool has no radius to choose and ends
    just beyond the boundary. A model without slopes is walked straight towards the nearest row of X that it
    calls otherwise, as far as its class changes: one step, as `distance_to_other_call` measures it.

    Args:
        model: torch module, (N, d) to (N, K) logits, left as found; or a callable that does the same.
        x: (d,) the sample, d >= 2. X: (N, d) samples for the second axis. y: (N,) their int labels.
        max_iter, overshoot: of `deepfool`.

    Raises:
        InputError: the attack does not move the sample (slopes of zero, or all of X is called as it is), or
            no sample of X spans a plane with it.
        ShapeError: shapes do not fit.
    """
    x = real_array(x, "x", 1)
    X, y = real_array(X, "X", 2), class_labels(y, "y", np.iinfo(np.int64).max)
    if X.shape[1] != len(x) or y.shape != (len(X),):
        raise ShapeError(f"X must be (N, {len(x)}) with y (N,), got {X.shape} and {y.shape}")
    max_iter = integer(max_iter, "max_iter")
    if isinstance(model, nn.Module):
        steps = _deepfool_steps(model, x, max_iter, overshoot)
    else:
        steps = _straight_step(model, x, X)
    path = np.stack([x, *steps])
    first, last = (int(k) for k in logits_at(model, path[[0, -1]]).argmax(1))
    apart = ((X - x) ** 2).sum(1)
    # the class that was reached first, then the others: one of them spans a plane
    for row in np.lexsort((apart, y != last)):
        try:
            plane = plane_from_points(x, path[-1], X[row])
        except InputError:
            continue
        coords = plane_project(plane, path)
        distance = float(np.linalg.norm(path[-1] - x))
        return AttackPlane(plane, path, coords, distance, (first, last), int(row))
    raise InputError("all rows of X lie on the line of the attack; it needs a sample beside it")


def _deepfool_steps(model: nn.Module, x: np.ndarray, max_iter: int, overshoot: float) -> list[np.ndarray]:
    whole = deepfool(model, x[None], max_iter=max_iter, overshoot=overshoot)
    steps = [
        deepfool(model, x[None], max_iter=i, overshoot=overshoot).adversarial[0]
        for i in range(1, int(whole.iterations[0]) + 1)
    ]
    if not steps:
        raise InputError("the model's logits have no slope at x, so that no attack leads anywhere")
    return steps


def _straight_step(model: Any, x: np.ndarray, X: np.ndarray) -> list[np.ndarray]:
    calls = logits_at(model, np.vstack([x[None], X])).argmax(1)
    other = nearest_other_call(x[None], calls[:1], X, calls[1:])
    if other.index[0] < 0:
        raise InputError("the model calls all of X as it calls x, so that no attack leads anywhere")
    towards = unit(X[other.index[0]] - x, "the way to the nearest sample called otherwise")
    reach = boundary_distance_along(model, x[None], towards[None], t_max=other.distance)
    return [x + float(reach[0]) * towards]


def _upright(axis: np.ndarray) -> np.ndarray:
    """The axis or its opposite, so that its entry of largest magnitude is positive."""
    return axis * np.sign(axis[np.argmax(np.abs(axis))])


def plane_project(plane: Plane, X: Any) -> np.ndarray:
    """Plane coordinates (N, 2) of the samples X (N, d); what lies off the plane is dropped.

    Raises:
        ShapeError: X does not have the d columns of the plane.
    """
    X = real_array(X, "X", 2)
    if X.shape[1] != len(plane.origin):
        raise ShapeError(f"X has {X.shape[1]} columns, the plane lies in {len(plane.origin)} dimensions")
    return (X - plane.origin) @ np.stack([plane.u, plane.v], axis=1)


def plane_lift(plane: Plane, coords: Any) -> np.ndarray:
    """The points (N, d) of input space that have the plane coordinates (N, 2).

    Raises:
        ShapeError: coords is not (N, 2).
    """
    coords = real_array(coords, "coords", 2)
    if coords.shape[1] != 2:
        raise ShapeError(f"coords must be (N, 2), got shape {coords.shape}")
    return plane.origin + coords @ np.stack([plane.u, plane.v])
