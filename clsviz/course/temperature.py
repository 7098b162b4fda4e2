"""Exercises of notebook 01: what one number that divides the logits does, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clsviz import calibration as cal
from clsviz.course.kinds import Choice, Function, Number
from clsviz.course.registry import exercise
from clsviz.course.simulated import network


def _sure() -> dict[str, Any]:
    return network(1500, 5, temperature=2.0, seed=1)


def _confidence(logits: np.ndarray) -> np.ndarray:
    return cal.apply_temperature(logits, 1.0).max(1)


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(1) == labels).mean())


def _true_class(logits: np.ndarray, labels: np.ndarray) -> float:
    p = cal.apply_temperature(logits, 1.0)[np.arange(len(labels)), labels]
    return float(p.mean()) - _accuracy(logits, labels)


@exercise(
    id="01.1",
    question=(
        "By how much does this network claim more than it keeps: its mean confidence minus the share of "
        "samples that it gets right?"
    ),
    kind=Number(tolerance=5e-4, low=-1, high=1),
    given=_sure,
    hints=(
        "The confidence of a sample is the largest of its probabilities, and softmax makes "
        "probabilities of logits: cv.calibration.apply_temperature(logits, 1).",
        "A sample is right where logits.argmax(1) == labels. Take two means, then the difference.",
    ),
    slips=(
        (
            _true_class,
            "That is the mean probability of the label. Confidence is that of the guess.",
        ),
        (
            lambda logits, labels: cal.ece(logits, labels, kind="logits"),
            "That is the ECE. It adds up the gaps bin by bin, each without its sign.",
        ),
        (
            lambda logits, labels: float(logits.max(1).mean()) / 10 - _accuracy(logits, labels),
            "A logit is no probability.",
        ),
    ),
    why=(
        "With a single bin the ECE is the size of just this number. It is positive: the network is "
        "over-confident, and a temperature above 1 is in order."
    ),
)
def overclaim(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(_confidence(logits).mean()) - _accuracy(logits, labels)


def _moves(logits: np.ndarray, labels: np.ndarray) -> str:
    """Letters of what differs between some temperatures."""
    seen: list[tuple[Any, ...]] = []
    for t in (0.5, 1.0, 2.0, 4.0):
        p = cal.apply_temperature(logits, t)
        v = p.max(1)
        seen.append(
            (
                p.argmax(1).tolist(),
                float((p.argmax(1) == labels).mean()),
                round(float(v.mean()), 9),
                np.argsort(v, kind="stable").tolist(),
                round(cal.nll(p, labels), 9),
            )
        )
    moves = (any(s[i] != seen[0][i] for s in seen) for i in range(5))
    return "".join(letter for letter, moved in zip("abcde", moves, strict=True) if moved)


@exercise(
    id="01.2",
    question="All logits of a network with five classes are divided by T. Which of these can change?",
    kind=Choice(
        (
            "the guess for a sample",
            "the accuracy",
            "the mean confidence",
            "the order of the samples by confidence",
            "the mean negative log-likelihood",
        ),
        several=True,
    ),
    given=_sure,
    hints=(
        "Try it: cv.calibration.apply_temperature with two temperatures on the logits of "
        'cv.course.given("01.2").',
        "Take two samples, one whose second guess is far behind while all others are level, and one with "
        "a single strong rival. Which is surer at T = 1, which at T = 10?",
    ),
    slips=(
        (
            "ce",
            "Three classes or more: a sample is pulled down by all its rivals, another by one alone. Do "
            "they fade at the same pace as T grows?",
        ),
        ("abcde", "Does dividing all logits of a sample by one positive number change which is the largest?"),
    ),
    why=(
        "Whatever reads the guesses alone is blind to T. With more than two classes the order of the "
        "samples may change, so a temperature can also alter which answers you would reject."
    ),
)
def what_moves(logits: np.ndarray, labels: np.ndarray) -> str:
    return _moves(logits, labels)


def _two_parts() -> dict[str, Any]:
    both = network(1200, 5, temperature=1.7, seed=3)
    return {
        "fit_logits": both["logits"][:400],
        "fit_labels": both["labels"][:400],
        "test_logits": both["logits"][400:],
        "test_labels": both["labels"][400:],
    }


def _test_nll(
    part: Mapping[str, np.ndarray], temperature: float, *, on: str = "test", inverse: bool = False
) -> float:
    z, y = part[f"{on}_logits"], part[f"{on}_labels"]
    return cal.nll(z * temperature if inverse else z / temperature, y, kind="logits")


def _fit(logits: np.ndarray, labels: np.ndarray, **options: Any) -> float:
    return cal.fit_temperature(logits, labels, **options).temperature


def _fit_first(part: Mapping[str, np.ndarray], **options: Any) -> float:
    return _fit(part["fit_logits"], part["fit_labels"], **options)


@exercise(
    id="01.3",
    question=(
        "Fit a temperature by NLL on the first part (fit_logits, fit_labels). What is the NLL of the other "
        "part (test_logits, test_labels) with it?"
    ),
    kind=Number(tolerance=5e-6, low=0),
    given=_two_parts,
    hints=(
        "Two steps: cv.calibration.fit_temperature on one part, cv.calibration.nll on the other.",
        'nll takes logits with kind="logits"; those of the other part, divided by the fitted temperature.',
    ),
    slips=(
        (
            lambda **part: _test_nll(part, _fit(part["test_logits"], part["test_labels"])),
            "This temperature was fitted on the very samples it is judged by. They are not unseen any more.",
        ),
        (
            lambda **part: _test_nll(
                part,
                _fit(
                    np.concatenate([part["fit_logits"], part["test_logits"]]),
                    np.concatenate([part["fit_labels"], part["test_labels"]]),
                ),
            ),
            "The test part was among what you fitted on.",
        ),
        (
            lambda **part: _test_nll(part, _fit_first(part), on="fit"),
            "That is the NLL of the part you fitted on; the question is about the other one.",
        ),
        (lambda **part: _test_nll(part, 1.0), "That is the NLL without a temperature."),
        (
            lambda **part: _test_nll(part, _fit_first(part), inverse=True),
            "You multiplied the logits by the temperature.",
        ),
        (
            lambda **part: _test_nll(part, _fit_first(part, objective="ece")),
            "That temperature was fitted by ECE.",
        ),
    ),
    why=(
        "One number is fitted to hundreds of samples, so little is lost on the way to new ones. With "
        "richer calibrators the loss is larger: notebook 03."
    ),
)
def held_out(**part: np.ndarray) -> float:
    return _test_nll(part, _fit_first(part))


def _louder() -> dict[str, Any]:
    given = network(800, 4, temperature=1.3, seed=5)
    return {"temperature": round(_fit(**given), 6)}


def _loud_fit(factor: float) -> float:
    given = network(800, 4, temperature=1.3, seed=5)
    return _fit(factor * given["logits"], given["labels"])


@exercise(
    id="01.4",
    question=(
        "The best temperature of a network is the one given. Someone multiplies all its logits by 3. Which "
        "temperature is best now?"
    ),
    kind=Number(tolerance=1e-3, low=0),
    given=_louder,
    hints=(
        "Softmax sees only z / T. Which T makes the same quotient of logits that are three times as large?",
        "Try it in a lab: if the network speaks up, must the temperature go up or down?",
    ),
    slips=(
        (
            lambda temperature: temperature / 3,
            "The other way round: louder logits need more calming.",
        ),
        (lambda temperature: temperature, "That one was best for the logits as they were."),
        (lambda temperature: temperature + 3, "A factor on the logits: does it add to T?"),
    ),
    why=(
        "Size of the logits and temperature are two names for one thing. So a fitted T says nothing about "
        "a network by itself, only about how loud it happens to speak."
    ),
)
def louder(temperature: float) -> float:
    return _loud_fit(3.0)


def _networks() -> dict[str, tuple[Any, ...]]:
    def args(n: int, k: int, **options: Any) -> tuple[Any, ...]:
        return tuple(network(n, k, **options).values())

    shifted, labels = args(500, 3, temperature=1.5, seed=14)
    return {
        "an over-confident network": args(800, 5, temperature=2.5, seed=11),
        "an under-confident network": args(800, 5, temperature=0.4, seed=12),
        "two classes": args(600, 2, temperature=1.2, seed=13),
        "logits far from zero": (shifted + 1000.0, labels),
        "very loud logits": args(600, 4, temperature=8.0, seed=15),
    }


@exercise(
    id="01.5",
    question=(
        "Write a function best_temperature(logits, labels) that returns the temperature between 0.05 and 20 "
        "with the lowest NLL, to within a hundredth of itself, without calling fit_temperature."
    ),
    kind=Function("best_temperature(logits, labels)", _networks, Number(relative=0.01, tolerance=0.0)),
    hints=(
        "The simplest way: many temperatures, the NLL of each, and the one with the lowest. How fine must "
        "the grid be for a hundredth? np.geomspace keeps the ratio of neighbours the same.",
        "The NLL has one minimum in 1 / T, so a search may be coarse first and finer round the best one, "
        "or scipy.optimize.minimize_scalar with bounds, over log T.",
        "exp of large numbers overflows: subtract each row's maximum from it first, or let "
        'cv.calibration.nll(..., kind="logits") do it.',
    ),
    slips=(
        (lambda logits, labels: 1 / _fit(logits, labels), "That is 1 / T."),
        (lambda logits, labels: float(np.log(_fit(logits, labels))), "That is log T."),
        (
            lambda logits, labels: _fit(logits, labels, objective="ece"),
            "That is the temperature with the lowest ECE, not the lowest NLL.",
        ),
    ),
    why=(
        "That is temperature scaling, whole: a search in one dimension. As the NLL has one minimum, any "
        "honest search finds the same T."
    ),
)
def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    return _fit(logits, labels)
