"""All measures of the calibration benchmark at once, before and after temperature scaling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.binfree import kde_ece, ks_error, mmce
from clsviz.calibration.inputs import Array, as_labels, as_logits, softmax
from clsviz.calibration.ood import auroc
from clsviz.calibration.scores import brier, entropy, nll
from clsviz.calibration.temperature import fit_temperature
from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError

BENCHMARK_BINS = (5, 10, 15, 20, 25, 50, 100, 200, 500)
STAGES = ("pre", "post")  # of temperature scaling
BINNED = ("ECE", "ECE_em", "cwCE", "cwCE_em", "MCE")
BIN_FREE = {"KSCE": ks_error, "KDECE": kde_ece, "MMCE": mmce, "NLL": nll, "Brier": brier}

# The edges of all bin counts together, each once: k/B is one rounded division, so 3/5 is 6/10.
EDGES = np.unique(np.concatenate([np.arange(b + 1) / b for b in BENCHMARK_BINS]))
PLACES = {b: np.searchsorted(EDGES, np.arange(b + 1) / b) for b in BENCHMARK_BINS}


@method(
    kind="measure",
    title="Measures of the calibration benchmark",
    paper="Tao et al. 2024, A Benchmark Study on Calibration, arXiv:2308.11838",
)
def benchmark_measures(
    val_logits: ArrayLike,
    val_labels: ArrayLike,
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    ood: Mapping[str, ArrayLike] | None = None,
) -> dict[str, float]:
    """A hundred calibration measures of one network, and an AUROC for each out-of-distribution set.

    ``{pre,post}_{ECE,ECE_em,cwCE,cwCE_em,MCE}_{5,10,15,20,25,50,100,200,500}``: `ece`, `classwise_ece`
    and `mce` in bins of equal width and (``_em``) equal mass; ``{pre,post}_{KSCE,KDECE,MMCE,NLL,Brier}``;
    ``pre_auc_<name>``: how well the entropy tells the set from the test samples. "post" is after the
    temperature with the least NLL on the validation samples. The numbers are those of the measures
    one by one; here probabilities are sorted once and binned once.

    Args:
        val_logits: (n, K) validation scores; (n,) for two classes. val_labels: (n,).
        logits: (N, K) test scores. labels: (N,).
        ood: (M, K) scores of out-of-distribution samples, by name.

    Raises:
        InputError: bad logits or labels, or of another number of classes; the message names the argument.
    """
    val_z = as_logits(val_logits, "val_logits")
    val_y = as_labels(val_labels, len(val_z), val_z.shape[1], "val_labels")
    z = as_logits(logits)
    if z.shape[1] != val_z.shape[1]:
        raise ShapeError(f"logits must have the {val_z.shape[1]} classes of val_logits, got {z.shape[1]}")
    y = as_labels(labels, *z.shape)
    outside = {} if ood is None else _checked(ood, z.shape[1])
    t = fit_temperature(val_z, val_y).temperature
    found: dict[str, float] = {}
    for stage, scaled in zip(STAGES, (z, z / t), strict=True):
        probs = softmax(scaled)
        found |= {f"{stage}_{name}": value for name, value in _binned(probs, y).items()}
        for name, measure in BIN_FREE.items():
            found[f"{stage}_{name}"] = nll(scaled, y, kind="logits") if name == "NLL" else measure(probs, y)
    inside = entropy(z, kind="logits") if outside else np.empty(0)
    for name, other in outside.items():
        found[f"pre_auc_{name}"] = auroc(entropy(other, kind="logits"), inside)
    return found


def _checked(ood: Mapping[str, ArrayLike], k: int) -> dict[str, Array]:
    if not isinstance(ood, Mapping):
        raise InputError(f"ood must be a dict of names with logits, got {type(ood).__name__}")
    found = {name: as_logits(value, f"ood[{name!r}]") for name, value in ood.items()}
    for name, value in found.items():
        if value.shape[1] != k:
            raise ShapeError(f"ood[{name!r}] must have the {k} classes of logits, got {value.shape[1]}")
    return found


def _binned(probs: Array, labels: NDArray[np.int64]) -> dict[str, float]:
    """The binned measures of all bin counts by ``<name>_<bins>``."""
    n, k = probs.shape
    top = probs.argmax(1)
    # A row for each class, and a last one for the top label.
    v = np.concatenate([probs.T, probs[None, np.arange(n), top]])
    hit = np.concatenate([labels == np.arange(k)[:, None], (top == labels)[None]])
    order = v.argsort(1, kind="stable")
    v, gap = np.take_along_axis(v, order, 1), np.take_along_axis(v - hit, order, 1)
    widths = np.stack([np.searchsorted(row, EDGES) for row in v])
    masses = _mass_starts(v)
    found: dict[str, dict[int, float]] = {name: {} for name in BINNED}
    for b, places in PLACES.items():
        for suffix, starts in (("", widths), ("_em", masses)):
            error, largest = _errors(gap, starts[:, places])
            found[f"ECE{suffix}"][b] = float(error[-1])
            found[f"cwCE{suffix}"][b] = float(error[:-1].mean())
            if not suffix:
                found["MCE"][b] = float(largest[-1])
    return {f"{name}_{b}": value for name, values in found.items() for b, value in values.items()}


def _mass_starts(v: Array) -> NDArray[np.int64]:
    """(rows, edges) rank at which a bin begins whose lower edge is that quantile of its sorted row.

    A quantile of 1 is the end of the last bin, which also holds 1, so no bin begins there.
    """
    edges = np.quantile(v, EDGES, axis=1).T
    starts = np.stack([np.searchsorted(*pair) for pair in zip(v, edges, strict=True)])
    starts[edges >= 1] = v.shape[1]
    return starts


def _errors(gap: Array, starts: NDArray[np.int64]) -> tuple[Array, Array]:
    """Weighted mean and largest gap of each row: (rows, n) in order, bins from starts[:, :-1] on."""
    n = gap.shape[1]
    bounds = starts.copy()
    bounds[:, 0], bounds[:, -1] = 0, n
    counts = np.diff(bounds)
    row, bin_ = np.nonzero(counts)
    sums = np.abs(np.add.reduceat(gap.ravel(), row * n + bounds[row, bin_]))
    first = np.flatnonzero(np.diff(row, prepend=-1))  # of each row's bins; every row has one
    mean = np.add.reduceat(sums, first) / n
    return mean, np.maximum.reduceat(sums / counts[row, bin_], first)
