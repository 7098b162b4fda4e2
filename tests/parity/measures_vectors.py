"""Numbers of clsviz.calibration that the reliability view's choice of measures must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import calibration as cal
from clsviz.widgets.reliability_measures import MEASURES, measured

E1 = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]]), np.array([0, 0, 1, 1, 0])
SETTINGS: tuple[dict[str, Any], ...] = (
    {"n_bins": 15, "scheme": "equal_width", "target_class": None},
    {"n_bins": 5, "scheme": "equal_mass", "target_class": None},
    {"n_bins": 2, "scheme": "equal_width", "target_class": 1},
)


def datasets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities and labels: the contract's, random ones, ties, all right, all sure, calibrated ones."""
    rng = np.random.default_rng(11)
    p = cal.apply_temperature(rng.normal(0, 2, (400, 4)), 1.0)
    drawn = (p.cumsum(1) > rng.random((400, 1))).argmax(1)
    overconfident = cal.apply_temperature(np.log(p), 0.5)
    tied = np.array([[0.5, 0.5, 0], [0.25, 0.5, 0.25], [1, 0, 0], [0.5, 0.25, 0.25]] * 5)
    return {
        "E1": E1,
        "overconfident": (overconfident, drawn),
        "calibrated": (p, drawn),
        "tied": (tied, np.arange(20) % 3),
        "right": (p[:50], p[:50].argmax(1)),
        "sure": (np.eye(3)[np.arange(9) % 3], np.arange(9) % 3),
        "one": (p[:1], drawn[:1]),
    }


def vectors() -> dict[str, Any]:
    """Probabilities and labels by name with all measures in each setting, risks, and what moved."""
    sets = datasets()
    curves = {name: cal.risk_coverage(p, y) for name, (p, y) in sets.items()}
    hot, cold = sets["calibrated"][0], sets["overconfident"][0]
    logits, labels = np.log(cold), sets["overconfident"][1]
    return {
        "datasets": {
            name: {
                "probs": p,
                "labels": y,
                "cases": [{**s, "values": measured(MEASURES, p, y, **s)} for s in SETTINGS],
                "risk": curves[name].risk,
                "aurc": curves[name].aurc,
                "eaurc": curves[name].eaurc,
            }
            for name, (p, y) in sets.items()
        },
        "logits": {
            "values": logits,
            "labels": labels,
            "temperature": 1.7,
            "measures": measured(MEASURES, logits / 1.7, labels, kind="logits", **SETTINGS[0]),
        },
        "moved": {"delta": hot.max(1) - cold.max(1), "changed": int((hot.argmax(1) != cold.argmax(1)).sum())},
    }
