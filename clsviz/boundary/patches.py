"""Where in an image an attribution map is strongest: the patch that an answer may rest on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from clsviz.boundary.checks import integer, real_array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError


class StrongestPatch(NamedTuple):
    """A square of an image."""

    row: int  # of its upper left pixel
    column: int
    mask: np.ndarray  # (H, W) bool, its pixels
    mean: float  # attribution of its pixels, on average


@method(
    kind="probe",
    title="Patch of strongest attribution",
    paper="in the spirit of ASPIRE: Language-Guided Augmentation for Robust Image Classification",
    formula=r"\arg\max_{\text{squares }S}\frac1{|S|}\sum_{i\in S}a_i",
    needs=("attribution",),
    size=Range(1, 16, step=1),
)
def strongest_patch(attribution: Any, *, size: int = 2) -> StrongestPatch:
    """The square of ``size`` x ``size`` pixels with the largest mean; ties: the upper, then the left one.

    Args:
        attribution: (H, W) map of an image, or the mean of several. size: pixels, at most H and W.

    Raises:
        InputError: the square is larger than the map. ShapeError: no (H, W) map.
    """
    weights, side = real_array(attribution, "attribution", 2), integer(size, "size")
    if side > min(weights.shape):
        raise InputError(f"size must be at most {min(weights.shape)}, the side of the map, got {size}")
    means = np.lib.stride_tricks.sliding_window_view(weights, (side, side)).mean((2, 3))
    row, column = (int(i) for i in np.unravel_index(means.argmax(), means.shape))
    mask = np.zeros(weights.shape, bool)
    mask[row : row + side, column : column + side] = True
    return StrongestPatch(row, column, mask, float(means[row, column]))
