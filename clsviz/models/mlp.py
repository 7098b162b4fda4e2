"""Fully connected network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from clsviz.catalogue import method
from clsviz.errors import InputError
from clsviz.models.init_scale import INIT_SCALE, scale_weights
from clsviz.models.widths import widths

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


@method(
    kind="model",
    name="mlp",
    title="Fully connected network",
    paper="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors",
    formula=r"h_l = \sigma(W_l h_{l-1} + b_l), \quad z = W h_L + b",
    needs=("n_features", "n_classes"),
    hidden=((16,), (64,), (256,), (32, 32), (64, 64), (128, 128, 128)),
    activation=tuple(ACTIVATIONS),
    init_scale=INIT_SCALE,
)
class MLP(nn.Module):
    """Fully connected hidden layers and a linear layer on top.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        hidden: width of each hidden layer, at least one.
        activation: ``"relu"`` or ``"tanh"``.
        init_scale: multiplies all initial weights, > 0.

    Raises:
        InputError: a width is not a whole number >= 1, there is none, the activation is unknown, or
            `init_scale` is not above 0.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        hidden: Sequence[int] = (64,),
        activation: str = "relu",
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        sizes = widths(hidden, "hidden")
        if activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {list(ACTIVATIONS)}, not {activation!r}")
        layers: list[nn.Module] = []
        for a, b in pairwise([n_features, *sizes]):
            layers += [nn.Linear(a, b), ACTIVATIONS[activation]()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], n_classes)
        scale_weights(self, init_scale)

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K) and `embeddings` (N, H), the last hidden layer."""
        embeddings = self.body(x)
        return {"logits": self.head(embeddings), "embeddings": embeddings}

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.head(self.body(x))
