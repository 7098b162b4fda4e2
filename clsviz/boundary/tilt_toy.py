"""A toy on which tilting can be computed by hand: one axis carries the class, one is almost flat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from clsviz.boundary.checks import real_array, real_number
from clsviz.boundary.tilting import TANAY
from clsviz.catalogue import Range, method
from clsviz.data.tilted import draw_tilted
from clsviz.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class TiltTheory:
    """What tilting by theta does on the toy; the first three have the shape of theta."""

    error: np.ndarray | float  # probability of a wrong class, in [0, 1]
    adversarial_distance: np.ndarray | float  # in units of the data; negative beyond pi/2
    strength: np.ndarray | float  # >= 1, inf at a right angle
    optimal_angle: float  # the angle of least error, radians


def _toy_parameters(**values: float) -> list[float]:
    numbers = [real_number(value, name) for name, value in values.items()]
    for (name, value), number in zip(values.items(), numbers, strict=True):
        if name.startswith("sigma") and number < 0:
            raise InputError(f"{name} is a standard deviation and must be >= 0, got {value}")
        if name == "rho" and abs(number) >= 1:
            raise InputError(f"rho is a correlation and must lie in (-1, 1), got {value}")
    return numbers


@method(
    kind="probe",
    title="Tilt toy data",
    paper=TANAY + ", section 5",
    formula=r"x_0=\sigma_s\epsilon_0\pm\tfrac{\Delta}{2},\ "
    r"x_1=\sigma_t(\rho\epsilon_0+\sqrt{1-\rho^2}\,\epsilon_1)",
    n_per_class=Range(2, 2000, step=1),
    dim=Range(2, 100, step=1),
    separation=Range(0, 10, step=0.1),
    sigma_signal=Range(0, 3, step=0.05),
    sigma_tilt=Range(0, 1, step=0.01),
    rho=Range(-0.99, 0.99, step=0.01),
    sigma_rest=Range(0, 3, step=0.05),
)
def make_tilt_data(
    n_per_class: int,
    dim: int,
    *,
    separation: float = 2.0,
    sigma_signal: float = 0.5,
    sigma_tilt: float = 0.05,
    rho: float = 0.0,
    sigma_rest: float = 0.5,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Two Gaussian classes: axis 0 carries the class, axis 1 is a tilt axis of low variance.

    Args:
        n_per_class: samples of each class, >= 1.
        dim: number of features, >= 2; those above the second are noise of `sigma_rest`.
        separation: distance of the class means along axis 0.
        sigma_signal, sigma_tilt, sigma_rest: standard deviations, >= 0.
        rho: correlation of axes 0 and 1 within a class, in (-1, 1).

    Returns:
        X (2n, dim) float64 and y (2n,) int64, the n samples of class 0 first.

    Raises:
        InputError: dim < 2, |rho| >= 1, n_per_class < 1 or a negative standard deviation.
    """
    if int(n_per_class) != n_per_class or n_per_class < 1:
        raise InputError(f"n_per_class must be an integer >= 1, got {n_per_class!r}")
    if int(dim) != dim or dim < 2:
        raise InputError(f"dim must be an integer >= 2 (one axis for the class, one to tilt), got {dim!r}")
    separation, sigma_signal, sigma_tilt, rho, sigma_rest = _toy_parameters(
        separation=separation,
        sigma_signal=sigma_signal,
        sigma_tilt=sigma_tilt,
        rho=rho,
        sigma_rest=sigma_rest,
    )
    return draw_tilted(
        n_per_class,
        dim,
        separation=separation,
        sigma_signal=sigma_signal,
        sigma_tilt=sigma_tilt,
        rho=rho,
        sigma_rest=sigma_rest,
        seed=seed,
    )


@method(
    kind="probe",
    title="Tilt theory",
    paper=TANAY + ", section 5",
    formula=r"\Phi\!\left(-\tfrac{\Delta}{2}\,\frac{\cos\theta}{\sqrt V}\right),\quad "
    r"V=\sigma_s^2\cos^2\theta+2\rho\sigma_s\sigma_t\cos\theta\sin\theta+\sigma_t^2\sin^2\theta",
    needs=("theta",),
    theta=Range(-math.pi, math.pi, unit="radians"),
    separation=Range(0, 10, step=0.1),
    sigma_signal=Range(0, 3, step=0.05),
    sigma_tilt=Range(0, 1, step=0.01),
    rho=Range(-0.99, 0.99, step=0.01),
)
def tilt_theory(
    theta: Any,
    *,
    separation: float = 2.0,
    sigma_signal: float = 0.5,
    sigma_tilt: float = 0.05,
    rho: float = 0.0,
) -> TiltTheory:
    """Exact error, adversarial distance and strength of the boundary tilted by theta on the toy.

    With a flat, uncorrelated tilt axis the error does not depend on theta while the distance goes
    to 0: tilting is free. A correlated axis is worth tilting towards, up to `optimal_angle`.

    Args:
        theta: radians, number or array.
        separation, sigma_signal, sigma_tilt, rho: as in `make_tilt_data`.

    Raises:
        InputError: |rho| >= 1 or a negative standard deviation.
    """
    theta = real_array(theta, "theta")
    separation, a, t, rho = _toy_parameters(
        separation=separation, sigma_signal=sigma_signal, sigma_tilt=sigma_tilt, rho=rho
    )
    c, s = np.cos(theta), np.sin(theta)
    # V as a sum of squares: the expanded form may turn out negative near |rho| = 1
    spread = np.sqrt((a * c + rho * t * s) ** 2 + (1 - rho**2) * (t * s) ** 2)
    distance = separation / 2 * c
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = distance / spread
        strength = 1 / np.abs(c)
    ratio = np.where(np.isnan(ratio), 0.0, ratio)  # 0/0: the score says nothing, error 1/2
    optimal = math.atan2(-rho * a, t) + 0.0  # + 0.0: no negative zero
    error = ndtr(-ratio)
    if theta.ndim == 0:
        return TiltTheory(float(error), float(distance), float(strength), optimal)
    return TiltTheory(error, distance, strength, optimal)


@method(
    kind="measure",
    title="Type of adversarial behaviour",
    paper=TANAY + ", section 4 (taxonomy); thresholds are clsviz's",
    needs=("angle", "error", "optimal_error"),
    error_tol=Range(0, 0.2, step=0.005),
    angle_min=Range(0.01, math.pi / 2, unit="radians"),
)
def adversarial_type(
    angle: float,
    error: float,
    *,
    optimal_error: float,
    error_tol: float = 0.01,
    angle_min: float = math.pi / 6,
) -> int:
    """0: hardly adversarial; 1: tilted as the best accuracy needs; 2: tilted by over-fitting.

    Args:
        angle: deviation angle, radians; its sign does not matter.
        error: error of the classifier, in [0, 1].
        optimal_error: least error any linear boundary reaches, in [0, 1].
        error_tol: how far above `optimal_error` still counts as optimal.
        angle_min: up to this angle mirror images are far away.

    Raises:
        InputError: a value is not finite.
    """
    angle, error = real_number(angle, "angle"), real_number(error, "error")
    optimal_error = real_number(optimal_error, "optimal_error")
    if abs(angle) <= real_number(angle_min, "angle_min"):
        return 0
    return 1 if error <= optimal_error + real_number(error_tol, "error_tol") else 2
