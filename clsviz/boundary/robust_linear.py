"""Robust linear rules and what unlabelled data, also from elsewhere, adds: samples are s mu + sigma noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from clsviz.boundary.checks import (
    not_negative,
    positive,
    real_array,
    real_number,
    unit,
    vector_of,
)
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

OUT_OF_DOMAIN = "Out-Of-Domain Unlabeled Data Improves Generalization, arXiv:2310.00027"


@method(
    kind="measure",
    title="Robust error on two Gaussians",
    paper=OUT_OF_DOMAIN,
    formula=r"\Phi\!\Big(-\frac{\hat w\cdot\mu-\epsilon}{\sigma}\Big)",
    needs=("w", "mu"),
    sigma=Range(0.05, 5),
    epsilon=Range(0, 2),
)
def gmm_error(w: Any, mu: Any, *, sigma: float = 1.0, epsilon: float = 0.0) -> float:
    """Share of samples s mu + sigma noise that some move of length epsilon puts on the wrong side of w.

    Args:
        w, mu: (d,), w not zero. sigma: > 0. epsilon: >= 0; 0 is the clean error.

    Raises:
        InputError: w is zero, or an option outside its range.
    """
    w = unit(real_array(w, "w", 1), "w")
    along = float(w @ vector_of(mu, "mu", len(w))) - not_negative(epsilon, "epsilon")
    return float(ndtr(-along / positive(sigma, "sigma")))


@method(
    kind="probe",
    title="Direction by self-training",
    paper=OUT_OF_DOMAIN,
    formula=r"(1-\lambda)\,w_0+\frac\lambda m\sum_u\mathrm{sign}(w_0\cdot u)\,u",
    needs=("X", "y", "U"),
    lam=Range(0, 1),
)
def self_training_direction(X: Any, y: Any, U: Any, *, lam: float = 0.5) -> np.ndarray:
    """(d,) mean of signed samples, mixed with that of unlabelled ones signed by it.

    Args:
        X: (N, d). y: (N,) labels 0 and 1. U: (m, d) unlabelled. lam: share of these, in [0, 1].

    Raises:
        InputError: lam outside [0, 1], or other labels.
        ShapeError: shapes do not fit.
    """
    X, s, U = _signed(X, y, U)
    share = real_number(lam, "lam")
    if not 0 <= share <= 1:
        raise InputError(f"lam must be in [0, 1], got {lam!r}")
    first = s @ X / len(X)
    pseudo = np.where(U @ first >= 0, 1.0, -1.0)
    return (1 - share) * first + share * (pseudo @ U / len(U))


@method(
    kind="measure",
    title="Robust self-supervised loss",
    paper=OUT_OF_DOMAIN + "; its closed form for linear rules",
    formula=r"\frac1N\sum_n\ell(s_nw\cdot x_n)"
    r"+\frac\lambda m\sum_u\mathrm{softmin}_T(\ell(w\cdot u),\ell(-w\cdot u))",
    needs=("w", "X", "y", "U"),
    epsilon=Range(0, 2),
    lam=Range(0, 10),
    temperature=Range(0.01, 10, log=True),
)
def rss_loss(
    w: Any, X: Any, y: Any, U: Any, *, epsilon: float = 0.1, lam: float = 1.0, temperature: float = 1.0
) -> float:
    """Robust log loss of labelled samples, and of unlabelled ones under the label that suits them better.

    Args:
        w: (d,). X: (N, d). y: (N,) labels 0 and 1. U: (m, d) unlabelled.
        epsilon: how far each sample may be moved, >= 0. lam: weight of the unlabelled part, >= 0.
        temperature: of the soft minimum over the two labels, > 0; towards 0 the label is chosen.

    Raises:
        InputError: an option outside its range, or other labels.
        ShapeError: shapes do not fit.
    """
    X, s, U = _signed(X, y, U)
    w = vector_of(w, "w", X.shape[1])
    cost, T = not_negative(epsilon, "epsilon") * np.linalg.norm(w), positive(temperature, "temperature")
    labelled = np.logaddexp(0, -(s * (X @ w) - cost)).mean()
    both = np.stack([np.logaddexp(0, -(sign * (U @ w) - cost)) for sign in (1, -1)])
    soft = -T * (np.logaddexp(-both[0] / T, -both[1] / T) - np.log(2))
    return float(labelled + not_negative(lam, "lam") * soft.mean())


def _signed(X: Any, y: Any, U: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, labels as -1 and 1, unlabelled samples. One class may be absent."""
    X, U, y = real_array(X, "X", 2), real_array(U, "U", 2), real_array(y, "y", 1)
    if y.shape != (len(X),) or U.shape[1] != X.shape[1]:
        raise ShapeError(f"X (N, d), y (N,) and U (m, d) do not fit: {X.shape}, {y.shape}, {U.shape}")
    if not np.isin(y, (0, 1)).all():
        raise InputError(f"y must hold the labels 0 and 1, got {np.unique(y)[:8]}")
    return X, 2 * y - 1, U
