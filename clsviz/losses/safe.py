"""Pieces of the losses that keep their digits and stay finite at any logits.

Notation: d_k = z_k - z_y, p = softmax(z), m = -log p_y. Functions work on the last axis and run
under `torch.func.grad` and `vmap`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

NEARLY_ZERO = 1e-7  # below it expm1(a m) / a is taken as m


def own_class(logits: Tensor, targets: Tensor) -> Tensor:
    """(N, C) bool, True at each row's target."""
    return torch.arange(logits.shape[-1], device=logits.device) == targets.unsqueeze(-1)


def gaps(logits: Tensor, targets: Tensor) -> Tensor:
    """(N, C) d_k = z_k - z_y; 0 at the target, where no gradient passes that would only cancel."""
    return _gaps(logits, targets, 0.0)


def rival_gaps(logits: Tensor, targets: Tensor) -> Tensor:
    """(N, C) d_k, with -inf at the target, so that it drops out of maxima and exponentials."""
    return _gaps(logits, targets, -math.inf)


def _gaps(logits: Tensor, targets: Tensor, own: float) -> Tensor:
    d = logits - logits.gather(-1, targets.unsqueeze(-1))
    return d.masked_fill(own_class(logits, targets), own)


def surprisal(rivals: Tensor) -> Tensor:
    """(N,) m = -log p_y from `rival_gaps`, to full relative precision also when m is tiny.

    m = r + log(e^-r + sum e^(d - r)) with r = max(0, max d). Any shift r gives the same gradient,
    so it is detached.
    """
    r = rivals.amax(-1).clamp(min=0).detach()
    total = (rivals - r.unsqueeze(-1)).exp().sum(-1)
    return r + torch.log1p(total + torch.expm1(-r))


def neg_log_prob(logits: Tensor, targets: Tensor) -> Tensor:
    """(N,) m = -log softmax(z)_y."""
    return surprisal(rival_gaps(logits, targets))


def error_prob(m: Tensor) -> Tensor:
    """1 - p_y."""
    return -_expm1(-m)


def _expm1(x: Tensor) -> Tensor:
    """e^x - 1; unlike torch's its gradient keeps its digits where e^x is tiny."""
    return torch.where(x < -1, x.exp() - 1, torch.expm1(x))


def like(value: float | Tensor, other: Tensor) -> Tensor:
    """A parameter as a tensor of the same type and device."""
    return torch.as_tensor(value, dtype=other.dtype, device=other.device)


def tempered(m: Tensor, a: float | Tensor) -> Tensor:
    """expm1(a m) / a, which is m at a = 0; bounded by 1/|a| for a < 0.

    For a > 0 it can exceed the largest float: then the value is +inf and the gradient that of m,
    which has the right direction and is finite.
    """
    a = like(a, m)
    flat = a.abs() < NEARLY_ZERO
    a = torch.where(flat, -1.0, a)  # not +1: the branch that is not taken must not overflow
    exponent = a * m
    over = exponent - a.abs().log() > math.log(torch.finfo(m.dtype).max) - 0.01
    value = _expm1(torch.where(over, 0.0, exponent)) / a
    value = torch.where(over, math.inf + (m - m.detach()), value)
    return torch.where(flat, m, value)


def log_mean_exp(s: Tensor) -> Tensor:
    """log(mean of e^s) over the last axis; keeps its digits when all s are small."""
    small = (s.abs() <= 1).all(-1)
    near = torch.log1p(torch.expm1(torch.where(small.unsqueeze(-1), s, 0.0)).mean(-1))
    return torch.where(small, near, s.logsumexp(-1) - math.log(s.shape[-1]))


def power(base: Tensor, exponent: float | Tensor) -> Tensor:
    """base ** exponent for base, exponent >= 0, with 0 ** 0 = 1 and gradient 0 at base 0."""
    exponent = like(exponent, base)
    zero = base < torch.finfo(base.dtype).tiny
    value = torch.where(zero, 1.0, base) ** exponent
    return torch.where(zero & (exponent > 0), 0.0, value)


def log_probs(logits: Tensor) -> Tensor:
    """(..., C) log softmax, to full relative precision also where p is nearly 1; -inf drops out."""
    top = logits.detach().argmax(-1)
    return gaps(logits, top) - neg_log_prob(logits, top).unsqueeze(-1)


def log_sum_exp(s: Tensor, where: Tensor) -> Tensor:
    """log(sum of e^s) over the entries of the last axis where `where` holds; none: -inf, gradient 0."""
    some = where.any(-1)
    s = s.masked_fill(~where, -math.inf)
    top = torch.where(some, s.detach().amax(-1), 0.0)
    total = (s - top.unsqueeze(-1)).exp().sum(-1)
    return torch.where(some, top + torch.where(some, total, 1.0).log(), -math.inf)


def in_float64(x: Tensor) -> Tensor:
    """For differences that float32 would drown; as it is on Apple's GPU, which has no float64."""
    return x if x.device.type == "mps" else x.double()


def log1mexp(a: Tensor) -> Tensor:
    """log(1 - e^-a) for a > 0."""
    near = a < math.log(2)
    return torch.where(
        near,
        (-torch.expm1(-torch.where(near, a, 1.0))).log(),
        torch.log1p(-torch.exp(-torch.where(near, 1.0, a))),
    )
