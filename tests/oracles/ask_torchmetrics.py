"""Losses that equal a metric of torchmetrics, and its calibration errors (which it sums in float32)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torchvision_anyway  # noqa: F401
from torch import Tensor
from torchmetrics.functional import classification as metrics
from torchmetrics.functional.regression import jensen_shannon_divergence, kl_divergence

PACKAGES = ("torchmetrics", "torch")
N, C = 24, 4
SEED = 6


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    labels = rng.integers(0, C, N)
    scores = rng.random((N, C)).round(4)  # in [0, 1]: torchmetrics takes them as they are
    logits = (2 * rng.normal(size=(N, C)) + 1.5 * np.eye(C)[labels]).round(4)
    return {
        "labels": labels.tolist(),
        "scores": scores.tolist(),
        "logits": logits.tolist(),
        "teacher_logits": (logits + rng.normal(size=(N, C))).round(4).tolist(),
    }


def hinge(z: Tensor, y: Tensor) -> Tensor:
    return metrics.multiclass_hinge_loss(z, y, C, multiclass_mode="crammer-singer")


def kl(z: Tensor, y: Tensor, teacher: Tensor) -> Tensor:
    return kl_divergence(teacher.softmax(1), z.softmax(1))


def js(z: Tensor, y: Tensor, teacher: Tensor) -> Tensor:
    return jensen_shannon_divergence(z.softmax(1), teacher.softmax(1))


def f_beta(beta: float) -> Callable[[Tensor, Tensor], Tensor]:
    """One against the rest, each class at threshold 1/2, then the mean over classes."""

    def ask(z: Tensor, y: Tensor) -> Tensor:
        one_hot = torch.nn.functional.one_hot(y, C)
        return 1 - metrics.multilabel_fbeta_score(z.softmax(1), one_hot, beta, C, average="macro")

    return ask


HARD = {"L": 1e6, "eps": 1e-15}  # AnyLoss's amplifier so steep that its soft counts are the hard ones
# Name of the question -> clsviz's loss, its parameters, scores it is called with, further inputs.
LOSSES: dict[str, tuple[Callable[..., Tensor], str, dict[str, Any], str, tuple[str, ...]]] = {
    "multiclass_hinge_loss": (hinge, "hinge_cs", {"margin": 1.0}, "scores", ()),
    "kl_divergence": (kl, "ssld", {"mode": "kl"}, "logits", ("teacher_logits",)),
    "jensen_shannon_divergence": (js, "ssld", {"mode": "js"}, "logits", ("teacher_logits",)),
    "multilabel_fbeta_score": (f_beta(1.0), "anyloss", HARD, "logits", ()),
    "multilabel_fbeta_score, 2": (f_beta(2.0), "anyloss", {"beta": 2.0} | HARD, "logits", ()),
}
BINS = (5, 15)


def answers(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    y = torch.tensor(given["labels"])
    for name, (ask, loss, params, x, others) in LOSSES.items():
        tensors = [torch.tensor(given[n], dtype=torch.float64) for n in (x, *others)]
        z, *more = tensors
        found[name] = {
            "loss": loss,
            "params": params,
            "x": x,
            "targets": "labels",
            "further": list(others),
            "mean": ask(z, y, *more).item(),
        }
    probs = torch.tensor(given["logits"], dtype=torch.float64).softmax(1)
    for norm in ("l1", "l2", "max"):
        for n_bins in BINS:
            value = metrics.multiclass_calibration_error(probs, y, C, n_bins=n_bins, norm=norm)
            params = {"norm": norm, "n_bins": n_bins}
            found[f"multiclass_calibration_error, {norm}, {n_bins}"] = {
                "measure": "ece",
                "params": params,
                "kind": "logits",
                "x": "logits",
                "value": value.item(),
            }
    return found
