"""Numpy arrays and torch tensors alike: measures compute where their input lies, in float64.

A tensor on a GPU stays there until the result; one on Apple's MPS, which has no float64, is moved to the
CPU first. A tensor on the CPU is read as the numpy array that shares its memory: numpy is the faster of the
two in one thread. Numpy input does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from clsviz.errors import InputError

Native = Any  # a numpy array or a torch tensor

SHARED = ("cpu",)  # devices whose tensors are numpy arrays as well; tests empty it to work on tensors there
IN_CACHE = 2**18  # entries of a block on a CPU: 1 or 2 MB
ON_DEVICE = 2**24  # and on a GPU, where few large steps are fast


def native(value: ArrayLike | Native, name: str) -> Native:
    """A numpy array, or a detached tensor on its own device; of whatever real type it came in.

    Raises:
        InputError: empty, or not numbers.
    """
    if hasattr(value, "detach"):
        array = value.detach()
        if array.is_complex():
            raise InputError(f"{name} must be an array of real numbers, got {array.dtype}")
        if array.device.type == "mps":
            array = array.cpu()
        if array.device.type in SHARED:
            array = (array.double() if array.element_size() < 4 else array).numpy()
    else:
        try:
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"{name} must be an array of numbers, got {type(value).__name__}") from None
    if 0 in array.shape:
        raise InputError(f"{name} is empty; at least one sample is needed")
    return array


def to_numpy(array: Native) -> NDArray[Any]:
    """The numpy array of an array of either kind."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def beside(array: Native, reference: Native) -> Native:
    """The array as `reference` is: numpy, or a tensor on its device."""
    if isinstance(reference, np.ndarray):
        return to_numpy(array)
    return array_namespace(reference).asarray(array, device=reference.device)


def float64(array: Native) -> Native:
    """The array in float64; itself where it is."""
    xp = array_namespace(array)
    return xp.astype(array, xp.float64, copy=False)


def columns(rows: Native) -> Native:
    """(K, n) copy of (n, K) rows, so that what goes over classes runs along the memory.

    In float32 where it was: a float64 copy of what is picked from it is as exact. Else in float64.
    """
    xp = array_namespace(rows)
    kind = xp.float32 if rows.dtype == xp.float32 else xp.float64
    if isinstance(rows, np.ndarray):
        return np.array(rows.T, dtype=kind, order="C")
    return rows.T.to(kind, copy=True, memory_format=xp.contiguous_format)


def slices(n: int, width: int, reference: Native) -> Iterator[slice]:
    """Slices that cover range(n), so that a (slice, width) block fits the cache, or a GPU's memory."""
    entries = IN_CACHE if isinstance(reference, np.ndarray) or reference.device.type == "cpu" else ON_DEVICE
    step = max(1, entries // width)
    return (slice(i, min(i + step, n)) for i in range(0, n, step))


def sorted_pairs(v: Native, c: Native) -> tuple[Native, Native]:
    """v in [0, 1] ascending and its c (bool); wrong ones first where v is tied.

    The bits of a float >= 0 rise with it and leave room for c, so that one plain sort does.
    """
    xp = array_namespace(v)
    key = xp.sort((v + 0.0).view(xp.int64) * 2 + c)  # + 0.0: -0. becomes 0.
    return (key >> 1).view(xp.float64), (key & 1) == 1


def group_ends(v: Native) -> Native:
    """Of sorted values: (n,) bool, whether the next one differs."""
    xp = array_namespace(v)
    last = xp.ones_like(v[:1], dtype=xp.bool)
    return xp.concat([v[1:] != v[:-1], last])


def moments(cell: Native, offset: Native, weight: Native, order: int, n_cells: int) -> NDArray[np.float64]:
    """(order + 1, n_cells): sums of weight * offset^m over the samples of each cell."""
    xp = array_namespace(offset)
    rows = []
    for m in range(order + 1):
        weight = weight * offset if m else weight
        rows.append(to_numpy(xp.bincount(cell, weight, minlength=n_cells)))
    return np.stack(rows)


class Total:
    """A sum of arrays that keeps what rounding takes away (Knuth's two-sum)."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.high = np.zeros(shape)
        self.low = np.zeros(shape)

    def add(self, part: NDArray[np.float64] | float) -> None:
        total = self.high + part
        taken = total - self.high
        self.low = self.low + ((self.high - (total - taken)) + (part - taken))
        self.high = total

    def merge(self, other: Total) -> None:
        self.add(other.high)
        self.low = self.low + other.low

    @property
    def value(self) -> NDArray[np.float64]:
        return self.high + self.low
