"""Losses that let an adversary choose the class weights, held back by a KL penalty."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, loss
from clsviz.losses.safe import gaps, in_float64, like, log_mean_exp, own_class

HALVINGS, NEWTON_STEPS = 24, 2


def _gaps_with_margin(logits: Tensor, targets: Tensor, margin: float) -> Tensor:
    """(N, C) d_k + c_k."""
    return gaps(logits, targets) + margin * ~own_class(logits, targets)


def _divergence(s: Tensor) -> Tensor:
    """(N,) KL(softmax(s) || uniform), in [0, log C]."""
    log_p = s.log_softmax(-1)
    top = math.log(s.shape[-1])
    return ((log_p.exp() * log_p).sum(-1) + top).clamp(0, top)


@loss(
    title="Label-distributionally robust (KL)",
    paper="Label Distributionally Robust Losses for Multi-class Classification: "
    "Consistency, Robustness and Adaptivity",
    formula=r"\ell = \lambda \log \Big( \frac{1}{C} \sum_k \exp \frac{z_k - z_y + c_k}{\lambda} \Big), "
    r"\quad c_k = \mathrm{margin} \cdot 1[k \ne y]",
    certainty="C",
    group="Temperature and DRO",
    properties=(False, False, True, True, True),
    domains={"lam": POSITIVE},
    temperature_like=("lam",),
    aliases=("ldr",),
    lam=Range(0.01, 20, log=True),
    margin=Range(0, 5),
)
def ldr_kl(logits: Tensor, targets: Tensor, *, lam: float = 1.0, margin: float = 0.0) -> Tensor:
    """Worst weighted mean of the class gaps, from hinge (small lam) to linear (large lam).

    arXiv:2112.14869. May be negative.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        lam: price of leaving uniform class weights, in logit units; > 0.
        margin: lead wanted over each rival, in logit units.
    """
    return lam * log_mean_exp(_gaps_with_margin(logits, targets, margin) / lam)


def _step_down(
    logits: Tensor, targets: Tensor, lam0: float, alpha: float, margin: float, iters: int
) -> Tensor:
    """(N,) lam0 - lambda after the iterations, no gradient.

    In float64: the loss has this difference squared and times alpha.
    """
    d = in_float64(_gaps_with_margin(logits, targets, margin).detach())
    start = like(lam0, d)
    down = torch.zeros_like(d[..., 0])
    for _ in range(iters):
        kl = _divergence(d / (start - down).unsqueeze(-1))
        down = torch.minimum(start / (alpha * math.log(d.shape[-1])) * kl, 0.999 * start)
    return down


def _last_lambda(
    logits: Tensor, targets: Tensor, *, lam0: float, alpha: float, margin: float, iters: int
) -> Tensor:
    return (lam0 - _step_down(logits, targets, lam0, alpha, margin, iters)).to(logits.dtype)


@loss(
    title="Label-distributionally robust, adaptive",
    paper="Label Distributionally Robust Losses for Multi-class Classification: "
    "Consistency, Robustness and Adaptivity",
    formula=r"\ell = \mathrm{ldr\_kl}(\lambda) - \frac{\alpha \log C}{2 \lambda_0} (\lambda - \lambda_0)^2, "
    r"\quad \lambda \leftarrow \lambda_0 - \frac{\lambda_0}{\alpha \log C} \mathrm{KL}(p_\lambda \| 1/C)",
    certainty="C",
    group="Temperature and DRO",
    properties=(False, False, None, False, None),
    domains={"lam0": POSITIVE, "alpha": POSITIVE, "iters": NOT_NEGATIVE},
    expose={"last_lambda": _last_lambda},
    temperature_like=("lam0",),
    aliases=("aldr",),
    lam0=Range(0.1, 10),
    alpha=Range(1.05, 10),
    iters=Range(1, 100),
)
def aldr_kl(
    logits: Tensor,
    targets: Tensor,
    *,
    lam0: float = 1.0,
    alpha: float = 2.0,
    margin: float = 0.0,
    iters: int = 20,
) -> Tensor:
    """`ldr_kl` with a temperature for each row, the lower the surer the row is.

    arXiv:2112.14869, iterated within one call and stateless. The module shows the temperatures
    of its last call as `last_lambda`.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        lam0: temperature of a row of equal logits, and the largest; > 0.
        alpha: how little the temperature moves; > 0, for alpha -> inf it stays at lam0.
        margin: lead wanted over each rival, in logit units.
        iters: steps of the fixed-point iteration.
    """
    down = _step_down(logits, targets, lam0, alpha, margin, iters)
    d = _gaps_with_margin(logits, targets, margin)
    lam = (lam0 - down).to(d.dtype)
    penalty = alpha * math.log(d.shape[-1]) / (2 * lam0) * down.square()
    return lam * log_mean_exp(d / lam.unsqueeze(-1)) - penalty.to(d.dtype)


def _best_tau(logits: Tensor, targets: Tensor, rho: float, tau_min: float, tau_max: float) -> Tensor:
    """(N,) tau at which KL(p_tau || uniform) = rho, or the nearer bound; no gradient.

    The KL falls with tau: halving the interval of log tau comes near, and two steps of Newton,
    each doubling the digits, take all that float64 has.
    """
    d = in_float64(gaps(logits, targets).detach())
    aim, bottom, top = like(rho, d), like(tau_min, d), like(tau_max, d)
    low, high = (bound.log().expand(d.shape[:-1]) for bound in (bottom, top))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = _divergence(d / middle.exp().unsqueeze(-1)) > aim
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    best = (low + high) / 2
    for _ in range(NEWTON_STEPS):
        s = d / best.exp().unsqueeze(-1)
        p = s.softmax(-1)
        slope = (p * (s - (p * s).sum(-1, keepdim=True)).square()).sum(-1)  # -dKL / dlog tau
        step = torch.where(slope > 0, (_divergence(s) - aim) / torch.where(slope > 0, slope, 1.0), 0.0)
        best = (best + step).clamp(low, high)
    tau = best.exp().clamp(bottom, top)
    tau = torch.where((_divergence(d / top) > aim) | (aim <= 0), top, tau)
    return torch.where((_divergence(d / bottom) < aim) | (aim >= math.log(d.shape[-1])), bottom, tau)


def _last_tau(logits: Tensor, targets: Tensor, **params: Any) -> Tensor:
    return _best_tau(logits, targets, **params).to(logits.dtype)


@loss(
    title="Distributionally robust, best temperature",
    paper="To Cool or not to Cool? Temperature Network Meets Large Foundation Models via DRO",
    formula=r"\ell = \min_{\tau \in [\tau_{min}, \tau_{max}]} \tau \log \Big( \frac{1}{C} \sum_k "
    r"e^{(z_k - z_y)/\tau} \Big) + \rho \tau",
    certainty="C",
    group="Temperature and DRO",
    properties=(False, False, None, False, True),
    domains={"rho": NOT_NEGATIVE, "tau_min": POSITIVE, "tau_max": POSITIVE},
    relations={"tau_min <= tau_max": lambda tau_min, tau_max, **_: tau_min <= tau_max},
    expose={"last_tau": _last_tau},
    temperature_like=("tau_min", "tau_max"),
    rho=Range(0, 2.3, unit="nats"),  # log C is the end that matters; 2.3 is that of ten classes
)
def dro_temperature(
    logits: Tensor,
    targets: Tensor,
    *,
    rho: float = 0.5,
    tau_min: float = 0.05,
    tau_max: float = 5.0,
) -> Tensor:
    """`ldr_kl` at the temperature that lets class weights stray by rho from uniform.

    arXiv:2404.04575, with the best temperature of each row instead of a network's. The module
    shows the temperatures of its last call as `last_tau`.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        rho: how far class weights may stray, as a KL divergence in nats; 0 takes tau_max,
            log C and more take tau_min.
        tau_min, tau_max: bounds of the temperature; > 0.
    """
    d = gaps(logits, targets)
    tau = _best_tau(logits, targets, rho, tau_min, tau_max).to(d.dtype)
    return tau * log_mean_exp(d / tau.unsqueeze(-1)) + rho * tau
