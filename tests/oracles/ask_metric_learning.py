"""Losses on embeddings, as pytorch-metric-learning has them: values and gradients in float64.

Asked is what both define alike. On purpose clsviz differs from the package's defaults: distances of
triplets are not taken on the unit sphere, and zero terms count in the mean; supcon also has a value when
the batch has one class alone; an anchor that lacks positives or negatives adds 0 to multi_similarity, and
positives with a cosine of 1 - 1e-5 or more do not count; arcface does not correct angles that pass pi.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_metric_learning import distances, losses, miners, reducers
from torch import Tensor

PACKAGES = ("pytorch-metric-learning", "torch")
N, D, C = 16, 5, 4
SEED = 5


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    labels = np.arange(N) % C  # every anchor has positives and negatives
    x = rng.normal(size=(N, D)) + 1.5 * np.eye(C, D)[labels]
    return {
        "embeddings": x.round(4).tolist(),
        "keys": (x + 0.7 * rng.normal(size=(N, D))).round(4).tolist(),
        "weight": rng.normal(size=(C, D)).round(4).tolist(),
        "labels": labels.tolist(),
        "pairs": (np.arange(N) % (N // 2)).tolist(),  # one positive each: two views of the same thing
        "lonely": [0, *([1] * 5), *([2] * 5), *([3] * 5)],  # the first has no positive
    }


def supcon(tau: float) -> Callable[..., Tensor]:
    return losses.SupConLoss(temperature=tau)


def nt_xent(tau: float) -> Callable[..., Tensor]:
    return losses.NTXentLoss(temperature=tau)


def infonce(tau: float) -> Callable[..., Tensor]:
    """Each embedding's only positive is its key, its negatives are the other keys."""
    loss = losses.NTXentLoss(temperature=tau)

    def ask(x: Tensor, y: Tensor, keys: Tensor) -> Tensor:
        own = torch.arange(len(x))
        return loss(x, own, ref_emb=keys, ref_labels=own.clone())  # the same object would exclude i = i

    return ask


def triplet(margin: float, mining: str = "all", squared: bool = False) -> Callable[..., Tensor]:
    """Distances as they are (the package's default is on the unit sphere), zero terms in the mean."""
    distance = distances.LpDistance(normalize_embeddings=False, power=2 if squared else 1)
    loss = losses.TripletMarginLoss(margin, distance=distance, reducer=reducers.MeanReducer())
    miner = miners.BatchHardMiner(distance=distance) if mining == "hard" else None
    return lambda x, y: loss(x, y, miner(x, y) if miner else None)


def multi_similarity(
    scale_pos: float = 2, scale_neg: float = 40, thresh: float = 0.5, margin: float = 0.1, mining: bool = True
) -> Callable[..., Tensor]:
    loss = losses.MultiSimilarityLoss(scale_pos, scale_neg, thresh)
    miner = miners.MultiSimilarityMiner(epsilon=margin) if mining else None
    return lambda x, y: loss(x, y, miner(x, y) if miner else None)


def norm_softmax(s: float, margin: float = 0.0, margin_type: str = "cosface") -> Callable[..., Tensor]:
    if margin == 0:
        loss = losses.NormalizedSoftmaxLoss(C, D, temperature=1 / s)
    elif margin_type == "cosface":
        loss = losses.CosFaceLoss(C, D, margin=margin, scale=s)
    else:
        loss = losses.ArcFaceLoss(C, D, margin=math.degrees(margin), scale=s)

    loss.cast_types = lambda *_: None  # it would cut the weight from its gradient

    def ask(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        del loss.W  # the parameter
        loss.W = weight.T
        return loss(x, y)

    return ask


def look(tau: float) -> Callable[..., Tensor]:
    """Leave-one-out NCA on the unit sphere, where -|u - v|^2 = 2 <u, v> - 2."""
    return losses.NCALoss(softmax_scale=1 / (2 * tau), distance=distances.LpDistance(power=2))


# Name of the question -> function here, named and with parameters as in clsviz; which labels; further inputs.
QUESTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any], str, tuple[str, ...]]] = {
    "SupConLoss": (supcon, {"tau": 0.1}, "labels", ()),
    "SupConLoss, warm": (supcon, {"tau": 0.5}, "labels", ()),
    "SupConLoss, an anchor without positives": (supcon, {"tau": 0.5}, "lonely", ()),
    "NTXentLoss is supcon with one positive each": (nt_xent, {"tau": 0.2}, "pairs", ()),
    "NTXentLoss with keys": (infonce, {"tau": 0.1}, "labels", ("keys",)),
    "NTXentLoss with keys, warm": (infonce, {"tau": 1.0}, "labels", ("keys",)),
    "TripletMarginLoss": (triplet, {"margin": 0.2}, "labels", ()),
    "TripletMarginLoss, squared": (triplet, {"margin": 1.0, "squared": True}, "labels", ()),
    "TripletMarginLoss, an anchor without positives": (triplet, {"margin": 1.0}, "lonely", ()),
    "BatchHardMiner": (triplet, {"margin": 0.2, "mining": "hard"}, "labels", ()),
    "BatchHardMiner, squared": (triplet, {"margin": 1.0, "mining": "hard", "squared": True}, "labels", ()),
    "MultiSimilarityLoss": (multi_similarity, {"mining": False}, "labels", ()),
    "MultiSimilarityMiner": (multi_similarity, {}, "labels", ()),
    "MultiSimilarityMiner, strict": (multi_similarity, {"margin": 0.0, "scale_neg": 10.0}, "labels", ()),
    "NormalizedSoftmaxLoss": (norm_softmax, {"s": 20.0}, "labels", ("weight",)),
    "CosFaceLoss": (norm_softmax, {"s": 30.0, "margin": 0.35}, "labels", ("weight",)),
    "ArcFaceLoss": (norm_softmax, {"s": 8.0, "margin": 0.3, "margin_type": "arcface"}, "labels", ("weight",)),
    "NCALoss": (look, {"tau": 0.3}, "labels", ()),
}
CALLED = {"nt_xent": "supcon"}  # in clsviz
FURTHER = {"look": {"k": N - 1, "eps": 0.0}}  # what makes clsviz's loss the package's


def answers(given: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, (make, params, targets, others) in QUESTIONS.items():
        names = ["embeddings", *others]
        tensors = [torch.tensor(given[n], dtype=torch.float64, requires_grad=True) for n in names]
        x, *more = tensors
        value = make(**params)(x, torch.tensor(given[targets]), *more)
        gradients = torch.autograd.grad(value, tensors)
        found[name] = {
            "loss": CALLED.get(make.__name__, make.__name__),
            "params": params | FURTHER.get(make.__name__, {}),
            "x": "embeddings",
            "targets": targets,
            "further": list(others),
            "mean": value.item(),
            "gradients": {n: g.tolist() for n, g in zip(names, gradients, strict=True)},
        }
    return found
