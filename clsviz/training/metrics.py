"""The learning curve: loss, accuracy, calibration error and margin of training and validation part."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.special import softmax

from clsviz.catalogue import resolve
from clsviz.data.dataset import Dataset
from clsviz.training.seeding import derive

SPLITS = ("train", "validation")
# Rows per split that a snapshot is measured on: keeps a snapshot in the milliseconds.
MAX_ROWS = 2000


@cache
def _ece() -> Any:
    return resolve("measure", "ece")[1]


def measured_rows(dataset: Dataset, seed: int = 0) -> dict[str, np.ndarray]:
    """Which rows of each split are measured: all, or `MAX_ROWS` drawn once by the seed."""
    rows = {}
    for i, split in enumerate(SPLITS):
        part = getattr(dataset, split)
        if len(part) > MAX_ROWS:
            draw = np.random.default_rng(derive(seed, "rows", i))
            part = np.sort(draw.choice(part, MAX_ROWS, replace=False))
        if len(part):
            rows[split] = part
    return rows


def scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``accuracy`` in [0, 1] (ties: lowest class), ``ece`` in [0, 1] (15 equal-width bins), ``margin``.

    The margin of a sample is its true class's probability less the largest of the others, in [-1, 1];
    ``margin`` is the mean. Logits (N, K) that are not finite give nan.
    """
    if not np.isfinite(logits).all():
        return {"accuracy": float("nan"), "ece": float("nan"), "margin": float("nan")}
    accuracy = float((logits.argmax(1) == labels).mean())
    probs = softmax(logits, axis=1)
    own = probs[np.arange(len(labels)), labels]
    probs[np.arange(len(labels)), labels] = -1.0
    margin = float((own - probs.max(1)).mean())
    return {"accuracy": accuracy, "ece": float(_ece()(logits, labels, kind="logits")), "margin": margin}
