"""Samples that no class is meant for, made from a dataset: noise, shuffled features, turned images.

Every set is a pure function of dataset, size and seed. Its random numbers are a hash of their place, not
numpy's: js/src/core/outside.ts makes the same ones, so that a slider moves them without the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, UnknownName

MOST_ROWS = 300  # of a set: enough for two digits of an AUROC, few enough to be moved by a slider
STRENGTH = Range(0, 4, step=0.05)


@method(
    kind="transform",
    title="Uniform noise in the feature box",
    paper="Hendrycks & Gimpel 2017, arXiv:1610.02136; Hein et al. 2019, arXiv:1812.05720",
    needs=("dataset", "n"),
    strength=STRENGTH,
)
def ood_uniform(dataset: Dataset, n: int = MOST_ROWS, *, strength: float = 1.0, seed: int = 0) -> np.ndarray:
    """Points drawn evenly from the box that the training part spans, stretched about its middle.

    Args:
        dataset: gives the box, from each feature's least to its largest value.
        n: how many, >= 1.
        strength: side of the box in units of the training part's, >= 0; far beyond 1 a network has never
            seen anything.
        seed: of the draw.

    Returns:
        (n, D) float32.

    Raises:
        InputError: the dataset has no features, or a number is out of range.
    """
    count, stretch = _checked(dataset, n, strength)
    seen = dataset.X[_reference(dataset)].astype(np.float64)
    low, high = seen.min(0), seen.max(0)
    draws = uniforms(seed, count * dataset.n_features).reshape(count, -1)
    return ((low + high) / 2 + stretch * (high - low) * (draws - 0.5)).astype(np.float32)


@method(
    kind="transform",
    title="Gaussian noise on samples",
    paper="Hendrycks & Dietterich 2019, arXiv:1903.12261",
    needs=("dataset", "n"),
    strength=STRENGTH,
)
def ood_gaussian(dataset: Dataset, n: int = MOST_ROWS, *, strength: float = 1.0, seed: int = 0) -> np.ndarray:
    """Validation samples with Gaussian noise: in-distribution at strength 0, noise alone in the end.

    Args:
        dataset: its validation part is taken, evenly spaced where it has more than `n` samples.
        n: at most so many, >= 1.
        strength: standard deviation of the noise, >= 0, in units of the training part's standard deviation
            over all features for images, of each feature otherwise.
        seed: of the noise.

    Returns:
        (m, D) float32, m <= n.

    Raises:
        InputError: the dataset has no features or no validation part, or a number is out of range.
    """
    count, scale = _checked(dataset, n, strength)
    base = _base(dataset, count)
    seen = dataset.X[_reference(dataset)].astype(np.float64)
    spread = seen.std() if dataset.image_shape else seen.std(axis=0)
    return (base + scale * spread * normals(seed, base.size).reshape(base.shape)).astype(np.float32)


@method(
    kind="transform",
    title="Shuffled features",
    paper="Shi & Horvath 2006, Unsupervised Learning With Random Forest Predictors, "
    "doi:10.1198/106186006X94072",
    needs=("dataset", "n"),
)
def ood_shuffled(dataset: Dataset, n: int = MOST_ROWS, *, seed: int = 0) -> np.ndarray:
    """Validation samples whose features come from different samples: each likely, not together.

    Args:
        dataset, n: as in `ood_gaussian`.
        seed: of the permutations, one for each feature.

    Returns:
        (m, D) float32, m <= n.

    Raises:
        InputError: the dataset has no features or no validation part, or a number is out of range.
    """
    count, _ = _checked(dataset, n, 1.0)
    base = _base(dataset, count)
    order = uniforms(seed, base.size).reshape(base.shape[::-1]).argsort(axis=1, kind="stable")
    return np.take_along_axis(base, order.T, axis=0).astype(np.float32)


@method(
    kind="transform",
    title="Turned and mirrored images",
    paper="Tack et al. 2020, CSI: Novelty Detection via Contrastive Learning on Distributionally Shifted "
    "Instances, arXiv:2007.08176",
    needs=("dataset", "n"),
    turn=("quarter", "half", "mirror"),
)
def ood_turned(dataset: Dataset, n: int = MOST_ROWS, *, turn: str = "quarter", seed: int = 0) -> np.ndarray:
    """Validation images that are turned or mirrored; some digits stay what they were, or become others.

    Args:
        dataset, n: as in `ood_gaussian`.
        turn: "quarter" (counter-clockwise, square images only), "half", or "mirror" (left and right).
        seed: there is no chance in this one.

    Returns:
        (m, D) float32, m <= n.

    Raises:
        InputError: the dataset has no images, or none that are square for a quarter turn.
    """
    checks.option(turn, "turn", ("quarter", "half", "mirror"))
    count, _ = _checked(dataset, n, 1.0)
    if dataset.image_shape is None:
        raise InputError(f"turn: {dataset.name} has no images to turn")
    if turn == "quarter" and dataset.image_shape[0] != dataset.image_shape[1]:
        raise InputError(f"turn: a quarter turn needs square images, these are {dataset.image_shape}")
    base = _base(dataset, count)
    images = base.reshape(-1, *dataset.image_shape)
    moved = (
        images[:, :, ::-1] if turn == "mirror" else np.rot90(images, 1 if turn == "quarter" else 2, (1, 2))
    )
    return np.ascontiguousarray(moved).reshape(base.shape).astype(np.float32)


@dataclass(frozen=True, slots=True)
class OutsideSet:
    """A way to make samples from outside, as menus offer it."""

    title: str
    strength: str  # what the strength is, in words; "" where it has none
    make: Callable[[Dataset, int, float, int], np.ndarray]
    fits: Callable[[Dataset], bool]


def _square(dataset: Dataset) -> bool:
    return dataset.image_shape is not None and dataset.image_shape[0] == dataset.image_shape[1]


OUTSIDE: dict[str, OutsideSet] = {
    "uniform": OutsideSet(
        "uniform noise",
        "side of the box",
        lambda d, n, s, seed: ood_uniform(d, n, strength=s, seed=seed),
        lambda d: d.n_features > 0,
    ),
    "gaussian": OutsideSet(
        "samples with Gaussian noise",
        "standard deviations",
        lambda d, n, s, seed: ood_gaussian(d, n, strength=s, seed=seed),
        lambda d: d.n_features > 0,
    ),
    "shuffled": OutsideSet(
        "shuffled features",
        "",
        lambda d, n, _, seed: ood_shuffled(d, n, seed=seed),
        lambda d: d.n_features > 1,
    ),
    "quarter": OutsideSet(
        "images turned by 90°", "", lambda d, n, _, seed: ood_turned(d, n, turn="quarter"), _square
    ),
    "half": OutsideSet(
        "images turned by 180°",
        "",
        lambda d, n, _, seed: ood_turned(d, n, turn="half"),
        lambda d: d.image_shape is not None,
    ),
    "mirror": OutsideSet(
        "mirrored images",
        "",
        lambda d, n, _, seed: ood_turned(d, n, turn="mirror"),
        lambda d: d.image_shape is not None,
    ),
}


def outside(
    dataset: Dataset, name: str, n: int = MOST_ROWS, *, strength: float = 1.0, seed: int = 0
) -> np.ndarray:
    """A set of `OUTSIDE` by name, (m, D) float32 with m <= n.

    Raises:
        UnknownName: no set is called so, or none for data like these.
        InputError: as the function behind it.
    """
    there = [key for key, entry in OUTSIDE.items() if entry.fits(dataset)]
    if name not in there:
        raise UnknownName(f"outside: {dataset.name} has no set {name!r}; it has {there}")
    return OUTSIDE[name].make(dataset, n, strength, seed)


def uniforms(seed: int, n: int) -> np.ndarray:
    """(n,) float64 in (0, 1): a 32-bit hash of seed and place (C. Wellons' "lowbias32")."""
    start = _mixed(np.array([(seed & 0xFFFFFFFF) ^ 0x9E3779B9], np.uint64))
    places = np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B1) + start
    return (_mixed(places).astype(np.float64) + 0.5) / 2.0**32


