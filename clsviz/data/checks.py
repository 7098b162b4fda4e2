"""Checks of what callers pass in; each error names the argument."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from clsviz.errors import InputError, ShapeError


def plain(value: Any) -> Any:
    """A torch tensor as the numpy array it holds, a sparse matrix as a dense one; else `value`."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # bfloat16 has no numpy twin
        return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    return value.toarray() if hasattr(value, "toarray") else value


def floats(value: Any, name: str, shape: str) -> np.ndarray:
    """`value` as a finite float64 array whose rank is that of `shape`, e.g. ``"(N, D)"``.

    Raises:
        InputError: it is not numeric, has no rows, or has NaN or infinite entries.
        ShapeError: it is ragged or has another rank.
    """
    try:
        array = np.asarray(plain(value))
    except ValueError as error:
        raise ShapeError(f"{name} must be {shape}, but its rows differ in length") from error
    if array.dtype.kind not in "biufO":
        raise InputError(f"{name} must be numbers of shape {shape}, not {array.dtype}")
    try:
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers of shape {shape}: {error}") from error
    if array.ndim != shape.count(",") + (not shape.endswith(",)")):
        raise ShapeError(f"{name} must be {shape}, but has shape {array.shape}")
    if array.size == 0:
        raise ShapeError(f"{name} is empty (shape {array.shape}); it needs at least one entry")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = ", ".join(map(str, bad[0]))
        raise InputError(
            f"{name} has {len(bad)} NaN or infinite value(s), the first at [{where}]; drop or fill them first"
        )
    return array


def integers(value: Any, name: str) -> np.ndarray:
    """`value` as a non-empty (N,) int64 array; floats must be whole numbers."""
    array = floats(value, name, "(N,)")
    whole = array.astype(np.int64)
    if (whole != array).any():
        raise InputError(f"{name} must be whole numbers, but has {array[whole != array][0]}")
    return whole


def labels(value: Any, n_classes: int | None = None, name: str = "y") -> np.ndarray:
    """`value` as (N,) int64 class indices in [0, n_classes)."""
    y = integers(value, name)
    if y.min() < 0 or (n_classes is not None and y.max() >= n_classes):
        limit = "K" if n_classes is None else n_classes
        raise InputError(f"{name} must lie in [0, {limit}), but spans {y.min()} to {y.max()}")
    return y


def count(value: Any, name: str, low: int = 1) -> int:
    """`value` as an int that is at least `low`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}") from None
    if number < low:
        raise InputError(f"{name} must be at least {low}, not {number}")
    return number


def number(value: Any, name: str, low: float = -np.inf, high: float = np.inf) -> float:
    """`value` as a finite float in [low, high]."""
    try:
        real = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, not {value!r}") from None
    if not np.isfinite(real) or not low <= real <= high:
        raise InputError(f"{name} must be a finite number in [{low:g}, {high:g}], not {value!r}")
    return real


def option(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """`value`, which must be one of `choices`."""
    if value not in choices:
        raise InputError(f"{name} must be one of {list(choices)}, not {value!r}")
    return str(value)


def distribution(value: np.ndarray, name: str) -> None:
    """Raises unless the last axis of `value` holds probabilities that sum to 1 within 1e-9."""
    if value.min() < 0 or (np.abs(value.sum(-1) - 1) > 1e-9).any():
        raise InputError(f"{name} must be >= 0 and sum to 1 (within 1e-9) along the last axis")
