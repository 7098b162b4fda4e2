"""What a loss refuses: model outputs, targets and extras of the wrong shape, type or range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from clsviz.errors import InputError, ShapeError

Check = Callable[[str, Any, Tensor], None]  # (name of the extra, its value, the first argument)


def _kind(value: Any) -> Any:
    return value.dtype if isinstance(value, Tensor) else type(value).__name__


def _shape(name: str, value: Tensor, wanted: tuple[int, ...], why: str) -> None:
    if value.shape != wanted:
        raise ShapeError(f"{name} must be {wanted} {why}, got {tuple(value.shape)}")


def floating(name: str, value: Any) -> None:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise InputError(f"{name} must be a floating point torch tensor, got {_kind(value)}")


def output_rows(name: str, x: Any, targets: str) -> None:
    """The first argument: floating (N, C) for logits, C >= 2 but for label sets; (N, D) for embeddings."""
    floating(name, x)
    columns = "C" if name == "logits" else "D"
    least = 2 if name == "logits" and targets != "label_sets" else 1
    if x.ndim != 2 or x.shape[1] < least:
        raise ShapeError(f"{name} must be (N, {columns}) with {columns} >= {least}, got {tuple(x.shape)}")


def row_ints(name: str, value: Any, x: Tensor) -> None:
    """int64 (N,)."""
    if not isinstance(value, Tensor) or value.dtype != torch.int64:
        more = f"; use {name}.long()" if isinstance(value, Tensor) else ""
        raise InputError(f"{name} must be an int64 torch tensor, got {_kind(value)}{more}")
    _shape(name, value, (len(x),), f"as the first argument has {len(x)} rows")


def row_floats(name: str, value: Any, x: Tensor) -> None:
    """Floating (N,)."""
    floating(name, value)
    _shape(name, value, (len(x),), f"as the first argument has {len(x)} rows")


def row_weights(name: str, value: Any, x: Tensor) -> None:
    """Floating (N,), >= 0."""
    row_floats(name, value, x)
    if bool((value < 0).any()):
        raise InputError(f"{name} must be >= 0, got {float(value.min()):g}")


def row_vectors(name: str, value: Any, x: Tensor) -> None:
    """Floating (N, any)."""
    floating(name, value)
    if value.ndim != 2 or len(value) != len(x):
        raise ShapeError(f"{name} must be ({len(x)}, D), a row for each sample, got {tuple(value.shape)}")


def same_shape(name: str, value: Any, x: Tensor) -> None:
    """Floating, as large as the first argument."""
    floating(name, value)
    _shape(name, value, tuple(x.shape), "like the first argument")


def class_vectors(name: str, value: Any, x: Tensor) -> None:
    """Floating (C, D), a row for each class, as wide as the first argument."""
    floating(name, value)
    if value.ndim != 2 or value.shape[1] != x.shape[1]:
        raise ShapeError(f"{name} must be (C, {x.shape[1]}), a row for each class, got {tuple(value.shape)}")


def class_floats(name: str, value: Any, x: Tensor) -> None:
    """Floating (C,), a number for each column of the first argument."""
    floating(name, value)
    _shape(name, value, (x.shape[1],), f"as the first argument has {x.shape[1]} columns")


def random_source(name: str, value: Any, x: Tensor) -> None:
    if not isinstance(value, torch.Generator):
        raise InputError(f"{name} must be a torch.Generator, got {_kind(value)}")


def in_range(name: str, value: Tensor, end: int, why: str) -> None:
    """Whole numbers in [0, end)."""
    if len(value) and not 0 <= int(value.min()) <= int(value.max()) < end:
        raise InputError(f"{name} must be in [0, {end}) as {why}, got {int(value.min())}..{int(value.max())}")


def class_targets(first: str, x: Tensor, targets: Any) -> None:
    """int64 (N,), in [0, C) where the columns of x are classes, else >= 0."""
    row_ints("targets", targets, x)
    if first == "logits":
        in_range("targets", targets, x.shape[1], f"logits has {x.shape[1]} columns")
    elif len(targets) and int(targets.min()) < 0:
        raise InputError(f"targets must be >= 0, got {int(targets.min())}")


def label_sets(first: str, x: Tensor, targets: Any) -> None:
    """(N, C) of 0 and 1: integer, bool or float."""
    if not isinstance(targets, Tensor) or targets.is_complex():
        raise InputError(f"targets must be a torch tensor of 0 and 1, got {_kind(targets)}")
    _shape("targets", targets, tuple(x.shape), f"like {first}: one column for each label")
    if not bool(((targets == 0) | (targets == 1)).all()):
        raise InputError("targets must hold only 0 and 1: which labels each row has")


def values(first: str, x: Tensor, targets: Any) -> None:
    """Floating (N,), finite."""
    row_floats("targets", targets, x)
    if not bool(targets.isfinite().all()):
        raise InputError("targets must be finite numbers")


def ignored(first: str, x: Tensor, targets: Any) -> None:
    """Anything will do."""


# What a loss may ask for as its second argument.
TARGETS: dict[str, Callable[[str, Tensor, Any], None]] = {
    "class": class_targets,
    "label_sets": label_sets,
    "values": values,
    "none": ignored,
}
