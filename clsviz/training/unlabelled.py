"""Samples without labels: which of them a step sees, and what the model's answers to them are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clsviz.training.metrics import MAX_ROWS
from clsviz.training.seeding import generator_of

PREFIX = "unlabelled_"  # of the model's output of this name, for samples without labels
ROWS = 128  # in a step: enough to tell how the answers of two heads go together


def wanted(needs: Collection[str]) -> bool:
    """Whether the model is asked about samples without labels."""
    return any(name.startswith(PREFIX) for name in needs)


def named(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs for samples without labels, under the names that a loss needs them by."""
    return {PREFIX + name: value for name, value in outputs.items()}


class UnlabelledRows:
    """Which of M samples without labels each step sees, for runs of these seeds.

    All are seen before any is seen again; of M that `ROWS` does not divide, some wait for the next round.
    """

    def __init__(self, seeds: Sequence[int], count: int, device: torch.device) -> None:
        self._seeds, self._count, self._device = seeds, count, device
        self._size = min(ROWS, count)
        self._orders: tuple[int, Tensor] | None = None

    def at(self, step: int) -> Tensor:
        """(K, m) int64, m = `ROWS` or all there are; a function of seed and step alone."""
        turn, place = divmod(step, self._count // self._size)
        if self._orders is None or self._orders[0] != turn:
            drawn = {s: generator_of(s, "unlabelled", turn).permutation(self._count) for s in self._seeds}
            orders = torch.from_numpy(np.stack([drawn[s] for s in self._seeds]))
            self._orders = (turn, orders.to(self._device))
        return self._orders[1][:, place * self._size : (place + 1) * self._size]


def measured_unlabelled(count: int, seed: int) -> Tensor:
    """Which of M samples a snapshot is measured on, (m,) int64: all, or `MAX_ROWS` drawn once by the seed."""
    if count <= MAX_ROWS:
        return torch.arange(count)
    drawn = generator_of(seed, "rows", 3).choice(count, MAX_ROWS, replace=False)
    return torch.from_numpy(np.sort(drawn))
