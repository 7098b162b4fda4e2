"""Anything that predicts, as one function from samples to logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from clsviz.errors import InputError, ShapeError

CHUNK = 8192  # rows at a time
FLOOR = 1e-12  # smallest probability whose logarithm is taken
SAME = 1e-6  # largest difference of probabilities that count as equal


class Predictor(Protocol):
    """(N, D) samples in, (N, K) float64 logits out."""

    def __call__(self, X: np.ndarray, /) -> np.ndarray: ...


def present_model(model: Any) -> Any:
    """The model of a run or another source as it is now; anything else as it is."""
    return model.model_at() if hasattr(model, "model_at") else model


def as_predictor(model: Any, n_classes: int, *, class_names: Sequence[str] | None = None) -> Predictor:
    """The function from samples (N, D) to logits (N, K), float64, that a model is.

    - A ``torch.nn.Module`` runs in eval mode without gradients, 8192 rows at a time, on the
      device and in the precision of its parameters; its training flags are put back. It returns
      logits, or a dict or object with `logits`.
    - A scikit-learn classifier gives its `decision_function` where the softmax of it is its
      `predict_proba` (or where it has no `predict_proba`), otherwise log(max(p, 1e-12)). A
      binary decision z becomes [0, z].
    - Any other callable is taken to give logits itself.

    Columns of a scikit-learn classifier go to the class whose name its label has, else to the
    integer it is, else in order; classes it never saw get a logit far below the others.

    Args:
        model: what predicts.
        n_classes: K >= 1.
        class_names: K names, for classifiers trained on other labels than 0..K-1.

    Raises:
        InputError: `model` cannot predict scores, or its classes do not fit.
        ShapeError: (when called) the result is not (N, K).
    """
    if isinstance(model, nn.Module):
        predict: Callable[[np.ndarray], np.ndarray] = _module(model)
    elif hasattr(model, "decision_function") or hasattr(model, "predict_proba"):
        predict = _estimator(model, n_classes, class_names)
    elif callable(model):
        predict = model
    else:
        raise InputError(
            f"model must be a torch.nn.Module, a fitted classifier with predict_proba or decision_function, "
            f"or a function from samples to logits, not {type(model).__name__}"
        )

    def predictor(X: Any) -> np.ndarray:
        rows = X.detach().cpu().numpy() if isinstance(X, Tensor) else np.asarray(X)
        if rows.ndim != 2:
            raise ShapeError(f"X must be (N, D), but has shape {rows.shape}")
        parts = [np.zeros((0, n_classes))]
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            logits = np.asarray(predict(chunk), dtype=np.float64)
            if logits.shape != (len(chunk), n_classes):
                raise ShapeError(
                    f"{type(model).__name__} must give logits {(len(chunk), n_classes)}, one per class, "
                    f"but gives {logits.shape}"
                )
            parts.append(logits)
        return np.concatenate(parts)

    return predictor


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Eval mode without gradients; afterwards each submodule has the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield model
    finally:
        for module, mode in modes:
            module.training = mode


def logits_of(model: nn.Module, x: Tensor) -> Any:
    """What a module returns for x, or the `logits` in it where it returns several things by name."""
    return logits_in(model(x))


def logits_in(result: Any) -> Any:
    """The logits in what a model returned: that itself, its "logits" or its .logits."""
    return result["logits"] if isinstance(result, dict) else getattr(result, "logits", result)


def check_module(model: nn.Module, n_features: int, n_classes: int) -> None:
    """Tries a module on two rows of zeros.

    Raises:
        ShapeError: it cannot take (2, n_features) or does not return (2, n_classes).
    """
    try:
        with evaluating(model):
            logits = logits_of(model, torch.zeros(2, n_features, **_where(model)))
    except Exception as error:
        raise ShapeError(
            f"{type(model).__name__} must take (N, {n_features}) float samples, but failed on two rows of "
            f"zeros: {error}. For images put nn.Unflatten(1, (1, height, width)) in front"
        ) from error
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if shape != (2, n_classes):
        raise ShapeError(
            f"{type(model).__name__} must map (N, {n_features}) to (N, {n_classes}) logits, one per class, "
            f"but gives {shape} for two rows"
        )


def _where(model: nn.Module) -> dict[str, Any]:
    """Device and floating type that a module's input must have."""
    for p in [*model.parameters(), *model.buffers()]:
        if p.is_floating_point() and not nn.parameter.is_lazy(p):
            return {"device": p.device, "dtype": p.dtype}
    return {"device": "cpu", "dtype": torch.float32}


