"""Radii within which a classifier provably keeps its answer, in the Euclidean norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist

from clsviz.boundary.checks import TINY, class_labels, positive, real_array, vector_of
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What a classifier says of each sample, and how far round it that holds."""

    predictions: np.ndarray  # (N,) int64
    radius: np.ndarray  # (N,) >= 0, in units of the features


@method(
    kind="measure",
    title="Certified radius of prototypes",
    paper="A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv:2412.15499",
    formula=r"\max_{p\in\hat y}\min_{q\notin\hat y}"
    r"\frac{\lVert x-q\rVert^2-\lVert x-p\rVert^2}{2\lVert p-q\rVert}",
    needs=("prototypes", "prototype_labels", "X"),
)
def certified_radius_prototypes(prototypes: Any, prototype_labels: Any, X: Any) -> Certificate:
    """The radius within which the nearest prototype stays one of the same class.

    Exact with one prototype for each class, else a lower bound.

    Args:
        prototypes: (M, d). prototype_labels: (M,) integers >= 0, at least two classes. X: (N, d).

    Raises:
        InputError: one class only, or prototypes of different classes that coincide.
        ShapeError: shapes do not fit.
    """
    P, X, y = _prototypes(prototypes, prototype_labels, X)
    apart = cdist(P, P)
    rivals = y[:, None] != y
    if not rivals.any():
        raise InputError("prototype_labels hold one class; a boundary needs two")
    if (apart[rivals] < TINY).any():
        raise InputError("prototypes of different classes coincide; nothing there can be certified")
    squared = cdist(X, P, "sqeuclidean")
    predictions = y[squared.argmin(1)]
    radius = np.full(len(X), -np.inf)
    for p in range(len(P)):
        q = np.flatnonzero(rivals[p])
        reach = ((squared[:, q] - squared[:, p, None]) / (2 * apart[p, q])).min(1)
        radius = np.where(predictions == y[p], np.maximum(radius, reach), radius)
    return Certificate(predictions, np.maximum(radius, 0.0))


@method(
    kind="probe",
    title="Scores of an RBF classifier",
    paper="Broomhead & Lowe 1988, Multivariable Functional Interpolation and Adaptive Networks",
    formula=r"f_k(x)=\sum_m a_{km}\,e^{-\gamma\lVert x-p_m\rVert^2}",
    needs=("prototypes", "coef", "gamma", "X"),
)
def rbf_scores(prototypes: Any, coef: Any, gamma: float, X: Any, *, bias: Any = None) -> np.ndarray:
    """(N, K) scores of a classifier made of bumps.

    Args:
        prototypes: (M, d) centres. coef: (K, M) weights. gamma: > 0, one over squared units of X.
        X: (N, d). bias: (K,) added to the scores; None adds nothing.

    Raises:
        InputError: gamma <= 0.
        ShapeError: shapes do not fit.
    """
    P, X = real_array(prototypes, "prototypes", 2), real_array(X, "X", 2)
    a = _coefficients(coef, len(P))
    _same_width(P, X)
    scores = np.exp(-positive(gamma, "gamma") * cdist(X, P, "sqeuclidean")) @ a.T
    return scores if bias is None else scores + vector_of(bias, "bias", len(a))


@method(
    kind="measure",
    title="Certified radius of an RBF classifier",
    paper="A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv:2412.15499",
    formula=r"\min_{k\ne\hat y}\frac{f_{\hat y}-f_k}{\sqrt{2\gamma/e}\,\sum_m|a_{\hat ym}-a_{km}|}",
    needs=("prototypes", "coef", "gamma", "X"),
)
def certified_radius_rbf(
    prototypes: Any, coef: Any, gamma: float, X: Any, *, bias: Any = None
) -> Certificate:
    """The radius within which `rbf_scores` keep their class: no bump is steeper than sqrt(2 gamma / e).

    Arguments and errors as there, and InputError for one class. The paper's own bound is sharper.
    """
    scores = rbf_scores(prototypes, coef, gamma, X, bias=bias)
    a = _coefficients(coef, len(real_array(prototypes, "prototypes", 2)))
    if len(a) < 2:
        raise InputError("coef has one row; a boundary needs two classes")
    top = scores.argmax(1)
    steepest = np.sqrt(2 * float(gamma)) * np.exp(-0.5)
    lead = scores[np.arange(len(top)), top][:, None] - scores
    slope = steepest * np.abs(a[:, None] - a).sum(2)[top]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(slope > 0, lead / slope, np.inf)
    reach[np.arange(len(top)), top] = np.inf
    return Certificate(top, reach.min(1))


