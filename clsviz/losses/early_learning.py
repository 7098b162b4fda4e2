"""Early-learning regularisation: remember what the model said of each sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.errors import InputError, ShapeError
from clsviz.losses.checks import in_range, row_ints
from clsviz.losses.row import NOT_NEGATIVE, SHARE, loss
from clsviz.losses.safe import neg_log_prob


def _clamped_probs(logits: Tensor) -> Tensor:
    return logits.softmax(-1).clamp(1e-4, 1 - 1e-4)


def _averaged(logits: Tensor, index: Tensor, memory: Tensor, beta: float) -> Tensor:
    """(N, C) memory of the batch's samples after this batch, no gradient."""
    probs = _clamped_probs(logits.detach())
    return beta * memory[index].to(probs.dtype) + (1 - beta) * probs / probs.sum(-1, keepdim=True)


def _check(logits: Tensor, targets: Tensor, index: Tensor, memory: Tensor, **_: Any) -> None:
    examples, classes = memory.shape
    if logits.shape[1] != classes:
        raise ShapeError(f"logits must have num_classes={classes} columns, got {logits.shape[1]}")
    in_range("index", index, examples, f"num_examples={examples}")
    if len(set(index.tolist())) < len(index):
        raise InputError("index must be distinct: one row per sample")


def _remember(
    logits: Tensor, targets: Tensor, index: Tensor, memory: Tensor, *, beta: float, **_: Any
) -> None:
    memory[index] = _averaged(logits, index, memory, beta).to(memory.dtype)


def _empty_memory(num_examples: int, num_classes: int) -> Tensor:
    return torch.zeros(num_examples, num_classes)


@loss(
    title="Early-learning regularisation",
    paper="Early-Learning Regularization Prevents Memorization of Noisy Labels",
    formula=r"\ell = -\log p_y + \lambda \log(1 - \langle t, \hat p \rangle), "
    r"\quad t \leftarrow \beta t + (1-\beta) \hat p",
    certainty="C",
    vmap=False,  # the memory changes with every call
    domains={"lam": NOT_NEGATIVE, "beta": SHARE},
    state={"memory": _empty_memory},
    group="Weighting and memory",
    extras={"index": row_ints},
    check=_check,
    update=_remember,
    frozen={"beta": 1.0},
    lam=Range(0, 10),
    beta=Range(0, 0.999),
)
def elr(
    logits: Tensor,
    targets: Tensor,
    index: Tensor,
    memory: Tensor,
    *,
    lam: float = 3.0,
    beta: float = 0.7,
) -> Tensor:
    """Cross entropy plus a pull towards what the model said earlier, so noise is learned late.

    arXiv:2007.00151. This function leaves `memory` as it is; the module stores the new average
    after each call in training mode, and in eval mode takes the memory as stored (beta = 1).

    Args:
        logits: (N, C) float. targets: (N,) int64.
        index: (N,) int64, which sample each row is; distinct.
        memory: (num_examples, C), running average of each sample's probabilities.
        lam: weight of the pull; >= 0, 0 is cross entropy.
        beta: share of the old average that is kept, in [0, 1].
    """
    t = _averaged(logits, index, memory, beta)
    pull = torch.log1p(-(t * _clamped_probs(logits)).sum(-1))
    return neg_log_prob(logits, targets) + lam * pull
