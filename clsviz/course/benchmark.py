"""Exercises of notebook 04: what many networks say about measures, by their ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import kendalltau, pearsonr, spearmanr

from clsviz.course.kinds import Choice, Function, Number
from clsviz.course.registry import exercise

TOP = 0.25


def _tau(a: np.ndarray, b: np.ndarray) -> float:
    return float(kendalltau(a, b).statistic)


def _pair(n: int, seed: int, common: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Two measures of n networks, without ties, that agree in part; the second is skewed."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    a, b = (common * shared + (1 - common) * rng.normal(size=n) for _ in range(2))
    return np.round(0.05 + 0.01 * a, 5), np.round(0.1 * np.exp(1.5 * b), 5)


def _two_measures() -> dict[str, Any]:
    first, second = _pair(24, 4)
    return {"first": first, "second": second}


@exercise(
    id="04.1",
    question=(
        "Two measures of 24 networks. In which share of all pairs of networks do the two measures agree "
        "which is the worse calibrated one?"
    ),
    kind=Number(tolerance=5e-4, low=0, high=1),
    given=_two_measures,
    hints=(
        "There are n (n - 1) / 2 pairs. A pair agrees if both measures have the same network on top.",
        "Kendall's tau is the share that agrees minus the share that does not, and no two values are equal: "
        "what is the one share, then?",
    ),
    slips=(
        (
            lambda first, second: max(0.0, _tau(first, second)),
            "That is Kendall's tau: from the share that agrees, it takes off the share that does not.",
        ),
        (
            lambda first, second: max(0.0, (1 - _tau(first, second)) / 2),
            "That is the share in which they do not agree.",
        ),
        (
            lambda first, second: float(pearsonr(first, second).statistic),
            "That is Pearson's correlation. It asks about a straight line; here only the order counts.",
        ),
        (
            lambda first, second: float(spearmanr(first, second).statistic),
            "That is Spearman's correlation of the ranks, not a share of pairs.",
        ),
    ),
    why=(
        "So a tau of 0.5 means that three choices in four would come out the same, and a tau of 0 that the "
        "second measure might as well toss a coin."
    ),
)
def agreeing_pairs(first: np.ndarray, second: np.ndarray) -> float:
    return (1 + _tau(first, second)) / 2


def _networks() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    accuracy = np.round(np.sort(rng.uniform(0.6, 0.97, 60)), 4)
    error = 0.2 - 0.15 * accuracy + 0.02 * rng.normal(size=60)
    order = rng.permutation(60)
    return {"accuracy": accuracy[order], "ece": np.round(np.abs(error), 5)[order]}


def _part(accuracy: np.ndarray, ece: np.ndarray, kept: np.ndarray) -> float:
    return _tau(accuracy[kept], ece[kept])


@exercise(
    id="04.2",
    question=(
        "Accuracy and ECE of 60 networks. What is Kendall's tau between the two among the 15 networks with "
        "the highest accuracy?"
    ),
    kind=Number(tolerance=5e-4, low=-1, high=1),
    given=_networks,
    hints=(
        "np.argsort(accuracy)[-15:] are the places of those networks; take both arrays there.",
        "scipy.stats.kendalltau(a, b).statistic is the tau of two arrays.",
    ),
    slips=(
        (lambda accuracy, ece: _tau(accuracy, ece), "That is the tau of all networks."),
        (
            lambda accuracy, ece: _part(accuracy, ece, np.argsort(accuracy)[:15]),
            "Those are the 15 with the lowest accuracy: argsort begins with the smallest.",
        ),
        (
            lambda accuracy, ece: _part(accuracy, ece, np.argsort(ece)[:15]),
            "Those are the 15 with the lowest ECE. Choose them by accuracy.",
        ),
        (
            lambda accuracy, ece: float(pearsonr(*_top_of(accuracy, ece)).statistic),
            "That is Pearson's correlation, not Kendall's tau.",
        ),
    ),
    why=(
        "Bad networks are bad in every way, and that alone makes a tau. Whoever chooses among good ones has "
        "to ask among good ones."
    ),
)
def among_the_best(accuracy: np.ndarray, ece: np.ndarray) -> float:
    return _tau(*_top_of(accuracy, ece))


def _top_of(accuracy: np.ndarray, ece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = np.argsort(accuracy)[-round(TOP * len(accuracy)) :]
    return accuracy[kept], ece[kept]


def _before_and_after() -> dict[str, Any]:
    """What the stored study says of twenty networks, before and after temperature scaling."""
    from clsviz.calibration import Study

    table = Study.stored().finished
    some = table[table["data"] == table["data"].iloc[0]].iloc[::16][:20]
    columns = {"accuracy": "accuracy", "accuracy_after": "accuracy"}  # a temperature leaves the guesses
    for name, column in (("ece", "ECE_15"), ("nll", "NLL"), ("brier", "Brier")):
        columns |= {name: f"pre_{column}", f"{name}_after": f"post_{column}"}
    return {name: some[column].to_numpy(copy=True) for name, column in columns.items()}


@exercise(
    id="04.3",
    question=(
        "Twenty networks, each before and after temperature scaling with a temperature of its own. Which "
        "rankings of the networks change?"
    ),
    kind=Choice(("by accuracy", "by ECE", "by NLL", "by Brier score"), several=True),
    given=_before_and_after,
    hints=(
        "Compare the orders: np.argsort of a column before and after.",
        "What temperature does to one network, notebook 01 has asked. Here each network has another one.",
    ),
    slips=(
        ("b", "The other two scores read the probabilities as well, and not only the guesses."),
        ("abcd", "What does a temperature do to the guesses?"),
    ),
    why=(
        "Each network is moved by its own temperature, so whoever will scale anyway had better choose by the "
        "error after scaling."
    ),
)
def rankings_that_change(**given: np.ndarray) -> str:
    names = ("accuracy", "ece", "nll", "brier")
    moved = [bool((given[name].argsort() != given[f"{name}_after"].argsort()).any()) for name in names]
    return "".join(letter for letter, other in zip("abcd", moved, strict=True) if other)


def _cases() -> dict[str, tuple[Any, ...]]:
    a, b = _pair(30, 11)
    few, other = _pair(6, 12, common=0.4)
    return {
        "two measures that agree in part": (a, b),
        "one measure and itself": (a, a),
        "one measure and its negative": (a, -a),
        "six networks": (few, other),
        "a measure and its cube": (a - a.mean(), (a - a.mean()) ** 3),
    }


@exercise(
    id="04.4",
    question=(
        "Write a function tau(first, second) that returns Kendall's tau of two arrays without equal values, "
        "without calling kendalltau."
    ),
    kind=Function("tau(first, second)", _cases, Number(tolerance=1e-9)),
    hints=(
        "np.sign(first[:, None] - first[None, :]) tells of every pair which of the two is larger.",
        "Multiply the signs of both arrays: 1 where they agree, -1 where not. Count each pair once, and no "
        "network with itself.",
    ),
    slips=(
        (
            lambda first, second: (1 + _tau(first, second)) / 2,
            "That is the share of pairs that agree; take off the share that does not.",
        ),
        (
            lambda first, second: float(spearmanr(first, second).statistic),
            "That is Spearman's correlation of the ranks.",
        ),
        (
            lambda first, second: _tau(first, second) * (len(first) - 1) / len(first),
            "You divided by all n * n places, those of a network with itself among them.",
        ),
    ),
    why="All rankings of the study are compared with this: order alone, whatever the units of a measure.",
)
def tau(first: np.ndarray, second: np.ndarray) -> float:
    return _tau(first, second)
