"""Radial basis functions: bumps round centers, and a linear layer on top."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method
from clsviz.data.checks import count
from clsviz.errors import ShapeError


@method(
    kind="model",
    name="rbf",
    title="Radial basis functions",
    paper="Broomhead & Lowe 1988, Multivariable functional interpolation and adaptive networks",
    formula=r"\phi_m = \exp(-\gamma \lVert x - c_m \rVert^2), \quad z = W \phi + b",
    needs=("n_features", "n_classes", "X"),
    n_centers=Range(1, 200, step=1),
)
class RBF(nn.Module):
    """Bumps of one common, trainable width round trainable centers, and a linear layer on top.

    Centers start at random training samples, without them at standard normal draws; gamma
    starts at 1 / the median squared distance between centers.

    Parameters, in this order: centers (M, D), log_gamma (1,), weight (K, M), bias (K,).

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        X: (N, D) training samples to take centers from; with N < M some are taken more than once.
        n_centers: M >= 1.

    Raises:
        InputError: `n_centers` is not a whole number >= 1.
        ShapeError: `X` is not (N, n_features) with N >= 1.
    """

    def __init__(
        self, n_features: int, n_classes: int, X: Tensor | None = None, *, n_centers: int = 40
    ) -> None:
        super().__init__()
        n_centers = count(n_centers, "n_centers")
        if X is None:
            centers = torch.randn(n_centers, n_features)
        else:
            if X.ndim != 2 or len(X) < 1 or X.shape[1] != n_features:
                raise ShapeError(f"X must be (N, {n_features}) with N >= 1, but has shape {tuple(X.shape)}")
            centers = some_samples(X, n_centers)
        self.centers = nn.Parameter(centers)
        self.log_gamma = nn.Parameter(torch.tensor([start_log_gamma(centers)]))
        bound = 1 / math.sqrt(n_centers)
        self.weight = nn.Parameter(torch.empty(n_classes, n_centers).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_classes).uniform_(-bound, bound))

    def features(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, M) bumps in [0, 1]."""
        return torch.exp(-self.log_gamma.exp() * squared_distances(x, self.centers))

    def head(self, embeddings: Tensor) -> Tensor:
        """(N, M) bumps to (N, K) logits."""
        return embeddings @ self.weight.T + self.bias

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K) and `embeddings` (N, M), the bumps."""
        embeddings = self.features(x)
        return {"logits": self.head(embeddings), "embeddings": embeddings}

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.head(self.features(x))


def squared_distances(x: Tensor, centers: Tensor) -> Tensor:
    """(N, D), (M, D) -> (N, M), >= 0."""
    # about the mean center, so that data far from 0 keep their digits
    origin = centers.detach().mean(0)
    x, c = x - origin, centers - origin
    return ((x * x).sum(1, keepdim=True) - 2 * x @ c.T + (c * c).sum(1)).clamp_min(0)


def some_samples(X: Tensor, count: int) -> Tensor:
    """(count, D) rows of X in random order, some more than once where there are fewer."""
    rounds = [torch.randperm(len(X)) for _ in range(-(-count // len(X)))]
    return X[torch.cat(rounds)[:count]].detach().clone()


def start_log_gamma(centers: Tensor) -> float:
    """-log of the median squared distance between centers; where that is 0, of D."""
    median = torch.pdist(centers).square().median().item() if len(centers) > 1 else 0.0
    return -math.log(median or centers.shape[1])
