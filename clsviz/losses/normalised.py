"""Cross entropy as a share of its sum over all labels, which makes it symmetric."""

from __future__ import annotations

from torch import Tensor

from clsviz.losses.row import loss
from clsviz.losses.safe import gaps, neg_log_prob


@loss(
    title="Normalised cross entropy",
    paper="Ma et al. 2020, Normalized Loss Functions for Deep Learning with Noisy Labels, arXiv:2006.13554",
    formula=r"\ell = \frac{\log p_y}{\sum_k \log p_k}",
    certainty="C",
    group="Robust to noise",
    properties=(True, True, None, False, False),
)
def nce(logits: Tensor, targets: Tensor) -> Tensor:
    """Share of the target in the cross entropies of all labels, in (0, 1].

    Args:
        logits: (N, C) float. targets: (N,) int64.
    """
    m = neg_log_prob(logits, targets)
    # -log p_k = m - d_k; the sum is at least C log C
    return m / (m.unsqueeze(-1) - gaps(logits, targets)).sum(-1)
