"""A fan: one experiment trained with many values of a setting at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from clsviz.catalogue import Spec
from clsviz.data import load
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.models import as_predictor
from clsviz.training import fan_store
from clsviz.training.commands import Commands
from clsviz.training.experiment import OWN, Experiment
from clsviz.training.fan_members import Member
from clsviz.training.fan_session import FanSession
from clsviz.training.source import model_from
from clsviz.training.timeline import Timeline

if TYPE_CHECKING:
    from pandas import DataFrame

BUDGET_BYTES = 128_000_000


class Fan(Commands[FanSession]):
    """Trains K models side by side, one for each combination of the varied values and seeds.

    Sliders then move through trained models. A fan is a `Source`; what a source tells of one model
    (``timeline``, ``experiment``, ``dataset``, ...) is told of member 0. ``snapshot`` events carry
    {snapshots}, one of each member, all of the same step.

    Each member has the numbers that a `Run` of its experiment has after as many steps. A member
    whose loss or weights are no longer finite is frozen: its later snapshots repeat its last finite
    one, and `diverged` says since when. Members with a smaller training part (imbalance) have
    shorter epochs; all take the same steps, for the epochs of the longest.

    Args:
        experiment: what the members have in common, or the name of a dataset.
        vary: dotted paths of the experiment with their values, numbers: ``{"loss.q": [0, 0.5, 1]}``.
            Members are all combinations, the last path changing fastest. `variable` lists the paths.
        seeds: how many seeds for each combination (counted up from the experiment's), or which.
        data: your own Dataset or ``(X, y)``, in place of the experiment's data.
        module: your own torch module; a copy of it is trained by each member.
        teacher, extras: as of a `Run`; the members share them.
        pace: at most so many epochs a second; None for as fast as it goes.
        budget_bytes: what the timelines of all members together may keep.

    Raises:
        InputError, UnknownName, ShapeError, MissingNeed: it cannot be trained; the message says why.
    """

    def __init__(
        self,
        experiment: Experiment | str,
        vary: Mapping[str, Sequence[float]],
        seeds: int | Sequence[int] = 1,
        *,
        data: Dataset | tuple[Any, Any] | None = None,
        module: nn.Module | None = None,
        teacher: Any = None,
        extras: Mapping[str, Any] | None = None,
        pace: float | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        if isinstance(experiment, str | Spec):
            experiment = Experiment(experiment)
        if not isinstance(experiment, Experiment):
            raise InputError(
                "experiment: expected an Experiment or the name of a dataset, got "
                f"{type(experiment).__name__}; your own arrays are given as data=(X, y)"
            )
        own = {"data": data, "model": module}
        experiment = experiment.replace({name: OWN for name, given in own.items() if given is not None})
        self._own_data = None if data is None else load(data)
        self._own_module = module
        session = FanSession(
            experiment,
            vary,
            seeds,
            base=self._own_data,
            own_module=module,
            extras=extras,
            teacher=teacher,
            budget_bytes=budget_bytes,
        )
        session.record()
        self._begin(session, pace)

    @property
    def members(self) -> tuple[Member, ...]:
        """Index, values, seed, experiment and dataset of each model."""
        return self._trainer.session.members

    @property
    def vary(self) -> dict[str, tuple[float, ...]]:
        """The varied paths with their values."""
        return dict(self._trainer.session.vary)

    @property
    def seeds(self) -> tuple[int, ...]:
        return self._trainer.session.seeds

    @property
    def timelines(self) -> tuple[Timeline, ...]:
        """The snapshots of each member; all keep the same steps."""
        return self._trainer.session.timelines

    @property
    def diverged(self) -> np.ndarray:
        """(K,) int64, the step at which a member was frozen, -1 for those in good health."""
        return self._trainer.session.engine.diverged.copy()

    @property
    def engine_kind(self) -> str:
        """``"stacked"`` where all members take one batched step, ``"loop"`` where one after the other."""
        return self._trainer.session.engine.kind

    @property
    def why_loop(self) -> str:
        """Why the members do not take one batched step, in words; empty where they do."""
        return self._trainer.session.why_loop

    def __repr__(self) -> str:
        varied = " x ".join(f"{len(values)} values of {path}" for path, values in self.vary.items())
        seeds = f" x {len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        epoch, ill = self.timeline.latest.epoch, int((self.diverged >= 0).sum())
        diverged = f", {ill} diverged" if ill else ""
        return f"<Fan of {self.dataset.name}: {varied}{seeds}, {self.state}, epoch {epoch:.4g}{diverged}>"

    def model_at(self, step: int | None = None, member: int = 0) -> nn.Module:
        """A copy of a member's model, on the CPU and in eval mode, as of that step; None: the latest."""
        session = self._trainer.session
        timeline = session.timelines[self._index(member)]
        return model_from(session.template, timeline.latest if step is None else timeline.at(step))

    def predict(self, X: np.ndarray, step: int | None = None, member: int = 0) -> np.ndarray:
        """Logits (N, K) float64 of inputs (N, D), by a member's model of that step."""
        return as_predictor(self.model_at(step, member), self.dataset.n_classes)(X)

    def table(self) -> DataFrame:
        """A row for each member and kept step: the varied values, seed, step, epoch, metrics, diverged."""
        import pandas

        session = self._trainer.session
        since = self.diverged
        rows = []
        for m, timeline in zip(session.members, session.timelines, strict=True):
            frozen = since[m.index]
            for s in timeline:
                rows.append(
                    {"member": m.index, **m.values, "seed": m.seed, "step": s.step, "epoch": s.epoch}
                    | dict(s.metrics)
                    | {"diverged": bool(0 <= frozen <= s.step)}
                )
        return pandas.DataFrame(rows)

    def reset(self, changes: Mapping[str, Any] | None = None) -> None:
        """Begins anew, untrained, with these dotted paths of the experiment changed and a new `run_id`.

        The varied values and the seeds stay.
        """
        changes = dict(changes or {})
        former = self._trainer.session
        own_data = self._own_data
        if isinstance(changes.get("data"), Dataset | tuple):
            own_data, changes["data"] = load(changes["data"]), OWN
        experiment = former.experiment.replace(changes)
        same = experiment.data == former.experiment.data and "data" not in changes
        session = FanSession(
            experiment,
            former.vary,
            former.seeds,
            base=former.base if same else own_data if experiment.data.name == OWN else None,
            own_module=self._own_module,
            extras=former.extras if same else None,
            budget_bytes=former.budget_bytes,
        )
        session.record()
        self._own_data = own_data
        self._trainer.replace_session(session)

    def save(self, folder: str | Path) -> None:
        """Writes the fan into a folder: ``fan.json``, and a saved run for each member.

        A loaded fan goes on from the last snapshot as if it had never stopped. An own module's code
        is not saved, only its parameters.
        """
        session = self._trainer.session
        timelines = [{s.step: s for s in timeline} for timeline in session.timelines]
        # The trainer may be adding to them: what all have.
        common = sorted(set.intersection(*map(set, timelines)))
        fan_store.write(
            folder,
            vary=session.vary,
            seeds=session.seeds,
            members=session.members,
            moments=[[timeline[step] for step in common] for timeline in timelines],
            diverged=self.diverged,
            target=session.target,
            budget_bytes=session.budget_bytes,
            extras=session.extras,
            own_data=self._own_data if session.experiment.data.name == OWN else None,
        )

    @classmethod
    def load(cls, folder: str | Path, *, module: nn.Module | None = None, pace: float | None = None) -> Fan:
        """A saved fan, ready to go on from its last snapshot.

        Args:
            module: the own module that it trained, when it did: a file holds no code.

        Raises:
            InputError: there is no saved fan, or the files are damaged.
        """
        saved = fan_store.read(folder)
        first = saved.runs[0]
        session = FanSession(
            first.experiment,
            saved.vary,
            saved.seeds,
            base=first.own_data,
            own_module=module,
            extras=first.extras,
            budget_bytes=saved.budget_bytes,
        )
        if len(session.members) != len(saved.runs):
            raise InputError(
                f"the fan in {folder} is damaged: {len(saved.runs)} members are saved, its values make "
                f"{len(session.members)}"
            )
        session.take_over([run.snapshots for run in saved.runs], saved.diverged, first.target)
        fan = cls.__new__(cls)
        fan._own_data, fan._own_module = first.own_data, module
        fan._begin(session, pace)
        step = session.engine.step
        fan._trainer.state = "finished" if step >= session.target else "paused" if step else "ready"
        return fan

    def _index(self, member: int) -> int:
        count = len(self.members)
        if isinstance(member, bool) or not isinstance(member, int | np.integer) or not 0 <= member < count:
            raise InputError(f"member: expected a whole number in 0..{count - 1}, got {member!r}")
        return int(member)
