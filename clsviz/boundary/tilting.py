"""Boundary tilting: how far a linear boundary leans away from the line between the class centroids.

Notation of every function here: i and j are the centroids of class 0 and 1, D their distance,
z = (j - i) / D, and d(x) = (w.x + b) / |w| the signed distance of x to the boundary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.boundary.checks import (
    binary_samples,
    real_array,
    real_number,
    unit,
    vector_of,
)
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

TANAY = "Tanay & Griffin 2016, arXiv:1608.07690"


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The classifier that predicts class 1 where w.x + b > 0."""

    w: np.ndarray  # (d,)
    b: float
    distance: float = math.nan  # between the class centroids, for the nearest-centroid classifier


@dataclass(frozen=True, slots=True, eq=False)
class TiltBasis:
    """The plane in which a boundary is tilted."""

    z: np.ndarray  # (d,) unit, from the centroid of class 0 to that of class 1
    n: np.ndarray  # (d,) unit, orthogonal to z, the direction towards which w leans
    coords: np.ndarray  # (N, 2) of the samples along z and n (not centred)
    theta: float  # angle of w in this plane, radians in (0, pi)


def _centroids(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return X[y == 0].mean(0), X[y == 1].mean(0)


def _between_centroids(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    i, j = _centroids(X, y)
    return unit(j - i, "the vector between the class centroids of X")


def _signed_distance(X: np.ndarray, w: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """d(x) for each row of X, and the unit normal."""
    w = vector_of(w, "w", X.shape[1])
    w_unit = unit(w, "w")
    return (X @ w + real_number(b, "b")) / np.linalg.norm(w), w_unit


@method(
    kind="probe",
    title="Nearest-centroid classifier",
    paper=TANAY + ", section 4",
    formula=r"w=\frac{j-i}{\lVert j-i\rVert},\quad b=-w\cdot\frac{i+j}{2}",
    needs=("X", "y"),
)
def nearest_centroid_classifier(X: Any, y: Any) -> Linear:
    """The untilted reference: the boundary half-way between the class centroids.

    Args:
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.

    Returns:
        Linear with |w| = 1 and `distance` = D, in units of X.

    Raises:
        InputError: the centroids coincide, or a class is absent.
    """
    X, y = binary_samples(X, y)
    i, j = _centroids(X, y)
    z = _between_centroids(X, y)
    return Linear(z, float(-z @ (i + j) / 2), float(np.linalg.norm(j - i)))


@method(
    kind="measure",
    title="Deviation angle",
    paper=TANAY + ", section 4",
    formula=r"\theta=\arccos\frac{w\cdot(j-i)}{\lVert w\rVert\,\lVert j-i\rVert}",
    needs=("w", "X", "y"),
    degrees=(False, True),
)
def deviation_angle(w: Any, X: Any, y: Any, *, degrees: bool = False) -> float:
    """Angle between a linear classifier's normal and the line through the class centroids.

    It depends neither on the length of w nor on the bias.

    Args:
        w: (d,) normal, not zero.
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.
        degrees: degrees in [0, 180] instead of radians in [0, pi].

    Raises:
        InputError: w is zero, the centroids coincide, or a class is absent.
    """
    X, y = binary_samples(X, y)
    w_unit = unit(vector_of(w, "w", X.shape[1]), "w")
    angle = math.acos(float(np.clip(w_unit @ _between_centroids(X, y), -1.0, 1.0)))
    return math.degrees(angle) if degrees else angle


def projected_image(X: Any, w: Any, b: float) -> np.ndarray:
    """Each sample's nearest point on the boundary, x - d(x) w/|w|, (N, d).

    Raises:
        InputError: w is zero.
    """
    X = real_array(X, "X", 2)
    distance, w_unit = _signed_distance(X, w, b)
    return X - distance[:, None] * w_unit


def mirror_image(X: Any, w: Any, b: float) -> np.ndarray:
    """Each sample reflected at the boundary, x - 2 d(x) w/|w|, (N, d); its score changes sign.

    Raises:
        InputError: w is zero.
    """
    X = real_array(X, "X", 2)
    distance, w_unit = _signed_distance(X, w, b)
    return X - 2 * distance[:, None] * w_unit


@method(
    kind="measure",
    title="Adversarial distance",
    paper="Tanay & Griffin 2018, arXiv:1806.11186, section 2",
    formula=r"d_{adv}=\tfrac12\lVert j-i\rVert\cos\theta",
    needs=("w", "b", "X", "y"),
    balanced=(True, False),
)
def adversarial_distance(w: Any, b: float, X: Any, y: Any, *, balanced: bool = True) -> float:
    """Mean signed distance of the samples to the boundary, positive on their own side.

    Balanced it equals D cos(theta) / 2 exactly and does not depend on b.

    Args:
        w, b: (d,) normal, not zero, and bias.
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.
        balanced: mean of the two class means instead of the plain mean over samples.

    Returns:
        Distance in units of X; negative when most samples lie on the wrong side.

    Raises:
        InputError: w is zero, or a class is absent.
    """
    X, y = binary_samples(X, y)
    distance, _ = _signed_distance(X, w, b)
    margin = (2 * y - 1) * distance
    if not balanced:
        return float(margin.mean())
    return float((margin[y == 0].mean() + margin[y == 1].mean()) / 2)


@method(
    kind="measure",
    title="Adversarial strength",
    paper=TANAY + ", section 4",
    formula=r"\frac{\lVert j-i\rVert}{\sqrt{m_i m_j}},\quad m_c=2\,|d(c)|",
    needs=("w", "b", "X", "y"),
)
def adversarial_strength(w: Any, b: float, X: Any, y: Any) -> float:
    """How much nearer each centroid's mirror image is than the other centroid.

    1 / |cos theta| when the boundary runs through the midpoint of the centroids, so it starts at
    1 and grows without bound as the boundary tilts towards the data.

    Args:
        w, b: (d,) normal, not zero, and bias.
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.

    Returns:
        Pure number > 0; inf when a centroid lies on the boundary.

    Raises:
        InputError: w is zero, the centroids coincide, or a class is absent.
    """
    X, y = binary_samples(X, y)
    i, j = _centroids(X, y)
    _between_centroids(X, y)
    distance, _ = _signed_distance(np.stack([i, j]), w, b)
    D = float(np.linalg.norm(j - i))
    mirrors = 2 * np.abs(distance)
    if mirrors.min() <= 1e-12 * D:  # on the boundary up to rounding
        return math.inf
    return D / math.sqrt(mirrors.prod())


@method(
    kind="probe",
    title="Tilting basis",
    paper=TANAY + ", section 4",
    formula=r"n\propto\hat w-(\hat w\cdot z)\,z,\ \theta=\operatorname{atan2}(\hat w\cdot n,\hat w\cdot z)",
    needs=("w", "X", "y"),
)
def tilting_basis(w: Any, X: Any, y: Any) -> TiltBasis:
    """The plane spanned by the line between the centroids and the normal w, and w's angle in it.

    Args:
        w: (d,) normal, not zero.
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.

    Raises:
        InputError: w is zero or parallel to the line between the centroids (then no tilt direction
            is defined; any direction of low variance will do for display), the centroids coincide,
            or a class is absent.
    """
    X, y = binary_samples(X, y)
    w_unit = unit(vector_of(w, "w", X.shape[1]), "w")
    z = _between_centroids(X, y)
    lean = w_unit - (w_unit @ z) * z
    if np.linalg.norm(lean) < 1e-9:
        raise InputError(
            "w is parallel to the line between the class centroids, so it leans in no direction; "
            "choose a direction of low variance to tilt towards"
        )
    n = unit(lean, "w")
    return TiltBasis(z, n, X @ np.stack([z, n], axis=1), math.atan2(w_unit @ n, w_unit @ z))


@method(
    kind="probe",
    title="Tilted classifier",
    paper=TANAY + ", section 4",
    formula=r"w=\cos\theta\,z+\sin\theta\,n,\quad b=-w\cdot m",
    needs=("z", "n", "theta", "midpoint"),
    theta=Range(-math.pi, math.pi, unit="radians"),
)
def tilted_classifier(z: Any, n: Any, theta: float, midpoint: Any) -> Linear:
    """The boundary through a point, turned by theta from z towards n.

    Args:
        z, n: (d,) orthonormal directions, as `tilting_basis` gives them.
        theta: radians; 0 is the untilted boundary.
        midpoint: (d,) point on the boundary.

    Raises:
        ShapeError: the vectors differ in length.
    """
    z = real_array(z, "z", 1)
    n, midpoint = vector_of(n, "n", len(z)), vector_of(midpoint, "midpoint", len(z))
    theta = real_number(theta, "theta")
    w = math.cos(theta) * z + math.sin(theta) * n
    return Linear(w, float(-w @ midpoint))
