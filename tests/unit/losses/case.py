"""One public test vector of the loss contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    name: str
    x: list[list[float]]
    targets: Any  # list of ints, floats, rows; None where the loss ignores them
    mean: float
    g0: list[float]
    params: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # lists; made tensors by the tests (ints -> int64)
    state: dict[str, Any] = field(default_factory=dict)  # lists copied into the state; sizes follow
