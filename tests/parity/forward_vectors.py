"""Logits and pair gradients of small networks, for js/src/core/forward.ts; plain torch operations only."""

from itertools import pairwise

import torch

NETWORKS = [
    {"kind": "linear", "sizes": [5, 3]},
    {"kind": "mlp", "sizes": [5, 7, 3], "activation": "relu"},
    {"kind": "mlp", "sizes": [5, 6, 4, 3], "activation": "relu"},
    {"kind": "mlp", "sizes": [5, 7, 3], "activation": "tanh"},
    {"kind": "mlp", "sizes": [5, 6, 4, 3], "activation": "tanh"},
    {"kind": "rbf", "sizes": [5, 6, 3]},
]
ROWS = 70  # more than the browser takes at a time


def vectors() -> dict:
    """Per network: theta (P,), X (N, D), logits (N, K), and d(z_2 - z_0)/dx at the first three rows."""
    generator = torch.Generator().manual_seed(0)
    return {"cases": [_case(network, generator) for network in NETWORKS]}


def _case(network: dict, generator: torch.Generator) -> dict:
    sizes = network["sizes"]
    shapes: list[tuple[int, ...]]
    if network["kind"] == "rbf":
        features, centers, classes = sizes
        shapes = [(centers, features), (1,), (classes, centers), (classes,)]
    else:
        shapes = [s for i, o in pairwise(sizes) for s in ((o, i), (o,))]
    parameters = [0.7 * torch.randn(s, generator=generator) for s in shapes]
    X = torch.randn(ROWS, sizes[0], generator=generator)
    logits = _logits(network, parameters, X)
    x = X[:3].double().requires_grad_()
    z = _logits(network, [p.double() for p in parameters], x)
    (gradient,) = torch.autograd.grad((z[:, 2] - z[:, 0]).sum(), x)
    return {
        "network": network,
        "theta": torch.cat([p.flatten() for p in parameters]).tolist(),
        "X": X.tolist(),
        "logits": logits.tolist(),
        "gradient_2_over_0": gradient.tolist(),
    }


def _logits(network: dict, parameters: list[torch.Tensor], X: torch.Tensor) -> torch.Tensor:
    if network["kind"] == "rbf":
        centers, log_gamma, weight, bias = parameters
        distances = (X[:, None, :] - centers).square().sum(2)
        return torch.exp(-log_gamma.exp() * distances) @ weight.T + bias
    *hidden, weight, bias = parameters
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        X = X @ w.T + b
        X = X.relu() if network["activation"] == "relu" else X.tanh()
    return X @ weight.T + bias
