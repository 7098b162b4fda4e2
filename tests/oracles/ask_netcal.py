"""Calibration errors as netcal has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from netcal.metrics import ACE, ECE, MCE, MMCE

PACKAGES = ("netcal", "numpy")
N, K = 60, 3
SEED = 7
BINS = (5, 15)


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    probs = rng.dirichlet(np.full(K, 0.5), N)
    labels = [int(rng.choice(K, p=p**0.5 / (p**0.5).sum())) for p in probs]
    return {"probs": probs.tolist(), "labels": labels}


def answers(given: dict[str, Any]) -> dict[str, Any]:
    probs, labels = np.array(given["probs"]), np.array(given["labels"])
    found: dict[str, Any] = {}
    for n_bins in BINS:
        for metric, measure in ((ECE, "ece"), (MCE, "mce"), (ACE, "average_calibration_error")):
            for scheme in ("equal_width", "equal_mass"):
                found[f"{metric.__name__}, {scheme}, {n_bins}"] = {
                    "measure": measure,
                    "params": {"n_bins": n_bins, "scheme": scheme},
                    "kind": "probs",
                    "x": "probs",
                    "value": float(
                        metric(n_bins, equal_intervals=scheme == "equal_width").measure(probs, labels)
                    ),
                }
    found["MMCE"] = {
        "measure": "mmce",
        "params": {},
        "kind": "probs",
        "x": "probs",
        "value": float(MMCE().measure(probs, labels)),
    }
    return found
