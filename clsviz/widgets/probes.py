"""One thread that computes what views ask for, off the handlers' path: the newest request wins."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable

JOIN_SECONDS = 10.0  # what a job may take, at most, to hear that it is cancelled

Job = Callable[[Callable[[], bool]], None]


class ProbeThread:
    """Runs jobs by name, one at a time, in the order they were first asked for.

    A job is called with ``cancelled()``, which it asks between chunks of work. Submitting a name again
    cancels the running or waiting job of that name. The thread lives only while there is work.

    Args:
        report: called with (job name, exception) when a job fails.
    """

    def __init__(self, report: Callable[[str, Exception], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._waiting: dict[str, Job] = {}
        self._running: str | None = None
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        _LIVING.add(self)

    def submit(self, name: str, job: Job) -> None:
        with self._lock:
            if self._closed:
                return
            self._waiting[name] = job
            if self._running == name:
                self._cancel.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="clsviz-probes", daemon=True)
                self._thread.start()

    def cancel(self, name: str | None = None) -> None:
        """Cancels the job of this name, or all."""
        with self._lock:
            if name is None:
                self._waiting.clear()
            else:
                self._waiting.pop(name, None)
            if self._running is not None and name in (None, self._running):
                self._cancel.set()

    def join(self, timeout: float | None = None) -> None:
        """Waits until no job is left."""
        with self._lock:  # else the thread may be seen before it is started
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def close(self) -> None:
        """Cancels all, takes no more, and waits until the thread has ended."""
        with self._lock:
            self._closed = True
        self.cancel()
        self.join(JOIN_SECONDS)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._running = next(iter(self._waiting), None)
                if self._running is None:
                    self._thread = None
                    return
                job = self._waiting.pop(self._running)
                self._cancel.clear()
            try:
                job(self._cancel.is_set)
            except Exception as error:
                self._report(self._running, error)


_LIVING: weakref.WeakSet[ProbeThread] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A thread inside torch while the interpreter goes down would crash it."""
    for probes in list(_LIVING):
        probes.close()
