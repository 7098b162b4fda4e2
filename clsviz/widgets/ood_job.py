"""Scores of samples from outside: sets, detectors, and what the kernel answers where the browser cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz import calibration
from clsviz.data import Dataset, checks
from clsviz.data.ood import OUTSIDE, outside
from clsviz.errors import ClsvizError, InputError, ShapeError, UnknownName
from clsviz.training import Source
from clsviz.widgets.messages import OF_FEATURES, AskOOD
from clsviz.widgets.wire import Packet, reference_rows

MOST_OWN = 1000  # rows of a set of the user's own that are looked at
MOST_REFERENCE = 1500  # training samples that features are compared with; as js/src/core/features.ts
RIDGE = 1e-3  # of the features' mean variance, added to the covariances: units that never fire count too
MOST_FARTHEST = 100  # of them that a field's shades are cut by; as js/src/core/distancefield.ts
NEIGHBOUR = 5
TINY = np.finfo(float).tiny
NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class OwnSet:
    """Samples from outside that the user brought: inputs, or logits where there are predictions alone."""

    rows: np.ndarray  # (m, D) or (m, K) float32
    of: int  # how many there were


def own_sets(dataset: Dataset, sets: Mapping[str, Any]) -> dict[str, OwnSet]:
    """The sets as views show them, at most `MOST_OWN` evenly spaced rows of each.

    Args:
        dataset: of the source; with features a set holds inputs (m, D), else logits (m, K).
        sets: by name.

    Raises:
        InputError: no set has this form, it holds NaN, or its name is one of the made sets'.
        ShapeError: it has another number of columns.
    """
    if not isinstance(sets, Mapping):
        raise InputError(f'ood must be {{"name": samples, ...}}, got {type(sets).__name__}')
    what, width = ("inputs", dataset.n_features) if dataset.n_features else ("logits", dataset.n_classes)
    out = {}
    for name, given in sets.items():
        if not isinstance(name, str) or not name or name in OUTSIDE:
            raise InputError(f"ood: a set is named by a text other than {list(OUTSIDE)}, got {name!r}")
        given = checks.plain(given)
        if np.ndim(given) > 2:
            given = np.asarray(given).reshape(len(given), -1)
        rows = checks.floats(given, f"ood[{name!r}]", "(m, D)").astype(np.float32)
        if rows.shape[1] != width:
            raise ShapeError(f"ood[{name!r}] must be {what} (m, {width}), got {rows.shape}")
        out[name] = OwnSet(_spaced(rows, MOST_OWN), len(rows))
    return out


def own_packet(run_id: str, sets: Mapping[str, OwnSet]) -> Packet:
    """The user's sets as the browser's session reads them."""
    items = [{"name": name, "of": s.of, "m": len(s.rows)} for name, s in sets.items()]
    return Packet({"kind": "ood_own", "run_id": run_id, "items": items}, [s.rows for s in sets.values()])


def set_names(dataset: Dataset, own: Mapping[str, OwnSet]) -> list[str]:
    """The sets that there are for these data, the user's first."""
    width = dataset.n_features or dataset.n_classes
    made = [name for name, entry in OUTSIDE.items() if entry.fits(dataset)]
    return [name for name, s in own.items() if s.rows.shape[1] == width] + made


def set_shown(dataset: Dataset, own: Mapping[str, OwnSet], name: str | None) -> str:
    """The set of a name; the first there is for None, and for one that other data have.

    Raises:
        InputError: there is none at all.
        UnknownName: no set is called so.
    """
    names = set_names(dataset, own)
    if name in names:
        return str(name)
    if not names:
        raise InputError('predictions alone have nothing outside to compare with: give ood={"name": logits}')
    if name is not None and name not in OUTSIDE:
        raise UnknownName(f"outside: there is no set {name!r}; there are {names}")
    return names[0]


def set_rows(dataset: Dataset, own: Mapping[str, OwnSet], name: str, strength: float) -> np.ndarray:
    """Its inputs (m, D), or logits (m, K) of predictions alone; float32."""
    return own[name].rows if name in own else outside(dataset, name, strength=strength)


def logit_scores(detector: str, logits: np.ndarray, temperature: float) -> np.ndarray:
    """(N,) scores of logits (N, K) divided by the temperature; the entropy is negated, higher is inside."""
    match detector:
        case "msp":
            return calibration.msp_score(logits / temperature)
        case "max_logit":
            return calibration.max_logit_score(logits)
        case "energy":
            return calibration.energy_score(logits, temperature=temperature)
    return -calibration.entropy(logits / temperature, kind="logits")


