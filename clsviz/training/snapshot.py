"""A moment of training: the parameters, the numbers, and what it takes to go on from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from clsviz.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state after `step` optimisation steps. P parameters, N samples of the dataset, K classes.

    `metrics` has loss, accuracy, ece and margin (``train_loss``, ..., ``validation_margin``) of the
    training and validation part where there is such data, and the scalars given to a Watch.
    """

    step: int
    epoch: float
    theta: np.ndarray | None  # (P,) float32, all parameters in order; None when there is no module
    buffers: Mapping[str, Tensor] = field(default_factory=dict)  # batch norm and the like, on the CPU
    logits: np.ndarray | None = None  # (N, K) float32 over all samples; only where network is None
    metrics: Mapping[str, float] = field(default_factory=dict)
    # Optimiser, loss and (where theta is not exact) model state, on the CPU; None when thinned away.
    resume: Mapping[str, Tensor] | None = None

    @property
    def nbytes(self) -> int:
        arrays = [a.nbytes for a in (self.theta, self.logits) if a is not None]
        return sum(arrays) + _nbytes(self.buffers) + self.resume_nbytes

    @property
    def resume_nbytes(self) -> int:
        return _nbytes(self.resume or {})

    @property
    def finite(self) -> bool:
        """Whether the training loss and all parameters are."""
        loss = self.metrics.get("train_loss", 0.0)
        return math.isfinite(loss) and (self.theta is None or bool(np.isfinite(self.theta).all()))

    def load_into(self, model: nn.Module) -> None:
        """Sets the model's parameters and buffers to those of this moment.

        Raises:
            ShapeError: the model has another number of parameters.
        """
        if self.theta is not None:
            load_theta(model, self.theta)
        with torch.no_grad():
            exact = {k.removeprefix("model."): v for k, v in (self.resume or {}).items() if _is_model(k)}
            for name, p in model.named_parameters():
                if name in exact:
                    p.copy_(exact[name])
            for name, b in model.named_buffers():
                if name in self.buffers:
                    b.copy_(self.buffers[name])


def theta_of(model: nn.Module) -> np.ndarray:
    """All parameters as one new float32 vector (P,), on the CPU."""
    if not any(True for _ in model.parameters()):
        return np.zeros(0, np.float32)
    vector = parameters_to_vector([p.detach().float() for p in model.parameters()])
    return vector.cpu().numpy()


def load_theta(model: nn.Module, theta: np.ndarray) -> None:
    """Copies a vector (P,) into the model's parameters, in place."""
    count = sum(p.numel() for p in model.parameters())
    if theta.shape != (count,):
        raise ShapeError(f"theta: expected ({count},) for this model, got {theta.shape}")
    start = 0
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(theta[start : start + p.numel()]).view_as(p))
            start += p.numel()


def buffers_of(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all buffers, on the CPU."""
    return {name: b.detach().cpu().clone() for name, b in model.named_buffers()}


def exact_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the parameters that float32 cannot hold, under ``model.<name>``."""
    return {
        f"model.{name}": p.detach().cpu().clone()
        for name, p in model.named_parameters()
        if p.dtype == torch.float64
    }


def _is_model(key: str) -> bool:
    return key.startswith("model.")


def _nbytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(t.nbytes for t in tensors.values())
