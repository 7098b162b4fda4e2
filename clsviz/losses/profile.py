"""A loss as a picture: over the margin, over the simplex, and sample by sample.

Pure functions of a loss's name; the browser computes the same numbers for the losses it knows
(js/src/core/lossprofile.ts, lossterms.ts).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clsviz.errors import InputError, ShapeError
from clsviz.losses.module import Loss, create
from clsviz.losses.row import find

ENDS = {"p": (0.005, 0.995), "margin": (-8.0, 8.0)}
INNER = 0.01  # least probability on the simplex: its vertices have infinite logits
LEAST_NORM = 1e-12  # of a cross-entropy gradient that others are compared with
GROUPS = ("easy", "hard", "mislabelled")
BAG = 4  # samples of a bag where a loss asks for bags and none are given


@dataclass(frozen=True, slots=True, eq=False)
class LossProfile:
    """A loss over one row of logits (s, 0, ..., 0) whose label is the first class."""

    p_y: np.ndarray  # (n,) probability of the label
    margin: np.ndarray  # (n,) s, the label's logit less that of every rival
    value: np.ndarray  # (n,) the row's term
    gradient: np.ndarray  # (n,) d loss / d z_y


@dataclass(frozen=True, slots=True, eq=False)
class LossSimplex:
    """A loss over the probabilities of three classes; the first is the label."""

    points: np.ndarray  # (n, 3) probabilities, n = side (side + 1) / 2
    value: np.ndarray  # (n,)
    flow: np.ndarray  # (n, 3) change of the probabilities per unit step of the logits against the gradient


@dataclass(frozen=True, slots=True, eq=False)
class LossTerms:
    """What a loss makes of each sample of a batch."""

    value: np.ndarray  # (N,) term; nan where the loss has no terms (a batch loss, a dropped row)
    gradient: np.ndarray  # (N,) length of the gradient of the terms' sum with respect to the sample's logits
    weight: np.ndarray  # (N,) that length relative to cross-entropy's; nan where there is none


def loss_profile(
    name: str, params: Mapping[str, Any] | None = None, n: int = 101, n_classes: int = 3, *, axis: str = "p"
) -> LossProfile:
    """The loss and its slope as functions of the margin or of the label's probability.

    The row is (s, 0, ..., 0): all rivals are alike. Of a loss that sees more than p (norms, order) this is
    one cut; of a loss with extras it is the cut at the extras that `loss_terms` takes.

    Args:
        name: a loss on logits with class labels. params: those that differ from its defaults.
        n: points, >= 2. n_classes: C, >= 2.
        axis: points are evenly spaced in "p" (0.005 to 0.995) or in the "margin" (-8 to 8).

    Raises:
        InputError: the loss has no such curve; the message says why. An unknown parameter.
        UnknownName: no loss of this name.
    """
    if axis not in ENDS:
        raise InputError(f"axis must be one of {list(ENDS)}, got {axis!r}")
    if n < 2 or n_classes < 2:
        raise InputError(f"n and n_classes must be >= 2, got {n} and {n_classes}")
    _refuse_without_rows(name)
    at = torch.linspace(*ENDS[axis], n, dtype=torch.float64)
    margin = torch.log(at * (n_classes - 1) / (1 - at)) if axis == "p" else at
    z = torch.zeros(n, n_classes, dtype=torch.float64)
    z[:, 0] = margin
    targets = torch.zeros(n, dtype=torch.int64)
    value, gradient = _rows(name, params, z, targets)
    return LossProfile(z.softmax(1)[:, 0].numpy(), margin.numpy(), value, gradient[:, 0])


def loss_simplex(name: str, params: Mapping[str, Any] | None = None, side: int = 41) -> LossSimplex:
    """The loss over the simplex of three classes, with the way a gradient step takes the probabilities.

    The logits are log p. A step against the gradient g of the logits moves p by -p (g - p.g).

    Args:
        side: points along an edge, >= 2.

    Raises:
        InputError, UnknownName: as `loss_profile`.
    """
    if side < 2:
        raise InputError(f"side must be >= 2, got {side}")
    _refuse_without_rows(name)
    counts = np.array([(a, b, side - 1 - a - b) for a in range(side) for b in range(side - a)])
    points = INNER + (1 - 3 * INNER) * counts / (side - 1)
    z = torch.from_numpy(np.log(points))
    value, gradient = _rows(name, params, z, torch.zeros(len(z), dtype=torch.int64))
    mean = (points * gradient).sum(1, keepdims=True)
    return LossSimplex(points, value, -points * (gradient - mean))


def loss_terms(
    name: str,
    params: Mapping[str, Any] | None,
    logits: Any,
    targets: Any,
    *,
    module: Loss | None = None,
    **extra: Any,
) -> LossTerms:
    """Value, gradient norm and weight of each sample.

    All rows are one batch: losses that weigh its samples against each other do so here. The weight is the
    gradient's length relative to cross-entropy's; where a loss weighs cross-entropy (`dynamic_reweight`,
    `meta_rescale`, `self_paced`) it is that weight.

    Args:
        logits: (N, C) float; for a loss on embeddings (N, D) those, and the weight is nan.
        targets: (N,) int labels, or what else the row is called with (see its ``targets`` in the catalogue).
        module: the loss as it stands, with its state; a copy of it is called, in eval mode. None makes a
            fresh one, called as for its first training step.
        extra: call arguments of the row. Left out: ``index`` counts the rows, ``weights`` are 1, ``bags``
            hold four rows each, ``noise`` is drawn with seed 0.

    Raises:
        InputError: an extra that cannot be made up is missing; the message names it. MissingNeed, ShapeError
            and others as the loss itself.
    """
    x = torch.as_tensor(np.asarray(logits), dtype=torch.float64)
    y = torch.as_tensor(np.asarray(targets))
    if x.ndim != 2:
        raise ShapeError(f"logits must be (N, C), got {tuple(x.shape)}")
    value, gradient = _rows(name, params, x, y, module, extra)
    length = np.linalg.norm(gradient, axis=1)
    if _first(name) != "logits" or y.ndim != 1 or y.is_floating_point():
        return LossTerms(value, length, np.full(len(length), np.nan))
    usual = x.softmax(1)
    usual[torch.arange(len(y)), y] -= 1
    reference = usual.norm(dim=1).numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(reference > LEAST_NORM, length / reference, np.nan)
    return LossTerms(value, length, weight)


def sample_groups(logits: Any, labels: Any, truth: Any) -> np.ndarray:
    """How a network takes each sample: 0 easy, called by its label; 1 hard, called otherwise; 2 mislabelled.

    Args:
        logits: (N, C). labels: (N,) given labels. truth: (N,) labels before noise.

    Returns:
        (N,) int64; what is mislabelled is 2, however it is called.
    """
    given = np.asarray(labels)
    guess = np.asarray(logits).argmax(1)
    groups: np.ndarray = np.where(given != np.asarray(truth), 2, np.where(guess == given, 0, 1))
    return groups


def group_shares(amounts: Any, groups: Any) -> np.ndarray:
    """Share of easy, hard and mislabelled samples in a sum, (3,); zeros where it is 0. nan is left out."""
    sums = np.bincount(np.asarray(groups), np.nan_to_num(np.asarray(amounts, float)), minlength=3)
    total = sums.sum()
    shares: np.ndarray = sums / total if total > 0 else np.zeros(3)
    return shares


def why_no_profile(name: str) -> str:
    """Why a loss has no curve over p of the label, in words; "" where it has one.

    Raises:
        UnknownName: no loss of this name.
    """
    row = find(name)
    facts = row.method.facts
    targets = facts.get("targets", "class")
    if _first(name) != "logits":
        return f"{name} is a loss of {_first(name)}: it has no value at a probability of the label alone"
    if facts["row_kind"] == "batch":
        return f"{name} is one number for a whole batch: no row has a value of its own"
    if facts.get("coupled"):
        return f"{name} sets the samples of a batch against each other: a row alone has no value"
    if targets != "class":
        return f"{name} is not called with class labels but with {targets}"
    if missing := [n for n in row.required if n not in MADE_UP]:
        return f"{name} depends on {missing[0]} as well, so that p of the label does not fix it"
    return ""


def _first(name: str) -> str:
    """What a loss is a function of: logits or embeddings."""
    first: str = find(name).method.needs[0]
    return first


def _refuse_without_rows(name: str) -> None:
    if why := why_no_profile(name):
        raise InputError(why)


# Extras that have a neutral or a fixed value; (N) -> tensor.
MADE_UP = {
    "index": lambda n: torch.arange(n),
    "weights": lambda n: torch.ones(n, dtype=torch.float64),
    "bags": lambda n: torch.arange(n) // BAG,
    "noise": lambda n: torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
}


def _rows(
    name: str,
    params: Mapping[str, Any] | None,
    x: Tensor,
    targets: Tensor,
    module: Loss | None = None,
    extra: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Terms (N,) and gradient of their sum (N, C)."""
    row = find(name)
    n = len(x)
    given = {
        key: torch.as_tensor(value) if not isinstance(value, torch.Generator) else value
        for key, value in (extra or {}).items()
    }
    for key in row.method.facts["extra"]:
        if key in MADE_UP and key not in given:
            given[key] = MADE_UP[key](n)
    if module is None:
        index = given.get("index")
        sizes = _sizes(name, x, targets, index if isinstance(index, Tensor) else None)
        wanted = {size: sizes[size] for size in row.method.facts["sizes"] if size in sizes}
        loss = create(name, **(params or {}), **wanted)
    else:
        loss = copy.deepcopy(module).eval()  # a call changes the type of its buffers
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        terms = loss(leaf, targets, reduction="none", **given)
        total = terms.sum() * _scale(terms, n)
        (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True, materialize_grads=True)
    values = terms.detach().double().numpy()
    if values.shape != (n,):  # one number for the batch, or rows were dropped
        values = np.full(n, np.nan)
    return values, gradient.double().numpy()


def _sizes(name: str, x: Tensor, targets: Tensor, index: Tensor | None) -> dict[str, int]:
    """The sizes of a state that fits this batch."""
    examples = len(x) if index is None else int(index.max()) + 1
    if _first(name) == "logits":
        return {"num_examples": examples, "num_classes": x.shape[1]}
    return {"num_examples": examples, "num_classes": int(targets.max()) + 1, "dim": x.shape[1]}


def _scale(terms: Tensor, n: int) -> int:
    """A batch loss is a mean: as the sum over its rows it compares with the others."""
    return n if terms.ndim == 0 else 1
