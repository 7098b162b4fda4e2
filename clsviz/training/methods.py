"""Methods: what one training step does. A method gets the engine and a batch.

The engine offers `loss(batch)` (a 0-d tensor with gradient), `model` and `optimizer`; a method may
call the loss as often as it likes, at whatever weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clsviz.catalogue import method


class StepTools(Protocol):
    """What a method may use of the engine."""

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def loss(self, batch: Mapping[str, Any]) -> Tensor: ...


@method(
    kind="method",
    title="Plain gradient step",
    paper="Robbins & Monro 1951",
    formula=r"\theta\leftarrow\theta-\eta\,\nabla L(\theta)",
)
def standard(engine: StepTools, batch: Mapping[str, Any]) -> Tensor:
    """One gradient of the batch loss, one step of the optimiser; returns the loss, detached."""
    engine.optimizer.zero_grad(set_to_none=True)
    loss = engine.loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    engine.optimizer.step()
    return loss.detach()
