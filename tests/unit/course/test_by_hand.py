"""Exercises on boundaries, attacks and regimes accept what a reader computes without clsviz."""

import numpy as np
import pytest
from scipy.stats import norm

from clsviz import course


def mirror(X, w, b):
    return X - 2 * np.outer((X @ w + b) / (w @ w), w)


def step(X, y, w, b, epsilon):
    return np.where(y[:, None] == 1, X - epsilon * np.sign(w), X + epsilon * np.sign(w))


def deviation(w, X, y):
    z = X[y == 1].mean(0) - X[y == 0].mean(0)
    return np.rad2deg(np.arccos(w @ z / np.linalg.norm(w) / np.linalg.norm(z)))


def follows_more(g):
    at = [i for i in range(len(g.pred)) if g.shortcut[i] != g.core[i]]
    return np.mean([int(g.pred[i] == g.shortcut[i]) - int(g.optimal[i] == g.shortcut[i]) for i in at])


def my_vote(X_train, y_train, X, alpha):
    shares = []
    for x in X:
        far = np.sqrt(((X_train - x) ** 2).sum(1))
        weight = far == 0 if far.min() == 0 else (far.min() / far) ** alpha
        shares.append(np.average(y_train, weights=weight))
    return np.array(shares)


FUNCTIONS = (mirror, step, my_vote)


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("05.1", lambda g: g.distance * np.cos(np.pi * g.degrees / 180)),
        ("05.2", lambda g: deviation(g.w, g.X, g.y)),
        ("05.3", "cd"),
        ("05.4", mirror),
        ("06.1", lambda g: (g.w @ g.x + g.b) / np.abs(g.w).sum()),
        (
            "06.2",
            lambda g: np.mean([d > g.epsilon and c for d, c in zip(g.distances, g.correct, strict=True)]),
        ),
        ("06.3", "cd"),
        ("06.4", step),
        ("07.1", follows_more),
        ("07.2", lambda g: g.separation / 2 - g.sigma * norm.isf(g.error)),
        ("07.3", "bc"),
        ("07.4", my_vote),
    ],
)
def test_an_answer_by_hand_passes(id, answer):
    asked = callable(answer) and answer not in FUNCTIONS
    assert course.check(id, answer(course.given(id)) if asked else answer).passed
