"""The live landscape: logits on a grid of weights, coarse to fine, and its loss at 32 temperatures.

A table holds the mean loss of each grid point at each temperature, so that the browser recolours
the landscape under a moving temperature with no new forward pass. It travels as Uint16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.errors import InputError, ShapeError
from clsviz.landscape.parameters import MovedModel, as_tensor, axis_values, finite

TEMPERATURES = np.geomspace(0.05, 20, 32)  # the range of the temperature slider
COARSE = 11  # points per axis of the first pass
MARK = 65535  # Uint16 code of a loss that is inf or NaN
CHUNK = 2**18  # logits per block (1 MB in float32): stays in cache, and memory far below 100 MB


def scan_order(n_x: int, n_y: int) -> list[np.ndarray]:
    """Rows of grid cells (flat indices j * n_x + i), coarse to fine, each cell once.

    41 x 41 cells come as 11 x 11, then the rest of 21 x 21, then all others.
    """
    stride = 1
    while max(n_x, n_y) - 1 >= 2 * stride * (COARSE - 1):
        stride *= 2
    done = np.zeros((n_y, n_x), dtype=bool)
    order = []
    while stride:
        for j in range(0, n_y, stride):
            columns = np.arange(0, n_x, stride)
            columns = columns[~done[j, columns]]
            done[j, columns] = True
            if len(columns):
                order.append(j * n_x + columns)
        stride //= 2
    return order


def landscape_logits(
    model: nn.Module,
    x: Any,
    origin: Any,
    direction_x: Any,
    direction_y: Any,
    xs: Any,
    ys: Any,
    *,
    rows: int = 1,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Logits of the samples at each grid point origin + x * direction_x + y * direction_y.

    Coarse to fine, so that a map can be drawn early; stop by not asking for more. The model is
    copied and never touched. One forward pass per grid point: on a CPU vmap brings
    nothing here.

    Args:
        model: torch module giving logits.
        x: (N, ...) samples; 512 are plenty.
        origin: (P,) centre.
        direction_x, direction_y: (P,) directions.
        xs, ys: coordinates along them.
        rows: grid rows per chunk, >= 1.

    Yields:
        (indices, logits): (n,) int64 cells j * len(xs) + i, and (n, N, K) float32. Values far out
        may be inf or NaN.

    Raises:
        ShapeError: a vector does not have the P trainable parameters of the model.
        InputError: NaN or inf in x, origin or directions; `rows` < 1.
    """
    if int(rows) != rows or rows < 1:
        raise InputError(f"rows must be an integer >= 1, got {rows!r}")
    moved = MovedModel(model)
    samples = finite(as_tensor(x), "x")
    centre, along_x, along_y = (
        moved.vector(value, name)
        for value, name in ((origin, "origin"), (direction_x, "direction_x"), (direction_y, "direction_y"))
    )
    columns, lines = axis_values(xs, "xs"), axis_values(ys, "ys")

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = scan_order(len(columns), len(lines))
        for start in range(0, len(order), int(rows)):
            cells = np.concatenate(order[start : start + int(rows)])
            logits = []
            for j, i in zip(*np.divmod(cells, len(columns)), strict=True):
                moved.move(centre + float(columns[i]) * along_x + float(lines[j]) * along_y)
                logits.append(moved.logits(samples))
            yield cells, torch.stack(logits).float().cpu().numpy()

    return chunks()


