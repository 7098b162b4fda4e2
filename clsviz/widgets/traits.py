"""Traits for numbers: arrays that cross to the browser as one binary buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

_DTYPES = ("float32", "int32", "uint16", "uint8")


def as_bytes(array: np.ndarray) -> memoryview:
    """The array's bytes, row-major; empty arrays too."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def pack(value: np.ndarray | None, _owner: Any = None) -> dict[str, Any] | None:
    """``{dtype, shape, data}``; what ``readArray`` in js/src/core/arrays.ts reads."""
    if value is None:
        return None
    array = np.asarray(value)
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": as_bytes(array)}


def unpack(value: Any, _owner: Any = None) -> np.ndarray | None:
    """The array in a message from the browser; a plain list of integers is also taken."""
    if value is None:
        return None
    try:  # other than after a TraitError, traitlets keeps unchecked what came with it
        if isinstance(value, list):
            return np.asarray(value, dtype=np.int32)
        if isinstance(value, dict) and value.get("dtype") in _DTYPES:
            return np.frombuffer(value["data"], dtype=value["dtype"]).reshape(value["shape"]).copy()
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise traitlets.TraitError(f"no array can be made of what arrived: {error}") from error
    raise traitlets.TraitError(f"an array arrives as {{dtype, shape, data}}, not {type(value).__name__}")


def plain(value: Any) -> Any:
    """A trait's value as JSON has it; an empty array, as of no selection, is null."""
    if isinstance(value, np.ndarray):
        return value.tolist() or None
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


class Array(traitlets.TraitType[Any, Any]):
    """A numpy array of fixed dtype and rank, or None."""

    default_value = None
    allow_none = True

    def __init__(self, dtype: str, ndim: int = 1, **kwargs: Any) -> None:
        self.dtype, self.ndim = np.dtype(dtype), ndim
        super().__init__(default_value=None, allow_none=True, **kwargs)
        self.tag(sync=True, to_json=pack, from_json=unpack, equals=_same)

    def validate(self, obj: Any, value: Any) -> np.ndarray | None:
        if value is None:
            return None
        array = np.asarray(value)
        if array.size == 0:
            array = array.astype(self.dtype).reshape((0,) * self.ndim)
        if array.ndim != self.ndim or array.dtype.kind not in "iufb":
            raise traitlets.TraitError(
                f"{self.name} needs numbers in {self.ndim} dimension(s), got {array.dtype} {array.shape}"
            )
        return array.astype(self.dtype)

    def set(self, obj: Any, value: Any) -> None:
        new = self._validate(obj, value)
        old = obj._trait_values.get(self.name)
        obj._trait_values[self.name] = new
        if not _same(old, new):
            obj._notify_trait(self.name, old, new)


class Indices(Array):
    """Sample indices of the owner's dataset: ascending, without repeats, int32; in the browser null for none.

    Takes any sequence of whole numbers, a mask of one bool for each sample, or None for none.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("int32", **kwargs)
        self.allow_none = False  # None is taken, and becomes an empty array
        self.tag(to_json=lambda value, owner: pack(value, owner) if value.size else None)

    def default(self, obj: Any = None) -> np.ndarray:
        return np.empty(0, self.dtype)

    def validate(self, obj: Any, value: Any) -> np.ndarray:
        if value is None:
            return self.default()
        n = len(obj.session.dataset.y)
        array = np.asarray(value)
        if array.dtype == bool:
            if array.shape != (n,):
                raise traitlets.TraitError(
                    f"{self.name} as a mask needs one bool for each of {n} samples, got shape {array.shape}"
                )
            array = np.flatnonzero(array)
        if array.size == 0:
            return self.default()
        if array.ndim != 1 or array.dtype.kind not in "iuf" or (array != np.floor(array)).any():
            raise traitlets.TraitError(
                f"{self.name} needs whole numbers in 1-d, or a mask, got {array.dtype} {array.shape}"
            )
        if not (array.min() >= 0 and array.max() < n):
            raise traitlets.TraitError(
                f"{self.name} must hold sample indices in 0..{n - 1}, got {array.min()}..{array.max()}"
            )
        return np.unique(array).astype(self.dtype)


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.array_equal(a, b))
