"""Regularisation turns the boundary: the L2 path from the tilted to the nearest-centroid normal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.special import expit

from clsviz.boundary.checks import binary_samples, real_array, real_number
from clsviz.boundary.margins import linear_margin
from clsviz.boundary.tilting import Linear, adversarial_distance, deviation_angle
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

NEW_ANGLE = "Tanay & Griffin 2018, arXiv:1806.11186"
GRADIENT_TOLERANCE = 1e-12  # largest entry of the gradient at the end


@dataclass(frozen=True, slots=True)
class TiltPoint:
    """The boundary that one level of L2 regularisation gives."""

    lam: float
    angle: float  # deviation angle, radians in [0, pi]
    adversarial_distance: float  # balanced, in units of X
    error: float  # share of samples with margin <= 0
    norm: float  # |w|


@method(
    kind="probe",
    title="Logistic regression with L2",
    paper=NEW_ANGLE + ", section 2",
    formula=r"\min_{w,b}\ \frac1N\sum_n\ln(1+e^{-s_n(w\cdot x_n+b)})+\frac\lambda2\lVert w\rVert^2",
    needs=("X", "y"),
    lam=Range(1e-6, 1e3, log=True),
)
def logistic_l2(X: Any, y: Any, lam: float) -> Linear:
    """Logistic regression by Newton steps; the bias is not penalised.

    Args:
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.
        lam: weight of |w|^2 / 2 beside the mean log loss, >= 0.

    Raises:
        InputError: `lam` < 0; lam = 0 and the classes can be separated, so that no finite minimum
            exists; X so badly scaled that Newton does not converge; a class is absent.
    """
    X, y = binary_samples(X, y)
    lam = real_number(lam, "lam")
    if lam < 0:
        raise InputError(f"lam must be >= 0, got {lam}")
    s = 2.0 * y - 1
    Z = np.column_stack([X, np.ones(len(X))])
    if lam == 0 and _separable(Z, s):
        raise InputError("lam = 0 needs classes that overlap: these are separable and w would grow forever")
    ridge = np.append(np.full(X.shape[1], lam), 0.0)

    def objective(theta: np.ndarray) -> float:
        return float(np.logaddexp(0, -s * (Z @ theta)).mean() + ridge @ theta**2 / 2)

    def gradient(theta: np.ndarray) -> np.ndarray:
        return -(s * expit(-s * (Z @ theta))) @ Z / len(Z) + ridge * theta

    theta = np.zeros(Z.shape[1])
    value, slope = objective(theta), gradient(theta)
    for _ in range(200):
        if np.abs(slope).max() < GRADIENT_TOLERANCE:
            break
        p = expit(Z @ theta)
        hessian = (Z * (p * (1 - p))[:, None]).T @ Z / len(Z) + np.diag(ridge)
        step = np.linalg.lstsq(hessian, slope, rcond=None)[0]
        size = 1.0
        while size > 1e-10:
            trial = theta - size * step
            trial_value, trial_slope = objective(trial), gradient(trial)
            # at the end the value no longer changes in float64, but the gradient still does
            flat = trial_value <= value + 1e-15 * abs(value)
            flatter = np.abs(trial_slope).max() < np.abs(slope).max()
            if trial_value <= value - 1e-4 * size * (slope @ step) or (flat and flatter):
                break
            size /= 2
        else:
            break
        theta, value, slope = trial, trial_value, trial_slope
    # rounding in the gradient grows with X and w: accept what float64 can reach
    reachable = max(1e-9, 1e-12 * float(np.abs(Z).max()) * len(Z) ** 0.5)
    if np.abs(slope).max() > reachable:
        raise InputError("X: Newton did not converge on these samples; standardise the columns of X first")
    return Linear(theta[:-1], float(theta[-1]))


def _separable(Z: np.ndarray, s: np.ndarray) -> bool:
    """Whether some boundary has no sample on its wrong side and at least one off it."""
    signed = s[:, None] * Z
    n, d = Z.shape
    result = linprog(
        -signed.sum(0),
        A_ub=np.vstack([-signed, signed]),
        b_ub=np.concatenate([np.zeros(n), np.ones(n)]),
        bounds=[(None, None)] * d,
        method="highs",
    )
    return bool(result.status == 0 and -result.fun > 1e-9)


@method(
    kind="probe",
    title="L2 level against tilt",
    paper=NEW_ANGLE + ", section 2",
    needs=("X", "y", "lambdas"),
)
def tilt_path(X: Any, y: Any, lambdas: Iterable[float]) -> list[TiltPoint]:
    """How the boundary turns as L2 regularisation grows: one `logistic_l2` per level.

    For balanced classes and growing lambda the angle goes to 0 and |w| to 0.

    Args:
        X: (N, d) samples.
        y: (N,) labels 0 and 1, both present.
        lambdas: levels, each as `lam` of `logistic_l2`.

    Raises:
        InputError: as `logistic_l2`; the centroids coincide; w vanishes (a level too high).
    """
    points = []
    for lam in real_array(lambdas if isinstance(lambdas, np.ndarray) else list(lambdas), "lambdas", 1):
        fit = logistic_l2(X, y, lam)
        margin = linear_margin(fit.w, fit.b, X, y)
        points.append(
            TiltPoint(
                lam=float(lam),
                angle=deviation_angle(fit.w, X, y),
                adversarial_distance=adversarial_distance(fit.w, fit.b, X, y),
                error=float((margin <= 0).mean()),
                norm=float(np.linalg.norm(fit.w)),
            )
        )
    return points
