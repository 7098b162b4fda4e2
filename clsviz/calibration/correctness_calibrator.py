"""A calibrator that learns to tell right answers from wrong ones, also by how copies of a sample fare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.correctness import correctness_mean
from clsviz.calibration.inputs import Array, as_array, as_labels, as_logits, option, softmax
from clsviz.calibration.temperature import apply_temperature, fit_temperature
from clsviz.calibration.temperature_net import TemperatureNet, fitted_net
from clsviz.catalogue import Range, method
from clsviz.errors import ShapeError

if TYPE_CHECKING:
    from torch import Tensor

PAPER = "Optimizing Calibration by Gaining Aware of Prediction Correctness, arXiv:2404.13016"
TOP = 4  # classes of a sample that the network looks at, the most probable ones
BOUNDS = (0.1, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class CorrectnessAware:
    """A learnt temperature of each sample."""

    net: TemperatureNet
    n_classes: int
    n_copies: int  # transformed copies that it wants beside each sample

    def temperature(self, logits: ArrayLike, copies: ArrayLike | None = None) -> Array:
        """(N,) temperatures of logits (N, K), with those of the copies (M, N, K) it was fitted with.

        Raises:
            ShapeError: other classes or copies than it was fitted with.
        """
        z = as_logits(logits)
        if z.shape[1] != self.n_classes:
            raise ShapeError(f"logits must have the {self.n_classes} classes of the fit, got {z.shape[1]}")
        moved = _checked_copies(copies, z)
        if len(moved) != self.n_copies:
            raise ShapeError(f"copies must be the {self.n_copies} of the fit, got {len(moved)}")
        return self.net(top_probabilities(z, moved))


@method(
    kind="calibrator",
    title="Correctness-aware calibrator",
    paper=PAPER,
    formula=r"\min_\phi \frac{1}{N} \sum_i \big( \max_k \mathrm{softmax}(z_i / \tau_i)_k - c_i \big)^2, "
    r"\quad \tau_i = \tau_\phi(p_i, p_{i1}, \ldots, p_{iM})",
    objective=("correctness", "cross_entropy"),
    norm=("l2", "l1"),
    steps=Range(0, 1000, step=10),
)
def fit_correctness_aware(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    copies: ArrayLike | None = None,
    objective: str = "correctness",
    norm: str = "l2",
    balanced: bool = True,
    steps: int = 200,
    seed: int = 0,
) -> CorrectnessAware:
    """A network from a sample's top probabilities, and those of its copies, to a temperature in [0.1, 10].

    It makes `correctness_aware_loss` small: confidence goes up where the answer is right and down where
    it is wrong. Copies whose answers differ betray wrong ones. It begins at the fitted temperature.

    Args:
        logits: (N, K) scores of held-out data; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        copies: (M, N, K) logits of transformed copies of the samples, see `transformed_copies`; None: none.
        objective: "cross_entropy" trains the same network by the usual loss instead, to compare with.
        norm: "l2" squares the distance between confidence and correctness, "l1" does not.
        balanced: give right and wrong samples the same total weight.
        steps: of the optimiser; 0 leaves the fitted temperature.
        seed: of the network's first weights.

    Raises:
        InputError: bad logits, labels, copies or options; the message names the argument.
    """
    import torch

    option("objective", objective, ("correctness", "cross_entropy"))
    option("norm", norm, ("l2", "l1"))
    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    moved = _checked_copies(copies, z)
    scores = torch.from_numpy(z - z.max(1, keepdims=True))
    right, classes = torch.from_numpy((z.argmax(1) == y).astype(float)), torch.from_numpy(y)

    def loss(tau: Tensor, rows: Tensor) -> Tensor:
        cooled = scores[rows] / tau[:, None]
        if objective == "cross_entropy":
            return torch.nn.functional.cross_entropy(cooled, classes[rows])
        return correctness_mean(cooled.softmax(1).amax(1), right[rows], norm=norm, balanced=balanced)

    net = fitted_net(
        top_probabilities(z, moved),
        loss,
        start=float(np.clip(fit_temperature(z, y).temperature, *BOUNDS)),
        bounds=BOUNDS,
        steps=steps,
        seed=seed,
    )
    return CorrectnessAware(net, z.shape[1], len(moved))


def apply_correctness_aware(
    fit: CorrectnessAware, logits: ArrayLike, copies: ArrayLike | None = None
) -> Array:
    """(N, K) probabilities at each sample's temperature; the top class stays the same.

    Raises:
        InputError: bad logits, other classes or copies than it was fitted with.
    """
    return apply_temperature(logits, fit.temperature(logits, copies))


def _checked_copies(copies: ArrayLike | None, z: Array) -> Array:
    """(M, N, K) logits; M = 0 for None."""
    if copies is None:
        return np.zeros((0, *z.shape))
    moved = as_array(copies, "copies")
    if moved.ndim == 2 and z.shape[1] == 2:
        moved = np.stack([np.zeros_like(moved), moved], 2)
    if moved.ndim != 3 or moved.shape[1:] != z.shape:
        raise ShapeError(f"copies must be (M, {len(z)}, {z.shape[1]}), got {moved.shape}")
    return moved


def top_probabilities(z: Array, copies: Array) -> Array:
    """(N, k or 3 k) probabilities of a sample's k top classes, then their mean and spread over copies.

    The copies' order does not matter, and few held-out samples suffice.
    """
    order = np.argsort(-z, axis=1, kind="stable")[:, :TOP]
    own = np.take_along_axis(softmax(z), order, 1)
    if not len(copies):
        return own
    theirs = np.stack([np.take_along_axis(softmax(copy), order, 1) for copy in copies])
    return np.concatenate([own, theirs.mean(0), theirs.std(0)], 1)
