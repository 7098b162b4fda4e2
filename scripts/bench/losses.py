"""What a training step costs with each loss: ``python scripts/bench/losses.py [--only supcon triplet]``.

The step is forward, backward and SGD of the digits MLP (64-64-10, batches of 64), against the same step
with torch's own cross-entropy. Losses on embeddings train the last layer along, as the laboratory does
(cross-entropy on detached embeddings), so their step is the plain one and more. What a loss needs beside
the model (teacher, keys, bags, ...) is there beforehand; a second head and adversarial logits are computed.

Then: losses on embeddings against pytorch-metric-learning in time and value, where `make oracles` has
made .venv-oracles; and a fan over 24 values of comp_sum's tau against 24 runs one after the other. All
times are the best of several rounds in turns; at the end one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import clsviz as cv
from clsviz.data import load
from clsviz.training.fan_session import FanSession
from clsviz.training.session import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import Clock, best, clock_for, times

HERE = Path(__file__).parent
BATCH, WIDTH, CLASSES = 64, 64, 10
STEPS = 20  # timed at once
BASE = "torch's cross-entropy"
ORACLES = HERE.parents[1] / ".venv-oracles" / "bin" / "python"
TAUS = 24
EPOCH = 23  # steps
BUDGET = 10**9
AGREE = 1e-4  # relative, in float32


class Setup:
    """The network, a batch of digits, and all that any loss asks for."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        data = load("digits")
        rows = data.train[:BATCH]
        self.device = device
        self.x = torch.from_numpy(data.X[rows]).to(device)
        self.body = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()).to(device)
        self.head, self.second = (nn.Linear(WIDTH, CLASSES).to(device) for _ in range(2))
        labels = torch.from_numpy(data.y[rows]).to(device)
        self.targets: dict[str, Tensor | None] = {
            "class": labels,
            "label_sets": F.one_hot(labels, CLASSES) | F.one_hot((labels + 1) % CLASSES, CLASSES),
            "values": torch.linspace(-2.5, 2.5, BATCH, device=device),
            "none": None,
        }
        near = self.x + 0.1 * torch.randn_like(self.x)
        self.there = {
            "teacher_logits": 3 * torch.randn(BATCH, CLASSES, device=device),
            "teacher_embeddings": torch.randn(BATCH, WIDTH, device=device),
            "class_means": torch.randn(CLASSES, WIDTH, device=device),
            "keys": torch.randn(BATCH, WIDTH, device=device),
            "weights": torch.rand(BATCH, device=device),
            "index": torch.arange(BATCH, device=device),
            "bags": torch.arange(BATCH, device=device) // 8,
        }
        self.computed: dict[str, Callable[[Tensor], Tensor]] = {
            "embeddings": lambda e: e,
            "aux_logits": lambda e: self.second(e),
            "adv_logits": lambda e: self.head(self.body(near)),
        }

    def step(self, loss: Callable[[Tensor], Tensor], own: list[nn.Parameter]) -> Callable[[], None]:
        """One training step; `loss` takes the embeddings."""
        modules = (self.body, self.head, self.second)
        optimizer = torch.optim.SGD([p for m in modules for p in m.parameters()] + own, lr=1e-4)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            loss(self.body(self.x)).backward()
            optimizer.step()

        return step

    def plain(self) -> Callable[[], None]:
        labels = self.targets["class"]
        return self.step(lambda e: F.cross_entropy(self.head(e), labels), [])

    def of(self, name: str) -> Callable[[], None]:
        """A step with this loss of the catalogue at its defaults."""
        entry = cv.catalogue.get(f"losses.{name}")
        facts = entry.facts
        sizes = {"num_examples": BATCH, "num_classes": CLASSES, "dim": WIDTH}
        loss = cv.losses.create(name, **{size: sizes[size] for size in facts["sizes"]}).to(self.device)
        targets, labels = self.targets[facts["targets"]], self.targets["class"]
        given = {n: self.there[n] for n in facts["extra"] if n in self.there}
        made = {n: self.computed[n] for n in facts["extra"] if n in self.computed}
        on_embeddings = "embeddings" in entry.needs

        def value(e: Tensor) -> Tensor:
            extra = given | {n: make(e) for n, make in made.items()}
            if not on_embeddings:
                return loss(self.head(e), targets, **extra)
            return loss(e, targets, **extra) + F.cross_entropy(self.head(e.detach()), labels)

        return self.step(value, list(loss.parameters()))


def steps(names: list[str], device: str, clock: Clock) -> dict[str, float]:
    """Milliseconds of a step with each loss, and with torch's cross-entropy; prints them with ratios."""
    setup = Setup(device)
    actions = {BASE: setup.plain()} | {name: setup.of(name) for name in names}
    seconds = best({name: times(step, STEPS) for name, step in actions.items()}, clock)
    for name, spent in seconds.items():
        print(f"{name:24}{1e3 * spent / STEPS:8.3f} ms{spent / seconds[BASE]:8.2f}x", flush=True)
    return {name: 1e3 * spent / STEPS for name, spent in seconds.items()}


