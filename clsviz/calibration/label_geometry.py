"""Prediction where some labels are closer to each other than others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.inputs import as_array, as_labels, probs_of
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

TIE = 1e-12  # of the largest cost: costs closer than this are equal


@method(
    kind="calibrator",
    title="Loki: prediction by label distance",
    paper="Roberts et al. 2023, Geometry-Aware Adaptation for Pretrained Models, arXiv:2307.12226",
    formula=r"\arg\min_y \sum_j p_j\, d(y, \lambda_j)^2",
    power=Range(0.5, 4),
)
def loki_predict(
    x: ArrayLike,
    distance: ArrayLike,
    *,
    kind: str = "probs",
    observed: ArrayLike | None = None,
    power: float = 2,
) -> NDArray[np.int64]:
    """The label with the least expected distance, (N,) int64; it may be one that was never trained.

    Where all labels are equally far apart this is the largest probability. Ties go to the lowest
    label.

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        distance: (L, L) of each label to each, >= 0, L >= 1.
        observed: (K,) label of each column of x, in 0..L-1; None: column j is label j.
        power: of the distance in the mean, > 0.

    Raises:
        InputError: bad probabilities, distances, labels or power; the message names the argument.
    """
    probs = probs_of(x, kind)
    d = as_array(distance, "distance")
    if d.ndim != 2 or d.shape[0] != d.shape[1]:
        raise ShapeError(f"distance must be (L, L), got {d.shape}")
    if d.min() < 0:
        raise InputError(f"distance must be >= 0, got {d.min():g}")
    if not 0 < power < np.inf:
        raise InputError(f"power must be > 0 and finite, got {power!r}")
    k, n_labels = probs.shape[1], len(d)
    if observed is None and k > n_labels:
        raise InputError(f"distance is of {n_labels} labels, fewer than the {k} columns of x; give all")
    columns = np.arange(k) if observed is None else as_labels(observed, k, n_labels, "observed")
    away = d[:, columns] ** power
    cost = probs @ away.T
    return (cost <= cost.min(1, keepdims=True) + TIE * away.max()).argmax(1)
