"""Calibration errors without bins, of the top label."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from array_api_compat import array_namespace
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike
from scipy.fft import dct, dst
from scipy.optimize import bisect

from clsviz.calibration.arrays import Native, beside, group_ends, moments, sorted_pairs
from clsviz.calibration.inputs import Array, count, read_pairs
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

SMOOTH_GRID = 2001  # points of the integral of smooth_ece
NARROWEST = 1e-3  # least width that smooth_ece tries
FARTHEST = 500.0  # widths of the kernel of mmce that a sum may span: e^500 is still a number
TAYLOR = 9  # terms beyond are below 1e-13 with cells of an eighth of the shortest half-wave
TRIWEIGHT = Polynomial([35 / 32, 0, -105 / 32, 0, 105 / 32, 0, -35 / 32])  # on [-1, 1]


def _positive(name: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise InputError(f"{name} must be > 0 and finite, got {value!r}")
    return float(value)


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
    v, c = sorted_pairs(*read_pairs(x, labels, kind))
    xp = array_namespace(v)
    distance = xp.cumulative_sum(v - xp.astype(c, v.dtype))[group_ends(v)] / len(v)
    return float(xp.max(xp.abs(distance)))


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
    v, c = read_pairs(x, labels, kind)
    xp = array_namespace(v)
    n, last = len(v), count("n_grid", n_grid, least=2) - 1
    if bandwidth is None:
        deviation = float(xp.std(v, correction=1)) if n > 1 else 0.0
        bandwidth = max(1.06 * deviation * n**-0.2, 1e-3)
    h = _positive("bandwidth", bandwidth)
    mass, right = _kernel_sums(v, xp.astype(c, v.dtype), h * last, last)
    t = np.arange(last + 1) / last
    return float(np.trapezoid(np.abs(right - t * mass) / (n * h), t))


def _kernel_sums(v: Native, c: Native, h: float, last: int) -> tuple[Array, Array]:
    """Sums of triweights around each grid point, and of triweights times c; h in steps of the grid.

    The kernel is a polynomial where it is not 0. So cells are cut wherever that of some grid point
    ends: each is wholly inside or outside of it, and the moments of a cell say all about its samples.
    """
    xp = array_namespace(v)
    place = v * last
    step = xp.clip(xp.astype(place, xp.int64), 0, last - 1)
    rest = place - xp.astype(step, v.dtype)
    low, high = sorted((h % 1.0, 1 - h % 1.0))  # where kernels end between two grid points
    piece = xp.astype(rest >= low, xp.int64) + xp.astype(rest >= high, xp.int64)
    centres = np.array([low, low + high, high + 1]) / 2
    offset = rest - beside(centres, v)[piece]
    mass, right = (moments(step * 3 + piece, offset, weight, 6, 3 * last) for weight in (xp.ones_like(v), c))
    reach = int(min(np.ceil(h), 2 * last)) + 1
    steps = np.arange(-reach, reach + 1)  # from a cell to a grid point
    sums = np.zeros((2, 3 * last + 1))  # at -1..2: what lies outside [0, 1] is reflected
    for part, centre in enumerate(centres):
        u = (steps - centre) / h
        for m in range(7):
            kernel = np.where(np.abs(u) < 1, TRIWEIGHT.deriv(m)(u) * (-1 / h) ** m / math.factorial(m), 0.0)
            for total, known in zip(sums, (mass, right), strict=True):
                found = np.convolve(known[m, part::3], kernel)  # its first is at the grid point -reach
                first, end = max(0, last - reach), min(3 * last + 1, last - reach + len(found))
                total[first:end] += found[first - last + reach : end - last + reach]
    inside = sums[:, last : 2 * last + 1] + sums[:, last::-1] + sums[:, : 2 * last - 1 : -1]
    return inside[0], inside[1]


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
    v, c = sorted_pairs(*read_pairs(x, labels, kind))
    xp = array_namespace(v)
    r = xp.astype(c, v.dtype) - v
    # sum_ij = 2 sum_{i <= j} - sum_i: a running sum that decays from one value to the next
    total, before, last = -float(xp.vecdot(r, r)), 0.0, 0.0
    for part in _spans(v, FARTHEST * width):
        u = (v[part] - v[part][0]) / width
        running = xp.cumulative_sum(r[part] * xp.exp(u)) + before * math.exp(
            (last - float(v[part][0])) / width
        )
        running = running * xp.exp(-u)
        total += 2 * float(xp.vecdot(r[part], running))
        before, last = float(running[-1]), float(v[part][-1])
    return math.sqrt(max(0.0, total)) / len(v)


def _spans(v: Native, length: float) -> Iterator[slice]:
    """Slices that cover sorted values of [0, 1], none spanning more than a length."""
    start = 0
    while start < len(v):
        xp = array_namespace(v)
        end = int(xp.searchsorted(v, v[start : start + 1] + length, side="right")[0])
        yield slice(start, end)
        start = end


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
    v, c = read_pairs(x, labels, kind)
    residual = array_namespace(v).astype(c, v.dtype) - v
    if sigma is not None:
        sigma = _positive("sigma", sigma)
        return _smoothed(_cosine_means(v, residual, sigma), sigma)
    means = _cosine_means(v, residual, NARROWEST)
    least = _smoothed(means, NARROWEST)
    if least <= NARROWEST:
        return least
    return float(bisect(lambda s: _smoothed(means, s) - s, NARROWEST, 1.0, xtol=1e-9))


# The reflected Gaussian is 1 + 2 sum_j e^(-(pi j sigma)^2 / 2) cos(pi j v) cos(pi j t).


def _cosine_means(v: Native, residual: Native, sigma: float) -> Array:
    """Means of residual * cos(pi j v) for each j that a width of at least `sigma` lets through.

    Taylor series of the cosine about the nearest point of a grid that is finer than its waves.
    """
    j = np.arange(int(np.ceil(2.8 / sigma)) + 1)  # beyond them the factor is below 1e-16
    cells = 2 ** int(np.ceil(np.log2(8 * len(j))))
    xp = array_namespace(v)
    cell = xp.astype(xp.round(v * cells), xp.int64)
    offset = v * cells - xp.astype(cell, v.dtype)
    means = np.zeros(len(j))
    factor = np.ones(len(j))
    for m, sums in enumerate(moments(cell, offset, residual, TAYLOR, cells + 1)):
        if m % 2:  # derivatives of the cosine: -sin, -cos, sin, cos
            wave = np.concatenate([[0.0], dst(sums[1:-1], type=1)[: len(j) - 1]]) / 2
        else:
            sums[1:-1] /= 2  # dct counts inner terms twice
            wave = dct(sums, type=1)[: len(j)]
        means += factor * (wave if m % 4 in (0, 3) else -wave)
        factor = factor * (np.pi * j / cells) / (m + 1)
    return means / len(v)


def _smoothed(means: Array, sigma: float) -> float:
    j = np.arange(len(means))
    weight = means * np.exp(-((np.pi * j * sigma) ** 2) / 2)
    last = SMOOTH_GRID - 1
    alias = np.minimum(j % (2 * last), -j % (2 * last))  # same cosine on the grid
    folded: Array = np.bincount(alias, np.where(j > 0, 2, 1) * weight, minlength=SMOOTH_GRID)
    folded[1:-1] /= 2  # dct counts inner terms twice
    return float(np.trapezoid(np.abs(dct(folded, type=1)), dx=1 / last))