def value_and_gradient(
    loss: nn.Module, embeddings: Tensor, targets: Tensor, extra: dict[str, Tensor]
) -> Callable[[], Tensor]:
    def action() -> Tensor:
        e = embeddings.clone().requires_grad_()
        found = loss(e, targets, **extra)
        found.backward()
        return found.detach()

    return action


def against_metric_learning(threads: int, clock: Clock) -> dict[str, dict[str, float]]:
    """Value and gradient of losses on one batch of embeddings, here and in the other package."""
    rng = np.random.default_rng(0)
    labels = np.arange(BATCH) % CLASSES
    x = rng.normal(size=(BATCH, WIDTH)) + 2 * np.eye(CLASSES, WIDTH)[labels]
    arrays = {"embeddings": x, "keys": x + rng.normal(size=x.shape), "labels": labels}
    asked = {
        "supcon": ("supcon", {"tau": 0.1}, []),
        "infonce": ("infonce", {"tau": 0.1}, ["keys"]),
        "triplet, all": ("triplet", {"margin": 0.2}, []),
        "triplet, hard": ("triplet", {"margin": 0.2, "mining": "hard"}, []),
        "multi_similarity": ("multi_similarity", {}, []),
        "multi_similarity, no mining": ("multi_similarity", {"mining": False}, []),
    }
    given = {name: array.tolist() for name, array in arrays.items()} | {"threads": threads, "asked": asked}
    answer = subprocess.run(
        [str(ORACLES), "-W", "ignore", str(HERE / "_metric_learning.py")],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    theirs = json.loads(answer.stdout)
    y = torch.from_numpy(labels)
    tensors = {n: torch.tensor(arrays[n], dtype=torch.float32) for n in ("embeddings", "keys")}
    actions = {
        name: value_and_gradient(
            cv.losses.create(loss, **params), tensors["embeddings"], y, {n: tensors[n] for n in others}
        )
        for name, (loss, params, others) in asked.items()
    }
    seconds = best({name: times(action, STEPS) for name, action in actions.items()}, clock)
    found = {}
    for name, action in actions.items():
        ours, there = action().item(), theirs[name]
        found[name] = {
            "ms": 1e3 * seconds[name] / STEPS,
            "ms there": there["ms"],
            "value": ours,
            "value there": there["value"],
        }
        same = abs(ours - there["value"]) <= AGREE * abs(there["value"])
        print(
            f"{name:28}{found[name]['ms']:8.3f} ms, there {there['ms']:8.3f} ms: theirs takes"
            f"{there['ms'] / found[name]['ms']:6.2f}x ours; values {ours:.6f} and {there['value']:.6f}"
            f"{'' if same else '  NOT THE SAME'}",
            flush=True,
        )
    return found


def fan_of_taus(device: str, clock: Clock) -> dict[str, float]:
    """An epoch of networks that differ in comp_sum's tau: side by side, and one after the other."""
    taus = np.linspace(0, 3, TAUS).tolist()
    experiment = cv.Experiment("digits", loss="comp_sum", device=device).replace({"optimizer.lr": 0.01})
    fan = FanSession(experiment, {"loss.tau": taus}, 1, budget_bytes=BUDGET)
    assert fan.engine.kind == "stacked", fan.why_loop
    runs = [Session(experiment.replace({"loss.tau": tau}), budget_bytes=BUDGET) for tau in taus]

    def one_after_the_other() -> None:
        for run in runs:
            times(run.engine.advance, EPOCH)()

    seconds = best({"fan": times(fan.engine.advance, EPOCH), "runs": one_after_the_other}, clock)
    ratio = seconds["runs"] / seconds["fan"]
    print(
        f"an epoch of {TAUS} values of tau: the fan {1e3 * seconds['fan']:.0f} ms, {TAUS} runs one after the"
        f" other {1e3 * seconds['runs']:.0f} ms, {ratio:.1f}x",
        flush=True,
    )
    return {"fan_ms": 1e3 * seconds["fan"], "runs_ms": 1e3 * seconds["runs"], "ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", choices=cv.losses.names(), default=cv.losses.names())
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for threads in options.threads:
        torch.set_num_threads(threads)
        clock, what = clock_for(threads)
        where = f"cpu, {threads} threads"
        print(f"\nA training step, CPU, {threads} thread(s), {what}; ratio to {BASE}")
        found[where] = {"steps_ms": steps(options.only, "cpu", clock)}
        if ORACLES.exists():
            print(f"\nValue and gradient, against pytorch-metric-learning, {threads} thread(s), {what}")
            found[where]["metric_learning"] = against_metric_learning(threads, clock)
        else:
            print("\n.venv-oracles is not there (make oracles): not compared with pytorch-metric-learning")
        found[where]["fan"] = fan_of_taus("cpu", clock)
    if torch.cuda.is_available():
        print(f"\nA training step on {torch.cuda.get_device_name()}, wall time; ratio to {BASE}")
        found["cuda"] = {"steps_ms": steps(options.only, "cuda", time.perf_counter)}
        found["cuda"]["fan"] = fan_of_taus("cuda", time.perf_counter)
    print("\n" + json.dumps({"losses": found}))


if __name__ == "__main__":
    main()
