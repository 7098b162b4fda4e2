"""Models that are about equally good, and the samples they do not agree on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.inputs import OUTSIDE, Array, as_array, as_labels, as_probs, vector
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

WATSON_DANIELS = "Watson-Daniels et al. 2023, Predictive Multiplicity in Probabilistic Classification"
SEMENOVA = "Semenova et al. 2022, On the Existence of Simpler Machine Learning Models, arXiv:1908.01755"

REACHED = 1e-12  # a difference counts that falls short of delta by no more
GAP = 1e-10  # nats between the bounds of a capacity
MAX_STEPS = 10_000
CHUNK = 2_000_000  # entries of a block of rows held at once


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """How far models of a set go from a baseline; both shares lie in [0, 1]."""

    ambiguity: float  # share of samples that some model changes
    discrepancy: float  # largest share that one model changes


def _of_models(value: ArrayLike, name: str) -> Array:
    array = as_array(value, name)
    if array.ndim != 2:
        raise ShapeError(f"{name} must be (M, N), a row for each model; got {array.shape}")
    return array


def _in_unit(array: Array, name: str) -> Array:
    if array.min() < -OUTSIDE or array.max() > 1 + OUTSIDE:
        raise InputError(f"{name} must lie in [0, 1], got {array.min():g}..{array.max():g}")
    return array.clip(0, 1)


def _shares(changed: NDArray[np.bool_]) -> Multiplicity:
    return Multiplicity(float(changed.any(0).mean()), float(changed.mean(1).max()))


@method(
    kind="measure",
    title="Viable prediction range",
    paper=WATSON_DANIELS,
    formula=r"\Big[\min_m h_m(x_i),\ \max_m h_m(x_i)\Big]",
)
def viable_range(model_probs: ArrayLike) -> Array:
    """Lowest and highest probability that any of the models gives to each sample, (N, 2).

    Args:
        model_probs: (M, N) probability of one class, by each model.

    Raises:
        InputError: not (M, N), empty, or outside [0, 1].
    """
    probs = _in_unit(_of_models(model_probs, "model_probs"), "model_probs")
    return np.stack([probs.min(0), probs.max(0)], 1)


@method(
    kind="measure",
    title="Predictive multiplicity",
    paper=WATSON_DANIELS,
    formula=r"\frac{1}{N} \sum_i \max_m 1[|h_m(x_i) - h_0(x_i)| \ge \delta],\quad "
    r"\max_m \frac{1}{N} \sum_i 1[|h_m(x_i) - h_0(x_i)| \ge \delta]",
    delta=Range(0, 1),
)
def multiplicity(model_probs: ArrayLike, baseline: ArrayLike, *, delta: float = 0.1) -> Multiplicity:
    """On how many samples about equally good models leave a baseline's probability.

    Args:
        model_probs: (M, N) probability of one class, by each model of the set (`rashomon_set`).
        baseline: (N,) the same by the baseline.
        delta: how large a difference counts, in [0, 1].

    Raises:
        InputError: bad shapes, probabilities outside [0, 1], or delta outside [0, 1].
    """
    probs = _in_unit(_of_models(model_probs, "model_probs"), "model_probs")
    own = _in_unit(vector(baseline, "baseline", probs.shape[1]), "baseline")
    if not 0 <= delta <= 1:
        raise InputError(f"delta must be in [0, 1], got {delta!r}")
    return _shares(np.abs(probs - own) >= delta - REACHED)


@method(
    kind="measure",
    title="Predictive multiplicity of labels",
    paper="Marx et al. 2020, Predictive Multiplicity in Classification, arXiv:1909.06677",
    formula=r"\frac{1}{N} \sum_i \max_m 1[h_m(x_i) \ne h_0(x_i)],\quad "
    r"\max_m \frac{1}{N} \sum_i 1[h_m(x_i) \ne h_0(x_i)]",
)
def label_multiplicity(model_preds: ArrayLike, baseline_pred: ArrayLike) -> Multiplicity:
    """On how many samples about equally good models predict another label than a baseline.

    Args:
        model_preds: (M, N) predicted labels, integers >= 0, by each model of the set.
        baseline_pred: (N,) those of the baseline.

    Raises:
        InputError: bad shapes, or labels that are no integers >= 0.
    """
    preds = _of_models(model_preds, "model_preds")
    most = np.iinfo(np.int64).max
    labels = as_labels(preds.ravel(), preds.size, most, "model_preds").reshape(preds.shape)
    return _shares(labels != as_labels(baseline_pred, preds.shape[1], most, "baseline_pred"))


@method(
    kind="measure",
    title="Rashomon set",
    paper=SEMENOVA,
    formula=r"\{m : \ell_m \le \min_j \ell_j + \epsilon\}",
    epsilon=Range(0, 1),
)
def rashomon_set(losses: ArrayLike, epsilon: float) -> NDArray[np.int64]:
    """Which models are at most epsilon worse than the best, ascending indices.

    Args:
        losses: (M,) loss of each model.
        epsilon: in units of the loss, absolute; >= 0.

    Raises:
        InputError: bad losses, or epsilon < 0.
    """
    values = vector(losses, "losses")
    if not 0 <= epsilon < np.inf:
        raise InputError(f"epsilon must be >= 0 and finite, got {epsilon!r}")
    return np.flatnonzero(values <= values.min() + epsilon)


@method(
    kind="measure",
    title="Rashomon ratio",
    paper=SEMENOVA,
    formula=r"\frac{|\{m : \ell_m \le \min_j \ell_j + \epsilon\}|}{M}",
    epsilon=Range(0, 1),
)
def rashomon_ratio(losses: ArrayLike, epsilon: float) -> float:
    """Share of the candidate models that `rashomon_set` keeps, in (0, 1].

    Arguments and errors as there; the candidates are a sample of the hypothesis space.
    """
    return len(rashomon_set(losses, epsilon)) / len(vector(losses, "losses"))


@method(
    kind="measure",
    title="Rashomon capacity",
    paper="Hsu and Calmon 2022, Rashomon Capacity: A Metric for Predictive Multiplicity in "
    "Classification, arXiv:2206.01295",
    formula=r"\exp \max_r \sum_m r_m \mathrm{KL}\big(h_m(x_i) \,\|\, \sum_j r_j h_j(x_i)\big)",
)
def rashomon_capacity(model_probs: ArrayLike) -> Array:
    """How many truly different forecasts the models make for each sample, (N,) in [1, min(M, K)].

    It is e to the capacity of the channel whose rows are the forecasts, by Blahut and Arimoto:
    from equal weights until the bounds are 1e-10 nats apart, or 10000 steps.

    Args:
        model_probs: (M, N, K) probabilities by each model; (M, N) for two classes.

    Raises:
        InputError: another shape, or rows that are no probabilities.
    """
    array = as_array(model_probs, "model_probs")
    if array.ndim not in (2, 3):
        raise ShapeError(f"model_probs must be (M, N, K), or (M, N) for two classes; got {array.shape}")
    m, n = array.shape[:2]
    rows = as_probs(array.reshape(m * n, *array.shape[2:]), "model_probs").reshape(m, n, -1)
    rows = rows.transpose(1, 0, 2)
    size = max(1, CHUNK // rows[0].size)
    return np.concatenate([_capacity(rows[i : i + size]) for i in range(0, n, size)])


def _capacity(rows: Array) -> Array:
    """Capacities (n,) of channels (n, M, K)."""
    found = np.empty(len(rows))
    for where, bound in _blahut_arimoto(np.ascontiguousarray(rows)):
        found[where] = bound
    return np.exp(found)


def _blahut_arimoto(rows: Array) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Indices of channels as they converge, with the lower bounds of their capacities in nats."""
    left = np.arange(len(rows))
    r = np.full(rows.shape[:2], 1 / rows.shape[1])
    negative_entropy = (rows * np.log(np.where(rows > 0, rows, 1.0))).sum(2)
    tiny = np.finfo(float).tiny  # for outcomes that no row has
    for step in range(MAX_STEPS):
        q = (r[:, None, :] @ rows)[:, 0]
        divergence = negative_entropy - (rows @ np.log(np.maximum(q, tiny))[:, :, None])[:, :, 0]
        grown = r * np.exp(divergence)
        total = grown.sum(1)
        lower = np.log(total)
        done = (divergence.max(1) - lower < GAP) | (step == MAX_STEPS - 1)
        if done.any():
            yield left[done], lower[done]
            on = ~done
            if not on.any():
                return
            left, rows, negative_entropy = left[on], rows[on], negative_entropy[on]
            grown, total = grown[on], total[on]
        r = grown / total[:, None]
