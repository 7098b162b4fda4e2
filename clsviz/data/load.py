"""One way in for every kind of data: a name, a Spec, arrays or a Dataset."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from clsviz.catalogue import Spec
from clsviz.catalogue.spec import OBJECTS, REGISTRY
from clsviz.data.arrays import from_arrays
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, UnknownName


def names() -> list[str]:
    """Names of the built-in sets, as `load` takes them."""
    return [m.name for m in REGISTRY.values() if m.kind == "data"]


def load(data: Spec | str | Mapping[str, Any] | Dataset | tuple[Any, Any]) -> Dataset:
    """The Dataset that `data` stands for.

    Args:
        data: name of a built-in set (``"digits"``), Spec with its parameters, arrays ``(X, y)`` as
            `from_arrays` takes them, or a Dataset, which comes back as it is.

    Raises:
        UnknownName: no set has this name; the message lists those there are.
        InputError: a parameter is unknown or out of range, or `data` is something else.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise InputError(f"data must be a pair (X, y), but has {len(data)} parts")
        return from_arrays(*data)
    if not isinstance(data, str | Spec | Mapping):
        raise InputError(
            f"data must be one of {names()}, a Spec, a Dataset or a pair (X, y), not {type(data).__name__}"
        )
    spec = Spec.of(data)
    for m in REGISTRY.values():
        if m.kind == "data" and spec.name in (m.name, m.id):
            make = OBJECTS[m.id]
            break
    else:
        raise UnknownName.among("data set", spec.name, names())
    known = list(inspect.signature(make).parameters)
    unknown = sorted(set(spec.params) - set(known))
    if unknown:
        raise InputError(f"{spec.name} has no parameter {unknown}; it has {known}")
    return make(**spec.params)
