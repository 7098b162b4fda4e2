"""Decision regions and attacks beside what one would use instead: ``python scripts/bench/boundary.py``.

Regions: 32 networks (2-32-32-3) on a grid of 100 x 100: their classes by batched passes through all of them,
and by `decision_grid` one after the other, against a loop of scikit-learn's DecisionBoundaryDisplay over
MLPClassifiers of the same weights. That draws as well, as the browser does in the laboratory (frames.py
measures it); so the classifiers' `predict` on the same points is timed too.

Attacks: PGD of 40 steps on a digits network (64-64-10, float32, random weights) against foolbox in
.venv-oracles (`make oracles`); and 32 of them by `attack_fan` against `pgd` one after the other.

One thread and CPU time, the best of several rounds in turns; attacks also on a GPU, where there is one, by
wall time. At the end one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib import pyplot as plt
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.neural_network import MLPClassifier
from torch import nn

from clsviz import boundary
from clsviz.boundary.calling import CHUNK
from clsviz.data import load
from clsviz.training.batched_models import batched

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import Clock, best, clock_for

HERE = Path(__file__).parent
ORACLES = HERE.parents[1] / ".venv-oracles" / "bin" / "python"
MEMBERS, RESOLUTION, WIDTH, CLASSES = 32, 100, 32, 3
SAMPLES, STEPS = 1024, 40
FAN_SAMPLES = (16, 256)
RADII = {"linf": 0.1, "l2": 1.0}
ROUNDS = 3
AGREE = 1e-4  # in float32; where a gradient is all but 0 its sign may differ, and the path with it


def classifiers(X: np.ndarray, y: np.ndarray) -> list[MLPClassifier]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [MLPClassifier((WIDTH, WIDTH), max_iter=20, random_state=k).fit(X, y) for k in range(MEMBERS)]


def same_weights(classifier: MLPClassifier) -> nn.Sequential:
    sizes = [2, WIDTH, WIDTH, CLASSES]
    linear = [nn.Linear(*s) for s in itertools.pairwise(sizes)]
    net = nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])
    pairs = zip(classifier.coefs_, classifier.intercepts_, strict=True)
    values = [torch.from_numpy(a).float() for w, b in pairs for a in (w.T, b)]
    net.load_state_dict(dict(zip(net.state_dict(), values, strict=True)))
    return net


def regions(clock: Clock) -> dict[str, Any]:
    """Prints fields a second and ratios."""
    matplotlib.use("Agg")
    X, y = make_blobs(300, centers=CLASSES, random_state=0)
    theirs = classifiers(X, y)
    nets = [same_weights(c) for c in theirs]
    (x0, y0), (x1, y1) = X.min(0) - 1, X.max(0) + 1
    forward = batched(nets[0], more=False)
    _, ax = plt.subplots()

    def grid() -> torch.Tensor:
        axes = [torch.linspace(float(a), float(b), RESOLUTION) for a, b in ((y0, y1), (x0, x1))]
        yy, xx = torch.meshgrid(*axes, indexing="ij")
        return torch.stack([xx, yy], -1).reshape(-1, 2)

    points = grid().double().numpy()

    @torch.no_grad()
    def at_once() -> torch.Tensor:
        weights = [torch.stack(w) for w in zip(*(n.parameters() for n in nets), strict=True)]
        parts = (part.expand(MEMBERS, -1, 2) for part in grid().split(CHUNK // MEMBERS))
        return torch.cat([forward(weights, part)["logits"].argmax(-1) for part in parts], 1)

    def one_by_one() -> np.ndarray:
        limits = {"xlim": (x0, x1), "ylim": (y0, y1)}
        return np.stack([boundary.decision_grid(n, **limits, resolution=RESOLUTION).labels for n in nets])

    def display() -> None:
        for c in theirs:
            DecisionBoundaryDisplay.from_estimator(
                c, X, grid_resolution=RESOLUTION, eps=1, response_method="predict", ax=ax
            )
            ax.clear()

    def predict() -> np.ndarray:
        return np.stack([c.predict(points) for c in theirs])

    same = (at_once().numpy() == predict()).mean()
    actions = {
        "batched passes": at_once,
        "decision_grid": one_by_one,
        "scikit-learn, predict alone": predict,
        "scikit-learn, DecisionBoundaryDisplay": display,
    }
    seconds = best(actions, clock, ROUNDS)
    plt.close("all")
    print(f"{MEMBERS} fields of {RESOLUTION} x {RESOLUTION}; {same:.3%} of the points in the same class")
    for name, spent in seconds.items():
        ratio = spent / seconds["batched passes"]
        print(f"{name:40}{MEMBERS / spent:9.0f} fields/s{ratio:8.1f}x the time", flush=True)
    return {"fields_per_second": {n: MEMBERS / s for n, s in seconds.items()}, "same_classes": same}


def digits_network(seed: int, device: str) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)


def foolbox(net: nn.Sequential, X: np.ndarray, y: np.ndarray, device: str) -> tuple[Any, Any]:
    """Seconds of each attack there, and where the attacks end; None, None without .venv-oracles."""
    if not ORACLES.exists():
        print(".venv-oracles is not there (make oracles): clsviz alone")
        return None, None
    with tempfile.TemporaryDirectory() as folder:
        data, ends = (str(Path(folder) / name) for name in ("data.npz", "ends.npz"))
        arrays = {"X": X, "y": y} | {n: p.detach().cpu().numpy() for n, p in net.named_parameters()}
        np.savez(data, **arrays)
        asked = {"names": list(arrays), "data": data, "ends": ends, "device": device, "threads": 1}
        asked |= {"steps": STEPS, "radii": RADII, "rounds": ROUNDS}
        command = [str(ORACLES), "-W", "ignore", str(HERE / "_attacks.py")]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout.splitlines()[-1]), dict(np.load(ends))


def attacks(device: str, clock: Clock) -> dict[str, Any]:
    """Prints samples a second and ratios: against foolbox, and a fan against its members."""
    digits = load("digits")
    X, y = digits.X[:SAMPLES], digits.y[:SAMPLES]
    net = digits_network(0, device)
    ours = {
        norm: lambda norm=norm, e=e: boundary.pgd(net, X, y, epsilon=e, norm=norm, steps=STEPS)
        for norm, e in RADII.items()
    }
    seconds = best(ours, clock, ROUNDS)
    there, ends = foolbox(net, X, y, device)
    found: dict[str, Any] = {}
    for norm, spent in seconds.items():
        line = f"pgd, {norm:5} {SAMPLES} samples, {STEPS} steps: {SAMPLES / spent:8.0f} samples/s"
        found[norm] = {"samples_per_second": SAMPLES / spent}
        if there is not None:
            same = (np.abs(ours[norm]() - ends[norm]).max(1) <= AGREE).mean()
            found[norm] |= {"foolbox": SAMPLES / there[norm], "ratio": there[norm] / spent, "same": same}
            line += (
                f", foolbox {SAMPLES / there[norm]:8.0f}: it takes {there[norm] / spent:.2f}x the time; "
                f"{same:.1%} of the samples end within {AGREE:g}"
            )
        print(line, flush=True)

    nets = [digits_network(k, device) for k in range(MEMBERS)]
    for n, (norm, e) in itertools.product(FAN_SAMPLES, RADII.items()):
        options = {"epsilon": e, "norm": norm, "steps": STEPS}
        actions = {
            "fan": lambda n=n, o=options: boundary.attack_fan(nets, X[:n], y[:n], **o),
            "members": lambda n=n, o=options: [boundary.pgd(m, X[:n], y[:n], **o) for m in nets],
        }
        spent = best(actions, clock, ROUNDS)
        ratio = spent["members"] / spent["fan"]
        found[f"fan, {norm}, {n} samples"] = {"ms": 1e3 * spent["fan"], "ratio": ratio}
        print(
            f"attack_fan, {norm:5} {MEMBERS} members, {n:3} samples: {1e3 * spent['fan']:5.0f} ms; "
            f"pgd one after the other takes {ratio:.2f}x the time",
            flush=True,
        )
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    clock, what = clock_for(1)
    print(f"CPU, 1 thread, {what}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    found = {"regions": regions(clock), "attacks": attacks("cpu", clock)}
    if torch.cuda.is_available():
        print(f"\n{torch.cuda.get_device_name()}, wall time")
        found["attacks, cuda"] = attacks("cuda", time.perf_counter)
    print("\n" + json.dumps({"boundary": found}))


if __name__ == "__main__":
    main()
