"""Losses on the sphere: classes are directions, logits are scaled cosines."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range
from clsviz.errors import ShapeError
from clsviz.losses import checks
from clsviz.losses.geometry import cosines, no_terms_of_no_rows, pairs
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import log_sum_exp, neg_log_prob, own_class


def random_directions(num_classes: int, dim: int) -> nn.Parameter:
    """(num_classes, dim), of length about 1."""
    return nn.Parameter(torch.randn(num_classes, dim) / dim**0.5)


def check_classes(embeddings: Tensor, targets: Tensor, weight: Tensor, **_: Any) -> None:
    """The embeddings are as wide as the class vectors, and the targets among the classes."""
    classes, dim = weight.shape
    if embeddings.shape[1] != dim:
        raise ShapeError(f"embeddings must have dim={dim} columns, got {embeddings.shape[1]}")
    checks.in_range("targets", targets, classes, f"num_classes={classes}")


@loss(
    title="Normalised softmax",
    paper="Hyperspherical embedding for novel class classification",
    formula=r"\ell = -\log \frac{e^{s (\cos\theta_y - m)}}"
    r"{e^{s (\cos\theta_y - m)} + \sum_{k \ne y} e^{s \cos\theta_k}}",
    certainty="V",
    group="Embeddings",
    row_kind="embeddings",
    check=check_classes,
    domains={"s": POSITIVE},
    state={"weight": random_directions},
    temperature_like=("1/s",),
    aliases=("normalized_softmax",),
    s=Range(1, 64),
    margin=Range(0, 1),
    margin_type=("cosface", "arcface"),
)
def norm_softmax(
    embeddings: Tensor,
    targets: Tensor,
    weight: Tensor,
    *,
    s: float = 30.0,
    margin: float = 0.0,
    margin_type: str = "cosface",
) -> Tensor:
    """Cross entropy of scaled cosines to the class directions, with a margin for the target.

    NormFace arXiv:1704.06369; margins as in CosFace and ArcFace, with no correction where
    ArcFace's angle passes pi.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        weight: (C, D) class directions, of any length.
        s: scale of the cosines; > 0.
        margin: taken from the target's cosine (cosface) or added to its angle (arcface, radians).
        margin_type: cosface or arcface.
    """
    cos = cosines(embeddings, weight)
    own = own_class(cos, targets)
    if margin_type == "cosface":
        return neg_log_prob(s * (cos - margin * own), targets)
    end = 1 - (1e-15 if cos.dtype == torch.float64 else 1e-7)  # the slope of arccos is infinite at 1
    return neg_log_prob(s * torch.where(own, (cos.clamp(-end, end).acos() + margin).cos(), cos), targets)


@loss(
    title="Unified negative pairs (UNPG)",
    paper="Unified Negative Pair Generation toward Well-discriminative Feature Space for Face Recognition",
    formula=r"\ell = -\log \frac{e^{s (\cos\theta_y - m)}}{e^{s (\cos\theta_y - m)} "
    r"+ \sum_{k \ne y} e^{s \cos\theta_k} + \sum_{\mathrm{kept}} e^{s c_{ij}}}",
    certainty="C",
    group="Embeddings",
    row_kind="embeddings",
    coupled=True,
    check=check_classes,
    domains={"s": POSITIVE, "wisk": NOT_NEGATIVE},
    state={"weight": random_directions},
    s=Range(1, 64),
    margin=Range(0, 1),
    wisk=Range(0, 5),
)
@no_terms_of_no_rows
def unpg(
    embeddings: Tensor,
    targets: Tensor,
    weight: Tensor,
    *,
    s: float = 30.0,
    margin: float = 0.35,
    wisk: float = 1.5,
) -> Tensor:
    """CosFace with the cosines of the batch's negative pairs as further rivals of every row.

    arXiv:2203.11593. Pairs outside the whiskers of a box plot of these cosines are left out; which
    ones is not differentiated. Never below `norm_softmax`, and equal to it where no pair is kept.

    Args:
        embeddings: (N, D) float. targets: (N,) int64.
        weight: (C, D) class directions, of any length.
        s: scale of the cosines; > 0.
        margin: taken from the target's cosine.
        wisk: length of the whiskers in interquartile ranges; >= 0.
    """
    cos = cosines(embeddings, weight)
    logits = s * (cos - margin * own_class(cos, targets))
    between = cosines(embeddings, embeddings)
    negative = pairs(targets)[1].triu(1)
    # One rival stands for all pairs: they are the same for every row.
    kept = negative & _within_whiskers(between.detach(), negative, wisk)
    shared = log_sum_exp(s * between.flatten(), kept.flatten())
    return neg_log_prob(torch.cat([logits, shared.expand(len(logits), 1)], -1), targets)


def _within_whiskers(values: Tensor, among: Tensor, wisk: float) -> Tensor:
    """Which values lie within the whiskers of a box plot of those in `among`; shapes alike."""
    ordered = values.masked_fill(~among, torch.inf).flatten().sort().values
    n = among.sum()
    low, high = ordered.gather(0, (n // 4)[None]), ordered.gather(0, (3 * n // 4)[None])
    reach = wisk * (high - low)
    return (low - reach <= values) & (values <= high + reach)
