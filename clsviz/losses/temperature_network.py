"""The loss that teaches a network a temperature for each sample."""

from __future__ import annotations

import math

from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses import checks
from clsviz.losses.row import SHARE, loss
from clsviz.losses.safe import neg_log_prob


@loss(
    title="Temperature network",
    paper="To Cool or not to Cool? Temperature Network Meets Large Foundation Models via DRO",
    formula=r"\ell = \tau \, \big( -\log \mathrm{softmax}(z)_y + \rho - \log C \big), \quad "
    r"z = s / \tau, \quad \rho = r \log C",
    certainty="C",
    group="Temperature and DRO",
    extras={"tau": checks.row_floats},
    domains={"radius": SHARE},
    radius=Range(0, 1, step=0.01, unit="of log C"),
)
def tempnet(logits: Tensor, targets: Tensor, tau: Tensor, *, radius: float = 0.85) -> Tensor:
    """Robust loss whose temperature a network gives: each sample is to be as sure as the radius says.

    arXiv:2404.04575; the model "tempnet" gives logits and tau. Where tau alone moves, and the scores
    s = tau z stay, the loss is least where the probabilities are rho nats from uniform, whatever
    the label: `dro_temperature` takes that tau itself.

    Args:
        logits: (N, C) float, scores already divided by tau. targets: (N,) int64.
        tau: (N,) float > 0.
        radius: how far from uniform probabilities are to be, as a KL divergence: rho / log C, in [0, 1].
    """
    return tau * (neg_log_prob(logits, targets) - (1 - radius) * math.log(logits.shape[-1]))
