"""Live views on a training loop of your own."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.catalogue import Spec
from clsviz.data import from_arrays
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.models import as_predictor, evaluating
from clsviz.models import network as network_of
from clsviz.training.metrics import measured_rows, scores
from clsviz.training.needs import BATCH, forward
from clsviz.training.objective import Objective
from clsviz.training.snapshot import Snapshot, buffers_of, theta_of
from clsviz.training.source import Event, Subscribers, model_from, new_run_id
from clsviz.training.timeline import BUDGET_BYTES, Timeline, curve_of

INTERVAL_SECONDS = 0.05  # at most 20 snapshots a second
# A snapshot may take this share of the loop's time; dearer ones come less often.
COST_SHARE = 0.1
CHUNK_ROWS = 8192


class Watch:
    """A `Source` fed by a training loop that is not ours: call `step` after each optimiser step.

    At most 20 times a second, and for at most about a tenth of the time, `step` copies the
    parameters and measures the model; its modes and gradients are left as found.

    Args:
        model: maps a batch shaped like `X_val` to logits (n, K), on whatever device.
        X_val, y_val: validation samples (n, ...) and labels, arrays, tensors or a DataFrame.
        loss: catalogue loss whose value is measured and whose landscape is shown.
        X_train, y_train: training samples, to be measured and shown too.
        class_names: K names, where `y_val` does not have every class.
        steps_per_epoch: to show time in epochs; by default one step counts as one.
        budget_bytes: what the timeline may keep.

    Raises:
        InputError, ShapeError: arguments that do not fit each other; the message names them.
        MissingNeed: the loss asks for something the model does not give.
    """

    experiment = None

    def __init__(
        self,
        model: nn.Module,
        X_val: Any,
        y_val: Any,
        *,
        loss: Spec | str = "cross_entropy",
        X_train: Any = None,
        y_train: Any = None,
        class_names: Sequence[str] | None = None,
        steps_per_epoch: int | None = None,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise InputError(
                f"model: expected a torch.nn.Module, got {type(model).__name__}; for a trained scikit-learn "
                "model use from_estimator(model, X, y)"
            )
        if (X_train is None) != (y_train is None):
            raise InputError("X_train and y_train: give both or neither")
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise InputError(f"steps_per_epoch: expected a whole number >= 1, got {steps_per_epoch!r}")
        self.loss = Spec.of(loss)
        self.run_id = new_run_id()
        self.timeline = Timeline(budget_bytes)
        self.state = "ready"
        self._model = model
        self._subscribers = Subscribers()
        self._lock = threading.RLock()
        self._length = steps_per_epoch or 1
        self._step = 0
        self._scalars: dict[str, float | Tensor] = {}
        self._next = 0.0
        parts = [_array(a) for a in (X_train, X_val) if a is not None]
        shapes = {p.shape[1:] for p in parts}
        if len(shapes) > 1:
            raise ShapeError(f"X_train and X_val: samples of different shapes {sorted(shapes)}")
        # Views know flat samples; the model gets them in the shape it was given.
        (self._shape,) = shapes
        self._template = _Shaped(copy.deepcopy(model).cpu(), self._shape)
        self.network = network_of(model) if len(self._shape) == 1 else None
        with evaluating(model):
            outputs = forward(model, self._placed(torch.from_numpy(parts[-1][:1])), more=True)
        k = outputs["logits"].shape[1]
        labels = [_labels(y) for y in (y_train, y_val) if y is not None]
        if class_names is None and all(np.issubdtype(y.dtype, np.integer) for y in labels):
            class_names = [str(i) for i in range(k)]  # the model says how many, whichever occur
        columns = getattr(X_val, "columns", None)
        self.dataset = _dataset(parts, labels, class_names, columns)
        if k != self.dataset.n_classes:
            raise ShapeError(
                f"the model gives {k} logits, the labels have {self.dataset.n_classes} classes "
                f"{self.dataset.class_names}; give class_names with all of them"
            )
        self._X = torch.from_numpy(self.dataset.X)
        self._y = torch.from_numpy(self.dataset.y)
        self._rows = measured_rows(self.dataset)
        self._objective = Objective(
            self.loss,
            batch=BATCH[:-1],
            outputs=tuple(outputs),
            sizes={"num_examples": len(self._y), "num_classes": k},
            model=type(model).__name__,
        )
        self._record()

    def step(self, loss: float | Tensor | None = None, **scalars: float | Tensor) -> None:
        """Says that one optimisation step was taken; call it after ``optimizer.step()``.

        Takes a snapshot when the last is long enough ago, else costs next to nothing.

        Args:
            loss: the batch loss, shown as ``batch_loss``.
            scalars: further numbers for the learning curve (``lr=...``).
        """
        with self._lock:
            if self.state == "finished":
                raise InputError("this watch was closed; make a new one with watch(...)")
            self._step += 1
            if loss is not None:
                scalars = {"batch_loss": loss, **scalars}
            due = time.monotonic() >= self._next
            if self.state == "ready":
                self._enter("running")
            if self.state == "diverged":
                return
            if scalars:
                # Detached: a loss would keep its whole graph alive.
                self._scalars = {k: v.detach() if isinstance(v, Tensor) else v for k, v in scalars.items()}
            if due:
                self._record()

    def flush(self) -> Watch:
        """Takes a snapshot of the latest step now; call it from the thread that trains."""
        with self._lock:
            if self.state != "diverged" and self.timeline.latest.step < self._step:
                self._record()
        return self

    def close(self) -> None:
        """Keeps the last step and ends the watch; views stay."""
        with self._lock:
            if self.state != "finished":
                self.flush()
            if self.state != "diverged":
                self._enter("finished")

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def curve(self) -> dict[str, np.ndarray]:
        """The learning curve at the kept snapshots: step, epoch, metrics and scalars, each (S,)."""
        return curve_of(self.timeline)

    def model_at(self, step: int | None = None) -> nn.Module:
        """A copy of the model as of that step, for flat inputs (N, D), on the CPU; None: the latest."""
        snapshot = self.timeline.latest if step is None else self.timeline.at(step)
        return model_from(self._template, snapshot)

    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray:
        """Logits (N, K) float64 of inputs (N, D), by the model of that step."""
        return as_predictor(self.model_at(step), self.dataset.n_classes)(X)

    def subscribe(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `fn(event)` from the thread that trains, until the returned function is called."""
        return self._subscribers.add(fn)

    def _record(self) -> None:
        start = time.monotonic()
        theta = theta_of(self._model)
        if not np.isfinite(theta).all():
            self._enter("diverged")
            return
        metrics, logits = self._measure()
        metrics |= {name: float(value) for name, value in self._scalars.items()}
        epoch = self._step / self._length
        buffers = {f"model.{k}": v for k, v in buffers_of(self._model).items()}
        snapshot = Snapshot(self._step, epoch, theta, buffers, logits, metrics)
        self.timeline.add(snapshot)
        self._subscribers.publish(Event("snapshot", {"snapshot": snapshot}))
        now = time.monotonic()
        self._next = start + max(INTERVAL_SECONDS, (now - start) / COST_SHARE)

    def _measure(self) -> tuple[dict[str, float], np.ndarray | None]:
        metrics: dict[str, float] = {}
        logits = None
        with evaluating(self._model), evaluating(self._objective.module or nn.Identity()):
            for split, rows in self._rows.items():
                x = self._inputs(rows)
                outputs = forward(self._model, x, more=self._objective.more)
                outputs = {k: v.float() if v.is_floating_point() else v for k, v in outputs.items()}
                index = torch.from_numpy(rows)
                batch: Mapping[str, Any] = {
                    "x": x,
                    "targets": self._y[index].to(x.device),
                    "index": index.to(x.device),
                }
                metrics[f"{split}_loss"] = float(self._objective(batch, outputs))
                found = scores(outputs["logits"].double().cpu().numpy(), self.dataset, rows, split)
                metrics |= {f"{split}_{name}": value for name, value in found.items()}
            if self.network is None:
                every = np.arange(len(self._y))
                chunks = np.split(every, range(CHUNK_ROWS, len(every), CHUNK_ROWS))
                parts = [forward(self._model, self._inputs(rows), more=False)["logits"] for rows in chunks]
                logits = torch.cat(parts).float().cpu().numpy()
        return metrics, logits

    def _inputs(self, rows: np.ndarray) -> Tensor:
        return self._placed(self._X[torch.from_numpy(rows)].view(-1, *self._shape))

    def _placed(self, x: Tensor) -> Tensor:
        like = next(self._model.parameters(), torch.zeros(0))
        return x.to(like.device, like.dtype if like.is_floating_point() else x.dtype)

    def _enter(self, state: str) -> None:
        self.state = state
        self._subscribers.publish(Event("state", {"state": state, "message": ""}))


