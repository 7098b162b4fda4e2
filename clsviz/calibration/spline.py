"""Spline calibration: the slope of the smoothed cumulative share of class 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from clsviz.calibration.binary import hits
from clsviz.calibration.inputs import Array, count, vector
from clsviz.catalogue import Range, method


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """A curve through (x, y), level outside."""

    x: Array  # (N,) scores, rising
    y: Array  # (N,) probability of class 1

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) probabilities of class 1, linear between the x; at tied x the mean of their y."""
        x, group = np.unique(self.x, return_inverse=True)
        y = np.bincount(group, self.y) / np.bincount(group)
        return np.interp(vector(scores, "scores"), x, y)


@method(
    kind="calibrator",
    title="Spline calibration",
    paper="Gupta et al. 2021, Calibration of Neural Networks using Splines, arXiv:2006.12800",
    formula=r"\frac{d}{dt} \frac{1}{N} \sum_{i \leq t N} y_{(i)}",
    n_knots=Range(2, 20, step=1),
)
def fit_spline(scores: ArrayLike, labels: ArrayLike, *, n_knots: int = 6) -> Spline:
    """Derivative of a natural cubic spline fitted to the cumulative sum of the labels, sorted by score.

    Args:
        scores: (N,) any numbers; equal ones stay in the order given.
        labels: (N,) 0 or 1.
        n_knots: equally spaced in rank, >= 2; at most N + 1 are used.

    Raises:
        InputError: bad scores, labels or n_knots; the message names the argument.
    """
    s = vector(scores, "scores")
    y = hits(labels, len(s))
    n = len(s)
    order = np.argsort(s, kind="stable")
    t = np.arange(n + 1) / n
    cumulative = np.concatenate([[0.0], np.cumsum(y[order])]) / n
    knots = np.linspace(0, 1, min(count("n_knots", n_knots, least=2), n + 1))
    basis = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")  # value at each knot -> curve
    heights = np.linalg.lstsq(basis(t), cumulative, rcond=None)[0]
    return Spline(s[order], (basis(t[1:], 1) @ heights).clip(0, 1))
