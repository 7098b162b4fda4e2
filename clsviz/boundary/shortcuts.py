"""Shortcuts: a cue that is easy to use though another predicts better, and heads that must not share one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from clsviz.boundary.checks import class_labels, integer, not_negative, positive, real_array, vector_of
from clsviz.catalogue import Range, method
from clsviz.data.domains import draw_cues
from clsviz.errors import InputError, ShapeError

SHORTCUT = "On the Foundations of Shortcut Learning, arXiv:2310.16228"


class ShortcutData(NamedTuple):
    """Samples with two cues of the class."""

    X: np.ndarray  # (n, dim); column 0 shows the first cue, column 1 the second
    y: np.ndarray  # (n,) int64, 0 and 1 in turn
    z: np.ndarray  # (n, 2) the cues before they are scaled


@method(
    kind="probe",
    title="Data with a shortcut",
    paper="in the spirit of " + SHORTCUT,
    needs=("n",),
    noise=Range(0, 2),
    dim=Range(2, 100, step=1),
)
def make_shortcut_data(
    n: int,
    *,
    predictivity: tuple[float, float] = (0.9, 0.7),
    availability: tuple[float, float] = (3.0, 1.0),
    noise: float = 0.3,
    dim: int = 10,
    seed: int = 0,
) -> ShortcutData:
    """Two cues that agree with the class so often, and are shown so strongly, among features of noise.

    Args:
        n: samples, >= 1.
        predictivity: how often each cue agrees with the class, in [0, 1].
        availability: what each cue is multiplied by in the features, >= 0.
        noise: standard deviation of the features, and of the cues' magnitude. dim: features, >= 2.

    Raises:
        InputError: an option outside its range.
    """
    rows, d, spread = integer(n, "n"), integer(dim, "dim", least=2), not_negative(noise, "noise")
    often, strength = vector_of(predictivity, "predictivity", 2), vector_of(availability, "availability", 2)
    if often.min() < 0 or often.max() > 1:
        raise InputError(f"predictivity must be in [0, 1], got {predictivity!r}")
    if strength.min() < 0:
        raise InputError(f"availability must be >= 0, got {availability!r}")
    return ShortcutData(*draw_cues(rows, often, strength, spread, d, np.random.default_rng(seed)))


@method(
    kind="measure",
    title="Shortcut bias",
    paper=SHORTCUT,
    formula=r"P(\hat y=s)-P(\hat y^*=s)",
    needs=("pred_conflict", "shortcut_says", "optimal_pred"),
)
def shortcut_bias(pred_conflict: Any, shortcut_says: Any, optimal_pred: Any) -> float:
    """How much more often than the optimal classifier one follows the shortcut where cues conflict.

    Args:
        pred_conflict, shortcut_says, optimal_pred: (N,) integers >= 0, classes on such inputs.

    Returns:
        In [-1, 1]; 0 is unbiased.

    Raises:
        InputError: other labels. ShapeError: different lengths.
    """
    most = np.iinfo(np.int64).max
    names = ("pred_conflict", "shortcut_says", "optimal_pred")
    given = zip((pred_conflict, shortcut_says, optimal_pred), names, strict=True)
    said, cue, best = (class_labels(value, name, most) for value, name in given)
    if not said.shape == cue.shape == best.shape or said.ndim != 1:
        raise ShapeError(f"{', '.join(names)} must be (N,) each: {said.shape}, {cue.shape}, {best.shape}")
    return float((said == cue).mean() - (best == cue).mean())


@method(
    kind="measure",
    title="Mutual information of two heads",
    paper="Lee, Yao & Finn 2022, Diversify and Disambiguate, arXiv:2202.03418",
    formula=r"\mathrm{KL}\Big(\overline{p_1\otimes p_2}\,\Big\|\,\bar p_1\otimes\bar p_2\Big)",
    needs=("p1", "p2"),
)
def divdis_mutual_information(p1: Any, p2: Any) -> float:
    """How much one head's answer tells of the other's over the samples, in nats, >= 0.

    Args:
        p1, p2: (N, K) probabilities of two heads.

    Raises:
        InputError: entries outside [0, 1]. ShapeError: different shapes.
    """
    p1, p2 = _probabilities(p1, "p1", 2), _probabilities(p2, "p2", 2)
    if p1.shape != p2.shape:
        raise ShapeError(f"p1 and p2 must have one shape, got {p1.shape} and {p2.shape}")
    joint, apart = p1.T @ p2 / len(p1), np.outer(p1.mean(0), p2.mean(0))
    some = joint > 0
    return float(max(0.0, (joint[some] * np.log(joint[some] / apart[some])).sum()))


@method(
    kind="measure",
    title="Disagreement of two heads",
    paper="Pagliardini et al. 2022, Agree to Disagree, arXiv:2202.04414",
    formula=r"-\frac1N\sum\ln\big(p_1(1-p_2)+p_2(1-p_1)+\epsilon\big)",
    needs=("p1", "p2"),
    eps=Range(1e-12, 1e-3, log=True),
)
def dbat_disagreement(p1: Any, p2: Any, *, eps: float = 1e-7) -> float:
    """Loss that is small where two heads disagree, in nats.

    Args:
        p1, p2: (N,) probabilities of class 1 by two heads. eps: > 0.

    Raises:
        InputError: entries outside [0, 1], or eps <= 0. ShapeError: different lengths.
    """
    p1 = _probabilities(p1, "p1", 1)
    p2 = vector_of(_probabilities(p2, "p2", 1), "p2", len(p1))
    return float(-np.log(p1 * (1 - p2) + p2 * (1 - p1) + positive(eps, "eps")).mean())


def _probabilities(value: Any, name: str, ndim: int) -> np.ndarray:
    p = real_array(value, name, ndim)
    if p.min() < 0 or p.max() > 1:
        raise InputError(f"{name} must lie in [0, 1], got {p.min():g}..{p.max():g}")
    return p
