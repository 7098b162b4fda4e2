"""A frozen teacher: what it says of every sample, found once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.models import as_predictor, evaluating, present_model
from clsviz.training.supplies.supply import Setting, Supply, supply

ROWS = 8192  # samples at a time


def teacher_columns(teacher: Any, dataset: Dataset) -> dict[str, np.ndarray]:
    """``teacher_logits`` (N, K) and, where the teacher has any, ``teacher_embeddings`` (N, D), float32.

    Args:
        teacher: a run or another source (its present model), a torch module, a fitted scikit-learn
            classifier, a function from (N, D) to (N, K), or the logits (N, K) themselves.

    Raises:
        ShapeError: it does not give one row of K logits for each sample of the dataset.
        InputError: it is none of these, or its logits are not finite.
    """
    teacher = present_model(teacher)
    if isinstance(teacher, np.ndarray | Tensor | list | tuple):
        logits = np.asarray(teacher.detach().cpu() if isinstance(teacher, Tensor) else teacher, np.float32)
        found = {"teacher_logits": logits}
    else:
        try:
            predict = as_predictor(teacher, dataset.n_classes, class_names=dataset.class_names)
            found = {"teacher_logits": predict(dataset.X).astype(np.float32)}
        except (RuntimeError, TypeError) as error:
            raise InputError(
                f"teacher: {type(teacher).__name__} cannot predict the samples of {dataset.name!r} "
                f"({dataset.n_features} features): {error}"
            ) from error
        if isinstance(teacher, nn.Module) and callable(getattr(teacher, "outputs", None)):
            embeddings = _embeddings(teacher, dataset.X)
            found |= {} if embeddings is None else {"teacher_embeddings": embeddings}
    expected, shape = (len(dataset.y), dataset.n_classes), found["teacher_logits"].shape
    if shape != expected:
        raise ShapeError(f"teacher: expected logits {expected} for the data {dataset.name!r}, got {shape}")
    if not np.isfinite(found["teacher_logits"]).all():
        raise InputError("teacher: its logits are not finite for every sample")
    return found


def _embeddings(model: nn.Module, X: np.ndarray) -> np.ndarray | None:
    weight = next(model.parameters())
    parts = []
    with evaluating(model):
        for x in torch.split(torch.from_numpy(X), ROWS):
            embeddings = model.outputs(x.to(weight.device, weight.dtype)).get("embeddings")  # type: ignore[operator]
            if embeddings is None:
                return None
            parts.append(embeddings.float().cpu())
    return torch.cat(parts).numpy()


@supply(
    name="class_means",
    title="Class means of the teacher",
    paper="Improving Knowledge Distillation via Regularizing Feature Norm and Direction",
    formula=r"e_k = \tfrac1{n_k}\sum_{y_i=k} u_i",
    needs=("teacher_embeddings", "targets"),
)
class ClassMeans(Supply):
    """Mean (K, D) of the teacher's embeddings over each class of the training part; 0 for an absent one."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        rows = torch.from_numpy(setting.dataset.train).to(setting.device)
        u, y = setting.columns["teacher_embeddings"][rows], setting.columns["targets"][rows]
        if setting.dim is not None and u.shape[1] != setting.dim:
            raise ShapeError(
                f"teacher: its embeddings have width {u.shape[1]}, those of the model {setting.dim}; "
                "they are compared, so take a teacher with a last hidden layer as wide as the model's"
            )
        sums = u.new_zeros(setting.dataset.n_classes, u.shape[1]).index_add_(0, y, u)
        counts = torch.bincount(y, minlength=len(sums)).clamp_min(1)
        self._means = sums / counts.unsqueeze(1)

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        return self._means
