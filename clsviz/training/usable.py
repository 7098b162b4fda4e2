"""Which losses a run can train with, found without training."""

from __future__ import annotations

from clsviz import catalogue
from clsviz.errors import ClsvizError
from clsviz.training.engine import LoopEngine
from clsviz.training.experiment import Experiment


def unusable(engine: LoopEngine, experiment: Experiment) -> dict[str, str]:
    """Why a loss cannot be trained with in place of the experiment's, by name; usable ones are left out."""
    reasons = {}
    for entry in catalogue.methods("loss"):
        try:
            engine.require(experiment.replace({"loss": entry.name}))
        except ClsvizError as error:
            reasons[entry.name] = str(error)
    return reasons
