"""Neighbour classification of each row by the others of its batch."""

from __future__ import annotations

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.geometry import cosines, diagonal, no_terms_of_no_rows
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, Domain, loss
from clsviz.losses.safe import like, log_sum_exp


@loss(
    title="Leave-one-out nearest neighbours (LOOK)",
    paper="Rethinking Supervised Pre-training for Better Downstream Transferring",
    formula=r"\ell_i = -\log \Big( \epsilon + \sum_{j \in N_i,\, y_j = y_i} w_j \Big), "
    r"\quad w = \mathrm{softmax}_{N_i}(\cos / \tau)",
    certainty="M",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    domains={"k": Domain(">= 1", lambda v: v >= 1), "tau": POSITIVE, "eps": NOT_NEGATIVE},
    temperature_like=("tau",),
    aliases=("look_knn",),
    k=Range(1, 63, step=1),  # up to N - 1, and a batch has 64 rows by default
    tau=Range(0.01, 2),
)
@no_terms_of_no_rows
def look(embeddings: Tensor, targets: Tensor, *, k: int = 5, tau: float = 0.1, eps: float = 1e-8) -> Tensor:
    """Minus the log vote that a row's nearest neighbours in the batch give to its class.

    arXiv:2110.06014, with neighbours from the batch instead of a memory bank. A class may fall
    into several clusters. With k = N - 1 it is leave-one-out neighbourhood component analysis.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        k: neighbours by cosine that vote (all others when fewer; of equals the first); >= 1.
        tau: divides the cosines; > 0.
        eps: vote that every class has; >= 0. A row without a neighbour of its class has the term
            -log eps and no gradient.
    """
    s = cosines(embeddings, embeddings)
    itself = diagonal(s)
    order = s.detach().masked_fill(itself, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    voter = (order.argsort(-1) < k) & ~itself
    own = voter & (targets.unsqueeze(-1) == targets)
    s = s / tau
    everyone = log_sum_exp(s, voter)
    everyone = torch.where(voter.any(-1), everyone, 0.0)
    vote = log_sum_exp(s, own) - everyone
    against = (log_sum_exp(s, voter & ~own) - everyone).exp()
    floor = like(eps, s)
    # Two forms: each keeps its digits where the other loses them.
    sure = own.any(-1) & (against < 0.5)
    near = torch.log1p(floor - torch.where(sure, against, 0.0))
    far = torch.logaddexp(floor.log(), torch.where(own.any(-1), vote, -torch.inf))
    return -torch.where(sure, near, far)
