"""A run: one experiment that trains in the background and remembers how it went."""

from __future__ import annotations

from collections.abc import Mapping
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
from clsviz.training import store
from clsviz.training.commands import Commands
from clsviz.training.companions import complete
from clsviz.training.experiment import OWN, Experiment
from clsviz.training.optimizers import create_optimizer
from clsviz.training.session import Session
from clsviz.training.snapshot import Snapshot
from clsviz.training.source import model_from
from clsviz.training.timeline import BUDGET_BYTES


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
            experiment, base=own_data, own_module=module, extras=extras, budget_bytes=budget_bytes
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

    def model_at(self, step: int | None = None) -> nn.Module:
        """A copy of the model, on the CPU and in eval mode, as of that step; None: the latest."""
        session = self._trainer.session
        return model_from(session.template, _moment(session, step))

    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray:
        """Logits (N, K) float64 of inputs (N, D), by the model of that step."""
        return as_predictor(self.model_at(step), self.dataset.n_classes)(X)

    # Commands

    def set(self, path: str, value: Any) -> None:
        """Changes a parameter of the optimiser, the loss, or a parameter of the loss, from the next step.

        Args:
            path: ``optimizer.lr``, ``optimizer.weight_decay``, ``loss``, ``loss.q``, ...

        Raises:
            InputError: no such setting, a value that does not do, or a setting that needs `reset`.
            MissingNeed: the loss asks for something that is not there.
        """
        head, dot, _ = path.partition(".")
        with self._trainer.lock:
            session = self._trainer.session
            experiment = session.experiment.replace({path: value})
            objective = None
            if head == "loss":
                objective = session.engine.objective_for(experiment.loss)
            elif head == "optimizer" and dot:
                create_optimizer(experiment.optimizer, [nn.Parameter(torch.zeros(1))])
            else:
                raise InputError(
                    f"{path} cannot change while a run goes on; use reset({{{path!r}: {value!r}}}). "
                    "Parameters of the optimizer, and the loss, can"
                )
            self._trainer.post(self._trainer.adjust, experiment, objective)
            session.experiment = experiment

    def reset(self, changes: Mapping[str, Any] | None = None) -> None:
        """Begins anew, untrained, with these dotted paths changed and a new `run_id`.

        Takes place before it returns; the state is then "ready".

        Args:
            changes: ``{"data": "moons", "loss.q": 0.5}``; ``data`` may also be a Dataset or ``(X, y)``.
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
            extras=former.extras if same else None,
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
        live = all(path.split(".")[0] in ("loss", "optimizer") and path != "optimizer" for path in changes)
        if live:
            self.experiment.replace(changes)  # refuses all of them when one does not do
            for path in sorted(changes, key=lambda p: "." in p):
                self.set(path, changes[path])
            return
        began = self.state != "ready"
        self.reset(complete(changes, self.experiment.model))
        if began:
            self.start()

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
        session.target = saved.target
        for snapshot in saved.snapshots:
            session.timeline.add(snapshot)
        session.curve = saved.curve_rows()
        last = session.timeline.latest
        session.engine.restore(last)
        run = cls.__new__(cls)
        run._open(session, saved.own_data, module, pace)
        if last.step >= session.target:
            run._trainer.state = "finished"
        elif last.step:
            run._trainer.state = "paused"
        return run

    @staticmethod
    def _first_moment(session: Session) -> None:
        if session.record() is None:
            raise InputError(
                f"loss {session.loss.name!r} is not finite at the initial weights on "
                f"{session.dataset.name!r}; check the data and the parameters {dict(session.loss.params)}"
            )


def _moment(session: Session, step: int | None) -> Snapshot:
    return session.timeline.latest if step is None else session.timeline.at(step)
