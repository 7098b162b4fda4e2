"""How much faster a fan is than its members one after the other: ``python scripts/bench/fan.py``.

32 digits MLPs (64-64-10, batches of 64), by CPU time where all runs in one thread and by wall time
otherwise; the best of several rounds that take turns, so that other load meets both alike. Prints
one JSON object with the ratios at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

import clsviz as cv
from clsviz.data import load
from clsviz.training.fan_session import FanSession
from clsviz.training.session import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import best, clock_for, times

MEMBERS = 32
STEPS = 23  # an epoch
BUDGET = 10**9
CASES = {
    "cross_entropy, learning rate": ({}, {"optimizer.lr": np.geomspace(0.01, 0.2, MEMBERS)}),
    "gce, q": ({"loss": "gce"}, {"loss.q": np.linspace(0, 1, MEMBERS)}),
    "focal, gamma, Adam": (
        {"loss": "focal", "optimizer": "adam"},
        {"loss.gamma": np.linspace(0, 4, MEMBERS)},
    ),
    "brier, seed": ({"loss": "brier"}, {"seed": list(range(MEMBERS))}),
    "cross_entropy, imbalance": ({}, {"imbalance.factor": np.geomspace(1, 50, MEMBERS)}),
}
TARGETS = {1: 4.5, 2: 8.0}


def bare_loop(experiment: cv.Experiment) -> Callable[[], None]:
    """A training loop that a person would write by hand: torch's own loss, no checks."""
    data = load(experiment.data)
    X, y = torch.from_numpy(data.X[data.train]), torch.from_numpy(data.y[data.train])
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    order = torch.randperm(len(y))
    place = 0

    def step() -> None:
        nonlocal place
        rows = order[place : place + 64]
        place = (place + 64) % (len(y) - 64)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
        optimizer.step()

    return step


def measure(case: str, device: str, clock: Callable[[], float]) -> dict[str, float]:
    changes, vary = CASES[case]
    experiment = cv.Experiment("digits", device=device, **changes)
    fan = FanSession(experiment, vary, 1, budget_bytes=BUDGET)
    assert fan.engine.kind == "stacked", fan.why_loop
    run = Session(experiment, budget_bytes=BUDGET)
    hand = bare_loop(experiment)

    seconds = best(
        {
            "fan": times(fan.engine.advance, STEPS),
            "fan snapshot": lambda: fan.engine.capture(with_logits=False),
            "run": times(run.engine.advance, STEPS),
            "run snapshot": lambda: run.engine.capture(with_logits=False),
            "by hand": times(hand, STEPS),
        },
        clock,
    )
    return {
        "fan_step_ms": 1e3 * seconds["fan"] / STEPS,
        "fan_snapshot_ms": 1e3 * seconds["fan snapshot"],
        "step_ratio": MEMBERS * seconds["run"] / seconds["fan"],
        "epoch_ratio": MEMBERS
        * (seconds["run"] + seconds["run snapshot"])
        / (seconds["fan"] + seconds["fan snapshot"]),
        "step_ratio_to_bare_torch": MEMBERS * seconds["by hand"] / seconds["fan"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    found: dict[str, dict[str, dict[str, float]]] = {}
    for threads in parser.parse_args().threads:
        torch.set_num_threads(threads)
        clock, what = clock_for(threads)
        print(f"\n{MEMBERS} digits MLPs, {threads} thread(s), {what}; target {TARGETS.get(threads, 1)}x")
        found[f"cpu, {threads} threads"] = table("cpu", clock)
    if torch.cuda.is_available():
        print(f"\n{MEMBERS} digits MLPs on {torch.cuda.get_device_name()}, wall time; target 30x")
        found["cuda"] = table("cuda", time.perf_counter)
    print("\n" + json.dumps({"fan": found}))


def table(device: str, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Measures all cases and prints a line for each."""
    print(f"{'':32} one step  snapshot  ratio: steps  with snapshots  steps, to a bare torch loop")
    found = {}
    for case in CASES:
        r = found[case] = measure(case, device, clock)
        print(
            f"{case:32} {r['fan_step_ms']:5.2f} ms  {r['fan_snapshot_ms']:5.1f} ms"
            f" {r['step_ratio']:12.1f}x {r['epoch_ratio']:14.1f}x {r['step_ratio_to_bare_torch']:14.1f}x",
            flush=True,
        )
    return found


if __name__ == "__main__":
    main()
