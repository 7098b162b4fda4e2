"""Losses that follow a teacher. The teacher's outputs are detached."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses import checks
from clsviz.losses.geometry import norms, unit
from clsviz.losses.row import NOT_NEGATIVE, POSITIVE, SHARE, loss
from clsviz.losses.safe import in_float64, log_probs, neg_log_prob, own_class

TEACHER = {"teacher_logits": checks.same_shape}


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """(N,) KL(p || q)."""
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@loss(
    title="Knowledge distillation",
    paper="Hinton et al. 2015, Distilling the Knowledge in a Neural Network, arXiv:1503.02531",
    formula=r"\ell = -(1-\alpha) \log p_y + \alpha T^2 "
    r"\mathrm{KL}(\mathrm{softmax}(t/T) \,\|\, \mathrm{softmax}(z/T))",
    certainty="C",
    group="Distillation",
    row_kind="distillation",
    extras=TEACHER,
    domains={"T": POSITIVE, "alpha": SHARE},
    temperature_like=("T",),
    T=Range(1, 20),
    alpha=Range(0, 1),
)
def kd(
    logits: Tensor, targets: Tensor, teacher_logits: Tensor, *, T: float = 4.0, alpha: float = 0.9
) -> Tensor:
    """Cross entropy mixed with the divergence from a teacher's softened probabilities.

    arXiv:1503.02531.

    Args:
        logits: (N, C) float, the student's. targets: (N,) int64.
        teacher_logits: (N, C) float.
        T: divides both logits; > 0.
        alpha: weight of the teacher, in [0, 1]; 0 is cross entropy.
    """
    # In float64: T^2 would blow up what float32 rounds off a small divergence.
    student = (in_float64(logits) / T).log_softmax(-1)
    teacher = (in_float64(teacher_logits.detach()) / T).log_softmax(-1)
    follow = (T**2 * _kl(teacher, student)).to(logits.dtype)
    return (1 - alpha) * neg_log_prob(logits, targets) + alpha * follow


@loss(
    title="Self-distillation",
    paper="Even your Teacher Needs Guidance: Ground-Truth Targets Dampen Regularization Imposed by "
    "Self-Distillation",
    formula=r"\ell = -\sum_k q_k \log p_k, \quad q = \alpha Y + (1-\alpha) \, \mathrm{softmax}(t)",
    certainty="M",
    group="Distillation",
    row_kind="distillation",
    extras=TEACHER,
    domains={"alpha": SHARE},
    alpha=Range(0, 1),
    base=("ce", "mse"),
)
def self_distill(
    logits: Tensor, targets: Tensor, teacher_logits: Tensor, *, alpha: float = 0.5, base: str = "ce"
) -> Tensor:
    """Targets mixed with what the former step of the same model said.

    arXiv:2102.13088; the cross-entropy form is our own. Repeating the step is the trainer's job.

    Args:
        logits: (N, C) float. targets: (N,) int64.
        teacher_logits: (N, C) float, of the model trained before.
        alpha: weight of the given targets, in [0, 1].
        base: ce, or mse on the raw scores.
    """
    teacher = teacher_logits.detach()
    if base == "mse":
        own = own_class(logits, targets).to(logits.dtype)
        return (alpha * (logits - own).square() + (1 - alpha) * (logits - teacher).square()).mean(-1)
    follow = -(teacher.softmax(-1) * log_probs(logits)).sum(-1)
    return alpha * neg_log_prob(logits, targets) + (1 - alpha) * follow


def _log_cosh(u: Tensor) -> Tensor:
    """log cosh u, to full relative precision also where u is tiny."""
    small = u.abs() < 1
    near = torch.log1p(2 * torch.sinh(torch.where(small, u, 0.0) / 2).square())
    far = u.abs() + torch.log1p(torch.exp(-2 * u.abs())) - math.log(2)
    return torch.where(small, near, far)


@loss(
    title="Dual-head distillation",
    paper="Dual-Head Knowledge Distillation: Enhancing Logits Utilization with an Auxiliary Head",
    formula=r"\ell = -\gamma \log p_y + \alpha T^2 \sum_k \log \cosh \frac{a_k - t_k}{2T}",
    certainty="C",
    group="Distillation",
    row_kind="distillation",
    extras={"aux_logits": checks.same_shape, **TEACHER},
    domains={"T": POSITIVE, "alpha": NOT_NEGATIVE, "gamma": NOT_NEGATIVE},
    temperature_like=("T",),
    T=Range(0.5, 10),
    alpha=Range(0, 5),
    gamma=Range(0, 5),
)
def dual_head_kd(
    logits: Tensor,
    targets: Tensor,
    aux_logits: Tensor,
    teacher_logits: Tensor,
    *,
    T: float = 2.0,
    alpha: float = 1.0,
    gamma: float = 1.0,
) -> Tensor:
    """Cross entropy on one head, the teacher's logits followed by a second: the two do not fight.

    arXiv:2411.08937. The second term is the divergence of sigma((a_k - t_k) / T) from 1/2, summed
    over the classes.

    Args:
        logits: (N, C) float, of the first head. targets: (N,) int64.
        aux_logits: (N, C) float, of the second head.
        teacher_logits: (N, C) float.
        T: divides the difference of logits; > 0.
        alpha: weight of the teacher; >= 0.
        gamma: weight of the cross entropy; >= 0.
    """
    apart = (aux_logits - teacher_logits.detach()) / (2 * T)
    return gamma * neg_log_prob(logits, targets) + alpha * T**2 * _log_cosh(apart).sum(-1)


def _check_means(embeddings: Tensor, targets: Tensor, class_means: Tensor, **_: Any) -> None:
    checks.in_range("targets", targets, len(class_means), f"class_means has {len(class_means)} rows")


@loss(
    title="Norm and direction (ND)",
    paper="Improving Knowledge Distillation via Regularizing Feature Norm and Direction",
    formula=r"\ell = \mathrm{weight} \Big( 1 - \frac{\langle x, e_y \rangle}{\max(\|x\|, \|u\|)} \Big)",
    certainty="C",
    group="Distillation",
    row_kind="distillation",
    extras={"teacher_embeddings": checks.same_shape, "class_means": checks.class_vectors},
    check=_check_means,
    domains={"weight": NOT_NEGATIVE},
    aliases=("nd_kd",),
    weight=Range(0, 10),
)
def nd_loss(
    embeddings: Tensor,
    targets: Tensor,
    teacher_embeddings: Tensor,
    class_means: Tensor,
    *,
    weight: float = 1.0,
) -> Tensor:
    """Pulls embeddings towards the teacher's class means, and to be as long as the teacher's.

    arXiv:2305.17007. In [0, 2 weight]; the cosine distance where the student's embedding is the
    longer. Meant to be added to cross entropy and kd.

    Args:
        embeddings: (N, D) float, the student's. targets: (N,) int64.
        teacher_embeddings: (N, D) float.
        class_means: (C, D) float, means of the teacher's embeddings.
        weight: >= 0.
    """
    # In float64: the difference from 1 is small once the student is good.
    x, teacher, means = (in_float64(v) for v in (embeddings, teacher_embeddings, class_means))
    length = torch.maximum(norms(x), norms(teacher.detach())).clamp(min=1e-12)
    along = (x / length * unit(means.detach())[targets]).sum(-1)
    return weight * (1 - along).to(embeddings.dtype)


@loss(
    title="Label-free distillation (SSLD)",
    paper="Beyond Self-Supervision: A Simple Yet Effective Network Distillation Alternative to "
    "Improve Backbones",
    formula=r"\ell = \frac{1}{2} \mathrm{KL}(P \,\|\, M) + \frac{1}{2} \mathrm{KL}(Q \,\|\, M), "
    r"\quad M = \frac{P + Q}{2}",
    certainty="C",
    group="Distillation",
    row_kind="distillation",
    targets="none",
    extras=TEACHER,
    domains={"tau": POSITIVE},
    temperature_like=("tau",),
    tau=Range(0.5, 10),
    mode=("js", "kl", "sym"),
)
def ssld(
    logits: Tensor, targets: Tensor | None, teacher_logits: Tensor, *, tau: float = 1.0, mode: str = "js"
) -> Tensor:
    """Divergence between the student's and a teacher's probabilities, without labels.

    arXiv:2103.05959; modes kl and sym are our own. No factor tau^2.

    Args:
        logits: (N, C) float, the student's P. targets: ignored, may be None.
        teacher_logits: (N, C) float, the teacher's Q.
        tau: divides both logits; > 0.
        mode: js (Jensen-Shannon, at most log 2), kl (KL(Q || P)) or sym (mean of both directions).
    """
    # In float64: near the teacher the terms cancel.
    p = (in_float64(logits) / tau).log_softmax(-1)
    q = (in_float64(teacher_logits.detach()) / tau).log_softmax(-1)
    if mode == "kl":
        value = _kl(q, p)
    elif mode == "sym":
        value = (_kl(q, p) + _kl(p, q)) / 2
    else:
        middle = torch.logaddexp(p, q) - math.log(2)
        value = (_kl(p, middle) + _kl(q, middle)) / 2
    return value.to(logits.dtype)
