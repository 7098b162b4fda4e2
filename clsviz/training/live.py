"""The runs that live in this kernel, for whoever lists or steers them."""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import Any

_LOCK = threading.Lock()
_LIVE: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_NUMBERS = itertools.count(1)


def enter(run: Any) -> None:
    """Lists a run (or fan) from now on, until it is stopped or nobody refers to it."""
    with _LOCK:
        _LIVE[next(_NUMBERS)] = run


def numbered() -> dict[int, Any]:
    """The live runs by a number that stays with each, oldest first; stopped ones are left out."""
    with _LOCK:
        runs = dict(sorted(_LIVE.items()))
    return {number: run for number, run in runs.items() if run.state != "stopped"}


def runs() -> list[Any]:
    """All runs of this kernel that can still train, oldest first.

    >>> [run.pause() for run in cv.runs()]  # doctest: +SKIP
    """
    return list(numbered().values())
