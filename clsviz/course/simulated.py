"""Logits and labels of a network whose error about itself is known, because it is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz.calibration import apply_temperature


def network(
    n: int, k: int, *, temperature: float = 1.0, spread: float = 2.0, seed: int = 0
) -> dict[str, Any]:
    """Logits (n, k) and labels (n,) drawn from softmax(logits / temperature).

    At this temperature the network is calibrated: above 1 it is over-confident, below 1 under-confident.

    Args:
        spread: standard deviation of the logits over the temperature; the larger, the more often it is
            right.
    """
    rng = np.random.default_rng(seed)
    calm = rng.normal(0, spread, (n, k))
    chance = apply_temperature(calm, 1.0).cumsum(1)
    labels = (rng.random((n, 1)) > chance[:, :-1]).sum(1)
    return {"logits": temperature * calm, "labels": labels}
