"""A network that classifies by distance to learned prototypes, which its decoder can show."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method
from clsviz.errors import ShapeError
from clsviz.prototypes.checks import columns_like, count, real_tensor

CHUNK = 2**22  # numbers in one block of differences: 32 MB in float64


@dataclass(frozen=True, slots=True, eq=False)
class PrototypeOutput:
    """What a prototype network gives for a batch of N samples."""

    logits: Tensor  # (N, C)
    distances: Tensor  # (N, M) squared L2, latent to prototype
    z: Tensor  # (N, L) latent codes
    reconstruction: Tensor  # as the input


def logits_of(output: Any) -> Tensor:
    """The logits (N, C) in what a model returned: the tensor itself, or its field `logits`."""
    return output if isinstance(output, Tensor) else output.logits


def prototype_distances(z: Tensor, prototypes: Tensor) -> Tensor:
    """Squared L2 distances (N, M) as sums of squared differences, hence never negative.

    Args:
        z: (N, D) points.
        prototypes: (M, D).

    Raises:
        ShapeError: not two matrices with the same number of columns.
        InputError: NaN or inf.
    """
    z, prototypes = real_tensor(z, "z", 2), real_tensor(prototypes, "prototypes", 2)
    columns_like(z, "z", prototypes, "prototypes")
    return squared_distances(z, prototypes)


def squared_distances(z: Tensor, prototypes: Tensor) -> Tensor:
    """`prototype_distances` without its checks, for training steps: NaN in gives NaN out."""
    rows = max(1, CHUNK // prototypes.numel())
    return torch.cat([(part[:, None] - prototypes).square().sum(-1) for part in torch.split(z, rows)])


class PrototypeAutoencoder(nn.Module):
    """Autoencoder whose latent code is classified by its distances to learned prototypes.

    logits = last(distances), `last` linear without bias; decoding a prototype shows what it is.

    Args:
        encoder: module, batch -> (N, latent_dim).
        decoder: module, (N, latent_dim) -> batch.
        n_prototypes: number of prototypes M, >= 1.
        n_classes: number of classes C, >= 1.
        latent_dim: width of the latent code, >= 1.

    Raises:
        InputError: a count is missing or below 1.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_prototypes: int = 15,
        n_classes: int = 0,
        latent_dim: int = 0,
    ) -> None:
        super().__init__()
        n_prototypes = count(n_prototypes, "n_prototypes")
        self.encoder = encoder
        self.decoder = decoder
        self.prototypes = nn.Parameter(torch.rand(n_prototypes, count(latent_dim, "latent_dim")))
        self.last = nn.Linear(n_prototypes, count(n_classes, "n_classes"), bias=False)

    @classmethod
    def build(
        cls,
        n_features: int,
        n_classes: int,
        *,
        n_prototypes: int = 15,
        latent_dim: int = 10,
        hidden: Sequence[int] = (64,),
        sigmoid: bool = False,
    ) -> PrototypeAutoencoder:
        """Prototype network with an MLP encoder and decoder.

        Args:
            n_features: number of inputs D, >= 1.
            n_classes: number of classes C, >= 1.
            n_prototypes: number of prototypes M, >= 1.
            latent_dim: width of the latent code, >= 1.
            hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
            sigmoid: squash the reconstruction into (0, 1); else it is linear.

        Raises:
            InputError: a count or width is below 1.
        """
        sizes = [
            count(n_features, "n_features"),
            *(count(width, "hidden") for width in hidden),
            count(latent_dim, "latent_dim"),
        ]
        decoder = _mlp(sizes[::-1])
        if sigmoid:
            decoder.append(nn.Sigmoid())
        return cls(_mlp(sizes), decoder, n_prototypes, n_classes, latent_dim)

    def forward(self, x: Tensor) -> PrototypeOutput:
        """Logits, squared distances, latent codes and reconstruction of a batch.

        Raises:
            ShapeError: the encoder's code is not (N, latent_dim).
        """
        z = self.encoder(x)
        if z.ndim != 2 or z.shape[1] != self.prototypes.shape[1]:
            raise ShapeError(
                f"encoder must give (N, {self.prototypes.shape[1]}) codes, gave {tuple(z.shape)}"
            )
        distances = squared_distances(z, self.prototypes)
        return PrototypeOutput(self.last(distances), distances, z, self.decoder(z))

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """What a training step may need: logits, z, prototypes, reconstruction, embeddings (= z)."""
        output = self(x)
        return {
            "logits": output.logits,
            "z": output.z,
            "prototypes": self.prototypes,
            "reconstruction": output.reconstruction,
            "embeddings": output.z,
        }


def _mlp(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


# the entry is the constructor that needs only sizes: that is what a menu can call
method(
    kind="model",
    name="prototype_autoencoder",
    title="Prototype autoencoder",
    paper="Li, Liu, Chen & Rudin 2018, arXiv:1710.04806",
    formula=r"\mathrm{logits}=W\,\big(\lVert f(x)-p_m\rVert^2\big)_{m=1}^M",
    facts={
        "gives": ["z", "prototypes", "reconstruction"],
        # cross-entropy alone teaches the decoder nothing; plain SGD diverges on the sums over pixels
        "companions": {
            "loss": {"name": "prototype_losses", "params": {}},
            "optimizer": {"name": "adam", "params": {"lr": 3e-3}},
        },
    },
    n_prototypes=Range(1, 50, step=1),
    latent_dim=Range(1, 64, step=1),
    sigmoid=(False, True),
)(PrototypeAutoencoder.build)
