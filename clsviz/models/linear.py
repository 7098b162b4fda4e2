"""One linear layer."""

from __future__ import annotations

from torch import Tensor, nn

from clsviz.catalogue import method
from clsviz.models.init_scale import INIT_SCALE, scale_weights


@method(
    kind="model",
    name="linear",
    title="Linear (softmax regression)",
    paper="Cox 1958, The regression analysis of binary sequences",
    formula=r"z = W x + b",
    needs=("n_features", "n_classes"),
    init_scale=INIT_SCALE,
)
class Linear(nn.Module):
    """Logits that are linear in the features; every boundary is a straight line.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        init_scale: multiplies all initial weights, > 0.

    Raises:
        InputError: `init_scale` is not above 0.
    """

    def __init__(self, n_features: int, n_classes: int, *, init_scale: float = 1.0) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, n_classes)
        scale_weights(self, init_scale)

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.layer(x)
