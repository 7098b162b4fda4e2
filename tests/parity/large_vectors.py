"""Large predictions as they travel, and what clsviz.calibration says of them in full."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from clsviz import calibration as cal
from clsviz.data import Dataset
from clsviz.widgets.predictions import LargePredictions

TEMPERATURES = (0.05, 0.6, 1.0, 3.1, 20.0)
BINS = (7, 15)
THRESHOLDS = (0.0, 0.55, 0.9)


def source(n: int, k: int, seed: int) -> LargePredictions:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k)).astype(np.float32)
    logits[: n // 10] = np.round(logits[: n // 10])  # ties
    labels = np.where(rng.random(n) < 0.6, logits.argmax(1), rng.integers(0, k, n))
    rows = np.arange(n)
    names = tuple(map(str, range(k)))
    data = Dataset("predictions", np.zeros((n, 0), np.float32), labels, rows, rows, names, ())
    return LargePredictions(data, logits)


def expected(predictions: LargePredictions) -> list[dict[str, Any]]:
    z, y = predictions.logits.astype(np.float64), predictions.dataset.y
    out = []
    for t, target, n_bins in itertools.product(TEMPERATURES, (None, 1), BINS):
        mode = {} if target is None else {"mode": "per_class", "target_class": target}
        interval = cal.ece_interval(z / t, y, kind="logits", n_bins=n_bins, **mode)
        kept = [cal.selective_accuracy(z / t, y, at, kind="logits", **mode) for at in THRESHOLDS]
        out.append(
            {
                "temperature": t,
                "target": target,
                "n_bins": n_bins,
                "ece": interval.value,
                "low": interval.low,
                "high": interval.high,
                "equal_mass": cal.ece(z / t, y, kind="logits", n_bins=n_bins, scheme="equal_mass", **mode),
                "nll": cal.nll(z / t, y, kind="logits"),
                "brier": cal.brier(z / t, y, kind="logits"),
                "kept": [[at, k.coverage, k.accuracy] for at, k in zip(THRESHOLDS, kept, strict=True)],
            }
        )
    return out


def case(n: int, k: int, seed: int) -> dict[str, Any]:
    predictions = source(n, k, seed)
    header = predictions.opening()[0].header["predictions"]
    pieces = [
        {"message": p.header, "buffers": [{"dtype": str(b.dtype), "data": b.ravel()} for b in p.buffers]}
        for p in predictions.pieces()
    ]
    z, y = predictions.logits.astype(np.float64), predictions.dataset.y
    best = cal.fit_temperature(z, y).temperature
    return {
        "n": n,
        "k": k,
        "description": header,
        "pieces": pieces,
        "expected": expected(predictions),
        "best": best,
    }


def vectors() -> dict[str, Any]:
    return {"quantised": case(300, 6, 1), "compressed": case(120, 90, 2)}
