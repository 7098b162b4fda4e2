"""The commands that everything with a trainer obeys: a Run and a Fan alike."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, Self

import numpy as np

from clsviz.catalogue import Spec
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.training import live
from clsviz.training.experiment import Experiment
from clsviz.training.source import Event
from clsviz.training.timeline import Timeline
from clsviz.training.trainer import S, Trainer


class Commands(Generic[S]):
    """Start, pause, step, seek; and what a source tells of itself.

    Every command returns at once; the trainer's thread reads it between two steps.
    """

    _trainer: Trainer[S]

    def _begin(self, session: S, pace: float | None) -> None:
        self._trainer = Trainer(session, checked_pace(pace))
        # The trainer does not hold us: when the last reference goes, its thread ends.
        weakref.finalize(self, self._trainer.close, join=False).atexit = False
        live.enter(self)

    @property
    def dataset(self) -> Dataset:
        return self._trainer.session.dataset

    @property
    def extras(self) -> dict[str, Any]:
        """What it was given with a row for each sample, a teacher's answers among it, by name."""
        return dict(self._trainer.session.extras)

    @property
    def network(self) -> dict[str, Any] | None:
        return self._trainer.session.network

    @property
    def state(self) -> str:
        """One of ready, running, paused, finished, diverged, failed, stopped."""
        return self._trainer.state

    @property
    def message(self) -> str:
        """Why it diverged or failed, in words; empty otherwise."""
        return self._trainer.message

    @property
    def timeline(self) -> Timeline:
        return self._trainer.session.timeline

    @property
    def run_id(self) -> str:
        return self._trainer.session.run_id

    @property
    def loss(self) -> Spec:
        return self._trainer.session.experiment.loss

    @property
    def experiment(self) -> Experiment:
        return self._trainer.session.experiment

    def subscribe(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `fn(event)` from the trainer's thread, until the returned function is called.

        `fn` must return at once: training waits for it.
        """
        return self._trainer.subscribers.add(fn)

    def start(self, epochs: int | None = None) -> Self:
        """Trains on to the end of the experiment's epochs; from there, as many epochs more.

        Args:
            epochs: train this many from here instead.
        """
        if epochs is not None:
            epochs = checked_count("epochs", epochs)
        self._trainer.post(self._trainer.start, epochs)
        return self

    def pause(self) -> None:
        """Stops after the present step; nothing when it does not run."""
        self._trainer.post(self._trainer.pause)

    def resume(self) -> None:
        """Goes on after `pause`, `step` or `seek`; nothing in other states."""
        self._trainer.post(self._trainer.resume)

    def step(self, n: int = 1) -> None:
        """Takes n optimisation steps and pauses."""
        self._trainer.post(self._trainer.take_steps, checked_count("n", n))

    def seek(self, step: int) -> None:
        """Goes back (or forth) to the last snapshot at or before `step` and pauses there.

        Parameters, optimiser and loss are as they were, so `start` goes on as it did then; what
        lay after is cut when it does (event ``branch``). Settings stay as they are now.
        """
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 0:
            raise InputError(f"step: expected a whole number >= 0, got {step!r}")
        self._trainer.post(self._trainer.seek, int(step))

    def stop(self) -> None:
        """Ends the thread for good; what was learnt stays readable."""
        self._trainer.close(join=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until all commands are obeyed and nothing trains; False when `timeout` seconds pass first."""
        return self._trainer.wait(timeout)

    @property
    def pace(self) -> float | None:
        """At most so many epochs a second; None for as fast as it goes."""
        return self._trainer.pace

    @pace.setter
    def pace(self, value: float | None) -> None:
        self._trainer.pace = checked_pace(value)

    @property
    def progress(self) -> dict[str, Any]:
        """step, epoch, epochs (where it will end), fraction in [0, 1], steps_per_second, state."""
        session = self._trainer.session
        step, length = session.engine.step, session.engine.steps_per_epoch
        return {
            "step": step,
            "epoch": step / length,
            "epochs": session.target / length,
            "fraction": min(1.0, step / session.target),
            "steps_per_second": self._trainer.rate,
            "state": self.state,
        }


def checked_pace(pace: float | None) -> float | None:
    if pace is not None and not (isinstance(pace, int | float) and pace > 0):
        raise InputError(f"pace: expected epochs per second > 0, or None for no limit, got {pace!r}")
    return pace


def checked_count(name: str, value: Any) -> int:
    """`value` as an int >= 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name}: expected a whole number >= 1, got {value!r}")
    return int(value)