@method(
    kind="measure",
    title="Certified radius by a Lipschitz constant",
    paper="Tsuzuku, Sato & Sugiyama 2018, arXiv:1802.04034",
    formula=r"\frac{z_{(1)}-z_{(2)}}{\sqrt2\,L}",
    needs=("logits", "lipschitz"),
)
def certified_radius_lipschitz(logits: Any, lipschitz: float) -> np.ndarray:
    """(N,) radius within which logits that change by at most `lipschitz` per unit keep their largest.

    Args:
        logits: (N, K), K >= 2. lipschitz: Euclidean constant of the logit vector, > 0.

    Raises:
        InputError: lipschitz <= 0.
        ShapeError: fewer than two classes.
    """
    z = real_array(logits, "logits", 2)
    if z.shape[1] < 2:
        raise ShapeError(f"logits need at least 2 classes, got shape {z.shape}")
    first, second = np.sort(z, axis=1)[:, :-3:-1].T
    return (first - second) / (np.sqrt(2) * positive(lipschitz, "lipschitz"))


@method(
    kind="measure",
    title="Certified radius by smoothing",
    paper="Cohen, Rosenfeld & Kolter 2019, arXiv:1902.02918",
    formula=r"\sigma\,\Phi^{-1}(\underline{p_A})",
    needs=("count", "n"),
    sigma=Range(0.05, 2),
    alpha=Range(1e-4, 0.1, log=True),
)
def certified_radius_smoothing(
    count: Any, n: int, *, sigma: float, alpha: float = 0.001
) -> np.ndarray | float:
    """Radius that holds with confidence 1 - alpha for the vote of a classifier on noisy copies.

    Args:
        count: how many of `n` noisy copies got the class, a number or (N,).
        n: noisy copies, >= 1. sigma: of the noise, > 0. alpha: in (0, 1).

    Returns:
        A float or (N,), 0 where no majority is certain.

    Raises:
        InputError: a count outside 0..n, or sigma or alpha outside their range.
    """
    votes = real_array(count, "count")
    total = class_labels(n, "n", np.iinfo(np.int64).max)
    if total < 1 or (votes != np.round(votes)).any() or votes.min() < 0 or votes.max() > total:
        raise InputError(f"count must be integers in 0..n with n >= 1, got {count!r} of {n!r}")
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be in (0, 1), got {alpha!r}")
    low = np.where(votes == 0, 0.0, stats.beta.ppf(alpha, np.maximum(votes, 1), total - votes + 1))
    radius = np.where(low > 0.5, positive(sigma, "sigma") * stats.norm.ppf(np.maximum(low, 0.5)), 0.0)
    return float(radius) if radius.ndim == 0 else radius


def _prototypes(prototypes: Any, labels: Any, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    P, X = real_array(prototypes, "prototypes", 2), real_array(X, "X", 2)
    y = class_labels(labels, "prototype_labels", np.iinfo(np.int64).max)
    if y.shape != (len(P),):
        raise ShapeError(f"prototype_labels must be ({len(P)},), got {y.shape}")
    _same_width(P, X)
    return P, X, y


def _same_width(P: np.ndarray, X: np.ndarray) -> None:
    if P.shape[1] != X.shape[1]:
        raise ShapeError(f"prototypes have {P.shape[1]} features and X has {X.shape[1]}")


def _coefficients(coef: Any, m: int) -> np.ndarray:
    a = real_array(coef, "coef", 2)
    if a.shape[1] != m:
        raise ShapeError(f"coef must be (K, {m}), a weight for each prototype, got {a.shape}")
    return a
