"""Classes in an order: one threshold between each two neighbours."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from clsviz.catalogue import Range
from clsviz.errors import InputError, ShapeError
from clsviz.losses import checks
from clsviz.losses.row import NOT_NEGATIVE, loss
from clsviz.losses.safe import log1mexp

FLOOR = 1e-12  # of the probability inside the logarithm


def _equal_directions(num_classes: int, dim: int) -> nn.Parameter:
    """The proportional odds model: one direction of length about 1 for all thresholds."""
    if num_classes < 2:
        raise InputError(f"presto: num_classes must be >= 2 to have an order, got {num_classes}")
    return nn.Parameter((torch.randn(dim) / dim**0.5).repeat(num_classes - 1, 1))


def _increasing_thresholds(num_classes: int) -> nn.Parameter:
    """Where each class has the same probability at eta = bias."""
    return nn.Parameter(torch.logit(torch.arange(1, num_classes) / num_classes))


def _check(embeddings: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, **_: Any) -> None:
    if embeddings.shape[1] != weight.shape[1]:
        raise ShapeError(f"embeddings must have dim={weight.shape[1]} columns, got {embeddings.shape[1]}")
    checks.in_range("targets", targets, len(bias) + 1, f"num_classes={len(bias) + 1}")


@loss(
    title="PRESTO (nearly proportional odds)",
    paper="Predicting Rare Events by Shrinking Towards Proportional Odds",
    formula=r"\ell = -\log \big( \sigma(\eta_y) - \sigma(\eta_{y-1}) \big) "
    r"+ \lambda \sum_{k \ge 1} \|w_k - w_{k-1}\|_1, \quad \eta_k = w_k \cdot x + b_k",
    certainty="M",
    group="Ordinal and values",
    row_kind="ordinal",
    check=_check,
    domains={"lam": NOT_NEGATIVE},
    state={"weight": _equal_directions, "bias": _increasing_thresholds},
    lam=Range(0, 10),
)
def presto(
    embeddings: Tensor,
    targets: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    lam: float = 0.1,
    penalize_first: bool = False,
) -> Tensor:
    """Ordinal regression whose thresholds have directions of their own, drawn towards one another.

    arXiv:2306.00077. Equal directions are the proportional odds model; what a rare class lacks in
    samples it takes from the neighbouring threshold. P(y <= k) = sigma(eta_k) needs increasing eta:
    where they cross, the probability is taken as 1e-12 and gives no gradient.

    Args:
        embeddings: (N, D) float. targets: (N,) int64, classes 0..C-1 in their order.
        weight: (C-1, D) direction of each threshold. bias: (C-1,), increasing.
        lam: weight of the L1 differences of neighbouring directions, added to each term; >= 0.
        penalize_first: add the L1 length of the first direction.
    """
    eta = embeddings @ weight.mT + bias
    row = targets.unsqueeze(-1)
    upper = torch.nn.functional.pad(eta, (0, 1), value=torch.inf).gather(-1, row).squeeze(-1)
    lower = torch.nn.functional.pad(eta, (1, 0), value=-torch.inf).gather(-1, row).squeeze(-1)
    # sigma(u) - sigma(l) = sigma(u) sigma(-l) (1 - e^(l-u)); below FLOOR it is certainly floored
    gap = upper - lower
    apart = gap > FLOOR
    between = log1mexp(torch.where(apart, gap, 1.0))
    m = -(logsigmoid(upper) + logsigmoid(-lower) + between).clamp(min=math.log(FLOOR))
    m = torch.where(apart, m, -math.log(FLOOR))
    penalty = weight.diff(dim=0).abs().sum() + penalize_first * weight[0].abs().sum()
    return m + lam * penalty
