"""Contrastive losses: embeddings that belong together are found among all others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses import checks
from clsviz.losses.geometry import cosines, diagonal, no_terms_of_no_rows, pairs
from clsviz.losses.row import POSITIVE, loss
from clsviz.losses.safe import log_probs, neg_log_prob

PAPER = "Understanding the Behaviour of Contrastive Loss"


def _mean_of_anchors_with_positives(terms: Tensor, embeddings: Tensor, targets: Tensor, **_: Any) -> Tensor:
    return terms.sum() / pairs(targets)[0].any(-1).sum().clamp(min=1)


@loss(
    title="Supervised contrastive",
    paper=PAPER,
    formula=r"\ell_i = -\frac{1}{|P_i|} \sum_{p \in P_i} "
    r"\log \frac{e^{s_{ip}}}{\sum_{a \ne i} e^{s_{ia}}}, \quad s_{ij} = \cos(x_i, x_j) / \tau",
    certainty="M",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    domains={"tau": POSITIVE},
    mean=_mean_of_anchors_with_positives,
    temperature_like=("tau",),
    tau=Range(0.01, 2, log=True),
)
@no_terms_of_no_rows
def supcon(embeddings: Tensor, targets: Tensor, *, tau: float = 0.1) -> Tensor:
    """How hard it is to pick the rows of the same class among all other rows.

    arXiv:2004.11362 (sum outside the logarithm), temperature arXiv:2012.09740. Rows without another
    of their class have term 0 and do not count in the mean.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        tau: divides the cosines; > 0.
    """
    s = cosines(embeddings, embeddings) / tau
    positive, _ = pairs(targets)
    found = log_probs(s.masked_fill(diagonal(s), -torch.inf))
    return -torch.where(positive, found, 0.0).sum(-1) / positive.sum(-1).clamp(min=1)


@loss(
    title="InfoNCE",
    paper=PAPER,
    formula=r"\ell_i = -\log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}}, \quad s_{ij} = \cos(x_i, k_j) / \tau",
    certainty="V",
    group="Embeddings",
    row_kind="embeddings",
    targets="none",
    coupled=True,
    extras={"keys": checks.same_shape},
    domains={"tau": POSITIVE},
    temperature_like=("tau",),
    aliases=("info_nce",),
    tau=Range(0.01, 2, log=True),
)
@no_terms_of_no_rows
def infonce(embeddings: Tensor, targets: Tensor | None, keys: Tensor, *, tau: float = 0.1) -> Tensor:
    """How hard it is to pick a row's own key among the keys of all rows.

    arXiv:2012.09740. One direction only; the gradient reaches the keys, too.

    Args:
        embeddings: (N, D) float. targets: ignored, may be None.
        keys: (N, D) float, row i belongs to row i of the embeddings.
        tau: divides the cosines; > 0. The smaller, the more the nearest wrong keys count.
    """
    s = cosines(embeddings, keys) / tau
    return neg_log_prob(s, torch.arange(len(s), device=s.device))
