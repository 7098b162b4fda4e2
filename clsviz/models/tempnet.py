"""A network that says for each sample how far to trust its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.data.checks import number
from clsviz.errors import InputError, ShapeError
from clsviz.models.mlp import ACTIVATIONS, MLP

TO_COOL = (
    "To Cool or not to Cool? Temperature Network Meets Large Foundation Models via DRO, arXiv:2404.04575"
)
TEMPERATURE_WIDTH = 16  # hidden units of the temperature's own network


@method(
    kind="model",
    name="tempnet",
    title="Network with a learnt temperature for each sample",
    paper=TO_COOL,
    formula=r"z_k = \frac{\cos(h, w_k)}{\tau(h)}, \quad \tau(h) = \tau_{min} "
    r"(\tau_{max} / \tau_{min})^{\sigma(v^\top \tanh(U h + c) + d)}",
    needs=("n_features", "n_classes"),
    facts={
        "gives": ["tau"],
        "companions": {
            "loss": {"name": "robust_temperature", "params": {}},
            "optimizer": {"name": "adam", "params": {"lr": 3e-3}},
        },
    },
    hidden=((16,), (64,), (256,), (32, 32), (64, 64), (128, 128, 128)),
    activation=tuple(ACTIVATIONS),
    tau_min=Range(0.01, 0.1, log=True),
    tau_max=Range(0.2, 5, log=True),
)
class TempNet(nn.Module):
    """Fully connected layers, cosines to a vector for each class, and a small network that divides them.

    Cosines lie in [-1, 1], so that the temperature alone says how sure an answer is. It is a function of
    the last hidden layer, which it does not train, and begins at the geometric mean of its bounds.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        hidden: width of each hidden layer, at least one.
        activation: ``"relu"`` or ``"tanh"``.
        tau_min, tau_max: bounds of the temperature, 0 < tau_min < tau_max.

    Raises:
        InputError: a width or a bound that cannot be, an unknown activation.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        hidden: Sequence[int] = (64,),
        activation: str = "relu",
        tau_min: float = 0.02,
        tau_max: float = 1.0,
    ) -> None:
        super().__init__()
        low, high = number(tau_min, "tau_min"), number(tau_max, "tau_max")
        if not 0 < low < high:
            raise InputError(f"0 < tau_min < tau_max must hold, got {tau_min!r} and {tau_max!r}")
        plain = MLP(n_features, n_classes, hidden=hidden, activation=activation)
        self.body, self.weight = plain.body, plain.head.weight
        last = nn.Linear(TEMPERATURE_WIDTH, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        first = nn.Linear(self.weight.shape[1], TEMPERATURE_WIDTH)
        self.temperature = nn.Sequential(first, nn.Tanh(), last)
        self._start, self._span = math.log(low), math.log(high / low)

    def tau(self, embeddings: Tensor) -> Tensor:
        """(N,) temperatures of samples whose last hidden layer (N, H) this is."""
        share = self.temperature(embeddings.detach()).squeeze(-1).sigmoid()
        return torch.exp(self._start + self._span * share)

    def scores(self, embeddings: Tensor) -> Tensor:
        """(N, K) cosines of the last hidden layer with the classes' vectors."""
        return functional.normalize(embeddings, dim=1) @ functional.normalize(self.weight, dim=1).T

    def head(self, embeddings: Tensor) -> Tensor:
        """(N, H) last hidden layer to (N, K) logits: cosines divided by the temperature."""
        return self.scores(embeddings) / self.tau(embeddings).unsqueeze(-1)

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K), `tau` (N,) and `embeddings` (N, H); the scores are logits times tau."""
        embeddings = self.body(x)
        return {
            "logits": self.head(embeddings),
            "tau": self.tau(embeddings),
            "embeddings": embeddings,
        }

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.head(self.body(x))


@method(
    kind="loss",
    title="Robust loss with a learnt temperature",
    paper=TO_COOL,
    formula=r"\ell = \tau \, \big( -\log \mathrm{softmax}(z)_y + \rho - \log C \big), \quad "
    r"z = s / \tau, \quad \rho = r \log C",
    needs=("logits", "targets", "tau"),
    facts={"group": "Temperature and DRO", "vmap": True},
    radius=Range(0, 1, step=0.01, unit="of log C"),
)
def robust_temperature(logits: Tensor, targets: Tensor, tau: Tensor, *, radius: float = 0.85) -> Tensor:
    """Robust loss whose temperature the network gives: each sample is to be as sure as the radius says.

    Where tau alone moves, and the scores s = tau z stay, the loss is least where the probabilities are rho
    nats from uniform, whatever the label: the loss "dro_temperature" takes that tau itself.

    Args:
        logits: (N, C) float, scores already divided by tau. targets: (N,) int64.
        tau: (N,) float > 0.
        radius: how far from uniform probabilities are to be, as a KL divergence: rho / log C, in [0, 1].

    Returns:
        (N,) terms.

    Raises:
        ShapeError: not a temperature for each sample. InputError: a radius outside [0, 1].
    """
    if tau.shape != targets.shape:
        raise ShapeError(f"tau must be {tuple(targets.shape)} like targets, got {tuple(tau.shape)}")
    if isinstance(radius, int | float) and not 0 <= radius <= 1:  # a tensor: a fan's
        raise InputError(f"radius must be in [0, 1], got {radius!r}")
    entropies = functional.cross_entropy(logits, targets, reduction="none")
    return tau * (entropies - (1 - radius) * math.log(logits.shape[-1]))
