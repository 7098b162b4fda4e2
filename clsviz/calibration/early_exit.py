"""Early exit: a network with several outputs, left at the first that is confident enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clsviz.calibration.binned import ece
from clsviz.calibration.binning import N_BINS
from clsviz.calibration.inputs import Array, as_array, as_labels, as_probs, count, vector
from clsviz.catalogue import Range, method
from clsviz.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class EarlyExit:
    """Where samples leave, what that costs, and how calibrated the answers are."""

    exit: NDArray[np.int64]  # (N,) exit taken, 0..L-1
    accuracy: float
    mean_cost: float
    ece: float  # of the answers given, whatever their exit
    exit_fraction: Array  # (L,) share of samples that leave at each
    exit_ece: tuple[float | None, ...]  # L entries: of those that leave there; None where nobody does


@method(
    kind="measure",
    title="Early exit",
    paper="Jointly-Learned Exit and Inference for a Dynamic Neural Network: JEI-DNN, arXiv:2310.09163",
    thresholds=Range(0, 1),
    n_bins=N_BINS,
)
def early_exit(
    exit_probs: ArrayLike,
    labels: ArrayLike,
    thresholds: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    n_bins: int = 15,
) -> EarlyExit:
    """Accuracy, cost and calibration when each sample leaves at the first confident exit.

    A sample leaves at the first exit whose top probability is at least its threshold; the last
    exit takes all that are left. Waiting for a high confidence picks the samples by it, so that
    each exit may be biased although the network was calibrated at it.

    Args:
        exit_probs: (L, N, K) probabilities of each exit; (L, N) for two classes.
        labels: (N,) integers in 0..K-1.
        thresholds: one number for all exits, or (L,).
        costs: (L,) cost of an answer at each exit; (l + 1) / L by default.
        n_bins: equal-width bins of the calibration errors.

    Raises:
        InputError: bad probabilities, labels, thresholds, costs or n_bins; the message names the argument.
    """
    p = as_exits(exit_probs)
    n_exits, n, k = p.shape
    y = as_labels(labels, n, k)
    least = as_array(thresholds, "thresholds")
    if least.shape not in ((), (n_exits,)):
        raise ShapeError(f"thresholds must be one number or ({n_exits},), got {least.shape}")
    sure = p.max(2) >= least.reshape(-1, 1)
    return _left(p, y, sure, costs, n_bins)


@method(
    kind="measure",
    title="Early exit by learnt gates",
    paper="Jointly-Learned Exit and Inference for a Dynamic Neural Network: JEI-DNN, arXiv:2310.09163",
    formula=r"g_l = \frac{\pi_l}{1 - \sum_{j<l} \pi_j} \ge \frac12",
    n_bins=N_BINS,
)
def gated_exit(
    exit_probs: ArrayLike,
    labels: ArrayLike,
    exit_weights: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    n_bins: int = 15,
) -> EarlyExit:
    """As `early_exit`, with each sample leaving at the first exit whose gate is at least 1/2.

    Args:
        exit_probs, labels, costs, n_bins: as in `early_exit`.
        exit_weights: (N, L) chances to leave at each exit, which the model "early_exit" gives.

    Raises:
        InputError: as in `early_exit`, or exit_weights that are no chances.
    """
    p = as_exits(exit_probs)
    n_exits, n, k = p.shape
    y = as_labels(labels, n, k)
    weights = as_probs(exit_weights, "exit_weights")
    if weights.shape != (n, n_exits):
        raise ShapeError(f"exit_weights must be ({n}, {n_exits}), got {weights.shape}")
    still_there = 1 - weights.cumsum(1) + weights
    return _left(p, y, (weights >= still_there / 2).T, costs, n_bins)


def _left(
    p: Array, y: NDArray[np.int64], open_: NDArray[np.bool_], costs: ArrayLike | None, n_bins: int
) -> EarlyExit:
    """What comes of leaving at the first exit that is open (L, N) to a sample; the last is to all."""
    n_exits, n = open_.shape
    steps = np.arange(1, n_exits + 1) / n_exits if costs is None else vector(costs, "costs", n_exits)
    n_bins = count("n_bins", n_bins)
    leave = np.concatenate([open_[:-1], np.ones((1, n), bool)]).argmax(0)
    answer = p[leave, np.arange(n)]
    return EarlyExit(
        exit=leave,
        accuracy=float((answer.argmax(1) == y).mean()),
        mean_cost=float(steps[leave].mean()),
        ece=ece(answer, y, n_bins=n_bins),
        exit_fraction=np.bincount(leave, minlength=n_exits) / n,
        exit_ece=tuple(
            ece(answer[here], y[here], n_bins=n_bins) if here.any() else None
            for here in (leave == exit for exit in range(n_exits))
        ),
    )


def as_exits(exit_probs: ArrayLike) -> Array:
    """(L, N, K) checked probabilities; (L, N) is binary."""
    exits = as_array(exit_probs, "exit_probs")
    if exits.ndim not in (2, 3):
        raise ShapeError(f"exit_probs must be (L, N, K), or (L, N) for two classes; got {exits.shape}")
    return np.stack([as_probs(p, "exit_probs") for p in exits])
