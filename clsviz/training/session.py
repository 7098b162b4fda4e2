"""All that lives between two resets of a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from clsviz.catalogue import Spec
from clsviz.data import load, with_imbalance, with_label_noise
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.models import create, network
from clsviz.training.engine import LoopEngine, pick_device
from clsviz.training.experiment import OWN, Experiment
from clsviz.training.objective import Objective
from clsviz.training.recipe import Recipe
from clsviz.training.seeding import derive
from clsviz.training.snapshot import Snapshot
from clsviz.training.source import new_run_id
from clsviz.training.supplies import teacher_columns
from clsviz.training.timeline import Timeline
from clsviz.training.way import Way


class Session:
    """Dataset, model, engine, timeline and curve of one run from one reset to the next.

    Built in the caller's thread, so that what cannot be trained is refused there; afterwards the
    trainer's thread alone steps the engine.

    Args:
        base: the dataset behind ``experiment.data``, before noise and imbalance; None loads it.
        own_module: the untrained module behind ``experiment.model`` when that is "own"; copied.
        extras: see `LoopEngine`. teacher: see `teacher_columns`.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        base: Dataset | None = None,
        own_module: nn.Module | None = None,
        extras: Mapping[str, Any] | None = None,
        teacher: Any = None,
        budget_bytes: int,
    ) -> None:
        self.experiment = experiment
        self.run_id = new_run_id()
        self.base = base if base is not None else base_data(experiment)
        self.dataset = training_data(experiment, self.base)
        self.template = new_model(experiment, self.dataset, own_module)
        self.network = network(self.template)
        self.extras = all_extras(self.dataset, extras, teacher)
        self.device = pick_device(experiment.device)
        self.engine = LoopEngine(
            copy.deepcopy(self.template), self.dataset, experiment, extras=self.extras, device=self.device
        )
        self.timeline = Timeline(budget_bytes)
        self.curve: list[dict[str, float]] = []
        self.target = experiment.epochs * self.engine.steps_per_epoch
        self.stop_at: int | None = None
        self.way = Way(experiment)

    @property
    def loss(self) -> Spec:
        return self.experiment.loss

    def record(self, *, provisional: bool = False) -> Mapping[str, Any] | None:
        """Adds this moment to the timeline; None, and nothing added, when it is not finite."""
        snapshot = self.engine.capture(with_logits=self.network is None)
        if not self.engine.finite or not snapshot.finite:
            return None
        self.timeline.add(snapshot, provisional=provisional)
        if not provisional:
            self.note(snapshot)
        return {"snapshot": snapshot}

    def go_to(self, step: int) -> bool:
        """Back to the last snapshot at or before `step`; False when its optimiser was thinned away."""
        self.way.abandon()
        return self._go_to(step)

    def _go_to(self, step: int) -> bool:
        snapshot = self.timeline.at(step)
        self.engine.restore(snapshot)
        exact = snapshot.resume is not None
        self.way.back(snapshot.step, afresh=not exact)
        return exact

    def fall_back(self) -> str:
        """Goes back to the last finite snapshot; says so in words."""
        self.way.abandon()
        step, epoch = self.engine.step, self.engine.step / self.engine.steps_per_epoch
        self.engine.restore(self.timeline.latest)
        return (
            f"loss or weights were no longer finite in epoch {epoch:.2f} (step {step}); back at step "
            f"{self.engine.step}: lower optimizer.lr, then start, or reset"
        )

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        """Takes over changed parameters of optimiser and loss."""
        self.way.abandon()
        self._adjust(experiment, objective)

    def _adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        self.engine.adjust(experiment, objective)
        self.way.in_force = experiment

    def arrive(self) -> str | None:
        """Does what a followed recipe wants at this step; the state to rest in once it is at its end."""
        engine, way = self.engine, self.way
        while way.ahead(engine.step):
            stop = way.stops.popleft()
            if stop.turn is None:
                continue
            if stop.turn.afresh:
                engine.restore(replace(self.timeline.latest, resume=None))
                way.back(engine.step, afresh=True)
            self._adjust(stop.turn.experiment, stop.objective)
        goal = way.goal
        if goal is None or engine.step < goal.steps:
            return None
        way.goal = None
        if goal.at < goal.steps:
            self._go_to(goal.at)
        if not goal.steps:
            return "ready"
        return "paused" if engine.step < self.target else "finished"

    @property
    def recipe(self) -> Recipe:
        """How it came to where it is; while it follows a recipe, where that leads."""
        if self.way.goal is not None:
            return self.way.goal
        return Recipe(
            self.way.first,
            tuple(self.way.turns),
            self.timeline.latest.step,
            self.target,
            self.engine.step,
            self.experiment,
            self.way.instant,
            tuple(sorted(self.extras)),
        )

    def note(self, snapshot: Snapshot) -> None:
        """Adds a snapshot's numbers to the learning curve."""
        if not self.curve or self.curve[-1]["step"] < snapshot.step:
            self.curve.append({"step": snapshot.step, "epoch": snapshot.epoch, **snapshot.metrics})

    def cut(self) -> bool:
        """Drops what lies after the engine's step; whether there was anything."""
        step = self.engine.step
        if self.timeline.latest.step <= step:
            return False
        self.timeline.truncate(step)
        self.curve = [row for row in self.curve if row["step"] <= step]
        return True

    def is_due(self) -> bool:
        """Whether this step's snapshot stays."""
        step = self.engine.step
        return is_kept(step, self.engine.steps_per_epoch) or self.way.ahead(step)


def is_kept(step: int, epoch: int) -> bool:
    """Whether this step is one to remember: each epoch, and 1, 2, 4, ... within the first."""
    return step % epoch == 0 or (step < epoch and step & (step - 1) == 0)


def all_extras(dataset: Dataset, extras: Mapping[str, Any] | None, teacher: Any) -> dict[str, Any]:
    """The arrays that a run was given, and what its teacher says."""
    return {**({} if teacher is None else teacher_columns(teacher, dataset)), **(extras or {})}


def base_data(experiment: Experiment) -> Dataset:
    """The dataset that an experiment names, as the catalogue makes it."""
    if experiment.data.name == OWN:
        raise InputError('data "own" means your own arrays: give them as Run(..., data=(X, y))')
    return load(experiment.data)


def training_data(experiment: Experiment, base: Dataset) -> Dataset:
    """`base` with the experiment's imbalance and label noise in the training part."""
    dataset = base
    seed = derive(experiment.seed, "labels")
    if experiment.imbalance is not None:
        spec = experiment.imbalance
        dataset = with_imbalance(dataset, profile=spec.name, factor=spec.params["factor"], seed=seed)
    if experiment.label_noise is not None:
        spec = experiment.label_noise
        dataset = with_label_noise(dataset, kind=spec.name, rate=spec.params["rate"], seed=seed)
    return dataset


def new_model(experiment: Experiment, dataset: Dataset, own: nn.Module | None) -> nn.Module:
    """The untrained model of an experiment, on the CPU; a copy of `own` when it names that."""
    if experiment.model.name == OWN:
        if own is None:
            raise InputError('model "own" means your own module: give it as Run(..., module=...)')
        return copy.deepcopy(own).cpu()
    return create(
        experiment.model,
        dataset.n_features,
        dataset.n_classes,
        seed=derive(experiment.seed, "weights"),
        image_shape=dataset.image_shape,
        X=dataset.X[dataset.train],
    )
