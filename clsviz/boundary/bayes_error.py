"""The error that no classifier can go below, and data that is made unlearnable by raising it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from clsviz.boundary.checks import integer, not_negative, positive, real_array, real_number
from clsviz.boundary.generative import gaussians, share
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

ROW_SUM = 1e-4  # how far a row of posteriors may be from summing to 1


class Bounds(NamedTuple):
    """An interval that holds the Bayes error."""

    low: float
    high: float


class Unlearnable(NamedTuple):
    """Least errors before and after a bounded shift of the data."""

    clean: float
    unlearnable: float
    mixture_lower_bound: float  # where only a part of the data was shifted


@method(
    kind="measure",
    title="Bayes error of two Gaussians",
    paper="Fukunaga 1990, Introduction to Statistical Pattern Recognition, chapter 3",
    formula=r"(1-\pi)\,\Phi\!\Big(-\tfrac\Delta2-\tfrac t\Delta\Big)"
    r"+\pi\,\Phi\!\Big(-\tfrac\Delta2+\tfrac t\Delta\Big)",
    needs=("mu0", "mu1", "cov"),
    prior1=Range(0.01, 0.99),
)
def bayes_error_gaussian(mu0: Any, mu1: Any, cov: Any, *, prior1: float = 0.5) -> float:
    """Least error on two Gaussians with one covariance, in [0, 1/2].

    Args:
        mu0, mu1: (d,) means. cov: (d, d), positive definite. prior1: share of class 1, in (0, 1).

    Raises:
        InputError: cov is not positive definite, or prior1 outside (0, 1).
        ShapeError: shapes do not fit.
    """
    first = real_array(mu0, "mu0", 1)
    mu0, mu1, S = gaussians(first, mu1, cov, len(first))
    p = share(prior1, "prior1")
    distance = math.sqrt(max(0.0, float((mu1 - mu0) @ _solved(S, mu1 - mu0, "cov"))))
    if distance == 0:
        return min(p, 1 - p)
    t = math.log((1 - p) / p) / distance
    return float((1 - p) * ndtr(-distance / 2 - t) + p * ndtr(-distance / 2 + t))


@method(
    kind="measure",
    title="Bayes error from posteriors",
    paper="Fukunaga 1990, Introduction to Statistical Pattern Recognition, chapter 3",
    formula=r"1-\frac1N\sum_i\max_kp_{ik}",
    needs=("posteriors",),
)
def bayes_error_posterior(posteriors: Any) -> float:
    """One minus the mean largest posterior; as good as the posteriors are calibrated.

    Args:
        posteriors: (N, K) probabilities.

    Raises:
        InputError: entries outside [0, 1], or rows that do not sum to 1.
    """
    p = real_array(posteriors, "posteriors", 2)
    if p.min() < 0 or p.max() > 1 or np.abs(p.sum(1) - 1).max() > ROW_SUM:
        raise InputError("posteriors must lie in [0, 1] and sum to 1 in each row")
    return float(1 - p.max(1).mean())


@method(
    kind="measure",
    title="Bounds from the nearest neighbour",
    paper="Cover & Hart 1967, doi:10.1109/TIT.1967.1053964",
    formula=r"c\Big(1-\sqrt{1-e/c}\Big)\le e^*\le e,\quad c=\tfrac{K-1}{K}",
    needs=("error_1nn", "n_classes"),
)
def cover_hart_bounds(error_1nn: float, n_classes: int) -> Bounds:
    """Where the Bayes error lies, given the error of a nearest neighbour with many samples.

    Args:
        error_1nn: in [0, 1]. n_classes: K >= 2.

    Raises:
        InputError: one of them outside its range.
    """
    e, k = real_number(error_1nn, "error_1nn"), integer(n_classes, "n_classes", least=2)
    if not 0 <= e <= 1:
        raise InputError(f"error_1nn must be in [0, 1], got {error_1nn!r}")
    c = (k - 1) / k
    return Bounds(c * (1 - math.sqrt(max(0.0, 1 - e / c))), e)


@method(
    kind="measure",
    title="Bhattacharyya bounds",
    paper="Bhattacharyya 1943; Fukunaga 1990, chapter 3",
    formula=r"\tfrac12\Big(1-\sqrt{1-4\pi(1-\pi)e^{-2B}}\Big)\le e^*\le\sqrt{\pi(1-\pi)}\,e^{-B}",
    needs=("mu0", "mu1", "cov0", "cov1"),
    prior1=Range(0.01, 0.99),
)
def bhattacharyya_bounds(mu0: Any, mu1: Any, cov0: Any, cov1: Any, *, prior1: float = 0.5) -> Bounds:
    """Where the Bayes error of two Gaussians with covariances of their own lies.

    Args:
        mu0, mu1: (d,) means. cov0, cov1: (d, d), positive definite; numbers where d is 1.
        prior1: share of class 1, in (0, 1).

    Raises:
        InputError: a covariance that is not positive definite, or prior1 outside (0, 1).
        ShapeError: shapes do not fit.
    """
    first = np.atleast_1d(real_array(mu0, "mu0"))
    d = len(first)
    mu0, mu1, S0 = gaussians(first, np.atleast_1d(real_array(mu1, "mu1")), np.atleast_2d(cov0), d)
    S1 = gaussians(mu0, mu1, np.atleast_2d(cov1), d)[2]
    p, mean, gap = share(prior1, "prior1"), (S0 + S1) / 2, mu1 - mu0
    logs = [_log_determinant(S, name) for S, name in ((mean, "cov0"), (S0, "cov0"), (S1, "cov1"))]
    B = float(gap @ np.linalg.solve(mean, gap)) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    both = p * (1 - p)
    low = (1 - math.sqrt(max(0.0, 1 - 4 * both * math.exp(-2 * B)))) / 2
    return Bounds(low, math.sqrt(both) * math.exp(-B))


@method(
    kind="probe",
    title="Unlearnable Gaussians",
    paper="Towards Provably Unlearnable Examples via Bayes Error Optimisation",
    formula=r"\Phi\!\Big(-\tfrac{\max(\Delta-2\epsilon,0)}{2\sigma}\Big)",
    needs=("separation", "sigma", "epsilon"),
    clean_fraction=Range(0, 1),
)
def unlearnable_gaussian(
    separation: float, sigma: float, epsilon: float, *, clean_fraction: float = 0.0
) -> Unlearnable:
    """Bayes error of two Gaussians before and after each sample is moved by epsilon towards the other class.

    Args:
        separation: distance of the means, >= 0. sigma: standard deviation, > 0. epsilon: >= 0.
        clean_fraction: share of the data that stays as it was, in [0, 1].

    Raises:
        InputError: one of them outside its range.
    """
    apart, spread = not_negative(separation, "separation"), positive(sigma, "sigma")
    moved, kept = not_negative(epsilon, "epsilon"), real_number(clean_fraction, "clean_fraction")
    if not 0 <= kept <= 1:
        raise InputError(f"clean_fraction must be in [0, 1], got {clean_fraction!r}")
    clean = float(ndtr(-apart / (2 * spread)))
    after = float(ndtr(-max(apart - 2 * moved, 0.0) / (2 * spread)))
    return Unlearnable(clean, after, kept * clean + (1 - kept) * after)


def _solved(S: np.ndarray, v: np.ndarray, name: str) -> np.ndarray:
    _log_determinant(S, name)
    return np.linalg.solve(S, v)


def _log_determinant(S: np.ndarray, name: str) -> float:
    values = np.linalg.eigvalsh(S)
    if values[0] <= 0:
        raise InputError(f"{name} must be positive definite; its least eigenvalue is {values[0]:.3g}")
    return float(np.log(values).sum())
