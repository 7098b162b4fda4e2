"""A second linear head beside the model's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from clsviz.training.supplies.supply import Setting, Supply, supply


@supply(
    name="aux_logits",
    title="Second head",
    paper="Improving Knowledge Distillation with an Auxiliary Head, arXiv:2411.08937",
    formula=r"a = W' h_\theta(x) + b'",
    needs=("embeddings",),
)
class SecondHead(Supply):
    """Logits (n, K) of a second linear layer on the embeddings, trained along with the model."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        assert setting.dim is not None  # embeddings are among its needs
        self.head = nn.Linear(setting.dim, setting.dataset.n_classes)

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        return self.head(values["embeddings"])
