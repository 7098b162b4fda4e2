"""Scalings that are linear in the logits: one weight per class, or a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from clsviz.calibration.inputs import Array, as_labels, as_logits, as_probs, softmax
from clsviz.calibration.newton import newton
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

GUO = "Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599"
KULL = (
    "Kull et al. 2019, Beyond temperature scaling: Obtaining well-calibrated multi-class probabilities "
    "with Dirichlet calibration, arXiv:1910.12656"
)
PENALTY = Range(0, 1)
FLOOR = 1e-12  # of probabilities whose logarithm is taken
DENSE = 600  # parameters up to which Newton's method with the whole Hessian is faster


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
    theta, value = _least_nll(features, y, np.zeros((z.shape[1], 2)))
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
    theta, value = _least_nll(np.vstack([z.T, np.ones(len(z))])[None], y, penalty)
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


def _least_nll(features: Array, y: NDArray[np.int64], penalty: Array) -> tuple[Array, float]:
    """(K, d) parameters of the softmax of features @ theta_k, and their mean nll.

    Minimises nll + sum(penalty * theta**2), with features scaled to a root mean square of 1 and from
    zero, where no probability is rounded to 0 or 1.

    Args:
        features: (K, d, N), or (1, d, N) where all classes have the same.
        y: (N,) labels. penalty: (K, d).
    """
    d, n = features.shape[1:]
    k = len(penalty)
    size = np.sqrt((features**2).mean(2))  # (K or 1, d)
    size[size == 0] = 1
    x, weight = features / size[:, :, None], penalty / size**2
    rows = np.arange(n)

    def first_order(flat: Array) -> tuple[float, Array, Array]:
        theta = flat.reshape(k, d)
        z = (theta[:, None] @ x)[:, 0]  # (K, N), as all that follows
        z -= z.max(0)
        log_p = z - np.log(np.exp(z).sum(0))
        p = np.exp(log_p)
        residual = p.copy()
        residual[y, rows] -= 1
        slope = (x @ residual[:, :, None])[:, :, 0] / n
        value = -log_p[y, rows].mean() + (weight * theta**2).sum()
        return float(value), (slope + 2 * weight * theta).ravel(), p

    def second_order(flat: Array) -> tuple[float, Array, Array]:
        value, gradient, p = first_order(flat)
        px = p[:, None] * x  # (K, d, N)
        joint = px.reshape(k * d, n)
        hessian = (2 * np.diag(weight.ravel()) - joint @ joint.T / n).reshape(k, d, k, d)
        hessian[np.arange(k), :, np.arange(k)] += px @ x.transpose(0, 2, 1) / n
        return value, gradient, hessian.reshape(k * d, k * d)

    start = np.zeros(k * d)
    if k * d <= DENSE:
        flat = newton(second_order, start)
    else:
        options = {"gtol": 1e-10, "ftol": 0, "maxiter": 2000, "maxfun": 4000, "maxcor": 20}
        flat = minimize(lambda t: first_order(t)[:2], start, jac=True, method="L-BFGS-B", options=options).x
    theta = flat.reshape(k, d)
    nll = first_order(flat)[0] - float((weight * theta**2).sum())
    return theta / size, max(nll, 0.0)
