"""The size of a network's initial weights, as a caller sets it."""

from __future__ import annotations

import torch
from torch import nn

from clsviz.catalogue import Range
from clsviz.data.checks import number
from clsviz.errors import InputError

# Small: features are learnt ("rich"); large: the network stays near its linearisation ("lazy", Chizat,
# Oyallon & Bach 2019, arXiv:1812.07956).
INIT_SCALE = Range(0.01, 10, log=True)


def scale_weights(model: nn.Module, factor: float) -> None:
    """Multiplies all weights and biases by a factor.

    Raises:
        InputError: it is not above 0.
    """
    if number(factor, "init_scale") <= 0:
        raise InputError(f"init_scale must be above 0, got {factor!r}")
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(factor)
