"""Many calls on whatever workers joblib has, and a line that tells how far they are."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import joblib

PROGRESS_SECONDS = 0.5


def spread(calls: Sequence[Any], n_jobs: int | None, backend: str | None) -> Iterator[Any]:
    """Results of ``joblib.delayed`` calls, in the order in which they come in.

    Args:
        n_jobs: how many at a time; None: as ``joblib.parallel_config`` says, else one a core.
        backend: of joblib; None: as ``joblib.parallel_config`` says, else "loky".
    """
    with joblib.parallel_config(backend=backend) if backend else contextlib.nullcontext():
        active, configured = joblib.parallel.get_active_backend()
        if n_jobs is None:
            n_jobs = configured if configured != 1 else -1
        if active.supports_return_generator:
            yield from joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
            return
        # Results come together ("multiprocessing"): in waves, so that each is kept soon.
        wave = max(1, joblib.effective_n_jobs(n_jobs))
        for start in range(0, len(calls), wave):
            yield from joblib.Parallel(n_jobs=n_jobs)(calls[start : start + wave])


class Progress:
    """One line on the standard error, rewritten.

    Args:
        what: whose progress, in a word. units: what is counted.
    """

    def __init__(self, what: str, units: str, total: int, shown: bool) -> None:
        self._what, self._units = what, units
        self._total, self._shown = total, shown and total > 0
        self._done = self._failed = 0
        self._start = self._told = time.monotonic()

    def one(self, *, failed: bool) -> None:
        self._done += 1
        self._failed += failed
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._tell()

    def end(self) -> None:
        if self._shown:
            self._tell()
            print(file=sys.stderr)

    def _tell(self) -> None:
        if not self._shown:
            return
        self._told = time.monotonic()
        left = (self._told - self._start) / max(1, self._done) * (self._total - self._done)
        failed = f", {self._failed} failed" if self._failed else ""
        text = f"{self._what}: {self._done} of {self._total} {self._units}{failed}, about {left:.0f} s left"
        print(f"\r{text:<{_width()}}", end="", file=sys.stderr, flush=True)


def _width() -> int:
    try:
        return min(79, os.get_terminal_size(sys.stderr.fileno()).columns - 1)
    except (OSError, ValueError):
        return 79
