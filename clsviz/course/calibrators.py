"""Exercises of notebook 03: what each calibrator can mend, and how to tell honestly."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import calibration as cal
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import exercise
from clsviz.course.simulated import network

_MENU = ("temperature", "vector", "matrix", "isotonic")


def _partial() -> dict[str, Any]:
    """An over-confident network that claims one class too often and another too rarely."""
    made = network(1500, 3, temperature=1.5, spread=1.5, seed=31)
    return {"logits": made["logits"] + np.array([1.0, -1.0, 0.0]), "labels": made["labels"]}


@exercise(
    id="03.1",
    question=(
        "Which of these calibrators, fitted to a network with three classes, can change its guess for a "
        "sample?"
    ),
    kind=Choice(
        (
            "temperature scaling",
            "vector scaling",
            "matrix scaling",
            "isotonic regression, each class against the rest",
        ),
        several=True,
    ),
    given=_partial,
    hints=(
        "A guess changes where another class comes out on top. Does the calibrator treat all classes of a "
        "sample alike?",
        "Try it: cv.calibration.Calibrator(name).fit(logits, labels).predict(logits) against "
        'logits.argmax(1), with what cv.course.given("03.1") holds.',
    ),
    slips=(
        (
            "bc",
            "Isotonic regression never changes the order of samples within a class. But each class has a "
            "function of its own, and the guess compares classes.",
        ),
        ("abcd", "One of them divides all logits of a sample by the same number."),
        ("cd", "A factor and an offset for each class: can that lift one class over another?"),
    ),
    why=(
        "What can change the guess can mend a network that prefers a class, and can also make it wrong where "
        "it was right. So look at the accuracy, too, whenever a calibrator has more than one number."
    ),
)
def new_guesses(logits: np.ndarray, labels: np.ndarray) -> str:
    before = logits.argmax(1)
    moved = (
        bool((cal.Calibrator(name).fit(logits, labels).predict(logits) != before).any()) for name in _MENU
    )
    return "".join(letter for letter, has_moved in zip("abcd", moved, strict=True) if has_moved)


HOT = 4.0


def _beta_of(temperature: float) -> np.ndarray:
    """(3,) the a, b, c of beta calibration that give what a temperature gives, by least squares."""
    p = np.linspace(0.05, 0.95, 19)
    logit = np.log(p / (1 - p))
    calm = cal.apply_temperature(logit, temperature)[:, 1]
    columns = np.stack([np.log(p), -np.log(1 - p), np.ones_like(p)], 1)
    return np.linalg.lstsq(columns, np.log(calm / (1 - calm)), rcond=None)[0]


@exercise(
    id="03.2",
    question=(
        "Beta calibration makes of a probability p the logit a log p - b log(1 - p) + c. Which a, b and c do "
        "the same as temperature scaling of two classes with T = 4?"
    ),
    kind=Array("three numbers in a list: a, b, c", tolerance=1e-6),
    hints=(
        "The logit of p is log p - log(1 - p). What does the temperature do to it?",
        "Both terms of the logit are divided by T, and nothing is added.",
    ),
    slips=(
        (lambda: _beta_of(1 / HOT), "That makes it surer. T = 4 calms."),
        (lambda: _beta_of(1.0), "With these nothing happens: that is T = 1."),
        (
            lambda: _beta_of(HOT) * np.array([1, -1, 1]),
            "The sign of b is in the formula already: minus b log(1 - p).",
        ),
    ),
    why=(
        "Temperature, Platt (a = b with an offset) and the identity are all special cases of beta "
        "calibration. A wider family can do no worse on the samples it is fitted to; on others it may."
    ),
)
def calm_beta() -> np.ndarray:
    return _beta_of(HOT)


def _small() -> dict[str, Any]:
    return network(300, 4, temperature=2.0, spread=1.5, seed=33)


def _in_sample(logits: np.ndarray, labels: np.ndarray) -> float:
    probs = cal.Calibrator("isotonic").fit(logits, labels).predict_proba(logits)
    return cal.nll(probs, labels)


@exercise(
    id="03.3",
    question=(
        "Isotonic regression on 300 samples: by how much is its NLL, cross-fitted in five folds (seed 0), "
        "above the NLL on the very samples that it was fitted to?"
    ),
    kind=Number(tolerance=5e-4),
    given=_small,
    hints=(
        'cv.calibration.cross_fit("isotonic", logits, labels) has folds=5 and seed=0 unless told otherwise; '
        "its nll_after is the one of the calibrated probabilities.",
        'For the other one, fit and apply to the same samples: cv.calibration.Calibrator("isotonic").',
    ),
    slips=(
        (
            lambda logits, labels: cal.cross_fit("isotonic", logits, labels).nll_after,
            "That is the cross-fitted NLL. What is still to come off?",
        ),
        (_in_sample, "That is the NLL on the samples it was fitted to."),
        (
            lambda logits, labels: (
                cal.cross_fit("isotonic", logits, labels).nll_after - cal.nll(logits, labels, kind="logits")
            ),
            "That compares with the NLL before any calibration.",
        ),
        (
            lambda logits, labels: (
                cal.cross_fit("isotonic", logits, labels).ece_after
                - cal.ece(cal.Calibrator("isotonic").fit(logits, labels).predict_proba(logits), labels)
            ),
            "That is the difference of the ECE.",
        ),
    ),
    why=(
        "The flexible one looks best where it was fitted, and much of that is memory. A zero for a class "
        "that then occurs is punished without mercy by the NLL."
    ),
)
def illusion(logits: np.ndarray, labels: np.ndarray) -> float:
    return cal.cross_fit("isotonic", logits, labels).nll_after - _in_sample(logits, labels)


def _epidemic() -> dict[str, Any]:
    """Probabilities of a calibrated test, on people among whom the illness is more frequent."""
    rng = np.random.default_rng(34)
    ill = rng.random(3000) < 0.35
    score = rng.normal(np.where(ill, 1.0, -1.0), 1.2)
    density = np.exp(-0.5 * ((score[:, None] - np.array([-1.0, 1.0])) / 1.2) ** 2)
    source_prior = np.array([0.9, 0.1])
    joint = density * source_prior
    return {"probs": joint / joint.sum(1, keepdims=True), "source_prior": source_prior}


@exercise(
    id="03.4",
    question=(
        "A test was calibrated where 10 % were ill. Now more are; the illness itself looks the same. What "
        "share of these people is ill (column 1 of probs), by cv.calibration.label_shift_em?"
    ),
    kind=Number(tolerance=5e-4, low=0, high=1),
    given=_epidemic,
    hints=(
        "It takes the probabilities and the source prior, and returns the share of every class.",
        "The share of the ill is the second entry.",
    ),
    slips=(
        (
            lambda probs, source_prior: float(probs[:, 1].mean()),
            "That is the mean probability. The test still believes that 10 % are ill, and pulls it down.",
        ),
        (
            lambda probs, source_prior: float((probs[:, 1] > 0.5).mean()),
            "That is the share of positive tests, with a threshold made for 10 %.",
        ),
        (
            lambda probs, source_prior: float(cal.label_shift_em(probs, source_prior)[0]),
            "That is the share of the healthy.",
        ),
        (
            lambda probs, source_prior: float(
                cal.reweight_priors(probs, source_prior, [0.5, 0.5])[:, 1].mean()
            ),
            "That is the mean after reweighting to equal shares.",
        ),
    ),
    why=(
        "No label was needed: if only the shares of the classes have moved, the probabilities themselves "
        "tell them, provided that they were calibrated. reweight_priors then mends each of them."
    ),
)
def how_many_are_ill(probs: np.ndarray, source_prior: np.ndarray) -> float:
    return float(cal.label_shift_em(probs, source_prior)[1])


def _sequences() -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(35)
    rising = (rng.random(200) < np.linspace(0.1, 0.95, 200)).astype(float)
    return {
        "in order already": (np.array([0.0, 0, 0, 1, 1]),),
        "one exchange": (np.array([0.0, 1, 0, 1]),),
        "a pool that must reach back": (np.array([0.0, 1, 1, 0, 0, 0, 1]),),
        "all wrong way round": (np.array([1.0, 1, 0, 0]),),
        "two hundred answers": (rising,),
        "a single answer": (np.array([1.0]),),
    }


@exercise(
    id="03.5",
    question=(
        "Write isotonic regression: a function pool(correct) that takes answers sorted by confidence, 1.0 "
        "for correct and 0.0 for not, and returns the sequence of the same length that never falls and is "
        "nearest to them in squares. No scikit-learn and no cv.calibration, please."
    ),
    kind=Function("pool(correct)", _sequences, Array("an array as long as correct", tolerance=1e-9)),
    hints=(
        "Pool adjacent violators: where a value is below the one before, put the mean of both in place "
        "of both.",
        "Keep a list of blocks, each with its mean and its size. Append each answer as a block of one; while "
        "the last block is lower than the one before it, merge the two.",
        "Merging two blocks: the mean of the merged one is weighted by the sizes. At the end, "
        "np.repeat(means, sizes).",
    ),
    slips=(
        (np.maximum.accumulate, "It never falls, but it is not nearest: the running maximum only lifts."),
        (
            lambda correct: np.full(len(correct), correct.mean()),
            "It never falls, but it gives up all order: one mean for all.",
        ),
        (np.sort, "Sorting moves answers to other places; each must stay at its own confidence."),
        (lambda correct: np.minimum.accumulate(correct[::-1])[::-1], "It never falls, but only lowers."),
        (np.array, "Those are the answers themselves."),
    ),
    why=(
        "That is all of isotonic regression: every step is the mean of a pool. Where the lowest pool holds "
        "no correct answer it says 0, and where the highest holds no wrong one, 1, however few they are."
    ),
)
def pool(correct: np.ndarray) -> np.ndarray:
    place = np.arange(len(correct), dtype=float)
    return cal.apply_isotonic(cal.fit_isotonic(place, correct), place)
