"""Smooth calibration errors as relplot has them.

It weighs its grid by the density of the smoothed samples and searches the width in ten halvings, so numbers
agree to a few 1e-3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from relplot import smECE, smECE_sigma

PACKAGES = ("relplot", "numpy")
N = 1000
SEED = 8


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    found: dict[str, Any] = {}
    for name, shift in (("over", -0.1), ("slightly", -0.03), ("under", 0.15)):
        p = (0.5 + 0.5 * rng.beta(2, 2, N)).round(4)  # of class 1, which is the top one
        found[name] = p.tolist()
        found[f"{name}_labels"] = (rng.random(N) < p + shift).astype(int).tolist()
    return found


def answers(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("over", "slightly", "under"):
        p, y = np.array(given[name]), np.array(given[f"{name}_labels"])
        question = {"function": "smooth_ece", "args": [name, f"{name}_labels"]}
        found[f"smECE, {name}"] = question | {"params": {}, "value": float(smECE(p, y)), "tolerance": 2e-3}
        for sigma in (0.02, 0.1):
            found[f"smECE_sigma {sigma}, {name}"] = question | {
                "params": {"sigma": sigma},
                "value": float(smECE_sigma(p, y, sigma=sigma)),
                "tolerance": 2e-3,
            }
    return found
