"""Functions of the sum over rivals, from cross entropy to absolute error."""

from __future__ import annotations

from torch import Tensor, where

from clsviz.catalogue import Range
from clsviz.losses.checks import same_shape
from clsviz.losses.geometry import norms
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, Domain, loss
from clsviz.losses.safe import error_prob, gaps, like, neg_log_prob, tempered


@loss(
    title="Comp-sum",
    paper="Cross-Entropy Loss Functions: Theoretical Analysis and Applications",
    formula=r"\ell = \frac{(1+u)^{1-\tau} - 1}{1-\tau}, \quad u = \sum_{k \ne y} e^{z_k - z_y}",
    certainty="M",
    group="Robust to noise",
    properties=(False, False, True, True, True),
    domains={"tau": NOT_NEGATIVE},
    tau=Range(0, 3, step=0.05),
)
def comp_sum(logits: Tensor, targets: Tensor, *, tau: float = 1.0) -> Tensor:
    """Family that runs from the sum-exponential loss over cross entropy to absolute error.

    arXiv:2304.07288. For tau < 1 the value may be +inf at very wrong rows.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        tau: 0 sum-exponential, 1 cross entropy, 2 half of `mae`; >= 0.
    """
    return tempered(neg_log_prob(logits, targets), 1 - tau)


@loss(
    title="Comp-sum, smooth adversarial",
    paper="Cross-Entropy Loss Functions: Theoretical Analysis and Applications",
    formula=r"\ell = \Phi^\tau \Big( \sum_{k \ne y} e^{(z_k - z_y)/\rho} \Big) "
    r"+ \nu \| \Delta(z') - \Delta(z) \|_2, \quad \Delta(z)_k = z_y - z_k",
    certainty="M",
    group="Robust to noise",
    properties=(False, False, None, None, None),
    extras={"adv_logits": same_shape},
    domains={"tau": NOT_NEGATIVE, "rho": POSITIVE, "nu": NOT_NEGATIVE},
    aliases=("smooth_adv_comp_sum",),
    rho=Range(0.1, 5),
    nu=Range(0, 10),
)
def comp_sum_adv(
    logits: Tensor,
    targets: Tensor,
    adv_logits: Tensor,
    *,
    tau: float = 1.0,
    rho: float = 1.0,
    nu: float = 1.0,
) -> Tensor:
    """Comp-sum loss of the sample plus how far an attack moves its margins.

    arXiv:2304.07288; the supremum over attacks is replaced by the one point supplied. For tau < 1
    the value may be +inf at very wrong rows.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        adv_logits: (N, C) float, logits of the perturbed samples; the gradient reaches them.
        tau: which comp-sum loss; >= 0.
        rho: divides the margins in the first term; > 0.
        nu: weight of the second term; >= 0.
    """
    first = tempered(neg_log_prob(logits / rho, targets), 1 - tau)
    return first + nu * norms(gaps(adv_logits, targets) - gaps(logits, targets)).squeeze(-1)


@loss(
    title="Generalised cross entropy",
    paper="Zhang and Sabuncu 2018, Generalized Cross Entropy Loss for Training Deep Neural Networks "
    "with Noisy Labels, arXiv:1805.07836",
    formula=r"\ell = \frac{1 - p_y^q}{q}",
    certainty="C",
    group="Robust to noise",
    properties=(True, False, True, False, False),
    domains={"q": NOT_NEGATIVE, "k": Domain("in [0, 1)", lambda v: 0 <= v < 1)},
    q=Range(0, 1, step=0.05),
    k=Range(0, 0.9),
)
def gce(logits: Tensor, targets: Tensor, *, q: float = 0.7, k: float = 0.0) -> Tensor:
    """Between cross entropy (q = 0) and absolute error (q = 1); robust to label noise.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        q: robustness; >= 0.
        k: rows with p_y <= k get the constant loss at p_y = k and no gradient; in [0, 1).
    """
    m = neg_log_prob(logits, targets)
    ceiling = -like(k, m).log()
    return tempered(where(m >= ceiling, ceiling, m), -q)


@loss(
    title="Absolute error on probabilities",
    paper="Ghosh et al. 2017, Robust Loss Functions under Label Noise for Deep Neural Networks, "
    "arXiv:1712.09482",
    formula=r"\ell = \sum_k |p_k - Y_k| = 2 (1 - p_y)",
    certainty="M",
    group="Robust to noise",
    properties=(True, True, True, False, False),
)
def mae(logits: Tensor, targets: Tensor) -> Tensor:
    """Twice the probability that is not on the target, in [0, 2].

    Args:
        logits: (N, C) float. targets: (N,) int64.
    """
    return 2 * error_prob(neg_log_prob(logits, targets))
