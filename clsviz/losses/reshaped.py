"""Cross entropy with its slope reshaped by a function of p_y."""

from __future__ import annotations

from torch import Tensor, where

from clsviz.catalogue import Range
from clsviz.losses.row import NOT_NEGATIVE, NOT_POSITIVE, loss
from clsviz.losses.safe import error_prob, like, neg_log_prob, power


@loss(
    title="Focal loss",
    paper="Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002",
    formula=r"\ell = -(1 - p_y)^\gamma \log p_y",
    certainty="C",
    group="Confidence and shape",
    properties=(False, False, True, False, False),
    domains={"gamma": NOT_NEGATIVE},
    gamma=Range(0, 5, step=0.1),
)
def focal(logits: Tensor, targets: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Cross entropy that counts easy rows less.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        gamma: 0 is cross entropy; the larger, the less easy rows count; >= 0.
    """
    m = neg_log_prob(logits, targets)
    return power(error_prob(m), gamma) * m


@loss(
    title="Focal loss, sample-dependent",
    paper="Mukhoti et al. 2020, Calibrating Deep Neural Networks using Focal Loss, arXiv:2002.09437",
    formula=r"\ell = -(1 - p_y)^\gamma \log p_y, \quad "
    r"\gamma = \gamma_{low} \text{ if } p_y < \mathrm{threshold} \text{ else } \gamma_{high}",
    certainty="M",
    group="Confidence and shape",
    properties=(False, False, None, False, False),
    domains={"gamma_low": NOT_NEGATIVE, "gamma_high": NOT_NEGATIVE},
)
def focal_sd(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_low: float = 5.0,
    gamma_high: float = 3.0,
    threshold: float = 0.2,
) -> Tensor:
    """Focal loss whose gamma depends on p_y; the value jumps at the threshold.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        gamma_low: gamma where p_y < threshold; >= 0.
        gamma_high: gamma elsewhere; >= 0.
        threshold: of p_y.
    """
    m = neg_log_prob(logits, targets)
    unsure = m.detach().neg().exp() < threshold
    return power(error_prob(m), where(unsure, like(gamma_low, m), like(gamma_high, m))) * m


@loss(
    title="PolyLoss",
    paper="Leng et al. 2022, PolyLoss: A Polynomial Expansion Perspective of Classification Loss "
    "Functions, arXiv:2204.12511",
    formula=r"\ell = -\log p_y + \mathrm{eps} (1 - p_y)",
    certainty="M",
    group="Confidence and shape",
    properties=(False, False, None, False, False),
    eps=Range(-1, 5, step=0.1),
)
def poly1(logits: Tensor, targets: Tensor, *, eps: float = 1.0) -> Tensor:
    """Cross entropy with its leading polynomial coefficient shifted.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        eps: shift of the coefficient of 1 - p_y; 0 is cross entropy.
    """
    m = neg_log_prob(logits, targets)
    return m + eps * error_prob(m)


@loss(
    title="Symmetric cross entropy",
    paper="Wang et al. 2019, Symmetric Cross Entropy for Robust Learning with Noisy Labels, arXiv:1908.06112",
    formula=r"\ell = -\alpha \log p_y - \beta A (1 - p_y)",
    certainty="M",
    group="Robust to noise",
    properties=(False, False, None, False, False),
    domains={"alpha": NOT_NEGATIVE, "beta": NOT_NEGATIVE, "A": NOT_POSITIVE},
    alpha=Range(0, 10),
    beta=Range(0, 10),
    A=Range(-10, -0.1),
)
def symmetric_ce(
    logits: Tensor, targets: Tensor, *, alpha: float = 1.0, beta: float = 1.0, A: float = -4.0
) -> Tensor:
    """Cross entropy plus reverse cross entropy, the robust part.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        alpha: weight of cross entropy; >= 0.
        beta: weight of reverse cross entropy; >= 0.
        A: stands for log 0 in the reverse part; <= 0.
    """
    m = neg_log_prob(logits, targets)
    return alpha * m - beta * A * error_prob(m)
