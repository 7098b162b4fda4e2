"""What goes with a model: the loss and optimiser it is meant to be trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clsviz.catalogue import Spec, resolve
from clsviz.training.experiment import OWN

USUAL = {"loss": "cross_entropy", "optimizer": "sgd"}


def companions(model: Spec) -> Mapping[str, Any]:
    """The choices that the catalogue names for this model; most have none."""
    if model.name == OWN:
        return {}
    found: Mapping[str, Any] = resolve("model", model.name)[0].facts.get("companions", {})
    return found


def complete(changes: Mapping[str, Any], former: Spec | None = None) -> dict[str, Any]:
    """The changes of an experiment, with the model's companions where the user did not choose otherwise.

    Args:
        changes: dotted paths with new values.
        former: the model before; its companions give way to the usual choices.
    """
    if "model" not in changes:
        return dict(changes)
    left = {head: USUAL[head] for head in (companions(former) if former else ())}
    return {**left, **companions(Spec.of(changes["model"])), **changes}
