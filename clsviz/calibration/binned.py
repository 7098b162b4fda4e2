"""Calibration errors read off bins. Empty bins contribute nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike
from scipy.stats import norm as gaussian

from clsviz.calibration.arrays import Native
from clsviz.calibration.binning import (
    CLOSED,
    N_BINS,
    SCHEMES,
    Bins,
    bin_pairs,
    bins_of,
    monotone_bins,
    width_bins,
)
from clsviz.calibration.inputs import MODES, Array, forecasts, option, read_pairs
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

NORMS = ("l1", "l2", "max")
GUO = "Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599"
NIXON = "Nixon et al. 2019, Measuring Calibration in Deep Learning, arXiv:1904.01685"


def total_gap(bins: Bins, norm: str) -> float:
    """The gaps as one number: weighted mean, root of weighted mean square, or largest."""
    some = bins.counts > 0
    weight = bins.counts[some] / bins.counts.sum()
    gap = np.abs(bins.gap[some])
    if norm == "max":
        return float(gap.max())
    return float(weight @ gap) if norm == "l1" else float(np.sqrt(weight @ gap**2))


@method(
    kind="measure",
    title="Expected calibration error",
    paper=f"Naeini et al. 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning; {GUO}",
    formula=r"\sum_b \frac{n_b}{N} |\mathrm{acc}_b - \mathrm{conf}_b|",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
    norm=NORMS,
)
def ece(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    norm: str = "l1",
) -> float:
    """Mean distance between confidence and accuracy over bins, in [0, 1].

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        mode: pairs of the top label, of ``target_class`` ("per_class"), or all ("classwise").
        n_bins, scheme, closed: see `bin_indices`.
        norm: "l1" weighted mean, "l2" root of the weighted mean square, "max" the largest.

    Raises:
        InputError: bad probabilities, labels or options; the message names the argument.
    """
    option("norm", norm, NORMS)
    return total_gap(bins_of(x, labels, kind, mode, target_class, n_bins, scheme, closed), norm)


@method(
    kind="measure",
    title="Root mean square calibration error",
    paper="Kumar et al. 2019, Verified Uncertainty Calibration, arXiv:1909.10155",
    formula=r"\sqrt{\sum_b \frac{n_b}{N} (\mathrm{acc}_b - \mathrm{conf}_b)^2}",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
)
def rmsce(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
) -> float:
    """`ece` with ``norm="l2"``: large gaps count more. Arguments and errors as there."""
    return ece(
        x,
        labels,
        kind=kind,
        mode=mode,
        target_class=target_class,
        n_bins=n_bins,
        scheme=scheme,
        closed=closed,
        norm="l2",
    )


@method(
    kind="measure",
    title="Maximum calibration error",
    paper=f"Naeini et al. 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning; {GUO}",
    formula=r"\max_b |\mathrm{acc}_b - \mathrm{conf}_b|",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
)
def mce(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
) -> float:
    """`ece` with ``norm="max"``: the largest gap of a bin. Arguments and errors as there."""
    return ece(
        x,
        labels,
        kind=kind,
        mode=mode,
        target_class=target_class,
        n_bins=n_bins,
        scheme=scheme,
        closed=closed,
        norm="max",
    )


@method(
    kind="measure",
    title="Average calibration error",
    paper="Neumann et al. 2018, Relaxed Softmax: Efficient Confidence Auto-Calibration",
    formula=r"\frac{1}{B'} \sum_{b: n_b > 0} |\mathrm{acc}_b - \mathrm{conf}_b|",
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
)
def average_calibration_error(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
) -> float:
    """Plain mean of the gaps of the bins that hold samples, top label.

    Arguments and errors as in `ece`.
    """
    return mean_gap(bins_of(x, labels, kind, n_bins=n_bins, scheme=scheme, closed=closed))


def mean_gap(bins: Bins) -> float:
    """Plain mean of the gaps of the bins that hold samples."""
    return float(np.nanmean(np.abs(bins.gap)))


@method(
    kind="measure",
    title="Adaptive calibration error",
    paper=NIXON,
    formula=r"\frac{1}{K} \sum_k \frac{1}{B_k} \sum_b |\mathrm{acc}_{kb} - \mathrm{conf}_{kb}|",
    n_bins=N_BINS,
)
def ace(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs", n_bins: int = 15) -> float:
    """Mean gap over the classes, each in its own bins of equal count.

    Arguments and errors as in `ece`.
    """
    return tace(x, labels, kind=kind, n_bins=n_bins, threshold=0.0)


@method(
    kind="measure",
    title="Thresholded adaptive calibration error",
    paper=NIXON,
    formula=r"\mathrm{ACE\ of\ the\ entries\ } p_{ik} \ge \mathrm{threshold}",
    n_bins=N_BINS,
    threshold=Range(0, 0.5),
)
def tace(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    n_bins: int = 15,
    threshold: float = 0.01,
) -> float:
    """`ace` of the probabilities that reach a threshold; classes with none are skipped.

    Args:
        x, labels, kind, n_bins: as in `ece`.
        threshold: least probability that counts.

    Raises:
        InputError: as in `ece`, or no probability reaches the threshold.
    """
    means = []
    for v, c in _by_class(x, labels, kind):
        kept = v >= threshold
        if bool(kept.any()):
            means.append(mean_gap(bin_pairs(v[kept], c[kept], n_bins, "equal_mass_rank")))
    if not means:
        raise InputError(f"threshold {threshold!r} leaves no probability of any class; lower it")
    return float(np.mean(means))


@method(
    kind="measure",
    title="Classwise calibration error",
    paper="Kull et al. 2019, Beyond temperature scaling: Obtaining well-calibrated multiclass "
    "probabilities with Dirichlet calibration, arXiv:1910.12656",
    formula=r"\frac{1}{K} \sum_k \mathrm{ECE}_k",
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
    norm=NORMS,
)
def classwise_ece(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    norm: str = "l1",
) -> float:
    """Mean over the classes of the calibration error of each class's probability.

    Arguments and errors as in `ece`.
    """
    option("norm", norm, NORMS)
    if scheme == "equal_width":
        given = forecasts(x, labels, kind)
        return classwise_gap(width_bins(given.pairs("classwise"), n_bins, closed, (given.k,)), norm)
    each = _by_class(x, labels, kind)
    return float(np.mean([total_gap(bin_pairs(v, c, n_bins, scheme, closed), norm) for v, c in each]))


def classwise_gap(bins: Bins, norm: str) -> float:
    """Mean over the classes of what their bins amount to."""
    return float(np.mean([total_gap(bins.row(k), norm) for k in range(len(bins.counts))]))


def _by_class(x: ArrayLike, labels: ArrayLike, kind: str) -> Iterator[tuple[Native, Native]]:
    """(v, c) of each class."""
    parts = list(forecasts(x, labels, kind).pairs("classwise"))
    xp = array_namespace(parts[0][0])
    for k in range(len(parts[0][0])):
        yield xp.concat([v[k] for v, _ in parts]), xp.concat([c[k] for _, c in parts])


@dataclass(frozen=True, slots=True)
class SweepECE:
    """Calibration error with the number of bins the data allowed."""

    value: float
    n_bins: int


@method(
    kind="measure",
    title="Monotonic sweep calibration error",
    paper="Roelofs et al. 2022, Mitigating Bias in Calibration Error Estimation, arXiv:2012.08668",
    norm=NORMS,
)
def sweep_ece(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs", norm: str = "l1") -> SweepECE:
    """`ece` in as many bins of equal count as keep the accuracies from falling.

    Args:
        x, labels, kind, norm: as in `ece`.

    Raises:
        InputError: as in `ece`.
    """
    option("norm", norm, NORMS)
    v, c = read_pairs(x, labels, kind)
    n_bins = monotone_bins(v, c)
    return SweepECE(total_gap(bin_pairs(v, c, n_bins, "equal_mass_rank"), norm), n_bins)


@method(
    kind="measure",
    title="Debiased calibration error",
    paper="Kumar et al. 2019, Verified Uncertainty Calibration, arXiv:1909.10155",
    formula=r"\sqrt{\max\Big(0, \sum_b \frac{n_b}{N} \Big[ \mathrm{gap}_b^2 - "
    r"\frac{\mathrm{acc}_b (1 - \mathrm{acc}_b)}{n_b - 1} \Big]\Big)}",
    n_bins=N_BINS,
    scheme=SCHEMES,
    norm=("l1", "l2"),
)
def debiased_ece(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    n_bins: int = 15,
    scheme: str = "equal_mass_rank",
    norm: str = "l2",
) -> float:
    """Calibration error without the part that comes from few samples per bin.

    Args:
        x, labels, kind, n_bins, scheme: as in `ece`.
        norm: "l2", bins with one sample give 0; "l1" may be negative.

    Raises:
        InputError: as in `ece`.
    """
    option("norm", norm, ("l1", "l2"))
    return debiased_gap(bins_of(x, labels, kind, n_bins=n_bins, scheme=scheme), norm)


def debiased_gap(bins: Bins, norm: str) -> float:
    """`debiased_ece` of bins."""
    some = bins.counts > (0 if norm == "l1" else 1)
    n, gap, a = bins.counts[some], bins.gap[some], bins.accuracy[some]
    weight = n / bins.counts.sum()
    if norm == "l2":
        return float(np.sqrt(max(0.0, weight @ (gap**2 - a * (1 - a) / (n - 1)))))
    s = np.sqrt(a * (1 - a) / n)
    return float(2 * (weight @ np.abs(gap)) - weight @ _folded_normal_mean(gap, s))


def _folded_normal_mean(g: Array, s: Array) -> Array:
    """E|X| for X normal with mean g and deviation s; |g| where s is 0."""
    u = g / np.where(s > 0, s, 1.0)
    mean = s * np.sqrt(2 / np.pi) * np.exp(-(u**2) / 2) + g * (1 - 2 * gaussian.cdf(-u))
    return np.where(s > 0, mean, np.abs(g))
