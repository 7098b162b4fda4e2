"""Weights of samples that a small network learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range
from clsviz.data.checks import count
from clsviz.training.supplies.supply import Setting, Supply, supply

FEATURES = ("loss", "p_y", "margin", "entropy", "max p", "correct")
MOST_LOSS = 3.0  # of the loss of guessing: beyond, one is as bad as another


@supply(
    name="weights",
    title="Learned weights of samples",
    paper="Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling",
    formula=r"w_i = \sigma\big(g_\phi(\ell_i, p_y, m_i, H_i, \max p, 1[\hat y_i = y_i])\big)",
    needs=("logits", "targets"),
    method_only="meta_rescale",
    hidden=Range(2, 64, step=1, unit="neurons"),
)
class WeightNet(Supply):
    """Weights (n,) in (0, 1) from what the network says of each sample; equal at the start.

    The method `meta_rescale` trains it. No gradient reaches the logits.

    Args:
        hidden: width of its one hidden layer.
    """

    trained = False

    def __init__(self, setting: Setting, *, hidden: int = 16) -> None:
        super().__init__()
        width = count(hidden, "supplies.weights.hidden")
        self.body = nn.Sequential(nn.Linear(len(FEATURES), width), nn.Tanh(), nn.Linear(width, 1))
        with torch.no_grad():
            for p in self.body[-1].parameters():
                p.zero_()

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        features = self.features(values["logits"].detach(), values["targets"])
        return torch.sigmoid(self.body(features).squeeze(1))

    @staticmethod
    def features(logits: Tensor, targets: Tensor) -> Tensor:
        """(n, 6): what `FEATURES` names, each of order 1."""
        log_p = logits.log_softmax(1)
        p, own = log_p.exp(), targets.unsqueeze(1)
        p_y = p.gather(1, own).squeeze(1)
        rival = p.scatter(1, own, -1.0).amax(1)
        guess = math.log(logits.shape[1])
        loss = (-log_p.gather(1, own).squeeze(1) / guess).clamp_max(MOST_LOSS)
        entropy = -(p * log_p).sum(1) / guess
        correct = (p_y >= rival).to(p.dtype)
        return torch.stack([loss, p_y, p_y - rival, entropy, p.amax(1), correct], 1)
