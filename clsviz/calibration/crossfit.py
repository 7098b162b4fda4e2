"""Cross-fitting: what a calibrator does to samples it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.binned import ece
from clsviz.calibration.calibrator import calibration
from clsviz.calibration.inputs import Array, as_labels, as_logits, count, softmax
from clsviz.calibration.scores import brier, nll
from clsviz.catalogue import Range, method
from clsviz.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Out-of-fold probabilities, and measures before and after calibration on all samples."""

    probs: Array  # (N, K), each row from a calibrator fitted to the other folds
    fold: NDArray[np.int64]  # (N,) 0..folds-1
    ece_before: float  # top label, 15 bins of equal width
    ece_after: float
    nll_before: float
    nll_after: float
    brier_before: float
    brier_after: float
    accuracy_before: float
    accuracy_after: float


@method(
    kind="measure",
    title="Cross-fitted calibration",
    paper="Platt 1999, Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized "
    "Likelihood Methods, section 2.1",
    folds=Range(2, 20, step=1),
)
def cross_fit(
    name: str, logits: ArrayLike, labels: ArrayLike, *, folds: int = 5, seed: int = 0, **params: Any
) -> CrossFit:
    """Fits a calibrator to all folds but one and applies it to that one, in turn.

    Folds are stratified: each class is dealt out evenly. A class with a single sample is missing where
    that sample is predicted; calibrators of two classes then give it a small constant.

    Args:
        name: of the calibrator, see `Calibrator.names`.
        logits: (N, K) scores; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        folds: number of folds, 2..N.
        seed: of the dealing.
        params: parameters of the calibrator.

    Raises:
        InputError: an unknown name or parameter, bad logits or labels, or folds outside 2..N.
    """
    row = calibration(name, params)
    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    folds = count("folds", folds, least=2)
    if folds > len(y):
        raise InputError(f"folds must be at most the {len(y)} samples, got {folds}")
    fold = stratified_folds(y, folds, count("seed", seed, least=0))
    probs = np.empty_like(z)
    for held_out in range(folds):
        inside, outside = fold != held_out, fold == held_out
        probs[outside] = row.applied(row.fitted(z[inside], y[inside], **params), z[outside])
    before = softmax(z)
    return CrossFit(
        probs=probs,
        fold=fold,
        ece_before=ece(before, y),
        ece_after=ece(probs, y),
        nll_before=nll(z, y, kind="logits"),
        nll_after=nll(probs, y),
        brier_before=brier(before, y),
        brier_after=brier(probs, y),
        accuracy_before=float((z.argmax(1) == y).mean()),
        accuracy_after=float((probs.argmax(1) == y).mean()),
    )


def stratified_folds(labels: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """(N,) fold of each sample; folds differ by at most one sample, in total and in each class."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[by_class] = np.arange(len(labels)) % folds
    return fold
