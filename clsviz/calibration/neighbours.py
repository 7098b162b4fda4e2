"""Probabilities from the labels of the nearest training samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from clsviz.calibration.inputs import Array, as_array, as_labels, count, softmax
from clsviz.calibration.temperature import TEMPERATURE
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

BLOCK = 4_000_000  # distances held at once


@method(
    kind="calibrator",
    title="Softmax of the nearest neighbours",
    paper="Khandelwal et al. 2020, Generalization through Memorization: Nearest Neighbor Language Models, "
    "arXiv:1911.00172; Why do Nearest Neighbor Language Models Work?, arXiv:2301.02828",
    formula=r"p_k \propto \sum_{i \in \mathrm{NN}, \, y_i = k} e^{-d_i / T}",
    k=Range(1, 50, step=1),
    temperature=TEMPERATURE,
)
def knn_softmax(
    train_features: ArrayLike,
    train_labels: ArrayLike,
    features: ArrayLike,
    *,
    n_classes: int,
    k: int = 10,
    temperature: float = 1.0,
    squared: bool = True,
) -> Array:
    """Votes of the k nearest training samples, weighted by the softmax of minus their distance, (N, K).

    A high temperature gives shares of votes, a low one the label of the nearest.

    Args:
        train_features: (n, d); (n,) is d = 1. train_labels: (n,) integers in 0..n_classes-1.
        features: (N, d).
        n_classes: K, >= 2.
        k: neighbours that vote, all where there are fewer; of equally far ones those that come first.
        temperature: divides the distances; > 0.
        squared: squared Euclidean distance instead of the plain one.

    Raises:
        InputError: bad shapes or labels, n_classes below 2, k below 1, or a temperature that is not above 0.
    """
    train = as_features(train_features, "train_features")
    f = as_features(features, "features", train.shape[1])
    n_classes, k = count("n_classes", n_classes, least=2), min(count("k", k), len(train))
    y = as_labels(train_labels, len(train), n_classes, "train_labels")
    if not 0 < temperature < np.inf:
        raise InputError(f"temperature must be > 0 and finite, got {temperature!r}")
    probs = np.zeros((len(f), n_classes))
    rows = max(1, BLOCK // len(train))
    for start in range(0, len(f), rows):
        here = slice(start, start + rows)
        distance = cdist(f[here], train, "sqeuclidean" if squared else "euclidean")
        near = _nearest(distance, k)
        weight = softmax(-np.take_along_axis(distance, near, 1) / temperature)
        np.add.at(probs[here], (np.arange(len(near))[:, None], y[near]), weight)
    return probs


def as_features(value: ArrayLike, name: str, width: int | None = None) -> Array:
    """(N, d) float64 features; (N,) is d = 1."""
    array = as_array(value, name)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or width not in (None, array.shape[1]):
        raise ShapeError(f"{name} must be (N, {'d' if width is None else width}), got {array.shape}")
    return array


def _nearest(distance: Array, k: int) -> Array:
    """(N, k) columns of the smallest entries of each row, in rising order of column; ties go to the first."""
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    tied = distance == last
    room = k - (distance < last).sum(1, keepdims=True)
    taken = (distance < last) | (tied & (tied.cumsum(1) <= room))
    return np.nonzero(taken)[1].reshape(len(distance), k)
