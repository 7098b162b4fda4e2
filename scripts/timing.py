"""Times that can be compared on a machine with other work: actions take turns, and the best round counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

Clock = Callable[[], float]


def clock_for(threads: int) -> tuple[Clock, str]:
    """CPU time where all runs in one thread, else wall time; and its name."""
    return (time.process_time, "CPU time") if threads == 1 else (time.perf_counter, "wall time")


def best(actions: Mapping[str, Callable[[], object]], clock: Clock, rounds: int = 7) -> dict[str, float]:
    """Seconds of each action: the least of several rounds in which all take turns."""
    found = dict.fromkeys(actions, float("inf"))
    for action in actions.values():
        action()
    for _ in range(rounds):
        for name, action in actions.items():
            start = clock()
            action()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            found[name] = min(found[name], clock() - start)
    return found


def times(step: Callable[[], object], count: int) -> Callable[[], None]:
    """The action of `count` steps."""

    def action() -> None:
        for _ in range(count):
            step()

    return action
