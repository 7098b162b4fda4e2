"""Training: an `Experiment` says what, a `Run` does it in the background, views read a `Source`."""

from clsviz.training.compatibility import compatible
from clsviz.training.engine import LoopEngine, Stepper
from clsviz.training.experiment import OWN, Experiment
from clsviz.training.fan import Fan
from clsviz.training.fan_members import Member, variable
from clsviz.training.live import runs
from clsviz.training.methods import adversarial, meta_rescale, standard
from clsviz.training.objective import Objective
from clsviz.training.optimizers import adam, adamw, create_optimizer, sgd
from clsviz.training.run import Run, RunResult
from clsviz.training.session import training_data
from clsviz.training.snapshot import Snapshot, load_theta, theta_of
from clsviz.training.source import Event, Source, StaticSource
from clsviz.training.supplies import Supply, supply, teacher_columns
from clsviz.training.sweeps import sweep
from clsviz.training.timeline import Timeline
from clsviz.training.watch import Watch

__all__ = [
    "OWN",
    "Event",
    "Experiment",
    "Fan",
    "LoopEngine",
    "Member",
    "Objective",
    "Run",
    "RunResult",
    "Snapshot",
    "Source",
    "StaticSource",
    "Stepper",
    "Supply",
    "Timeline",
    "Watch",
    "adam",
    "adamw",
    "adversarial",
    "compatible",
    "create_optimizer",
    "load_theta",
    "meta_rescale",
    "runs",
    "sgd",
    "standard",
    "supply",
    "sweep",
    "teacher_columns",
    "theta_of",
    "training_data",
    "variable",
]
