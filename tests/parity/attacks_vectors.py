"""Input gradients, attacks and margins that the browser must reproduce, of networks with float32 weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz import boundary
from clsviz.boundary.attacks import loss_gradient
from clsviz.catalogue import Spec
from clsviz.models import create, network

D, K, N = 6, 4, 9
EPSILON = 0.15
MODELS = [
    ("linear", {}),
    ("mlp", {"hidden": (9,)}),
    ("mlp", {"hidden": (8, 7)}),
    ("mlp", {"hidden": (8, 7), "activation": "tanh"}),
    ("rbf", {"n_centers": 5}),
]
RADII = np.linspace(0, 3, 13)


def _jacobian(model: nn.Module, X: np.ndarray) -> np.ndarray:
    """(N, K, D) slopes by autograd."""
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: model(x[None])[0]))
    return jacobian(torch.from_numpy(X)).detach().numpy()


def _case(name: str, options: dict[str, Any], seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    model = create(Spec(name, options), D, K).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn_like(p))
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, D)).astype(np.float32).astype(np.float64)
    y = rng.integers(0, K, N)
    model = model.double()
    fooled = {str(o): boundary.deepfool(model, X, overshoot=o) for o in (0.0, 0.02)}
    with torch.no_grad():
        logits = model(torch.from_numpy(X)).numpy()
    correct = logits.argmax(1) == y
    found = fooled["0.02"]
    calls = logits.argmax(1)
    proved = boundary.certified_radius_network(model, X)
    distances = np.where(found.success, found.distance, np.inf)
    return {
        "network": network(model),
        "theta": theta,
        "X": X,
        "y": y,
        "logits": logits,
        "margins": boundary.logit_margin(logits, y),
        "jacobian": _jacobian(model, X),
        "loss_gradient": loss_gradient(model, X, y),
        "epsilon": EPSILON,
        "fgsm": boundary.fgsm(model, X, y, epsilon=EPSILON),
        "deepfool": {o: {f: getattr(r, f) for f in r.__dataclass_fields__} for o, r in fooled.items()},
        "pgd": boundary.pgd(model, X, calls, epsilon=EPSILON, norm="l2", steps=5),
        "pgd_distance": boundary.pgd_distance(model, X, t_max=3, steps=7),
        "other": boundary.nearest_other_call(X, calls, X, calls).index,
        "line_distance": boundary.distance_to_other_call(model, X, X),
        "certificate": {"by": proved.by, "lipschitz": proved.lipschitz, "radius": proved.radius},
        "correct": correct,
        "radii": RADII,
        "curve": boundary.robust_accuracy_curve(distances, correct, RADII),
    }


def vectors() -> dict[str, Any]:
    return {"cases": [_case(name, options, seed) for seed, (name, options) in enumerate(MODELS)]}
