"""Out-of-distribution scores and metrics as pytorch-ood has them.

Its scores are higher outside, ours inside, so signs are turned here. Its covariances are sums, not divided
by N, plus 1e-6 on the diagonal; its Mahalanobis score is half the distance. In its FPR the positives are
the OOD samples: it is asked with the roles exchanged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchvision_anyway  # noqa: F401
from pytorch_ood.detector import KNN, RMD, EnergyBased, Mahalanobis, MaxLogit, MaxSoftmax
from pytorch_ood.metrics import OODMetrics

PACKAGES = ("pytorch-ood", "torch")
N, D, K = 60, 4, 3
RIDGE = 1e-6
SEED = 11


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    labels = np.arange(N) % K
    train = rng.normal(size=(N, D)) + 3 * np.eye(K, D)[labels]
    return {
        "train": train.round(4).tolist(),
        "labels": labels.tolist(),
        "features": (2 * rng.normal(size=(20, D))).round(4).tolist(),
        "logits": (3 * rng.normal(size=(20, K))).round(4).tolist(),
        "inside": (rng.normal(size=50) + 1).round(1).tolist(),  # with ties
        "outside": rng.normal(size=70).round(1).tolist(),
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    torch.set_default_dtype(torch.float64)  # its means and covariances start from zeros of the default
    try:
        return in_float64(given)
    finally:
        torch.set_default_dtype(torch.float32)


def in_float64(given: dict[str, Any]) -> dict[str, Any]:
    train, features, logits, inside, outside = (
        torch.tensor(given[n]) for n in ("train", "features", "logits", "inside", "outside")
    )
    y = torch.tensor(given["labels"])

    def score(function: str, args: list[str], value: torch.Tensor, **params: Any) -> dict[str, Any]:
        found = {"function": function, "args": args, "params": params}
        return found | {"value": value.tolist(), "tolerance": 1e-8}

    fitted = ["train", "labels", "features"]
    mahalanobis, relative, knn = (
        model.fit_features(train, y).predict_features(features)
        for model in (Mahalanobis(None), RMD(None), KNN(None, k=5, normalize=True))
    )
    found = {
        "Mahalanobis": score("mahalanobis_score", fitted, -2 * N * mahalanobis, ridge=RIDGE / N),
        "RMD": score("mahalanobis_score", fitted, -N * relative, ridge=RIDGE / N, relative=True),
        "KNN": score("knn_ood_score", ["train", "features"], -knn, k=5),
        "MaxSoftmax": score("msp_score", ["logits"], -MaxSoftmax.score(logits)),
        "MaxLogit": score("max_logit_score", ["logits"], -MaxLogit.score(logits)),
        "EnergyBased": score("energy_score", ["logits"], -EnergyBased.score(logits, 1.0)),
        "EnergyBased, 2": score("energy_score", ["logits"], -EnergyBased.score(logits, 2.0), temperature=2.0),
    }
    where = torch.cat([torch.zeros(len(inside)), -torch.ones(len(outside))]).long()
    asked = OODMetrics().update(-torch.cat([inside, outside]), where).compute()
    # exchanged: what is inside counts as outside, at a score that is higher inside
    swapped = OODMetrics().update(torch.cat([inside, outside]), -1 - where).compute()
    found["OODMetrics"] = {
        "function": "ood_metrics",
        "args": ["inside", "outside"],
        "params": {},
        "read": ["auroc", "fpr"],  # its AUPR joins the points by straight lines
        "value": [asked["AUROC"], swapped["FPR95TPR"]],
        "tolerance": 1e-6,
    }
    return found
