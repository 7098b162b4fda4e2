"""What a fan asks of an engine, and the engine that works for everything: one loop after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from clsviz.training.engine import LoopEngine
from clsviz.training.fan_members import Member
from clsviz.training.snapshot import Snapshot


class FanEngine(Protocol):
    """K models that take their steps together, from one thread at a time.

    A member whose loss or weights are no longer finite is frozen: `diverged` (K,) holds the step
    at which that was seen, -1 for those in good health, which go on as if they were alone.
    """

    kind: str  # "stacked" (one batched step) or "loop" (one after the other)
    step: int
    steps_per_epoch: int  # of the longest epoch; members with fewer samples have shorter ones
    diverged: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether any member is in good health."""

    def advance(self) -> None:
        """Takes one step with every healthy member."""

    def capture(self, *, with_logits: bool) -> tuple[Snapshot | None, ...]:
        """This moment of each member, measured; None for the frozen. May freeze members."""

    def restore(self, snapshots: Sequence[Snapshot]) -> None:
        """Goes back to the moment of these K snapshots, which are of one step."""


class LoopEngines:
    """K engines, one for each model; for what cannot be stacked.

    Args:
        models: K untrained modules.
        extras: see `LoopEngine`; the members share them.
    """

    kind = "loop"

    def __init__(
        self,
        models: Sequence[nn.Module],
        members: Sequence[Member],
        device: torch.device,
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        self._engines = [
            LoopEngine(model, m.dataset, m.experiment, extras=extras, device=device)
            for model, m in zip(models, members, strict=True)
        ]
        self._reads_at_once = device.type == "cpu"  # elsewhere reading a value waits for the device
        self.step = 0
        self.steps_per_epoch = max(e.steps_per_epoch for e in self._engines)
        self.diverged = np.full(len(members), -1, np.int64)

    @property
    def finite(self) -> bool:
        return bool((self.diverged < 0).any())

    def advance(self) -> None:
        if not self.finite:
            return
        self.step += 1
        for k, engine in enumerate(self._engines):
            if self.diverged[k] < 0:
                engine.advance()
                if self._reads_at_once and not engine.finite:
                    self.diverged[k] = self.step

    def capture(self, *, with_logits: bool) -> tuple[Snapshot | None, ...]:
        found: list[Snapshot | None] = []
        for k, engine in enumerate(self._engines):
            snapshot = engine.capture(with_logits=with_logits) if self.diverged[k] < 0 else None
            if snapshot is not None and not (engine.finite and snapshot.finite):
                self.diverged[k] = self.step
                snapshot = None
            found.append(snapshot)
        return tuple(found)

    def restore(self, snapshots: Sequence[Snapshot]) -> None:
        self.step = snapshots[0].step
        self.diverged[self.diverged > self.step] = -1
        for k, engine in enumerate(self._engines):
            if self.diverged[k] < 0:
                engine.restore(snapshots[k])
