"""Losses of the spherical family: functions of scores that need no exponentials."""

from __future__ import annotations

import math

from torch import Tensor, where
from torch.nn.functional import logsigmoid

from clsviz.catalogue import Range
from clsviz.losses.geometry import norms
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import gaps, like, neg_log_prob

PAPER = "The Z-loss: a shift and scale invariant classification loss belonging to the Spherical Family"


@loss(
    title="Z-loss",
    paper=PAPER,
    formula=r"\ell = \frac{1}{a} \log \Big( 1 + e^{a (b - \tilde z_y)} \Big), "
    r"\quad \tilde z = \frac{z - \mu}{\sigma + \epsilon}",
    certainty="C",
    group="Confidence and shape",
    properties=(True, False, None, False, False),
    domains={"a": POSITIVE, "eps": NOT_NEGATIVE},
    a=Range(0.1, 30),
    b=Range(-5, 30),
)
def z_loss(logits: Tensor, targets: Tensor, *, a: float = 1.0, b: float = 0.0, eps: float = 1e-12) -> Tensor:
    """Softplus of how far the target's standardised score falls short of b.

    arXiv:1604.08859. Shifting and scaling a row changes nothing. Not the (log Z)^2 of language
    models.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        a: steepness; > 0.
        b: standardised score at which the loss bends; no score exceeds sqrt(C - 1).
        eps: added to the standard deviation; >= 0.
    """
    d = gaps(logits, targets)  # exactly 0 in a row of equal logits, which z - mean(z) need not be
    mean = d.mean(-1, keepdim=True)
    spread = norms(d - mean) / math.sqrt(d.shape[-1]) + eps
    score = (-mean / where(spread == 0, 1.0, spread)).squeeze(-1)
    return -logsigmoid(a * (score - b)) / a


@loss(
    title="Log-spherical softmax",
    paper=PAPER,
    formula=r"\ell = -\log \frac{z_y^2 + \epsilon}{\sum_k (z_k^2 + \epsilon)}",
    certainty="M",
    group="Confidence and shape",
    properties=(False, False, None, True, False),
    domains={"eps": POSITIVE},
    eps=Range(1e-6, 1, log=True),
)
def log_spherical(logits: Tensor, targets: Tensor, *, eps: float = 1e-3) -> Tensor:
    """Minus the log share of the target in the sum of the squared scores.

    arXiv:1511.05042. Even in each score: its sign is lost.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        eps: added to each square; > 0.
    """
    return neg_log_prob(2 * logits.hypot(like(eps, logits).sqrt()).log(), targets)


@loss(
    title="Taylor softmax",
    paper=PAPER,
    formula=r"\ell = -\log \frac{1 + z_y + z_y^2/2}{\sum_k (1 + z_k + z_k^2/2)}",
    certainty="M",
    group="Confidence and shape",
    properties=(False, False, None, True, False),
)
def log_taylor(logits: Tensor, targets: Tensor) -> Tensor:
    """Minus the log share of the target when e^z is replaced by its second-order expansion.

    arXiv:1511.05042. The expansion is least, 1/2, at z = -1.

    Args:
        logits: (N, C) float. targets: (N,) int64.
    """
    # 1 + z + z^2 / 2 = ((z + 1)^2 + 1) / 2
    return neg_log_prob(2 * (logits + 1).hypot(like(1.0, logits)).log(), targets)
