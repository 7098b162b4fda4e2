"""Stratified, seeded split into a training and a validation part."""

from __future__ import annotations

import numpy as np

from clsviz.data import checks
from clsviz.errors import InputError


def stratified_split(
    y: np.ndarray, *, validation: float = 0.4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Splits sample indices so that each class keeps its share in both parts.

    For k = 0, 1, ...: the first ``floor(validation * n_k + 1/2)`` of a permutation of class k go
    to the validation part. A class of two or more samples is in both parts; a single sample trains.

    Args:
        y: (N,) int in [0, K).
        validation: share of the validation part, in (0, 1).
        seed: of ``numpy.random.default_rng``.

    Returns:
        (train, validation): int64 indices, ascending, disjoint, together all N.

    Raises:
        InputError: `validation` is not inside (0, 1), or no class has two samples.
    """
    y = checks.labels(y)
    share = checks.number(validation, "validation", 0, 1)
    if share in (0, 1):
        raise InputError(f"validation must lie between 0 and 1, not at {share:g}; both parts are needed")
    rng = np.random.default_rng(seed)
    held = []
    for k in range(y.max() + 1):
        members = rng.permutation(np.flatnonzero(y == k))
        wanted = int(share * len(members) + 0.5)
        wanted = min(max(wanted, 1), len(members) - 1) if len(members) > 1 else 0
        held.append(members[:wanted])
    chosen = np.sort(np.concatenate(held))
    if not len(chosen):
        raise InputError("y has no class with two samples, so nothing is left to validate on")
    return np.setdiff1d(np.arange(len(y)), chosen), chosen
