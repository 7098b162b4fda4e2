"""Continuous ranked probability scores of ensembles as scoringrules has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scoringrules

PACKAGES = ("scoringrules", "numpy")
N, M = 12, 7
SEED = 10


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    members = rng.normal(size=(N, M)).round(2)
    members[:, 1] = members[:, 0]  # ties
    return {"members": members.tolist(), "observation": rng.normal(size=N).round(2).tolist()}


def answers(given: dict[str, Any]) -> dict[str, Any]:
    observed, members = np.array(given["observation"]), np.array(given["members"])
    return {
        f"crps_ensemble, {estimator}": {
            "function": "crps_ensemble",
            "args": ["members", "observation"],
            "params": {"variant": variant},
            "value": float(scoringrules.crps_ensemble(observed, members, estimator=estimator).mean()),
            "tolerance": 1e-9,
        }
        for estimator, variant in (("nrg", "standard"), ("pwm", "fair"), ("fair", "fair"))
    }
