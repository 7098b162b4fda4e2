"""Forecasts of several models and what they disagree on, for js/src/core/multiplicity.ts."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import calibration
from clsviz.calibration import apply_temperature, nll
from clsviz.widgets.multiplicity import growth

EPSILONS = (0.0, 0.01, 0.1, 1.0, 10.0)
M, N, K = 7, 25, 4


def vectors() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, K, N)
    shared = 2 * np.eye(K)[labels] + rng.normal(0, 1, (N, K))
    logits = (shared + rng.normal(0, 0.8, (M, N, K))).round(3)
    logits[2] = logits[1]  # equally good
    logits[0, 0] = 0  # a tie
    return {
        "labels": labels,
        "logits": logits,
        "cases": [case(logits, labels, *state) for state in STATES],
        "capacities": [
            {"rows": rows, "capacity": calibration.rashomon_capacity(rows[:, None, :])[0]}
            for rows in channels(rng)
        ],
    }


# temperature, target class, delta, baseline: a model, or the best
STATES: tuple[tuple[float, int | None, float, int | None], ...] = (
    (1.0, None, 0.1, None),
    (0.3, None, 0.02, 4),
    (2.5, 3, 0.25, None),
    (1.0, 0, 0.0, 0),
)


def case(
    logits: np.ndarray,
    labels: np.ndarray,
    temperature: float,
    target: int | None,
    delta: float,
    own: int | None,
) -> dict[str, Any]:
    probs = np.stack([apply_temperature(z, temperature) for z in logits])
    read = probs[:, np.arange(N), labels] if target is None else probs[:, :, target]
    guesses = logits.argmax(2)
    losses = np.array([nll(z / temperature, labels, kind="logits") for z in logits])
    base = int(losses.argmin()) if own is None else own
    found = growth(losses, read, guesses, read[base], guesses[base], delta)
    sets = []
    for epsilon in EPSILONS:
        members = calibration.rashomon_set(losses, epsilon)
        moved = calibration.multiplicity(read[members], read[base], delta=delta)
        answers = calibration.label_multiplicity(guesses[members], guesses[base])
        sets.append(
            {
                "epsilon": epsilon,
                "members": members,
                "viable": calibration.viable_range(read[members]),
                "moved": [moved.ambiguity, moved.discrepancy],
                "answers": [answers.ambiguity, answers.discrepancy],
            }
        )
    return {
        "temperature": temperature,
        "target": target,
        "delta": delta,
        "baseline": base,
        "p": read,
        "guess": guesses,
        "losses": losses,
        "sets": sets,
        "epsilon": found.epsilon,
        "ambiguity": found.ambiguity,
        "discrepancy": found.discrepancy,
        "label_ambiguity": found.label_ambiguity,
        "label_discrepancy": found.label_discrepancy,
    }


def channels(rng: np.random.Generator) -> list[np.ndarray]:
    """Random forecasts, equal ones, opposite ones, and the contract's."""
    return [
        rng.dirichlet(np.ones(5), 6),
        rng.dirichlet(np.full(3, 0.2), 12),
        np.repeat(rng.dirichlet(np.ones(4), 1), 5, 0),
        np.eye(3)[[0, 2]],
        np.array([[0.8, 0.2], [0.65, 0.35], [0.75, 0.25]]),
        np.array([[0.4, 0.6], [0.5, 0.5], [0.1, 0.9]]),
    ]
