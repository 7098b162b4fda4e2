"""Losses that limit or judge the confidence of a prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.geometry import norms
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import error_prob, like, log1mexp, neg_log_prob

RARE = 30.0  # at m - log n above it, n draws hit once at most: the loss is m - log n to all digits


@loss(
    title="Direct coverage (pass at n)",
    paper="Rethinking Fine-Tuning when Scaling Test-Time Compute: Limiting Confidence Improves "
    "Mathematical Reasoning",
    formula=r"\ell = -\log \big( 1 - (1 - p_y)^n \big)",
    certainty="C",
    group="Confidence and shape",
    properties=(False, False, None, False, False),
    domains={"n": POSITIVE},
    aliases=("pass_at_n",),
    n=Range(1, 4096, log=True),
)
def dco(logits: Tensor, targets: Tensor, *, n: float = 8.0) -> Tensor:
    """Minus the log chance that one of n draws is right; sure rows are left alone.

    arXiv:2502.07154.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        n: draws; 1 is cross entropy; > 0.
    """
    m = neg_log_prob(logits, targets)
    log_n = like(n, m).log()
    far, sure = m - log_n > RARE, m < torch.finfo(m.dtype).tiny
    misses = -n * log1mexp(torch.where(far | sure, 1.0, m))  # -log of the chance that all draws miss
    value = torch.where(far, m - log_n, -log1mexp(misses))
    return torch.where(sure, 0.0, value)


@loss(
    title="Correctness-aware",
    paper="Optimizing Calibration by Gaining Aware of Prediction Correctness",
    formula=r"\ell = (1[k = y] - \mathrm{softmax}(z/\tau)_k)^2, \quad k = \arg\max z",
    certainty="M",
    group="Confidence and shape",
    properties=(True, None, None, None, False),
    domains={"tau": POSITIVE},
    temperature_like=("tau",),
    tau=Range(0.05, 20),
)
def correctness_aware(logits: Tensor, targets: Tensor, *, tau: float = 1.0) -> Tensor:
    """Squared distance of the top confidence from whether the prediction is right, in [0, 1].

    arXiv:2404.13016, squared form. For calibrators fitted after training, not for training: a
    wrong row only lowers its confidence.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        tau: divides the logits; > 0.
    """
    top = logits.detach().argmax(-1)
    m = neg_log_prob(logits / tau, top)
    return torch.where(top == targets, error_prob(m).square(), (-2 * m).exp())


@loss(
    title="Logit normalisation",
    paper="Wei et al. 2022, Mitigating Neural Network Overconfidence with Logit Normalization, "
    "arXiv:2205.09310",
    formula=r"\ell = -\log \mathrm{softmax} \Big( \frac{z}{\tau (\|z\|_2 + \epsilon)} \Big)_y",
    certainty="M",
    group="Confidence and shape",
    properties=(True, False, None, False, False),
    domains={"tau": POSITIVE, "eps": NOT_NEGATIVE},
    temperature_like=("tau",),
    tau=Range(0.01, 2, log=True),
)
def logit_norm(logits: Tensor, targets: Tensor, *, tau: float = 0.04, eps: float = 1e-7) -> Tensor:
    """Cross entropy of the direction of the logits: their length cannot make it sure.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        tau: temperature after normalisation; > 0.
        eps: added to the norm; >= 0.
    """
    length = norms(logits) + eps
    length = torch.where(length == 0, 1.0, length)
    return neg_log_prob(logits / (tau * length), targets)
