"""Which losses a run can train with, found without training."""

from __future__ import annotations

from clsviz import catalogue
from clsviz.catalogue import Spec
from clsviz.errors import ClsvizError
from clsviz.training.engine import LoopEngine


def unusable(engine: LoopEngine) -> dict[str, str]:
    """Why a loss cannot be trained with on this data and model, by name; the others are left out."""
    reasons = {}
    for entry in catalogue.methods("loss"):
        try:
            engine.require(Spec(entry.name))
        except ClsvizError as error:
            reasons[entry.name] = str(error)
    return reasons
