"""Local maps, attributions and curves that the browser must reproduce, of networks with float32 weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz import boundary
from clsviz.boundary.attribution import gradients_agree, logit_gradient
from clsviz.catalogue import Spec
from clsviz.data.ood import normals
from clsviz.models import create, network

D, K = 6, 4
MODELS = [
    ("linear", {}),
    ("mlp", {"hidden": (9,)}),
    ("mlp", {"hidden": (8, 7)}),
    ("mlp", {"hidden": (8, 7), "activation": "tanh"}),
    ("rbf", {"n_centers": 5}),
]


def _case(name: str, options: dict[str, Any], seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    model = create(Spec(name, options), D, K).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn_like(p))
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    rng = np.random.default_rng(seed)
    x, blank = rng.normal(size=(2, D)).astype(np.float32).astype(np.float64)
    model, target, temperature = model.double(), seed % K, 1.5

    def probs(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return (model(torch.from_numpy(X)) / temperature).softmax(1).numpy()

    A, b = boundary.linear_interpreter(model, x)
    slope = logit_gradient(model, x[None], target)[0]
    integrated = boundary.integrated_gradients(model, x, target, baseline=blank)
    maps = {
        "gradient": slope,
        "gradient_input": slope * x,
        "integrated_gradients": integrated.values,
        "occlusion": boundary.occlusion(model, x, target, baseline=blank),
        "smooth_grad": boundary.smooth_grad(model, x, target),
    }
    curves = {
        mode: boundary.insertion_deletion(probs, x, maps["occlusion"], target, baseline=blank, mode=mode)
        for mode in ("deletion", "insertion")
    }
    steady = gradients_agree(model, x, target, normals(2, 32 * D).reshape(32, D), radius=0.5, k=3)
    return {
        "network": network(model),
        "theta": theta,
        "x": x,
        "blank": blank,
        "target": target,
        "temperature": temperature,
        "A": A,
        "b": b,
        "maps": maps,
        "gap": integrated.gap,
        "curves": {mode: {"curve": found.curve, "auc": found.auc} for mode, found in curves.items()},
        "agreement": boundary.attribution_agreement(maps["gradient"], maps["occlusion"], k=3)._asdict(),
        "steady": [steady.cosine, steady.worst_cosine],
    }


def vectors() -> dict[str, Any]:
    ties = boundary.attribution_agreement([1, 1, 2, 0, 2], [3, 1, 1, 1, 0], k=2)
    return {
        "cases": [_case(name, options, seed) for seed, (name, options) in enumerate(MODELS)],
        "ties": ties._asdict(),
    }
