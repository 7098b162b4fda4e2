"""The surprisals m = -log p(true class) of each grid point, as a small histogram.

Many losses are functions of m alone. From the histogram the browser gives their mean at every grid
point for any parameter, at the rate of a slider (js/src/core/recolour.ts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clsviz.errors import InputError
from clsviz.landscape.tables import CHUNK, grid_logits

BINS = 48
MARK = 65535  # code of the right edge of a bin


@dataclass(frozen=True, slots=True, eq=False)
class SurprisalHistogram:
    """Counts and mean surprisals of G grid points in B bins that all share.

    A sum of count * f(mean) over the bins misses the sum of f over the samples by at most twice the
    distance of f from its chord in each bin, and not at all where f is linear (cross-entropy), but for
    the rounding of the means: 1 / 131070 of a bin.
    """

    edges: np.ndarray  # (B + 1,) float64, ascending from 0
    counts: np.ndarray  # (G, B) uint16; they sum to less than N where a surprisal is not finite
    places: np.ndarray  # (G, B) uint16, mean of the bin: low + place / 65535 * (high - low)
    samples: int  # N
    temperature: float


@torch.no_grad()
def surprisal_histogram(
    logits: Any, labels: Any, *, temperature: float = 1.0, bins: int = BINS
) -> SurprisalHistogram:
    """Histogram of -log softmax(logits / temperature)[label] for each grid point.

    The bins are equally wide in log(1 + m) up to the greatest finite surprisal.

    Args:
        logits: (G, N, K) float, N <= 65535.
        labels: (N,) int in [0, K).
        temperature: > 0.
        bins: >= 1.

    Raises:
        ShapeError: logits are not (G, N, K), or labels not (N,).
        InputError: a label outside [0, K), temperature <= 0, more samples than a count holds.
    """
    z, y = grid_logits(logits, labels)
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature must be > 0 and finite, got {temperature!r}")
    grid, samples, classes = z.shape
    if samples > MARK:
        raise InputError(f"at most {MARK} samples fit the histogram, got {samples}")
    m = np.empty((grid, samples))
    step = max(1, CHUNK // (samples * classes))
    for start in range(0, grid, step):
        block = z[start : start + step].double() / float(temperature)
        own = y.expand(len(block), -1)[..., None]
        m[start : start + step] = -block.log_softmax(-1).gather(-1, own)[..., 0].numpy()
    good = np.isfinite(m)
    top = float(np.log1p(m.max(where=good, initial=0.0))) or 1.0
    edges = np.expm1(np.linspace(0, top, bins + 1))
    bin_of = np.clip(np.searchsorted(edges, m, side="right") - 1, 0, bins - 1)
    flat = (np.arange(grid)[:, None] * bins + bin_of)[good]
    counts = np.bincount(flat, minlength=grid * bins)
    sums = np.bincount(flat, weights=m[good], minlength=grid * bins)
    means = (sums / np.maximum(counts, 1)).reshape(grid, bins)
    share = np.clip((means - edges[:-1]) / np.diff(edges), 0, 1)
    places = np.where(counts.reshape(grid, bins) > 0, np.rint(share * MARK), 0)
    return SurprisalHistogram(
        edges,
        counts.reshape(grid, bins).astype(np.uint16),
        places.astype(np.uint16),
        samples,
        float(temperature),
    )
