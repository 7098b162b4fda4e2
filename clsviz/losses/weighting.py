"""Cross entropy with weights for the rows of the batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.checks import row_weights
from clsviz.losses.row import POSITIVE, loss
from clsviz.losses.safe import in_float64, neg_log_prob

STRATEGIES = ("uniform", "linear", "linupper", "quadratic", "extremes")


def _score(m: Tensor, strategy: str, cap: float) -> Tensor:
    """(N,) what the softmax over the batch weighs: a function of the loss scaled to [-1, 1]."""
    low, high = m.amin(-1, keepdim=True), m.amax(-1, keepdim=True)
    h = 2 * (m - low) / (high - low + 1e-12) - 1
    if strategy == "linear":
        return h
    if strategy == "linupper":
        return h.clamp(max=cap)
    return 1 - h.square() if strategy == "quadratic" else h.abs()


@loss(
    title="Loss-based reweighting",
    paper="Dynamic Loss-Based Sample Reweighting for Improved Large Language Model Pretraining",
    formula=r"\ell_i = N w_i m_i, \quad w = \mathrm{softmax}(s / \mathrm{temperature}), "
    r"\quad m_i = -\log p_{i, y_i}",
    certainty="C",
    group="Weighting and memory",
    coupled=True,
    domains={"temperature": POSITIVE},
    aliases=("loss_reweight",),
    strategy=STRATEGIES,
    temperature=Range(0.05, 10),
    cap=Range(-1, 1),
)
def dynamic_reweight(
    logits: Tensor,
    targets: Tensor,
    *,
    strategy: str = "linupper",
    temperature: float = 1.0,
    cap: float = 0.0,
) -> Tensor:
    """Cross entropy with each row weighted by where its loss stands in the batch.

    arXiv:2502.06733. The weights have no gradient.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        strategy: uniform (cross entropy), linear (hard rows more), linupper (hard rows more up to
            the cap), quadratic (middling rows more), extremes (both ends more).
        temperature: how even the weights are; > 0.
        cap: end of linupper's rise; the batch's losses are scaled to [-1, 1].
    """
    m = neg_log_prob(logits, targets)
    if strategy == "uniform" or not m.shape[-1]:
        return m
    # In float64: the scale of the batch's losses blows up what float32 rounds off them when all are alike.
    exact = neg_log_prob(in_float64(logits.detach()), targets)
    weights = (_score(exact, strategy, cap) / temperature).softmax(-1).to(m.dtype)
    return m.shape[-1] * weights * m


@loss(
    title="Meta-learned weights",
    paper="Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling",
    formula=r"\ell_i = -\frac{N w_i}{\sum_j w_j} \log p_{i, y_i}",
    certainty="O",
    group="Weighting and memory",
    coupled=True,
    extras={"weights": row_weights},
)
def meta_rescale(logits: Tensor, targets: Tensor, weights: Tensor, *, normalize: bool = True) -> Tensor:
    """Cross entropy with a given weight for each row, e.g. of a rescaling network.

    Scaffold for arXiv:2412.12955. The gradient flows into the weights.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        weights: (N,) float, >= 0.
        normalize: divides the weights by their mean.
    """
    if normalize:
        weights = weights * weights.shape[-1] / weights.sum(-1, keepdim=True).clamp(min=1e-12)
    return weights * neg_log_prob(logits, targets)


def _easiness(m: Tensor, lam: float, mode: str) -> Tensor:
    """(N,) v in [0, 1], no gradient."""
    m = m.detach()
    return (m < lam).to(m.dtype) if mode == "hard" else (1 - m / lam).clamp(min=0)


def _last_v(logits: Tensor, targets: Tensor, **params: Any) -> Tensor:
    return _easiness(neg_log_prob(logits, targets), **params)


@loss(
    title="Self-paced",
    paper="Active Self-Paced Learning for Cost-Effective and Progressive Face Identification",
    formula=r"\ell = v m + f(v), \quad f = -\lambda v \text{ or } \lambda (v^2/2 - v), "
    r"\quad m = -\log p_y",
    certainty="M",
    group="Weighting and memory",
    domains={"lam": POSITIVE},
    expose={"last_v": _last_v},
    lam=Range(0.05, 10),
    mode=("hard", "linear"),
)
def self_paced(logits: Tensor, targets: Tensor, *, lam: float = 1.0, mode: str = "hard") -> Tensor:
    """Cross entropy of the rows that are easy so far; lam, raised over time, lets harder ones in.

    As used in arXiv:1701.03555. Never above 0. The module shows the weights of its last call as
    `last_v`.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        lam: loss from which on a row is left out; > 0.
        mode: hard (a row counts or not) or linear (the less the harder it is).
    """
    m = neg_log_prob(logits, targets)
    v = _easiness(m, lam, mode)
    return v * m + lam * (v.square() / 2 - v if mode == "linear" else -v)
