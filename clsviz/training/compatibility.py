"""Training a new version of a classifier that keeps what the old one had right."""

from __future__ import annotations

from torch import Tensor

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


@method(
    kind="loss",
    title="Compatible update",
    paper="MUSCLE: A Model Update Strategy for Compatible LLM Evolution, arXiv:2407.09435; "
    "Yan et al. 2021, Positive-Congruent Training, arXiv:2011.09161",
    formula=r"\ell = -\log p_y + w\, 1[\arg\max_k t_k = y]\, T^2\, "
    r"\mathrm{KL}(\mathrm{softmax}(t/T)\,\|\,\mathrm{softmax}(z/T))",
    needs=("logits", "targets", "teacher_logits"),
    facts={"group": "Distillation", "vmap": True},
    weight=Range(0, 10, step=0.1),
    T=Range(1, 20),
)
def compatible(
    logits: Tensor, targets: Tensor, teacher_logits: Tensor, *, weight: float = 2.0, T: float = 1.0
) -> Tensor:
    """Cross-entropy that also follows the old version where it was right: fewer negative flips.

    The old version is the run's teacher: ``Run(..., loss="compatible", teacher=old)``. The labels count
    everywhere: were the old version to replace them where it was right, the samples it had wrong would pull
    the harder, and flips grow. `clsviz.boundary.negative_flips` measures what comes of it.

    Args:
        logits: (N, K) float, the new version's. targets: (N,) int64.
        teacher_logits: (N, K) float, the old version's; no gradient goes there.
        weight: of the old version where it was right, >= 0; 0 is cross-entropy.
        T: divides both logits in what is followed; > 0.

    Returns:
        (N,) terms, >= 0.

    Raises:
        ShapeError: shapes disagree. InputError: a weight or temperature that cannot be.
    """
    if logits.ndim != 2 or teacher_logits.shape != logits.shape or targets.shape != logits.shape[:1]:
        raise ShapeError(
            f"logits and teacher_logits must be (N, K) with N targets, got {tuple(logits.shape)}, "
            f"{tuple(teacher_logits.shape)} and {tuple(targets.shape)}"
        )
    if isinstance(weight, int | float) and not 0 <= weight < float("inf"):  # a tensor: a fan's
        raise InputError(f"weight must be >= 0 and finite, got {weight!r}")
    if isinstance(T, int | float) and not 0 < T < float("inf"):
        raise InputError(f"T must be > 0 and finite, got {T!r}")
    old = teacher_logits.detach()
    right = old.argmax(1) == targets
    plain = -logits.log_softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1)
    follow = T**2 * _kl(old.double() / T, logits.double() / T)  # in float64: near the old its terms cancel
    return plain + weight * right * follow.to(logits.dtype)


def _kl(old: Tensor, new: Tensor) -> Tensor:
    """(N,) divergence of softmax(new) from softmax(old)."""
    log_p = old.log_softmax(1)
    return (log_p.exp() * (log_p - new.log_softmax(1))).sum(1)
