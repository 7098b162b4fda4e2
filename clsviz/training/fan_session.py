"""All that lives between two resets of a fan."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz.catalogue import Spec
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.models import network
from clsviz.training.engine import pick_device
from clsviz.training.experiment import Experiment
from clsviz.training.fan_engine import FanEngine, LoopEngines
from clsviz.training.fan_members import Member, checked_seeds, checked_vary, combine
from clsviz.training.objective import Objective
from clsviz.training.session import all_extras, base_data, is_kept, new_model
from clsviz.training.snapshot import Snapshot
from clsviz.training.source import new_run_id
from clsviz.training.stacked import CannotStack, StackedEngine
from clsviz.training.timeline import Timeline
from clsviz.training.way import Way


class FanSession:
    """Members, engine and timelines of one fan; to the trainer what a run's session is.

    All members take the same number of steps, and a step is the common time. Where imbalance or the
    batch size makes their epochs differ, the longest counts: for when a moment is kept and for
    where training ends, so that every member gets at least the epochs of its experiment. Each
    snapshot's `epoch` is its own member's.

    Args:
        base: the dataset behind ``experiment.data``; None loads it.
        own_module, extras, teacher: see `Session`.
        budget_bytes: what all timelines together may keep.
    """

    def __init__(
        self,
        experiment: Experiment,
        vary: Mapping[str, Sequence[float]],
        seeds: int | Sequence[int],
        *,
        base: Dataset | None = None,
        own_module: nn.Module | None = None,
        extras: Mapping[str, Any] | None = None,
        teacher: Any = None,
        budget_bytes: int,
    ) -> None:
        self.vary = checked_vary(experiment, vary)
        self.seeds = checked_seeds(experiment, self.vary, seeds)
        self.run_id = new_run_id()
        self.base = base if base is not None else base_data(experiment)
        self.members = combine(experiment, self.vary, self.seeds, self.base)
        self.experiment = self.members[0].experiment
        self.dataset = self.members[0].dataset
        models = [new_model(m.experiment, m.dataset, own_module) for m in self.members]
        self.template = copy.deepcopy(models[0])
        self.network = network(self.template)
        self.device = pick_device(experiment.device)
        self.extras = all_extras(self.dataset, extras, teacher)
        self.engine, self.why_loop = _engine(models, self.members, self.device, self.extras)
        self.budget_bytes = budget_bytes
        self.timelines = tuple(Timeline(max(1, budget_bytes // len(self.members))) for _ in self.members)
        self.target = experiment.epochs * self.engine.steps_per_epoch
        self.stop_at: int | None = None
        self.way = Way(self.experiment)

    @property
    def timeline(self) -> Timeline:
        return self.timelines[0]

    @property
    def loss(self) -> Spec:
        return self.experiment.loss

    def record(self, *, provisional: bool = False) -> Mapping[str, Any] | None:
        """Adds this moment to all timelines; a frozen member repeats its last finite one."""
        step = self.engine.step
        found = self.engine.capture(with_logits=self.network is None)
        if not self.engine.finite and self.step_of_moment is not None:
            return None
        snapshots = tuple(s or self._repeated(k, step) for k, s in enumerate(found))
        for timeline, snapshot in zip(self.timelines, snapshots, strict=True):
            timeline.add(snapshot, provisional=provisional)
        return {"snapshots": snapshots}

    @property
    def step_of_moment(self) -> int | None:
        """Step of the last moment that all timelines have; None before the first."""
        return self.timelines[-1].latest.step if len(self.timelines[-1]) else None

    def take_over(self, moments: Sequence[Sequence[Snapshot]], diverged: np.ndarray, target: int) -> None:
        """Goes on from what a file kept: the snapshots of each member and since when it is frozen."""
        for timeline, snapshots in zip(self.timelines, moments, strict=True):
            for snapshot in snapshots:
                timeline.add(snapshot)
        self.target = target
        self.engine.diverged[:] = diverged
        self.engine.restore([timeline.latest for timeline in self.timelines])

    def go_to(self, step: int) -> bool:
        """Back to the last moment at or before `step`; False when its optimiser was thinned away."""
        snapshots = [timeline.at(step) for timeline in self.timelines]
        self.engine.restore(snapshots)
        return all(s.resume is not None for s in snapshots)

    def fall_back(self) -> str:
        """What is said when no member is left."""
        last = int(self.engine.diverged.max())
        return (
            f"all {len(self.members)} members diverged, the last at step {last}: their loss or weights were "
            "no longer finite; seek back, or reset with a smaller optimizer.lr"
        )

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        raise InputError("the settings of a fan cannot change while it goes on; use reset")

    def cut(self) -> bool:
        """Drops what lies after the engine's step; whether there was anything."""
        step = self.engine.step
        if self.timeline.latest.step <= step:
            return False
        for timeline in self.timelines:
            timeline.truncate(step)
        return True

    def arrive(self) -> str | None:
        """A fan follows no recipe: there is nothing to do on the way."""
        return None

    def is_due(self) -> bool:
        """Whether this step's moment stays."""
        return is_kept(self.engine.step, self.engine.steps_per_epoch)

    def _repeated(self, k: int, step: int) -> Snapshot:
        timeline = self.timelines[k]
        if not len(timeline):
            raise InputError(
                f"loss {self.loss.name!r} is not finite at the initial weights of the member with "
                f"{dict(self.members[k].values)} and seed {self.members[k].seed}; leave these values out"
            )
        return replace(timeline.latest, step=step, epoch=step / self.members[k].steps_per_epoch)


def _engine(
    models: Sequence[nn.Module],
    members: Sequence[Member],
    device: torch.device,
    extras: Mapping[str, Any],
) -> tuple[FanEngine, str]:
    """The stacked engine where it can be, else one loop after the other and the reason why."""
    try:
        return StackedEngine(models, members, device, extras), ""
    except CannotStack as reason:
        return LoopEngines(models, members, device, extras), str(reason)
