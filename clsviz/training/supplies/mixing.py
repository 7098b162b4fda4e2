"""How far two samples are mixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.data.checks import number
from clsviz.errors import InputError
from clsviz.training.supplies.supply import Setting, Supply, supply


@supply(
    name="lam",
    title="Share of a mix",
    paper="Zhang et al. 2018, arXiv:1710.09412",
    formula=r"\lambda \sim \mathrm{Beta}(\alpha, \alpha)",
    needs=("x", "generator"),
    alpha=Range(0.1, 10, log=True),
)
class MixingShare(Supply):
    """One number in [0, 1] for each step, drawn from Beta(alpha, alpha).

    Args:
        alpha: > 0; 1 is uniform, more keeps near a half.
    """

    def __init__(self, setting: Setting, *, alpha: float = 2.0) -> None:
        super().__init__()
        if number(alpha, "supplies.lam.alpha", 0) == 0:
            raise InputError("supplies.lam.alpha must be above 0")
        self._shape = torch.full((2,), float(alpha))

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        x, generator = values["x"], values["generator"]
        first, second = torch._standard_gamma(self._shape.to(x), generator=generator)
        return first / (first + second)
