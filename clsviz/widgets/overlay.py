"""What views show of a network: its logits, with `use_tilted` those of the pair's linear rule in their place.

Between the two classes of the pair the rule decides: their logits keep their mean, and their difference
becomes the rule's. All other logits stay. js/src/core/overlay.ts gives the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from clsviz import boundary
from clsviz.boundary import local
from clsviz.errors import InputError
from clsviz.widgets.sources import source_logits, validation_logits
from clsviz.widgets.wire import pair_rows

LEAST_ALONG = 0.1  # of the normal's length: gain of a normal that lies across the centroid direction
LEAST_COSINE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class PairRule:
    """A linear rule between two classes: log odds of the second are ``gain * (x @ w + b)``."""

    pair: tuple[int, int]
    w: np.ndarray  # (D,)
    b: float
    gain: float
    has_slope: bool  # False: the model has no gradient, the rule is a linear discriminant of its data


def most_confused_pair(logits: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """The two classes most often taken for one another; ties and no errors: the lowest."""
    k = logits.shape[1]
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (labels, logits.argmax(1)), 1)
    both = np.triu(counts + counts.T, 1)
    a, b = np.unravel_index(int(both.argmax()), both.shape)
    return (int(a), int(b)) if a != b else (0, 1)


def marked_sample(view: Any) -> int:
    """The marked sample; while none is marked, the validation sample most confidently wrong.

    That of the source's newest network, as on screen: it stays the same while one travels in time and fan.
    """
    if view.marked is not None:
        return int(view.marked)
    logits, labels = validation_logits(view.session.source, None)
    rows = np.arange(len(labels))
    rivals = logits.copy()
    rivals[rows, labels] = -np.inf
    worst = int(np.argmax(rivals.max(1) - logits[rows, labels]))
    return int(view.source.dataset.validation[worst])


def pair_rule(view: Any) -> PairRule:
    """The linear rule of the view's pair: as trained, tilted, or L2-regularised.

    Raises:
        InputError: the source has no inputs, or one of the two classes has no samples.
    """
    data = view.source.dataset
    if data.n_features == 0:
        raise InputError("these views were made from predictions alone: there is no space to draw in")
    if view.pair:
        a, b = sorted(view.pair)
    else:
        rows = data.validation
        a, b = most_confused_pair(source_logits(view.session.source, None, rows), data.y[rows])
    reference = pair_rows(data)
    where = data.X[reference], data.y[reference], a, b
    X, two = local.pair_of(*where)
    model = view.source.model_at(view.step)
    has_slope = isinstance(model, nn.Module)
    if view.regularisation is not None:
        rule = boundary.logistic_l2(X, two, view.regularisation)
        return PairRule((a, b), rule.w, float(rule.b), 1.0, has_slope)
    at = data.X[view.marked] if view.normal_at and view.marked is not None else None
    tangent = local.tangent_classifier(model, *where, at=at) if has_slope else local.discriminant(*where)
    if view.tilt is None:
        return PairRule((a, b), tangent.w, float(tangent.b), 1.0, has_slope)
    theta = np.deg2rad(view.tilt)
    rule = local.leaning(tangent, *where, theta)
    # the component along the centroids stays, so that the rule is as sure of the samples as before
    along = max(np.linalg.norm(tangent.w) * np.cos(tangent.angle), LEAST_ALONG * np.linalg.norm(tangent.w))
    gain = along / max(np.cos(theta), LEAST_COSINE)
    return PairRule((a, b), rule.w, float(rule.b), float(gain), has_slope)


def shown_logits(view: Any, rows: np.ndarray) -> np.ndarray:
    """Logits (n, K) float64 of samples under what the view shows.

    Raises:
        InputError: nothing has been recorded yet.
    """
    logits = source_logits(view.source, view.step, rows)
    return laid_over(view, logits, view.source.dataset.X[rows])


def is_tilted(view: Any) -> bool:
    """Whether the view shows the rule of the pair in place of the network."""
    chosen = view.tilt is not None or view.regularisation is not None
    return bool(view.use_tilted and chosen and view.source.dataset.n_features)


def laid_over(view: Any, logits: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The network's logits (n, K) of any inputs (n, D), with the view's rule of the pair over them."""
    if not is_tilted(view):
        return logits
    rule = pair_rule(view)
    a, b = rule.pair
    difference = rule.gain * (X.astype(np.float64) @ rule.w + rule.b)
    middle = (logits[:, a] + logits[:, b]) / 2
    logits = logits.copy()
    logits[:, a], logits[:, b] = middle - difference / 2, middle + difference / 2
    return logits


def shown_validation(view: Any) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, K) float64 and labels (n,) of the validation samples under what the view shows."""
    rows = view.source.dataset.validation
    return shown_logits(view, rows), view.source.dataset.y[rows]
