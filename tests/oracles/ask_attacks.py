"""Attacks as foolbox has them, on a small tanh network in float64.

Same conventions: the gradient is of the summed cross-entropy; after each step the move is brought back into
the cube or ball and then into the bounds, which are wide open where ours are None; the last iterate counts.
Its DeepFool goes 1e-4 beyond each tangent, ours 1e-8: they end that far apart, lengthened, or nearer.
"""

from __future__ import annotations

from typing import Any

import foolbox
import numpy as np
import torch
from foolbox.attacks import (
    L2DeepFoolAttack,
    L2ProjectedGradientDescentAttack,
    LinfFastGradientAttack,
    LinfProjectedGradientDescentAttack,
)
from torch import nn

PACKAGES = ("foolbox", "torch")
N, D, H, K = 24, 4, 6, 3
WIDE = (-100.0, 100.0)
BOX = (0.0, 1.0)
STEPS = 10
SEED = 5


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    found = {
        "W1": rng.normal(size=(H, D)),
        "b1": rng.normal(size=H) / 2,
        "W2": 2 * rng.normal(size=(K, H)),
        "b2": rng.normal(size=K) / 2,
        "X": rng.uniform(size=(N, D)),
    }
    return {name: a.round(4).tolist() for name, a in found.items()} | {"y": (np.arange(N) % K).tolist()}


def network(given: dict[str, Any]) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Linear(H, K)).double()
    names = {"0.weight": "W1", "0.bias": "b1", "2.weight": "W2", "2.bias": "b2"}
    net.load_state_dict({at: torch.tensor(given[name], dtype=torch.float64) for at, name in names.items()})
    return net.eval()


def answers(given: dict[str, Any]) -> dict[str, Any]:
    net, X = network(given), torch.tensor(given["X"], dtype=torch.float64)
    y = torch.tensor(given["y"])

    def moved(attack: Any, epsilon: float, bounds: tuple[float, float]) -> list[list[float]]:
        model = foolbox.PyTorchModel(net, bounds=bounds, device="cpu")
        return attack.run(model, X, foolbox.criteria.Misclassification(y), epsilon=epsilon).tolist()

    found = {}
    for name, bounds, clip in (("", WIDE, {}), (" in a box", BOX, {"clip": BOX})):
        found[f"LinfFastGradientAttack{name}"] = {
            "attack": "fgsm",
            "args": ["X", "y"],
            "params": {"epsilon": 0.1} | clip,
            "value": moved(LinfFastGradientAttack(), 0.1, bounds),
            "tolerance": 1e-12,
        }
        for norm, attack, epsilon in (
            ("linf", LinfProjectedGradientDescentAttack, 0.2),
            ("l2", L2ProjectedGradientDescentAttack, 0.4),
        ):
            asked = attack(rel_stepsize=2.5 / STEPS, steps=STEPS, random_start=False)
            found[f"{attack.__name__}{name}"] = {
                "attack": "pgd",
                "args": ["X", "y"],
                "params": {"epsilon": epsilon, "norm": norm, "steps": STEPS} | clip,
                "value": moved(asked, epsilon, bounds),
                "tolerance": 1e-11,
            }
    model = foolbox.PyTorchModel(net, bounds=WIDE, device="cpu")
    own = net(X).argmax(1)
    over = L2DeepFoolAttack(steps=50, overshoot=0.02).run(model, X, foolbox.criteria.Misclassification(own))
    found["L2DeepFoolAttack"] = {
        "attack": "deepfool",
        "args": ["X"],
        "params": {"max_iter": 50, "overshoot": 0.02},
        "read": "adversarial",
        "value": over.tolist(),
        "tolerance": 2e-4,
    }
    return found