def grid_logits(logits: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Cached logits (G, N, K) and labels (N,) as tensors, checked."""
    logits, labels = as_tensor(logits), as_tensor(labels)
    if logits.ndim != 3 or not logits.numel():
        raise ShapeError(f"logits must be (G, N, K) and not empty, got shape {tuple(logits.shape)}")
    if labels.shape != logits.shape[1:2]:
        raise ShapeError(f"labels must be ({logits.shape[1]},), got shape {tuple(labels.shape)}")
    if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) >= logits.shape[2]:
        raise InputError(f"labels must be integers in 0..{logits.shape[2] - 1}")
    return logits, labels.long()


@torch.no_grad()
def accuracy_map(logits: Any, labels: Any) -> np.ndarray:
    """Share of correct samples at each grid point, (G,) float32; a row with NaN counts as wrong.

    Args:
        logits: (G, N, K).
        labels: (N,) int in [0, K).
    """
    logits, labels = grid_logits(logits, labels)
    correct = (logits.argmax(2) == labels) & ~logits.isnan().any(2)
    return correct.float().mean(1).numpy()


@torch.no_grad()
def loss_table(
    logits: Any,
    labels: Any,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    temperatures: Any = TEMPERATURES,
    *,
    rowwise: bool = True,
) -> np.ndarray:
    """Mean loss of each grid point at each temperature.

    Args:
        logits: (G, N, K) float, as `landscape_logits` gives them (any part of the grid).
        labels: (N,) int in [0, K).
        loss_fn: (logits (m, K), targets (m,)) -> (m,) terms, or a scalar where the loss has none.
        temperatures: (T,) > 0; they divide the logits.
        rowwise: a row's term depends on that row alone, so that grid points may share a call; see
            `is_rowwise`.

    Returns:
        (G, T) float32; inf or NaN where the loss is.

    Raises:
        ShapeError: logits are not (G, N, K), labels not (N,), or the loss gives another shape.
        InputError: a label outside [0, K), a temperature <= 0.
    """
    logits, labels = grid_logits(logits, labels)
    levels = axis_values(temperatures, "temperatures")
    if levels.min() <= 0:
        raise InputError(f"temperatures must be > 0, got {levels.min()}")
    points = max(1, CHUNK // logits[0].numel())
    table = np.empty((len(logits), len(levels)), dtype=np.float32)
    for start in range(0, len(logits), points):
        block = logits[start : start + points]
        for t, temperature in enumerate(levels):
            table[start : start + points, t] = _mean_losses(
                block / float(temperature), labels, loss_fn, rowwise
            )
    return table


def is_rowwise(loss_fn: Callable[[Tensor, Tensor], Tensor], n_classes: int) -> bool:
    """Whether each row's term is the same in whatever batch the row comes; tried on one small batch."""
    logits = torch.randn(6, n_classes, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % n_classes
    terms, half = loss_fn(logits, labels), loss_fn(logits[:3], labels[:3])
    return terms.shape == (6,) and half.shape == (3,) and bool(torch.allclose(terms[:3], half))


def _mean_losses(
    block: Tensor, labels: Tensor, loss_fn: Callable[[Tensor, Tensor], Tensor], rowwise: bool
) -> np.ndarray:
    if not rowwise:
        return np.array([float(loss_fn(point, labels).mean()) for point in block])
    n = len(labels)
    terms = loss_fn(block.flatten(0, 1), labels.repeat(len(block)))
    if terms.ndim == 0:  # a loss of the whole batch
        return _mean_losses(block, labels, loss_fn, False)
    if terms.shape != (len(block) * n,):
        raise ShapeError(
            f"loss_fn must give one term per row ({len(block) * n},) or a scalar, "
            f"got shape {tuple(terms.shape)}"
        )
    return terms.reshape(len(block), n).mean(1).numpy()


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedTable:
    """A loss table in Uint16: loss = expm1(offset + scale * code) + shift, code 65535 = not finite.

    The error of log1p(loss - shift) is at most scale / 2, so that of the loss at most
    (1 + loss - shift) * expm1(scale / 2).
    """

    codes: np.ndarray  # (G, T) uint16
    offset: float
    scale: float  # >= 0
    shift: float  # least loss where that is negative, else 0
    temperatures: np.ndarray  # (T,) ascending


def quantise_table(table: Any, temperatures: Any = TEMPERATURES) -> QuantisedTable:
    """Uint16 codes of log1p(loss) with one offset and scale for the whole table.

    Args:
        table: (G, T) losses; inf and NaN get the code 65535.
        temperatures: (T,) ascending, > 0.

    Raises:
        ShapeError: the table is not (G, T) for these temperatures.
        InputError: temperatures not ascending or not > 0.
    """
    values = np.asarray(table, dtype=np.float64)
    levels = axis_values(temperatures, "temperatures")
    if levels[0] <= 0 or (np.diff(levels) <= 0).any():
        raise InputError("temperatures must be > 0 and ascending")
    if values.ndim != 2 or values.shape[1] != len(levels):
        raise ShapeError(f"table must be (G, {len(levels)}), got shape {values.shape}")
    good = np.isfinite(values)
    shift = float(min(0.0, values.min(where=good, initial=0.0)))
    logs = np.log1p(np.where(good, values, shift) - shift)
    low = float(logs.min(where=good, initial=np.inf))
    high = float(logs.max(where=good, initial=-np.inf))
    if not good.any():
        low = high = 0.0
    scale = (high - low) / (MARK - 1)
    steps = np.rint((logs - low) / scale) if scale else np.zeros_like(logs)
    codes = np.where(good, steps, MARK).astype(np.uint16)
    return QuantisedTable(codes, low, scale, shift, levels)


def dequantise(quantised: QuantisedTable) -> np.ndarray:
    """The losses (G, T) float64; NaN where they were not finite."""
    losses = np.expm1(quantised.offset + quantised.scale * quantised.codes) + quantised.shift
    return np.where(quantised.codes == MARK, np.nan, losses)


def loss_at(quantised: QuantisedTable, temperature: float) -> np.ndarray:
    """Loss (G,) float64 at any temperature: codes interpolated linearly in ln T.

    A temperature outside the table is taken at its end. NaN where a neighbour that counts is not finite.

    Raises:
        InputError: temperature <= 0.
    """
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature must be > 0 and finite, got {temperature!r}")
    logs = np.log(quantised.temperatures)
    where = float(np.clip(np.log(temperature), logs[0], logs[-1]))
    right = int(np.clip(np.searchsorted(logs, where), 1, len(logs) - 1)) if len(logs) > 1 else 0
    left = max(right - 1, 0)
    weight = (where - logs[left]) / (logs[right] - logs[left]) if right > left else 0.0
    near = quantised.codes[:, [left, right]].astype(np.float64)
    code = (1 - weight) * near[:, 0] + weight * near[:, 1]
    lost = ((near == MARK) & (np.array([1 - weight, weight]) > 0)).any(1)
    return np.where(lost, np.nan, np.expm1(quantised.offset + quantised.scale * code) + quantised.shift)
