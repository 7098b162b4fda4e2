"""The one rule by which confidences fall into bins; the browser follows it too."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.arrays import Native, Total, beside, float64, native, to_numpy
from clsviz.calibration.inputs import OUTSIDE, Array, count, forecasts, option, read_pairs, vector
from clsviz.catalogue import Range
from clsviz.errors import InputError, ShapeError

SCHEMES = ("equal_width", "equal_mass", "equal_mass_rank", "adaptive")
CLOSED = ("left", "right")
N_BINS = Range(1, 100, step=1)  # sliders go to 100, a menu to 500

CELLS = 2**14  # of a grid on [0, 1]
NEAR = 1e-9  # of the width of a bin; products are right to 1e-13 and better up to 500 bins
FALLS = 1e-12  # bin accuracies that decrease by more are not monotone


class Bins:
    """Sums of pairs (v, c) per bin, of which all that is binned is made; sums of parts add up.

    One row of B bins, or (R, B) where R kinds of pairs are binned apart (the classes).
    """

    def __init__(
        self, n_bins: int, rows: tuple[int, ...] = (), edges: Array | None = None, squares: bool = False
    ) -> None:
        self.edges = edges  # (B + 1,), None for rank schemes
        self.tallies = np.zeros((*rows, n_bins, 2), dtype=np.int64)  # wrong and right ones
        self.v = Total((*rows, n_bins, 2))  # sums of v, of wrong and right ones
        self.squares = Total((*rows, n_bins)) if squares else None  # sums of v^2, where asked for

    def add(self, index: Native, v: Native, c: Native) -> None:
        """Adds pairs, (n,) or (R, n) like the bins each: bin, confidence, whether right (bool)."""
        xp = array_namespace(v)
        if v.ndim == 2:
            index = index + beside(np.arange(len(v))[:, None] * self.tallies.shape[-2], v)
            index, v, c = (a.reshape(-1) for a in (index, v, c))
        place, size = index * 2 + c, self.tallies.size
        self.tallies += to_numpy(xp.bincount(place, minlength=size)).reshape(self.tallies.shape)
        self.v.add(to_numpy(xp.bincount(place, v, minlength=size)).reshape(self.tallies.shape))
        if self.squares is not None:
            squares = xp.bincount(index, v * v, minlength=size // 2)
            self.squares.add(to_numpy(squares).reshape(self.squares.high.shape))

    def merge(self, other: Bins) -> None:
        """Adds the sums of other bins with the same edges."""
        self.tallies += other.tallies
        self.v.merge(other.v)
        if self.squares is not None and other.squares is not None:
            self.squares.merge(other.squares)

    def row(self, k: int) -> Bins:
        """The bins of one kind of pairs."""
        one = Bins(self.tallies.shape[-2], (), self.edges)
        one.tallies = self.tallies[k]
        one.v.high, one.v.low = self.v.high[k], self.v.low[k]
        return one

    @property
    def counts(self) -> NDArray[np.int64]:
        """(B,) pairs per bin."""
        return self.tallies.sum(-1)

    @property
    def confidence(self) -> Array:
        """(B,) mean of v, nan where empty."""
        return self.v.value.sum(-1) / self._some

    @property
    def accuracy(self) -> Array:
        """(B,) mean of c, nan where empty."""
        return self.tallies[..., 1] / self._some

    @property
    def gap(self) -> Array:
        """(B,) accuracy - confidence; negative is over-confident."""
        return self.accuracy - self.confidence

    @property
    def _some(self) -> Array:
        return np.where(self.counts > 0, self.counts, np.nan)


def bin_indices(
    v: ArrayLike,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    target: ArrayLike | None = None,
) -> tuple[Array | None, NDArray[np.int64], int]:
    """Which bin each confidence falls in.

    Edges are k / B, each one division, so that 3/5 is the literal 0.6. With ``closed="left"`` bin
    k is [e_k, e_k+1) and the last bin also holds 1; with ``"right"`` it is (e_k, e_k+1] and the
    first bin also holds 0.

    Args:
        v: (n,) confidences in [0, 1].
        n_bins: number of bins B, >= 1; ignored by ``"adaptive"``.
        scheme: ``"equal_width"``; ``"equal_mass"``: edges at quantiles, duplicates removed;
            ``"equal_mass_rank"``: by rank, ties split by input order; ``"adaptive"``: by rank,
            with the largest B for which accuracies do not fall.
        closed: which end of a bin belongs to it; ignored by rank schemes.
        target: (n,) whether each was right, for ``"adaptive"`` alone.

    Returns:
        edges (B + 1,) or None for rank schemes, bin of each value (n,) int64, effective B.

    Raises:
        InputError: v is empty or outside [0, 1], n_bins < 1, unknown scheme or closed, or target
            missing.
    """
    values = float64(native(v, "v"))
    if values.ndim != 1:
        raise ShapeError(f"v must be (N,), got {tuple(values.shape)}")
    xp = array_namespace(values)
    low, high = float(xp.min(values)), float(xp.max(values))
    if not (low >= -OUTSIDE and high <= 1 + OUTSIDE):
        raise InputError(f"v must lie in [0, 1], got {low:g}..{high:g}")
    right = None
    if scheme == "adaptive":
        if target is None:
            raise InputError('scheme="adaptive" needs target, whether each of v was right')
        right = beside(vector(target, "target", len(values)), values)
    edges, index, b = _place(xp.clip(values, 0, 1), right, n_bins, scheme, closed)
    return edges, to_numpy(index), b


def _place(
    v: Native, c: Native | None, n_bins: int, scheme: str, closed: str
) -> tuple[Array | None, Native, int]:
    """`bin_indices` of checked values; the bins stay beside them."""
    option("scheme", scheme, SCHEMES)
    option("closed", closed, CLOSED)
    xp = array_namespace(v)
    b = monotone_bins(v, c) if scheme == "adaptive" else count("n_bins", n_bins)
    if scheme in ("equal_mass_rank", "adaptive"):
        return None, _Cells(v).rank_bins(b), b
    if scheme == "equal_width":
        edges = equal_width_edges(b)
        return edges, equal_width_index(v, b, closed), b
    cells = _Cells(v)
    edges = cells.quantiles(np.arange(b + 1) / b)
    edges[0], edges[-1] = 0.0, 1.0
    edges = np.unique(edges)
    index = cells.search(edges, "right" if closed == "left" else "left") - 1
    return edges, xp.clip(index, 0, len(edges) - 2), len(edges) - 1


def equal_width_edges(n_bins: int) -> Array:
    """(B + 1,) edges k / B, each one rounding."""
    return np.arange(n_bins + 1) / n_bins


def equal_width_index(v: Native, n_bins: int, closed: str) -> Native:
    """Where `searchsorted` puts v among the edges k / B: a product tells it, but near the edges."""
    xp = array_namespace(v)
    place = v * n_bins
    index = xp.astype(place, xp.int64)
    rest = place - index
    near = xp.nonzero((rest < NEAR) | (rest > 1 - NEAR))[0]
    if len(near):
        side = "right" if closed == "left" else "left"
        edges = beside(equal_width_edges(n_bins), v)
        index[near] = xp.clip(xp.searchsorted(edges, v[near], side=side) - 1, 0, n_bins - 1)
    return index


class _Cells:
    """Values in [0, 1] on a fine grid: to find those near a few places without sorting all."""

    def __init__(self, v: Native) -> None:
        xp = array_namespace(v)
        self.v = v
        self.of = xp.astype(v * CELLS, xp.int64)  # rises with v
        self.before = np.append(0, np.cumsum(to_numpy(xp.bincount(self.of, minlength=CELLS + 1))))

    def _in(self, cells: Array) -> Native:
        """Which values are in any of these cells."""
        wanted = np.zeros(CELLS + 1, dtype=bool)
        wanted[cells] = True
        return array_namespace(self.v).nonzero(beside(wanted, self.v)[self.of])[0]

    def quantiles(self, q: Array) -> Array:
        """np.quantile(v, q): linear between order statistics."""
        n = len(self.v)
        at = (n - 1) * q
        below = np.floor(at).astype(np.int64)
        ranks = np.concatenate([below, np.minimum(below + 1, n - 1)])
        cells = np.searchsorted(self.before, ranks, side="right") - 1
        found = np.sort(to_numpy(self.v[self._in(cells)]))
        distinct, which = np.unique(cells, return_inverse=True)
        sizes = self.before[distinct + 1] - self.before[distinct]
        start = np.append(0, np.cumsum(sizes))[which]
        a, b = np.split(found[start + ranks - self.before[cells]], 2)
        t = at - below
        return np.where(t < 0.5, a + (b - a) * t, b - (b - a) * (1 - t))  # numpy's own two branches

    def rank_bins(self, b: int) -> Native:
        """floor(rank b / n) of each value, ties in the order they came."""
        xp = array_namespace(self.v)
        n = len(self.v)
        low, high = self.before[:-1] * b // n, (self.before[1:] - 1) * b // n
        index = beside(low, self.v)[self.of]
        cut = np.flatnonzero(high > low)  # cells with the end of a bin: their values have to be sorted
        near = self._in(cut)
        if len(near):
            order = near[xp.argsort(self.v[near], stable=True)]
            sizes = self.before[cut + 1] - self.before[cut]
            ranks = np.arange(len(near)) + np.repeat(self.before[cut] - np.cumsum(sizes) + sizes, sizes)
            index[order] = beside(ranks * b // n, self.v)
        return index

    def search(self, edges: Array, side: str) -> Native:
        """np.searchsorted(edges, v, side)."""
        xp = array_namespace(self.v)
        cells = (edges * CELLS).astype(np.int64)
        index = beside(np.searchsorted(cells, np.arange(CELLS + 1)), self.v)[self.of]
        near = self._in(cells)
        index[near] = xp.searchsorted(beside(edges, self.v), self.v[near], side=side)
        return index


def monotone_bins(v: Native, c: Native) -> int:
    """The last number of rank bins before bin accuracies first decrease, counting up from 2."""
    n = len(v)
    xp = array_namespace(v)
    ordered = xp.astype(c[xp.argsort(v, stable=True)], xp.float64)
    right = np.concatenate([[0.0], np.cumsum(to_numpy(ordered))])
    for b in range(2, n + 1):
        starts = -(-np.arange(b + 1) * n // b)  # rank r is in bin floor(r b / n)
        accuracy = np.diff(right[starts]) / np.diff(starts)
        if (np.diff(accuracy) < -FALLS).any():
            return b - 1
    return n


def bin_pairs(
    v: Native, c: Native, n_bins: int, scheme: str, closed: str = "left", squares: bool = False
) -> Bins:
    """The sums of all pairs (v, c), both (n,), c bool."""
    edges, index, b = _place(v, c, n_bins, scheme, closed)
    bins = Bins(b, (), edges, squares)
    bins.add(index, v, c)
    return bins


def width_bins(
    parts: Iterable[tuple[Native, Native]],
    n_bins: int,
    closed: str = "left",
    rows: tuple[int, ...] = (),
    squares: bool = False,
) -> Bins:
    """The sums of pairs in equal-width bins, part by part; (R, n) parts need ``rows=(R,)``."""
    option("closed", closed, CLOSED)
    b = count("n_bins", n_bins)
    bins = Bins(b, rows, equal_width_edges(b), squares)
    for v, c in parts:
        bins.add(equal_width_index(v, n_bins, closed), v, c)
    return bins


def bins_of(
    x: ArrayLike,
    labels: ArrayLike,
    kind: str,
    mode: str = "top_label",
    target_class: int | None = None,
    n_bins: int = 15,
    scheme: str = "equal_width",
    closed: str = "left",
    squares: bool = False,
) -> Bins:
    """The pairs of forecasts in bins; those of equal width are never held all at once."""
    if scheme != "equal_width":
        return bin_pairs(*read_pairs(x, labels, kind, mode, target_class), n_bins, scheme, closed, squares)
    parts = forecasts(x, labels, kind).pairs(mode, target_class)
    flat = ((v.reshape(-1), c.reshape(-1)) for v, c in parts)
    return width_bins(flat, n_bins, closed, squares=squares)
