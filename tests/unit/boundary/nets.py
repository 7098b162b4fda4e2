"""The contract's public network N1: a ReLU net of three hidden units."""

import torch
from torch import nn


def n1() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
        net[0].bias.copy_(torch.tensor([0.0, 0, -1]))
        net[2].weight.copy_(torch.tensor([[1.0, 0, 1], [0, 1, -1]]))
        net[2].bias.zero_()
    return net
