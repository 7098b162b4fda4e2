"""Calibration errors and scalings as netcal has them.

Its bins are closed on the right, its ACE is the unweighted mean over bins that is called
`average_calibration_error` here, and what it calls a temperature is 1 / T.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from netcal.metrics import ACE, ECE, MCE, MMCE
from netcal.scaling import BetaCalibration, TemperatureScaling

PACKAGES = ("netcal", "numpy")
N, K = 60, 3
SEED = 7
BINS = (5, 15)


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    probs = rng.dirichlet(np.full(K, 0.5), N)
    labels = [int(rng.choice(K, p=p**0.5 / (p**0.5).sum())) for p in probs]
    edges = (0.5 + 0.5 * rng.beta(2, 1, N)).round(1)  # of class 1, on edges of ten bins
    return {
        "probs": probs.tolist(),
        "labels": labels,
        "log_probs": np.log(probs).tolist(),
        "edges": edges.tolist(),
        "inner": edges.clip(0.01, 0.99).tolist(),
        "binary": (rng.random(N) < edges - 0.1).astype(int).tolist(),
    }


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
    edges, binary = np.array(given["edges"]), np.array(given["binary"])
    found["ECE of values on edges"] = {
        "function": "ece",
        "args": ["edges", "binary"],
        "params": {"mode": "per_class", "target_class": 1, "n_bins": 10, "closed": "right"},
        "value": float(ECE(10).measure(edges, binary)),
        "tolerance": 1e-9,
    }
    found["TemperatureScaling"] = {
        "function": "fit_temperature",
        "args": ["log_probs", "labels"],
        "params": {},
        "read": ["temperature"],
        "value": [1 / float(np.ravel(TemperatureScaling().fit(probs, labels).temperature)[0])],
        "tolerance": 1e-3,
    }
    fit = BetaCalibration().fit(edges.clip(0.01, 0.99), binary)
    found["BetaCalibration"] = {
        "function": "fit_beta",
        "args": ["inner", "binary"],
        "params": {},
        "then": {"function": "apply_beta", "args": ["inner"]},
        "value": fit.transform(edges.clip(0.01, 0.99)).tolist(),
        "tolerance": 2e-3,
    }
    return found
