"""Temperature scaling: one number that divides all logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from clsviz.calibration.arrays import float64
from clsviz.calibration.binned import total_gap
from clsviz.calibration.binning import N_BINS, width_bins
from clsviz.calibration.inputs import (
    Array,
    as_array,
    as_logits,
    block_pairs,
    count,
    forecasts,
    of_label,
    option,
    softmax,
)
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

TEMPERATURE = Range(0.05, 20, log=True)
TIE = 1e-12  # calibration errors closer than this are equal


@method(
    kind="calibrator",
    title="Temperature",
    paper="Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599",
    formula=r"\mathrm{softmax}(z / T)",
    temperature=TEMPERATURE,
)
def apply_temperature(logits: ArrayLike, temperature: ArrayLike = 1.0) -> Array:
    """Probabilities softmax(z / T), (N, K) float64; the top class stays the same.

    Args:
        logits: (N, K) scores; (N,) for two classes.
        temperature: T > 0, one for all or (N,).

    Raises:
        InputError: bad logits, or a temperature that is not above 0.
    """
    z = as_logits(logits)
    t = as_array(temperature, "temperature")
    if t.ndim and t.shape != (len(z),):
        raise ShapeError(f"temperature must be one number or ({len(z)},), got {t.shape}")
    if t.min() <= 0:
        raise InputError(f"temperature must be > 0, got {t.min():g}")
    return softmax((z - z.max(1, keepdims=True)) / (t[:, None] if t.ndim else t))


@dataclass(frozen=True, slots=True)
class TemperatureFit:
    """A fitted temperature and what it changed."""

    temperature: float
    nll_before: float  # at T = 1, nats
    nll_after: float
    ece_before: float  # top label, equal width
    ece_after: float
    at_bound: bool  # the optimum lies at or outside the bounds


@method(
    kind="calibrator",
    title="Temperature scaling",
    paper="Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599",
    formula=r"\min_T \frac{1}{N} \sum_i -\log \mathrm{softmax}(z_i / T)_{y_i}",
    objective=("nll", "ece"),
    n_bins=N_BINS,
)
def fit_temperature(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    objective: str = "nll",
    bounds: tuple[float, float] = (0.05, 20.0),
    n_bins: int = 15,
    n_grid: int = 401,
) -> TemperatureFit:
    """The temperature that suits held-out data best.

    Args:
        logits: (N, K) scores; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        objective: "nll", which is convex in 1/T and solved exactly, or "ece", searched on a
            logarithmic grid; ties go to the temperature nearest 1.
        bounds: least and largest temperature, 0 < low < high.
        n_bins: equal-width bins of the calibration error.
        n_grid: temperatures on the grid, >= 2.

    Raises:
        InputError: bad logits, labels or options; the message names the argument.
    """
    option("objective", objective, ("nll", "ece"))
    given = _Shifted(logits, labels)
    n_bins, n_grid = count("n_bins", n_bins), count("n_grid", n_grid, least=2)
    low, high = checked_bounds(bounds)
    if objective == "nll":
        t, at_bound = _nll_optimum(given, low, high)
    else:
        t, at_bound = _ece_optimum(given, np.geomspace(low, high, n_grid), n_bins)
    return TemperatureFit(
        temperature=t,
        nll_before=given.nll(1.0),
        nll_after=given.nll(t),
        ece_before=given.ece(1.0, n_bins),
        ece_after=given.ece(t, n_bins),
        at_bound=at_bound,
    )


class _Shifted:
    """Logits where they lie, in blocks with the classes first, below a largest of 0; and labels."""

    def __init__(self, logits: ArrayLike, labels: ArrayLike) -> None:
        given = forecasts(logits, labels, "logits", "logits")
        self.n = given.n
        self.blocks = []  # (z, y, z of the label)
        for block, y in given.blocks():
            z = float64(block)
            z = z - array_namespace(z).max(z, axis=0)
            self.blocks.append((z, y, of_label(z, y)))

    def slope(self, beta: float) -> float:
        """d NLL / d beta with beta = 1 / T; it only rises."""
        parts = []
        for z, _, own in self.blocks:
            xp = array_namespace(z)
            e = xp.exp(beta * z)
            parts.append(float(xp.sum(xp.sum(e * z, axis=0) / xp.sum(e, axis=0) - own)))
        return math.fsum(parts) / self.n

    def nll(self, t: float) -> float:
        """Mean of minus the log probability of the label."""
        parts = []
        for z, _, own in self.blocks:
            xp = array_namespace(z)
            parts.append(float(xp.sum(xp.log(xp.sum(xp.exp(z / t), axis=0)) - own / t)))
        return math.fsum(parts) / self.n

    def ece(self, t: float, n_bins: int) -> float:
        """Of the top label, in bins of equal width."""
        pairs = (block_pairs(z / t, y, "logits", "top_label", None) for z, y, _ in self.blocks)
        return total_gap(width_bins(pairs, n_bins), "l1")


def checked_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Two temperatures, 0 < low < high."""
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        raise InputError(f"bounds must be two numbers (low, high), got {bounds!r}") from None
    if not (0 < low < high < np.inf):
        raise InputError(f"bounds must be 0 < low < high, got {bounds!r}")
    return low, high


def _nll_optimum(given: _Shifted, low: float, high: float) -> tuple[float, bool]:
    if given.slope(1 / high) >= 0:
        return high, True
    if given.slope(1 / low) <= 0:
        return low, True
    return float(1 / brentq(given.slope, 1 / high, 1 / low, xtol=1e-14, rtol=1e-14)), False


def _ece_optimum(given: _Shifted, grid: Array, n_bins: int) -> tuple[float, bool]:
    errors = np.array([given.ece(t, n_bins) for t in grid])
    tied = np.flatnonzero(errors <= errors.min() + TIE)
    best = int(tied[np.argmin(np.abs(np.log(grid[tied])))])
    return float(grid[best]), best in (0, len(grid) - 1)
