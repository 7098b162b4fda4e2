"""Two versions of a classifier: what an update breaks, mends, and changes without need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError

MUSCLE = "MUSCLE: A Model Update Strategy for Compatible LLM Evolution, arXiv:2407.09435"


@dataclass(frozen=True, slots=True, eq=False)
class VersionFlips:
    """An old version against a new one on the same N samples; all rates are shares of N.

    ``accuracy_new - accuracy_old == positive_rate - negative_rate``, and the two guesses differ on
    ``negative_rate + positive_rate + inconsistent_rate`` of the samples.
    """

    negative: np.ndarray  # (m,) int64 rows that were right and are now wrong, ascending
    positive: np.ndarray  # (m,) int64 rows that were wrong and are now right
    inconsistent: np.ndarray  # (m,) int64 rows wrong in both, with another wrong class
    negative_rate: float
    positive_rate: float
    inconsistent_rate: float
    accuracy_old: float
    accuracy_new: float
    regression: float  # share of the old version's right answers that are lost; nan where it had none


@method(
    kind="measure",
    title="Negative flips between versions",
    paper=MUSCLE,
    formula=r"\mathrm{NFR} = \frac1N \sum_i 1[\hat y^{\mathrm{old}}_i = y_i \ne \hat y^{\mathrm{new}}_i]",
)
def negative_flips(old: Any, new: Any, labels: Any) -> VersionFlips:
    """Counts what an update breaks (negative flips), mends (positive), and errs on in another way.

    Args:
        old, new: predicted classes (N,) int, or logits or probabilities (N, K) whose first largest
            entry is the prediction; each in either form.
        labels: (N,) int >= 0, below K where one of them has K columns.

    Raises:
        ShapeError: they are not of the same N samples.
        InputError: no samples, predictions that are no classes, or NaN among the scores.
    """
    y = _classes(labels, "labels")
    guesses = {name: _guesses(given, name) for name, given in (("old", old), ("new", new))}
    if len(y) == 0:
        raise InputError("labels: there are no samples to compare the versions on; give at least one")
    for name, (guess, k) in guesses.items():
        if len(guess) != len(y):
            raise ShapeError(f"{name}: expected {len(y)} samples, as labels have; got {len(guess)}")
        if k is not None and y.max() >= k:
            raise InputError(f"labels must be below {k}, the columns of {name}; got {y.max()}")
    was, now = guesses["old"][0], guesses["new"][0]
    had, has = was == y, now == y
    lost, won = np.flatnonzero(had & ~has), np.flatnonzero(~had & has)
    other = np.flatnonzero(~had & ~has & (was != now))
    n = len(y)
    return VersionFlips(
        lost,
        won,
        other,
        negative_rate=len(lost) / n,
        positive_rate=len(won) / n,
        inconsistent_rate=len(other) / n,
        accuracy_old=float(had.mean()),
        accuracy_new=float(has.mean()),
        regression=float(len(lost) / had.sum()) if had.any() else float("nan"),
    )


def _guesses(given: Any, name: str) -> tuple[np.ndarray, int | None]:
    """Predicted classes (N,), and K where they come from (N, K) scores."""
    array = np.asarray(given)
    if array.ndim == 2 and array.shape[1]:
        if np.isnan(array).any():
            raise InputError(f"{name} holds NaN; a prediction is the largest of K scores")
        return array.argmax(1), array.shape[1]
    return _classes(array, name), None


def _classes(given: Any, name: str) -> np.ndarray:
    array = np.asarray(given)
    if array.ndim != 1:
        what = "classes (N,)" if name == "labels" else "classes (N,) or scores (N, K)"
        raise ShapeError(f"{name}: expected {what}, got shape {array.shape}")
    if array.size and (not np.issubdtype(array.dtype, np.integer) or array.min() < 0):
        raise InputError(f"{name} must be whole class numbers >= 0, got {array.dtype} from {array.min()!r}")
    return array.astype(np.int64)
