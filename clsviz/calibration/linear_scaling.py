"""Scalings that are linear in the logits: one weight per class, or a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.inputs import Array, as_labels, as_logits, as_probs, softmax
from clsviz.calibration.softmax_regression import least_nll
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

GUO = "Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599"
KULL = (
    "Kull et al. 2019, Beyond temperature scaling: Obtaining well-calibrated multi-class probabilities "
    "with Dirichlet calibration, arXiv:1910.12656"
)
PENALTY = Range(0, 1)
FLOOR = 1e-12  # of probabilities whose logarithm is taken


@dataclass(frozen=True, slots=True, eq=False)
class VectorScaling:
    """softmax(scale * z + bias)."""

    scale: Array  # (K,)
    bias: Array  # (K,), mean 0
    nll: float  # mean, on the data it was fitted to

    def apply(self, logits: ArrayLike) -> Array:
        """(N, K) probabilities of (N, K) logits."""
        return softmax(as_logits(logits) * self.scale + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixScaling:
    """softmax(weight @ z + bias)."""

    weight: Array  # (K, K)
    bias: Array  # (K,)
    nll: float  # mean, on the data it was fitted to
    objective: float  # nll and penalties

    def apply(self, inputs: ArrayLike) -> Array:
        """(N, K) probabilities of what it was fitted to: (N, K) logits."""
        return softmax(as_logits(inputs, "inputs") @ self.weight.T + self.bias)


class LogMatrixScaling(MatrixScaling):
    """softmax(weight @ log p + bias)."""

    __slots__ = ()

    def apply(self, inputs: ArrayLike) -> Array:
        """(N, K) probabilities of what it was fitted to: (N, K) probabilities."""
        return softmax(_log(as_logits(inputs, "inputs")) @ self.weight.T + self.bias)


@method(kind="calibrator", title="Vector scaling", paper=GUO, formula=r"\mathrm{softmax}(a \circ z + b)")
def fit_vector_scaling(logits: ArrayLike, labels: ArrayLike) -> VectorScaling:
    """One factor and one offset per class, of least negative log-likelihood.

    On separable data there is no optimum: the likelihood tends to 1 and the factors grow.

    Args:
        logits: (N, K) scores; (N,) for two classes.
        labels: (N,) integers in 0..K-1.

    Raises:
        InputError: bad logits or labels; the message names the argument.
    """
    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    features = np.stack([z.T, np.ones_like(z.T)], 1)
    theta, value = least_nll(features, y, np.zeros((z.shape[1], 2)))
    return VectorScaling(theta[:, 0], theta[:, 1] - theta[:, 1].mean(), value)


@method(
    kind="calibrator",
    title="Matrix scaling",
    paper=f"{GUO}; penalties: {KULL}",
    formula=r"\mathrm{softmax}(W z + b), \quad \frac{\lambda}{K (K - 1)} \sum_{i \neq j} W_{ij}^2 "
    r"+ \frac{\mu}{K} \sum_k b_k^2",
    reg_off_diagonal=PENALTY,
    reg_bias=PENALTY,
)
def fit_matrix_scaling(
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    reg_off_diagonal: float = 0.0,
    reg_bias: float = 0.0,
    use_log: bool = False,
) -> MatrixScaling:
    """A full matrix and an offset, of least negative log-likelihood plus penalties.

    Args:
        inputs: (N, K) logits, or probabilities with use_log; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        reg_off_diagonal: weight of the mean squared off-diagonal entry, >= 0.
        reg_bias: weight of the mean squared offset, >= 0.
        use_log: take the logarithm of inputs first, floored at 1e-12.

    Raises:
        InputError: bad inputs, labels or penalties; the message names the argument.
    """
    z = as_logits(inputs, "inputs")
    k = z.shape[1]
    y = as_labels(labels, len(z), k)
    for name, value in (("reg_off_diagonal", reg_off_diagonal), ("reg_bias", reg_bias)):
        if not 0 <= value < np.inf:
            raise InputError(f"{name} must be >= 0 and finite, got {value!r}")
    z = _log(z) if use_log else z
    off = reg_off_diagonal / (k * (k - 1)) * (1 - np.eye(k))
    penalty = np.column_stack([off, np.full(k, reg_bias / k)])
    theta, value = least_nll(np.vstack([z.T, np.ones(len(z))])[None], y, penalty)
    # Rows may all be shifted alike without effect: an unpenalised fit is the one nearest the identity.
    if reg_off_diagonal == 0:
        theta[:, :k] += (1 - theta[:, :k].sum(0)) / k
    if reg_bias == 0:
        theta[:, k] -= theta[:, k].mean()
    scaling = LogMatrixScaling if use_log else MatrixScaling
    return scaling(theta[:, :k], theta[:, k], value, value + float((penalty * theta**2).sum()))


@method(
    kind="calibrator",
    title="Dirichlet calibration",
    paper=KULL,
    formula=r"\mathrm{softmax}(W \log p + b)",
    reg_off_diagonal=PENALTY,
    reg_bias=PENALTY,
)
def fit_dirichlet(
    probs: ArrayLike, labels: ArrayLike, *, reg_off_diagonal: float = 1e-2, reg_bias: float = 1e-2
) -> MatrixScaling:
    """Matrix scaling of log-probabilities: what Dirichlet distributed forecasts of each class call for.

    Args:
        probs: (N, K) probabilities; (N,) for two classes.
        labels, reg_off_diagonal, reg_bias: as in `fit_matrix_scaling`.

    Raises:
        InputError: bad probabilities, labels or penalties; the message names the argument.
    """
    return fit_matrix_scaling(
        as_probs(probs), labels, reg_off_diagonal=reg_off_diagonal, reg_bias=reg_bias, use_log=True
    )


def _log(probs: Array) -> Array:
    return np.log(np.maximum(probs, FLOOR))
