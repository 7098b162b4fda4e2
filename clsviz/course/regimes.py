"""Exercises of notebook 07: shortcuts, the floor of the error, and what wide and deep networks become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.stats import norm

from clsviz import boundary
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import exercise


def _two_cues() -> dict[str, Any]:
    """What the cues, a classifier and the optimal one say; the optimal one mostly follows the core cue."""
    rng = np.random.default_rng(71)
    core = rng.integers(0, 2, 400)
    shortcut = np.where(rng.random(400) < 0.7, core, 1 - core)
    return {
        "pred": np.where(rng.random(400) < 0.35, shortcut, core),
        "shortcut": shortcut,
        "core": core,
        "optimal": np.where(rng.random(400) < 0.12, shortcut, core),
    }


@exercise(
    id="07.1",
    question=(
        "Two cues say a class for each sample: shortcut and core. A classifier says pred, the optimal one "
        "says optimal. What is the shortcut bias of the classifier?"
    ),
    kind=Number(tolerance=1e-3, low=-1, high=1),
    given=_two_cues,
    hints=(
        "Where both cues say the same, nobody can tell which of them a classifier follows.",
        "Among the samples on which the cues conflict: how often does the classifier say what the shortcut "
        "says, and how often does the optimal one?",
    ),
    slips=(
        (
            lambda pred, shortcut, core, optimal: boundary.shortcut_bias(pred, shortcut, optimal),
            "You count all samples, also those on which the cues agree.",
        ),
        (
            lambda pred, shortcut, core, optimal: float((pred == shortcut)[shortcut != core].mean()),
            "So often it follows the shortcut. The optimal one follows it, too, now and then.",
        ),
        (
            lambda pred, shortcut, core, optimal: float((pred == shortcut).mean()),
            "So often it agrees with the shortcut, but mostly the core cue says the same.",
        ),
        (
            lambda pred, shortcut, core, optimal: boundary.shortcut_bias(
                *(said[shortcut != optimal] for said in (pred, shortcut, optimal))
            ),
            "The conflict is between the two cues, not between the shortcut and the optimal classifier.",
        ),
    ),
    why=(
        "Following a shortcut is no fault in itself: it predicts something. The fault is to follow it more "
        "often than the best classifier would."
    ),
)
def bias_towards_the_shortcut(
    pred: np.ndarray, shortcut: np.ndarray, core: np.ndarray, optimal: np.ndarray
) -> float:
    at = shortcut != core
    return boundary.shortcut_bias(pred[at], shortcut[at], optimal[at])


def _to_be_spoilt() -> dict[str, Any]:
    return {"separation": 3.0, "sigma": 0.8, "error": 0.2}


@exercise(
    id="07.2",
    question=(
        "Two Gaussians with the standard deviation sigma lie separation apart, equally many samples each. "
        "Somebody may move every sample by at most epsilon. How large must epsilon be before no classifier "
        "can err less often than error?"
    ),
    kind=Number(tolerance=1e-3, low=0),
    given=_to_be_spoilt,
    hints=(
        "What is the Bayes error of two Gaussians that far apart? Which distance would give the one wanted?",
        "scipy.stats.norm.ppf turns an error into a number of standard deviations from the middle. And both "
        "classes are moved.",
    ),
    slips=(
        (
            lambda separation, sigma, error: separation + 2 * sigma * norm.ppf(error),
            "So much nearer the classes must come. Does each of them have to go all of the way?",
        ),
        (
            lambda separation, sigma, error: separation + sigma * norm.ppf(error),
            "From a class to the boundary it is only half of the separation.",
        ),
        (
            lambda separation, sigma, error: (separation + 2 * norm.ppf(error)) / 2,
            "The quantile counts in standard deviations.",
        ),
        (
            lambda separation, sigma, error: -2 * sigma * norm.ppf(error),
            "So far apart they are afterwards.",
        ),
    ),
    why=(
        "Data can be made hard to learn from by small moves, and then no method helps: the floor itself was "
        "raised. It takes that all of the data are moved; a share left clean brings the floor down again."
    ),
)
def move_that_spoils(separation: float, sigma: float, error: float) -> float:
    def missing(epsilon: float) -> float:
        return boundary.unlearnable_gaussian(separation, sigma, epsilon).unlearnable - error

    return float(brentq(missing, 0.0, separation / 2))


_ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "a": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "b": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "c": (np.cos, lambda x: -np.sin(x)),
    "d": (lambda x: x**3 - 3 * x, lambda x: 3 * x**2 - 3),
}


@exercise(
    id="07.3",
    question=(
        "An infinitely wide network grows infinitely deep. With which of these activations does it become "
        "the majority vote?"
    ),
    kind=Choice(
        ("the hyperbolic tangent", "the ReLU", "the cosine", "x cubed minus 3x"),
        several=True,
    ),
    hints=(
        "It depends on a mean under a standard Gaussian: that of the activation itself. Try "
        "cv.boundary.infinite_depth_regime.",
        "An odd function has the mean 0. Which of them are odd?",
    ),
    slips=(
        ("b", "Right, but not the only one whose mean isn't 0: what is that of an even function?"),
        ("ad", "These are odd: with them the layers do not drift towards one common value."),
        ("c", "Right, but not the only one: must an activation be even for its mean to differ from 0?"),
    ),
    why=(
        "With a mean that isn't 0, each layer brings all samples nearer to one direction, until none can be "
        "told from any other. What is left is to count the labels."
    ),
)
def who_counts_labels() -> str:
    found = {k: boundary.infinite_depth_regime(*pair, tol=1e-7).regime for k, pair in _ACTIVATIONS.items()}
    return "".join(letter for letter, regime in found.items() if regime == "majority_vote")


def _votes() -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(74)
    X, y, at = rng.normal(size=(12, 2)), np.arange(12) % 2, rng.normal(size=(8, 2))
    return {
        "two features": (X, y, at, 2.0),
        "five features, a small exponent": (
            rng.normal(size=(9, 5)),
            np.arange(9) % 2,
            rng.normal(size=(6, 5)),
            0.3,
        ),
        "at training samples": (X, y, X[:4], 2.0),
        "two samples with unlike labels at one point": (np.zeros((2, 2)), y[:2], np.zeros((1, 2)), 1.0),
        "an exponent of 900": (X, y, at, 900.0),
    }


def _weighted(y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return weight @ y / weight.sum(1)


def _plain(X_train: np.ndarray, y_train: np.ndarray, X: np.ndarray, alpha: float) -> np.ndarray:
    return _weighted(y_train, cdist(X, X_train) ** -alpha)


def _with_hits(X_train: np.ndarray, y_train: np.ndarray, X: np.ndarray, alpha: float) -> np.ndarray:
    hit = cdist(X, X_train) == 0
    plain = _plain(X_train, y_train, X, alpha)
    return np.where(hit.any(1), _weighted(y_train, hit * 1.0), plain)


@exercise(
    id="07.4",
    question=(
        "Write a function my_vote(X_train, y_train, X, alpha): for each row of X the share of class 1 in the "
        "vote of the training samples (labels 0 and 1), each with the weight of its Euclidean distance to "
        "the power of minus alpha. At a training sample only the samples there vote. It must stand large "
        "exponents. No call of cv.boundary, please."
    ),
    kind=Function(
        "my_vote(X_train, y_train, X, alpha)",
        _votes,
        Array("an array of shares, one for each row of X", tolerance=1e-8),
    ),
    hints=(
        "X[:, None] - X_train holds all differences; np.linalg.norm(..., axis=2) makes distances of them. "
        "Only the ratio of two weights matters.",
        "Divide each distance by the smallest one of its row before you take the power: then the largest "
        "weight is 1. Where the smallest is 0, the weights are 1 at distance 0, and 0 elsewhere.",
    ),
    slips=(
        (
            _plain,
            "Right between the samples. On one of them you divide by 0, and with a large exponent weights "
            "leave the range of numbers.",
        ),
        (
            _with_hits,
            "Right but for large exponents, where weights leave the range of numbers: divide distances by "
            "something first.",
        ),
        (
            lambda X_train, y_train, X, alpha: boundary.singular_kernel_scores(
                X_train, y_train, X, alpha=2 * alpha, n_classes=2
            )[:, 1],
            "You take the power of squared distances.",
        ),
        (
            lambda X_train, y_train, X, alpha: boundary.singular_kernel_scores(
                X_train, y_train, X, alpha=alpha, n_classes=2
            )[:, 0],
            "That is the share of class 0.",
        ),
    ),
    why=(
        "One number leads from the majority vote to the nearest neighbour, and at the dimension of the data "
        "it is a rule that learns whatever there is to learn, given samples enough."
    ),
)
def vote(X_train: np.ndarray, y_train: np.ndarray, X: np.ndarray, alpha: float) -> np.ndarray:
    return boundary.singular_kernel_scores(X_train, y_train, X, alpha=alpha, n_classes=2)[:, 1]


def _two_versions() -> dict[str, Any]:
    """Answers of an old and a new version, which is more accurate and still breaks something."""
    rng = np.random.default_rng(75)
    labels = rng.integers(0, 6, 600)

    def wrong() -> np.ndarray:
        return (labels + rng.integers(1, 6, 600)) % 6

    old = np.where(rng.random(600) < 0.15, wrong(), labels)
    kept = np.where(rng.random(600) < 0.95, old, wrong())
    return {"old": old, "new": np.where(rng.random(600) < 0.5, labels, kept), "labels": labels}


@exercise(
    id="07.5",
    question=(
        "An old and a new version of a classifier answered the same samples. Which share of what the old "
        "version had right does the new one get wrong?"
    ),
    kind=Number(tolerance=5e-4, low=0, high=1),
    given=_two_versions,
    hints=(
        "The accuracies of both do not suffice: what is mended hides what is broken.",
        "Take the samples with old equal to labels. In which share of these does new differ from labels?",
    ),
    slips=(
        (
            lambda old, new, labels: boundary.negative_flips(old, new, labels).negative_rate,
            "These samples are meant, but that is their share of all samples.",
        ),
        (
            lambda old, new, labels: float((new == labels).mean() - (old == labels).mean()),
            "That is what accuracy gained: what was mended less what was broken.",
        ),
        (
            lambda old, new, labels: float((new == labels)[old != labels].mean()),
            "That share of the old version's errors was mended. Asked is what was broken.",
        ),
        (
            lambda old, new, labels: float((old != new).mean()),
            "There the versions differ, also where the new one is right.",
        ),
        (
            lambda old, new, labels: float((old == labels)[new != labels].mean()),
            "That is the share among what the new version has wrong.",
        ),
    ),
    why=(
        "Whoever relied on an answer that was right does not mind whether the mean went up. An update is "
        "judged by what it breaks, too."
    ),
)
def broken_by_the_update(old: np.ndarray, new: np.ndarray, labels: np.ndarray) -> float:
    return boundary.negative_flips(old, new, labels).regression
