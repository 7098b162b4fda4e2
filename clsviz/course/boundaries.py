"""Exercises of notebook 05: where a linear boundary runs, and how far it leans."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import boundary
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import exercise


def _turned() -> dict[str, Any]:
    return {"distance": 6.0, "degrees": 70.0}


@exercise(
    id="05.1",
    question=(
        "The centroids of two classes lie distance apart. A boundary through the middle between them is "
        "turned until its normal makes an angle of degrees with the centroid direction. How far is a "
        "centroid from its mirror image?"
    ),
    kind=Number(tolerance=1e-3, low=0),
    given=_turned,
    hints=(
        "How far is a centroid from the boundary? And how much further beyond is its mirror image?",
        "Draw it: the way to the boundary is one side of a triangle with a right angle, and the way to the "
        "middle between the centroids is its longest side.",
    ),
    slips=(
        (
            lambda distance, degrees: distance / 2 * np.cos(np.deg2rad(degrees)),
            "That is the way to the boundary. The mirror image lies beyond it.",
        ),
        (
            lambda distance, degrees: distance * np.sin(np.deg2rad(degrees)),
            "Upright, with an angle of 0, the mirror image would lie where the other centroid is. With "
            "yours it would lie on the centroid itself.",
        ),
        (
            lambda distance, degrees: abs(distance * np.cos(degrees)),
            "NumPy takes angles in radians: np.deg2rad.",
        ),
        (
            lambda distance, degrees: 1 / np.cos(np.deg2rad(degrees)),
            "That is the strength: how many times nearer the mirror image is than the other centroid.",
        ),
    ),
    why=(
        "No data are needed: distance and angle settle how near the mirror images are. Accuracy does not "
        "enter, so it cannot warn of them."
    ),
)
def way_to_the_mirror_image(distance: float, degrees: float) -> float:
    centroids = np.array([[-distance / 2, 0.0], [distance / 2, 0.0]])
    rule = boundary.tilted_classifier([1.0, 0.0], [0.0, 1.0], np.deg2rad(degrees), [0.0, 0.0])
    return float(np.linalg.norm(boundary.mirror_image(centroids, rule.w, rule.b)[0] - centroids[0]))


def _leaning() -> dict[str, Any]:
    """Two classes of unlike size away from the origin, and a normal of another length than 1."""
    rng = np.random.default_rng(52)
    y = np.repeat([0, 1], [150, 50])
    X = rng.normal(size=(200, 3)) * [0.5, 1.0, 0.2] + np.outer(y, [1.5, 0.5, 0.0]) + [1.0, 2.0, -1.0]
    return {"w": np.array([2.0, -1.0, 3.0]), "X": np.round(X, 4), "y": y}


def _degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))


@exercise(
    id="05.2",
    question=(
        "A linear classifier has the normal w. What is its deviation angle on the samples X with labels y, "
        "in degrees?"
    ),
    kind=Number(tolerance=0.01, low=0, high=180),
    given=_leaning,
    hints=(
        "It lies between two directions: one belongs to the classifier, one to the data alone.",
        "The centroid direction is X[y == 1].mean(0) - X[y == 0].mean(0). The cosine of the angle is the "
        "product of both directions by the product of their lengths.",
    ),
    slips=(
        (lambda w, X, y: boundary.deviation_angle(w, X, y), "In degrees, please."),
        (
            lambda w, X, y: abs(90 - boundary.deviation_angle(w, X, y, degrees=True)),
            "That is the angle to the boundary itself. The normal stands upright on it.",
        ),
        (
            lambda w, X, y: 180 - boundary.deviation_angle(w, X, y, degrees=True),
            "From class 0 to class 1: that is where w points, too.",
        ),
        (
            lambda w, X, y: _degrees_between(w, X[y == 1].mean(0)),
            "That is the angle to the centroid of class 1 as seen from the origin. Where does the centroid "
            "direction begin?",
        ),
    ),
    why="It depends neither on the length of w nor on b: it asks where the boundary faces, nothing else.",
)
def lean(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    return boundary.deviation_angle(w, X, y, degrees=True)


def _to_and_fro() -> dict[str, Any]:
    X, y = boundary.make_tilt_data(100, 2, sigma_tilt=0.3, seed=53)
    return {"X": X, "y": y, "w": np.array([1.0, 0.5]), "b": 0.1}


@exercise(
    id="05.3",
    question=(
        "Somebody moves a linear boundary to and fro without turning it: only b changes. Which of these can "
        "change?"
    ),
    kind=Choice(
        (
            "the deviation angle",
            "the adversarial distance (mean of the two class means)",
            "the adversarial strength",
            "the error",
        ),
        several=True,
    ),
    given=_to_and_fro,
    hints=(
        "Try it: cv.boundary.deviation_angle, adversarial_distance, adversarial_strength and "
        "np.mean(cv.boundary.linear_margin(w, b, X, y) <= 0), with several b.",
        "As the boundary comes nearer to one class, what does the other one see? Then compare the mean of "
        "two numbers with their product.",
    ),
    slips=(
        (
            "bcd",
            "One class comes nearer by as much as the other goes away. What is the mean of both?",
        ),
        ("abcd", "Which letters of w and b does the angle ask for?"),
        (
            "d",
            "The ways to both mirror images change. Does the root of their product stay when their sum does?",
        ),
    ),
    why=(
        "What one class wins in distance the other one loses, so the mean is blind to b. The strength is "
        "not: it grows without bound as the boundary comes near one of the centroids."
    ),
)
def what_the_bias_moves(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float) -> str:
    seen = [
        (
            boundary.deviation_angle(w, X, y),
            boundary.adversarial_distance(w, bias, X, y),
            boundary.adversarial_strength(w, bias, X, y),
            float((boundary.linear_margin(w, bias, X, y) <= 0).mean()),
        )
        for bias in (b, b - 0.4, b + 0.6)
    ]
    moved = ~np.isclose(seen, seen[0]).all(0)
    return "".join(letter for letter, other in zip("abcd", moved, strict=True) if other)


def _rules() -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(54)
    on = np.array([[1.0, 1.0], [3.0, -1.0]])
    return {
        "two features": (rng.normal(size=(20, 2)), np.array([1.0, 2.0]), 0.5),
        "a normal of length 1, no bias": (rng.normal(size=(20, 2)), np.array([0.6, -0.8]), 0.0),
        "five features and a far boundary": (rng.normal(size=(10, 5)), rng.normal(size=5), -12.0),
        "a single sample": (np.array([[1.0, 2.0, 3.0]]), np.array([0.0, -3.0, 0.0]), 1.0),
        "samples on the boundary": (on, np.array([1.0, 1.0]), -2.0),
    }


def _score(X: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    return (X @ w + b)[:, None]


@exercise(
    id="05.4",
    question=(
        "Write a function my_mirror(X, w, b) that returns the mirror image of each sample at the boundary of "
        "the classifier that says class 1 where the product of w and the sample, plus b, is above 0. No "
        "call of cv.boundary, please."
    ),
    kind=Function(
        "my_mirror(X, w, b)",
        _rules,
        Array("an array of the shape of X, a mirror image in each row", tolerance=1e-8),
    ),
    hints=(
        "X @ w + b are the scores, one for each sample. A score is a distance only if w has the length 1.",
        "From each sample go along w / np.linalg.norm(w), against the sign of its distance, once to the "
        "boundary and as far again. [:, None] makes a column of the distances.",
    ),
    slips=(
        (
            boundary.projected_image,
            "Your images lie on the boundary: that is half of the way.",
        ),
        (
            lambda X, w, b: X - 2 * _score(X, w, b) * w / np.linalg.norm(w),
            "Your direction has the length 1, but a score is no distance yet: divide it, too.",
        ),
        (
            lambda X, w, b: X - 2 * _score(X, w, b) * w,
            "This is right only where w has the length 1.",
        ),
        (
            lambda X, w, b: X + 2 * _score(X, w, b) * w / (w @ w),
            "You go away from the boundary: mind the sign.",
        ),
        (
            lambda X, w, b: boundary.mirror_image(X, w, 0.0),
            "The boundary runs through the origin only if b is 0.",
        ),
    ),
    why=(
        "Its score is minus that of the sample: to a linear classifier the mirror image is just as surely of "
        "the other class, whatever it looks like to you."
    ),
)
def mirror(X: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    return boundary.mirror_image(X, w, b)
