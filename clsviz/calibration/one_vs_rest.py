"""Calibrators of two classes, used for more: each class against the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.inputs import Array, as_labels, as_logits
from clsviz.catalogue import method
from clsviz.errors import ShapeError


class Fit(Protocol):
    """A fitted calibrator of two classes."""

    def apply(self, scores: ArrayLike, /) -> Array: ...


@dataclass(frozen=True, slots=True)
class Constant:
    """What is said of a class that had no samples (or all of them): its smoothed share."""

    value: float

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) times the value."""
        return np.full(len(np.asarray(scores)), self.value)


@dataclass(frozen=True, slots=True)
class OneVsRest:
    """One calibrator per class; two classes need only that of the second."""

    fits: tuple[Fit, ...]  # K, or 1 for two classes

    def apply(self, scores: ArrayLike) -> Array:
        """(N, K) probabilities of (N, K) scores; rows sum to 1, a row of zeros becomes uniform."""
        s = as_logits(scores, "scores")
        k = 2 if len(self.fits) == 1 else len(self.fits)
        if s.shape[1] != k:
            raise ShapeError(f"scores must have {k} columns, as those it was fitted to; got {s.shape[1]}")
        if k == 2:
            p = self.fits[0].apply(s[:, 1])
            return np.stack([1 - p, p], 1)
        columns = np.stack([fit.apply(s[:, j]) for j, fit in enumerate(self.fits)], 1)
        total = columns.sum(1, keepdims=True)
        return np.where(total > 0, columns / np.where(total > 0, total, 1), 1 / k)


@method(
    kind="calibrator",
    title="One against the rest",
    paper="Zadrozny and Elkan 2002, Transforming Classifier Scores into Accurate Multiclass Probability "
    "Estimates, KDD",
    formula=r"\frac{f_k(s_k)}{\sum_j f_j(s_j)}",
)
def calibrate_one_vs_rest(
    scores: ArrayLike, labels: ArrayLike, fit: Callable[..., Fit], **params: Any
) -> OneVsRest:
    """Fits a calibrator of two classes to each column; rows are then divided by their sum.

    Args:
        scores: (N, K) columns of what `fit` takes: probabilities, or any scores for Platt and isotonic.
        labels: (N,) integers in 0..K-1; a class without samples gets the constant 1 / (N + 2).
        fit: `fit_platt`, `fit_isotonic`, `fit_histogram_binning`, `fit_beta`, `fit_spline` or `fit_bbq`.
        params: further arguments of `fit`.

    Raises:
        InputError: bad scores or labels, and as in `fit`.
    """
    s = as_logits(scores, "scores")
    y = as_labels(labels, *s.shape)

    def column(j: int) -> Fit:
        hit: NDArray[np.int64] = (y == j).astype(np.int64)
        n1 = int(hit.sum())
        return Constant((n1 + 1) / (len(y) + 2)) if n1 in (0, len(y)) else fit(s[:, j], hit, **params)

    return OneVsRest(tuple(column(j) for j in range(s.shape[1]) if s.shape[1] > 2 or j == 1))
