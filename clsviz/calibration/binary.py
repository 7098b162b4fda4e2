"""What calibrators of two classes take: one score per sample and whether its label is 1."""

from __future__ import annotations

from numpy.typing import ArrayLike

from clsviz.calibration.inputs import OUTSIDE, Array, as_labels, vector
from clsviz.errors import InputError


def unit_scores(scores: ArrayLike, name: str = "scores") -> Array:
    """(N,) float64 in [0, 1]; clipped where at most 1e-6 outside.

    Raises:
        InputError: not (N,), not finite, or outside [0, 1].
    """
    s = vector(scores, name)
    if s.min() < -OUTSIDE or s.max() > 1 + OUTSIDE:
        raise InputError(f"{name} must lie in [0, 1], got {s.min():g}..{s.max():g}; scale them first")
    return s.clip(0, 1)


def hits(labels: ArrayLike, n: int) -> Array:
    """(N,) labels 0 or 1 as float64."""
    return as_labels(labels, n, 2).astype(float)
