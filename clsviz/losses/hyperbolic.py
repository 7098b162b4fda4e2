"""Losses in the Poincaré ball of curvature -c, where space grows towards the rim.

exp_0(v) = v tanh(u) / u with u = sqrt(c) |v| takes embeddings into the ball. Points h of the ball
come with their gap 1 - c |h|^2 to the rim, as cosh(u)^-2: the difference would lose its digits
near the rim. For the same reason the formulas stand in terms of h - p and of gaps; they equal
those in terms of Möbius addition by two identities:

    1 - 2c<a,b> + c^2 |a|^2 |b|^2 = c |a-b|^2 + (1 - c|a|^2) (1 - c|b|^2)
    |(-a) + b|^2 (Möbius)         = |a-b|^2 / the above
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.errors import InputError
from clsviz.losses.geometry import norms, unit
from clsviz.losses.hyperspherical import check_classes, random_directions
from clsviz.losses.row import POSITIVE, loss
from clsviz.losses.safe import like, neg_log_prob

RIM = 1 - 1e-3  # points are drawn back to this share of the ball's radius


def shortened(x: Tensor, length: Tensor) -> Tensor:
    """Rows longer than `length` rescaled to it."""
    return x * (length / torch.maximum(norms(x), length))


def _exp0(v: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    """The point of the ball for each tangent vector, and u (..., 1); root = sqrt(c)."""
    u = root * norms(v)
    near = u < 1e-4
    safe = torch.where(near, 1.0, u)
    return v * torch.where(near, 1 - u.square() / 3, safe.tanh() / safe), u


def into_ball(x: Tensor, c: float | Tensor, clip_r: float | Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Points (N, D) of the embeddings, their gaps (N, 1) to the rim, and sqrt(c)."""
    root = like(c, x).sqrt()
    if clip_r is not None:
        x = shortened(x, like(clip_r, x))
    h, u = _exp0(x, root)
    inside = u.tanh() <= RIM
    gap = torch.where(inside, torch.where(inside, u, 0.0).cosh() ** -2, 1 - RIM**2)
    return shortened(h, RIM / root), gap, root


def hyperbolic_logits(
    embeddings: Tensor, p_vals: Tensor, a_vals: Tensor, *, c: float | Tensor, clip_r: float | Tensor | None
) -> Tensor:
    """(N, C) signed distances to hyperbolic hyperplanes, times the lengths of their normals.

    arXiv:2404.14406. For c -> 0 without clip 4 <a_k, x - p_k>. Arguments as of `hyp_ce`.
    """
    h, gap, root = into_ball(embeddings, c, clip_r)
    p, u = _exp0(p_vals, root)
    away = h.unsqueeze(-2) - p  # (N, C, D)
    normal = unit(a_vals)
    bent = like(c, h) * away.square().sum(-1) * u.cosh().square().squeeze(-1)
    height = ((away * normal).sum(-1) - (p * normal).sum(-1) * bent) / gap
    # lambda_k |a_k| is 2 |a_vals_k|: the gap of p_k cancels.
    return 2 * norms(a_vals).squeeze(-1) / root * (2 * root * height).asinh()


def _check(embeddings: Tensor, targets: Tensor, p_vals: Tensor, **_: Any) -> None:
    check_classes(embeddings, targets, p_vals)


@loss(
    title="Hyperbolic cross entropy",
    paper="Hyp-OC: Hyperbolic One Class Classification for Face Anti-Spoofing",
    formula=r"z_k = \frac{\lambda_k \|a_k\|}{\sqrt{c}} \mathrm{asinh} "
    r"\frac{2 \sqrt{c} \, \langle (-p_k) \oplus_c h, a_k \rangle}"
    r"{(1 - c \|(-p_k) \oplus_c h\|^2) \|a_k\|}, \quad \ell = -\log \mathrm{softmax}(z)_y",
    certainty="C",
    group="Embeddings",
    row_kind="embeddings",
    check=_check,
    domains={"c": POSITIVE, "clip_r": POSITIVE},
    optional=("clip_r",),
    state={"p_vals": random_directions, "a_vals": random_directions},
    c=Range(1e-6, 2),
    clip_r=Range(0.1, 10),
)
def hyp_ce(
    embeddings: Tensor,
    targets: Tensor,
    p_vals: Tensor,
    a_vals: Tensor,
    *,
    c: float = 0.1,
    clip_r: float | None = 2.0,
) -> Tensor:
    """Cross entropy of signed distances to hyperbolic hyperplanes, one for each class.

    arXiv:2404.14406 (hyperbolic logistic regression). For c -> 0 without clip the logits are
    4 <a_k, x - p_k>.

    Args:
        embeddings: (N, D) float, tangent vectors at 0. targets: (N,) int64.
        p_vals: (C, D), tangent vectors of the hyperplanes' base points p_k.
        a_vals: (C, D), their normals.
        c: minus the curvature; > 0.
        clip_r: longest embedding, longer ones are shortened; None for no limit.
    """
    return neg_log_prob(hyperbolic_logits(embeddings, p_vals, a_vals, c=c, clip_r=clip_r), targets)


def _check_even(embeddings: Tensor, targets: Tensor | None, **_: Any) -> None:
    if len(embeddings) % 2:
        raise InputError(
            f"embeddings must have an even number of rows, got {len(embeddings)}: "
            "row i of the first half is paired with row i of the second"
        )


@loss(
    title="Hyperbolic pairwise confusion",
    paper="Hyp-OC: Hyperbolic One Class Classification for Face Anti-Spoofing",
    formula=r"\ell = \frac{2}{\sqrt{c}} \mathrm{artanh} "
    r"\big( \sqrt{c} \, \|(-h_i) \oplus_c h_{i+N/2}\| \big)",
    certainty="C",
    group="Embeddings",
    row_kind="embeddings",
    targets="none",
    coupled=True,
    multiple=2,
    check=_check_even,
    domains={"c": POSITIVE, "clip_r": POSITIVE},
    optional=("clip_r",),
)
def hyp_pc(
    embeddings: Tensor, targets: Tensor | None, *, c: float = 0.1, clip_r: float | None = 2.0
) -> Tensor:
    """Hyperbolic distance between the first and the second half of the batch, row by row.

    arXiv:2404.14406, with artanh in place of the code's atan. N / 2 terms. For c -> 0 twice the
    Euclidean distance.

    Args:
        embeddings: (N, D) float, N even. targets: ignored, may be None.
        c: minus the curvature; > 0.
        clip_r: longest embedding, longer ones are shortened; None for no limit.
    """
    h, gap, root = into_ball(embeddings, c, clip_r)
    half = len(h) // 2
    apart = norms(h[:half] - h[half:]) / (gap[:half] * gap[half:]).sqrt()
    # artanh(d) = asinh(d / sqrt(1 - d^2)) has no pole at the rim
    return (2 / root * (root * apart).asinh()).squeeze(-1)
