"""Scores of probabilistic forecasts: what calibration and sharpness add up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.binning import CLOSED, N_BINS, SCHEMES, bin_pairs
from clsviz.calibration.diagram import MODES
from clsviz.calibration.inputs import (
    Array,
    as_array,
    as_labels,
    as_logits,
    log_softmax,
    option,
    pairs,
    probs_and_labels,
    probs_of,
    vector,
)
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
    option("kind", kind, ("probs", "logits"))
    if not 0 < eps < 1:
        raise InputError(f"eps must be in (0, 1), got {eps!r}")
    if kind == "logits":
        logits = as_logits(x, "x")
        y, log_p = as_labels(labels, *logits.shape), log_softmax(logits)
    else:
        probs, y = probs_and_labels(x, labels, kind)
        log_p = np.log(np.maximum(probs, eps))
    return float(-log_p[np.arange(len(y)), y].mean())


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
    probs, y = probs_and_labels(x, labels, kind)
    return float(np.square(probs - np.eye(probs.shape[1])[y]).sum(1).mean())


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
    probs, y = probs_and_labels(x, labels, kind)
    v, c = pairs(probs, y, mode, target_class)
    bins = bin_pairs(v, c, n_bins, scheme, closed)
    conf, acc = bins.confidence[bins.index], bins.accuracy[bins.index]  # per pair
    return BrierDecomposition(
        brier=float(np.mean((v - c) ** 2)),
        reliability=float(np.mean((conf - acc) ** 2)),
        resolution=float(np.mean((acc - c.mean()) ** 2)),
        uncertainty=float(c.mean() * (1 - c.mean())),
        within_variance=float(np.mean((v - conf) ** 2)),
        within_covariance=float(2 * np.mean((v - conf) * (c - acc))),
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
    probs = probs_of(x, kind)
    h = -(probs * np.log(np.where(probs > 0, probs, 1.0))).sum(1) + 0.0
    return h / np.log(probs.shape[1]) if normalize else h


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
    probs, y = probs_and_labels(x, labels, kind)
    below = y[:, None] <= np.arange(probs.shape[1] - 1)
    return float(np.square(probs.cumsum(1)[:, :-1] - below).sum(1).mean())


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
    x = as_array(members, "members")
    if x.ndim != 2:
        raise ShapeError(f"members must be (N, M), got {x.shape}")
    n, m = x.shape
    o = vector(observation, "observation", n)
    if m == 1 and variant != "standard":
        raise InputError(f'variant="{variant}" needs members of at least two columns, got one')
    ranks = 2 * np.arange(m) - m + 1
    spread = 2 * (np.sort(x, 1) * ranks).sum(1) / m  # (1/M) sum_jk |x_j - x_k|
    weight = 1 / m
    if variant == "fair":
        weight = 1 / (m - 1)
    elif variant == "almost_fair":
        weight = (1 - (1 - alpha) / m) / (m - 1)
    return float((np.abs(x - o[:, None]).mean(1) - weight * spread / 2).mean())
