"""Debiased calibration errors as uncertainty-calibration has them: it resamples, clsviz has a formula."""

from __future__ import annotations

from typing import Any

import calibration as package
import numpy as np

PACKAGES = ("uncertainty-calibration", "numpy")
N = 90
BINS = (5, 15)  # N is a multiple: bins of as many samples each
RESAMPLES = 200_000
SEED = 9


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    p = (0.5 + 0.5 * rng.beta(3, 1.5, N)).round(4)  # of class 1, which is the top one
    return {"probs": p.tolist(), "labels": (rng.random(N) < p - 0.1).astype(int).tolist()}


def answers(given: dict[str, Any]) -> dict[str, Any]:
    pairs = list(zip(given["probs"], given["labels"], strict=True))
    found: dict[str, Any] = {}
    for n_bins in BINS:
        binned = package.utils.bin(pairs, package.utils.get_equal_bins(given["probs"], n_bins))
        np.random.seed(SEED)
        for norm, value, tolerance in (
            ("l2", package.utils.unbiased_l2_ce(binned), 1e-9),
            ("l1", package.utils.normal_debiased_ce(binned, power=1, resamples=RESAMPLES), 5e-4),
        ):
            found[f"debiased, {norm}, {n_bins}"] = {
                "function": "debiased_ece",
                "args": ["probs", "labels"],
                "params": {"n_bins": n_bins, "norm": norm},
                "value": float(value),
                "tolerance": tolerance,
            }
    return found
