"""Measures of more samples than fit at once, from parts that add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.arrays import Total
from clsviz.calibration.binned import NORMS, classwise_gap, debiased_gap, mean_gap, total_gap
from clsviz.calibration.binning import CLOSED, Bins, equal_width_edges, equal_width_index
from clsviz.calibration.diagram import check_interval, diagram_of
from clsviz.calibration.inputs import block_pairs, block_probs, check_mode, count, forecasts, option
from clsviz.calibration.interval import bins_interval
from clsviz.calibration.scores import brier_sum, check_eps, decomposed, nll_sum, rps_sum
from clsviz.errors import InputError, ShapeError

RANKS = "its bins follow the order of all samples"
ORDER = "it needs all confidences in order"
SMOOTH = "it smooths over all confidences at once"
FINE = "use ece with narrow bins (n_bins=500), or the function on a sample that fits"
WHY_NOT = {
    "ace": (RANKS, "use classwise_ece"),
    "tace": (RANKS, "use classwise_ece"),
    "sweep_ece": (RANKS, FINE),
    "ks_error": (ORDER, FINE),
    "kde_ece": (SMOOTH, FINE),
    "smooth_ece": (SMOOTH, FINE),
    "mmce": ("it compares each sample with each other", FINE),
    "risk_coverage": (ORDER, "use reliability_diagram, whose bins tell accuracy above a confidence"),
    "accuracy_rejection": (ORDER, "use reliability_diagram, whose bins tell accuracy above a confidence"),
    "confidence_auroc": (ORDER, "use the function on a sample that fits"),
    "entropy": ("it is a number per sample", "call it on each part"),
    "crps_ensemble": ("it takes members and observations", "average its values, weighted by samples"),
}


class Accumulator:
    """Sums from which calibration measures are computed; parts can be added in any order and place.

    Counts are exact and sums compensated, so that chunks give what all samples at once do, to 1e-12.
    Memory does not grow with the samples. It can be pickled: jobs fill one each and merge them.

    Args:
        measures: names of functions of `clsviz.calibration` with fixed edges or none (`MERGED`), and
            "accuracy" and "confidence" (mean top probability).
        n_classes: K, >= 2.
        n_bins, closed, mode, target_class, norm, eps, ci, alpha, level, seed: as in those functions, for
            each measure that takes them; norm None is each one's own.
        scheme: "equal_width"; the edges of others depend on all samples.

    Raises:
        InputError: a measure or scheme that cannot be merged (the message says why and what to use
            instead), or a bad option.
    """

    def __init__(
        self,
        measures: Sequence[str] = ("ece",),
        *,
        n_classes: int,
        n_bins: int = 15,
        scheme: str = "equal_width",
        closed: str = "left",
        mode: str = "top_label",
        target_class: int | None = None,
        norm: str | None = None,
        eps: float = 1e-12,
        ci: str | None = "wilson",
        alpha: float = 0.05,
        level: float = 0.9,
        seed: int = 0,
    ) -> None:
        self.measures = tuple([measures] if isinstance(measures, str) else measures)
        for name in self.measures:
            _check_measure(name)
        if scheme != "equal_width":
            raise InputError(
                f"scheme={scheme!r} cannot be accumulated: its edges depend on all samples; "
                'use "equal_width" with more bins'
            )
        self.options: dict[str, Any] = {
            "n_classes": count("n_classes", n_classes, 2),
            "n_bins": count("n_bins", n_bins),
            "closed": closed,
            "mode": mode,
            "target_class": target_class,
            "norm": norm,
            "eps": eps,
            "ci": ci,
            "alpha": alpha,
            "level": level,
            "seed": count("seed", seed, 0),
        }
        option("closed", closed, CLOSED)
        option("norm", norm, (None, *NORMS))
        if norm == "max" and "debiased_ece" in self.measures:
            raise InputError('norm="max" is not one of debiased_ece; use "l1" or "l2"')
        check_mode(mode, target_class, n_classes)
        check_interval(ci, alpha)
        check_eps(eps)
        if not 0 < level < 1:
            raise InputError(f"level must be in (0, 1), got {level!r}")
        self.n = 0
        needs = {MERGED[name][0] for name in self.measures}
        self._sums: dict[str, Any] = {need: self._empty(need) for need in sorted(needs)}

    def _empty(self, need: str) -> Any:
        if need not in ("pairs", "top", "classes"):
            return Total()
        b = self.options["n_bins"]
        rows = (self.options["n_classes"],) if need == "classes" else ()
        return Bins(b, rows, equal_width_edges(b), "brier_decomposition" in self.measures)

    def update(self, x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> Accumulator:
        """Adds samples: all of them or, when one is bad, none. Returns self.

        Args:
            x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes. Numpy, lists
                or a tensor, whose device does the work.
            labels: (N,) integers in 0..K-1.

        Raises:
            InputError: bad probabilities or labels, or another number of classes.
        """
        given = forecasts(x, labels, kind)
        o = self.options
        if given.k != o["n_classes"]:
            raise ShapeError(f"x must have n_classes={o['n_classes']} columns, got {given.k}")
        part = {need: self._empty(need) for need in self._sums}
        for block, y in given.blocks():
            if "nll" in part:
                part["nll"].add(nll_sum(block, y, kind, o["eps"]))
            probs = block_probs(block, kind)
            for need in part.keys() & PAIRED.keys():
                mode = PAIRED[need] or o["mode"]
                v, c = block_pairs(probs, y, "probs", mode, o["target_class"])
                if need == "pairs":
                    v, c = v.reshape(-1), c.reshape(-1)
                part[need].add(equal_width_index(v, o["n_bins"], o["closed"]), v, c)
            if "rps" in part:
                part["rps"].add(rps_sum(probs, y))
            if "brier" in part:  # last: it changes the block
                part["brier"].add(brier_sum(probs, y))
        self._add(given.n, part)
        return self

    def merge(self, other: Accumulator) -> Accumulator:
        """Adds what another one of the same measures and options has seen. Returns self.

        Raises:
            InputError: the other one has other measures or options.
        """
        for what in ("measures", "options"):
            mine, its = getattr(self, what), getattr(other, what)
            if mine != its:
                raise InputError(f"other must have the same {what}: {its} is not {mine}")
        self._add(other.n, other._sums)
        return self

    def _add(self, n: int, sums: dict[str, Any]) -> None:
        self.n += n
        for need, part in sums.items():
            self._sums[need].merge(part)

    def compute(self) -> dict[str, Any]:
        """The measures of all samples so far: name -> float or dataclass.

        Raises:
            InputError: no samples yet.
        """
        if self.n == 0:
            raise InputError("nothing to compute: update was not called")
        found = {}
        for name in self.measures:
            need, finish = MERGED[name]
            found[name] = finish(self._sums[need], self)
        return found


def _check_measure(name: str) -> None:
    if name in WHY_NOT:
        why, instead = WHY_NOT[name]
        raise InputError(f"measures: {name} cannot be accumulated, because {why}; {instead}")
    option("measures", name, tuple(MERGED))


def _mean(total: Total, self: Accumulator) -> float:
    return float(total.value / self.n)


# What each measure is made of: bins of "pairs" (in the mode asked for), of the "top" label or of "classes",
# or a sum of its own.
PAIRED = {"pairs": None, "top": "top_label", "classes": "classwise"}
MERGED: dict[str, tuple[str, Callable[[Any, Accumulator], Any]]] = {
    "ece": ("pairs", lambda bins, self: total_gap(bins, self.options["norm"] or "l1")),
    "rmsce": ("pairs", lambda bins, self: total_gap(bins, "l2")),
    "mce": ("pairs", lambda bins, self: total_gap(bins, "max")),
    "ece_interval": (
        "pairs",
        lambda bins, self: bins_interval(
            bins.counts,
            bins.confidence,
            bins.accuracy,
            level=self.options["level"],
            seed=self.options["seed"],
        ),
    ),
    "reliability_diagram": (
        "pairs",
        lambda bins, self: diagram_of(bins, self.options["ci"], self.options["alpha"]),
    ),
    "brier_decomposition": ("pairs", lambda bins, self: decomposed(bins)),
    "average_calibration_error": ("top", lambda bins, self: mean_gap(bins)),
    "debiased_ece": ("top", lambda bins, self: debiased_gap(bins, self.options["norm"] or "l2")),
    "accuracy": ("top", lambda bins, self: float(bins.tallies[..., 1].sum() / self.n)),
    "confidence": ("top", lambda bins, self: float(np.sum(bins.v.value) / self.n)),
    "classwise_ece": ("classes", lambda bins, self: classwise_gap(bins, self.options["norm"] or "l1")),
    "nll": ("nll", _mean),
    "brier": ("brier", _mean),
    "rps": ("rps", _mean),
}
