"""What every measure takes: probabilities or logits and labels, checked, in float64.

Measures read `forecasts`, block by block and where they lie (see `arrays`). Calibrators, which fit on the
CPU, take the numpy arrays of `as_logits`, `as_probs` and `as_labels`.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.arrays import Native, beside, columns, float64, native, slices, to_numpy
from clsviz.errors import InputError, ShapeError

Array = NDArray[Any]

OUTSIDE = 1e-6  # how far a probability may lie outside [0, 1]
ROW_SUM = 1e-4  # how far a row of probabilities may be from summing to 1

KINDS = ("probs", "logits")
MODES = ("top_label", "per_class", "classwise")


def as_array(value: ArrayLike, name: str) -> Array:
    """A float64 array of numpy arrays, torch tensors (any device, detached) or nested lists.

    Raises:
        InputError: empty, not numbers, or with NaN or infinity.
    """
    return to_numpy(float64(finite(value, name)))


def finite(value: ArrayLike, name: str, length: int | None = None) -> Native:
    """A numpy array, or a tensor on its own device; (length,) where given.

    Raises:
        InputError: empty, not numbers, or with NaN or infinity.
        ShapeError: not (length,).
    """
    array = native(value, name)
    _check_finite(array, name)
    if length is not None and tuple(array.shape) != (length,):
        raise ShapeError(f"{name} must be ({length},), got {tuple(array.shape)}")
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
    option("kind", kind, KINDS)
    return as_probs(x, "x") if kind == "probs" else softmax(as_logits(x, "x"))


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Probabilities or logits where they lie, and labels beside them; made by `forecasts`."""

    x: Native  # (N, K), or (N,) for two classes, of any real type
    labels: Native  # (N,) int64 in 0..K-1
    kind: str
    name: str  # of x, in messages

    @property
    def n(self) -> int:
        return int(self.x.shape[0])

    @property
    def k(self) -> int:
        return 2 if self.x.ndim == 1 else int(self.x.shape[1])

    def blocks(self) -> Iterator[tuple[Native, Native]]:
        """Some samples at a time: (K, n) copies of x, float32 or float64, checked, and (n,) labels.

        Raises:
            InputError: not finite; or probabilities outside [0, 1] by more than 1e-6 or with sums off
                1 by more than 1e-4.
        """
        for part in slices(self.n, self.k, self.x):
            block = _block(self.x[part], self.kind)
            (_check_probs if self.kind == "probs" else _check_finite)(block, self.name)
            yield block, self.labels[part]

    def probs(self) -> Iterator[tuple[Native, Native]]:
        """Some samples at a time: (K, n) float64 probabilities in [0, 1] and (n,) labels."""
        return ((block_probs(block, self.kind), y) for block, y in self.blocks())

    def pairs(
        self, mode: str = "top_label", target_class: int | None = None
    ) -> Iterator[tuple[Native, Native]]:
        """Some samples at a time: (v, c), confidences and whether they were right (bool).

        ``"top_label"``: (n,) largest probability, ties to the lowest class; ``"per_class"``: that of
        `target_class`; ``"classwise"``: (K, n), all of them.
        """
        check_mode(mode, target_class, self.k)
        return (block_pairs(block, y, self.kind, mode, target_class) for block, y in self.blocks())


def block_probs(block: Native, kind: str) -> Native:
    """(K, n) float64 probabilities of a block, which this may change."""
    block = float64(block)
    if kind == "probs":
        return block
    e, total = _exponentials(block)
    e /= total
    return e


def _exponentials(z: Native) -> tuple[Native, Native]:
    """(K, n) exponentials of logits, which this changes, over the largest of each column; their sums."""
    xp = _xp(z)
    with np.errstate(over="ignore"):  # of logits around 1e308: e^-inf is 0
        z -= xp.max(z, axis=0)
    e = xp.exp(z)
    return e, xp.sum(e, axis=0)


def block_pairs(
    block: Native, y: Native, kind: str, mode: str, target_class: int | None
) -> tuple[Native, Native]:
    """The pairs of `Forecasts.pairs` of one (K, n) block, which this may change."""
    if mode == "top_label":
        return _top_of_logits(float64(block), y) if kind == "logits" else _top(block, y)
    probs = block if kind == "probs" else block_probs(block, kind)
    if mode == "per_class":
        return float64(probs[target_class]), y == target_class
    return float64(probs), y == beside(np.arange(len(probs))[:, None], probs)


def _top(probs: Native, y: Native) -> tuple[Native, Native]:
    xp = _xp(probs)
    v = xp.max(probs, axis=0)
    top = probs == v
    if int(xp.count_nonzero(top)) == len(y):  # no ties
        return float64(v), of_label(top, y)
    return float64(v), xp.argmax(xp.astype(top, xp.int8), axis=0) == y


def _top_of_logits(z: Native, y: Native) -> tuple[Native, Native]:
    """`_top` of the softmax: without dividing, unless that could round two probabilities to one."""
    e, total = _exponentials(z)
    top = e > 1 - 4e-16
    if int(_xp(e).count_nonzero(top)) == len(y):
        return 1 / total, of_label(top, y)
    e /= total
    return _top(e, y)


def of_label(block: Native, y: Native) -> Native:
    """(n,) the entries of a (K, n) block that are those of the labels."""
    return block.reshape(-1)[y * len(y) + beside(np.arange(len(y)), y)]


