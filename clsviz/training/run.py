"""A run: one experiment that trains in the background and remembers how it went."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz.catalogue import Spec
from clsviz.data import load
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.models import as_predictor
from clsviz.training import starts, store
from clsviz.training.commands import Commands
from clsviz.training.companions import complete
from clsviz.training.experiment import OWN, SUPPLIES, Experiment
from clsviz.training.optimizers import create_optimizer
from clsviz.training.recipe import Recipe, Turn
from clsviz.training.session import Session
from clsviz.training.snapshot import Snapshot
from clsviz.training.source import model_from
from clsviz.training.timeline import BUDGET_BYTES
from clsviz.training.usable import unusable
from clsviz.training.way import Stop


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """What a run has come to. P parameters, S points of the learning curve."""

    experiment: Experiment
    state: str
    steps: int  # taken so far
    epochs: float
    curve: dict[str, np.ndarray]  # each (S,): step, epoch, train_loss, ..., validation_ece
    theta: np.ndarray  # (P,) float32, the parameters of the last snapshot
    metrics: dict[str, float]  # of the last snapshot


class Run(Commands[Session]):
    """Trains an experiment in a background thread; a `Source` for the views.

    Every command returns at once; the thread reads it between two steps. What cannot be trained
    (an unknown name, a loss that lacks something, a model that does not fit) is refused by the call
    itself. A subscriber that refers to the Run keeps it alive until it unsubscribes.

    Args:
        what: an `Experiment`, the name of a dataset, a `Dataset`, or arrays ``(X, y)``.
        data: your own Dataset or ``(X, y)``, in place of the experiment's data.
        module: your own torch module, (N, D) to (N, K); a copy of it is trained.
        teacher: what a loss of distillation learns from: another run (as it is now), a torch module, a
            fitted classifier, or logits (N, K). It is asked once for every sample; the answers are
            the extras ``teacher_logits`` and, of networks, ``teacher_embeddings``.
        extras: arrays with one row per sample that a loss needs (``teacher_logits``, ``weights``, ...).
        pace: at most so many epochs a second; None for as fast as it goes. Can be set any time.
        budget_bytes: what the timeline may keep.

    Raises:
        InputError, UnknownName, ShapeError, MissingNeed: it cannot be trained; the message says why.
    """

    def __init__(
        self,
        what: Experiment | str | Dataset | tuple[Any, Any] = "digits",
        *,
        data: Dataset | tuple[Any, Any] | None = None,
        module: nn.Module | None = None,
        teacher: Any = None,
        extras: Mapping[str, Any] | None = None,
        pace: float | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        if isinstance(what, Experiment):
            experiment = what
        elif isinstance(what, str | Spec):
            experiment = Experiment(what)
        else:
            if data is not None:
                raise InputError("data was given twice: as the first argument and as data=")
            experiment, data = Experiment(), what
        if data is not None:
            experiment = experiment.replace({"data": OWN})
        if module is not None:
            experiment = experiment.replace({"model": OWN})
        own_data = None if data is None else load(data)
        session = Session(
            experiment,
            base=own_data,
            own_module=module,
            extras=extras,
            teacher=teacher,
            budget_bytes=budget_bytes,
        )
        self._open(session, own_data, module, pace)
        self._first_moment(session)

    def _open(
        self, session: Session, own_data: Dataset | None, module: nn.Module | None, pace: float | None
    ) -> None:
        self._own_data, self._own_module = own_data, module
        self._begin(session, pace)

    # Source

    @property
    def own_data(self) -> Dataset | None:
        """The dataset that was handed over in place of one of the catalogue."""
        return self._own_data

    @property
    def own_module(self) -> nn.Module | None:
        """The module that was handed over in place of a model of the catalogue."""
        return self._own_module

    @property
    def recipe(self) -> Recipe:
        """How the run came to where it is; `Run.from_recipe` goes the same way again."""
        return self._trainer.session.recipe

    def model_at(self, step: int | None = None) -> nn.Module:
        """A copy of the model, on the CPU and in eval mode, as of that step; None: the latest."""
        session = self._trainer.session
        return model_from(session.template, _moment(session, step))

    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray:
        """Logits (N, K) float64 of inputs (N, D), by the model of that step."""
        return as_predictor(self.model_at(step), self.dataset.n_classes)(X)

    @property
    def unusable_losses(self) -> dict[str, str]:
        """Why a loss of the catalogue cannot be trained with here, by name; usable ones are left out."""
        session = self._trainer.session
        return unusable(session.engine, session.experiment)

    # Commands

    def set(self, path: str, value: Any) -> None:
        """Changes the loss, or a parameter of optimiser, loss or supplies, from the next step.

        Args:
            path: ``optimizer.lr``, ``loss``, ``loss.q``, ``supplies.bags.size``, ...

        Raises:
            InputError: no such setting, a value that does not do, or a setting that needs `reset`.
            MissingNeed: the loss asks for something that is not there.
        """
        head, dot, _ = path.partition(".")
        with self._trainer.lock:
            session = self._trainer.session
            experiment = session.experiment.replace({path: value})
            objective = None
            if head in ("loss", SUPPLIES):
                objective = session.engine.objective_for(experiment)
            elif head == "optimizer" and dot:
                create_optimizer(experiment.optimizer, [nn.Parameter(torch.zeros(1))])
            else:
                raise InputError(
                    f"{path} cannot change while a run goes on; use reset({{{path!r}: {value!r}}}). "
                    "Parameters of the optimizer, the loss, and supplies can"
                )
            self._trainer.post(self._trainer.adjust, experiment, objective)
            session.experiment = experiment

    def reset(self, changes: Mapping[str, Any] | None = None, *, teacher: Any = None) -> None:
        """Begins anew, untrained, with these dotted paths changed and a new `run_id`.

        Takes place before it returns; the state is then "ready".

        Args:
            changes: ``{"data": "moons", "loss.q": 0.5}``; ``data`` may also be a Dataset or ``(X, y)``.
            teacher: a new one, as for `Run`; None keeps what the former said, while the data stay.
        """
        changes = dict(changes or {})
        former = self._trainer.session
        own_data = self._own_data
        if isinstance(changes.get("data"), Dataset | tuple):
            own_data, changes["data"] = load(changes["data"]), OWN
        experiment = former.experiment.replace(changes)
        same = experiment.data == former.experiment.data and "data" not in changes
        session = Session(
            experiment,
            base=former.base if same else own_data if experiment.data.name == OWN else None,
            own_module=self._own_module,
            extras=_without_teacher(former.extras, teacher) if same else None,
            teacher=teacher,
            budget_bytes=former.timeline.budget_bytes,
        )
        self._first_moment(session)
        self._own_data = own_data
        self._trainer.replace_session(session)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Changes dotted paths the gentlest way: from the next step where that can be, else by `reset`.

        After a reset training begins again where it had begun before. A new model brings the loss and
        optimiser it is meant for, where the catalogue names them and `changes` does not.

        Raises:
            InputError, UnknownName, MissingNeed: as `set` and `reset`; nothing has changed then.
        """
        heads = ("loss", "optimizer", SUPPLIES)
        live = all(path.split(".")[0] in heads and path != "optimizer" for path in changes)
        if live:
            self.experiment.replace(changes)  # refuses all of them when one does not do
            for path in sorted(changes, key=lambda p: "." in p):
                self.set(path, changes[path])
            return
        began = self.state != "ready"
        self.reset(complete(changes, self.experiment.model))
        if began:
            self.start()

    def follow(self, recipe: Recipe, keep: Iterable[int] = ()) -> None:
        """Goes to where a recipe leads: on from here where that is on its way, else from its beginning.

        Returns at once; training then goes as fast as it can.

        Args:
            keep: further steps whose snapshots shall stay.

        Raises:
            InputError, UnknownName, MissingNeed: it cannot be trained; nothing has changed then.
        """
        former, here = self._trainer.session, self._trainer.session.recipe
        wanted = {recipe.steps, *keep}
        if recipe.same_way(here) and {s for s in wanted if s <= here.steps} <= set(self.timeline.steps):
            if recipe.steps <= here.steps:
                return
            session = former
        else:
            same = recipe.experiment.data == former.experiment.data
            session = _opened(
                recipe,
                wanted,
                own_data=self._own_data if recipe.experiment.data.name == OWN else None,
                base=former.base if same else None,
                own_module=self._own_module,
                extras=former.extras if recipe.extras else None,
                budget_bytes=former.timeline.budget_bytes,
            )
        stops = _stops(session, recipe, wanted)
        if session is not former:
            self._own_data = self._own_data if recipe.experiment.data.name == OWN else None
            self._trainer.replace_session(session)
        self._follow(session, recipe, stops)

    def _follow(self, session: Session, recipe: Recipe, stops: list[Stop]) -> None:
        session.way.goal = recipe  # at once: whoever asks where the run is hears where it will be
        session.experiment = recipe.now
        self._trainer.post(self._trainer.follow, recipe, stops)

    @property
    def curve(self) -> dict[str, np.ndarray]:
        """The learning curve, each (S,): step, epoch, train_loss, ..., validation_ece."""
        rows = list(self._trainer.session.curve)
        return {name: np.array([row.get(name, np.nan) for row in rows]) for name in rows[0]}

    def result(self) -> RunResult:
        """What the run has come to so far."""
        session, last = self._trainer.session, self.timeline.latest
        assert last.theta is not None
        return RunResult(
            session.experiment,
            self.state,
            last.step,
            last.epoch,
            self.curve,
            last.theta.copy(),
            dict(last.metrics),
        )

    # Files

    def save(self, folder: str | Path) -> None:
        """Writes timeline, curve, experiment, own data and extras: ``run.json`` and ``tensors.safetensors``.

        A loaded run goes on from the last snapshot as if it had never stopped. An own module's code
        is not saved, only its parameters.
        """
        session = self._trainer.session
        store.write(
            folder,
            experiment=session.experiment,
            target=session.target,
            budget_bytes=session.timeline.budget_bytes,
            snapshots=list(session.timeline),
            curve=self.curve,
            extras=session.extras,
            own_data=self._own_data if session.experiment.data.name == OWN else None,
        )

    @classmethod
    def load(cls, folder: str | Path, *, module: nn.Module | None = None, pace: float | None = None) -> Run:
        """A saved run, ready to go on from its last snapshot.

        Args:
            module: the own module that it trained, when it did: a file holds no code.

        Raises:
            InputError: there is no saved run, or the files are damaged.
        """
        saved = store.read(folder)
        session = Session(
            saved.experiment,
            base=saved.own_data,
            own_module=module,
            extras=saved.extras,
            budget_bytes=saved.budget_bytes,
        )
        _fill(session, saved)
        last = session.timeline.latest
        run = cls.__new__(cls)
        run._open(session, saved.own_data, module, pace)
        if last.step >= session.target:
            run._trainer.state = "finished"
        elif last.step:
            run._trainer.state = "paused"
        return run

    @classmethod
    def from_recipe(
        cls,
        recipe: Recipe,
        *,
        data: Dataset | tuple[Any, Any] | None = None,
        module: nn.Module | None = None,
        extras: Mapping[str, Any] | None = None,
        pace: float | None = None,
        keep: Iterable[int] = (),
    ) -> Run:
        """A run that trains along a recipe in the background, as fast as it goes, and rests at its end.

        Args:
            data, module, extras: what the recipe's run was given and no catalogue names.
            pace: for what is trained after that.
            keep: steps whose snapshots shall stay, besides those a run keeps anyway.

        Raises:
            InputError: something of one's own is missing, or the recipe cannot be trained.
        """
        _require_own(recipe, data, module, extras)
        own_data = None if data is None else load(data)
        wanted = {recipe.steps, *keep}
        session = _opened(recipe, wanted, own_data=own_data, own_module=module, extras=extras)
        run = cls.__new__(cls)
        run._open(session, own_data, module, pace)
        if session.engine.step == recipe.steps == recipe.at and recipe.now == recipe.experiment:
            session.target = recipe.target
            if recipe.steps:
                run._trainer.state = "finished" if recipe.target <= recipe.steps else "paused"
            return run
        run._follow(session, recipe, _stops(session, recipe, wanted))
        return run

    @staticmethod
    def _first_moment(session: Session) -> None:
        if session.record() is None:
            raise InputError(
                f"loss {session.loss.name!r} is not finite at the initial weights on "
                f"{session.dataset.name!r}; check the data and the parameters {dict(session.loss.params)}"
            )


