"""Wrong labels: the transition matrix, the draw, and a Dataset with noisy training labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.errors import ShapeError

KINDS = ("symmetric", "pair")


@dataclass(frozen=True, slots=True, eq=False)
class NoisyLabels:
    """Labels after a random draw from a transition matrix."""

    y: np.ndarray  # (N,) int64, new labels
    flipped: np.ndarray  # (N,) bool, True where the label changed


def noise_matrix(kind: str, rate: float, n_classes: int) -> np.ndarray:
    """Transition matrix T_ij = P(new label j | true label i) of a kind of label noise.

    Args:
        kind: ``"symmetric"``: 1 - rate stays, the rest goes evenly to the K - 1 other classes
            (some papers count the true class among the targets: that is rate * (K - 1) / K here);
            ``"pair"``: rate goes from class i to class (i + 1) mod K.
        rate: share of changed labels, in [0, 1].
        n_classes: K >= 1; symmetric noise needs K >= 2.

    Returns:
        (K, K) float64, rows sum to 1.

    Raises:
        InputError: unknown kind, rate outside [0, 1], or too few classes.
    """
    checks.option(kind, "kind", KINDS)
    share = checks.number(rate, "rate", 0, 1)
    k = checks.count(n_classes, "n_classes", 2 if kind == "symmetric" else 1)
    stays = (1 - share) * np.eye(k)
    if kind == "pair":
        return stays + share * np.roll(np.eye(k), 1, axis=1)
    return stays + share / (k - 1) * (1 - np.eye(k))


def label_noise(y: Any, transition: Any, *, seed: int = 0) -> NoisyLabels:
    """Draws a new label for each sample from its row of a transition matrix.

    With u = rng.random(N) the new label is the number of entries of cumsum(T[y_i]) that are
    <= u_i, at most K - 1.

    Args:
        y: (N,) int in [0, K).
        transition: (K, K), rows are probabilities and sum to 1 within 1e-9.
        seed: of ``numpy.random.default_rng``.

    Raises:
        ShapeError: `transition` is not square, or `y` is not (N,) with N >= 1.
        InputError: rows are no probabilities, or a label is out of range.
    """
    matrix = checks.floats(transition, "transition", "(K, K)")
    k = len(matrix)
    if matrix.shape != (k, k):
        raise ShapeError(f"transition must be (K, K), but has shape {matrix.shape}")
    checks.distribution(matrix, "transition")
    old = checks.labels(y, k)
    u = np.random.default_rng(seed).random(len(old))
    new = np.minimum((matrix.cumsum(axis=1)[old] <= u[:, None]).sum(axis=1), k - 1)
    return NoisyLabels(new, new != old)


@method(
    kind="transform",
    title="Label noise",
    paper="Patrini et al. 2017, arXiv:1609.03683; pair: Han et al. 2018, arXiv:1804.06872",
    formula=r"T_{ij} = P(\tilde{y} = j \mid y = i)",
    needs=("dataset",),
    rate=Range(0, 1, step=0.01),
    # the decorator's own `kind` hides the parameter's, so its choices stand here
    facts={"kinds": KINDS},
)
def with_label_noise(
    dataset: Dataset, *, kind: str = "symmetric", rate: float = 0.1, seed: int = 0
) -> Dataset:
    """The same samples with wrong labels in the training part; `y_clean` keeps the truth.

    Validation labels stay as they are. Where ``y != y_clean`` the label is wrong.

    Args:
        dataset: its present labels are the ones that are changed.
        kind: ``"symmetric"`` (any other class) or ``"pair"`` (the next class), see `noise_matrix`.
        rate: expected share of changed training labels, in [0, 1].
        seed: of the draw.

    Raises:
        InputError: unknown kind, or rate outside [0, 1].
    """
    transition = noise_matrix(kind, rate, dataset.n_classes)
    y = dataset.y.copy()
    y[dataset.train] = label_noise(y[dataset.train], transition, seed=seed).y
    return replace(dataset, y=y)