def forecasts(x: ArrayLike, labels: ArrayLike, kind: str = "probs", name: str = "x") -> Forecasts:
    """Probabilities or logits with their labels, shapes and labels checked.

    Raises:
        InputError: unknown kind, bad shapes, or labels that are not integers in 0..K-1.
    """
    option("kind", kind, KINDS)
    rows = _rows(x, name)
    k = 2 if rows.ndim == 1 else rows.shape[1]
    return Forecasts(rows, _labels(labels, rows, k), kind, name)


def logit_blocks(logits: ArrayLike, name: str = "logits") -> Iterator[Native]:
    """Some samples at a time: (K, n) float64 logits, checked; no labels."""
    rows = _rows(logits, name)
    return (float64(z) for z, _ in Forecasts(rows, rows, "logits", name).blocks())


def prob_blocks(x: ArrayLike, kind: str) -> Iterator[Native]:
    """Some samples at a time: (K, n) float64 probabilities, checked; no labels."""
    option("kind", kind, KINDS)
    rows = _rows(x, "x")
    return (p for p, _ in Forecasts(rows, rows, kind, "x").probs())


def read_pairs(
    x: ArrayLike, labels: ArrayLike, kind: str, mode: str = "top_label", target_class: int | None = None
) -> tuple[Native, Native]:
    """All of `Forecasts.pairs` at once, (n,) each; those of ``"classwise"`` row-major."""
    parts = list(forecasts(x, labels, kind).pairs(mode, target_class))
    xp = _xp(parts[0][0])
    return tuple(
        xp.concat([part.T.reshape(-1) if part.ndim == 2 else part for part in both])
        for both in zip(*parts, strict=True)
    )


def check_mode(mode: str, target_class: int | None, k: int) -> None:
    """Raises InputError for an unknown mode, or "per_class" without a class in 0..K-1."""
    option("mode", mode, MODES)
    if mode == "per_class" and not (is_int(target_class) and 0 <= int(target_class) < k):  # type: ignore[arg-type]
        raise InputError(
            f'mode="per_class" needs target_class, an integer in 0..{k - 1}; got {target_class!r}'
        )


_xp = array_namespace


def _rows(x: ArrayLike, name: str) -> Native:
    rows = native(x, name)
    if rows.ndim not in (1, 2):
        raise ShapeError(f"{name} must be (N, K), or (N,) for two classes; got {tuple(rows.shape)}")
    if rows.ndim == 2 and rows.shape[1] < 2:
        raise ShapeError(f"{name} has one column, at least two classes are needed; give (N,) for binary")
    return rows


def _block(rows: Native, kind: str) -> Native:
    if rows.ndim == 2:
        return columns(rows)
    z = float64(rows)
    return _xp(z).stack([1 - z if kind == "probs" else 0 * z, z])


def _labels(labels: ArrayLike, rows: Native, k: int, name: str = "labels") -> Native:
    """(N,) int64 labels beside the rows."""
    y = beside(native(labels, name), rows)
    if y.ndim != 1 or len(y) != len(rows):
        raise ShapeError(f"{name} must be ({len(rows)},), got {tuple(y.shape)}")
    xp = _xp(y)
    if xp.isdtype(y.dtype, "real floating"):
        odd = y != xp.floor(y)  # NaN among them
        if bool(xp.any(odd)):
            raise InputError(f"{name} must be integers, got {float(y[odd][0]):g}")
    elif xp.isdtype(y.dtype, "bool"):
        y = xp.astype(y, xp.int64)
    low, high = float(xp.min(y)), float(xp.max(y))
    if low < 0 or high >= k:
        raise InputError(f"{name} must be in 0..{k - 1}, got {low:g}..{high:g}")
    return xp.astype(y, xp.int64, copy=False)


def _check_finite(block: Native, name: str) -> None:
    xp = _xp(block)
    with np.errstate(over="ignore", invalid="ignore"):
        total = xp.sum(block)
    # The sum tells it in one pass; only one that overflowed needs the other look.
    if not bool(xp.isfinite(total)) and not bool(xp.all(xp.isfinite(block))):
        raise InputError(f"{name} holds NaN or infinity; all entries must be finite")


def _check_probs(block: Native, name: str) -> None:
    """Also clips to [0, 1]."""
    xp = _xp(block)
    low, high = float(xp.min(block)), float(xp.max(block))
    worst = float(xp.max(xp.abs(xp.ones_like(block[:, 0]) @ block - 1)))
    if worst > ROW_SUM / 2 and block.dtype == xp.float32:  # then its own rounding counts
        worst = float(xp.max(xp.abs(xp.sum(float64(block), axis=0) - 1)))
    if not (low >= -OUTSIDE and high <= 1 + OUTSIDE and worst <= ROW_SUM):  # not: of NaN
        _check_finite(block, name)
        if low < -OUTSIDE or high > 1 + OUTSIDE:
            raise InputError(
                f'{name} must lie in [0, 1], got {low:g}..{high:g}; for unnormalised scores use kind="logits"'
            )
        raise InputError(f"rows of {name} must sum to 1, one is off by {worst:g}; normalise them first")
    if low < 0 or high > 1:
        block[...] = xp.clip(block, 0, 1)


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
