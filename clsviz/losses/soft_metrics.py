"""Metrics of a confusion matrix made differentiable: counts of probabilities instead of decisions.

Each is written as what is missing to 1, which keeps its digits when little is missing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import log_probs, own_class, power

METRICS = ("accuracy", "f_beta", "g_mean", "g_mean_sq", "balanced_accuracy")
DICE = "Dice Loss for Data-imbalanced NLP Tasks"
BOUNDED = (True, None, None, None, False)


def _chances(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C) p and 1 - p."""
    log_p = log_probs(logits)
    return log_p.exp(), -log_p.expm1()


@loss(
    title="AnyLoss",
    paper="AnyLoss: Transforming Classification Metrics into Loss Functions",
    formula=r"\ell = 1 - \mathrm{metric}(\hat y, y), \quad \hat y = \sigma(L (p - \frac{1}{2}))",
    certainty="C",
    group="Imbalance and metrics",
    properties=BOUNDED,
    row_kind="batch",
    coupled=True,
    domains={"beta": NOT_NEGATIVE, "L": NOT_NEGATIVE, "eps": POSITIVE},
    metric=METRICS,
    beta=Range(0.1, 5),
    L=Range(1, 200),
)
def anyloss(
    logits: Tensor,
    targets: Tensor,
    *,
    metric: str = "f_beta",
    beta: float = 1.0,
    L: float = 73.0,
    eps: float = 1e-7,
) -> Tensor:
    """One minus a metric of the batch, from probabilities pushed towards 0 and 1; a scalar.

    arXiv:2405.14745. Two classes: the metric of class 1. More: the mean over classes of the metric
    of each class against the rest (our choice).

    Args:
        logits: (N, C) float. targets: (N,) int64.
        metric: which metric; g_mean_sq is the authors' surrogate of g_mean, its square.
        beta: weight of recall against precision in f_beta; >= 0.
        L: amplification; for L -> inf the metric of decisions at p = 1/2.
        eps: keeps the ratios defined; > 0.
    """
    p, own = logits.softmax(-1), own_class(logits, targets)
    if logits.shape[-1] == 2:
        p, own = p[..., 1:], own[..., 1:]
    amplified = L * (p - 0.5)
    guess, rest = amplified.sigmoid(), (-amplified).sigmoid()
    tp, fn = (guess * own).sum(-2), (rest * own).sum(-2)
    fp, tn = (guess * ~own).sum(-2), (rest * ~own).sum(-2)
    if metric == "accuracy":
        return ((fp + fn) / max(logits.shape[-2], 1)).mean()
    if metric == "f_beta":
        wrong = beta**2 * fn + fp + eps
        return (wrong / ((1 + beta**2) * tp + wrong)).mean()
    missed, alarmed = (fn + eps) / (tp + fn + eps), (fp + eps) / (tn + fp + eps)
    if metric == "balanced_accuracy":
        return (missed + alarmed).mean() / 2
    lost = missed + alarmed - missed * alarmed  # 1 - sensitivity * specificity
    if metric == "g_mean_sq":
        return lost.mean()
    kept = tp / (tp + fn + eps) * tn / (tn + fp + eps) + eps
    return ((lost - eps) / (1 + kept.sqrt())).mean()


@loss(
    title="Dice loss",
    paper=DICE,
    formula=r"\ell = 1 - \frac{1}{C} \sum_c "
    r"\frac{2 \sum_i p_{ic} Y_{ic} + s}{\sum_i p_{ic}^r + \sum_i Y_{ic} + s}",
    certainty="C",
    group="Imbalance and metrics",
    properties=BOUNDED,
    row_kind="batch",
    coupled=True,
    domains={"smooth": POSITIVE},
    smooth=Range(1e-6, 10),
)
def dice(logits: Tensor, targets: Tensor, *, smooth: float = 1.0, square: bool = False) -> Tensor:
    """One minus the mean over classes of the soft Dice overlap of the batch; a scalar in [0, 1].

    arXiv:1911.02855; the mean over classes is ours.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        smooth: s, added above and below; > 0.
        square: squares the probabilities below (r = 2).
    """
    p, rest = _chances(logits)
    own = own_class(logits, targets)
    off = torch.where(own, rest, p)  # |p - Y|
    if square:
        p, off = p.square(), off.square()
    return (off.sum(-2) / (p.sum(-2) + own.sum(-2) + smooth)).mean()


@loss(
    title="Tversky loss",
    paper=DICE,
    formula=r"\ell = 1 - \frac{1}{C} \sum_c \frac{TP_c + s}{TP_c + \alpha FP_c + \beta FN_c + s}",
    certainty="M",
    group="Imbalance and metrics",
    properties=BOUNDED,
    row_kind="batch",
    coupled=True,
    domains={"alpha": NOT_NEGATIVE, "beta": NOT_NEGATIVE, "smooth": POSITIVE},
    alpha=Range(0, 2),
    beta=Range(0, 2),
)
def tversky(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
) -> Tensor:
    """Dice loss with own prices for false alarms and misses; a scalar in [0, 1].

    Args:
        logits: (N, C) float. targets: (N,) int64.
        alpha: price of false positives; >= 0.
        beta: price of false negatives; >= 0; both 1 is the soft Jaccard index.
        smooth: s, added above and below; > 0.
    """
    p, rest = _chances(logits)
    own = own_class(logits, targets)
    wrong = alpha * (p * ~own).sum(-2) + beta * (rest * own).sum(-2)
    return (wrong / ((p * own).sum(-2) + wrong + smooth)).mean()


@loss(
    title="Self-adjusting Dice",
    paper=DICE,
    formula=r"\ell = \frac{1}{C} \sum_c \Big( 1 - \frac{2 w_c Y_c + s}{w_c + Y_c + s} \Big), "
    r"\quad w = (1 - p)^\alpha p",
    certainty="M",
    group="Imbalance and metrics",
    properties=BOUNDED,
    domains={"alpha": NOT_NEGATIVE, "smooth": POSITIVE},
    alpha=Range(0, 5),
)
def dsc(logits: Tensor, targets: Tensor, *, alpha: float = 1.0, smooth: float = 1.0) -> Tensor:
    """Dice loss of each row with easy classes counted less.

    arXiv:1911.02855; the mean over classes is ours. Not monotone: beyond p = 1 / (1 + alpha) the
    loss of a right row rises again.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        alpha: how much less sure classes count; 0 is the soft Dice of the row; >= 0.
        smooth: s, added above and below; > 0.
    """
    p, rest = _chances(logits)
    kept = power(rest, alpha)
    w = kept * p
    own = own_class(logits, targets)
    off = torch.where(own, rest + p * (1 - kept), w)  # |w - Y|
    return (off / (w + own + smooth)).mean(-1)
