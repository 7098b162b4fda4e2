"""Embeddings for classes never seen in training: made identities, and encoders trained on some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

FEATURES, DIM = 32, 16
TRAIN, TUNE, TEST, SAMPLES = 40, 30, 40, 12  # identities, and samples of each

WORDS = (
    f"Made identities: 8 numbers each, blurred, and 8 numbers that change freely from sample to sample (as "
    f"pose and light do) go through a random network into {FEATURES} features. {TRAIN} identities of "
    f"{SAMPLES} samples to train on, {TUNE} others to choose parameters, {TEST} others to test. Encoder: one "
    f"hidden layer of 64 into {DIM} numbers, Adam"
)


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """Samples (N, FEATURES) float32 with labels (N,) int64 from 0, the identities of each part its own."""

    train: tuple[np.ndarray, np.ndarray]
    tune: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def identities(seed: int) -> Identities:
    """Identities and samples, and the network that mixes them, drawn by the seed."""
    rng = np.random.default_rng([seed, 3])
    first, second = rng.normal(size=(16, 64)) / 4, rng.normal(size=(64, FEATURES)) / 8

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat(np.arange(count), SAMPLES)
        own = rng.normal(size=(count, 8))[labels] + 0.3 * rng.normal(size=(len(labels), 8))
        changing = 1.5 * rng.normal(size=(len(labels), 8))
        X = np.tanh(1.5 * np.hstack([own, changing]) @ first) @ second
        return (X / 0.5).astype(np.float32), labels

    return Identities(part(TRAIN), part(TUNE), part(TEST))


def encoder(
    objective: Callable[[nn.Module, Tensor, Tensor], Tensor],
    data: tuple[np.ndarray, np.ndarray],
    *,
    steps: int,
    seed: int,
    lr: float = 3e-3,
    classes: int = 16,
    samples: int = 4,
    weights: nn.Module | None = None,
) -> nn.Module:
    """An encoder (N, FEATURES) to (N, DIM), trained on batches of some classes with some samples each.

    Args:
        objective: (encoder, samples, labels) -> 0-d loss.
        weights: a module whose weights are trained along.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, DIM))
    trained = [*model.parameters(), *(weights.parameters() if weights else ())]
    optimizer = torch.optim.Adam(trained, lr=lr)
    rng = np.random.default_rng([seed, 4])
    X, y = (torch.from_numpy(part) for part in data)
    count = int(y.max()) + 1
    for _ in range(steps):
        chosen = rng.permutation(count)[:classes]
        # Rows of an identity follow each other.
        rows = np.concatenate([c * SAMPLES + rng.permutation(SAMPLES)[:samples] for c in chosen])
        optimizer.zero_grad(set_to_none=True)
        objective(model, X[rows], y[rows]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()
