"""Several members and one temperature: before pooling, after it, or through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from clsviz.calibration.inputs import Array, as_array, as_labels, as_logits, as_probs, log_softmax, option
from clsviz.calibration.temperature import apply_temperature, checked_bounds, fit_temperature
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

ORDERS = ("pool_then_calibrate", "calibrate_then_pool", "joint")
GRID = 33  # temperatures that say where the joint optimum is searched
DIGITS = 1e-10  # of log T


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleTemperature:
    """A calibrated ensemble on the data it was fitted to."""

    temperature: float | Array  # one, or (M,) with "calibrate_then_pool"
    probs: Array  # (N, K)
    nll: float  # mean


@method(
    kind="calibrator",
    title="Ensemble and temperature",
    paper="Rahaman and Thiery 2021, Uncertainty Quantification and Deep Ensembles, arXiv:2007.08792",
    formula=r"\mathrm{softmax}\Big( \tfrac{1}{T} \log \tfrac{1}{M} \sum_m p_m \Big) \text{ or } "
    r"\tfrac{1}{M} \sum_m \mathrm{softmax}(z_m / T_m)",
    order=ORDERS,
)
def ensemble_temperature(
    member_logits: ArrayLike,
    labels: ArrayLike,
    *,
    order: str = "pool_then_calibrate",
    bounds: tuple[float, float] = (0.05, 20.0),
) -> EnsembleTemperature:
    """Temperature of an ensemble whose members' probabilities are averaged, of least nll.

    The mean of calibrated members is under-confident, so the order matters.

    Args:
        member_logits: (M, N, K) scores of each member; (M, N) for two classes.
        labels: (N,) integers in 0..K-1.
        order: "pool_then_calibrate": one temperature for the log of the mean; "calibrate_then_pool": one
            per member, fitted alone; "joint": one for all members, that suits their mean.
        bounds: least and largest temperature, 0 < low < high.

    Raises:
        InputError: bad logits, labels or options; the message names the argument.
    """
    option("order", order, ORDERS)
    members = as_array(member_logits, "member_logits")
    if members.ndim not in (2, 3):
        raise ShapeError(f"member_logits must be (M, N, K), or (M, N) for two classes; got {members.shape}")
    z = np.stack([as_logits(m, "member_logits") for m in members])
    y = as_labels(labels, *z.shape[1:])
    low, high = checked_bounds(bounds)
    if order == "pool_then_calibrate":
        pooled = _log_pool(z)
        t = fit_temperature(pooled, y, bounds=bounds).temperature
        return EnsembleTemperature(t, apply_temperature(pooled, t), _nll(log_softmax(pooled / t), y))
    if order == "calibrate_then_pool":
        each = np.array([fit_temperature(m, y, bounds=bounds).temperature for m in z])
        log_p = _log_pool(z / each[:, None, None])
        return EnsembleTemperature(each, np.exp(log_p), _nll(log_p, y))
    t = _joint_optimum(z, y, low, high)
    log_p = _log_pool(z / t)
    return EnsembleTemperature(t, np.exp(log_p), _nll(log_p, y))


@method(
    kind="calibrator",
    title="Interpolated probabilities",
    paper="Khandelwal et al. 2020, Generalization through Memorization: Nearest Neighbor Language Models, "
    "arXiv:1911.00172",
    formula=r"\lambda p + (1 - \lambda) q",
    lam=Range(0, 1),
)
def interpolate_probs(p: ArrayLike, q: ArrayLike, lam: float) -> Array:
    """Weighted mean of two forecasts, (N, K).

    Args:
        p, q: (N, K) probabilities; (N,) for two classes.
        lam: weight of p, in [0, 1].

    Raises:
        InputError: bad probabilities, or lam outside [0, 1].
        ShapeError: p and q differ in shape.
    """
    one, other = as_probs(p, "p"), as_probs(q, "q")
    if one.shape != other.shape:
        raise ShapeError(f"q must be {one.shape} as p is, got {other.shape}")
    if not 0 <= lam <= 1:
        raise InputError(f"lam must be in [0, 1], got {lam!r}")
    return lam * one + (1 - lam) * other


def _log_pool(z: Array) -> Array:
    """(N, K) log of the mean probability of members (M, N, K)."""
    return logsumexp(log_softmax(z), axis=0) - np.log(len(z))


def _nll(log_p: Array, y: NDArray[np.int64]) -> float:
    return float(-log_p[np.arange(len(y)), y].mean())


def _joint_optimum(z: Array, y: NDArray[np.int64], low: float, high: float) -> float:
    def loss(log_t: float) -> float:
        return _nll(_log_pool(z / np.exp(log_t)), y)

    grid = np.linspace(np.log(low), np.log(high), GRID)  # the loss need not have one valley only
    best = int(np.argmin([loss(t) for t in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    inner = minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": DIGITS})
    ends = {low: grid[0], high: grid[-1]}
    end = min(ends, key=lambda t: loss(ends[t]))
    return end if loss(ends[end]) <= inner.fun else float(np.exp(inner.x))
