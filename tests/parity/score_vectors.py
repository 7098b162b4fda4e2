"""Losses of a small landscape under any loss, and the histogram and tables the browser makes them from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz import losses
from clsviz.landscape import TEMPERATURES, quantise_table, surprisal_histogram
from clsviz.landscape.score_line import score_tables

OF_SURPRISAL: tuple[tuple[str, dict[str, float]], ...] = (
    ("mae", {}),
    *(("gce", {"q": q}) for q in (0.0, 0.4, 1.0)),
    ("gce", {"q": 0.7, "k": 0.2}),
    *(("comp_sum", {"tau": t}) for t in (0.0, 0.5, 1.0, 1.7, 3.0)),
    *(("focal", {"gamma": g}) for g in (0.0, 0.5, 5.0)),
    ("focal_sd", {}),
    ("poly1", {"eps": -1.0}),
    ("symmetric_ce", {}),
    *(("dco", {"n": n}) for n in (1.0, 8.0, 4096.0)),
)
OF_TABLES: tuple[tuple[str, dict[str, float]], ...] = (
    *(("cross_entropy", {"tau": t}) for t in (0.5, 1.0, 3.0)),
    ("cross_entropy", {"tau": 2.0, "label_smoothing": 0.3}),
    *(("ldr_kl", {"lam": lam}) for lam in (0.2, 1.0, 4.0)),
)


def vectors() -> dict[str, Any]:
    """Logits (points, samples, classes) from sure to hopeless, one point not finite; exact mean losses."""
    rng = np.random.default_rng(5)
    spread = np.array([0.2, 1, 4, 12])[:, None, None]
    logits = (rng.normal(size=(4, 200, 4)) * spread).astype(np.float32)
    labels = rng.integers(0, 4, 200)
    logits[0, np.arange(200), labels] += 30  # all right and sure
    broken = np.concatenate([logits, np.full((1, 200, 4), np.nan, np.float32)])
    cases = []
    for temperature in (0.5, 1.0, float(TEMPERATURES[20])):
        h = surprisal_histogram(broken, labels, temperature=temperature)
        exact = []
        for name, params in OF_SURPRISAL:
            loss = losses.create(name, **params)
            z = torch.from_numpy(logits).double() / temperature
            means = [float(loss(point, torch.from_numpy(labels))) for point in z]
            exact.append({"name": name, "params": params, "means": means})
        cases.append(
            {
                "temperature": temperature,
                "samples": h.samples,
                "edges": h.edges,
                "counts": h.counts,
                "places": h.places,
                "exact": exact,
            }
        )
    tables = {}
    for key, table in score_tables(logits, labels, stops=[0.0]).items():
        q = quantise_table(table)
        tables[key] = {"codes": q.codes, "low": q.offset, "scale": q.scale, "shift": q.shift}
    exact = []
    at = TEMPERATURES[15]
    for name, params in OF_TABLES:
        loss = losses.create(name, **params)
        z = torch.from_numpy(logits).double() / at
        means = [float(loss(point, torch.from_numpy(labels))) for point in z]
        exact.append({"name": name, "params": params, "means": means})
    return {
        "cases": cases,
        "classes": 4,
        "temperatures": TEMPERATURES,
        "tables": tables,
        "at": at,
        "exact": exact,
    }
