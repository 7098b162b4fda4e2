"""Checks on what comes into the functions of this family, and the choice of the smallest value."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from clsviz.errors import InputError, ShapeError


def real_tensor(value: Any, name: str, ndim: int | None = None, *, finite: bool = True) -> Tensor:
    """`value` as a non-empty real tensor, finite unless told otherwise; lists and integers become float64."""
    if not isinstance(value, Tensor):
        try:
            value = torch.from_numpy(np.require(value, requirements=["C", "W"]))
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} must hold real numbers: {error}") from None
    if not value.is_floating_point():
        value = value.double()
    if ndim is not None and value.ndim != ndim:
        raise ShapeError(f"{name} must have {ndim} dimension(s), got shape {tuple(value.shape)}")
    if value.numel() == 0:
        raise ShapeError(f"{name} is empty (shape {tuple(value.shape)}); at least one entry is needed")
    if finite and not torch.isfinite(value).all():
        raise InputError(f"{name} holds NaN or inf; remove or replace those entries")
    return value


def class_indices(value: Any, name: str, length: int, n_classes: int | None = None) -> Tensor:
    """Integer labels (length,) as int64; in [0, n_classes) where that is given, else >= 0."""
    labels = (
        value if isinstance(value, Tensor) else torch.from_numpy(np.require(value, requirements=["C", "W"]))
    )
    if labels.shape != (length,):
        raise ShapeError(f"{name} must be ({length},), got shape {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.is_complex():
        raise InputError(f"{name} must be integers, got {labels.dtype}")
    labels = labels.long()
    if int(labels.min()) < 0 or (n_classes is not None and int(labels.max()) >= n_classes):
        top = "" if n_classes is None else f" and below {n_classes}"
        raise InputError(f"{name} must be >= 0{top}, got {int(labels.min())}..{int(labels.max())}")
    return labels


def count(value: Any, name: str, most: int | None = None) -> int:
    """`value` as an integer in [1, most]."""
    if isinstance(value, bool) or int(value) != value or value < 1 or (most is not None and value > most):
        limit = "" if most is None else f" and <= {most}"
        raise InputError(f"{name} must be an integer >= 1{limit}, got {value!r}")
    return int(value)


def columns_like(value: Tensor, name: str, other: Tensor, other_name: str) -> None:
    """Refuses two matrices that differ in their number of columns."""
    if value.shape[-1] != other.shape[-1]:
        raise ShapeError(
            f"{name} has {value.shape[-1]} columns but {other_name} has {other.shape[-1]}; "
            "they must live in the same space"
        )


def first_smallest(values: Tensor) -> int:
    """Index of the smallest entry; values equal up to rounding count as a tie, the lowest index wins."""
    least = values.min()
    return int((values <= least + 1e-12 * least.abs()).nonzero()[0])
