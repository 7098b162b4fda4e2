"""Lengths, angles and distances of embeddings, and which pairs of a batch belong together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def norms(x: Tensor) -> Tensor:
    """(..., 1) Euclidean length; gradient 0 at length 0; no overflow of the squares."""
    scale = x.detach().abs().amax(-1, keepdim=True).clamp(min=1)
    return scale * torch.linalg.vector_norm(x / scale, dim=-1, keepdim=True)


def unit(x: Tensor) -> Tensor:
    """x / max(length, 1e-12)."""
    return x / norms(x).clamp(min=1e-12)


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """(N, D), (M, D) -> (N, M)."""
    return unit(a) @ unit(b).mT


def distances(a: Tensor, b: Tensor, *, squared: bool = False) -> Tensor:
    """(N, D), (M, D) -> (N, M) sqrt(sum of squares + 1e-12), or the bare squares.

    From the differences themselves: |a|^2 + |b|^2 - 2ab would lose all digits of close pairs.
    """
    squares = (a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1)
    return squares if squared else (squares + 1e-12).sqrt()


def pairs(targets: Tensor) -> tuple[Tensor, Tensor]:
    """(N, N) bool each: other rows of the same class, rows of other classes."""
    same = targets.unsqueeze(-1) == targets.unsqueeze(-2)
    return same & ~diagonal(targets), ~same


def diagonal(rows: Tensor) -> Tensor:
    """(N, N) bool, True where a row meets itself."""
    return torch.eye(len(rows), dtype=torch.bool, device=rows.device)


def no_terms_of_no_rows(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A maximum over the other rows of an empty batch is an error; here it gives no terms."""

    @functools.wraps(function)
    def terms(embeddings: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(embeddings, *args, **kwargs) if len(embeddings) else embeddings.sum(-1)

    return terms