def feature_scores(detector: str, train: np.ndarray, labels: np.ndarray, features: np.ndarray) -> np.ndarray:
    """(N,) scores of features (N, H) against those of the training part (n, H).

    The covariances get a ridge of `RIDGE` times the mean variance. For the nearest neighbours rows are scaled
    to length 1; rows of zeros stay where they are, so that the score of a row does not depend on the others.
    """
    if detector == "knn":
        train, features = (rows / np.maximum(_lengths(rows), TINY) for rows in (train, features))
        return calibration.knn_ood_score(train, features, k=min(NEIGHBOUR, len(train)), normalize=False)
    ridge = RIDGE * float(train.var(0).mean())
    relative = detector == "relative_mahalanobis"
    return calibration.mahalanobis_score(train, labels, features, ridge=ridge, relative=relative)


def embeddings(model: Any, X: np.ndarray) -> np.ndarray:
    """(N, H) float64 features before the last layer: the model's own, or what its last linear layer gets.

    Raises:
        InputError: it has none.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)] if isinstance(model, nn.Module) else []
    tells = callable(getattr(model, "outputs", None))
    if not layers and not tells:
        raise InputError("this classifier does not tell its features: use a score of its logits")
    x = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        if tells and "embeddings" in (outputs := model.outputs(x)):
            found = outputs["embeddings"]
        elif layers:
            seen: list[torch.Tensor] = []
            hook = layers[-1].register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
            try:
                model(x)
            finally:
                hook.remove()
            found = seen[-1]
        else:
            raise InputError("this classifier does not tell its features: use a score of its logits")
    features: np.ndarray = found.flatten(1).double().cpu().numpy()
    return features


def features_scored(
    source: Source, step: int | None, detector: str, asked: list[np.ndarray]
) -> list[np.ndarray]:
    """`feature_scores` of each of the inputs (N, D), against the network's training part.

    Raises:
        InputError: predictions alone, or a classifier without features.
    """
    data, model = source.dataset, source.model_at(step)
    rows = _spaced(reference_rows(data), MOST_REFERENCE)
    train = embeddings(model, data.X[rows])
    together = np.concatenate([embeddings(model, X) for X in asked])
    scores = feature_scores(detector, train, data.y[rows], together)
    return np.split(scores, np.cumsum([len(X) for X in asked])[:-1])


def farthest_candidates(dataset: Dataset) -> np.ndarray:
    """(n, D) training samples; beyond the lowest of their scores a field has one shade."""
    rows = _spaced(reference_rows(dataset), MOST_REFERENCE)
    samples: np.ndarray = dataset.X[_spaced(rows, MOST_FARTHEST)]
    return samples


def scores_or_why(
    source: Source, step: int | None, detector: str, asked: list[np.ndarray]
) -> tuple[list[np.ndarray], str]:
    """`features_scored`, or empty arrays and why there are no such scores; "" asks for none."""
    if detector not in OF_FEATURES:
        return [NOTHING] * len(asked), ""
    try:
        return features_scored(source, step, detector, asked), ""
    except ClsvizError as error:
        return [NOTHING] * len(asked), str(error)


def ood_answer(source: Source, run_id: str, request: AskOOD, own: Mapping[str, OwnSet]) -> Packet:
    """The answer to a page: logits of the set, and scores of validation samples and set from features.

    js/src/core/oodanswer.ts reads it.
    """
    data = source.dataset
    rows = set_rows(data, own, request.outside, request.strength)
    logits = rows if data.n_features == 0 else source.predict(rows, request.step)
    scores, why = scores_or_why(source, request.step, request.detector, [data.X[data.validation], rows])
    question = {
        name: getattr(request, name) for name in ("outside", "strength", "detector", "step", "member")
    }
    header = {"kind": "ood_answer", "run_id": run_id, "question": question, "why": why}
    return Packet(header, [np.asarray(logits, np.float32), *scores])


def roc_curve(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of outside and inside scores at or above each threshold, both from 0 to 1."""
    cuts = np.append(np.inf, np.unique(np.concatenate([inside, outside]))[::-1])
    above = [1 - np.searchsorted(np.sort(s), cuts) / len(s) for s in (outside, inside)]
    return above[0], above[1]


def _lengths(rows: np.ndarray) -> np.ndarray:
    """(N, 1) Euclidean."""
    lengths: np.ndarray = np.linalg.norm(rows, axis=1, keepdims=True)
    return lengths


def _spaced(rows: np.ndarray, most: int) -> np.ndarray:
    """All rows, or `most` of them evenly spaced."""
    spaced: np.ndarray = rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]
    return spaced
