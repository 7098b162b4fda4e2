"""Numbers of clsviz.prototypes that the browser's gallery must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz import prototypes


def case(X: np.ndarray, y: np.ndarray, k: int) -> dict[str, Any]:
    features, labels = torch.from_numpy(X), torch.from_numpy(y)
    n_classes = int(y.max()) + 1
    medoids = prototypes.class_medoids(features, labels)
    nearest = prototypes.nearest_mean(features, labels, features)
    present = [c for c in range(n_classes) if (y == c).any()]
    means = prototypes.build_gallery(nearest.means[present], features, labels, k=k)
    tiles = prototypes.build_gallery(features[medoids[present]], features, labels, k=k)
    return {
        "X": X.tolist(),
        "y": y.tolist(),
        "n_classes": n_classes,
        "present": present,  # classes with samples: one row of each list below
        "means": nearest.means[present].tolist(),
        "medoids": medoids[present].tolist(),
        "mean_nearest_indices": means.nearest_indices.tolist(),
        "mean_nearest_distances": means.nearest_distances.tolist(),
        "medoid_nearest_indices": tiles.nearest_indices.tolist(),
        "medoid_nearest_distances": tiles.nearest_distances.tolist(),
        "two_means": prototypes.two_means(features, labels).means.tolist(),
        "nearest_mean": nearest.predictions.tolist(),
        "nearest_mean_distances": nearest.distances[:, present].tolist(),
    }


def vectors() -> dict[str, Any]:
    """Three classes, an absent class, and a square whose corners tie."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(24, 4)).round(6)
    square = np.array([[0.0, 0], [0, 1], [1, 1], [1, 0], [5, 5]])
    return {
        "cases": [
            case(X, np.arange(24) % 3, 4),
            case(X, np.array([0, 2, 3])[np.arange(24) % 3], 3),
            case(square, np.array([0, 0, 0, 0, 1]), 2),
        ]
    }
