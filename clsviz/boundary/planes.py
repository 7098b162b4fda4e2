"""Planes through input space: the sheets of paper on which a boundary is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.boundary.checks import TINY, real_array, unit, vector_of
from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError


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
    u, v = (axis * np.sign(axis[np.argmax(np.abs(axis))]) for axis in axes[:2])
    return Plane(mean, u, v, explained=s[:2] ** 2 / (s**2).sum())


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
