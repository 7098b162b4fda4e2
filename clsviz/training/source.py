"""Where views get their numbers from: a run, a watched loop, or finished predictions."""

from __future__ import annotations

import copy
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from clsviz.catalogue import Spec
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.models import Predictor, as_predictor
from clsviz.models import network as network_of
from clsviz.training.experiment import Experiment
from clsviz.training.metrics import scores
from clsviz.training.snapshot import Snapshot, buffers_of, theta_of
from clsviz.training.timeline import Timeline

LOG = logging.getLogger("clsviz")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a source.

    ``snapshot`` {snapshot} (of a fan {snapshots}), ``state`` {state, message}, ``reset`` {run_id},
    ``branch`` {step}: the future after that step was cut.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Source(Protocol):
    """What a view asks for its numbers; the same for a run, a watched loop and fixed predictions."""

    @property
    def dataset(self) -> Dataset: ...
    @property
    def network(self) -> dict[str, Any] | None:
        """How the browser runs the model, or None where snapshots carry logits."""

    @property
    def state(self) -> str: ...
    @property
    def timeline(self) -> Timeline: ...
    @property
    def run_id(self) -> str: ...
    @property
    def loss(self) -> Spec: ...
    @property
    def experiment(self) -> Experiment | None: ...
    def model_at(self, step: int | None = None) -> Any: ...
    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray: ...
    def subscribe(self, fn: Callable[[Event], None]) -> Callable[[], None]: ...


class Subscribers:
    """Those who hear of events. A subscriber that raises is logged and goes on hearing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[int, Callable[[Event], None]] = {}
        self._count = 0

    def add(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `fn` with each event, from any thread, until the returned function is called."""
        with self._lock:
            self._count += 1
            key = self._count
            self._all[key] = fn

        def unsubscribe() -> None:
            with self._lock:
                self._all.pop(key, None)

        return unsubscribe

    def publish(self, event: Event) -> None:
        with self._lock:
            hearers = list(self._all.values())
        for fn in hearers:
            try:
                fn(event)
            except Exception:
                LOG.exception("a subscriber failed on the event %r", event.kind)


def new_run_id() -> str:
    return uuid.uuid4().hex


def model_from(template: nn.Module, snapshot: Snapshot) -> nn.Module:
    """A copy of `template` in eval mode with the parameters of that moment."""
    model = copy.deepcopy(template)
    snapshot.load_into(model)
    return model.eval().requires_grad_(False)


def all_logits(model: Any, dataset: Dataset) -> np.ndarray:
    """Logits (N, K) float32 of all samples."""
    return _asked(model, dataset)(dataset.X).astype(np.float32)


def _asked(model: Any, dataset: Dataset) -> Predictor:
    return as_predictor(model, dataset.n_classes, class_names=dataset.class_names)


class StaticSource:
    """A trained model, or its predictions alone, as a source with one moment.

    Args:
        dataset: the samples that views show.
        predictor: a torch module, a fitted scikit-learn classifier, a function from (N, D) to
            logits (N, K), or an array (N, K) of logits for the dataset's samples.
        network: how the browser runs the model; found by itself for clsviz's own models.
        theta: (P,) parameters for `network`, when `predictor` is not the module itself.
        loss: what the landscape shows.

    Raises:
        ShapeError: the logits do not match the dataset.
    """

    state = "finished"
    experiment = None

    def __init__(
        self,
        dataset: Dataset,
        predictor: Any,
        network: dict[str, Any] | None = None,
        theta: np.ndarray | None = None,
        *,
        loss: Spec | str = "cross_entropy",
    ) -> None:
        self.dataset = dataset
        self.loss = Spec.of(loss)
        self.run_id = new_run_id()
        self.timeline = Timeline()
        is_module = isinstance(predictor, nn.Module)
        self._model = copy.deepcopy(predictor).cpu().eval() if is_module else predictor
        self.network = network if network is not None or not is_module else network_of(self._model)
        if is_module and theta is None:
            theta = theta_of(self._model)
        if isinstance(predictor, (np.ndarray, torch.Tensor, list, tuple)):
            self._model = None
            logits = np.asarray(predictor, np.float32)
        else:
            logits = all_logits(self._model, dataset)
        if logits.shape != (len(dataset.y), dataset.n_classes):
            raise ShapeError(
                f"logits: expected {(len(dataset.y), dataset.n_classes)} for the dataset "
                f"{dataset.name!r}, got {logits.shape}"
            )
        metrics: dict[str, float] = {}
        for split, rows in (("train", dataset.train), ("validation", dataset.validation)):
            if len(rows):
                found = scores(logits[rows], dataset, rows, split)
                metrics |= {f"{split}_{k}": v for k, v in found.items()}
        buffers = buffers_of(self._model) if is_module else {}
        shown = logits if self.network is None else None
        self.timeline.add(Snapshot(0, 0.0, theta, buffers, shown, metrics))

    def model_at(self, step: int | None = None) -> Any:
        """The model or predictor, the same at every step.

        Raises:
            InputError: there are only predictions.
        """
        if self._model is None:
            raise InputError("these views were made from predictions alone: there is no model to ask")
        return self._model

    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray:
        """Logits (N, K) float64 of these inputs (N, D)."""
        return _asked(self.model_at(step), self.dataset)(X)

    def subscribe(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        """Nothing ever happens here: `fn` is not called."""
        return lambda: None
