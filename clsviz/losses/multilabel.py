"""Losses for samples with several labels at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from clsviz.catalogue import Range
from clsviz.losses.checks import class_floats, row_vectors
from clsviz.losses.geometry import cosines
from clsviz.losses.row import NOT_NEGATIVE, loss


def _correlated(p: Tensor, labels: Tensor) -> Tensor:
    """(N,) squared differences of probabilities, weighted by how often two labels occur together."""
    length = labels.sum(-2).sqrt()  # labels are 0 or 1
    together = labels.mT @ labels / (length.unsqueeze(-1) * length.unsqueeze(-2)).clamp(min=1e-12)
    together = together.triu(1)
    apart = (p.unsqueeze(-1) - p.unsqueeze(-2)).square()
    return (together * apart).sum((-1, -2)) / together.sum().clamp(min=1e-12)


def _contrast(embeddings: Tensor, labels: Tensor, margin: float) -> Tensor:
    """(N,) mean pull towards samples that share labels and push from those that do not."""
    n = labels.shape[-2]
    common = labels @ labels.mT
    count = labels.sum(-1)
    union = count.unsqueeze(-1) + count.unsqueeze(-2) - common
    alike = common / union.clamp(min=1)  # Jaccard index; 0 for two empty sets
    cosine = cosines(embeddings, embeddings)
    pairs = alike * (1 - cosine) + (1 - alike) * (cosine - margin).relu()
    others = ~torch.eye(n, dtype=torch.bool, device=labels.device)
    return torch.where(others, pairs, 0.0).sum(-1) / (n - 1)


@loss(
    title="Hybrid multi-label",
    paper="Improving Arabic Multi-Label Emotion Classification using Stacked Embeddings and Hybrid "
    "Loss Function",
    formula=r"\ell_i = \mathrm{BCE}_i + \lambda_{corr} R_i + \lambda_{con} K_i, "
    r"\quad R_i = \frac{\sum_{c < c'} R_{cc'} (p_{ic} - p_{ic'})^2}{\sum_{c < c'} R_{cc'}}",
    certainty="O",
    group="Several labels",
    row_kind="multilabel",
    targets="label_sets",
    coupled=True,
    extras={"embeddings": row_vectors, "pos_weight": class_floats},
    domains={"lam_corr": NOT_NEGATIVE, "lam_con": NOT_NEGATIVE},
    lam_corr=Range(0, 5),
    lam_con=Range(0, 5),
    con_margin=Range(-1, 1),
)
def hybrid_multilabel(
    logits: Tensor,
    targets: Tensor,
    embeddings: Tensor | None = None,
    pos_weight: Tensor | None = None,
    *,
    lam_corr: float = 0.1,
    lam_con: float = 0.1,
    con_margin: float = 0.5,
) -> Tensor:
    """Binary cross entropy of each label, correlation of the labels, and contrast of embeddings.

    A reading of arXiv:2410.03979. Both weights 0: binary cross entropy with logits.

    Args:
        logits: (N, C) float, one for each label.
        targets: (N, C) of 0 and 1, which labels each row has.
        embeddings: (N, D) float; without them there is no contrast. The gradient reaches them.
        pos_weight: (C,) float, weight of the labels that a row has.
        lam_corr: weight of the correlation; >= 0.
        lam_con: weight of the contrast; >= 0.
        con_margin: cosine up to which samples without a common label are left alone.
    """
    labels = targets.to(logits.dtype)
    weight = 1.0 if pos_weight is None else pos_weight
    binary = -(weight * labels * logsigmoid(logits) + (1 - labels) * logsigmoid(-logits)).mean(-1)
    terms = binary + lam_corr * _correlated(logits.sigmoid(), labels)
    if embeddings is None or logits.shape[-2] < 2:
        return terms
    return terms + lam_con * _contrast(embeddings, labels, con_margin)
