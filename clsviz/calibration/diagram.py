"""The reliability diagram: accuracy against confidence, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from clsviz.calibration.binning import CLOSED, N_BINS, SCHEMES, Bins, bins_of
from clsviz.calibration.inputs import MODES, Array, option
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

CI = ("wilson", "clopper_pearson", None)


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityDiagram:
    """Confidence against accuracy per bin; nan where a bin is empty."""

    edges: Array | None  # (B + 1,), None for rank schemes
    counts: Array  # (B,) int64, pairs per bin
    confidence: Array  # (B,) mean probability
    accuracy: Array  # (B,) share correct
    gap: Array  # (B,) accuracy - confidence; negative is over-confident
    ci_low: Array  # (B,) lower end of the interval of accuracy
    ci_high: Array  # (B,) upper end


@method(
    kind="measure",
    title="Reliability diagram",
    paper="Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599",
    formula=r"\mathrm{gap}_b = \mathrm{acc}_b - \mathrm{conf}_b",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
    ci=CI,
    alpha=Range(0.001, 0.5),
)
def reliability_diagram(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    ci: str | None = "wilson",
    alpha: float = 0.05,
) -> ReliabilityDiagram:
    """Mean confidence and share correct in bins of confidence.

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        mode: pairs of the top label, of ``target_class`` ("per_class"), or all ("classwise").
        n_bins, scheme, closed: see `bin_indices`.
        ci: interval of the accuracies, "wilson", "clopper_pearson" or None (nan).
        alpha: 1 - coverage of the interval, in (0, 1).

    Raises:
        InputError: bad probabilities, labels or options; the message names the argument.
    """
    check_interval(ci, alpha)
    return diagram_of(bins_of(x, labels, kind, mode, target_class, n_bins, scheme, closed), ci, alpha)


def diagram_of(bins: Bins, ci: str | None, alpha: float) -> ReliabilityDiagram:
    """`reliability_diagram` of bins."""
    low, high = _interval(bins.accuracy, bins.counts, ci, alpha)
    return ReliabilityDiagram(bins.edges, bins.counts, bins.confidence, bins.accuracy, bins.gap, low, high)


def check_interval(ci: str | None, alpha: float) -> None:
    """Raises InputError for an unknown interval or an alpha outside (0, 1)."""
    option("ci", ci, CI)
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be in (0, 1), got {alpha!r}")


def _interval(a: Array, counts: Array, ci: str | None, alpha: float) -> tuple[Array, Array]:
    if ci is None:
        return np.full_like(a, np.nan), np.full_like(a, np.nan)
    n = np.where(counts > 0, counts, np.nan)
    if ci == "wilson":
        z = stats.norm.ppf(1 - alpha / 2)
        centre = (a + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(a * (1 - a) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        return (centre - half).clip(0, 1), (centre + half).clip(0, 1)
    k = np.round(a * n)
    low = np.where(k == 0, 0.0, stats.beta.ppf(alpha / 2, k, n - k + 1))
    high = np.where(k == n, 1.0, stats.beta.ppf(1 - alpha / 2, k + 1, n - k))
    return low, high
