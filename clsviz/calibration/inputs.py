"""What every measure takes: probabilities or logits and labels, checked, as float64 arrays."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.errors import InputError, ShapeError

Array = NDArray[Any]

OUTSIDE = 1e-6  # how far a probability may lie outside [0, 1]
ROW_SUM = 1e-4  # how far a row of probabilities may be from summing to 1


def as_array(value: ArrayLike, name: str) -> Array:
    """A float64 array of numpy arrays, torch tensors (any device, detached) or nested lists.

    Raises:
        InputError: empty, not numbers, or with NaN or infinity.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an array of numbers, got {type(value).__name__}") from None
    if array.size == 0:
        raise InputError(f"{name} is empty; at least one sample is needed")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinity; all entries must be finite")
    return array


def vector(value: ArrayLike, name: str, length: int | None = None) -> Array:
    """A float64 (N,) array; of `length` entries where given."""
    array = as_array(value, name)
    if array.ndim != 1 or length not in (None, len(array)):
        raise ShapeError(f"{name} must be ({'N' if length is None else length},), got {array.shape}")
    return array


def as_logits(value: ArrayLike, name: str = "logits") -> Array:
    """(N, K) float64 logits, K >= 2; (N,) is binary and becomes columns [0, z]."""
    return _two_columns(as_array(value, name), name, binary=lambda z: np.stack([np.zeros_like(z), z], 1))


def as_probs(value: ArrayLike, name: str = "probs") -> Array:
    """(N, K) float64 probabilities, K >= 2; (N,) is binary and becomes columns [1 - p, p].

    Raises:
        InputError: an entry is outside [0, 1] by more than 1e-6 or a row sum off 1 by more than 1e-4.
    """
    probs = _two_columns(as_array(value, name), name, binary=lambda p: np.stack([1 - p, p], 1))
    if probs.min() < -OUTSIDE or probs.max() > 1 + OUTSIDE:
        raise InputError(
            f"{name} must lie in [0, 1], got {probs.min():g}..{probs.max():g}; "
            'for unnormalised scores use kind="logits"'
        )
    worst = np.abs(probs.sum(1) - 1).max()
    if worst > ROW_SUM:
        raise InputError(f"rows of {name} must sum to 1, one is off by {worst:g}; normalise them first")
    return probs.clip(0, 1)


def _two_columns(array: Array, name: str, *, binary: Any) -> Array:
    if array.ndim == 1:
        return binary(array)
    if array.ndim != 2:
        raise ShapeError(f"{name} must be (N, K), or (N,) for two classes; got {array.shape}")
    if array.shape[1] < 2:
        raise ShapeError(f"{name} has one column, at least two classes are needed; give (N,) for binary")
    return array


def as_labels(labels: ArrayLike, n: int, k: int, name: str = "labels") -> NDArray[np.int64]:
    """(N,) int64 labels in 0..K-1."""
    array = vector(labels, name, n)
    if (array != np.floor(array)).any():
        raise InputError(f"{name} must be integers, got {array[array != np.floor(array)][0]:g}")
    if array.min() < 0 or array.max() >= k:
        raise InputError(f"{name} must be in 0..{k - 1}, got {array.min():g}..{array.max():g}")
    return array.astype(np.int64)


def softmax(logits: Array) -> Array:
    """Row-wise softmax with the maximum shifted to 0."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(logits: Array) -> Array:
    """Row-wise log-softmax with the maximum shifted to 0."""
    z = logits - logits.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def probs_of(x: ArrayLike, kind: str) -> Array:
    """(N, K) probabilities from probabilities or, with ``kind="logits"``, from logits."""
    option("kind", kind, ("probs", "logits"))
    return as_probs(x, "x") if kind == "probs" else softmax(as_logits(x, "x"))


def probs_and_labels(x: ArrayLike, labels: ArrayLike, kind: str) -> tuple[Array, NDArray[np.int64]]:
    """Checked (N, K) probabilities and (N,) labels."""
    probs = probs_of(x, kind)
    return probs, as_labels(labels, *probs.shape)


def pairs(
    probs: Array, labels: NDArray[np.int64], mode: str = "top_label", target_class: int | None = None
) -> tuple[Array, Array]:
    """(v, c): confidences and whether they were right (0. or 1.).

    ``"top_label"``: largest probability, ties to the lowest class; ``"per_class"``: that of
    `target_class`; ``"classwise"``: all N*K entries, row-major.
    """
    option("mode", mode, ("top_label", "per_class", "classwise"))
    n, k = probs.shape
    if mode == "top_label":
        top = probs.argmax(1)
        return probs[np.arange(n), top], (top == labels).astype(float)
    hit = (labels[:, None] == np.arange(k)).astype(float)
    if mode == "classwise":
        return probs.ravel(), hit.ravel()
    if not is_int(target_class) or not 0 <= int(target_class) < k:  # type: ignore[arg-type]
        raise InputError(
            f'mode="per_class" needs target_class, an integer in 0..{k - 1}; got {target_class!r}'
        )
    return probs[:, target_class], hit[:, target_class]


def is_int(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def count(name: str, value: object, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    if not is_int(value) or value < least:  # type: ignore[operator]
        raise InputError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)  # type: ignore[call-overload]


def option(name: str, value: object, choices: Sequence[object]) -> None:
    """Raises InputError when `value` is not one of the choices."""
    if value not in choices:
        raise InputError(f"{name} must be one of {list(choices)}, got {value!r}")
