"""Widths of a network's layers, as a caller gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clsviz.data.checks import count
from clsviz.errors import InputError


def widths(value: Any, name: str) -> list[int]:
    """`value` as a list of at least one int >= 1.

    Raises:
        InputError: it is something else; the message calls it `name`.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InputError(f"{name} must be a sequence of whole numbers like (64,), not {value!r}")
    numbers = [count(width, name) for width in value]
    if not numbers:
        raise InputError(f"{name} must be at least one whole number, but is empty")
    return numbers
