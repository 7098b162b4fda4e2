"""The line of losses that a landscape can be scored with: MAE, GCE, cross-entropy, focal.

Each place u in [-1, 1] is a defined loss of m = -log p(true class), so that one pass over cached
logits gives the tables of all places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clsviz.landscape.tables import TEMPERATURES

STOPS = tuple(i / 4 for i in range(-4, 5))  # the places that tables are made for
FOCAL_MOST = 5.0  # gamma at u = 1
UNIFORM = "uniform"  # name of the table of -log p averaged over all classes
CHUNK = 2**19  # logits per block


def score_key(u: float) -> str:
    """Name of the table of a place; js/src/core/landscape.ts asks for it."""
    return f"u={u + 0.0:.2f}"  # + 0.0: no "-0.00"


def score_terms(u: float, m: Tensor) -> Tensor:
    """The loss at place u of the line, as a function of m = -log p(true class) >= 0.

    u in [-1, 0): gce with q = -u (u = -1 is 1 - p, half the MAE); 0: cross-entropy;
    (0, 1]: focal with gamma = 5 u.
    """
    if u < 0:
        return -torch.expm1(u * m) / -u
    if u == 0:
        return m
    return (-torch.expm1(-m)) ** (FOCAL_MOST * u) * m


@torch.no_grad()
def score_tables(
    logits: Any, labels: Any, *, stops: Sequence[float] = STOPS, temperatures: Any = TEMPERATURES
) -> dict[str, np.ndarray]:
    """Mean loss of each grid point at each temperature, for each place of the line, and UNIFORM.

    Args:
        logits: (G, N, K) float, cached logits of G networks.
        labels: (N,) int in [0, K).
        stops: places in [-1, 1].
        temperatures: (T,) > 0.

    Returns:
        by `score_key`, (G, T) float32; NaN where the logits are not finite. Under UNIFORM: -log p averaged
        over all classes, from which and cross-entropy every label smoothing follows.
    """
    z = torch.as_tensor(logits)
    y = torch.as_tensor(labels).long()
    points = max(1, CHUNK // z[0].numel())
    tables: dict[Any, np.ndarray] = {
        key: np.empty((len(z), len(temperatures)), np.float32) for key in (*stops, UNIFORM)
    }
    for start in range(0, len(z), points):
        block = z[start : start + points]
        index = y.expand(len(block), -1)[..., None]
        for t, temperature in enumerate(temperatures):
            log_p = (block / float(temperature)).log_softmax(-1)
            m = -log_p.gather(-1, index)[..., 0]
            for u in stops:
                tables[u][start : start + points, t] = score_terms(u, m).mean(1).numpy()
            tables[UNIFORM][start : start + points, t] = -log_p.mean((1, 2)).numpy()
    return {key if key == UNIFORM else score_key(key): table for key, table in tables.items()}
