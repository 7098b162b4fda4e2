"""Per-sample temperatures that the browser must reproduce, with what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import calibration

BALLS = ((0.3, 0.01, 2.0), (1.0, 0.01, 2.0), (0.05, 0.05, 20.0), (1.3, 0.05, 20.0))


def vectors() -> dict[str, Any]:
    rng = np.random.default_rng(11)
    logits = (3 * rng.normal(size=(40, 4))).round(5)
    logits[0] = 1.5  # no temperature moves it
    logits[1, :2] = 30.0  # two classes tie far above the rest
    labels = rng.integers(0, 4, 40)
    cases = []
    for rho, low, high in BALLS:
        tau = calibration.tempnet_temperature(logits, rho=rho, tau_min=low, tau_max=high)
        scaled = logits / tau[:, None]
        cases.append(
            {
                "rho": rho,
                "low": low,
                "high": high,
                "temperature": tau,
                "nll": calibration.nll(scaled, labels, kind="logits"),
                "ece": calibration.ece(scaled, labels, kind="logits"),
            }
        )
    return {"logits": logits, "labels": labels, "cases": cases}
