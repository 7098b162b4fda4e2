"""Checks on what comes into the probes of this family: everything becomes finite float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz.errors import InputError, ShapeError

TINY = 1e-12  # a shorter vector has no direction


def real_array(value: Any, name: str, ndim: int | None = None) -> np.ndarray:
    """`value` (numpy, torch, DataFrame, list) as float64; refuses empty, NaN, inf and other ranks."""
    if isinstance(value, torch.Tensor):
        value = value.detach().double().cpu().numpy()
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold real numbers: {error}") from None
    if ndim is not None and array.ndim != ndim:
        raise ShapeError(f"{name} must have {ndim} dimension(s), got shape {array.shape}")
    if array.size == 0:
        raise ShapeError(f"{name} is empty (shape {array.shape}); at least one sample is needed")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or inf; remove or replace those entries")
    return array


def real_number(value: Any, name: str) -> float:
    """`value` as a finite float."""
    return float(real_array(value, name, 0))


def class_labels(value: Any, name: str, n_classes: int) -> np.ndarray:
    """Integer labels in [0, n_classes) as int64, any shape."""
    array = real_array(value, name)
    if (array != np.round(array)).any() or array.min() < 0 or array.max() >= n_classes:
        raise InputError(f"{name} must be integers in 0..{n_classes - 1}, got {np.unique(array)[:8]}")
    return array.astype(np.int64)


def binary_samples(X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """X (N, d) and y (N,) of 0 and 1, both classes present."""
    X = real_array(X, "X", 2)
    y = real_array(y, "y", 1)
    if len(y) != len(X):
        raise ShapeError(f"y has {len(y)} labels for the {len(X)} rows of X")
    if not np.array_equal(np.unique(y), [0.0, 1.0]):
        raise InputError(f"y must hold the labels 0 and 1, both present; got {np.unique(y)[:8]}")
    return X, y.astype(np.int64)


def vector_of(value: Any, name: str, length: int) -> np.ndarray:
    """`value` as a float64 vector of this length."""
    vector = real_array(value, name, 1)
    if len(vector) != length:
        raise ShapeError(f"{name} has length {len(vector)}, expected {length}")
    return vector


def unit(vector: np.ndarray, name: str) -> np.ndarray:
    """`vector` scaled to length 1; InputError when it is shorter than 1e-12."""
    norm = float(np.linalg.norm(vector))
    if norm < TINY:
        raise InputError(f"{name} has no direction (its length is {norm:.3g})")
    return vector / norm


def integer(value: Any, name: str, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    number = real_number(value, name)
    if number != round(number) or number < least:
        raise InputError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(number)


def positive(value: Any, name: str) -> float:
    """`value` as a float above 0."""
    number = real_number(value, name)
    if number <= 0:
        raise InputError(f"{name} must be > 0, got {value!r}")
    return number


def not_negative(value: Any, name: str) -> float:
    """`value` as a float of at least 0."""
    number = real_number(value, name)
    if number < 0:
        raise InputError(f"{name} must be >= 0, got {value!r}")
    return number
