"""Platt scaling: a logistic curve through the scores of two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from clsviz.calibration.binary import hits
from clsviz.calibration.inputs import Array, vector
from clsviz.calibration.newton import logistic
from clsviz.catalogue import method
from clsviz.errors import InputError


@dataclass(frozen=True, slots=True)
class Platt:
    """sigmoid(slope * score + intercept)."""

    slope: float
    intercept: float

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) probabilities of class 1."""
        return expit(self.slope * vector(scores, "scores") + self.intercept)


@method(
    kind="calibrator",
    title="Platt scaling",
    paper="Platt 1999, Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized "
    "Likelihood Methods",
    formula=r"\sigma(a s + b)",
)
def fit_platt(scores: ArrayLike, labels: ArrayLike, *, smooth_targets: bool = True) -> Platt:
    """Slope and intercept of least log loss.

    Without smoothing, separable scores have no optimum: the slope grows until the loss is near 0.

    Args:
        scores: (N,) any numbers, higher for class 1.
        labels: (N,) 0 or 1; both occur.
        smooth_targets: aim at (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0.

    Raises:
        InputError: bad scores or labels, or labels of one class only.
    """
    s = vector(scores, "scores")
    y = hits(labels, len(s))
    n1 = y.sum()
    n0 = len(y) - n1
    if 0 in (n0, n1):
        raise InputError(f"labels are all {int(y[0])}; Platt scaling needs samples of both classes")
    targets = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2)) if smooth_targets else y
    (slope,), intercept, _ = logistic(s[:, None], targets)
    return Platt(float(slope), intercept)
