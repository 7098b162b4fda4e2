"""Calibration errors without bins, of the top label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct
from scipy.optimize import bisect

from clsviz.calibration.inputs import Array, count, pairs, probs_and_labels
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

CHUNK = 2_000_000  # entries of a matrix held at once
SMOOTH_GRID = 2001  # points of the integral of smooth_ece
NARROWEST = 1e-3  # least width that smooth_ece tries


def _blocks(n: int, width: int) -> Iterator[slice]:
    """Slices that cover range(n), so that (slice, width) matrices stay small."""
    rows = max(1, CHUNK // width)
    return (slice(i, i + rows) for i in range(0, n, rows))


def _positive(name: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise InputError(f"{name} must be > 0 and finite, got {value!r}")
    return float(value)


def _top_pairs(x: ArrayLike, labels: ArrayLike, kind: str) -> tuple[Array, Array]:
    return pairs(*probs_and_labels(x, labels, kind))


@method(
    kind="measure",
    title="Kolmogorov-Smirnov calibration error",
    paper="Gupta et al. 2021, Calibration of Neural Networks using Splines, arXiv:2006.12800",
    formula=r"\max_j \frac{1}{N} \Big| \sum_{i \le j} (v_i - c_i) \Big|",
)
def ks_error(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> float:
    """Largest distance between cumulative confidence and cumulative accuracy.

    Arguments and errors as in `ece`. Samples of equal confidence count as one group.
    """
    v, c = _top_pairs(x, labels, kind)
    values, group = np.unique(v, return_inverse=True)
    distance = np.cumsum(np.bincount(group, v - c, minlength=len(values))) / len(v)
    return float(np.abs(distance).max())


@method(
    kind="measure",
    title="Kernel density calibration error",
    paper="Zhang et al. 2020, Mix-n-Match: Ensemble and Compositional Methods for Uncertainty "
    "Calibration in Deep Learning, arXiv:2003.07329",
    formula=r"\int_0^1 |a(t) - t| f(t)\, dt",
    bandwidth=Range(0.001, 0.5, log=True),
)
def kde_ece(
    x: ArrayLike,
    labels: ArrayLike,
    *,
    kind: str = "probs",
    bandwidth: float | None = None,
    n_grid: int = 1001,
) -> float:
    """Calibration error with triweight kernels, reflected at 0 and 1, in place of bins.

    Args:
        x, labels, kind: as in `ece`.
        bandwidth: half-width of the kernel; None takes 1.06 sd N^(-1/5), at least 1e-3.
        n_grid: points of the integral, >= 2.

    Raises:
        InputError: as in `ece`, or a bandwidth that is not above 0.
    """
    v, c = _top_pairs(x, labels, kind)
    n = len(v)
    if bandwidth is None:
        bandwidth = max(1.06 * (v.std(ddof=1) if n > 1 else 0.0) * n**-0.2, 1e-3)
    h = _positive("bandwidth", bandwidth)
    t = np.arange(count("n_grid", n_grid, least=2)) / (n_grid - 1)
    mass, right = np.zeros_like(t), np.zeros_like(t)
    for part in _blocks(n, len(t)):
        w = sum(_triweight((t - centre[:, None]) / h) for centre in (v[part], -v[part], 2 - v[part]))
        mass += np.sum(w, axis=0)
        right += c[part] @ w
    accuracy = np.where(mass > 0, right / np.where(mass > 0, mass, 1.0), t)
    return float(np.trapezoid(np.abs(accuracy - t) * mass / (n * h), t))


def _triweight(u: Array) -> Array:
    return 35 / 32 * (1 - np.minimum(u**2, 1)) ** 3


@method(
    kind="measure",
    title="Maximum mean calibration error",
    paper="Kumar et al. 2018, Trainable Calibration Measures For Neural Networks From Kernel Mean Embeddings",
    formula=r"\frac{1}{N} \sqrt{\sum_{ij} (c_i - v_i)(c_j - v_j) e^{-|v_i - v_j| / \mathrm{width}}}",
    width=Range(0.05, 2),
)
def mmce(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs", width: float = 0.4) -> float:
    """Calibration error as a distance of kernel means.

    Args:
        x, labels, kind: as in `ece`.
        width: length scale of the kernel in confidence; > 0.

    Raises:
        InputError: as in `ece`, or a width that is not above 0.
    """
    width = _positive("width", width)
    v, c = _top_pairs(x, labels, kind)
    r = c - v
    total = sum(r[part] @ np.exp(-np.abs(v[part, None] - v) / width) @ r for part in _blocks(len(v), len(v)))
    return float(np.sqrt(max(0.0, total)) / len(v))


@method(
    kind="measure",
    title="Smooth calibration error",
    paper="Blasiok and Nakkiran 2023, Smooth ECE: Principled Reliability Diagrams via Kernel "
    "Smoothing, arXiv:2309.12236",
    formula=r"\int_0^1 \Big| \frac{1}{N} \sum_i K_\sigma(t, v_i)(c_i - v_i) \Big| dt",
    sigma=Range(0.001, 1, log=True),
)
def smooth_ece(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs", sigma: float | None = None) -> float:
    """Calibration error after smoothing with a Gaussian reflected at 0 and 1.

    Args:
        x, labels, kind: as in `ece`.
        sigma: width of the Gaussian; None takes the width that equals the error itself.

    Raises:
        InputError: as in `ece`, or a sigma that is not above 0.
    """
    v, c = _top_pairs(x, labels, kind)
    if sigma is not None:
        sigma = _positive("sigma", sigma)
        return _smoothed(_cosine_means(v, c - v, sigma), sigma)
    means = _cosine_means(v, c - v, NARROWEST)
    least = _smoothed(means, NARROWEST)
    if least <= NARROWEST:
        return least
    return float(bisect(lambda s: _smoothed(means, s) - s, NARROWEST, 1.0, xtol=1e-9))


# The reflected Gaussian is 1 + 2 sum_j e^(-(pi j sigma)^2 / 2) cos(pi j v) cos(pi j t).


def _cosine_means(v: Array, residual: Array, sigma: float) -> Array:
    """Means of residual * cos(pi j v) for each j that a width of at least `sigma` lets through."""
    j = np.pi * np.arange(np.ceil(2.8 / sigma) + 1)  # beyond them the factor is below 1e-16
    blocks = [np.cos(np.outer(j[part], v)) @ residual for part in _blocks(len(j), len(v))]
    return np.concatenate(blocks) / len(v)


def _smoothed(means: Array, sigma: float) -> float:
    j = np.arange(len(means))
    weight = means * np.exp(-((np.pi * j * sigma) ** 2) / 2)
    last = SMOOTH_GRID - 1
    alias = np.minimum(j % (2 * last), -j % (2 * last))  # same cosine on the grid
    folded: Array = np.bincount(alias, np.where(j > 0, 2, 1) * weight, minlength=SMOOTH_GRID)
    folded[1:-1] /= 2  # dct counts inner terms twice
    return float(np.trapezoid(np.abs(dct(folded, type=1)), dx=1 / last))
