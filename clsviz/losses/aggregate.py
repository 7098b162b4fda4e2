"""Learning from the label proportions of bags of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.checks import row_ints
from clsviz.losses.row import SHARE, loss
from clsviz.losses.safe import log_probs, own_class


class _Bags:
    """Sums over the members of each bag; a bag is known by the place of its first member in order."""

    def __init__(self, bags: Tensor) -> None:
        self._place = torch.searchsorted(bags.sort().values, bags)

    def total(self, rows: Tensor) -> Tensor:
        """(N, C) sum over the bag of each row."""
        index = self._place.unsqueeze(-1).expand(rows.shape)
        return torch.zeros_like(rows).scatter_add(0, index, rows).gather(0, index)

    def highest(self, rows: Tensor) -> Tensor:
        """(N, C) maximum over the bag of each row."""
        index = self._place.unsqueeze(-1).expand(rows.shape)
        return rows.scatter_reduce(0, index, rows, "amax", include_self=False).gather(0, index)


@loss(
    title="Aggregate responses",
    paper="Learning from Aggregate responses: Instance Level versus Bag Level Loss Functions",
    formula=r"\ell_{bag} = -\sum_k \bar Y_{bk} \log \bar p_{bk}, "
    r"\quad \ell_{instance} = -\sum_k \bar Y_{bk} \log p_{ik}",
    certainty="C",
    group="Weighting and memory",
    coupled=True,
    extras={"bags": row_ints},
    domains={"rho": SHARE},
    aliases=("aggregate_loss",),
    level=("bag", "instance", "interp"),
    rho=Range(0, 1),
    base=("ce", "mse"),
)
def aggregate(
    logits: Tensor,
    targets: Tensor,
    bags: Tensor,
    *,
    level: str = "bag",
    rho: float = 0.5,
    base: str = "ce",
) -> Tensor:
    """Cross entropy or squared error to the mean label of the bag that a row is in.

    arXiv:2401.11081; the cross-entropy form is ours. Every row carries the term of its bag.

    Args:
        logits: (N, C) float. targets: (N,) int64, used only through their proportions in each bag.
        bags: (N,) int64, which bag each row is in.
        level: bag compares the mean prediction, instance each prediction, interp mixes both.
        rho: share of instance in interp, in [0, 1].
        base: ce or mse (on probabilities).
    """
    groups = _Bags(bags)
    log_p = log_probs(logits)
    p, rest = log_p.exp(), -log_p.expm1()
    own = own_class(logits, targets)
    size = groups.total(torch.ones_like(p))
    share, other = groups.total(own.to(p.dtype)) / size, groups.total((~own).to(p.dtype)) / size

    def square(p: Tensor, rest: Tensor) -> Tensor:
        # of the two forms of share - p the one whose numbers are small
        return torch.where(share > 0.5, rest - other, share - p).square().sum(-1)

    def bag() -> Tensor:
        mean_rest = groups.total(rest) / size
        if base == "mse":
            return square(groups.total(p) / size, mean_rest)
        shift = groups.highest(log_p.detach())
        mean_log = shift + (groups.total((log_p - shift).exp()) / size).log()
        sure = mean_rest < 0.5  # there the mean of p is near 1 and what is missing keeps the digits
        return -(share * torch.where(sure, torch.log1p(-torch.where(sure, mean_rest, 0.0)), mean_log)).sum(-1)

    def instance() -> Tensor:
        return square(p, rest) if base == "mse" else -(share * log_p).sum(-1)

    if level == "interp":
        return (1 - rho) * bag() + rho * instance()
    return bag() if level == "bag" else instance()
