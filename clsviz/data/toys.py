"""Sets in the plane. Each is a Gaussian mixture, so its Bayes rule and Bayes error are known."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clsviz.catalogue import Range, Spec, method
from clsviz.catalogue.spec import OBJECTS
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.data.mixture import Mixture
from clsviz.data.split import stratified_split
from clsviz.errors import InputError, UnknownName

SIZE = Range(20, 5000, step=20)
VALIDATION = Range(0.1, 0.8, step=0.05)
CURVE_POINTS = 96  # components that stand for one curve in the Bayes rule

_RULES: dict[str, Callable[..., Mixture]] = {}


@method(
    kind="data",
    title="Two moons",
    paper="Pedregosa et al. 2011, Scikit-learn, JMLR 12",
    n=SIZE,
    noise=Range(0, 0.6, step=0.01),
    validation=VALIDATION,
)
def moons(*, n: int = 400, noise: float = 0.2, validation: float = 0.4, seed: int = 0) -> Dataset:
    """Two half circles of radius 1 that reach into each other, blurred by `noise`."""
    rng, y = _start(n, 2, noise, seed)
    X = _moon(rng.uniform(0, 1, len(y)), y)
    return _blurred("moons", X, y, ("upper", "lower"), noise, rng, validation, seed, _moons_rule(noise=noise))


@method(
    kind="data",
    title="Two circles",
    paper="Pedregosa et al. 2011, Scikit-learn, JMLR 12",
    n=SIZE,
    noise=Range(0, 0.6, step=0.01),
    factor=Range(0.1, 0.9, step=0.05),
    validation=VALIDATION,
)
def circles(
    *, n: int = 400, noise: float = 0.1, factor: float = 0.5, validation: float = 0.4, seed: int = 0
) -> Dataset:
    """A circle of radius 1 round one of radius `factor`, blurred by `noise`."""
    rng, y = _start(n, 2, noise, seed)
    _factor(factor)
    X = _circle(rng.uniform(0, 1, len(y)), y, factor)
    rule = _circles_rule(noise=noise, factor=factor)
    return _blurred("circles", X, y, ("outer", "inner"), noise, rng, validation, seed, rule)


@method(
    kind="data",
    title="Spirals",
    paper="Lang & Witbrock 1988, Learning to tell two spirals apart",
    n=SIZE,
    n_classes=Range(2, 6, step=1),
    noise=Range(0, 0.4, step=0.01),
    turns=Range(0.25, 2.5, step=0.25, unit="turns"),
    validation=VALIDATION,
)
def spirals(
    *,
    n: int = 600,
    n_classes: int = 2,
    noise: float = 0.08,
    turns: float = 1.0,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """One spiral arm per class, from radius 0.2 to 2, wound `turns` times and blurred by `noise`."""
    rng, y = _start(n, n_classes, noise, seed)
    checks.number(turns, "turns", 0)
    X = _spiral(rng.uniform(0, 1, len(y)), y, n_classes, turns)
    rule = _spirals_rule(n_classes=n_classes, noise=noise, turns=turns)
    return _blurred("spirals", X, y, _numbered(n_classes), noise, rng, validation, seed, rule)


@method(
    kind="data",
    title="Blobs",
    paper="Pedregosa et al. 2011, Scikit-learn, JMLR 12",
    n=SIZE,
    n_classes=Range(2, 8, step=1),
    noise=Range(0.05, 2, step=0.05),
    validation=VALIDATION,
)
def blobs(
    *, n: int = 400, n_classes: int = 3, noise: float = 0.9, validation: float = 0.4, seed: int = 0
) -> Dataset:
    """One round Gaussian per class with standard deviation `noise`, centred on a circle of radius 2."""
    rng, y = _start(n, n_classes, noise, seed)
    rule = _blobs_rule(n_classes=n_classes, noise=noise)
    return _blurred("blobs", rule.means[y], y, _numbered(n_classes), noise, rng, validation, seed, rule)


@method(
    kind="data",
    title="Exclusive or",
    paper="Minsky & Papert 1969, Perceptrons",
    n=SIZE,
    noise=Range(0.05, 1, step=0.05),
    validation=VALIDATION,
)
def xor(*, n: int = 400, noise: float = 0.5, validation: float = 0.4, seed: int = 0) -> Dataset:
    """Four round Gaussians at the corners (+-1, +-1); opposite corners share a class, so no line works."""
    rng, y = _start(n, 2, noise, seed)
    rule = _xor_rule(noise=noise)
    corner = y + 2 * rng.integers(0, 2, len(y))
    return _blurred(
        "xor", rule.means[corner], y, ("same sign", "other sign"), noise, rng, validation, seed, rule
    )


@method(
    kind="data",
    title="Gaussians with a known Bayes rule",
    paper="Duda, Hart & Stork 2001, Pattern Classification, chapter 2",
    formula=r"p(x) = \sum_k \tfrac{1}{K} \mathcal{N}(x; \mu_k, \Sigma_k)",
    n=SIZE,
    n_classes=Range(2, 6, step=1),
    separation=Range(0, 8, step=0.1, unit="standard deviations"),
    stretch=Range(1, 10, step=0.5),
    validation=VALIDATION,
)
def gaussians(
    *,
    n: int = 600,
    n_classes: int = 2,
    separation: float = 2.5,
    stretch: float = 2.0,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """One Gaussian per class; neighbouring means are `separation` apart and each class is turned differently.

    The standard deviation is 1 along one axis and 1 / `stretch` along the other; class k is
    turned by k * 180 / K degrees. With `stretch` 1 and two classes the Bayes error is
    Phi(-separation / 2).
    """
    rng, y = _start(n, n_classes, 1.0, seed)
    rule = _gaussians_rule(n_classes=n_classes, separation=separation, stretch=stretch)
    z = rng.normal(size=(len(y), 2))
    X = rule.means[y] + np.einsum("nij,nj->ni", np.linalg.cholesky(rule.covariances)[y], z)
    return _finish("gaussians", X, y, _numbered(n_classes), validation, seed, rule.bayes_error())


def toy_mixture(spec: Spec | str | Mapping[str, Any]) -> Mixture:
    """The Gaussian mixture a toy is drawn from; ``.posterior(X)`` is its exact Bayes rule.

    Moons, circles and spirals are curves: each is stood for by 96 Gaussians along it.

    Args:
        spec: name of a toy, or a Spec with its parameters (``n``, ``validation``, ``seed`` do not matter).

    Raises:
        UnknownName: there is no such toy; the message lists them.
        InputError: ``noise`` is 0, so there is no density.
    """
    chosen = Spec.of(spec)
    name = chosen.name.removeprefix("data.")
    if name not in _RULES:
        raise UnknownName(
            f"no toy with a known Bayes rule is called {chosen.name!r}; there are {list(_RULES)}"
        )
    signature = inspect.signature(OBJECTS[f"data.{name}"])
    unknown = sorted(set(chosen.params) - set(signature.parameters))
    if unknown:
        raise InputError(f"{name} has no parameter {unknown}; it has {list(signature.parameters)}")
    settings = {p.name: chosen.params.get(p.name, p.default) for p in signature.parameters.values()}
    checks.count(settings.get("n_classes", 2), "n_classes", 2)
    if checks.number(settings.get("noise", 1), "noise", 0) == 0:
        raise InputError(f"{name} with noise 0 has no density; give it a noise above 0")
    rule = _RULES[name]
    return rule(**{p: settings[p] for p in inspect.signature(rule).parameters})


def _rule(function: Callable[..., Mixture]) -> Callable[..., Mixture]:
    _RULES[function.__name__.removeprefix("_").removesuffix("_rule")] = function
    return function


@_rule
def _moons_rule(*, noise: float) -> Mixture:
    t, y = _along(2)
    return _round(_moon(t, y), y, 2, noise)


@_rule
def _circles_rule(*, noise: float, factor: float) -> Mixture:
    t, y = _along(2)
    return _round(_circle(t, y, _factor(factor)), y, 2, noise)


@_rule
def _spirals_rule(*, n_classes: int, noise: float, turns: float) -> Mixture:
    t, y = _along(n_classes)
    return _round(_spiral(t, y, n_classes, turns), y, n_classes, noise)


@_rule
def _blobs_rule(*, n_classes: int, noise: float) -> Mixture:
    y = np.arange(n_classes)
    return _round(2 * _ring(y / n_classes), y, n_classes, _positive(noise))


@_rule
def _xor_rule(*, noise: float) -> Mixture:
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
    return _round(corners, np.array([0, 1, 0, 1]), 2, _positive(noise))


@_rule
def _gaussians_rule(*, n_classes: int, separation: float, stretch: float) -> Mixture:
    checks.number(separation, "separation", 0)
    checks.number(stretch, "stretch", 1)
    y = np.arange(n_classes)
    radius = separation / (2 * np.sin(np.pi / n_classes))
    angle = np.pi * y / n_classes
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    covariances = turn @ np.diag([1.0, 1 / stretch**2]) @ turn.swapaxes(1, 2)
    return Mixture(
        radius * _ring(y / n_classes), covariances, np.full(n_classes, 1 / n_classes), y, n_classes
    )


def _ring(t: np.ndarray) -> np.ndarray:
    """Points (N, 2) of the unit circle at t in turns."""
    return np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)], axis=1)


def _moon(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    upper = _ring(t / 2)
    return np.where(y[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)


def _circle(t: np.ndarray, y: np.ndarray, factor: float) -> np.ndarray:
    return np.where(y == 0, 1.0, factor)[:, None] * _ring(t)


def _spiral(t: np.ndarray, y: np.ndarray, n_classes: int, turns: float) -> np.ndarray:
    return (0.2 + 1.8 * t)[:, None] * _ring(turns * t + y / n_classes)


def _along(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced positions in (0, 1) on the curve of each class, and the classes."""
    t = (np.arange(CURVE_POINTS) + 0.5) / CURVE_POINTS
    return np.tile(t, n_classes), np.repeat(np.arange(n_classes), CURVE_POINTS)


