"""Which samples each member of a fan sees in a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clsviz.training.fan_members import Member
from clsviz.training.seeding import batch_order


class Batches:
    """The batches of K members at any step, in the order that their seeds give.

    Members with equally long training parts and batches walk together; where lengths differ, short
    batches are filled up with their own first sample and masked.
    """

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        self._device = device
        self._count = len(members)
        found: dict[tuple[int, int], list[int]] = {}
        for row, m in enumerate(members):
            found.setdefault((len(m.dataset.train), m.experiment.batch_size), []).append(row)
        self._cohorts = [_Cohort(rows, [members[r] for r in rows], device) for rows in found.values()]

    def at(self, step: int) -> tuple[Tensor, Tensor | None]:
        """Rows of the dataset (K, b), and which of them count (K, b) bool; None: all."""
        parts = [(cohort.rows, cohort.batch(step)) for cohort in self._cohorts]
        if len(parts) == 1:
            return parts[0][1], None
        width = max(batch.shape[1] for _, batch in parts)
        index = torch.empty(self._count, width, dtype=torch.int64, device=self._device)
        mask = torch.zeros(self._count, width, dtype=torch.bool, device=self._device)
        for rows, batch in parts:
            n = batch.shape[1]
            # Its own sample, not any: what overflows for another member must not get in here.
            index[rows] = batch[:, :1].expand(-1, width)
            index[rows, :n] = batch
            mask[rows, :n] = True
        return index, mask


class _Cohort:
    """Members whose epochs begin and end together."""

    def __init__(self, rows: Sequence[int], members: Sequence[Member], device: torch.device) -> None:
        self.rows = torch.tensor(rows, device=device)
        self._members = members
        self._device = device
        self._size = members[0].experiment.batch_size
        self._length = -(-len(members[0].dataset.train) // self._size)
        self._orders: tuple[int, Tensor] | None = None

    def batch(self, step: int) -> Tensor:
        epoch, place = divmod(step, self._length)
        if self._orders is None or self._orders[0] != epoch:
            self._orders = (epoch, self._shuffled(epoch))
        return self._orders[1][:, place * self._size : (place + 1) * self._size]

    def _shuffled(self, epoch: int) -> Tensor:
        drawn: dict[tuple[int, int], np.ndarray] = {}
        for m in self._members:
            key = (m.seed, id(m.dataset))
            if key not in drawn:
                drawn[key] = batch_order(m.seed, epoch, m.dataset.train)
        orders = np.stack([drawn[m.seed, id(m.dataset)] for m in self._members])
        return torch.from_numpy(orders).to(self._device)
