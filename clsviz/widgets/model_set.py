"""Finished models of one's own beside each other, in the shape of a fan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import nn

from clsviz.catalogue import Spec
from clsviz.data import Dataset, from_arrays
from clsviz.errors import InputError, ShapeError
from clsviz.models import as_predictor, present_model
from clsviz.models import network as network_of
from clsviz.training import Timeline
from clsviz.training.source import StaticSource
from clsviz.widgets.sources import all_samples, predictions_source

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
    """Finished classifiers on the same samples: a slider moves through them, any of them can be pinned.

    ``cv.Lab.from_run(cv.ModelSet({"logistic": a, "SVM": b}, (X, y)))`` puts them into one laboratory, and any
    view takes it as it takes a run. The page runs networks of clsviz by itself where all are of one form;
    of others it shows predictions, and asks the kernel for more. What a source tells of one model (its loss
    landscape, for one) is told of the first.

    Args:
        models: name -> a run (as it is now), a torch module, a fitted scikit-learn classifier, a function
            from samples (N, D) to logits (N, K), or logits (N, K) of the samples.
        data: the samples that are shown: a `Dataset`, or arrays (X, y).
        loss: what the landscape shows.

    Attributes:
        names: (M,) of the models, in the order of ``member``.

    Raises:
        InputError: no model, one that is no classifier, or data that will not do.
        ShapeError: logits that do not match the data.
    """

    message = ""
    seeds = (0,)

    def __init__(
        self,
        models: Mapping[str, Any],
        data: Dataset | tuple[Any, Any],
        *,
        loss: Spec | str = "cross_entropy",
    ) -> None:
        if not isinstance(models, Mapping) or not models:
            raise InputError('models must be a dict of at least one: {"logistic": a, "SVM": b}')
        dataset = data if isinstance(data, Dataset) else all_samples(from_arrays(*data, name="your data"))
        shown = _shown([present_model(m) for m in models.values()], dataset)
        super().__init__(dataset, shown[0], loss=loss)
        self._others = [StaticSource(dataset, model, loss=loss) for model in shown[1:]]
        self.names = tuple(map(str, models))
        self.timelines: tuple[Timeline, ...] = (self.timeline, *(m.timeline for m in self._others))
        places = tuple(float(m) for m in range(len(models)))
        self.members = tuple(FixedMember(m, {VARIED: at}, dataset) for m, at in enumerate(places))
        self.vary = {VARIED: places}
        self.diverged = np.full(len(models), -1)
        self.progress = {"epoch": 0.0, "epochs": 0.0}

    @classmethod
    def from_predictions(cls, y_true: Any, model_preds: Any, *, kind: str = "probs") -> Self:
        """Several models of which only the predictions for the same samples are at hand.

        Args:
            y_true: (N,) integer labels in [0, K).
            model_preds: (M, N, K) logits or probabilities; (M, N) for two classes.
            kind: which of the two.

        Raises:
            InputError, ShapeError: as `predictions_source` says, of the first model that does not do.
        """
        preds = np.asarray(model_preds)
        if preds.ndim not in (2, 3) or not len(preds):
            raise ShapeError(f"model_probs must be (M, N, K), or (M, N) for two classes; got {preds.shape}")
        models = [predictions_source(y_true, own, kind=kind) for own in preds]
        logits = {str(m): model.timeline.latest.logits for m, model in enumerate(models)}
        return cls(logits, models[0].dataset)

    def model_at(self, step: int | None = None, member: int = 0) -> Any:
        """One of the models, the same at every step.

        Raises:
            InputError: there are only predictions of it.
        """
        return super().model_at() if member == 0 else self._others[member - 1].model_at()

    def predict(self, X: np.ndarray, step: int | None = None, member: int = 0) -> np.ndarray:
        """Logits (N, K) float64 of inputs (N, D) by one of the models; raises as `model_at`."""
        return super().predict(X) if member == 0 else self._others[member - 1].predict(X)

    def pause(self) -> None:
        """Nothing goes on here."""


def _shown(models: list[Any], dataset: Dataset) -> list[Any]:
    """The models as sources show them: networks where the page runs all of them, else what they predict."""
    networks = [network_of(m) if isinstance(m, nn.Module) else None for m in models]
    if networks[0] is not None and all(n == networks[0] for n in networks):
        return models
    k, names = dataset.n_classes, dataset.class_names
    return [m if isinstance(m, np.ndarray) else as_predictor(m, k, class_names=names) for m in models]
