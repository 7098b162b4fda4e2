"""The losses everybody knows: cross entropy, Brier score, squared error on scores."""

from __future__ import annotations

from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, SHARE, loss
from clsviz.losses.safe import error_prob, gaps, own_class, rival_gaps, surprisal


@loss(
    title="Cross entropy",
    paper="Cross entropy (maximum likelihood); label smoothing: Szegedy et al. 2016, arXiv:1512.00567",
    formula=r"\ell = -\sum_k q_k \log \mathrm{softmax}(z/\tau)_k, \quad q = (1-\epsilon) Y + \epsilon/C",
    certainty="V",
    group="Standard",
    properties=(False, False, True, True, True),
    domains={"tau": POSITIVE, "label_smoothing": SHARE},
    temperature_like=("tau",),
    aliases=("ce",),
    tau=Range(0.05, 20, step=0.05),
    label_smoothing=Range(0, 0.9, step=0.01),
)
def cross_entropy(
    logits: Tensor, targets: Tensor, *, tau: float = 1.0, label_smoothing: float = 0.0
) -> Tensor:
    """Minus the log probability of the target, with temperature and label smoothing.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        tau: divides the logits; > 0.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1].
    """
    z = logits / tau
    # -log p_k = m - d_k, so the mean over k is m - mean(d)
    return surprisal(rival_gaps(z, targets)) - label_smoothing * gaps(z, targets).mean(-1)


@loss(
    title="Brier score",
    paper="Brier 1950, Verification of forecasts expressed in terms of probability",
    formula=r"\ell = \sum_k (p_k - Y_k)^2, \quad p = \mathrm{softmax}(z/\tau)",
    certainty="V",
    group="Standard",
    properties=(True, False, True, True, False),
    domains={"tau": POSITIVE},
    tau=Range(0.05, 20),
)
def brier(logits: Tensor, targets: Tensor, *, tau: float = 1.0) -> Tensor:
    """Squared distance between the probabilities and the one-hot target, in [0, 2].

    Args:
        logits: (N, C) float. targets: (N,) int64.
        tau: divides the logits; > 0.
    """
    rivals = rival_gaps(logits / tau, targets)
    m = surprisal(rivals)
    return error_prob(m).square() + (2 * (rivals - m.unsqueeze(-1))).exp().sum(-1)


@loss(
    title="Squared error on scores",
    paper="Hui and Belkin 2020, Evaluation of Neural Architectures Trained with Square Loss vs "
    "Cross-Entropy in Classification Tasks, arXiv:2006.07322",
    formula=r"\ell = \frac{1}{C} \sum_k w_k (z_k - \mathrm{scale} \cdot Y_k)^2",
    certainty="M",
    group="Standard",
    properties=(False, False, True, None, True),
    domains={"pos_weight": NOT_NEGATIVE},
    scale=Range(0.5, 30),
    pos_weight=Range(1, 20),
)
def mse(logits: Tensor, targets: Tensor, *, scale: float = 1.0, pos_weight: float = 1.0) -> Tensor:
    """Mean squared distance of the raw scores to the scaled one-hot target.

    Args:
        logits: (N, C) float, used as scores without softmax. targets: (N,) int64.
        scale: score wanted at the target.
        pos_weight: weight of the target's entry; >= 0.
    """
    own = own_class(logits, targets).to(logits.dtype)
    return ((1 + (pos_weight - 1) * own) * (logits - scale * own).square()).mean(-1)
