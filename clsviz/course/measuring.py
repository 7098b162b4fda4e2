"""Exercises of notebook 02: what a calibration error is worth, and what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import calibration as cal
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import exercise
from clsviz.course.simulated import network

FEW_BINS = 5
SIGNS = 0  # a seed whose gaps have both signs


def _twelve() -> dict[str, Any]:
    """Twelve answers whose confidences have two digits and lie away from the edges."""
    rng = np.random.default_rng(SIGNS)
    confidence = np.sort(np.round(rng.uniform(0.41, 0.99, 12), 2))
    confidence[np.isin(confidence, (0.6, 0.8))] += 0.01
    return {"confidence": confidence, "correct": (rng.random(12) < confidence).astype(int)}


def _diagram(confidence: np.ndarray, correct: np.ndarray) -> cal.ReliabilityDiagram:
    probs = np.stack([confidence, 1 - confidence], 1)
    pairs = {"mode": "per_class", "target_class": 0}
    return cal.reliability_diagram(probs, 1 - correct, n_bins=FEW_BINS, ci=None, **pairs)


def _weighted(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    diagram = _diagram(confidence, correct)
    return diagram.counts / len(confidence) * diagram.gap


@exercise(
    id="02.1",
    question=(
        "Twelve answers with their confidence, and whether each was correct (1) or not (0). What are the "
        "gaps, accuracy minus confidence, in five bins of equal width, from the lowest bin to the highest? "
        "Where a bin is empty, put NaN."
    ),
    kind=Array("an array (5,) of gaps", tolerance=5e-4),
    given=_twelve,
    hints=(
        "Each bin holds the answers with lower edge <= confidence < upper edge; the edges are 0, 1/5, 2/5, "
        "3/5, 4/5 and 1.",
        "In each bin: the mean of correct minus the mean of confidence. np.nan stands for an empty bin.",
    ),
    slips=(
        (lambda **g: -_diagram(**g).gap, "That is confidence minus accuracy: the sign is the other one."),
        (lambda **g: np.abs(_diagram(**g).gap), "Those are sizes. A gap has a sign: which way is it wrong?"),
        (_weighted, "Those are weighted by the share of samples in each bin, as the ECE does in its sum."),
        (
            lambda **g: _diagram(**g).accuracy,
            "Those are the accuracies; the confidences come off them.",
        ),
    ),
    why=(
        "The ECE adds up the sizes of just these gaps, each weighted by the share of its bin. Empty bins "
        "have no gap: as zeros they would flatter every mean over bins."
    ),
)
def gaps(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    return _diagram(confidence, correct).gap


@exercise(
    id="02.2",
    question=(
        "The labels of 400 samples are drawn by lot from the very probabilities that a network states, so "
        "that it is calibrated. How does its measured ECE go as the number of bins grows from 5 to 500?"
    ),
    kind=Choice(("it falls towards 0", "it stays about the same", "it rises")),
    hints=(
        "Think of the end: so many bins that each sample has its own. What is the gap of such a bin?",
        "Draw the labels yourself, then compare cv.calibration.ece with n_bins=5 and n_bins=500.",
    ),
    slips=(
        (
            "a",
            "Finer bins resolve more. But each bin then holds fewer samples, and the size of a gap that is "
            "chance alone has a mean above 0.",
        ),
        ("b", "In a bin of one sample, accuracy is 0 or 1. How far is that from its confidence?"),
    ),
    why=(
        "The size of a random gap has a positive mean, about one over the root of the bin's count. So two "
        "values of the ECE can be compared only with the same N and the same bins."
    ),
)
def more_bins() -> str:
    few, many = [], []
    for seed in range(5):
        drawn = network(400, 4, seed=seed)
        few.append(cal.ece(**_as_x(drawn), n_bins=5))
        many.append(cal.ece(**_as_x(drawn), n_bins=500))
    change = np.mean(many) / np.mean(few)
    return "a" if change < 0.7 else "c" if change > 1.4 else "b"


def _as_x(drawn: dict[str, Any]) -> dict[str, Any]:
    return {"x": drawn["logits"], "labels": drawn["labels"], "kind": "logits"}


def _bin_of(edge: float, closed: str) -> int:
    return int(cal.bin_indices(np.array([edge]), FEW_BINS, closed=closed)[1][0])


@exercise(
    id="02.3",
    question=(
        "A confidence is exactly 0.6, and there are five bins of equal width, counted from 0. Into which "
        "does it fall where bins are closed on the left, as here, and into which where they are closed on "
        "the right, as in netcal?"
    ),
    kind=Array("two numbers in a list: the bin here, and the bin in netcal", tolerance=1e-9),
    hints=(
        "Closed on the left: the lower edge belongs to a bin, the upper one to the next. The edges are "
        "multiples of a fifth.",
        "The lowest of the five bins has the number 0. cv.calibration.bin_indices knows.",
    ),
    slips=(
        (lambda: [_bin_of(0.6, "right"), _bin_of(0.6, "left")], "The other way round."),
        (
            lambda: [1 + _bin_of(0.6, "left"), 1 + _bin_of(0.6, "right")],
            "Those are counted from 1.",
        ),
    ),
    why=(
        "Votes of trees or neighbours, and probabilities stored with two digits, lie on edges all the time. "
        "Then two libraries that both compute an ECE part ways; neither is wrong."
    ),
)
def on_the_edge() -> list[int]:
    return [_bin_of(0.6, "left"), _bin_of(0.6, "right")]


@exercise(
    id="02.4",
    question=(
        "A weather service that has no idea says every day just the share of rainy days. Which terms of the "
        "Brier decomposition are zero for it?"
    ),
    kind=Choice(
        (
            "reliability: how far stated and true chances differ",
            "resolution: how far the chances of different days differ",
            "uncertainty: how undecided the weather is by itself",
        ),
        several=True,
    ),
    hints=(
        "All days fall in one bin. What is stated there, and what happens there?",
        "Try it: cv.calibration.brier_decomposition on a constant forecast; two classes are one column.",
    ),
    slips=(
        ("a", "Calibrated it is. And how well does it tell one day from another?"),
        ("b", "It tells no day from another. And how calibrated is it?"),
    ),
    why=(
        "Perfect by any calibration error, and useless. Calibration is half of a forecast; proper scores "
        "like Brier and NLL see the other half, too."
    ),
)
def no_idea() -> str:
    rain = np.repeat([0, 1], [70, 30])
    terms = cal.brier_decomposition(np.full(len(rain), rain.mean()), rain, mode="per_class", target_class=1)
    zero = (abs(term) < 1e-12 for term in (terms.reliability, terms.resolution, terms.uncertainty))
    return "".join(letter for letter, is_zero in zip("abc", zero, strict=True) if is_zero)


def _answers() -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(21)

    def drawn(n: int, bins: int, low: float = 0.3) -> tuple[Any, ...]:
        confidence = rng.uniform(low, 1, n)
        return confidence, (rng.random(n) < confidence**2).astype(float), bins

    fifths = np.repeat([0.5, 0.6, 0.7], 20)  # a neighbour in each bin, and gaps of either sign
    tenths = rng.integers(1, 10, 200) / 10
    hundredths = rng.integers(1, 100, 400) / 100  # neighbours get gaps of either sign
    return {
        "many answers": drawn(500, 15),
        "bins that are empty": drawn(40, 20, low=0.7),
        "one bin": drawn(30, 1),
        "a confidence of exactly 1": (np.array([1.0, 1.0, 0.95, 0.4]), np.array([1.0, 0, 0, 1]), 10),
        "a confidence of exactly 0": (np.array([0.0, 0.04, 0.7]), np.array([1.0, 0, 1]), 10),
        "confidences on an edge": (fifths, np.repeat([1.0, 0.0, 1.0], 20), 5),
        "votes of ten": (tenths, (rng.random(200) < tenths**2).astype(float), 10),
        "two digits and a hundred bins": (hundredths, np.round(100 * hundredths) % 2, 100),
        "a single answer": (np.array([0.62]), np.array([0.0]), 5),
    }


def _gap_sum(
    confidence: np.ndarray, correct: np.ndarray, n_bins: int, *, norm: str = "l1", closed: str = "left"
) -> float:
    probs = np.stack([confidence, 1 - confidence], 1)
    pairs = {"mode": "per_class", "target_class": 0}
    return cal.ece(probs, 1 - correct, n_bins=n_bins, norm=norm, closed=closed, **pairs)


def _by_index(confidence: np.ndarray, correct: np.ndarray, index: np.ndarray) -> float:
    return float(np.abs(np.bincount(index, weights=correct - confidence)).sum() / len(confidence))


def _floor(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    index = np.minimum(np.floor(confidence * n_bins), n_bins - 1)
    return _by_index(confidence, correct, index.astype(int))


def _linspace(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    return _by_index(confidence, correct, np.searchsorted(edges, confidence, "right"))


def _unweighted(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    index = cal.bin_indices(confidence, n_bins)[1]
    return float(np.mean([abs((correct - confidence)[index == b].mean()) for b in np.unique(index)]))


def _dropped_one(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    """The top bin open: what is exactly 1 is in no bin."""
    kept = confidence < 1
    if not kept.any():
        return 0.0
    return _gap_sum(confidence[kept], correct[kept], n_bins) * float(kept.mean())


@exercise(
    id="02.5",
    question=(
        "Write a function my_ece(confidence, correct, n_bins): the expected calibration error of answers "
        "with these confidences that were correct (1.0) or not (0.0), with bins of equal width that are "
        "closed on the left, the last one on both sides. No call of cv.calibration, please."
    ),
    kind=Function("my_ece(confidence, correct, n_bins)", _answers, Number(tolerance=1e-9)),
    hints=(
        "Which bin? np.searchsorted(edges, confidence, side=...) on the inner edges, np.arange(1, n_bins) / "
        "n_bins. Which side makes a bin closed on its left?",
        "A mean over no samples is NaN: skip bins that are empty.",
        "The share of a bin times the size of its gap is the size of the bin's sum of correct - confidence, "
        "divided by N: np.bincount(index, weights=correct - confidence).",
    ),
    slips=(
        (_unweighted, "That is the plain mean over the bins. The ECE weights each by its share of samples."),
        (
            lambda *a: _gap_sum(*a, norm="l2"),
            "That is the root of the mean squared gap (RMSCE); the ECE takes sizes.",
        ),
        (lambda *a: _gap_sum(*a, norm="max"), "That is the largest gap (MCE)."),
        (
            lambda *a: _gap_sum(*a, closed="right"),
            "Your bins are closed on the right; here the lower edge belongs to a bin.",
        ),
        (
            _floor,
            "Right but for rounding: 0.29 * 100 is a little less than 29. Compare with the edges instead.",
        ),
        (
            _linspace,
            "Right but for rounding: np.linspace(0, 1, 6) holds a number a little above 0.6. Divide whole "
            "numbers by n_bins.",
        ),
        (_dropped_one, "A confidence of exactly 1 falls in none of your bins; the last one is closed."),
        (
            lambda confidence, correct, n_bins: abs(float((correct - confidence).mean())),
            "That is one gap for all samples, as if there was a single bin.",
        ),
        (
            lambda confidence, correct, n_bins: len(confidence) * _gap_sum(confidence, correct, n_bins),
            "A sum over samples so far; did you divide by N?",
        ),
    ),
    why=(
        "A dozen lines, and four conventions in them: edges, the last bin, empty bins, weights. Whoever "
        "reports an ECE should say which."
    ),
)
def my_ece(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    return _gap_sum(confidence, correct, n_bins)
