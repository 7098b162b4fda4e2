"""Histogram binning: the share of class 1 in each bin of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.binary import hits, unit_scores
from clsviz.calibration.binning import N_BINS, bin_indices
from clsviz.calibration.inputs import Array, count, option
from clsviz.catalogue import method

SCHEMES = ("equal_width", "equal_mass")

ZADROZNY = (
    "Zadrozny and Elkan 2001, Obtaining calibrated probability estimates from decision trees and "
    "naive Bayesian classifiers, ICML"
)


@dataclass(frozen=True, slots=True, eq=False)
class HistogramBinning:
    """A step function; bins are closed on the left, the last one on both sides."""

    edges: Array  # (B + 1,)
    values: Array  # (B,) probability of class 1

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) probabilities of class 1."""
        s = unit_scores(scores)
        return self.values[np.searchsorted(self.edges[1:-1], s, side="right")]


@method(
    kind="calibrator",
    title="Histogram binning",
    paper=ZADROZNY,
    n_bins=N_BINS,
    scheme=SCHEMES,
)
def fit_histogram_binning(
    scores: ArrayLike, labels: ArrayLike, *, n_bins: int = 15, scheme: str = "equal_width"
) -> HistogramBinning:
    """Mean label of each bin; the middle of a bin that is empty.

    Args:
        scores: (N,) in [0, 1].
        labels: (N,) 0 or 1.
        n_bins, scheme: as in `bin_indices`; "equal_width" or "equal_mass".

    Raises:
        InputError: bad scores, labels or options; the message names the argument.
    """
    option("scheme", scheme, SCHEMES)
    s = unit_scores(scores)
    y = hits(labels, len(s))
    edges, index, b = bin_indices(s, count("n_bins", n_bins), scheme)
    assert edges is not None  # both schemes have edges
    counts = np.bincount(index, minlength=b)
    means = np.bincount(index, y, minlength=b) / np.maximum(counts, 1)
    return HistogramBinning(edges, np.where(counts > 0, means, (edges[1:] + edges[:-1]) / 2))


def apply_histogram_binning(fit: HistogramBinning, scores: ArrayLike) -> Array:
    """Calibrated probabilities of class 1, (N,); errors as in `fit_histogram_binning`."""
    return fit.apply(scores)
