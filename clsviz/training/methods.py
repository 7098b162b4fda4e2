"""Methods: what one training step does. A method gets the engine and a batch.

The engine offers `loss(batch)` (a 0-d tensor with gradient), `model` and `optimizer`; a method may
call the loss as often as it likes, at whatever weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method


class StepTools(Protocol):
    """What a method may use of the engine."""

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def loss(self, batch: Mapping[str, Any]) -> Tensor: ...
    def input_gradient(self, batch: Mapping[str, Any]) -> Tensor:
        """Gradient of the loss with respect to ``batch["x"]``."""


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


@method(
    kind="method",
    title="Adversarial training",
    paper="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572; Madry et al. 2018, arXiv:1706.06083",
    formula=r"\min_\theta\ \frac1n\sum_i\max_{\lVert\delta\rVert_\infty\le\epsilon}"
    r"\ell(f_\theta(x_i+\delta),y_i)",
    radius=Range(0, 1, step=0.01, unit="of a feature"),
    steps=Range(1, 10, step=1),
)
def adversarial(
    engine: StepTools, batch: Mapping[str, Any], *, radius: float = 0.1, steps: int = 1
) -> Tensor:
    """A plain step on samples that were first moved, within a cube round each, to raise the loss.

    Args:
        radius: half the side of the cube, in the units of the (scaled) features; 0 is `standard`.
        steps: 1 is the fast gradient sign method; more are projected gradient ascent, here begun
            at the sample itself, with steps of 2.5 `radius` / `steps`.
    """
    moved = perturbed(batch["x"], lambda x: engine.input_gradient({**batch, "x": x}), radius, steps)
    return standard(engine, {**batch, "x": moved})


def perturbed(x: Tensor, gradient: Callable[[Tensor], Tensor], radius: float | Tensor, steps: int) -> Tensor:
    """Samples moved up the gradient's sign, at most `radius` in each feature.

    Args:
        x: (..., D) float, without gradient.
        gradient: of the loss, at moved samples.
        radius: >= 0; as a tensor it goes with x by broadcasting.
    """
    stride = radius if steps == 1 else 2.5 * radius / steps
    moved = x
    for _ in range(int(steps)):
        shift = moved + stride * gradient(moved).sign() - x
        moved = x + shift.clamp(-radius, radius)  # type: ignore[arg-type]
    return moved
