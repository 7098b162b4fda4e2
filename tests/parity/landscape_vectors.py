"""Numbers of clsviz.landscape that the browser's landscape code must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from clsviz import landscape


def table_case(table: np.ndarray) -> dict[str, Any]:
    q = landscape.quantise_table(table)
    asked = (0.01, 0.05, 0.0731, 0.5, 1.0, float(landscape.TEMPERATURES[9]), 7.5, 20.0, 50.0)
    return {
        "table": table.tolist(),
        "codes": q.codes.tolist(),
        "offset": q.offset,  # `low` of the browser's Table
        "scale": q.scale,
        "shift": q.shift,
        "temperatures": q.temperatures.tolist(),
        "losses": nullable(landscape.dequantise(q)),
        "loss_at": [{"temperature": t, "losses": nullable(landscape.loss_at(q, t))} for t in asked],
    }


def nullable(array: np.ndarray) -> list[Any]:
    """NaN becomes null."""
    return np.where(np.isnan(array), None, array.astype(object)).tolist()


def path_case(seed: int, steps: int, size: int, reference: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    drift = np.linspace(0, 3, steps)[:, None] * rng.normal(size=size)
    path = (drift + rng.normal(size=(steps, size)) * np.linspace(2, 0.3, size)).round(6)
    plane = landscape.trajectory_plane(torch.from_numpy(path), reference=reference)
    return {
        "checkpoints": path.tolist(),
        "reference": reference,
        "origin": plane.origin.tolist(),
        "basis": plane.basis.tolist(),
        "coords": plane.coords.tolist(),
        "explained": plane.explained.tolist(),
    }


def vectors() -> dict[str, Any]:
    """Loss tables (ordinary, negative, with cells that are not finite) and planes of paths."""
    rng = np.random.default_rng(11)
    logits = rng.normal(0, 3, (9, 12, 4)).astype(np.float32)
    labels = rng.integers(0, 4, 12)
    loss = landscape.loss_table(
        logits, labels, lambda z, t: functional.cross_entropy(z, t, reduction="none")
    ).astype(float)
    marked = loss.copy()
    # whole cells, one temperature, an end: json has no inf, so the table is given by its codes there
    marked[2], marked[4, 9], marked[5, 0] = np.nan, np.nan, np.nan
    case = table_case(marked)
    case["table"] = nullable(marked)
    return {
        "tables": [table_case(loss), table_case(loss - 0.7), table_case(np.full((2, 32), 0.25)), case],
        "paths": [path_case(0, 6, 8, -1), path_case(1, 5, 3, 0), path_case(2, 12, 40, -1)],
    }
