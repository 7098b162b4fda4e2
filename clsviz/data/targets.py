"""Sets in the plane whose samples have more than a class: several labels, a number, or an order."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.data.split import stratified_split
from clsviz.errors import InputError

SIZE = Range(40, 5000, step=20)
VALIDATION = Range(0.1, 0.8, step=0.05)
# The ends that losses of numbers have by default (hl_gauss, two_hot).
LOW, HIGH = -3.0, 3.0


@method(
    kind="data",
    title="Overlapping discs (several labels)",
    paper="own toy, after Zhang & Zhou 2014, A review on multi-label learning algorithms",
    facts={"gives": ["label_sets"]},
    n=SIZE,
    n_classes=Range(2, 6, step=1),
    radius=Range(0.5, 2, step=0.05),
    noise=Range(0, 0.5, step=0.01),
    validation=VALIDATION,
)
def discs(
    *,
    n: int = 600,
    n_classes: int = 3,
    radius: float = 1.4,
    noise: float = 0.1,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """A sample has the label of each disc it lies in: none, one or several; its class is the nearest disc.

    The discs' centres lie on the unit circle, samples evenly in the square of side 4 about it. `noise`
    blurs the samples after they were labelled.
    """
    checks.count(n_classes, "n_classes", 2)
    checks.count(n, "n", 4 * n_classes)
    checks.number(radius, "radius", 0)
    checks.number(noise, "noise", 0)
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (n, 2))
    angle = 2 * np.pi * np.arange(n_classes) / n_classes
    distance = np.linalg.norm(X[:, None] - np.stack([np.cos(angle), np.sin(angle)], 1), axis=2)
    names = tuple(f"disc {k}" for k in range(n_classes))
    return _set(
        "discs",
        X + noise * rng.normal(size=X.shape),
        distance.argmin(1),
        names,
        validation,
        seed,
        label_sets=(distance < radius).astype(np.float32),
    )


@method(
    kind="data",
    title="Wave (numbers)",
    paper="own toy, after Imani & White 2018, arXiv:1806.04613",
    formula=r"v = 2.2 \sin(1.6\, x_0) + \sigma \epsilon",
    facts={"gives": ["values"]},
    n=SIZE,
    n_classes=Range(4, 20, step=1),
    noise=Range(0, 1, step=0.05),
    validation=VALIDATION,
)
def wave(
    *, n: int = 600, n_classes: int = 10, noise: float = 0.3, validation: float = 0.4, seed: int = 0
) -> Dataset:
    """A number in [-3, 3] that goes up and down along x0, blurred by `noise`; x1 says nothing.

    The class is the number's bin, `n_classes` equal ones from -3 to 3, named by their middle.
    """
    checks.count(n_classes, "n_classes", 2)
    checks.count(n, "n", 4 * n_classes)
    checks.number(noise, "noise", 0)
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n, 2))
    values = np.clip(2.2 * np.sin(1.6 * X[:, 0]) + noise * rng.normal(size=n), LOW, HIGH)
    width = (HIGH - LOW) / n_classes
    bins = np.minimum((values - LOW) / width, n_classes - 1).astype(np.int64)
    names = tuple(f"{LOW + (k + 0.5) * width:+.2f}" for k in range(n_classes))
    return _set("wave", X, bins, names, validation, seed, values=values.astype(np.float32))


@method(
    kind="data",
    title="Ordered classes, the last rare",
    paper="own toy, after McCullagh 1980, Regression models for ordinal data",
    formula=r"y = \max\{k : w_j^\top x + \sigma\epsilon > t_j \ \text{for all}\ j \le k\}",
    n=SIZE,
    n_classes=Range(3, 6, step=1),
    rare=Range(0.01, 0.25, step=0.01, unit="share of the samples"),
    turn=Range(0, 60, step=5, unit="degrees"),
    noise=Range(0.05, 1, step=0.05),
    validation=VALIDATION,
)
def ordinal(
    *,
    n: int = 800,
    n_classes: int = 4,
    rare: float = 0.03,
    turn: float = 20.0,
    noise: float = 0.4,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """Stages of a course from left to right, each rarer than the one before, the last of share `rare`.

    With `turn` 0 one direction decides all stages (proportional odds); else the direction of each
    threshold is turned by so much from the one before, and shares are only nearly as said.
    """
    checks.count(n_classes, "n_classes", 2)
    checks.count(n, "n", 4 * n_classes)
    checks.number(turn, "turn", -180, 180)
    checks.number(noise, "noise", 0)
    if not 0 < checks.number(rare, "rare", 0, 1) < 1 / n_classes:
        raise InputError(
            f"rare must lie between 0 and 1 / n_classes = {1 / n_classes:.3g}, not at {rare}; "
            "the last class would not be the rarest"
        )
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    angle = np.deg2rad(turn) * np.arange(n_classes - 1)
    scores = X @ np.stack([np.cos(angle), np.sin(angle)]) + noise * rng.normal(size=(n, 1))
    # Shares fall in equal steps from the first class to the last.
    shares = np.linspace(2 / n_classes - rare, rare, n_classes)
    thresholds = np.hypot(1, noise) * ndtri(np.minimum(np.cumsum(shares)[:-1], 1))
    y = (scores > thresholds).cumprod(1).sum(1)
    names = tuple(f"stage {k}" for k in range(n_classes))
    return _set("ordinal", X, y, names, validation, seed)


def _set(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    class_names: tuple[str, ...],
    validation: float,
    seed: int,
    *,
    label_sets: np.ndarray | None = None,
    values: np.ndarray | None = None,
) -> Dataset:
    y = y.astype(np.int64)
    train, held = stratified_split(y, validation=validation, seed=seed)
    return Dataset(
        name,
        X.astype(np.float32),
        y,
        train,
        held,
        class_names,
        ("x0", "x1"),
        label_sets=label_sets,
        values=values,
    )
