"""Bags: groups of samples of which only the mix of labels is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.data.checks import count
from clsviz.training.seeding import generator_of
from clsviz.training.supplies.supply import Setting, Supply, supply


@supply(
    name="bags",
    title="Bags of samples",
    paper="Learning from Aggregate responses: Instance Level versus Bag Level Loss Functions",
    needs=("index",),
    size=Range(1, 64, step=1, unit="samples"),
)
class Bags(Supply):
    """Parts the samples of a batch at random into bags, (n,) int64 from 0; the last may be smaller.

    Drawn by the run's seed: the same samples in a batch make the same bags.

    Args:
        size: samples in a bag, >= 1; 1 gives back every single label.
    """

    couples = True

    def __init__(self, setting: Setting, *, size: int = 8) -> None:
        super().__init__()
        self._size = count(size, "supplies.bags.size")
        draw = generator_of(setting.seed, "supply")
        self._rank = torch.from_numpy(draw.permutation(len(setting.dataset.y))).to(setting.device)

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        place = self._rank[values["index"]].argsort().argsort()
        return place // self._size
