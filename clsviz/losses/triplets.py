"""Losses that compare a distance within a class to one between classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses import checks
from clsviz.losses.geometry import distances, no_terms_of_no_rows, pairs
from clsviz.losses.row import NOT_NEGATIVE, Domain, loss
from clsviz.losses.safe import own_class

SUSANA = (
    "SuSana Distancia is all you need: Enforcing class separability in metric learning via two novel "
    "distance-based loss functions for few-shot image classification"
)


@loss(
    title="Triplet margin",
    paper="Schroff et al. 2015, FaceNet: A Unified Embedding for Face Recognition and Clustering, "
    "arXiv:1503.03832",
    formula=r"\ell = \max(0, D_{ap} - D_{an} + \mathrm{margin})",
    certainty="V",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    vmap=False,  # the number of terms depends on the targets
    margin=Range(0, 2),
    mining=("all", "hard"),
)
@no_terms_of_no_rows
def triplet(
    embeddings: Tensor, targets: Tensor, *, margin: float = 0.2, mining: str = "all", squared: bool = False
) -> Tensor:
    """How much a row of the same class lacks to be nearer by the margin than one of another class.

    One term for each (anchor, positive, negative) in lexicographic order, or for each anchor that
    has both. Terms that are 0 count in the mean. The embeddings are not normalised.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        margin: in units of the distance.
        mining: all triplets, or hard: farthest positive and nearest negative of each anchor.
        squared: squared distances.
    """
    d = distances(embeddings, embeddings, squared=squared)
    positive, negative = pairs(targets)
    if mining == "all":
        a, p, n = (positive.unsqueeze(-1) & negative.unsqueeze(-2)).nonzero(as_tuple=True)
        return (d[a, p] - d[a, n] + margin).relu()
    both = positive.any(-1) & negative.any(-1)
    farthest = d.masked_fill(~positive, -torch.inf)[both].max(-1).values
    nearest = d.masked_fill(~negative, torch.inf)[both].min(-1).values
    return (farthest - nearest + margin).relu()


def _check_prototypes(
    embeddings: Tensor, targets: Tensor, prototypes: Tensor | None = None, **_: Any
) -> None:
    if prototypes is not None:
        checks.in_range("targets", targets, len(prototypes), f"prototypes has {len(prototypes)} rows")


@loss(
    title="Prototype triplet",
    paper=SUSANA,
    formula=r"\ell_i = \max \big( 0, d(x_i, c_y) - \min_{k \ne y} d(x_i, c_k) + \mathrm{margin} \big)",
    certainty="O",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    extras={"prototypes": checks.class_vectors},
    check=_check_prototypes,
    margin=Range(0, 5),
)
@no_terms_of_no_rows
def proto_triplet(
    embeddings: Tensor,
    targets: Tensor,
    prototypes: Tensor | None = None,
    *,
    margin: float = 1.0,
    squared: bool = True,
) -> Tensor:
    """How much a row lacks to be nearer by the margin to its class's prototype than to any other.

    Our reading of arXiv:2305.09062. The gradient reaches the prototypes, too.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        prototypes: (C, D) float; by default the means of the classes in the batch.
        margin: in units of the distance.
        squared: squared distances.
    """
    if prototypes is None:
        # Every row brings the mean of its class: the same mean twice changes no minimum.
        member = (targets.unsqueeze(-1) == targets).to(embeddings.dtype)
        prototypes = member @ embeddings / member.sum(-1, keepdim=True)
        d = distances(embeddings, prototypes, squared=squared)
        own, rival = d.diagonal(dim1=-2, dim2=-1), member == 0
    else:
        d = distances(embeddings, prototypes, squared=squared)
        own, rival = d.gather(-1, targets.unsqueeze(-1)).squeeze(-1), ~own_class(d, targets)
    some = rival.any(-1)
    nearest = torch.where(some, d.masked_fill(~rival, torch.inf).min(-1).values, 0.0)
    return torch.where(some, (own - nearest + margin).relu(), 0.0)


@loss(
    title="Intra/inter-class nearest neighbours (ICNN)",
    paper=SUSANA,
    formula=r"\ell_i = -\log \frac{b_i + \epsilon}{a_i + b_i + \epsilon}",
    certainty="O",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    vmap=False,  # the number of terms depends on the targets
    domains={"k": Domain(">= 1", lambda v: v >= 1), "eps": NOT_NEGATIVE},
    k=Range(1, 10, step=1),
)
@no_terms_of_no_rows
def icnn(embeddings: Tensor, targets: Tensor, *, k: int = 1, eps: float = 1e-12) -> Tensor:
    """Distance a to the nearest rows of the same class against b to those of other classes.

    A reduced form of arXiv:2305.09062. Scale invariant; log 2 where a = b. Rows without another
    of their class or of another class give no term.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        k: neighbours averaged (all there are when fewer); >= 1.
        eps: >= 0.
    """
    d = distances(embeddings, embeddings)
    positive, negative = pairs(targets)
    both = positive.any(-1) & negative.any(-1)
    a, b = _near(d[both], positive[both], k), _near(d[both], negative[both], k)
    return torch.log1p(a / (b + eps))


def _near(d: Tensor, among: Tensor, k: int) -> Tensor:
    """(M,) mean of the k smallest distances of each row among those marked."""
    nearest = d.masked_fill(~among, torch.inf).topk(min(k, d.shape[-1]), largest=False).values
    count = among.sum(-1).clamp(max=k)
    return nearest.masked_fill(nearest == torch.inf, 0.0).sum(-1) / count
