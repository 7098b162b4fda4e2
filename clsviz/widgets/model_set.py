"""Finished models of one's own beside each other, in the shape of a fan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.data import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.training import Timeline
from clsviz.training.source import StaticSource
from clsviz.widgets.sources import predictions_source

VARIED = "model"  # the path on the slider: which model it is


@dataclass(frozen=True, slots=True)
class FixedMember:
    """One of the models; what `Member` is to a `Fan`."""

    index: int
    values: Mapping[str, float]
    dataset: Dataset
    seed: int = 0
    experiment: None = None


class ModelSet(StaticSource):
    """Predictions of several models for the same samples: a `Source`, and a fan that is trained.

    As of a `Fan`, what a source tells of one model is told of the first.

    Args:
        y_true: (N,) integer labels in [0, K).
        model_preds: (M, N, K) logits or probabilities; (M, N) for two classes.
        kind: which of the two.

    Raises:
        InputError, ShapeError: as `predictions_source` says, of the first model that does not do.
    """

    message = ""
    seeds = (0,)

    def __init__(self, y_true: Any, model_preds: Any, *, kind: str = "probs") -> None:
        preds = np.asarray(model_preds)
        if preds.ndim not in (2, 3) or not len(preds):
            raise ShapeError(f"model_probs must be (M, N, K), or (M, N) for two classes; got {preds.shape}")
        models = [predictions_source(y_true, own, kind=kind) for own in preds]
        first = models[0]
        super().__init__(first.dataset, first.timeline.latest.logits)
        self.timelines: tuple[Timeline, ...] = (self.timeline, *(m.timeline for m in models[1:]))
        self.members = tuple(FixedMember(m, {VARIED: float(m)}, self.dataset) for m in range(len(models)))
        self.vary = {VARIED: tuple(float(m) for m in range(len(models)))}
        self.diverged = np.full(len(models), -1)
        self.progress = {"epoch": 0.0, "epochs": 0.0}

    def model_at(self, step: int | None = None, member: int = 0) -> Any:
        """There is none.

        Raises:
            InputError: these are predictions alone.
        """
        raise InputError("these views were made from predictions alone: there is no model to ask")

    def predict(self, X: np.ndarray, step: int | None = None, member: int = 0) -> np.ndarray:
        """Raises as `model_at`."""
        raise InputError("these views were made from predictions alone: there is no model to ask")

    def pause(self) -> None:
        """Nothing goes on here."""
