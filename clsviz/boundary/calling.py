"""How the probes of this family call a model: logits of points, and logits that carry a gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.errors import InputError, ShapeError
from clsviz.models.predictor import evaluating, logits_in

CHUNK = 8192  # rows per forward pass; larger ones fall out of the cache


def logits_at(model: Any, X: np.ndarray) -> np.ndarray:
    """(N, K) float64 logits of a torch module or of a callable on float64 numpy arrays.

    A module runs in eval mode, in its own dtype and on its device, and is left as found.

    Raises:
        InputError: `model` cannot be called, or a logit is NaN or inf.
        ShapeError: it does not return (N, K).
    """
    if not callable(model):
        raise InputError(f"model must be a torch module or a callable, got {type(model).__name__}")
    parts = [X[start : start + CHUNK] for start in range(0, len(X), CHUNK)]
    if isinstance(model, nn.Module):
        with evaluating(model):
            like = tensor_like(model)
            chunks = [_as_numpy(model(torch.from_numpy(part).to(like))) for part in parts]
    else:
        chunks = [_as_numpy(model(part)) for part in parts]
    for part, logits in zip(parts, chunks, strict=True):
        if logits.ndim != 2 or len(logits) != len(part):
            raise ShapeError(f"model must map (N, d) to (N, K): {part.shape} became {logits.shape}")
    logits = np.concatenate(chunks)
    if not np.isfinite(logits).all():
        raise InputError("model returned logits that are NaN or inf; its weights may have diverged")
    return logits


@contextmanager
def with_gradient(model: Any) -> Iterator[Callable[[Tensor], Tensor]]:
    """A function from (n, d) float64 points to (n, K) float64 logits that autograd goes through.

    Within, the module is in eval mode and its parameters need no gradient; it is left as found.

    Raises:
        InputError: `model` is no torch module.
    """
    if not isinstance(model, nn.Module):
        raise InputError(
            f"model must be a torch.nn.Module, whose gradient is taken, got {type(model).__name__}"
        )
    like = tensor_like(model)
    frozen = [p for p in model.parameters() if p.requires_grad]

    def logits(points: Tensor) -> Tensor:
        output = logits_in(model(points.to(like)))
        if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != len(points):
            shape = tuple(getattr(output, "shape", ()))
            raise ShapeError(f"model must map (N, d) to (N, K): {tuple(points.shape)} became {shape}")
        return output.to(torch.float64)

    with evaluating(model), torch.enable_grad():
        for p in frozen:
            p.requires_grad_(False)
        try:
            yield logits
        finally:
            for p in frozen:
                p.requires_grad_(True)


def tensor_like(model: nn.Module) -> Tensor:
    """An empty tensor of the module's dtype, on its device; float64 for one without weights."""
    floats = (p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point())
    first = next(floats, None)
    return torch.empty(0, dtype=torch.float64) if first is None else torch.empty(0).to(first)


def _as_numpy(output: Any) -> np.ndarray:
    output = logits_in(output)
    if isinstance(output, Tensor):
        output = output.detach().double().cpu().numpy()
    return np.asarray(output, dtype=np.float64)
