"""A classifier that answers with the class of the nearest of its prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method
from clsviz.data.checks import count
from clsviz.errors import ShapeError
from clsviz.models.rbf import some_samples, squared_distances, start_log_gamma
from clsviz.models.widths import widths

NEAR_MEAN = 0.1  # share of the way from the mean to a sample at which a prototype starts


@method(
    kind="model",
    name="nearest_prototype",
    title="Nearest prototype",
    paper="Saralajew, Holdijk & Villmann 2020, Fast Adversarial Robustness Certification of Nearest "
    "Prototype Classifiers for Arbitrary Seminorms",
    formula=r"z_k = -s \min_{p \in P_k} \lVert f(x) - p \rVert^2",
    needs=("n_features", "n_classes", "X"),
    facts={"companions": {"optimizer": {"name": "adam", "params": {"lr": 1e-2}}}},
    per_class=Range(1, 20, step=1),
    embed=(False, True),
    hidden=((16,), (64,), (32, 32), (64, 64)),
)
class NearestPrototype(nn.Module):
    """Prototypes for each class, in the space of the features or of a network's last hidden layer.

    The answer is the class of the nearest prototype, hence certified by
    `clsviz.boundary.certified_radius_prototypes`. Prototypes start near the mean of the training samples,
    each a little way towards one of them (without samples: of standard normal draws): begun among the samples
    of another class they would stay there. The scale s starts at 1 / the median squared distance of samples.

    Parameters, in this order: prototypes (K per_class, E), one class after the other, log_scale (1,), then
    those of the hidden layers, if any.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        X: (N, D) training samples to start from.
        per_class: prototypes of each class, >= 1.
        embed: whether hidden layers (ReLU) come first; else E = D.
        hidden: their widths, at least one; without `embed` of no effect.

    Raises:
        InputError: a count or width that is not a whole number >= 1.
        ShapeError: `X` is not (N, n_features) with N >= 1.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        X: Tensor | None = None,
        *,
        per_class: int = 3,
        embed: bool = False,
        hidden: Sequence[int] = (64,),
    ) -> None:
        super().__init__()
        self.per_class = count(per_class, "per_class")
        sizes = [n_features, *(widths(hidden, "hidden") if embed else ())]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        total = n_classes * self.per_class
        if X is None:
            starts = torch.randn(total, n_features)
        elif X.ndim != 2 or len(X) < 1 or X.shape[1] != n_features:
            raise ShapeError(f"X must be (N, {n_features}) with N >= 1, but has shape {tuple(X.shape)}")
        else:
            starts = some_samples(X, total)
        with torch.no_grad():
            starts = self.body(starts)
        mean = starts.mean(0)
        self.prototypes = nn.Parameter(mean + NEAR_MEAN * (starts - mean))
        self.log_scale = nn.Parameter(torch.tensor([start_log_gamma(starts)]))

    @property
    def prototype_labels(self) -> Tensor:
        """(K per_class,) int64, the class of each prototype."""
        return torch.arange(len(self.prototypes)) // self.per_class

    def head(self, embeddings: Tensor) -> Tensor:
        """(N, E) points to (N, K) logits."""
        squared = squared_distances(embeddings, self.prototypes)
        return -self.log_scale.exp() * squared.view(len(squared), -1, self.per_class).amin(2)

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K) and `embeddings` (N, E), the features themselves without hidden layers."""
        embeddings = self.body(x)
        return {"logits": self.head(embeddings), "embeddings": embeddings}

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.head(self.body(x))
