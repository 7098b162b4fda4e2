"""Losses that let an adversary choose the class weights, held back by a KL penalty."""

from __future__ import annotations

from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import POSITIVE, loss
from clsviz.losses.safe import gaps, log_mean_exp, own_class


@loss(
    title="Label-distributionally robust (KL)",
    paper="Label Distributionally Robust Losses for Multi-class Classification: "
    "Consistency, Robustness and Adaptivity",
    formula=r"\ell = \lambda \log \Big( \frac{1}{C} \sum_k \exp \frac{z_k - z_y + c_k}{\lambda} \Big), "
    r"\quad c_k = \mathrm{margin} \cdot 1[k \ne y]",
    certainty="C",
    group="Temperature and DRO",
    properties=(False, False, True, True, True),
    domains={"lam": POSITIVE},
    temperature_like=("lam",),
    aliases=("ldr",),
    lam=Range(0.01, 20, log=True),
    margin=Range(0, 5),
)
def ldr_kl(logits: Tensor, targets: Tensor, *, lam: float = 1.0, margin: float = 0.0) -> Tensor:
    """Worst weighted mean of the class gaps, from hinge (small lam) to linear (large lam).

    arXiv:2112.14869. May be negative.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        lam: price of leaving uniform class weights, in logit units; > 0.
        margin: lead wanted over each rival, in logit units.
    """
    rival = ~own_class(logits, targets)
    return lam * log_mean_exp((gaps(logits, targets) + margin * rival) / lam)
