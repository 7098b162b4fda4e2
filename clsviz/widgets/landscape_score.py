"""With which loss a landscape is scored: the one trained with, a place of the loss line, or any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from clsviz import catalogue
from clsviz.catalogue import Method, Spec
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Experiment, Source

Terms = Callable[[Tensor, Tensor], Tensor]
# None: the loss trained with; a number: a place of the loss line; else {"name": ..., "params": ...}
Score = float | Mapping[str, Any] | None
HAVE = {"logits", "targets"}  # what is cached of each network of the plane


def needs_more(entry: Method) -> list[str]:
    """What a loss needs besides logits and class labels, which a landscape does not hold."""
    targets = entry.facts.get("targets", "class")
    other = [] if targets in ("class", "none") else [targets]
    return [*(need for need in entry.needs if need not in HAVE), *other]


def scored_by(spec: Spec) -> tuple[str, Terms]:
    """Title and function (logits, labels) -> terms or scalar of a loss.

    Raises:
        InputError, UnknownName: there is no such loss or parameter, or it needs more than logits.
    """
    entry, function = catalogue.resolve("loss", spec.name)
    params = dict(Experiment(loss=spec).loss.params)  # checked
    if missing := needs_more(entry):
        raise InputError(
            f"the landscape cannot be scored with {entry.title}: it needs {missing} besides the logits "
            "that are kept of each of its networks; train with it, or score with another loss"
        )
    if "generator" not in entry.facts.get("extra", ()):
        return entry.title, lambda z, y: function(z, y, **params)

    def drawn(z: Tensor, y: Tensor) -> Tensor:
        """The same draw at each point, so that the surface is smooth."""
        terms: Tensor = function(z, y, generator=torch.Generator().manual_seed(0), **params)
        return terms

    return entry.title, drawn


def trained_loss(source: Source) -> tuple[str, Terms]:
    """Title and function of the loss trained with; cross-entropy where it needs more than logits."""
    entry, function = catalogue.resolve("loss", source.loss.name)
    if not needs_more(entry) and not isinstance(function, type):
        return scored_by(source.loss)
    cross_entropy = catalogue.resolve("loss", "cross_entropy")
    return f"{cross_entropy[0].title} ({entry.title} needs more than logits)", cross_entropy[1]


def checked_score(value: Any) -> Score:
    """A score as the state holds it.

    Raises:
        InputError: it is none; the message says what would be.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not -1 <= value <= 1:
            raise InputError(f"score must lie in -1 to 1 or be None, got {value}")
        return float(value)
    try:
        spec = Spec.of(value)
        scored_by(spec)
    except ClsvizError as error:
        raise InputError(f"score: {error}") from None
    return spec.to_json()
