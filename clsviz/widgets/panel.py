"""What JupyterLab's side panel shows of this kernel: its live runs, with pause and stop.

The panel asks a kernel that has imported clsviz to `listen`, then opens a comm of its own; each panel
hears the table of runs at most once a second, and only when it has changed.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol

import comm

from clsviz.errors import ClsvizError, MessageError
from clsviz.training import Fan, live

TARGET = "clsviz.runs"
PERIOD = 0.5  # s between two looks at the runs
STEERS = ("pause", "resume", "stop")

LOG = logging.getLogger("clsviz")


class Comm(Protocol):
    """The part of a Jupyter comm that is used here."""

    def send(self, data: Any = None) -> None: ...
    def on_msg(self, callback: Any) -> None: ...
    def on_close(self, callback: Any) -> None: ...


class Panels:
    """The side panels that look at this kernel."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[Comm, Any] = {}  # what each panel knows
        self._thread: threading.Thread | None = None
        self._changed = threading.Event()

    def opened(self, channel: Comm, _message: Any = None) -> None:
        """A panel began to look."""
        channel.on_msg(lambda message: self.answer(channel, message["content"]["data"]))
        channel.on_close(lambda _message: self.closed(channel))
        with self._lock:
            self._told[channel] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="clsviz-panel", daemon=True)
                self._thread.start()
        self._changed.set()

    def closed(self, channel: Comm) -> None:
        """A panel is gone; with the last one the thread ends."""
        with self._lock:
            self._told.pop(channel, None)
        self._changed.set()

    def answer(self, channel: Comm, content: Any) -> None:
        """Steers a run as the panel asks; what is wrong with the message is told to the panel."""
        try:
            steer(content)
        except (ClsvizError, TypeError, ValueError) as error:
            channel.send({"kind": "error", "message": str(error)})
        self._changed.set()

    def _work(self) -> None:
        while True:
            self._changed.wait(PERIOD)
            self._changed.clear()
            with self._lock:
                channels = list(self._told)
                if not channels:
                    self._thread = None
                    return
            rows = table()
            for channel in channels:
                if self._told.get(channel) == rows:
                    continue
                try:
                    channel.send({"kind": "runs", "runs": rows})
                except Exception:  # the front end went away without closing
                    LOG.exception("the side panel is not reached")
                    self.closed(channel)
                with self._lock:
                    if channel in self._told:
                        self._told[channel] = rows


def steer(content: Any) -> None:
    """Obeys ``{"kind": "pause" | "resume" | "stop", "run": number}``.

    Raises:
        MessageError: it is not such a message, or there is no such run.
    """
    if not isinstance(content, dict) or content.get("kind") not in STEERS:
        raise MessageError(f"the side panel may ask for {STEERS}, not {content!r:.80}")
    number = content.get("run")
    run = live.numbered().get(number) if type(number) is int else None
    if run is None:
        raise MessageError(f"there is no live run {number!r:.80}")
    if content["kind"] == "pause":
        run.pause()
    elif content["kind"] == "resume":
        run.start()
    else:
        # run.stop() waits for the present step, which a handler must not
        threading.Thread(target=run.stop, name="clsviz-stop", daemon=True).start()


def table() -> list[dict[str, Any]]:
    """A row for each live run: what it trains and how far it is; plain values."""
    return [_row(number, run) for number, run in live.numbered().items()]


def _row(number: int, run: Any) -> dict[str, Any]:
    experiment, progress = run.experiment, run.progress
    accuracy = [s.metrics.get("validation_accuracy") for s in list(run.timeline)[-1:]]
    return {
        "run": number,
        "kind": type(run).__name__,
        "data": run.dataset.name,
        "model": experiment.model.name,
        "varied": list(run.vary) if isinstance(run, Fan) else [],
        "networks": len(run.members) if isinstance(run, Fan) else 1,
        "loss": experiment.loss.name,
        "state": run.state,
        "message": run.message,
        "epoch": round(float(progress["epoch"]), 1),
        "epochs": round(float(progress["epochs"]), 1),
        "accuracy": None if accuracy in ([], [None]) else round(float(accuracy[0]), 4),
    }


PANELS = Panels()


def listen() -> bool:
    """Lets side panels open their comm in this kernel; True, so that the panel knows."""
    comm.get_comm_manager().register_target(TARGET, PANELS.opened)
    return True