def _round(means: np.ndarray, y: np.ndarray, n_classes: int, noise: float) -> Mixture:
    covariances = np.tile(noise**2 * np.eye(2), (len(means), 1, 1))
    return Mixture(means, covariances, np.full(len(means), 1 / len(means)), y, n_classes)


def _start(n: int, n_classes: int, noise: float, seed: int) -> tuple[np.random.Generator, np.ndarray]:
    """The generator, and classes of equal size (within one) in turn."""
    checks.count(n_classes, "n_classes", 2)
    checks.number(noise, "noise", 0)
    checks.count(n, "n", 2 * n_classes)
    return np.random.default_rng(seed), np.arange(n) % n_classes


def _factor(factor: float) -> float:
    if not 0 < checks.number(factor, "factor", 0, 1) < 1:
        raise InputError(f"factor must lie between 0 and 1, not at {factor}; the circles would coincide")
    return factor


def _positive(noise: float) -> float:
    if checks.number(noise, "noise", 0) == 0:
        raise InputError("noise must be above 0 here, else each class is a single point")
    return noise


def _numbered(n_classes: int) -> tuple[str, ...]:
    return tuple(f"class {k}" for k in range(n_classes))


def _blurred(
    name: str,
    centres: np.ndarray,
    y: np.ndarray,
    class_names: tuple[str, ...],
    noise: float,
    rng: np.random.Generator,
    validation: float,
    seed: int,
    rule: Mixture,
) -> Dataset:
    X = centres + noise * rng.normal(size=centres.shape)
    # without noise the curves have no density and, as they never meet, no error
    return _finish(name, X, y, class_names, validation, seed, rule.bayes_error() if noise > 0 else 0.0)


def _finish(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    class_names: tuple[str, ...],
    validation: float,
    seed: int,
    bayes_error: float,
) -> Dataset:
    train, held = stratified_split(y, validation=validation, seed=seed)
    return Dataset(
        name,
        X.astype(np.float32),
        y.astype(np.int64),
        train,
        held,
        class_names,
        ("x0", "x1"),
        bayes_error=bayes_error,
    )
