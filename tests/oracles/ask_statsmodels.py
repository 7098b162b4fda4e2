"""Intervals of the accuracy of a bin as statsmodels has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from statsmodels.stats.proportion import proportion_confint

PACKAGES = ("statsmodels", "scipy")
COUNTS = {0.55: (7, 3), 0.65: (1, 1), 0.75: (40, 33), 0.85: (9, 0), 0.95: (200, 191)}  # samples, right ones
METHODS = {"wilson": "wilson", "clopper_pearson": "beta"}


def inputs() -> dict[str, Any]:
    labels = [[1] * right + [0] * (n - right) for n, right in COUNTS.values()]
    return {
        "probs": np.repeat(list(COUNTS), [n for n, _ in COUNTS.values()]).tolist(),
        "labels": [label for bin_labels in labels for label in bin_labels],
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ci, method in METHODS.items():
        for alpha in (0.05, 0.3):
            ends = [proportion_confint(k, n, alpha, method) for n, k in COUNTS.values()]
            found[f"proportion_confint, {method}, {alpha}"] = {
                "function": "reliability_diagram",
                "args": ["probs", "labels"],
                "params": {"n_bins": 10, "ci": ci, "alpha": alpha},
                "read": ["ci_low", "ci_high"],
                "value": [[float(low) for low, _ in ends], [float(high) for _, high in ends]],
                "tolerance": 1e-9,
            }
    return found
