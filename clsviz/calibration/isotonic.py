"""Isotonic calibration: the best curve that never falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from clsviz.calibration.binary import hits
from clsviz.calibration.inputs import Array, vector
from clsviz.catalogue import method

ZADROZNY = (
    "Zadrozny and Elkan 2002, Transforming Classifier Scores into Accurate Multiclass Probability "
    "Estimates, KDD"
)


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """A curve through (x, y), level outside."""

    x: Array  # (M,) distinct scores, rising
    y: Array  # (M,) probability of class 1, never falling

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) probabilities of class 1, linear between the x."""
        return np.interp(vector(scores, "scores"), self.x, self.y)


@method(
    kind="calibrator",
    title="Isotonic regression",
    paper=ZADROZNY,
    formula=r"\min_{f \text{ rising}} \sum_i (f(s_i) - y_i)^2",
)
def fit_isotonic(scores: ArrayLike, labels: ArrayLike) -> Isotonic:
    """Pools neighbours until the share of class 1 rises with the score.

    Args:
        scores: (N,) any numbers, higher for class 1; equal ones are averaged first.
        labels: (N,) 0 or 1.

    Raises:
        InputError: bad scores or labels; the message names the argument.
    """
    s = vector(scores, "scores")
    y = hits(labels, len(s))
    x, group, counts = np.unique(s, return_inverse=True, return_counts=True)
    share = np.bincount(group, y) / counts
    return Isotonic(x, isotonic_regression(share, weights=counts).x)


def apply_isotonic(fit: Isotonic, scores: ArrayLike) -> Array:
    """Calibrated probabilities of class 1, (N,); errors as in `fit_isotonic`."""
    return fit.apply(scores)
