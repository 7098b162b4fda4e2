"""Exercises of notebook 06: small steps that change an answer, and radii within which none does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz import boundary
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import exercise


def _one_sample() -> dict[str, Any]:
    return {
        "x": np.array([0.5, -1.0, 2.0, 0.25]),
        "w": np.array([1.0, -2.0, 0.5, -0.3]),
        "b": -0.6,
    }


def _score(x: np.ndarray, w: np.ndarray, b: float) -> float:
    return float(x @ w + b)


@exercise(
    id="06.1",
    question=(
        "A linear classifier with w and b says class 1 for the sample x. Every feature may be changed, each "
        "by at most r, up or down. What is the largest r for which it is sure to stay with class 1?"
    ),
    kind=Number(tolerance=1e-3, low=0),
    given=_one_sample,
    hints=(
        "If you wanted the score down, which way would you change each feature? All of them move at once.",
        "A feature changed by r changes the score by r times the size of its entry of w. Add these up: when "
        "do they eat up the whole score?",
    ),
    slips=(
        (
            lambda x, w, b: _score(x, w, b) / np.linalg.norm(w),
            "That is the Euclidean distance. Here each feature has a limit of its own; all may use theirs.",
        ),
        (
            lambda x, w, b: _score(x, w, b) / np.abs(w).max(),
            "That is so if a single feature may be changed.",
        ),
        (_score, "That is the score."),
        (
            lambda x, w, b: _score(x, w, b) / abs(w.sum()),
            "Some features go up and others down, so nothing cancels.",
        ),
    ),
    why=(
        "The more features there are, the longer the sum of their sizes beside its Euclidean length: many "
        "changes, none of them visible, add up."
    ),
)
def largest_change(x: np.ndarray, w: np.ndarray, b: float) -> float:
    rows, biases = np.stack([np.zeros_like(w), w]), [0.0, b]
    return float(boundary.multiclass_linear_margin(rows, biases, x[None], [1], norm=np.inf)[0])


def _attacked() -> dict[str, Any]:
    """What an attack found: for 300 samples the way to another answer, and whether the first was right."""
    rng = np.random.default_rng(62)
    return {
        "distances": np.round(rng.gamma(3.0, 0.2, 300), 4),
        "correct": rng.random(300) < 0.85,
        "epsilon": 0.4,
    }


@exercise(
    id="06.2",
    question=(
        "An attack found for each sample the distances to another answer; correct says where the answer was "
        "right to begin with. Which share of all samples is right and stays right within the radius epsilon, "
        "as far as the attack can tell?"
    ),
    kind=Number(tolerance=5e-4, low=0, high=1),
    given=_attacked,
    hints=(
        "Two things must hold of a sample. Count those of which both do, among all.",
        "A sample that was wrong from the start has a distance as well; it is the way to yet another answer.",
    ),
    slips=(
        (
            lambda distances, correct, epsilon: float((distances > epsilon).mean()),
            "Some of these were wrong to begin with.",
        ),
        (
            lambda distances, correct, epsilon: float((distances[correct] > epsilon).mean()),
            "That is the share among those that were right; asked is the share of all.",
        ),
        (
            lambda distances, correct, epsilon: float((correct & (distances <= epsilon)).mean()),
            "These are right and can be moved to another answer within the radius.",
        ),
    ),
    why=(
        "It is an upper bound, because a better attack may find shorter ways. A lower bound needs a "
        "certificate."
    ),
)
def stays_right(distances: np.ndarray, correct: np.ndarray, epsilon: float) -> float:
    return float(boundary.robust_accuracy_curve(distances, correct, [epsilon])[0])


class _Divided(nn.Module):
    """A small ReLU network with weights drawn once, its logits divided by T."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        rng = np.random.default_rng(63)
        self.temperature = temperature
        self.first = nn.Parameter(torch.from_numpy(rng.normal(size=(8, 32))))
        self.second = nn.Parameter(torch.from_numpy(rng.normal(size=(32, 6))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x @ self.first) @ self.second / self.temperature


@exercise(
    id="06.3",
    question=(
        "All logits of a network with more than two classes are divided by one positive number T. Which of "
        "these can change?"
    ),
    kind=Choice(
        (
            "its answers",
            "the distances that DeepFool finds",
            "the logit margins",
            "the accuracy that PGD leaves",
        ),
        several=True,
    ),
    hints=(
        "DeepFool divides a gap between two logits by the slope of this gap. PGD climbs the cross-entropy.",
        "Write the slope of the cross-entropy as a sum over the classes, each weighted by its probability. "
        "Which of its parts does T touch?",
    ),
    slips=(
        ("c", "One of the attacks follows a loss. Does the loss know T?"),
        ("bcd", "Where two logits are equal, they are still equal after both were divided."),
        ("cb", "Where two logits are equal, they are still equal after both were divided. And the loss?"),
        ("abcd", "Does dividing change which logit is the largest?"),
    ),
    why=(
        "The boundaries stay where they are, and so does whatever is measured in the space of the inputs. "
        "An attack on the loss may find less at another T, but there isn't less to be found."
    ),
)
def what_dividing_moves() -> str:
    X = np.random.default_rng(64).normal(size=(200, 8))
    with torch.no_grad():
        y = _Divided(1.0)(torch.from_numpy(X)).argmax(1).numpy()
    seen = []
    for temperature in (0.1, 1.0, 10.0):
        model = _Divided(temperature)
        moved = boundary.pgd(model, X, y, epsilon=0.1)
        with torch.no_grad():
            z, after = model(torch.from_numpy(X)).numpy(), model(torch.from_numpy(moved)).numpy()
        distances = boundary.deepfool(model, X).distance
        margins = boundary.logit_margin(z, y)
        seen.append((z.argmax(1), np.round(distances, 6), margins, (after.argmax(1) == y).mean()))
    moves = (any(not np.allclose(s[i], seen[0][i]) for s in seen) for i in range(4))
    return "".join(letter for letter, moved in zip("abcd", moves, strict=True) if moved)


def _signs(y: np.ndarray) -> np.ndarray:
    return (2 * np.asarray(y) - 1)[:, None]


def _attacks() -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(65)

    def args(n: int, d: int, b: float, epsilon: float) -> tuple[Any, ...]:
        return rng.normal(size=(n, d)), np.arange(n) % 2, rng.normal(size=d), b, epsilon

    X, y, w, _, _ = args(12, 4, 0.0, 0.0)
    return {
        "both classes": args(20, 3, 0.5, 0.2),
        "class 1 alone": (X, np.ones(12, dtype=np.int64), w, 0.0, 0.1),
        "class 0 alone": (X, np.zeros(12, dtype=np.int64), w, 0.0, 0.1),
        "a feature that w does not use": (X, y, np.where(np.arange(4) == 2, 0.0, w), -1.0, 0.3),
        "a step of 0": (X, y, w, 1.0, 0.0),
    }


@exercise(
    id="06.4",
    question=(
        "Write a function my_fgsm(X, y, w, b, epsilon): the samples X with labels y (0 or 1) after one fast "
        "gradient sign step of epsilon in each feature, against the linear classifier that says class 1 "
        "where the product of w and the sample, plus b, is above 0. No call of cv.boundary, please."
    ),
    kind=Function(
        "my_fgsm(X, y, w, b, epsilon)",
        _attacks,
        Array("an array of the shape of X, a moved sample in each row", tolerance=1e-8),
    ),
    hints=(
        "You need no gradient by machine. Which way must a feature go for the score to fall? Is the score to "
        "fall for both classes?",
        "np.sign(w) tells the way up for each feature; 2 * y - 1 is 1 for class 1 and -1 for class 0.",
    ),
    slips=(
        (
            lambda X, y, w, b, epsilon: X + epsilon * _signs(y) * np.sign(w),
            "You make each sample more surely what it is. An attack goes the other way.",
        ),
        (
            lambda X, y, w, b, epsilon: X - epsilon * np.sign(w),
            "All samples move the same way. For those of class 0 the score must rise.",
        ),
        (
            lambda X, y, w, b, epsilon: X - epsilon * np.asarray(y)[:, None] * np.sign(w),
            "With labels 0 and 1 as factors, the samples of class 0 stay where they are.",
        ),
        (
            lambda X, y, w, b, epsilon: X - epsilon * _signs(y) * w / np.linalg.norm(w),
            "That is the step of Euclidean length epsilon. Here each feature moves by epsilon.",
        ),
        (
            lambda X, y, w, b, epsilon: X - epsilon * _signs(y) * w,
            "Of the slope only the sign counts.",
        ),
    ),
    why=(
        "The score moves by epsilon times the sum of the sizes in w, whatever b is and wherever the sample "
        "lies: against a linear classifier of two classes no change of this size is worse."
    ),
)
def fast_step(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float, epsilon: float) -> np.ndarray:
    model = nn.Linear(len(w), 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(np.stack([np.zeros_like(w), w])))
        model.bias.copy_(torch.tensor([0.0, b]))
    return boundary.fgsm(model, X, y, epsilon=epsilon)


def _local_map() -> dict[str, Any]:
    """Three logits round a sample; the class with the second largest is not the one nearest to it."""
    return {
        "A": np.array([[2.0, -1.0, 0.5, 1.0], [1.6, -0.8, 0.3, 1.2], [-1.0, 1.5, -0.5, -0.5]]),
        "b": np.array([0.1, -0.4, 0.6]),
        "x": np.array([1.0, 0.5, -0.5, 0.8]),
    }


def _ways(A: np.ndarray, b: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (K - 1, D) of the answer less those of the others, and the gaps (K - 1,) of the logits."""
    z = A @ x + b
    own = int(z.argmax())
    return A[own] - np.delete(A, own, 0), z[own] - np.delete(z, own)


def _to_the_runner_up(A: np.ndarray, b: np.ndarray, x: np.ndarray) -> float:
    w, gap = _ways(A, b, x)
    return float(gap.min() / np.linalg.norm(w[gap.argmin()]))


@exercise(
    id="06.5",
    question=(
        "Near the sample x the logits of a network are A x + b. By this map, how long is the shortest step, "
        "as a Euclidean length, after which the answer is another?"
    ),
    kind=Number(tolerance=1e-3, low=0),
    given=_local_map,
    hints=(
        "Compare the answer with one other class: the gap between their logits is a linear function of x, "
        "with a w of its own. How far is it to where this function is 0?",
        "There is one such distance for each other class. Divide each gap by the length of the difference of "
        "two rows of A. Then choose.",
    ),
    slips=(
        (
            _to_the_runner_up,
            "That is the way to the class with the second largest logit. Is it the nearest?",
        ),
        (
            lambda A, b, x: float(_ways(A, b, x)[1].min()),
            "That is a gap between logits, not a length in the space of the inputs.",
        ),
        (
            lambda A, b, x: float((_ways(A, b, x)[1] / np.linalg.norm(A[(A @ x + b).argmax()])).min()),
            "The row of the answer alone lowers its logit. But the other logit moves as well.",
        ),
        (
            lambda A, b, x: float((_ways(A, b, x)[1] / np.abs(_ways(A, b, x)[0]).sum(1)).min()),
            "So far each single feature must go if all move at once. Asked is the Euclidean length.",
        ),
    ),
    why=(
        "The nearest boundary is not that of the runner-up if another class has a much steeper gap. It is "
        "the first step of DeepFool; where the map holds that far, it is the last one as well."
    ),
)
def step_by_the_map(A: np.ndarray, b: np.ndarray, x: np.ndarray) -> float:
    own = int((A @ x + b).argmax())
    return float(boundary.multiclass_linear_margin(A, b, x[None], [own])[0])


def _carried_over() -> dict[str, Any]:
    """Answers of a classifier before and after an attack made on a copy of it, and the copy's."""
    rng = np.random.default_rng(66)
    labels = rng.integers(0, 10, 500)

    def wrong(share: float, mostly: np.ndarray | None = None) -> np.ndarray:
        other = (labels + rng.integers(1, 10, 500)) % 10
        if mostly is not None:
            other = np.where(rng.random(500) < 0.7, mostly, other)
        return np.where(rng.random(500) < share, other, labels)

    copy_after = wrong(0.85)
    before = wrong(0.1)
    after = np.where(rng.random(500) < 0.5, wrong(0.7, copy_after), before)
    return {"labels": labels, "before": before, "after": after, "copy_after": copy_after}


@exercise(
    id="06.6",
    question=(
        "Samples with labels were moved to fool a copy of a classifier. before and after are the answers of "
        "the classifier itself, copy_after those of the copy to the moved samples. Take the samples that the "
        "classifier had right and that fool the copy: which share of them does the classifier get wrong?"
    ),
    kind=Number(tolerance=5e-4, low=0, high=1),
    given=_carried_over,
    hints=(
        "Two conditions say which samples count, a third is counted among them.",
        "Right before: before equals labels. The copy is fooled: copy_after differs from labels.",
    ),
    slips=(
        (
            lambda labels, before, after, copy_after: float((after != labels)[copy_after != labels].mean()),
            "Some of these the classifier had wrong from the start. No attack did that.",
        ),
        (
            lambda labels, before, after, copy_after: float((after != labels)[before == labels].mean()),
            "Some of these don't even fool the copy.",
        ),
        (
            lambda labels, before, after, copy_after: float(
                ((before == labels) & (copy_after != labels) & (after != labels)).mean()
            ),
            "The right samples are counted, but as a share of all 500.",
        ),
        (
            lambda labels, before, after, copy_after: float(
                (after == copy_after)[(before == labels) & (copy_after != labels)].mean()
            ),
            "So often both give the same wrong answer. Another wrong answer is wrong as well.",
        ),
    ),
    why=(
        "An attack that carries over needs no access to what it attacks. To hide the weights is therefore "
        "little protection."
    ),
)
def carried_over(labels: np.ndarray, before: np.ndarray, after: np.ndarray, copy_after: np.ndarray) -> float:
    counted = (before == labels) & (copy_after != labels)
    return float((after[counted] != labels[counted]).mean())
