"""How exhibits judge embeddings: by their neighbours, a linear probe, and the angles between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def embedded(model: nn.Module, X: np.ndarray) -> np.ndarray:
    """(N, D) embeddings of unit length, of a model of the catalogue or of any module that gives them."""
    import torch

    with torch.no_grad():
        x = torch.from_numpy(np.ascontiguousarray(X, np.float32))
        outputs: Any = getattr(model, "outputs", None)
        e = outputs(x)["embeddings"] if outputs else model(x)
    e = e.double().numpy()
    return e / np.linalg.norm(e, axis=1, keepdims=True).clip(1e-12)


def linear_probe(u: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray, np.ndarray], float]:
    """Softmax regression on frozen embeddings; gives its share right of (embeddings, labels)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=300).fit(u, labels).score


def recall_at_1(u: np.ndarray, labels: np.ndarray) -> float:
    """Share of unit embeddings whose most similar other one has the same label."""
    s = u @ u.T
    np.fill_diagonal(s, -np.inf)
    return float((labels[s.argmax(1)] == labels).mean())


def pair_cosines(u: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs with the same label, and of all pairs with different ones."""
    i, j = np.triu_indices(len(u), 1)
    s, same = (u @ u.T)[i, j], labels[i] == labels[j]
    return s[same], s[~same]


def pair_gradients(term: Callable[[Tensor], Tensor], cosines: Tensor) -> Tensor:
    """(M,) gradient of an anchor's term by its cosine with each of M other embeddings, by autograd.

    The others are laid round the anchor with these cosines, orthogonal to each other elsewhere, and
    `term` is called with all embeddings (1 + M, 1 + M), the anchor first.
    """
    import torch

    m = len(cosines)
    x = torch.eye(1 + m, dtype=cosines.dtype)
    rise = (1 - cosines.square()).sqrt()
    x[1:] *= rise[:, None]
    x[1:, 0] = cosines
    x.requires_grad_()
    (slope,) = torch.autograd.grad(term(x), x)
    # The cosine rises fastest along the part of the anchor that is orthogonal to the other.
    along = torch.zeros_like(x)[1:]
    along[:, 0] = 1
    along = along - cosines[:, None] * x.detach()[1:]
    return (slope[1:] * along).sum(1) / rise.square()
