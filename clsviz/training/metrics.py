"""The learning curve: loss, accuracy, calibration error, margin, and what became of wrong labels."""

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


def scores(logits: np.ndarray, dataset: Dataset, rows: np.ndarray, split: str) -> dict[str, float]:
    """What a part's logits (n, K) say of its rows (n,) of a dataset.

    ``accuracy`` in [0, 1] (ties: lowest class), ``ece`` in [0, 1] (15 equal-width bins) and ``margin``,
    the mean of the true class's probability less the largest of the others, in [-1, 1]. Of a training part
    with wrong labels also ``memorised``, the share of the wrongly labelled that are predicted as labelled,
    and ``recovered``, the share predicted as what they are. Logits that are not finite give nan.
    """
    labels = dataset.y[rows]
    wrong = labels != dataset.y_clean[rows] if split == "train" else np.zeros(len(rows), bool)
    names = ("accuracy", "ece", "margin", *(("memorised", "recovered") if wrong.any() else ()))
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, float("nan"))
    guess = logits.argmax(1)
    probs = softmax(logits, axis=1)
    own = probs[np.arange(len(labels)), labels]
    probs[np.arange(len(labels)), labels] = -1.0
    found = {
        "accuracy": float((guess == labels).mean()),
        "ece": float(_ece()(logits, labels, kind="logits")),
        "margin": float((own - probs.max(1)).mean()),
    }
    if wrong.any():
        found["memorised"] = float((guess == labels)[wrong].mean())
        found["recovered"] = float((guess == dataset.y_clean[rows])[wrong].mean())
    return found
