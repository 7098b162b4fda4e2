"""How sure an expected calibration error is: a bootstrap over its bins.

The browser draws the same replicates (js/src/core/interval.ts): random numbers are a function of their
place, so that a moving slider meets the same ones and the interval does not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.binning import CLOSED, N_BINS, SCHEMES, bins_of
from clsviz.calibration.inputs import MODES, Array, count
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

REPLICATES = 200
INVERTED = 10.0  # expected number up to which a binomial draw inverts its distribution function
MOST_TERMS = 60  # of that inversion: a binomial of mean 10 is beyond it once in 10^25 draws


@dataclass(frozen=True, slots=True)
class EceInterval:
    """An expected calibration error and where it would lie in other samples of this size."""

    value: float
    low: float
    high: float


@method(
    kind="measure",
    title="Interval of the expected calibration error",
    paper="Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 13",
    formula=r"n^* \sim \mathrm{Mult}(N, n_b / N),\; k_b^* \sim \mathrm{Bin}(n_b^*, \mathrm{acc}_b)",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
    level=Range(0.5, 0.999),
)
def ece_interval(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    level: float = 0.9,
    seed: int = 0,
) -> EceInterval:
    """Bootstrap interval of `ece`, drawn bin by bin.

    Each of 200 replicates draws how many samples fall in each bin (multinomial) and how many of them
    are right (binomial at the bin's accuracy); bins keep their mean confidence. An ECE is biased upwards
    by noise, and replicates are biased once more: they are shifted so that their mean is the measured
    ECE. So the interval is the spread of the measured ECE between samples of this size; it does not
    take out its own bias (`debiased_ece` does). Cut off at 0 and 1.

    Args:
        x, labels, kind, mode, target_class, n_bins, scheme, closed: as in `ece`.
        level: share of replicates inside.
        seed: of the draws.

    Raises:
        InputError: as in `ece`, or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level must be in (0, 1), got {level!r}")
    bins = bins_of(x, labels, kind, mode, target_class, n_bins, scheme, closed)
    return bins_interval(bins.counts, bins.confidence, bins.accuracy, level=level, seed=seed)


def bins_interval(
    counts: Array, confidence: Array, accuracy: Array, *, level: float = 0.9, seed: int = 0
) -> EceInterval:
    """`ece_interval` of bins: counts (B,), mean confidence and accuracy (B,), nan where a bin is empty."""
    count("seed", seed, 0)
    some = counts > 0
    n, v, a = counts[some].astype(float), confidence[some], accuracy[some]
    total = n.sum()
    value = float(n @ np.abs(a - v) / total)
    left = np.full(REPLICATES, total)  # samples not yet given to a bin, and the share of bins to come
    rest = total
    errors = np.zeros(REPLICATES)
    for b in range(len(n)):
        drawn = left if b == len(n) - 1 else _binomial(left, n[b] / rest, 2 * b, seed)
        right = _binomial(drawn, a[b], 2 * b + 1, seed)
        errors += np.abs(right - drawn * v[b])
        left = left - drawn
        rest -= n[b]
    errors /= total
    low, high = np.quantile(errors, [(1 - level) / 2, (1 + level) / 2]) + value - errors.mean()
    return EceInterval(value, float(max(0.0, low)), float(min(1.0, high)))


def _binomial(n: Array, p: float, column: int, seed: int) -> Array:
    """A draw from Bin(n, p) for each replicate: exact for small means, else normal with skewness.

    The column says which of a replicate's draws this is.
    """
    p = min(1.0, max(0.0, p))
    q = min(p, 1 - p)
    small = n * q <= INVERTED
    u, w = _uniform(2 * column, seed), _uniform(2 * column + 1, seed)
    z = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * w)
    k = np.rint(n * q + np.sqrt(n * q * (1 - q)) * z + (1 - 2 * q) * (z * z - 1) / 6)
    k = np.where(small, _inverted(n, q, u), k.clip(0, n))
    return k if p <= 0.5 else n - k


def _inverted(n: Array, q: float, u: Array) -> Array:
    """The least k whose binomial distribution function reaches u."""
    term = (1 - q) ** n
    below = term.copy()
    k = np.zeros_like(n)
    for i in range(1, MOST_TERMS):
        k += u > below
        term = term * ((n - i + 1) / i) * (q / (1 - q))
        below = below + term
    return np.minimum(k, n)


def _uniform(column: int, seed: int) -> Array:
    """(REPLICATES,) numbers in (0, 1): the finaliser of MurmurHash3 on the place of each."""
    h = (
        np.arange(REPLICATES, dtype=np.uint64) * 0x9E3779B1 + column * 0x85EBCA77 + (seed + 1) * 0xC2B2AE3D
    ) & MASK
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(0x85EBCA6B)) & MASK
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(0xC2B2AE35)) & MASK
    h ^= h >> np.uint64(16)
    return (h.astype(float) + 0.5) / 2**32


MASK = np.uint64(0xFFFFFFFF)
