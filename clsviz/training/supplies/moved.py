"""What the network says of the same samples, moved: by an attack, or by noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from clsviz.catalogue import Range
from clsviz.data.checks import count, number
from clsviz.training.methods import perturbed
from clsviz.training.supplies.supply import Setting, Supply, supply


@supply(
    name="adv_logits",
    title="Logits of attacked samples",
    paper="Madry et al. 2018, arXiv:1706.06083",
    formula=r"z' = f_\theta\big(x + \arg\max_{\lVert\delta\rVert_\infty\le\epsilon} "
    r"\ell(f_\theta(x+\delta), y)\big)",
    needs=("x", "targets"),
    radius=Range(0, 1, step=0.01, unit="of a feature"),
    steps=Range(1, 10, step=1),
)
class AttackedLogits(Supply):
    """Logits (n, K) of the samples after projected gradient ascent on the cross-entropy.

    Every loss that falls with the probability of the true class is raised by it. Gradient flows
    through the logits, not through the attack.

    Args:
        radius: half the side of the cube round each sample, in the units of the (scaled) features.
        steps: of the ascent; 1 is the fast gradient sign method.
    """

    def __init__(self, setting: Setting, *, radius: float = 0.1, steps: int = 3) -> None:
        super().__init__()
        self._outputs = setting.outputs
        self._radius = number(radius, "supplies.adv_logits.radius", 0)
        self._steps = count(steps, "supplies.adv_logits.steps")

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        targets = values["targets"]

        def slope(x: Tensor) -> Tensor:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                loss = functional.cross_entropy(self._outputs(x)["logits"], targets, reduction="sum")
                return torch.autograd.grad(loss, x)[0]

        moved = perturbed(values["x"].detach(), slope, self._radius, self._steps)
        return self._outputs(moved)["logits"]


@supply(
    name="keys",
    title="Embeddings of a second view",
    paper="Chen et al. 2020, arXiv:2002.05709",
    formula=r"k_i = h_\theta(x_i + \sigma\epsilon_i)",
    needs=("x", "embeddings", "generator"),
    noise=Range(0, 2, step=0.05, unit="standard deviations of the training part"),
)
class NoisyKeys(Supply):
    """Embeddings (n, D) of the same samples with Gaussian noise, drawn anew in each step.

    Args:
        noise: standard deviation, in units of the training part's over all features.
    """

    couples = True

    def __init__(self, setting: Setting, *, noise: float = 0.5) -> None:
        super().__init__()
        self._outputs = setting.outputs
        spread = float(setting.dataset.X[setting.dataset.train].std())
        self._scale = number(noise, "supplies.keys.noise", 0) * spread

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        x, generator = values["x"], values["generator"]
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return self._outputs(x + self._scale * noise)["embeddings"]
