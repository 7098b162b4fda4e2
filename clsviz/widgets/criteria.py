"""Samples by what the network says of them; js/src/core/criteria.ts gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from clsviz.data import Dataset
from clsviz.errors import InputError

How = Literal["replace", "add", "remove", "intersect"]
HOWS = ("replace", "add", "remove", "intersect")
PARTS = ("validation", "training", "all")


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a sample must fulfil, all of it; None asks for nothing. See `ClsvizWidget.select`."""

    confidence_below: float | None = None
    confidence_above: float | None = None
    margin_below: float | None = None
    margin_above: float | None = None
    wrong: bool | None = None
    mislabelled: bool | None = None
    predicted: int | str | None = None
    label: int | str | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the network says of each of n samples, at one temperature."""

    confidence: np.ndarray  # (n,) probability of the guess
    margin: np.ndarray  # (n,) p of the label minus the greatest other p, -1..1; below 0: wrong
    guess: np.ndarray  # (n,) int64; ties go to the lowest class


def said(logits: np.ndarray, labels: np.ndarray, temperature: float) -> Said:
    """From logits (n, K) and labels (n,)."""
    scaled = (logits - logits.max(1, keepdims=True)).astype(np.float64) / temperature
    probs = np.exp(scaled)
    probs /= probs.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    guess = logits.argmax(1)
    others = probs.copy()
    others[rows, labels] = 0
    return Said(probs[rows, guess], probs[rows, labels] - others.max(1), guess)


def samples_by(
    data: Dataset, criteria: Criteria, logits: Callable[[np.ndarray], np.ndarray], temperature: float
) -> np.ndarray:
    """Indices (m,) int32, ascending, of the samples that fulfil all criteria.

    Args:
        data: the samples.
        criteria: what they must fulfil.
        logits: gives (n, K) for sample indices (n,); called only where a criterion needs it.
        temperature: divides the logits.

    Raises:
        InputError: no criterion is given, or an unknown class or part.
    """
    asked = {f.name for f in fields(criteria) if getattr(criteria, f.name) is not None}
    if not asked - {"part"}:
        raise InputError(f"select needs a criterion: {[f.name for f in fields(criteria)][:-1]}")
    rows = part_rows(data, criteria.part or ("all" if criteria.mislabelled is not None else "validation"))
    y = data.y[rows]
    keep = np.ones(len(rows), bool)
    if criteria.label is not None:
        keep &= y == _class(data, criteria.label)
    if criteria.mislabelled is not None:
        keep &= (y != data.y_clean[rows]) == criteria.mislabelled
    if asked & {"confidence_below", "confidence_above", "margin_below", "margin_above", "wrong", "predicted"}:
        s = said(logits(rows), y, temperature)
        if criteria.confidence_below is not None:
            keep &= s.confidence < criteria.confidence_below
        if criteria.confidence_above is not None:
            keep &= s.confidence > criteria.confidence_above
        if criteria.margin_below is not None:
            keep &= s.margin < criteria.margin_below
        if criteria.margin_above is not None:
            keep &= s.margin > criteria.margin_above
        if criteria.wrong is not None:
            keep &= (s.guess != y) == criteria.wrong
        if criteria.predicted is not None:
            keep &= s.guess == _class(data, criteria.predicted)
    return rows[keep].astype(np.int32)


def part_rows(data: Dataset, part: str) -> np.ndarray:
    """The samples of a part of the data, ascending."""
    if part not in PARTS:
        raise InputError(f"part must be one of {PARTS}, got {part!r}")
    if part == "all":
        return np.arange(len(data.y))
    return np.sort(data.validation if part == "validation" else data.train)


def combined(selection: np.ndarray, samples: np.ndarray, how: How) -> np.ndarray:
    """`samples` put to the selection.

    Raises:
        InputError: an unknown way.
    """
    match how:
        case "replace":
            return samples
        case "add":
            return np.union1d(selection, samples)
        case "remove":
            return np.setdiff1d(selection, samples)
        case "intersect":
            return np.intersect1d(selection, samples)
    raise InputError(f"how must be one of {HOWS}, got {how!r}")


def _class(data: Dataset, name: int | str) -> int:
    if isinstance(name, str) and name in data.class_names:
        return data.class_names.index(name)
    if isinstance(name, int | np.integer) and 0 <= name < data.n_classes:
        return int(name)
    raise InputError(f"there is no class {name!r}; there are 0..{data.n_classes - 1}: {data.class_names}")
