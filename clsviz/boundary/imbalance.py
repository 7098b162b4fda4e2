"""Remedies for rare classes: new samples on segments, weights, shifted logits, borrowed statistics."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from clsviz.boundary.checks import (
    class_labels,
    integer,
    not_negative,
    real_array,
    real_number,
    vector_of,
)
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

BORDERLINE = "Han, Wang & Mao 2005, Borderline-SMOTE, doi:10.1007/11538059_91"


class Borderline(NamedTuple):
    """Where samples of the minority stand, in their order among the samples."""

    danger: np.ndarray  # (n,) bool, half of the neighbours or more are others
    noise: np.ndarray  # (n,) bool, all are
    majority_neighbours: np.ndarray  # (n,) int64


class ClassGaussians(NamedTuple):
    """A Gaussian for the features of each class; nan for a class without samples."""

    mean: np.ndarray  # (K, d)
    cov: np.ndarray  # (K, d, d)
    counts: np.ndarray  # (K,) samples before trimming


@method(
    kind="probe",
    title="SMOTE",
    paper="SMOTE: Synthetic Minority Over-sampling Technique, arXiv:1106.1813",
    formula=r"x_i+\lambda\,(x_{nn}-x_i)",
    needs=("X_minority", "n_new"),
    k=Range(1, 20, step=1),
)
def smote(X_minority: Any, n_new: int, *, k: int = 5, seed: int = 0) -> np.ndarray:
    """New samples (n_new, d), each on the segment from a sample to one of its k nearest.

    Args:
        X_minority: (N, d), N >= 2. n_new: >= 0. k: at most N - 1 are used.

    Raises:
        InputError: fewer than two samples, n_new < 0 or k < 1.
    """
    X, new = real_array(X_minority, "X_minority", 2), integer(n_new, "n_new", least=0)
    if len(X) < 2:
        raise InputError("X_minority has one sample; a segment needs two")
    near = _neighbours(X, min(integer(k, "k"), len(X) - 1))
    rng = np.random.default_rng(seed)
    at = rng.integers(0, len(X), new)
    to = near[at, rng.integers(0, near.shape[1], new)]
    return X[at] + rng.random(new)[:, None] * (X[to] - X[at])


@method(
    kind="probe",
    title="Samples at the border",
    paper=BORDERLINE,
    needs=("X", "y", "minority"),
    m=Range(1, 50, step=1),
)
def borderline_mask(X: Any, y: Any, minority: int, *, m: int = 10) -> Borderline:
    """Which samples of the minority have mostly others among their m nearest.

    Args:
        X: (N, d), N >= 2. y: (N,) integers >= 0. minority: a class that occurs. m: at most N - 1 are used.

    Raises:
        InputError: the minority does not occur, or m < 1. ShapeError: shapes do not fit.
    """
    others, m = _others_near(X, y, minority, integer(m, "m"))
    return Borderline((others >= m / 2) & (others < m), others == m, others)


@method(
    kind="probe",
    title="ADASYN counts",
    paper="He, Bai, Garcia & Li 2008, ADASYN, doi:10.1109/IJCNN.2008.4633969",
    formula=r"\mathrm{round}\Big(n\,\frac{q_i}{\sum_jq_j}\Big)",
    needs=("X", "y", "minority", "n_new"),
    k=Range(1, 20, step=1),
)
def adasyn_counts(X: Any, y: Any, minority: int, n_new: int, *, k: int = 5) -> np.ndarray:
    """(n,) how many new samples to make at each of the minority; by rounding, their sum may differ.

    Args:
        X, y, minority: as in `borderline_mask`. n_new: >= 0, in all. k: neighbours looked at.

    Raises:
        InputError: as there, or no sample of the minority has another near it.
    """
    others, _ = _others_near(X, y, minority, integer(k, "k"))
    if others.sum() == 0:
        raise InputError("minority has no other class near it, so that no sample is harder than another")
    share = others / others.sum()
    return np.round(share * integer(n_new, "n_new", least=0)).astype(np.int64)


@method(
    kind="measure",
    title="Weights by effective number",
    paper="Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples, arXiv:1901.05555",
    formula=r"\frac{1-\beta}{1-\beta^{n_k}}",
    needs=("counts",),
    beta=Range(0, 0.9999),
)
def effective_number_weights(counts: Any, *, beta: float = 0.999) -> np.ndarray:
    """(K,) weights of classes, with mean 1.

    Args:
        counts: (K,) samples of each class, >= 1. beta: in [0, 1); 0 weights all alike.

    Raises:
        InputError: a count below 1, or beta outside [0, 1).
    """
    c, b = real_array(counts, "counts", 1), real_number(beta, "beta")
    if c.min() < 1:
        raise InputError(f"counts must be >= 1, got {c.min():g}")
    if not 0 <= b < 1:
        raise InputError(f"beta must be in [0, 1), got {beta!r}")
    weights = (1 - b) / (1 - b**c)
    return weights / weights.mean()


@method(
    kind="probe",
    title="Logit adjustment",
    paper="Menon et al. 2021, Long-tail learning via logit adjustment, arXiv:2007.07314",
    formula=r"z_k-\tau\ln\pi_k",
    needs=("logits", "prior"),
    tau=Range(0, 3),
)
def logit_adjustment(logits: Any, prior: Any, *, tau: float = 1.0) -> np.ndarray:
    """(N, K) logits for classes that are all equally frequent.

    Args:
        logits: (N, K). prior: (K,) shares of the classes, > 0. tau: strength of the change.

    Raises:
        InputError: a share of 0 or less. ShapeError: shapes do not fit.
    """
    z = real_array(logits, "logits", 2)
    shares = vector_of(prior, "prior", z.shape[1])
    if shares.min() <= 0:
        raise InputError(f"prior must be > 0 for each class, got {shares.min():g}")
    return z - real_number(tau, "tau") * np.log(shares)


@method(
    kind="probe",
    title="Representation calibration",
    paper="When Noisy Labels Meet Long Tail Dilemmas: A Representation Calibration Method, arXiv:2211.10955; "
    "a reduction",
    needs=("features", "labels"),
    n_neighbours=Range(0, 10, step=1),
    alpha=Range(0, 1),
    head_min=Range(1, 200, step=1),
    trim=Range(0, 0.5),
)
def representation_calibration(
    features: Any,
    labels: Any,
    *,
    n_neighbours: int = 2,
    alpha: float = 0.0,
    head_min: int = 20,
    trim: float = 0.0,
    n_classes: int | None = None,
) -> ClassGaussians:
    """Mean and covariance of each class's features; rare classes borrow from the frequent ones near them.

    Args:
        features: (N, d). labels: (N,) int in [0, n_classes).
        n_neighbours: frequent classes to borrow from, >= 0.
        alpha: added to the diagonal of a borrowed covariance, >= 0.
        head_min: samples from which on a class is frequent, >= 1.
        trim: share of a class's samples, those farthest from its mean, that are left out, in [0, 1).
        n_classes: K; None: as many as occur.

    Returns:
        Samples drawn from N(mean, cov) balance the classes.

    Raises:
        InputError: an option outside its range, or a label out of range. ShapeError: shapes do not fit.
    """
    X, cut = real_array(features, "features", 2), real_number(trim, "trim")
    y = class_labels(labels, "labels", np.iinfo(np.int64).max if n_classes is None else n_classes)
    if y.shape != (len(X),):
        raise ShapeError(f"labels must be ({len(X)},), got {y.shape}")
    if not 0 <= cut < 1:
        raise InputError(f"trim must be in [0, 1), got {trim!r}")
    most, ridge = integer(n_neighbours, "n_neighbours", least=0), not_negative(alpha, "alpha")
    K, d = int(y.max()) + 1 if n_classes is None else int(n_classes), X.shape[1]
    counts = np.bincount(y, minlength=K)
    mean, cov = np.full((K, d), np.nan), np.full((K, d, d), np.nan)
    for k in np.flatnonzero(counts):
        own = _trimmed(X[y == k], cut)
        mean[k] = own.mean(0)
        cov[k] = np.cov(own, rowvar=False).reshape(d, d) if len(own) > 1 else 0.0
    heads = np.flatnonzero(counts >= integer(head_min, "head_min"))
    H = min(most, len(heads))
    new_mean, new_cov = mean.copy(), cov.copy()
    for k in np.flatnonzero((counts > 0) & (counts < head_min)) if H else ():
        near = heads[np.argsort(np.linalg.norm(mean[heads] - mean[k], axis=1), kind="stable")[:H]]
        several = int(counts[k] > 1)
        new_mean[k] = (mean[near].sum(0) + mean[k]) / (H + 1)
        new_cov[k] = (cov[near].sum(0) + several * cov[k]) / (H + several) + ridge * np.eye(d)
    return ClassGaussians(new_mean, new_cov, counts)


def _trimmed(X: np.ndarray, trim: float) -> np.ndarray:
    if trim == 0 or len(X) <= 2:
        return X
    kept = max(2, math.ceil((1 - trim) * len(X)))
    far = np.linalg.norm(X - X.mean(0), axis=1)
    return X[np.argsort(far, kind="stable")[:kept]]


def _neighbours(X: np.ndarray, k: int, rows: np.ndarray | None = None) -> np.ndarray:
    """(n, k) nearest other samples of each of the rows, in stable order."""
    rows = np.arange(len(X)) if rows is None else rows
    distance = cdist(X[rows], X)
    distance[np.arange(len(rows)), rows] = np.inf
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


def _others_near(X: Any, y: Any, minority: int, m: int) -> tuple[np.ndarray, int]:
    """How many of the m nearest of each sample of the minority are of other classes; and m as used."""
    X = real_array(X, "X", 2)
    y = class_labels(y, "y", np.iinfo(np.int64).max)
    if y.shape != (len(X),) or len(X) < 2:
        raise ShapeError(f"X (N >= 2, d) and y (N,) do not fit: {X.shape}, {y.shape}")
    rows = np.flatnonzero(y == minority)
    if not len(rows):
        raise InputError(f"minority {minority!r} does not occur in y")
    m = min(m, len(X) - 1)
    return (y[_neighbours(X, m, rows)] != minority).sum(1), m
