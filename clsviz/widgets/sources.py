"""Sources for views of finished classifiers: an estimator with samples, or predictions alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz.calibration.inputs import as_labels, as_logits, as_probs, option
from clsviz.catalogue import Spec
from clsviz.data import Dataset, from_arrays
from clsviz.errors import InputError
from clsviz.models import as_predictor
from clsviz.prototypes import PrototypeAutoencoder
from clsviz.training import Source, StaticSource
from clsviz.widgets import predictions

LEAST_PROBABILITY = 1e-12  # whose logarithm stands for zero


def all_samples(dataset: Dataset) -> Dataset:
    """The dataset with every sample in both parts: there is no training to keep them apart for."""
    rows = np.arange(len(dataset.y))
    return replace(dataset, train=rows, validation=rows)


def estimator_source(estimator: Any, X: Any, y: Any, *, loss: Spec | str = "cross_entropy") -> StaticSource:
    """A trained classifier and samples as a source with one moment."""
    names = None
    if not isinstance(estimator, nn.Module) and hasattr(estimator, "classes_"):
        classes = np.asarray(estimator.classes_)
        names = [str(c) for c in classes]
        labels = np.asarray(y)
        if unknown := sorted({str(v) for v in np.unique(labels[~np.isin(labels, classes)])}):
            raise InputError(
                f"y holds labels the estimator does not know: {unknown[:5]}; it knows {names[:10]}"
            )
        y = np.array(names)[np.searchsorted(classes, labels)]
    dataset = all_samples(from_arrays(X, y, name="your data", class_names=names))
    predictor = estimator
    if not isinstance(estimator, nn.Module):
        predictor = as_predictor(estimator, dataset.n_classes, class_names=dataset.class_names)
    return StaticSource(dataset, predictor, loss=loss)


def predictions_source(
    y_true: Any,
    y_pred: Any,
    *,
    kind: str = "logits",
    may_be_large: bool = False,
    loss: Spec | str = "cross_entropy",
) -> StaticSource:
    """Labels and predictions as a source with one moment and no inputs.

    Args:
        y_true: (N,) integer labels in [0, K).
        y_pred: (N, K) logits or probabilities; (N,) is binary.
        kind: "logits" or "probs".
        loss: what they are scored with.
        may_be_large: large ones travel in the forms of `LargePredictions`, which not every view can read.

    Raises:
        InputError: NaN, empty, a label outside [0, K), probabilities that do not sum to 1 or come as logits.
        ShapeError: the shapes do not fit.
    """
    option("kind", kind, ("logits", "probs"))
    if kind == "probs":
        logits = np.log(np.maximum(as_probs(y_pred, "y_pred"), LEAST_PROBABILITY))
    else:
        logits = as_logits(y_pred, "y_pred")
        if (logits >= 0).all() and np.allclose(logits.sum(1), 1, atol=1e-4):
            raise InputError('y_pred: the rows are probabilities, they sum to 1; say kind="probs"')
    n, k = logits.shape
    labels = as_labels(y_true, n, k, "y_true")
    rows = np.arange(n)
    dataset = Dataset(
        "predictions", np.zeros((n, 0), np.float32), labels, rows, rows, tuple(map(str, range(k))), ()
    )
    large = may_be_large and logits.size > predictions.LARGE
    make = predictions.LargePredictions if large else StaticSource
    return make(dataset, logits.astype(np.float32), loss=loss)


def module_or_function(source: Source, step: int | None) -> Any:
    """The torch module of that moment; of a model without a gradient a function that gives its logits."""
    model = source.model_at(step)
    return model if isinstance(model, nn.Module) else lambda X: source.predict(X, step)


def source_logits(source: Any, step: int | None, rows: np.ndarray) -> np.ndarray:
    """Logits (n, K) float64 of samples at a step; None is the newest.

    Raises:
        InputError: nothing has been recorded yet.
    """
    if not len(source.timeline):
        raise InputError("nothing is trained yet: start the run, or step the watched loop")
    snapshot = source.timeline.latest if step is None else source.timeline.at(step)
    if snapshot.logits is not None:
        logits: np.ndarray = snapshot.logits[rows].astype(np.float64)
        return logits
    predicted: np.ndarray = source.predict(source.dataset.X[rows], snapshot.step)
    return predicted


def validation_logits(source: Any, step: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, K) float64 and labels (n,) of the validation samples; errors as `source_logits`."""
    rows = source.dataset.validation
    return source_logits(source, step, rows), source.dataset.y[rows]


def decoded_prototypes(source: Source) -> tuple[int, np.ndarray, np.ndarray] | None:
    """Step, decoded prototypes (M, D) and class weights (M, K) of a prototype network; else None."""
    if not len(source.timeline):
        return None
    step = source.timeline.latest.step
    try:
        model = source.model_at(step)
    except InputError:
        return None
    if not isinstance(model, PrototypeAutoencoder):
        return None
    with torch.no_grad():
        images = model.decoder(model.prototypes)
    return step, images.flatten(1).cpu().numpy(), model.last.weight.detach().T.cpu().numpy()
