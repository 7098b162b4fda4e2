"""Samples of no class, drawn about the running mean of the batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.data.checks import number
from clsviz.training.supplies.supply import Setting, Supply, supply


@supply(
    name="pseudo_logits",
    title="Logits of pseudo-negatives",
    paper="Hyp-OC: Hyperbolic One Class Classification for Face Anti-Spoofing, arXiv:2404.14406",
    formula=r"z_\theta(\tilde x), \quad \tilde x \sim \mathcal N(m_t, s^2 I), \quad "
    r"m_t = \alpha\, m_{t-1} + (1 - \alpha)\, \bar x_t",
    needs=("x", "generator"),
    momentum=Range(0, 0.99, step=0.01),
    spread=Range(0.1, 4, step=0.1, unit="standard deviations of the training part"),
)
class PseudoNegatives(Supply):
    """Logits (n, K) of as many samples as the batch has, drawn from a Gaussian about their running mean.

    The paper draws features of a pretrained network and trains the layers above; here the features are
    the data's. The mean begins at 0 and moves in training only.

    Args:
        momentum: share of the former mean in the next, in [0, 1].
        spread: standard deviation of each feature, in units of the training part's: the root of the mean
            variance over the features. At 1 they lie among the known samples.
    """

    couples = True
    mean: Tensor

    def __init__(self, setting: Setting, *, momentum: float = 0.8, spread: float = 2.0) -> None:
        super().__init__()
        self._outputs = setting.outputs
        X = setting.dataset.X[setting.dataset.train]
        self._momentum = number(momentum, "supplies.pseudo_logits.momentum", 0, 1)
        scale = float(X.var(0).mean()) ** 0.5
        self._scale = number(spread, "supplies.pseudo_logits.spread", 0) * scale
        self.register_buffer("mean", torch.zeros(X.shape[1]))

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        x, generator = values["x"], values["generator"]
        # an attack's slope, and a look at the loss, are no steps
        if torch.is_grad_enabled() and not x.requires_grad:
            self.mean.lerp_(x.mean(0), 1 - self._momentum)
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return self._outputs(self.mean + self._scale * noise)["logits"]
