"""Gaussian mixtures with classes: the exact Bayes rule of every 2-D toy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp, ndtri

from clsviz.data import checks
from clsviz.errors import InputError, ShapeError

BAYES_POINTS = 12  # log2 of the number of quadrature points; the error is then below 2e-3


@dataclass(frozen=True, slots=True, eq=False)
class MixturePosterior:
    """Bayes rule of a mixture at N points."""

    posterior: np.ndarray  # (N, K) float64, rows sum to 1
    log_density: np.ndarray  # (N,) float64, log p(x) in nats


def gaussian_mixture_posterior(
    X: Any, means: Any, covariances: Any, weights: Any, component_class: Any, n_classes: int
) -> MixturePosterior:
    """Class probabilities and log density at points of a Gaussian mixture of M components.

    Args:
        X: (N, D) points.
        means: (M, D).
        covariances: (M, D, D), symmetric positive definite.
        weights: (M,), >= 0, sum to 1 within 1e-9.
        component_class: (M,) int in [0, n_classes), the class each component belongs to.
        n_classes: K; a class without components has posterior 0.

    Raises:
        ShapeError: shapes do not fit together or N = 0.
        InputError: values are not finite, weights do not sum to 1, a covariance is not symmetric
            positive definite, or a class is out of range.
    """
    points = checks.floats(X, "X", "(N, D)")
    centres = checks.floats(means, "means", "(M, D)")
    spreads = checks.floats(covariances, "covariances", "(M, D, D)")
    priors = checks.floats(weights, "weights", "(M,)")
    k = checks.count(n_classes, "n_classes")
    owner = checks.labels(component_class, k, "component_class")
    m, d = centres.shape
    wanted = {"X": (len(points), d), "covariances": (m, d, d), "weights": (m,), "component_class": (m,)}
    for name, array in (
        ("X", points),
        ("covariances", spreads),
        ("weights", priors),
        ("component_class", owner),
    ):
        if array.shape != wanted[name]:
            raise ShapeError(f"{name} must be {wanted[name]} to fit means {(m, d)}, but is {array.shape}")
    checks.distribution(priors, "weights")
    if np.abs(spreads - spreads.swapaxes(1, 2)).max() > 1e-9 * np.abs(spreads).max():
        raise InputError("covariances must be symmetric")
    try:
        roots = np.linalg.cholesky(spreads)
    except np.linalg.LinAlgError:
        raise InputError("covariances must be positive definite, but at least one is not") from None
    joint = np.empty((len(points), m))
    with np.errstate(divide="ignore"):  # a weight of 0 is a log weight of -inf
        log_priors = np.log(priors)
    for j in range(m):
        z = solve_triangular(roots[j], (points - centres[j]).T, lower=True)
        log_volume = np.log(np.diag(roots[j])).sum() + 0.5 * d * np.log(2 * np.pi)
        joint[:, j] = log_priors[j] - log_volume - 0.5 * (z * z).sum(0)
    log_density = logsumexp(joint, axis=1)
    share = np.exp(joint - log_density[:, None])
    posterior = np.stack([share[:, owner == c].sum(1) for c in range(k)], axis=1)
    return MixturePosterior(posterior / posterior.sum(1, keepdims=True), log_density)


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A Gaussian mixture of M components, each owned by one of K classes."""

    means: np.ndarray  # (M, D)
    covariances: np.ndarray  # (M, D, D)
    weights: np.ndarray  # (M,), sum to 1
    component_class: np.ndarray  # (M,) int in [0, K)
    n_classes: int

    def posterior(self, X: Any) -> MixturePosterior:
        """The exact Bayes rule at the points X (N, D)."""
        return gaussian_mixture_posterior(
            X, self.means, self.covariances, self.weights, self.component_class, self.n_classes
        )

    def bayes_error(self) -> float:
        """Mean of 1 - max posterior over the mixture, by 4096 quasi-random points (always the same)."""
        from scipy.stats import qmc  # late: the slowest import of all that clsviz.data uses

        d = self.means.shape[1]
        u = qmc.Sobol(d + 1, scramble=True, rng=np.random.default_rng(0)).random_base2(BAYES_POINTS)
        component = np.searchsorted(np.cumsum(self.weights), u[:, 0], side="right")
        component = component.clip(0, len(self.weights) - 1)
        z = ndtri(u[:, 1:].clip(1e-12, 1 - 1e-12))
        roots = np.linalg.cholesky(self.covariances)[component]
        X = self.means[component] + np.einsum("nij,nj->ni", roots, z)
        return float((1 - self.posterior(X).posterior.max(1)).mean())
