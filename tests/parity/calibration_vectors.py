"""Numbers of clsviz.calibration that the browser's calibration code must reproduce."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np

from clsviz import calibration as cal

TEMPERATURES = (0.1, 0.5, 1.0, 2.0)
BINS = (1, 5, 15)
SCHEMES = ("equal_width", "equal_mass")
MODES = (("top_label", None), ("per_class", 1))


def datasets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Small logits and labels: ordinary ones, ties, confidences of exactly 1, huge logits."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2, (31, 3))  # N - 1 = 30, so that quantiles of 5 and 15 hit samples
    labels = np.where(rng.random(31) < 0.7, logits.argmax(1), rng.integers(0, 3, 31))
    ties = np.array([[1, 1, 0], [0, 0, 0], [2, 0, 2], [0, 3, 0], [0, 3, 0], [1, 1, 0], [0, 0, 0], [-1, 4, 4]])
    extreme = np.array([[1e4, 0], [-1e4, 1e4], [60, 0], [0, 60], [0, 0], [1e4, 1e4], [0, 0.5], [1, 0]])
    return {
        "random": (logits.round(6), labels),
        "ties": (ties.astype(float), np.array([0, 2, 2, 1, 0, 1, 0, 1])),
        "extreme": (extreme.astype(float), np.array([0, 1, 1, 1, 0, 1, 1, 0])),
    }


def case(name: str, z: np.ndarray, y: np.ndarray, t: float, options: dict[str, Any]) -> dict[str, Any]:
    probs = cal.apply_temperature(z, t)
    return {
        "dataset": name,
        "temperature": t,
        **options,
        **asdict(cal.reliability_diagram(probs, y, **options)),
        "ece": cal.ece(probs, y, **options),
        "mce": cal.mce(probs, y, **options),
        "brier": cal.brier(probs, y),
        "nll": cal.nll(z / t, y, kind="logits"),
    }


def vectors() -> dict[str, Any]:
    """Logits and labels by name, fitted temperatures, and one entry per setting of the view."""
    sets = datasets()
    return {
        "datasets": {
            name: {
                "logits": z.tolist(),
                "labels": y.tolist(),
                "fit": asdict(cal.fit_temperature(z, y)),
                "fit_ece": asdict(cal.fit_temperature(z, y, objective="ece")),
            }
            for name, (z, y) in sets.items()
        },
        "cases": [
            case(
                name,
                *sets[name],
                t,
                {"n_bins": b, "scheme": scheme, "mode": mode, "target_class": target},
            )
            for name, t, b, scheme, (mode, target) in itertools.product(
                sets, TEMPERATURES, BINS, SCHEMES, MODES
            )
        ],
    }
