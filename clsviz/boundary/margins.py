"""Margins: how far the samples are from the boundary, in input space and in logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.boundary.checks import TINY, binary_samples, class_labels, real_array, real_number, vector_of
from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError

DUAL = {1: math.inf, 2: 2, math.inf: 1}


@dataclass(frozen=True, slots=True, eq=False)
class MarginSummary:
    """The distribution of margins in a few numbers."""

    mean: float
    negative: float  # share of margins <= 0, in [0, 1]
    quantiles: np.ndarray  # at the levels asked for


@method(
    kind="measure",
    title="Margin of a linear classifier",
    paper="Mangasarian 1999, doi:10.1016/S0167-6377(98)00049-2",
    formula=r"\frac{s\,(w\cdot x+b)}{\lVert w\rVert_q},\quad \tfrac1p+\tfrac1q=1",
    needs=("w", "b", "X", "y"),
)
def linear_margin(w: Any, b: float, X: Any, y: Any, *, norm: float = 2) -> np.ndarray:
    """Smallest perturbation, in the given norm, that brings each sample to the boundary, signed.

    Args:
        w, b: (d,) normal, not zero, and bias.
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.
        norm: 1, 2 or math.inf, the norm of the perturbation.

    Returns:
        (N,) in units of X; positive on the correct side.

    Raises:
        InputError: w is zero, `norm` is another number, or a class is absent.
    """
    if norm not in DUAL:
        raise InputError(f"norm must be 1, 2 or math.inf, got {norm!r}")
    X, y = binary_samples(X, y)
    w = vector_of(w, "w", X.shape[1])
    length = np.linalg.norm(w, DUAL[norm])
    if np.linalg.norm(w) < TINY:
        raise InputError("w is zero, so it has no boundary")
    return (2 * y - 1) * (X @ w + real_number(b, "b")) / length


@method(
    kind="measure",
    title="Margin of a linear softmax",
    paper="Crammer & Singer 2001, doi:10.5555/944790.944813",
    formula=r"\min_{k\ne y}\frac{(w_y-w_k)\cdot x+b_y-b_k}{\lVert w_y-w_k\rVert_q}",
    needs=("W", "b", "X", "y"),
)
def multiclass_linear_margin(W: Any, b: Any, X: Any, y: Any, *, norm: float = 2) -> np.ndarray:
    """Smallest perturbation, in the given norm, that takes a sample out of its class's region, signed.

    Args:
        W: (K, d) rows of weights, K >= 2. b: (K,) biases.
        X: (N, d) samples. y: (N,) int labels in [0, K).
        norm: 1, 2 or math.inf, the norm of the perturbation.

    Returns:
        (N,) in units of X; positive where the label's class wins. Classes with equal rows are never
        reached, or always, by the difference of their biases: inf, -inf, or 0 where that is 0 too.

    Raises:
        InputError: `norm` is another number, or a label is outside [0, K).
        ShapeError: shapes do not fit.
    """
    if norm not in DUAL:
        raise InputError(f"norm must be 1, 2 or math.inf, got {norm!r}")
    W, X = real_array(W, "W", 2), real_array(X, "X", 2)
    if len(W) < 2 or W.shape[1] != X.shape[1]:
        raise ShapeError(f"W must be (K >= 2, {X.shape[1]}) for these samples, got {W.shape}")
    b, y = vector_of(b, "b", len(W)), class_labels(y, "y", len(W))
    if y.shape != (len(X),):
        raise ShapeError(f"y must be ({len(X)},), got {y.shape}")
    scores = X @ W.T + b
    gap = scores[np.arange(len(X)), y][:, None] - scores
    length = np.linalg.norm(W[:, None] - W, DUAL[norm], axis=2)[y]
    bias = b[y][:, None] - b
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = np.where(length < TINY, np.where(bias == 0, 0.0, np.copysign(np.inf, bias)), gap / length)
    margins[np.arange(len(X)), y] = np.inf
    return margins.min(1)


@method(
    kind="measure",
    title="Logit margin",
    paper="Koltchinskii & Panchenko 2002, doi:10.1214/aos/1015362183",
    formula=r"z_y-\max_{k\ne y}z_k",
    needs=("logits", "labels"),
)
def logit_margin(logits: Any, labels: Any) -> np.ndarray:
    """True-class logit minus the best other one; positive exactly where the sample is correct.

    Args:
        logits: (N, K) unnormalised scores, K >= 2.
        labels: (N,) int in [0, K).

    Returns:
        (N,) in nats.

    Raises:
        ShapeError: logits are not (N, K >= 2) or labels not (N,).
        InputError: a label is outside [0, K).
    """
    logits = real_array(logits, "logits", 2)
    if logits.shape[1] < 2:
        raise ShapeError(f"logits need at least 2 classes for a margin, got shape {logits.shape}")
    labels = class_labels(labels, "labels", logits.shape[1])
    if labels.shape != (len(logits),):
        raise ShapeError(f"labels must be ({len(logits)},) for these logits, got shape {labels.shape}")
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, labels] = -np.inf
    return logits[rows, labels] - others.max(1)


def margin_summary(
    margins: Any, *, quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)
) -> MarginSummary:
    """Mean, share <= 0 and (linearly interpolated) quantiles of margins (N,).

    Raises:
        InputError: a quantile is outside [0, 1], or a margin is NaN or inf.
    """
    margins = real_array(margins, "margins", 1)
    levels = real_array(quantiles, "quantiles", 1)
    if levels.min() < 0 or levels.max() > 1:
        raise InputError(f"quantiles must lie in [0, 1], got {quantiles}")
    return MarginSummary(float(margins.mean()), float((margins <= 0).mean()), np.quantile(margins, levels))