def _without_teacher(extras: Mapping[str, Any], teacher: Any) -> dict[str, Any]:
    """A run's arrays; without what its former teacher said where there is a new one."""
    return {k: v for k, v in extras.items() if teacher is None or not k.startswith("teacher_")}


def _fill(session: Session, saved: store.Saved) -> None:
    """Brings a fresh session to where a saved one stood."""
    session.target = saved.target
    for snapshot in saved.snapshots:
        session.timeline.add(snapshot)
    session.curve = saved.curve_rows()
    session.engine.restore(session.timeline.latest)


def _opened(
    recipe: Recipe,
    wanted: Collection[int],
    *,
    own_data: Dataset | None,
    own_module: nn.Module | None,
    extras: Mapping[str, Any] | None,
    base: Dataset | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Session:
    """A session at the recipe's beginning: untrained, or a start that clsviz brings along."""
    session = Session(
        recipe.experiment,
        base=own_data if own_data is not None else base,
        own_module=own_module,
        extras=extras,
        budget_bytes=budget_bytes,
    )
    saved = starts.find(recipe.experiment) if recipe.instant else None
    if saved is not None:
        kept = {s.step for s in saved.snapshots}
        leaves = min([saved.target, recipe.steps, *(turn.step for turn in recipe.turns)])
        if {s for s in (leaves, *wanted) if s <= leaves} <= kept:
            _fill(session, saved)
            session.engine.restore(session.timeline.at(leaves))
            session.cut()
            session.way.instant = True
            return session
    Run._first_moment(session)
    return session


def _stops(session: Session, recipe: Recipe, wanted: Collection[int]) -> list[Stop]:
    """Where a session that follows a recipe keeps a snapshot or changes its settings."""
    here = session.engine.step
    stops = [Stop(step) for step in wanted if here < step <= recipe.steps]
    last = recipe.experiment
    turns = [*recipe.turns, Turn(recipe.steps, recipe.now)]
    for turn in turns:
        if turn.step >= here and (turn.experiment != last or turn.afresh):
            now = turn.experiment
            same = now.loss == last.loss and now.supplies == last.supplies
            objective = None if same else session.engine.objective_for(now)
            stops.append(Stop(turn.step, turn, objective))
        last = turn.experiment
    return sorted(stops, key=lambda stop: (stop.step, stop.turn is not None))


def _require_own(recipe: Recipe, data: Any, module: Any, extras: Mapping[str, Any] | None) -> None:
    """Names what the recipe needs besides itself."""
    needs = [
        ("data=(X, y)", "own data", recipe.experiment.data.name == OWN, data is not None),
        ("module=...", "an own module", recipe.experiment.model.name == OWN, module is not None),
        ("extras={...}", f"extras {list(recipe.extras)}", bool(recipe.extras), bool(extras)),
    ]
    for give, what, needed, given in needs:
        if needed and not given:
            raise InputError(f"this was trained with {what}, which has no name: give it again as {give}")
        if given and not needed:
            raise InputError(f"{give} was given, but this was not trained with {what}")


def _moment(session: Session, step: int | None) -> Snapshot:
    return session.timeline.latest if step is None else session.timeline.at(step)