class _Shaped(nn.Module):
    """A model behind flat inputs (N, D)."""

    def __init__(self, model: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model = model
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return forward(self.model, x.view(-1, *self.shape), more=False)["logits"]

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        return forward(self.model, x.view(-1, *self.shape), more=True)


def _array(X: Any) -> np.ndarray:
    if isinstance(X, Tensor):
        X = X.detach().cpu().numpy()
    X = np.asarray(X)
    if X.ndim < 2:
        raise ShapeError(f"X: expected samples (n, ...) with at least one feature axis, got {X.shape}")
    # A copy: arrays out of a DataFrame may not be writable, which torch dislikes.
    return X.astype(np.float32)


def _dataset(
    parts: list[np.ndarray], labels: list[np.ndarray], class_names: Sequence[str] | None, columns: Any
) -> Dataset:
    X = np.concatenate([p.reshape(len(p), -1) for p in parts])
    y = np.concatenate(labels)
    shape = tuple(n for i, n in enumerate(parts[0].shape[1:]) if i or n != 1)
    image_shape = (shape[0], shape[1]) if len(shape) == 2 else None
    found = from_arrays(
        X, y, name="watched", class_names=class_names, feature_names=columns, image_shape=image_shape
    )
    n_train = len(parts[0]) if len(parts) == 2 else 0
    rows = np.arange(len(X), dtype=np.int64)
    return replace(found, train=rows[:n_train], validation=rows[n_train:])


def _labels(y: Any) -> np.ndarray:
    return y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