def normals(seed: int, n: int) -> np.ndarray:
    """(n,) float64 standard normal, by Box and Muller."""
    draws = uniforms(seed, 2 * n)
    return np.sqrt(-2 * np.log(draws[:n])) * np.cos(2 * np.pi * draws[n:])


def _mixed(x: np.ndarray) -> np.ndarray:
    """lowbias32 on the low 32 bits of (n,) uint64."""
    mask = np.uint64(0xFFFFFFFF)
    x = x & mask
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x21F0AAAD)) & mask
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x735A2D97)) & mask
    return x ^ (x >> np.uint64(15))


def _checked(dataset: Dataset, n: int, strength: float) -> tuple[int, float]:
    if dataset.n_features == 0:
        raise InputError(f"dataset: {dataset.name} has no features to make samples from")
    return checks.count(n, "n"), checks.number(strength, "strength", 0)


def _reference(dataset: Dataset) -> np.ndarray:
    return dataset.train if len(dataset.train) else dataset.validation


def _base(dataset: Dataset, n: int) -> np.ndarray:
    """(m, D) float64 validation samples, m <= n, evenly spaced."""
    rows = dataset.validation
    if len(rows) == 0:
        raise InputError(f"dataset: {dataset.name} has no validation part to make samples from")
    spaced = rows if len(rows) <= n else rows[np.arange(n) * len(rows) // n]
    base: np.ndarray = dataset.X[spaced].astype(np.float64)
    return base
