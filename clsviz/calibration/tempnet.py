"""A temperature for each sample: the loss TempNet learns from, and the temperature it aims at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.inputs import Array, as_array, as_labels, as_logits, log_softmax
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

PAPER = "To Cool or not to Cool? Temperature Network Meets Large Foundation Models via DRO, arXiv:2404.04575"
RHO = Range(0, 3, unit="nats")
HALVINGS = 60  # of the interval of temperatures: below one rounding error


@method(
    kind="measure",
    title="TempNet loss",
    paper=PAPER,
    formula=r"\tau \, \mathrm{CE}(z / \tau, y) + (\rho - \log K) \, \tau",
    rho=RHO,
)
def tempnet_loss(logits: ArrayLike, labels: ArrayLike, tau: ArrayLike, *, rho: float = 1.0) -> Array:
    """Robust loss of each sample at its temperature, (N,); convex in the temperature.

    Args:
        logits: (N, K) scores; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        tau: temperature > 0, one for all or (N,).
        rho: radius of the ball around uniform weights, >= 0, in nats.

    Raises:
        InputError: bad logits or labels, tau not above 0, or rho below 0.
    """
    import torch

    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    t = as_array(tau, "tau")
    if t.ndim and t.shape != (len(z),):
        raise ShapeError(f"tau must be one number or ({len(z)},), got {t.shape}")
    if t.min() <= 0:
        raise InputError(f"tau must be > 0, got {t.min():g}")
    terms = tempnet_terms(torch.as_tensor(z), torch.as_tensor(y), torch.as_tensor(t), rho=_radius(rho))
    return terms.numpy()


def tempnet_terms(logits: Tensor, labels: Tensor, tau: Tensor, *, rho: float = 1.0) -> Tensor:
    """`tempnet_loss` of tensors, unchecked, with gradients in logits and tau (scalar or (N,))."""
    over_label = logits - logits.gather(1, labels[:, None])
    entropy_bound = float(np.log(logits.shape[1]))
    return tau * (over_label / tau.reshape(-1, 1)).logsumexp(1) + (rho - entropy_bound) * tau


@method(
    kind="calibrator",
    title="Temperature of a robust ball",
    paper=PAPER,
    formula=r"\mathrm{KL}\big( \mathrm{softmax}(z / \tau) \,\|\, 1/K \big) = \rho",
    rho=RHO,
    tau_min=Range(0.001, 1, log=True),
    tau_max=Range(0.5, 20, log=True),
)
def tempnet_temperature(
    logits: ArrayLike, *, rho: float = 1.0, tau_min: float = 0.01, tau_max: float = 2.0
) -> Array:
    """The temperature of least `tempnet_loss` for each sample, (N,), whatever its label.

    It makes the softmax lie at KL distance rho from uniform: confident samples get a high one.

    Args:
        logits: (N, K) scores; (N,) for two classes.
        rho: distance from uniform, >= 0, in nats; from log K on no temperature reaches it.
        tau_min, tau_max: bounds, 0 < tau_min < tau_max; what lies outside is clipped.

    Raises:
        InputError: bad logits, bounds or rho.
    """
    z = as_logits(logits)
    rho = _radius(rho)
    if not 0 < tau_min < tau_max < np.inf:
        raise InputError(f"tau_min and tau_max must be 0 < tau_min < tau_max, got {tau_min!r}, {tau_max!r}")
    z = z - z.max(1, keepdims=True)
    low, high = np.full(len(z), tau_min), np.full(len(z), tau_max)
    short, far = _distance(z, low) <= rho, _distance(z, high) >= rho
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        still_far = _distance(z, middle) > rho
        low, high = np.where(still_far, middle, low), np.where(still_far, high, middle)
    return np.where(far, tau_max, np.where(short, tau_min, (low + high) / 2))


def _distance(z: Array, tau: Array) -> Array:
    """KL(softmax(z / tau) || uniform) of each row; falls with tau."""
    log_p = log_softmax(z / tau[:, None])
    return np.log(z.shape[1]) + (np.exp(log_p) * log_p).sum(1)


def _radius(rho: float) -> float:
    if not 0 <= rho < np.inf:
        raise InputError(f"rho must be >= 0 and finite, got {rho!r}")
    return float(rho)
