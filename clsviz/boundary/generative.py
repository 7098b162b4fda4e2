"""Generative against discriminative linear classifiers: two regimes of learning, and where they cross."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtr

from clsviz.boundary.checks import TINY, binary_samples, not_negative, real_array, real_number, vector_of
from clsviz.boundary.tilting import Linear
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

NG = (
    "Ng & Jordan 2002, On Discriminative vs. Generative Classifiers; Zheng et al. 2023, Revisiting "
    "Discriminative vs. Generative Classifiers: Theory and Implications, arXiv:2302.02334"
)


@method(
    kind="probe",
    title="Linear discriminant analysis",
    paper="Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x; " + NG,
    formula=r"w=S^{-1}(m_1-m_0),\quad b=-w\cdot\tfrac{m_0+m_1}{2}+\ln\tfrac{p}{1-p}",
    needs=("X", "y"),
    ridge=Range(0, 1),
)
def fit_lda(X: Any, y: Any, *, ridge: float = 0.0) -> Linear:
    """The linear rule of two Gaussians with one covariance.

    Args:
        X: (N, d). y: (N,) labels 0 and 1, both present.
        ridge: added to the diagonal of the pooled covariance (divided by N), >= 0.

    Raises:
        InputError: a singular covariance, ridge < 0, or a class is absent.
    """
    X, y = binary_samples(X, y)
    means, centred = _classes(X, y)
    cov = centred.T @ centred / len(X) + not_negative(ridge, "ridge") * np.eye(X.shape[1])
    if np.linalg.matrix_rank(cov, hermitian=True) < len(cov):
        raise InputError("X has a singular covariance within the classes; add a ridge or drop features")
    return _rule(np.linalg.solve(cov, means[1] - means[0]), means, y)


@method(
    kind="probe",
    title="Gaussian naive Bayes, shared variances",
    paper=NG,
    formula=r"w_j=\frac{m_{1j}-m_{0j}}{\sigma_j^2}",
    needs=("X", "y"),
    var_floor=Range(1e-12, 1e-3, log=True),
)
def fit_naive_bayes(X: Any, y: Any, *, var_floor: float = 1e-9) -> Linear:
    """The linear rule of two Gaussians whose features are independent, with variances in common.

    Args:
        X: (N, d). y: (N,) labels 0 and 1, both present.
        var_floor: added to each variance, >= 0.

    Raises:
        InputError: a feature without variance and no floor, var_floor < 0, or a class is absent.
    """
    X, y = binary_samples(X, y)
    means, centred = _classes(X, y)
    variance = (centred**2).mean(0) + not_negative(var_floor, "var_floor")
    if variance.min() <= 0:
        raise InputError("X has a feature that does not vary within the classes; set var_floor above 0")
    return _rule((means[1] - means[0]) / variance, means, y)


@method(
    kind="measure",
    title="Exact error of a linear rule on two Gaussians",
    paper="McLachlan 1992, Discriminant Analysis and Statistical Pattern Recognition, section 3",
    formula=r"(1-\pi)\,\Phi\!\Big(\frac{w\cdot\mu_0+b}{s}\Big)+\pi\,\Phi\!\Big(-\frac{w\cdot\mu_1+b}{s}\Big)",
    needs=("w", "b", "mu0", "mu1", "cov"),
    prior1=Range(0.01, 0.99),
)
def gaussian_linear_error(w: Any, b: float, mu0: Any, mu1: Any, cov: Any, *, prior1: float = 0.5) -> float:
    """Share of N(mu0, cov), N(mu1, cov) that w.x + b puts on the wrong side; no test set is needed.

    Args:
        w, b: (d,) and bias; class 1 where positive.
        mu0, mu1: (d,) class means. cov: (d, d) of both classes.
        prior1: share of class 1, in (0, 1).

    Raises:
        InputError: w has no spread under cov, or prior1 outside (0, 1).
        ShapeError: shapes do not fit.
    """
    w = real_array(w, "w", 1)
    mu0, mu1, S = gaussians(mu0, mu1, cov, len(w))
    spread = float(w @ S @ w)
    if spread <= 0:
        raise InputError("w.x does not vary under cov (w is zero, or cov is not positive there)")
    s, offset, p = math.sqrt(spread), real_number(b, "b"), share(prior1, "prior1")
    return float((1 - p) * ndtr((w @ mu0 + offset) / s) + p * ndtr(-(w @ mu1 + offset) / s))


@method(
    kind="measure",
    title="Crossing of two learning curves",
    paper=NG,
    needs=("ns", "first", "second"),
)
def curve_crossing(ns: Any, first: Any, second: Any) -> float | None:
    """The number of samples where first - second first changes its sign, between points by ln n; or None.

    Args:
        ns: (L,) ascending, > 0. first, second: (L,) errors there.

    Raises:
        InputError: ns not ascending and positive.
        ShapeError: curves of different lengths.
    """
    n = real_array(ns, "ns", 1)
    if n[0] <= 0 or (np.diff(n) <= 0).any():
        raise InputError("ns must be positive and ascending")
    gap = vector_of(first, "first", len(n)) - vector_of(second, "second", len(n))
    for i in range(len(n)):
        if gap[i] == 0:
            return float(n[i])
        if i and gap[i - 1] * gap[i] < 0:
            t = gap[i - 1] / (gap[i - 1] - gap[i])
            return float(np.exp((1 - t) * np.log(n[i - 1]) + t * np.log(n[i])))
    return None


def gaussians(mu0: Any, mu1: Any, cov: Any, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two means (d,) and a symmetric covariance (d, d), checked."""
    S = real_array(cov, "cov", 2)
    if S.shape != (d, d):
        raise ShapeError(f"cov must be ({d}, {d}), got {S.shape}")
    if np.abs(S - S.T).max() > 1e-9 * max(1.0, float(np.abs(S).max())):
        raise InputError("cov must be symmetric")
    return vector_of(mu0, "mu0", d), vector_of(mu1, "mu1", d), S


def share(value: Any, name: str) -> float:
    """A number in (0, 1)."""
    number = real_number(value, name)
    if not 0 < number < 1:
        raise InputError(f"{name} must be in (0, 1), got {value!r}")
    return number


def _classes(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    means = np.stack([X[y == c].mean(0) for c in (0, 1)])
    return means, X - means[y]


def _rule(w: np.ndarray, means: np.ndarray, y: np.ndarray) -> Linear:
    if np.linalg.norm(w) < TINY:
        raise InputError("X has equal class means, so that no linear rule tells them apart")
    p = y.mean()
    return Linear(w, float(-w @ means.sum(0) / 2 + math.log(p / (1 - p))))
