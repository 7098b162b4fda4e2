"""A small network that gives each sample a temperature: what learnt calibrators share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clsviz.calibration.inputs import Array, count
from clsviz.calibration.temperature import checked_bounds

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = 16  # units
ROWS = 4096  # samples of a step, at most
LEARNING_RATE = 0.02
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class TemperatureNet:
    """A layer of tanh units and a temperature between two bounds, on a logarithmic scale."""

    centre: Array  # (F,) subtracted from the features
    scale: Array  # (F,) they are divided by
    hidden: Array  # (H, F + 1) weights of the units, bias last
    last: Array  # (H + 1,) weights of the temperature, bias last
    bounds: tuple[float, float]  # of the temperature

    def __call__(self, features: Array) -> Array:
        """(N,) temperatures of features (N, F)."""
        rows = (features - self.centre) / self.scale
        units = np.tanh(rows @ self.hidden[:, :-1].T + self.hidden[:, -1])
        share = 1 / (1 + np.exp(-(units @ self.last[:-1] + self.last[-1])))
        low, high = np.log(self.bounds)
        return np.exp(low + (high - low) * share)


def fitted_net(
    features: Array,
    objective: Callable[[Tensor, Tensor], Tensor],
    *,
    start: float,
    bounds: tuple[float, float],
    steps: int,
    seed: int,
) -> TemperatureNet:
    """The network that Adam finds; it begins with the same temperature for all.

    Args:
        features: (N, F) float64.
        objective: (temperatures (n,), which samples (n,)) -> 0-d loss.
        start: first temperature, inside the bounds.
        steps: of the optimiser, with all samples or 4096 drawn ones.
        seed: of the first weights and of what is drawn.

    Raises:
        InputError: steps or seed below 0, bounds that are none.
    """
    import torch

    steps = count("steps", steps, least=0)
    low, high = np.log(checked_bounds(bounds))
    draw = torch.Generator().manual_seed(count("seed", seed, least=0))
    spread = features.std(0)
    centre, scale = features.mean(0), np.where(spread > 1e-9, spread, 1.0)
    x = torch.from_numpy((features - centre) / scale)
    n, f = x.shape
    hidden = torch.randn(HIDDEN, f + 1, generator=draw, dtype=torch.float64) / np.sqrt(f + 1)
    last = torch.zeros(HIDDEN + 1, dtype=torch.float64)
    share = np.clip((np.log(start) - low) / (high - low), 0.01, 0.99)
    last[-1] = float(np.log(share / (1 - share)))
    weights = [hidden.requires_grad_(), last.requires_grad_()]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        rows = torch.arange(n) if n <= ROWS else torch.randint(n, (ROWS,), generator=draw)
        units = torch.tanh(x[rows] @ hidden[:, :-1].T + hidden[:, -1])
        tau = torch.exp(low + (high - low) * torch.sigmoid(units @ last[:-1] + last[-1]))
        optimizer.zero_grad()
        objective(tau, rows).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    own = [w.detach().numpy() for w in weights]
    return TemperatureNet(centre, scale, own[0], own[1], (float(bounds[0]), float(bounds[1])))
