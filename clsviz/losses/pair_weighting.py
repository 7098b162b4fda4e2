"""Losses that weigh all positive and negative pairs of a batch by their similarity."""

from __future__ import annotations

import math
import numbers
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.errors import InputError
from clsviz.losses.geometry import cosines, no_terms_of_no_rows, pairs, unit
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import surprisal

SAME = 1 - 1e-5  # positives as similar as this are taken as copies of the anchor


def _log_one_plus(s: Tensor, where: Tensor) -> Tensor:
    """log(1 + sum of e^s) over the marked entries of the last axis."""
    return surprisal(s.masked_fill(~where, -torch.inf))


@loss(
    title="Multi-similarity",
    paper="Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
    formula=r"\ell_i = \frac{1}{a} \log \Big( 1 + \sum_{P} e^{-a (s - \theta)} \Big) "
    r"+ \frac{1}{b} \log \Big( 1 + \sum_{N} e^{b (s - \theta)} \Big)",
    certainty="C",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    domains={"scale_pos": POSITIVE, "scale_neg": POSITIVE},
    scale_pos=Range(0.5, 20),
    scale_neg=Range(1, 100),
    thresh=Range(-1, 1),
    margin=Range(0, 1),
)
@no_terms_of_no_rows
def multi_similarity(
    embeddings: Tensor,
    targets: Tensor,
    *,
    scale_pos: float = 2.0,
    scale_neg: float = 40.0,
    thresh: float = 0.5,
    margin: float = 0.1,
    mining: bool = True,
) -> Tensor:
    """Soft penalties of unlike positives and like negatives, the worst pairs first.

    arXiv:1904.06627. Rows without a pair kept on either side have term 0, which counts in the mean.
    Which pairs are kept is not differentiated.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        scale_pos, scale_neg: sharpness for positives and negatives; > 0.
        thresh: cosine that parks the penalties.
        margin: slack of the mining.
        mining: keep negatives more similar than the least similar positive less the margin, and
            positives less similar than the most similar negative plus the margin.
    """
    s = cosines(embeddings, embeddings)
    positive, negative = pairs(targets)
    fixed = s.detach()
    positive = positive & (fixed < SAME)
    if mining:
        least = fixed.masked_fill(~positive, torch.inf).amin(-1, keepdim=True)
        most = fixed.masked_fill(~negative, -torch.inf).amax(-1, keepdim=True)
        positive, negative = positive & (fixed - margin < most), negative & (fixed + margin > least)
    both = positive.any(-1) & negative.any(-1)
    pull = _log_one_plus(-scale_pos * (s - thresh), positive) / scale_pos
    push = _log_one_plus(scale_neg * (s - thresh), negative) / scale_neg
    return torch.where(both, pull + push, 0.0)


def _check_lam(embeddings: Tensor, targets: Tensor, lam: Any = None, **_: Any) -> None:
    number = isinstance(lam, numbers.Real) or (isinstance(lam, Tensor) and lam.ndim == 0)
    if lam is not None and not (number and 0 <= float(lam) <= 1):
        raise InputError(f"lam must be one number in [0, 1], got {lam!r}")


@loss(
    title="Metrix (mixup of pairs)",
    paper="It Takes Two to Tango: Mixup for Deep Metric Learning",
    formula=r"\ell_i = \mathrm{MS}_i + w \Big[ \frac{1}{a} \log \Big( 1 + \sum_v "
    r"\lambda e^{-a (s_v - \theta)} \Big) "
    r"+ \frac{1}{b} \log \Big( 1 + \sum_v (1-\lambda) e^{b (s_v - \theta)} \Big) \Big]",
    certainty="C",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    vmap=False,  # it may draw a number
    check=_check_lam,
    domains={"scale_pos": POSITIVE, "scale_neg": POSITIVE, "weight": NOT_NEGATIVE},
    weight=Range(0, 2),
)
@no_terms_of_no_rows
def metrix(
    embeddings: Tensor,
    targets: Tensor,
    lam: float | Tensor | None = None,
    *,
    scale_pos: float = 2.0,
    scale_neg: float = 40.0,
    thresh: float = 0.5,
    weight: float = 0.4,
) -> Tensor:
    """Multi-similarity, and the same on mixtures of each anchor's positives with its negatives.

    arXiv:2106.04990; all positive-negative pairs are mixed, and the mixtures brought back to the
    sphere. A mixture counts as positive by lam and as negative by 1 - lam. Takes N^3 numbers.
    Rows without a positive or a negative have term 0, which counts in the mean.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        lam: share of the positive in the mixtures, in [0, 1]; by default drawn from Beta(2, 2) by
            torch's global generator.
        scale_pos, scale_neg, thresh: as in `multi_similarity`.
        weight: of the mixtures; >= 0.
    """
    if lam is None:
        lam = torch.rand(3).median().item()  # the middle of three uniform numbers is Beta(2, 2)
    u = unit(embeddings)
    s = u @ u.mT
    positive, negative = pairs(targets)
    pull = _log_one_plus(-scale_pos * (s - thresh), positive)
    push = _log_one_plus(scale_neg * (s - thresh), negative)
    mixed = unit(lam * u.unsqueeze(-2) + (1 - lam) * u)  # (N, N, D): of positive p and negative n
    likeness = torch.einsum("id,pnd->ipn", u, mixed)
    # of the N columns only those of the few positives go on: the rest would be masked out in every step
    own, at = positive.long().topk(max(1, int(positive.sum(-1).amax())))
    likeness = likeness.take_along_dim(at.unsqueeze(-1), 1).flatten(1)
    mixes = (own.bool().unsqueeze(-1) & negative.unsqueeze(-2)).flatten(1)
    pull = pull + weight * _log_one_plus(_log(lam) - scale_pos * (likeness - thresh), mixes)
    push = push + weight * _log_one_plus(_log(1 - lam) + scale_neg * (likeness - thresh), mixes)
    both = positive.any(-1) & negative.any(-1)
    return torch.where(both, pull / scale_pos + push / scale_neg, 0.0)


def _log(share: float | Tensor) -> float | Tensor:
    if isinstance(share, Tensor):
        return share.log()
    return math.log(share) if share > 0 else -math.inf
