"""The thread that trains: it reads commands between steps and publishes what happens."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch

from clsviz.catalogue import Spec
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.training.experiment import Experiment
from clsviz.training.objective import Objective
from clsviz.training.recipe import Recipe
from clsviz.training.source import LOG, Event, Subscribers
from clsviz.training.timeline import Timeline
from clsviz.training.way import Stop, Way

HEAD_SECONDS = 0.2  # a view of a long epoch moves this often,
HEAD_COST = 4.0  # but rests this many times as long as measuring the moment took
RATE_SECONDS = 0.5  # over which steps per second are counted
LEAST_WAIT = 0.002  # seconds; a shorter wait for the pace costs more than it keeps
JOIN_SECONDS = 10.0


class TrainerSession(Protocol):
    """What lives between two resets, as the trainer uses it: one run's, or a whole fan's."""

    run_id: str
    experiment: Experiment
    dataset: Dataset
    network: dict[str, Any] | None
    device: torch.device
    extras: dict[str, Any]
    target: int
    stop_at: int | None
    way: Way

    @property
    def timeline(self) -> Timeline: ...
    @property
    def loss(self) -> Spec: ...
    @property
    def engine(self) -> Pace: ...
    def record(self, *, provisional: bool = False) -> Mapping[str, Any] | None:
        """Keeps this moment; what a ``snapshot`` event says of it, None when it is not finite."""

    def go_to(self, step: int) -> bool:
        """Back to the last moment at or before `step`; False when its optimiser was thinned away."""

    def fall_back(self) -> str:
        """Goes back to what was finite; says in words what happened."""

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None: ...
    def cut(self) -> bool:
        """Drops what lies after the engine's step; whether there was anything."""

    def is_due(self) -> bool:
        """Whether this step's moment stays."""

    def arrive(self) -> str | None:
        """Does what a followed recipe wants at this step; the state to rest in once it is at its end."""


class Pace(Protocol):
    """The part of an engine that the trainer drives."""

    step: int
    steps_per_epoch: int

    @property
    def finite(self) -> bool: ...
    def advance(self) -> None: ...


S = TypeVar("S", bound=TrainerSession)


