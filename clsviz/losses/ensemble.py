"""A random convex calibrated loss at each step."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from clsviz.catalogue import Range
from clsviz.losses.checks import random_source, row_floats
from clsviz.losses.row import NOT_NEGATIVE, loss
from clsviz.losses.safe import NEARLY_ZERO, like, rival_gaps


def _inverse_box_cox(noise: Tensor, bc_lambda: float) -> Tensor:
    """max(0, 1 + lambda e)^(1 / lambda), e^e at lambda = 0; may be +inf for lambda < 0."""
    lam = like(bc_lambda, noise)
    flat = lam.abs() < NEARLY_ZERO
    bent = torch.log1p((lam * noise).clamp(min=-1)) / torch.where(flat, 1.0, lam)
    return torch.where(flat, noise, bent).exp()


def _slopes(s: Tensor, noise: Tensor, bc_lambda: float, eps: float) -> Tensor:
    """(N,) derivative at each margin s of the loss that the noise draws: < 0, rising with s."""
    drawn = -_inverse_box_cox(noise, bc_lambda).sort(descending=True).values.clamp(max=1)
    slopes = drawn.gather(-1, s.argsort(stable=True).argsort())
    return torch.where(s > 1, slopes / s.clamp(min=1), slopes) - eps


@loss(
    title="Ensemble of losses",
    paper="EnsLoss: Stochastic Calibrated Loss Ensembles for Preventing Overfitting in Classification",
    formula=r"\ell_i = g_i s_i, \quad s_i = z_{i,y} - \max_{k \ne y} z_{i,k}, "
    r"\quad g = \text{random, negative, non-decreasing in } s",
    certainty="C",
    group="Margin",
    properties=(None, False, True, None, True),
    vmap=False,  # without `noise` it draws random numbers
    coupled=True,
    extras={"noise": row_floats, "generator": random_source},
    domains={"eps": NOT_NEGATIVE},
    aliases=("ensloss",),
    bc_lambda=Range(-1, 2),
)
def ens_loss(
    logits: Tensor,
    targets: Tensor,
    noise: Tensor | None = None,
    generator: Generator | None = None,
    *,
    bc_lambda: float = 0.0,
    eps: float = 1e-6,
) -> Tensor:
    """Margin times a random slope: each call takes the gradient of another convex loss.

    arXiv:2409.00908; the margin over the best rival for more than two classes is ours. Only the
    gradient means something: show another loss as the value.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        noise: (N,) float, standard normal; drawn where it is not given.
        generator: draws the noise, so that runs can be repeated; torch's own where not given.
        bc_lambda: Box-Cox parameter of the distribution of slopes; 0 is log-normal.
        eps: least steepness; >= 0.
    """
    s = -rival_gaps(logits, targets).max(-1).values
    if noise is None:
        device = generator.device if generator is not None else s.device
        noise = torch.randn(s.shape, generator=generator, dtype=s.dtype, device=device).to(s.device)
    return _slopes(s.detach(), noise.detach(), bc_lambda, eps) * s
