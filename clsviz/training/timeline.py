"""The snapshots of a run in order, within a byte budget."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from clsviz.errors import InputError
from clsviz.training.snapshot import Snapshot

BUDGET_BYTES = 64_000_000


class Timeline:
    """Ordered snapshots; safe to read from any thread while the trainer adds.

    Over the budget it thins: first and last stay, and of those between goes the one whose
    neighbours are nearest to each other on a logarithmic axis of steps, so that what stays is a
    geometric grid. What it takes to resume may fill half of the budget and is thinned the same
    way; the last snapshot always keeps it.

    Args:
        budget_bytes: what the arrays of all snapshots may take together; first and last are kept
            whatever they take.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        if budget_bytes <= 0:
            raise InputError(f"budget_bytes: expected a positive number of bytes, got {budget_bytes}")
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._snapshots: list[Snapshot] = []
        self._steps: list[int] = []
        self._provisional = False
        self._nbytes = 0
        self._resume_nbytes = 0

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Snapshot]:
        with self._lock:
            return iter(list(self._snapshots))

    @property
    def steps(self) -> tuple[int, ...]:
        """The kept steps, ascending."""
        with self._lock:
            return tuple(self._steps)

    @property
    def nbytes(self) -> int:
        return self._nbytes

    @property
    def latest(self) -> Snapshot:
        """The last snapshot.

        Raises:
            InputError: nothing has been recorded yet.
        """
        with self._lock:
            return self._snapshots[self._any() - 1]

    def at(self, step: float) -> Snapshot:
        """The last snapshot at or before `step`; the first one where there is none before."""
        with self._lock:
            self._any()
            return self._snapshots[max(0, bisect_right(self._steps, step) - 1)]

    def add(self, snapshot: Snapshot, *, provisional: bool = False) -> None:
        """Appends a snapshot; a provisional one gives way to the next.

        Raises:
            InputError: its step lies before the last one (`truncate` first).
        """
        with self._lock:
            last = self._steps[-1] if self._steps else -1
            if snapshot.step < last:
                raise InputError(
                    f"a snapshot of step {snapshot.step} cannot follow step {last}; truncate first"
                )
            if snapshot.step == last or self._provisional:
                self._remove(len(self._steps) - 1)
            self._snapshots.append(snapshot)
            self._steps.append(snapshot.step)
            self._nbytes += snapshot.nbytes
            self._resume_nbytes += snapshot.resume_nbytes
            self._provisional = provisional
            self._thin()

    def truncate(self, step: int) -> None:
        """Drops all snapshots after `step`."""
        with self._lock:
            kept = bisect_right(self._steps, step)
            while len(self._steps) > kept:
                self._remove(len(self._steps) - 1)
                self._provisional = False

    def _any(self) -> int:
        if not self._steps:
            raise InputError("the timeline is empty: nothing has been recorded yet")
        return len(self._steps)

    def _remove(self, i: int) -> None:
        gone = self._snapshots.pop(i)
        self._steps.pop(i)
        self._nbytes -= gone.nbytes
        self._resume_nbytes -= gone.resume_nbytes

    def _thin(self) -> None:
        while self._resume_nbytes > self.budget_bytes / 2:
            holders = [s.step for s in self._snapshots if s.resume is not None]
            if len(holders) < 2:
                break
            # Of two, the earlier one goes: only the last must be able to go on.
            gone = holders[_closest(holders)] if len(holders) > 2 else holders[0]
            self._strip(bisect_left(self._steps, gone))
        while self._nbytes > self.budget_bytes and len(self._steps) > 2:
            self._remove(_closest(self._steps))

    def _strip(self, i: int) -> None:
        former = self._snapshots[i]
        self._nbytes -= former.resume_nbytes
        self._resume_nbytes -= former.resume_nbytes
        # A model whose parameters float32 cannot hold keeps only theta here.
        self._snapshots[i] = replace(former, resume=None)


def curve_of(snapshots: Iterable[Snapshot]) -> dict[str, np.ndarray]:
    """step, epoch and metrics of snapshots as arrays, each (S,); nan where one lacks a metric."""
    rows = [{"step": s.step, "epoch": s.epoch, **s.metrics} for s in snapshots]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def _closest(steps: list[int]) -> int:
    """Index of the inner step whose neighbours are nearest to each other in log(step + 1)."""
    place = np.log1p(np.asarray(steps, float))
    return 1 + int(np.argmin(place[2:] - place[:-2]))
