"""Beta calibration: a curve that can bend probabilities of two classes either way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from clsviz.calibration.binary import hits, unit_scores
from clsviz.calibration.inputs import Array
from clsviz.calibration.newton import logistic
from clsviz.catalogue import method

FLOOR = 1e-12  # probabilities are clipped to [FLOOR, 1 - FLOOR] before their logarithm is taken
SIDES = ((0, 1), (0,), (1,), ())  # which of a and b are free; the others are 0

KULL = (
    "Kull et al. 2017, Beta calibration: a well-founded and easily implemented improvement on "
    "logistic calibration for binary classifiers, AISTATS"
)


@dataclass(frozen=True, slots=True)
class Beta:
    """sigmoid(a log p - b log(1 - p) + c); a = b = 1, c = 0 changes nothing."""

    a: float  # >= 0
    b: float  # >= 0
    c: float
    nll: float  # mean, on the data it was fitted to

    def apply(self, probs: ArrayLike) -> Array:
        """(N,) probabilities of class 1."""
        x = _logs(unit_scores(probs, "probs"))
        return expit(x @ np.array([self.a, self.b]) + self.c)


@method(
    kind="calibrator",
    title="Beta calibration",
    paper=KULL,
    formula=r"\sigma(a \log p - b \log(1 - p) + c)",
)
def fit_beta(probs: ArrayLike, labels: ArrayLike) -> Beta:
    """a, b >= 0 and c of least negative log-likelihood.

    Separable data have no optimum: the parameters grow until the likelihood is near 1.

    Args:
        probs: (N,) probabilities of class 1, clipped to [1e-12, 1 - 1e-12].
        labels: (N,) 0 or 1.

    Raises:
        InputError: bad probabilities or labels; the message names the argument.
    """
    p = unit_scores(probs, "probs")
    y = hits(labels, len(p))
    x = _logs(p)
    best = Beta(0.0, 0.0, 0.0, np.inf)
    for free in SIDES:  # the loss is convex: the best fit that keeps the signs is the constrained optimum
        slopes, c, nll = logistic(x[:, free], y)
        if (slopes >= 0).all() and nll < best.nll:
            a, b = (dict(zip(free, slopes, strict=True)).get(i, 0.0) for i in (0, 1))
            best = Beta(float(a), float(b), c, nll)
            if len(free) == 2:
                break
    return best


def apply_beta(fit: Beta, probs: ArrayLike) -> Array:
    """Calibrated probabilities of class 1, (N,); errors as in `fit_beta`."""
    return fit.apply(probs)


def _logs(p: Array) -> Array:
    p = p.clip(FLOOR, 1 - FLOOR)
    return np.column_stack([np.log(p), -np.log1p(-p)])
