"""Sets with two domains: what has labels comes from one, what has none (or is to be judged) from another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset

SIZE = Range(50, 2000, step=50)


def draw_cues(
    n: int,
    predictivity: Sequence[float] | np.ndarray,
    availability: Sequence[float] | np.ndarray,
    noise: float,
    dim: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, dim), classes in turn (n,) int64, and two cues of them (n, 2), shown in features 0 and 1.

    Args:
        predictivity: how often each cue agrees with the class. availability: what it is multiplied by.
        noise: standard deviation of the other features, and of the cues' magnitude, which has mean 1.
    """
    y = np.arange(n) % 2
    agree = rng.random((n, 2)) < np.asarray(predictivity)
    magnitude = np.abs(1 + noise * rng.standard_normal((n, 2)))
    X = noise * rng.standard_normal((n, dim))
    z = np.where(agree, 1.0, -1.0) * (2.0 * y - 1)[:, None] * magnitude
    X[:, :2] = np.asarray(availability) * z
    return X, y, z


@method(
    kind="data",
    title="Two cues that part elsewhere",
    paper="in the spirit of On the Foundations of Shortcut Learning, arXiv:2310.16228",
    facts={"gives": ["unlabelled"]},
    n=SIZE,
    agreement=Range(0, 1, step=0.05),
    availability=Range(0.5, 8, step=0.5),
    noise=Range(0.05, 1, step=0.05),
    dim=Range(2, 30, step=1, unit="features"),
)
def shortcut(
    *,
    n: int = 300,
    agreement: float = 0.5,
    availability: float = 2.0,
    noise: float = 0.3,
    dim: int = 2,
    seed: int = 0,
) -> Dataset:
    """Two cues that always agree in training, and elsewhere only in a share `agreement` of the samples.

    The validation part comes from elsewhere; its class is what the second cue says, so that its accuracy
    tells which cue a network follows. The first is `availability` times as large. Of n more samples from
    elsewhere the labels are not known.
    """
    checks.count(n, "n", 4)
    checks.number(agreement, "agreement", 0, 1)
    strength = (checks.number(availability, "availability", 0), 1.0)
    checks.number(noise, "noise", 0)
    checks.count(dim, "dim", 2)
    rng = np.random.default_rng(seed)
    often = ((1.0, 1.0), (agreement, 1.0), (agreement, 1.0))
    parts = [draw_cues(n, predictivity, strength, noise, dim, rng) for predictivity in often]
    names = ("shortcut", "core cue", *(f"noise {i}" for i in range(1, dim - 1)))
    return _two_parts("shortcut", [part[:2] for part in parts], names, None)


@method(
    kind="data",
    title="Few labels, many samples from elsewhere",
    paper="after Out-Of-Domain Unlabeled Data Improves Generalization, arXiv:2310.00027",
    formula=r"x = \pm\mu + \epsilon, \quad u = \pm(\mu + s \lVert\mu\rVert a) + \epsilon, \quad a \perp \mu",
    facts={"gives": ["unlabelled"]},
    labels=Range(2, 100, step=2),
    n=SIZE,
    shift=Range(0, 3, step=0.05, unit="lengths of the mean"),
    length=Range(0.5, 4, step=0.1, unit="standard deviations"),
    dim=Range(2, 60, step=1, unit="features"),
)
def two_domains(
    *, labels: int = 8, n: int = 600, shift: float = 0.5, length: float = 2.0, dim: int = 2, seed: int = 0
) -> Dataset:
    """Two Gaussians round +-mu with few labelled samples, and n without labels whose mu is moved across.

    The validation part, n samples, comes from where the labelled ones do.
    """
    checks.count(labels, "labels", 2)
    checks.count(n, "n", 4)
    checks.count(dim, "dim", 2)
    size = checks.number(length, "length", 0)
    mean = size * np.eye(dim)[0]
    rng = np.random.default_rng(seed)
    across = rng.standard_normal(dim - 1)
    far = mean + checks.number(shift, "shift", 0) * size * np.append(0, across / np.linalg.norm(across))
    parts = []
    for count, centre in ((labels, mean), (n, mean), (n, far)):
        y = np.arange(count) % 2
        parts.append(((2 * y - 1)[:, None] * centre + rng.standard_normal((count, dim)), y))
    names = tuple(f"x{i}" for i in range(dim))
    return _two_parts("two_domains", parts, names, float(ndtr(-size)))


def _two_parts(
    name: str,
    parts: list[tuple[np.ndarray, np.ndarray]],
    feature_names: tuple[str, ...],
    bayes_error: float | None,
) -> Dataset:
    """Of three parts the first trains, the second validates, the third loses its labels."""
    (X_train, y_train), (X_held, y_held), (unlabelled, _) = parts
    rows = np.arange(len(y_train) + len(y_held))
    return Dataset(
        name,
        np.concatenate([X_train, X_held]).astype(np.float32),
        np.concatenate([y_train, y_held]).astype(np.int64),
        rows[: len(y_train)],
        rows[len(y_train) :],
        ("class 0", "class 1"),
        feature_names,
        bayes_error=bayes_error,
        unlabelled=unlabelled.astype(np.float32),
    )