class Trainer(Generic[S]):
    """The inner side of a Run or Fan; does not know it, so that a forgotten Run can be collected.

    The thread starts with the first command and ends in `close`. State, message and the choice of
    the session change under `lock`; the engine belongs to the thread.
    """

    def __init__(self, session: S, pace: float | None) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.session = session
        self.state = "ready"
        self.message = ""
        self.pace = pace
        self.subscribers = Subscribers()
        self.rate = 0.0
        self._commands: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._obeying = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._last_snapshot = 0.0
        self._cost = 0.0
        self._rate_mark = (0.0, 0)

    # From any thread

    def post(self, command: Callable[..., None], *args: Any) -> None:
        """Leaves a command for the thread; returns at once."""
        with self.lock:
            if self._closing:
                raise InputError("this run was stopped; make a new Run, or load a saved one")
            self._commands.append((command, args))
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="clsviz-trainer", daemon=True)
                _LIVING.add(self)
                self._thread.start()
            self.lock.notify_all()

    def replace_session(self, session: S) -> None:
        """Puts another session in the place of this one, whose commands and results are dropped."""
        with self.lock:
            if self._closing:
                raise InputError("this run was stopped; make a new Run, or load a saved one")
            self._commands.clear()
            self.session = session
            self.state, self.message, self.rate = "ready", "", 0.0
            self.lock.notify_all()
        self.subscribers.publish(Event("reset", {"run_id": session.run_id}))
        self.subscribers.publish(Event("state", {"state": "ready", "message": ""}))

    def wait(self, timeout: float | None) -> bool:
        with self.lock:
            return self.lock.wait_for(self._is_idle, timeout)

    def close(self, *, join: bool) -> None:
        """Ends the thread after its present step."""
        with self.lock:
            self._closing = True
            self._commands.clear()
            thread = self._thread
            if thread is None:
                self.state = "stopped"
            self.lock.notify_all()
        if join and thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_SECONDS)

    def _is_idle(self) -> bool:
        if self._closing:
            return self._thread is None or self.state == "stopped"
        return not self._commands and not self._obeying and self.state != "running"

    # Commands, in the thread

    # Each is given the session it was meant for: a reset may come while it is obeyed.

    def start(self, session: S, epochs: int | None) -> None:
        step, length = session.engine.step, session.engine.steps_per_epoch
        if epochs is not None:
            session.target = step + epochs * length
        elif step >= session.target:
            session.target = step + session.experiment.epochs * length
        session.stop_at = None
        self._run(session)

    def resume(self, session: S) -> None:
        if self.state == "paused":
            self.start(session, None)

    def take_steps(self, session: S, n: int) -> None:
        session.stop_at = session.engine.step + n
        session.target = max(session.target, session.stop_at)
        self._run(session)

    def pause(self, session: S) -> None:
        if self.state == "running":
            if self._publish(session, provisional=False):
                self._enter(session, "paused")
            else:
                self._diverged(session)

    def seek(self, session: S, step: int) -> None:
        if self.state == "running":
            self._publish(session, provisional=False)
        exact = session.go_to(step)
        message = "" if exact else "optimiser and loss start afresh here: their state was thinned away"
        self._enter(session, "paused", message)

    def adjust(self, session: S, experiment: Experiment, objective: Objective | None) -> None:
        session.adjust(experiment, objective)

    def follow(self, session: S, recipe: Recipe, stops: Sequence[Stop]) -> None:
        """Trains along a recipe as fast as it goes, keeping a snapshot at each of the stops."""
        session.way.stops.extend(stops)
        session.target, session.stop_at = recipe.target, recipe.steps
        rest = session.arrive()
        if rest is None:
            self._run(session)
        else:
            self._enter(session, rest)

    # The thread

    def _loop(self) -> None:
        if self.session.device.type == "cpu":
            use_one_torch_thread()
        while True:
            with self.lock:
                self.lock.wait_for(lambda: self._commands or self._closing or self.state == "running")
                if self._closing:
                    break
                session = self.session
                command, args = self._commands.popleft() if self._commands else (None, ())
                self._obeying = command is not None
            try:
                if command is not None:
                    command(session, *args)
                elif self._is_time(session):
                    self._train(session)
            except Exception as error:
                LOG.exception("training failed")
                epoch = session.engine.step / session.engine.steps_per_epoch
                self._enter(session, "failed", f"epoch {epoch:.2f}: {type(error).__name__}: {error}")
            finally:
                with self.lock:
                    self._obeying = False
                    self.lock.notify_all()
        with self.lock:
            self.state, self.message = "stopped", ""
            self.lock.notify_all()
        self.subscribers.publish(Event("state", {"state": "stopped", "message": ""}))

    def _train(self, session: S) -> None:
        engine = session.engine
        session.way.note(engine.step)
        engine.advance()
        ends = engine.step >= session.target
        halts = session.stop_at is not None and engine.step >= session.stop_at
        # Reading a value waits for a GPU: there it is read with the snapshots alone.
        healthy = session.device.type != "cpu" or engine.finite
        now = time.monotonic()
        if healthy and (session.is_due() or ends or halts):
            healthy = self._publish(session, provisional=False)
        elif healthy and now - self._last_snapshot >= max(HEAD_SECONDS, HEAD_COST * self._cost):
            healthy = self._publish(session, provisional=True)
        if not healthy:
            self._diverged(session)
        elif (rest := session.arrive()) is not None:
            self._enter(session, rest)
        elif ends:
            self._enter(session, "finished")
        elif halts:
            self._enter(session, "paused")

    def _run(self, session: S) -> None:
        if session.cut() and self.session is session:
            self.subscribers.publish(Event("branch", {"step": session.engine.step}))
        self._due = time.monotonic()
        self._last_snapshot = self._due
        self._rate_mark = (self._due, session.engine.step)
        self._enter(session, "running")

    def _is_time(self, session: S) -> bool:
        """Waits for the pace; False when a command came first."""
        if not self.pace or self.session.way.goal is not None:
            return True
        with self.lock:
            while (ahead := self._due - time.monotonic()) > LEAST_WAIT:
                if self._commands or self._closing or self.session is not session:
                    return False
                self.lock.wait(ahead)
        each = 1 / (self.pace * session.engine.steps_per_epoch)
        self._due = max(self._due, time.monotonic() - each) + each
        return True

    def _publish(self, session: S, *, provisional: bool) -> bool:
        """Records this moment and tells of it; False when it is not finite."""
        start = time.monotonic()
        news = session.record(provisional=provisional)
        if news is None:
            return False
        now = time.monotonic()
        self._last_snapshot, self._cost = now, now - start
        then, step = self._rate_mark
        if now - then >= RATE_SECONDS:
            self.rate = (session.engine.step - step) / (now - then)
            self._rate_mark = (now, session.engine.step)
        if self.session is session:
            self.subscribers.publish(Event("snapshot", news))
        return True

    def _diverged(self, session: S) -> None:
        self._enter(session, "diverged", session.fall_back())

    def _enter(self, session: S, state: str, message: str = "") -> None:
        with self.lock:
            if self.session is not session:
                return
            self.state, self.message = state, message
            self.lock.notify_all()
        self.subscribers.publish(Event("state", {"state": state, "message": message}))


def use_one_torch_thread() -> None:
    """Lets torch use one CPU thread in the calling thread, and as many as before in all others.

    `torch.set_num_threads` sets the count of its thread and what threads that come later start
    with; a second thread puts the latter back.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    keeper = threading.Thread(target=torch.set_num_threads, args=(before,))
    keeper.start()
    keeper.join()


_LIVING: weakref.WeakSet[Trainer[Any]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A thread inside torch while the interpreter goes down would crash it."""
    for trainer in list(_LIVING):
        trainer.close(join=True)
