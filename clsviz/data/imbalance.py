"""Unequal class sizes: how many samples to keep, which ones, and a Dataset thinned so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError

PROFILES = ("exp", "step")


def long_tail_counts(
    n_max: int, n_classes: int, *, factor: float = 100.0, profile: str = "exp"
) -> np.ndarray:
    """Samples per class of an imbalanced set, largest class first.

    Args:
        n_max: size of the largest class, >= 1.
        n_classes: K >= 1.
        factor: largest over smallest class, >= 1.
        profile: ``"exp"``: floor(n_max * factor^(-k/(K-1)) + 1e-9); ``"step"``: the first
            ceil(K/2) classes keep n_max, the others floor(n_max / factor). At least 1.

    Returns:
        (K,) int64.

    Raises:
        InputError: a number is out of range or the profile unknown.
    """
    largest, k = checks.count(n_max, "n_max"), checks.count(n_classes, "n_classes")
    ratio = checks.number(factor, "factor", 1)
    checks.option(profile, "profile", PROFILES)
    if profile == "step":
        counts = np.full(k, largest)
        counts[(k + 1) // 2 :] = int(largest // ratio)
    else:
        position = np.arange(k) / max(k - 1, 1)
        counts = np.floor(largest * ratio**-position + 1e-9).astype(np.int64)
    return np.maximum(counts, 1)


def subsample_counts(y: Any, counts: Any, *, seed: int = 0) -> np.ndarray:
    """Indices of a random subset with a given number of samples of each class.

    For k = 0, 1, ...: the first counts[k] of rng.permutation(indices of class k).

    Args:
        y: (N,) int in [0, K).
        counts: (K,) int >= 0.
        seed: of ``numpy.random.default_rng``.

    Returns:
        ascending int64 indices, sum(counts) of them.

    Raises:
        InputError: a class has fewer samples than asked for, or a label has no count.
    """
    wanted = checks.integers(counts, "counts")
    labels = checks.labels(y, len(wanted))
    there = np.bincount(labels, minlength=len(wanted))
    for k in range(len(wanted)):
        if not 0 <= wanted[k] <= there[k]:
            raise InputError(f"counts[{k}] is {wanted[k]}, but class {k} has {there[k]} sample(s) in y")
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(labels == k))[:c] for k, c in enumerate(wanted)]
    return np.sort(np.concatenate(parts))


def zipf_frequencies(n: int, *, exponent: float = 1.0) -> np.ndarray:
    """Frequencies j^(-exponent) / sum, j = 1..n; exponent 0 is uniform.

    Args:
        n: how many, >= 1.
        exponent: finite.

    Returns:
        (n,) float64, sum 1.

    Raises:
        InputError: `n` < 1 or `exponent` not finite.
    """
    rank = np.arange(1, checks.count(n, "n") + 1)
    # relative to the largest exponent, so that nothing overflows
    log_weight = -checks.number(exponent, "exponent") * np.log(rank)
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


@method(
    kind="transform",
    title="Undersampling of the majority",
    paper="Chawla et al. 2002, SMOTE, arXiv:1106.1813, section 4",
    needs=("y", "minority"),
    percent=Range(10, 800, step=10, unit="% of what is kept of the majority"),
)
def undersample(y: Any, minority: int, *, percent: float = 100.0, seed: int = 0) -> np.ndarray:
    """All samples of the minority class and a random part of the others.

    Kept of the others: the first min(n_others, floor(100 * n_minority / percent + 1/2)) of
    rng.permutation(their indices).

    Args:
        y: (N,) int in [0, K).
        minority: class that is kept whole.
        percent: size of the minority in % of what is kept of the others, > 0 (200: the minority
            is twice as large).
        seed: of ``numpy.random.default_rng``.

    Returns:
        ascending int64 indices.

    Raises:
        InputError: `minority` does not occur in `y`, or `percent` is not above 0.
    """
    labels = checks.labels(y)
    share = checks.number(percent, "percent", 0)
    if share == 0:
        raise InputError("percent must be above 0; it is the minority in % of the kept majority")
    small = np.flatnonzero(labels == checks.count(minority, "minority", 0))
    others = np.flatnonzero(labels != minority)
    if not len(small):
        raise InputError(f"minority is class {minority}, which does not occur in y")
    wanted = np.floor(min(100 * len(small) / share + 0.5, len(others)))
    kept = np.random.default_rng(seed).permutation(others)[: int(wanted)]
    return np.sort(np.concatenate([small, kept]))


@method(
    kind="transform",
    title="Class imbalance",
    paper="exp: Cui et al. 2019, arXiv:1901.05555; step: Buda et al. 2018, arXiv:1710.05381",
    formula=r"n_k = \lfloor n_{\max}\, \rho^{-k/(K-1)} \rfloor",
    needs=("dataset",),
    factor=Range(1, 100, log=True),
    profile=PROFILES,
)
def with_imbalance(dataset: Dataset, *, factor: float = 10.0, profile: str = "exp", seed: int = 0) -> Dataset:
    """The same samples with a training part whose later classes are rarer, down to 1 / `factor`.

    As many samples are kept as the profile allows with what the training part has of each
    class. Samples left out are in neither part; the validation part stays as it is.

    Args:
        dataset: classes absent from its training part stay absent.
        factor: largest over smallest class, >= 1.
        profile: ``"exp"`` or ``"step"``, see `long_tail_counts`.
        seed: of the choice.

    Raises:
        InputError: `factor` is below 1 or the profile unknown.
    """
    k = dataset.n_classes
    labels = dataset.y[dataset.train]
    there = np.bincount(labels, minlength=k)
    shape = long_tail_counts(10**9, k, factor=factor, profile=profile) / 10**9
    n_max = max(int((there / shape)[there > 0].min() + 1e-6), 1)
    counts = np.minimum(long_tail_counts(n_max, k, factor=factor, profile=profile), there)
    return replace(dataset, train=dataset.train[subsample_counts(labels, counts, seed=seed)])
