"""Margin losses: zero once the target leads by the margin."""

from __future__ import annotations

from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import loss
from clsviz.losses.safe import rival_gaps


@loss(
    title="Hinge, best rival",
    paper="Crammer and Singer 2001, On the Algorithmic Implementation of Multiclass Kernel-based "
    "Vector Machines",
    formula=r"\ell = \max(0, \max_{k \ne y} (z_k - z_y + \mathrm{margin}))",
    certainty="C",
    group="Margin",
    properties=(False, False, False, False, True),
    margin=Range(0, 5, step=0.1),
)
def hinge_cs(logits: Tensor, targets: Tensor, *, margin: float = 1.0) -> Tensor:
    """How far the best rival is from trailing the target by the margin.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        margin: lead wanted, in logit units.
    """
    return (rival_gaps(logits, targets).max(-1).values + margin).relu()


@loss(
    title="Hinge, all rivals",
    paper="Weston and Watkins 1999, Support Vector Machines for Multi-Class Pattern Recognition",
    formula=r"\ell = \sum_{k \ne y} \max(0, \mathrm{margin} + z_k - z_y)^{\mathrm{power}}",
    certainty="V",
    group="Margin",
    properties=(False, False, False, False, True),
    margin=Range(0, 5),
    power=(1, 2),
)
def hinge_ww(
    logits: Tensor, targets: Tensor, *, margin: float = 1.0, power: int = 1, average: bool = False
) -> Tensor:
    """Sum over the rivals of what each lacks to trail the target by the margin.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        margin: lead wanted, in logit units.
        power: 1, or 2 for the squared hinge.
        average: divide by C (not C - 1), as torch's multi-margin loss does.
    """
    lack = (rival_gaps(logits, targets) + margin).relu()
    total = (lack.square() if power == 2 else lack).sum(-1)
    return total / logits.shape[-1] if average else total
