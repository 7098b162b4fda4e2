"""Temperature scaling: one number that divides all logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from clsviz.calibration.binned import ece
from clsviz.calibration.binning import N_BINS
from clsviz.calibration.inputs import Array, as_array, as_labels, as_logits, count, option, softmax
from clsviz.calibration.scores import nll
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
    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    n_bins, n_grid = count("n_bins", n_bins), count("n_grid", n_grid, least=2)
    low, high = checked_bounds(bounds)
    if objective == "nll":
        t, at_bound = _nll_optimum(z, y, low, high)
    else:
        t, at_bound = _ece_optimum(z, y, np.geomspace(low, high, n_grid), n_bins)
    after = apply_temperature(z, t)
    return TemperatureFit(
        temperature=t,
        nll_before=nll(z, y, kind="logits"),
        nll_after=nll(z / t, y, kind="logits"),
        ece_before=ece(z, y, kind="logits", n_bins=n_bins),
        ece_after=ece(after, y, n_bins=n_bins),
        at_bound=at_bound,
    )


def checked_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Two temperatures, 0 < low < high."""
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        raise InputError(f"bounds must be two numbers (low, high), got {bounds!r}") from None
    if not (0 < low < high < np.inf):
        raise InputError(f"bounds must be 0 < low < high, got {bounds!r}")
    return low, high


def _nll_optimum(z: Array, y: Array, low: float, high: float) -> tuple[float, bool]:
    over_label = z - z[np.arange(len(y)), y][:, None]

    def slope(beta: float) -> float:
        """d NLL / d beta with beta = 1 / T; it only rises."""
        return float((softmax(beta * over_label) * over_label).sum(1).mean())

    if slope(1 / high) >= 0:
        return high, True
    if slope(1 / low) <= 0:
        return low, True
    return float(1 / brentq(slope, 1 / high, 1 / low, xtol=1e-14, rtol=1e-14)), False


def _ece_optimum(z: Array, y: Array, grid: Array, n_bins: int) -> tuple[float, bool]:
    errors = np.array([ece(apply_temperature(z, t), y, n_bins=n_bins) for t in grid])
    tied = np.flatnonzero(errors <= errors.min() + TIE)
    best = int(tied[np.argmin(np.abs(np.log(grid[tied])))])
    return float(grid[best]), best in (0, len(grid) - 1)