def _module(model: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    def predict(X: np.ndarray) -> np.ndarray:
        with evaluating(model):
            logits = logits_of(model, torch.tensor(X, **_where(model)))
        if not isinstance(logits, Tensor):
            raise ShapeError(
                f"{type(model).__name__} must return a tensor of logits, not {type(logits).__name__}"
            )
        return logits.double().cpu().numpy()

    return predict


def _estimator(
    model: Any, n_classes: int, class_names: Sequence[str] | None
) -> Callable[[np.ndarray], np.ndarray]:
    columns = _columns(model, n_classes, class_names)

    def predict(X: np.ndarray) -> np.ndarray:
        scores = _scores(model, _named(model, X), len(columns))
        if np.array_equal(columns, np.arange(n_classes)):
            return scores
        # a class the classifier never saw: as improbable as the floor, against its own best
        logits = np.repeat(scores.max(1, keepdims=True) + np.log(FLOOR), n_classes, axis=1)
        logits[:, columns] = scores
        return logits

    return predict


def _scores(model: Any, X: Any, n_seen: int) -> np.ndarray:
    """(N, n_seen) logits in the order of the classifier's own classes."""
    decision = probs = None
    if hasattr(model, "decision_function"):
        decision = np.asarray(model.decision_function(X), dtype=np.float64)
        if decision.ndim == 1:
            decision = np.stack([np.zeros_like(decision), decision], axis=1)
    if hasattr(model, "predict_proba"):
        probs = np.asarray(model.predict_proba(X), dtype=np.float64)
    if probs is None and decision is not None:
        if decision.shape[1] != n_seen:
            raise ShapeError(
                f"decision_function of {type(model).__name__} gives {decision.shape[1]} columns for {n_seen} "
                'classes; it must give one per class (for SVC: decision_function_shape="ovr")'
            )
        return decision
    assert probs is not None  # as_predictor made sure of one of the two
    if (
        decision is not None
        and decision.shape == probs.shape
        and np.abs(softmax(decision, axis=1) - probs).max() < SAME
    ):
        return decision
    return np.log(np.maximum(probs, FLOOR))


def _columns(model: Any, n_classes: int, class_names: Sequence[str] | None) -> np.ndarray:
    """For each class the classifier knows its place in [0, n_classes)."""
    if not hasattr(model, "classes_"):
        raise InputError(f"{type(model).__name__} has no classes_; fit it first")
    seen = np.asarray(model.classes_).tolist()
    if class_names is not None and {str(label) for label in seen} <= set(class_names):
        return np.array([list(class_names).index(str(label)) for label in seen])
    if all(isinstance(label, int) and 0 <= label < n_classes for label in seen):
        return np.array(seen, dtype=np.int64)
    if len(seen) == n_classes:
        return np.arange(n_classes)
    raise InputError(
        f"{type(model).__name__} knows the classes {seen[:10]}, which do not fit {n_classes} classes"
        + (f" named {list(class_names)[:10]}" if class_names is not None else "; give class_names")
    )


def _named(model: Any, X: np.ndarray) -> Any:
    """X with the column names the classifier was fitted with, which it wants to see again."""
    columns = getattr(model, "feature_names_in_", None)
    if columns is None or len(columns) != X.shape[1]:
        return X
    import pandas  # it was fitted with a DataFrame, so pandas is there

    return pandas.DataFrame(X, columns=columns)
