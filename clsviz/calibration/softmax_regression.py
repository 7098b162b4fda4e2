"""The softmax regression behind vector, matrix and Dirichlet scaling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg

from clsviz.calibration.inputs import Array
from clsviz.calibration.newton import newton, solved

DENSE = 600  # parameters up to which the whole Hessian is made
CLOSE, PRODUCTS = 1e-2, 100  # otherwise: how closely it is solved, with so many products at most
RIDGE = 1e-10  # of a block's trace, where a class has nearly no probability


def least_nll(features: Array, y: NDArray[np.int64], penalty: Array) -> tuple[Array, float]:
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

    # Rows shifted all alike leave the nll as it is; the penalty is least where their weighted mean is zero.
    total = weight.sum(0)
    share = np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / k) * (len(x) == 1)

    def times(theta: Array) -> Array:
        """(K, N) theta_k @ x_k, as all that follows."""
        return theta @ x[0] if len(x) == 1 else (theta[:, None] @ x)[:, 0]

    def against(u: Array) -> Array:
        """(K, d) mean of u times x over the samples."""
        return (u @ x[0].T if len(x) == 1 else (x @ u[:, :, None])[:, :, 0]) / n

    def whole(p: Array, gradient: Array) -> Array:
        px = p[:, None] * x  # (K, d, N)
        joint = px.reshape(k * d, n)
        hessian = (2 * np.diag(weight.ravel()) - joint @ joint.T / n).reshape(k, d, k, d)
        hessian[np.arange(k), :, np.arange(k)] += px @ x.transpose(0, 2, 1) / n
        return solved(hessian.reshape(k * d, k * d), gradient)

    def iterated(p: Array, gradient: Array) -> Array:
        """Conjugate gradients, conditioned by the diagonal block of each class."""

        def product(flat: Array) -> Array:
            step = flat.reshape(k, d)
            pu = p * times(step)
            return (against(pu - p * pu.sum(0)) + 2 * weight * step).ravel()

        blocks = np.stack([(x[j % len(x)] * p[j]) @ x[j % len(x)].T / n for j in range(k)])
        blocks[:, np.arange(d), np.arange(d)] += 2 * weight + RIDGE * np.einsum("kii->k", blocks)[:, None]
        inverse = np.linalg.inv(blocks)

        def conditioned(flat: Array) -> Array:
            step = (inverse @ flat.reshape(k, d, 1))[:, :, 0]
            return (step - (share * step).sum(0)).ravel()

        shape = (k * d, k * d)
        operator = LinearOperator(shape, matvec=product)
        condition = LinearOperator(shape, matvec=conditioned)
        return cg(operator, gradient, rtol=CLOSE, maxiter=PRODUCTS, M=condition)[0]

    def objective(flat: Array) -> tuple[float, Array, Callable[[], Array]]:
        theta = flat.reshape(k, d)
        z = times(theta)
        z -= z.max(0)
        log_p = z - np.log(np.exp(z).sum(0))
        p = np.exp(log_p)
        residual = p.copy()
        residual[y, rows] -= 1
        value = -log_p[y, rows].mean() + (weight * theta**2).sum()
        gradient = (against(residual) + 2 * weight * theta).ravel()
        return float(value), gradient, lambda: (whole if k * d <= DENSE else iterated)(p, gradient)

    flat = newton(objective, np.zeros(k * d))
    theta = flat.reshape(k, d)
    nll = objective(flat)[0] - float((weight * theta**2).sum())
    return theta / size, max(nll, 0.0)
