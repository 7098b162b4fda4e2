"""Selective prediction: how good is a classifier that may decline its least confident answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike

from clsviz.calibration.arrays import Native, group_ends, sorted_pairs, to_numpy
from clsviz.calibration.inputs import Array, read_pairs, vector
from clsviz.calibration.ood import auroc
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

GEIFMAN = (
    "Geifman et al. 2018, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, arXiv:1805.08206"
)


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """Error rate of the k most confident answers, for each k."""

    coverage: Array  # (N,) k / N
    risk: Array  # (N,)
    aurc: float  # mean risk
    eaurc: float  # its excess over that of a perfect order


def _risk_coverage(v: Native, c: Native) -> RiskCoverage:
    xp = array_namespace(v)
    v, c = (xp.flip(a) for a in sorted_pairs(v, c))
    errors = np.cumsum(to_numpy(~c))
    ends = np.flatnonzero(to_numpy(group_ends(v)))  # of groups of equal confidence
    n = len(errors)
    k = np.arange(1, n + 1)
    # between the ends of a group its errors come evenly
    risk = np.interp(k, np.append(0, ends + 1), np.append(0, errors[ends])) / k
    best = np.maximum(0, k - (n - errors[-1])) / k
    aurc = float(risk.mean())
    return RiskCoverage(k / n, risk, aurc, aurc - float(best.mean()))


@method(kind="measure", title="Risk-coverage curve", paper=GEIFMAN, formula=r"\frac{1}{N} \sum_k r_k")
def risk_coverage(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> RiskCoverage:
    """Error rate against the share of samples answered, most confident first.

    Arguments and errors as in `ece`. Samples of equal confidence share their mean error.
    """
    return _risk_coverage(*read_pairs(x, labels, kind))


@method(
    kind="measure",
    title="Accuracy after rejection",
    paper=GEIFMAN,
    formula=r"1 - r_k, \quad k = \lceil q N \rceil",
)
def accuracy_rejection(
    x: ArrayLike,
    labels: ArrayLike,
    coverages: ArrayLike = (0.5, 0.8, 0.9, 1.0),
    *,
    kind: str = "probs",
) -> Array:
    """Accuracy on the most confident share of the samples, (Q,).

    Args:
        x, labels, kind: as in `ece`.
        coverages: (Q,) shares in [0, 1]; at least one sample is kept.

    Raises:
        InputError: as in `ece`, or a coverage outside [0, 1].
    """
    q = vector(coverages, "coverages")
    if q.min() < 0 or q.max() > 1:
        raise InputError(f"coverages must be in [0, 1], got {q.min():g}..{q.max():g}")
    risk = risk_coverage(x, labels, kind=kind).risk
    k = np.maximum(1, np.ceil(q * len(risk) - 1e-9)).astype(int)
    return 1 - risk[k - 1]


@dataclass(frozen=True, slots=True)
class SelectiveAccuracy:
    """What is left when answers below a threshold are withheld."""

    coverage: float  # share of samples kept
    accuracy: float  # share of these that are right, nan when none is kept


@method(
    kind="measure",
    title="Accuracy above a confidence threshold",
    paper=GEIFMAN,
    formula=r"\frac{\sum_i c_i [v_i \ge t]}{\sum_i [v_i \ge t]}",
    mode=("top_label", "per_class"),
    threshold=Range(0, 1),
)
def selective_accuracy(
    x: ArrayLike,
    labels: ArrayLike,
    threshold: float = 0.5,
    *,
    kind: str = "probs",
    mode: str = "top_label",
    target_class: int | None = None,
) -> SelectiveAccuracy:
    """Share of samples with confidence at or above a threshold, and the share of them that is right.

    Args:
        x, labels, kind: as in `ece`.
        threshold: in [0, 1].
        mode: confidence of the top label, or the probability of `target_class` ("per_class"): then
            accuracy is the share that is of this class.

    Raises:
        InputError: as in `ece`, or a threshold outside [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold must be in [0, 1], got {threshold!r}")
    v, c = read_pairs(x, labels, kind, mode, target_class)
    kept = v >= threshold
    n, right = int(kept.sum()), int((kept & c).sum())
    return SelectiveAccuracy(n / len(v), right / n if n else float("nan"))


@method(
    kind="measure",
    title="Confidence AUROC",
    paper="Hendrycks and Gimpel 2017, A Baseline for Detecting Misclassified and Out-of-Distribution "
    "Examples in Neural Networks, arXiv:1610.02136",
    formula=r"P(v_{\mathrm{correct}} > v_{\mathrm{wrong}}) + \frac{1}{2} P(=)",
)
def confidence_auroc(x: ArrayLike, labels: ArrayLike, *, kind: str = "probs") -> float:
    """Chance that a correct answer is more confident than a wrong one.

    Arguments and errors as in `ece`; also InputError when all or none are correct.
    """
    v, c = read_pairs(x, labels, kind)
    if bool(c.all()) or not bool(c.any()):
        state = "correct" if bool(c[0]) else "wrong"
        raise InputError(f"labels: every top label is {state}, but both kinds are needed to compare")
    return auroc(v[c], v[~c])
