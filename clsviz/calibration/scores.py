"""Scores of probabilistic forecasts: what calibration and sharpness add up to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike

from clsviz.calibration.arrays import Native, beside, float64, to_numpy
from clsviz.calibration.binning import CLOSED, N_BINS, SCHEMES, Bins, bins_of
from clsviz.calibration.inputs import MODES, Array, finite, forecasts, of_label, option, prob_blocks
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


@method(
    kind="measure",
    title="Negative log-likelihood",
    paper="Good 1952, Rational Decisions",
    formula=r"-\frac{1}{N} \sum_i \log p_{i y_i}",
    eps=Range(1e-15, 1e-3, log=True),
)
def nll(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs", eps: float = 1e-12) -> float:
    """Mean of minus the log probability of the label, in nats.

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        eps: floor of the probabilities, so that p = 0 stays finite; logits need none.

    Raises:
        InputError: bad probabilities or labels, or eps outside (0, 1).
    """
    check_eps(eps)
    given = forecasts(x, labels, kind)
    return math.fsum(nll_sum(block, y, kind, eps) for block, y in given.blocks()) / given.n


def check_eps(eps: float) -> None:
    """Raises InputError when the floor of probabilities is outside (0, 1)."""
    if not 0 < eps < 1:
        raise InputError(f"eps must be in (0, 1), got {eps!r}")


def nll_sum(block: Native, y: Native, kind: str, eps: float) -> float:
    """Sum of minus log probabilities of labels: of a (K, n) block of probabilities or logits."""
    xp = array_namespace(block)
    if kind == "probs":
        return -float(xp.sum(xp.log(xp.clip(float64(of_label(block, y)), eps, None))))
    block = float64(block)
    own = of_label(block, y)
    top = xp.max(block, axis=0)
    return float(xp.sum(xp.log(xp.sum(xp.exp(block - top), axis=0)) + top - own))


@method(
    kind="measure",
    title="Brier score",
    paper="Brier 1950, Verification of forecasts expressed in terms of probability",
    formula=r"\frac{1}{N} \sum_i \sum_k (p_{ik} - 1[y_i = k])^2",
)
def brier(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> float:
    """Mean squared distance of the probabilities to the one-hot label, in [0, 2].

    Arguments and errors as in `ece`.
    """
    given = forecasts(x, labels, kind)
    return math.fsum(brier_sum(probs, y) for probs, y in given.probs()) / given.n


def brier_sum(probs: Native, y: Native) -> float:
    """Sum of squared distances to one-hot labels of a (K, n) block, which it changes."""
    probs[y, beside(np.arange(len(y)), y)] -= 1
    flat = probs.reshape(-1)
    return float(array_namespace(flat).vecdot(flat, flat))


@dataclass(frozen=True, slots=True)
class BrierDecomposition:
    """brier = reliability - resolution + uncertainty + within_variance - within_covariance."""

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


@method(
    kind="measure",
    title="Brier decomposition",
    paper="Murphy 1973, A New Vector Partition of the Probability Score; Stephenson et al. 2008, "
    "Two Extra Components in the Brier Score Decomposition",
    formula=r"\mathrm{BS} = \mathrm{REL} - \mathrm{RES} + \mathrm{UNC} + \mathrm{WBV} - \mathrm{WBC}",
    mode=MODES,
    n_bins=N_BINS,
    scheme=SCHEMES,
    closed=CLOSED,
)
def brier_decomposition(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
) -> BrierDecomposition:
    """The Brier score of confidences, split into calibration, sharpness and difficulty.

    Arguments and errors as in `ece`. The score is that of pairs (confidence, correct), mean
    (v - c)^2, not the multi-class one of `brier`.
    """
    return decomposed(bins_of(x, labels, kind, mode, target_class, n_bins, scheme, closed, squares=True))


def decomposed(bins: Bins) -> BrierDecomposition:
    """`brier_decomposition` of bins with sums of squares."""
    assert bins.squares is not None
    some = bins.counts > 0
    n, v, a = bins.counts[some], bins.confidence[some], bins.accuracy[some]
    right, squares = bins.v.value[some, 1], bins.squares.value[some]  # sums of v c and of v^2
    total = n.sum()
    rate = bins.tallies[..., 1].sum() / total
    return BrierDecomposition(
        brier=float((squares.sum() - 2 * right.sum() + total * rate) / total),
        reliability=float(n @ (v - a) ** 2 / total),
        resolution=float(n @ (a - rate) ** 2 / total),
        uncertainty=float(rate * (1 - rate)),
        within_variance=float((squares - n * v**2).sum() / total),
        within_covariance=float(2 * (right - n * v * a).sum() / total),
    )


@method(
    kind="measure",
    title="Entropy",
    paper="Shannon 1948, A Mathematical Theory of Communication",
    formula=r"-\sum_k p_k \log p_k",
    normalize=(False, True),
)
def entropy(x: ArrayLike, normalize: bool = False, *, kind: str = "probs") -> Array:
    """How undecided each forecast is, (N,) in nats.

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        normalize: divide by log K, so that 1 is uniform.

    Raises:
        InputError: bad probabilities or kind.
    """
    parts = []
    for probs in prob_blocks(x, kind):
        xp = array_namespace(probs)
        h = -xp.sum(probs * xp.log(xp.where(probs > 0, probs, 1.0)), axis=0) + 0.0
        parts.append(to_numpy(h / math.log(len(probs)) if normalize else h))
    return np.concatenate(parts)


@method(
    kind="measure",
    title="Ranked probability score",
    paper="Epstein 1969, A Scoring System for Probability Forecasts of Ranked Categories",
    formula=r"\frac{1}{N} \sum_i \sum_{k < K-1} (F_{ik} - 1[y_i \le k])^2",
)
def rps(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> float:
    """Squared distance of cumulative probabilities, for classes that have an order.

    Arguments and errors as in `ece`.
    """
    given = forecasts(x, labels, kind)
    return math.fsum(rps_sum(probs, y) for probs, y in given.probs()) / given.n


def rps_sum(probs: Native, y: Native) -> float:
    """Sum of squared distances of cumulative probabilities of a (K, n) block."""
    xp = array_namespace(probs)
    below = y <= beside(np.arange(len(probs) - 1)[:, None], y)
    return float(xp.sum((xp.cumulative_sum(probs, axis=0)[:-1] - xp.astype(below, probs.dtype)) ** 2))


@method(
    kind="measure",
    title="Continuous ranked probability score of an ensemble",
    paper="Ferro 2014, Fair scores for ensemble forecasts; Lang et al. 2024, AIFS-CRPS: Ensemble "
    "forecasting using a model trained with a loss function based on the CRPS",
    formula=r"\frac{1}{M} \sum_j |x_j - o| - \frac{w}{2} \sum_{jk} |x_j - x_k|",
    variant=("standard", "fair", "almost_fair"),
    alpha=Range(0, 1),
)
def crps_ensemble(
    members: ArrayLike, observation: ArrayLike, variant: str = "standard", alpha: float = 0.95
) -> float:
    """Mean distance of an ensemble's distribution to what was observed.

    Args:
        members: (N, M) values of the M members.
        observation: (N,) observed values.
        variant: "standard"; "fair" does not favour small ensembles; "almost_fair" is between.
        alpha: share of fair in "almost_fair", in [0, 1].

    Raises:
        InputError: bad shapes or options, or M = 1 with a fair variant.
    """
    option("variant", variant, ("standard", "fair", "almost_fair"))
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha must be in [0, 1], got {alpha!r}")
    x = float64(finite(members, "members"))
    if x.ndim != 2:
        raise ShapeError(f"members must be (N, M), got {tuple(x.shape)}")
    n, m = x.shape
    o = beside(float64(finite(observation, "observation", n)), x)
    if m == 1 and variant != "standard":
        raise InputError(f'variant="{variant}" needs members of at least two columns, got one')
    xp = array_namespace(x)
    ranks = beside(2.0 * np.arange(m) - m + 1, x)
    spread = 2 * xp.sum(xp.sort(x, axis=1) * ranks, axis=1) / m  # (1/M) sum_jk |x_j - x_k|
    weight = 1 / m
    if variant == "fair":
        weight = 1 / (m - 1)
    elif variant == "almost_fair":
        weight = (1 - (1 - alpha) / m) / (m - 1)
    return float(xp.mean(xp.mean(xp.abs(x - o[:, None]), axis=1) - weight * spread / 2))
