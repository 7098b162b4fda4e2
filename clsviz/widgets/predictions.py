"""Predictions too many to send as float32 logits: what the browser gets instead, in pieces of about 1 MB.

Two forms, both read by js/src/core/predictions.ts:

- *quantised*, few classes: the distance of every logit from the row's largest one (its gap), as whole
  multiples of 1/128 nat, with top class and label; then the float32 logits, for exact numbers.
- *compressed*, many classes: the largest gaps of each row as they are, and the rest as one number per
  temperature: the logarithm of what the other classes add to the softmax's denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from clsviz.training import StaticSource
from clsviz.widgets.wire import CHUNK_BYTES, Packet, run_packet, snapshots_packet

LARGE = 2_000_000  # N * K from which on predictions travel in these forms
MANY_CLASSES = 64  # from which on they are compressed

GAP_STEPS = 128  # of a quantised gap per nat
LARGEST_GAP = 65535  # in steps: 512 nats, e^-25 at the hottest temperature

KEPT = 16  # largest logits of a row that a compressed one holds as they are
PER_OCTAVE = 5  # temperatures of the tail; e^(-gap / T) of the next octave is the square of this one's
OCTAVES = 10
HOTTEST = 20.0  # down to below half the coldest temperature: the Brier score asks for the sum at T / 2
TEMPERATURES = HOTTEST * 2.0 ** (-np.arange(OCTAVES * PER_OCTAVE) / PER_OCTAVE)[::-1]
CUBIC_ERROR = (
    9 / 16 / 24
)  # of the 4th difference: cubic interpolation in the middle of 4 equally spaced points
ROUNDING = 0.75  # steps: half a step, grown by the weights of a cubic (at most 1.25 in the middle)
NEGLIGIBLE = 1e-15  # addends below vanish beside the tail's largest, which is 1
BLOCK = 64  # rows at a time: what stays in the processor's cache


Piece = tuple[
    dict[str, Any], list[np.ndarray]
]  # what its header says besides where it begins, and its numbers


class LargePredictions(StaticSource):
    """Predictions without inputs, in a form that large ones can travel in."""

    def form(self) -> str:
        """``"quantised"`` or ``"compressed"``."""
        return "compressed" if self.dataset.n_classes > MANY_CLASSES else "quantised"

    @property
    def logits(self) -> np.ndarray:
        """(N, K) float32."""
        logits = self.timeline.latest.logits
        assert logits is not None
        return logits

    def pieces(self, rows: np.ndarray | None = None) -> Iterator[Packet]:
        """Messages of about 1 MB that together hold these rows (all of them when None), made one by one."""
        rows = np.arange(len(self.logits)) if rows is None else rows
        make = _quantised if self.form() == "quantised" else _compressed
        logits, labels = self.logits, self.dataset.y
        yield from self._cut("predictions", rows, self._row_bytes(), lambda at: make(logits[at], labels[at]))
        if self.form() == "quantised":
            exact_bytes = 4 * self.dataset.n_classes
            yield from self._cut("predictions_exact", rows, exact_bytes, lambda at: ({}, [logits[at]]))

    def sample(self, n_bytes: int) -> np.ndarray:
        """As many rows as fit into `n_bytes`, drawn by a fixed seed, ascending."""
        row = self._row_bytes() + (4 * self.dataset.n_classes if self.form() == "quantised" else 0)
        n = len(self.logits)
        return np.sort(np.random.default_rng(0).choice(n, min(n, max(1, n_bytes // row)), replace=False))

    def opening(self, rows: np.ndarray | None = None) -> list[Packet]:
        """What the browser must know before the first piece of these rows: a run without samples."""
        n = len(self.logits) if rows is None else len(rows)
        run = run_packet(self)
        run.header["dataset"]["n"] = n
        run.header["predictions"] = {
            "form": self.form(),
            "of": len(self.logits),
            "kept": KEPT,
            "temperatures": TEMPERATURES.tolist(),
        }
        nothing = np.empty(0, np.float32)
        moment = snapshots_packet(self, [replace(self.timeline.latest, logits=nothing)])
        return [Packet(run.header, [nothing] * len(run.buffers)), moment]

    def _row_bytes(self) -> int:
        k = self.dataset.n_classes
        return 2 * k + 4 if self.form() == "quantised" else KEPT * 6 + 10 + 2 * len(TEMPERATURES)

    def _cut(
        self, kind: str, rows: np.ndarray, row_bytes: int, make: Callable[[np.ndarray], Piece]
    ) -> Iterator[Packet]:
        size = max(1, CHUNK_BYTES // row_bytes)
        for start in range(0, len(rows), size):
            header, buffers = make(rows[start : start + size])
            yield Packet({"kind": kind, "run_id": self.run_id, "from": start, **header}, buffers)


def _quantised(logits: np.ndarray, labels: np.ndarray) -> Piece:
    top = logits.argmax(1)
    gaps = logits.max(1, keepdims=True).astype(np.float64) - logits
    steps = np.minimum(np.rint(gaps * GAP_STEPS), LARGEST_GAP)
    return {}, [steps.astype(np.uint16), top.astype(np.uint16), labels.astype(np.uint16)]


def _compressed(logits: np.ndarray, labels: np.ndarray) -> Piece:
    """Kept gaps ascending (n, M) with their classes, the label's gap, and the tail.

    The tail's sum at temperature T is exp(log_tail(T) - least / T) with `least` its smallest gap;
    log_tail lies in 0..log(K - M) and is stored at `TEMPERATURES`, as shares of log(K - M). The browser
    interpolates it by cubics; `tail_error` bounds what rounding and interpolation do to it.
    """
    n, k = logits.shape
    z = torch.from_numpy(logits)
    values, order = z.topk(KEPT + 1, dim=1, sorted=True)
    order, values = _lowest_class_first(z, order, values)
    gaps = values[:, :1] - values
    least = gaps[:, KEPT]
    rest = z.clone().scatter_(1, order[:, :KEPT], float("-inf")) - values[:, KEPT : KEPT + 1]
    log_tail = _log_sums(rest)
    most = np.log(k - KEPT)
    steps = np.rint((log_tail / most).clip(0, 1) * 65535)
    label_gap = values[:, 0] - z[torch.arange(n), torch.from_numpy(labels)]
    bend = np.abs(np.diff(log_tail, 4, axis=1)).max()
    return {"tail_error": float(2 * CUBIC_ERROR * bend + ROUNDING * most / 65535)}, [
        gaps[:, :KEPT].numpy(),
        order[:, :KEPT].numpy().astype(np.uint16),
        least.numpy(),
        label_gap.numpy(),
        steps.astype(np.uint16),
        labels.astype(np.uint16),
    ]


def _log_sums(rest: torch.Tensor) -> np.ndarray:
    """log sum_j exp(rest_j / T) of each row (n, K), largest entry 0, at all `TEMPERATURES`: (n, Q)."""
    sums = np.empty((len(rest), len(TEMPERATURES)))
    for start in range(0, len(rest), BLOCK):
        block = rest[start : start + BLOCK]
        for phase in range(PER_OCTAVE):
            terms = torch.exp(block / float(TEMPERATURES[-1 - phase]))
            for octave in range(OCTAVES):
                torch.threshold_(terms, NEGLIGIBLE, 0.0)
                sums[start : start + BLOCK, -1 - phase - octave * PER_OCTAVE] = terms.sum(1).numpy()
                terms.square_()
    return np.log(sums)


def _lowest_class_first(
    z: torch.Tensor, order: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The top class is the lowest of those that tie, whatever order `topk` found them in."""
    top = z.argmax(1)
    place = (order == top[:, None]).to(torch.int8)
    found = place.any(1)
    at = place.argmax(1)
    rows = torch.arange(len(z))
    order, values = order.clone(), values.clone()
    # a top class that did not even make it among the kept ones: it replaces the first of its equals
    first = order[:, 0].clone()
    order[rows[found], at[found]] = first[found]
    order[:, 0] = top
    return order, values
