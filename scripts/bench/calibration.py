"""Calibration measures beside other packages: ``python scripts/bench/calibration.py [--n 1000000]``.

Probabilities of 10 classes in float32, as networks give them; numpy arrays, or tensors for torchmetrics
and for clsviz beside it. One thread and CPU time, the best of several rounds in turns; on a GPU, where
there is one, wall time. netcal's MMCE compares all pairs and is asked about fewer samples. The packages
run in .venv-oracles (`make oracles`). At the end the median ratio to netcal and torchmetrics, where
clsviz loses, and one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clsviz import calibration as cal

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import Clock, best, clock_for

HERE = Path(__file__).parent
ORACLES = HERE.parents[1] / ".venv-oracles" / "bin" / "python"
K = 10
FEW = 4000  # samples for what compares all pairs
ROUNDS = 3
GOAL = 5.0  # times as fast, in the median over netcal and torchmetrics
AGREE = 2e-3  # of values; relplot searches its width in ten halvings


def sample(n: int) -> dict[str, np.ndarray]:
    """An over-confident classifier: right four times of five, and surer than that."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, K, n)
    z = rng.normal(0, 2, (n, K))
    z[np.arange(n), y] += rng.normal(4, 2, n)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return {"logits": z.astype(np.float32), "probs": p.astype(np.float32), "labels": y}


def ours(p: Any, z: Any, y: Any, v: Any, c: Any) -> dict[str, Callable[[], Any]]:
    return {
        "ece": lambda: cal.ece(p, y),
        "ece of logits": lambda: cal.ece(z, y, kind="logits"),
        "ece, equal_mass": lambda: cal.ece(p, y, scheme="equal_mass"),
        "rmsce": lambda: cal.rmsce(p, y),
        "mce": lambda: cal.mce(p, y),
        "average_calibration_error": lambda: cal.average_calibration_error(p, y),
        "classwise_ece": lambda: cal.classwise_ece(p, y),
        "debiased_ece": lambda: cal.debiased_ece(p, y),
        "sweep_ece": lambda: cal.sweep_ece(p, y).value,
        "ks_error": lambda: cal.ks_error(p, y),
        "kde_ece": lambda: cal.kde_ece(p, y),
        "mmce": lambda: cal.mmce(p, y),
        "mmce, few": lambda: cal.mmce(p[:FEW], y[:FEW]),
        "smooth_ece": lambda: cal.smooth_ece(p, y),
        "nll": lambda: cal.nll(p, y),
        "brier": lambda: cal.brier(p, y),
        "rps": lambda: cal.rps(p, y),
        "entropy": lambda: cal.entropy(p)[0],
        "confidence_auroc": lambda: cal.confidence_auroc(p, y),
        "risk_coverage": lambda: cal.risk_coverage(p, y).aurc,
        "ood_metrics (theirs: AP alone)": lambda: cal.ood_metrics(v[c], v[~c]).aupr_in,
        "reliability_diagram": lambda: cal.reliability_diagram(
            p, y, mode="per_class", target_class=0, closed="right"
        ).accuracy[0],
    }


def measured(actions: dict[str, Callable[[], Any]], clock: Clock) -> dict[str, dict[str, float]]:
    seconds = best(actions, clock, ROUNDS)
    return {name: {"ms": 1e3 * seconds[name], "value": float(f())} for name, f in actions.items()}


def theirs(data: dict[str, np.ndarray], threads: int, device: str) -> dict[str, dict[str, float]]:
    if not ORACLES.exists():
        print(".venv-oracles is not there (make oracles): clsviz alone")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **data)
        asked = {"data": str(path), "threads": threads, "few": FEW, "device": device}
        command = [str(ORACLES), str(HERE / "_calibration.py")]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])


def side_by_side(data: dict[str, np.ndarray], device: str, threads: int, clock: Clock) -> dict[str, Any]:
    """Prints the table; times of both sides and ratios."""
    arrays = [data[name] for name in ("probs", "logits", "labels")]
    v, c = arrays[0].max(1), arrays[0].argmax(1) == arrays[2]
    tensors = [torch.from_numpy(a).to(device) for a in (*arrays, v, c)]
    of_tensors = measured(ours(*tensors), clock)
    of_arrays = measured(ours(*arrays, v, c), clock) if device == "cpu" else of_tensors
    others = theirs(data, threads, device)
    print(f"{'':32}{'clsviz ms':>10}{'of tensors':>11}   others ms (ratio)")
    ratios = {}
    for name, own in of_arrays.items():
        beside = []
        for asked, other in others.items():
            package, measure = asked.split(": ")
            if measure != name.split(" (")[0]:
                continue
            same = of_tensors[name] if package == "torchmetrics" else own
            ratios[asked] = other["ms"] / same["ms"]
            differs = "" if abs(other["value"] - own["value"]) <= AGREE else f", gives {other['value']:.5g}"
            beside.append(f"{package} {other['ms']:.0f} ({ratios[asked]:.1f}x{differs})")
        print(f"{name:32}{own['ms']:10.1f}{of_tensors[name]['ms']:11.1f}   {', '.join(beside)}", flush=True)
    found = {"clsviz_ms": of_arrays, "clsviz_tensors_ms": of_tensors, "others_ms": others, "ratios": ratios}
    asked = [r for name, r in ratios.items() if name.startswith(("netcal", "torchmetrics"))]
    if asked:
        found["median"] = statistics.median(asked)
        print(f"median ratio to netcal and torchmetrics: {found['median']:.1f}x (goal: {GOAL:.0f}x)")
        lost = [f"{name} ({r:.2f}x)" for name, r in ratios.items() if r < 1]
        print(f"where clsviz is slower: {', '.join(lost) or 'nowhere'}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    options = parser.parse_args()
    data = sample(options.n)
    torch.set_num_threads(1)
    clock, what = clock_for(1)
    print(f"{options.n} x {K}, CPU, 1 thread, {what}")
    found = {"cpu": side_by_side(data, "cpu", 1, clock)}
    if torch.cuda.is_available():
        print(f"\n{options.n} x {K}, {torch.cuda.get_device_name()}, wall time")
        found["cuda"] = side_by_side(data, "cuda", 1, time.perf_counter)
    print("\n" + json.dumps({"calibration": found}))


if __name__ == "__main__":
    main()
