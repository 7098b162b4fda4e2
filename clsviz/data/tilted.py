"""Two Gaussian classes whose boundary can be tilted at will: how much it costs is known."""

from __future__ import annotations

import math

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.data.split import stratified_split
from clsviz.errors import InputError


@method(
    kind="data",
    title="Gaussians with controlled tilt",
    paper="Tanay & Griffin 2016, arXiv:1608.07690, section 5",
    formula=r"x_0=\sigma_s\epsilon_0\pm\tfrac{\Delta}{2},\ "
    r"x_1=\sigma_t(\rho\epsilon_0+\sqrt{1-\rho^2}\,\epsilon_1),\ x_i=\sigma_r\epsilon_i",
    n=Range(20, 5000, step=20),
    dim=Range(2, 300, step=1),
    separation=Range(0, 10, step=0.1),
    sigma_signal=Range(0, 3, step=0.05),
    sigma_tilt=Range(0, 0.5, step=0.01),
    rho=Range(-0.95, 0.95, step=0.05),
    sigma_rest=Range(0, 3, step=0.05),
    validation=Range(0.1, 0.8, step=0.05),
)
def tilted(
    *,
    n: int = 400,
    dim: int = 20,
    separation: float = 2.0,
    sigma_signal: float = 0.5,
    sigma_tilt: float = 0.05,
    rho: float = 0.0,
    sigma_rest: float = 0.5,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """x0 carries the class, x1 is a tilt axis that hardly varies, all other features are noise.

    The samples are those of `boundary.make_tilt_data`, n / 2 of each class. Nothing is scaled: a standardised
    tilt axis would no longer be flat. `tilt` of the data set holds what they were drawn with.

    Args:
        n: samples of both classes together, even, >= 20.
        dim: features, >= 2.
        separation: distance of the class means along x0.
        sigma_signal, sigma_tilt, sigma_rest: standard deviations of x0, x1 and the others, >= 0.
        rho: correlation of x0 and x1 within a class, in (-1, 1).

    Raises:
        InputError: n is odd or below 20, or another value lies outside its range.
    """
    checks.count(n, "n", 20)
    if n % 2:
        raise InputError(f"n must be even, as both classes have n / 2 samples, got {n}")
    checks.count(dim, "dim", 2)
    drawn = {
        "separation": checks.number(separation, "separation", 0),
        "sigma_signal": checks.number(sigma_signal, "sigma_signal", 0),
        "sigma_tilt": checks.number(sigma_tilt, "sigma_tilt", 0),
        "rho": checks.number(rho, "rho"),
        "sigma_rest": checks.number(sigma_rest, "sigma_rest", 0),
    }
    if abs(rho) >= 1:
        raise InputError(f"rho is a correlation and must lie in (-1, 1), got {rho}")
    X, y = draw_tilted(n // 2, dim, seed=seed, **drawn)
    train, held = stratified_split(y, validation=validation, seed=seed)
    names = ("class axis", "tilt axis", *(f"noise {i}" for i in range(1, dim - 1)))
    return Dataset(
        "tilted",
        X.astype(np.float32),
        y,
        train,
        held,
        ("left", "right"),
        names,
        bayes_error=_bayes_error(separation, sigma_signal, sigma_tilt, rho),
        tilt=drawn,
    )


def draw_tilted(
    n_per_class: int,
    dim: int,
    *,
    separation: float,
    sigma_signal: float,
    sigma_tilt: float,
    rho: float,
    sigma_rest: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """X (2n, dim) float64 and y (2n,) int64, class 0 first; `boundary.make_tilt_data` says what they are."""
    e = np.random.default_rng(seed).standard_normal((2 * n_per_class, dim))
    y = np.repeat(np.array([0, 1], dtype=np.int64), n_per_class)
    X = sigma_rest * e
    X[:, 0] = sigma_signal * e[:, 0] + (2 * y - 1) * separation / 2
    X[:, 1] = sigma_tilt * (rho * e[:, 0] + math.sqrt(1 - rho**2) * e[:, 1])
    return X, y


def _bayes_error(separation: float, sigma_signal: float, sigma_tilt: float, rho: float) -> float:
    """What is left where the tilt axis cleans the class axis of all the noise that they share."""
    left = sigma_signal * (math.sqrt(1 - rho**2) if sigma_tilt > 0 else 1.0)
    if separation == 0:
        return 0.5
    return 0.0 if left == 0 else math.erfc(separation / (2 * left * math.sqrt(2))) / 2
