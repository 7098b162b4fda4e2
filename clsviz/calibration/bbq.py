"""Bayesian binning into quantiles: histograms of many sizes, each weighted by its evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, softmax

from clsviz.calibration.binary import hits, unit_scores
from clsviz.calibration.inputs import Array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

NAEINI = "Naeini et al. 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI"


@dataclass(frozen=True, slots=True, eq=False)
class BBQ:
    """A weighted mean of step functions; bins are closed on the left, the last one on both sides."""

    edges: tuple[Array, ...]  # per model (B + 1,)
    values: tuple[Array, ...]  # per model (B,) probability of class 1
    weights: Array  # (models,), sum 1

    def apply(self, scores: ArrayLike) -> Array:
        """(N,) probabilities of class 1."""
        s = unit_scores(scores)
        # All step functions as one: where any of them steps, and by how much.
        where = np.concatenate([e[1:-1] for e in self.edges])
        steps = np.concatenate([w * np.diff(v) for w, v in zip(self.weights, self.values, strict=True)])
        lowest = sum(w * v[0] for w, v in zip(self.weights, self.values, strict=True))
        order = np.argsort(where, kind="stable")
        heights = lowest + np.concatenate([[0.0], np.cumsum(steps[order])])
        return heights[np.searchsorted(where[order], s, side="right")].clip(0, 1)


@method(
    kind="calibrator",
    title="Bayesian binning into quantiles",
    paper=NAEINI,
    n0=Range(0.1, 20, log=True),
    c=Range(1, 20),
)
def fit_bbq(scores: ArrayLike, labels: ArrayLike, *, n0: float = 2.0, c: float = 10.0) -> BBQ:
    """Equal-mass histograms of N^(1/3)/c to c N^(1/3) bins, averaged by their marginal likelihood.

    Args:
        scores: (N,) in [0, 1].
        labels: (N,) 0 or 1.
        n0: samples that the prior counts for, spread over the bins; > 0.
        c: range of bin numbers around the cube root of N; >= 1.

    Raises:
        InputError: bad scores, labels or options; the message names the argument.
    """
    if not 0 < n0 < np.inf:
        raise InputError(f"n0 must be > 0 and finite, got {n0!r}")
    if not 1 <= c < np.inf:
        raise InputError(f"c must be >= 1 and finite, got {c!r}")
    s = unit_scores(scores)
    y = hits(labels, len(s))
    n, root = len(s), np.cbrt(len(s))
    order = np.argsort(s)
    s, below = s[order], np.concatenate([[0.0], np.cumsum(y[order])])
    sizes = range(max(1, int(root / c)), min(n, int(np.ceil(c * root))) + 1)
    quantiles = np.quantile(s, np.concatenate([np.arange(b + 1) / b for b in sizes]))
    edges, values, evidence = [], [], []
    for cuts in np.split(quantiles, np.cumsum([b + 1 for b in sizes])[:-1]):
        cuts[0], cuts[-1] = 0.0, 1.0  # the bins of `bin_indices` with scheme="equal_mass"
        cuts = np.unique(cuts)
        starts = np.concatenate([np.searchsorted(s, cuts[:-1]), [n]])
        counts, ones = np.diff(starts), np.diff(below[starts])
        prior, middle = n0 / (len(cuts) - 1), (cuts[1:] + cuts[:-1]) / 2
        a, b = prior * middle, prior * (1 - middle)
        edges.append(cuts)
        values.append((ones + a) / (counts + prior))
        terms = gammaln(prior) - gammaln(counts + prior) + gammaln(ones + a) - gammaln(a)
        evidence.append(float((terms + gammaln(counts - ones + b) - gammaln(b)).sum()))
    return BBQ(tuple(edges), tuple(values), softmax(evidence))


def apply_bbq(fit: BBQ, scores: ArrayLike) -> Array:
    """Calibrated probabilities of class 1, (N,); errors as in `fit_bbq`."""
    return fit.apply(scores)
