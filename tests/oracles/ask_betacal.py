"""Beta calibration as its authors' package has it (its optimiser stops early: 2e-3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from betacal import BetaCalibration

PACKAGES = ("betacal", "scikit-learn")
N = 300
SEED = 13


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    p = rng.beta(1.5, 1.5, N).round(4).clip(0.001, 0.999)
    a, b, c = 1.7, 0.6, 0.3
    q = 1 / (1 + np.exp(-(a * np.log(p) - b * np.log(1 - p) + c)))
    return {
        "p": p.tolist(),
        "labels": (rng.random(N) < q).astype(int).tolist(),
        "new": np.linspace(0.02, 0.98, 13).round(2).tolist(),
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    fit = BetaCalibration("abm").fit(np.array(given["p"])[:, None], np.array(given["labels"]))
    return {
        "BetaCalibration": {
            "function": "fit_beta",
            "args": ["p", "labels"],
            "params": {},
            "then": {"function": "apply_beta", "args": ["new"]},
            "value": fit.predict(np.array(given["new"])[:, None]).tolist(),
            "tolerance": 2e-3,
        }
    }
