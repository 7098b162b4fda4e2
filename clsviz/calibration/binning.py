"""The one rule by which confidences fall into bins; the browser follows it too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.inputs import OUTSIDE, Array, count, option, vector
from clsviz.catalogue import Range
from clsviz.errors import InputError

SCHEMES = ("equal_width", "equal_mass", "equal_mass_rank", "adaptive")
CLOSED = ("left", "right")
N_BINS = Range(1, 100, step=1)  # sliders go to 100, a menu to 500

FALLS = 1e-12  # bin accuracies that decrease by more are not monotone


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """Means of pairs per bin; nan where the bin is empty."""

    edges: Array | None  # (B + 1,), None for rank schemes
    index: NDArray[np.int64]  # (n,) bin of each pair
    counts: NDArray[np.int64]  # (B,)
    confidence: Array  # (B,)
    accuracy: Array  # (B,)

    @property
    def gap(self) -> Array:
        """(B,) accuracy - confidence; negative is over-confident."""
        return self.accuracy - self.confidence


def bin_indices(
    v: ArrayLike,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    target: ArrayLike | None = None,
) -> tuple[Array | None, NDArray[np.int64], int]:
    """Which bin each confidence falls in.

    Edges are k / B, each one division, so that 3/5 is the literal 0.6. With ``closed="left"`` bin
    k is [e_k, e_k+1) and the last bin also holds 1; with ``"right"`` it is (e_k, e_k+1] and the
    first bin also holds 0.

    Args:
        v: (n,) confidences in [0, 1].
        n_bins: number of bins B, >= 1; ignored by ``"adaptive"``.
        scheme: ``"equal_width"``; ``"equal_mass"``: edges at quantiles, duplicates removed;
            ``"equal_mass_rank"``: by rank, ties split by input order; ``"adaptive"``: by rank,
            with the largest B for which accuracies do not fall.
        closed: which end of a bin belongs to it; ignored by rank schemes.
        target: (n,) whether each was right, for ``"adaptive"`` alone.

    Returns:
        edges (B + 1,) or None for rank schemes, bin of each value (n,) int64, effective B.

    Raises:
        InputError: v is empty or outside [0, 1], n_bins < 1, unknown scheme or closed, or target
            missing.
    """
    option("scheme", scheme, SCHEMES)
    option("closed", closed, CLOSED)
    v = vector(v, "v")
    if v.min() < -OUTSIDE or v.max() > 1 + OUTSIDE:
        raise InputError(f"v must lie in [0, 1], got {v.min():g}..{v.max():g}")
    v = v.clip(0, 1)
    if scheme == "adaptive":
        if target is None:
            raise InputError('scheme="adaptive" needs target, whether each of v was right')
        n_bins = monotone_bins(v, vector(target, "target", len(v)))
    b = count("n_bins", n_bins)
    if scheme in ("equal_mass_rank", "adaptive"):
        index = np.empty(len(v), dtype=np.int64)
        index[np.argsort(v, kind="stable")] = np.arange(len(v)) * b // len(v)
        return None, index, b
    edges = np.arange(b + 1) / b
    if scheme == "equal_mass":
        edges = np.quantile(v, edges)
        edges[0], edges[-1] = 0.0, 1.0
        edges = np.unique(edges)
        b = len(edges) - 1
    side = "right" if closed == "left" else "left"
    index = np.searchsorted(edges, v, side=side) - 1  # type: ignore[call-overload]
    return edges, index.clip(0, b - 1), b


def monotone_bins(v: Array, c: Array) -> int:
    """The last number of rank bins before bin accuracies first decrease, counting up from 2."""
    n = len(v)
    right = np.concatenate([[0.0], np.cumsum(c[np.argsort(v, kind="stable")])])
    for b in range(2, n + 1):
        starts = -(-np.arange(b + 1) * n // b)  # rank r is in bin floor(r b / n)
        accuracy = np.diff(right[starts]) / np.diff(starts)
        if (np.diff(accuracy) < -FALLS).any():
            return b - 1
    return n


def bin_pairs(v: Array, c: Array, n_bins: int, scheme: str, closed: str = "left") -> Binned:
    """Means of the pairs (v, c) in each bin."""
    edges, index, b = bin_indices(v, n_bins, scheme, closed, c)
    counts = np.bincount(index, minlength=b)
    some = np.where(counts > 0, counts, np.nan)
    confidence = np.bincount(index, v, minlength=b) / some
    accuracy = np.bincount(index, c, minlength=b) / some
    return Binned(edges, index, counts, confidence, accuracy)
