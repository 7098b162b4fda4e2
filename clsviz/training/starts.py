"""Trained starts that clsviz brings along, so that the usual laboratories open trained.

``scripts/make_starts.py`` trains them anew; a test compares them with what training gives.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clsviz._paths import PACKAGE
from clsviz.training import store
from clsviz.training.experiment import Experiment
from clsviz.training.recipe import Recipe
from clsviz.training.timeline import Timeline

FOLDER = PACKAGE / "starts"
# What opens trained, and how many bytes of snapshots it may bring: all of them together stay below 1 MB.
STARTS = {
    "digits": (Experiment("digits"), 400_000),
    "digits_noise": (Experiment("digits", label_noise=0.1), 400_000),  # notebooks/start.ipynb
    "moons": (Experiment("moons"), 90_000),
}


def find(experiment: Experiment) -> store.Saved | None:
    """The start of exactly this experiment, or None where there is none."""
    for name, (known, _) in STARTS.items():
        if known == experiment and (FOLDER / name).is_dir():
            return store.read(FOLDER / name)
    return None


def recipe(experiment: Experiment) -> Recipe | None:
    """How a run comes to the end of this experiment's start; None where there is none."""
    saved = find(experiment)
    if saved is None:
        return None
    return Recipe(experiment, (), saved.target, saved.target, saved.target, experiment, instant=True)


def make(name: str, folder: Path) -> None:
    """Trains one start and writes it; only its last snapshot can be trained on exactly."""
    from clsviz.training.run import Run

    experiment, budget = STARTS[name]
    # The reference is the CPU: a start is the same wherever it is made, up to rounding.
    run = Run(experiment.replace({"device": "cpu"}))
    run.start()
    run.wait()
    kept = Timeline(budget)
    snapshots = list(run.timeline)
    for snapshot in snapshots:
        kept.add(snapshot if snapshot is snapshots[-1] else replace(snapshot, resume=None))
    store.write(
        folder,
        experiment=experiment,
        target=snapshots[-1].step,
        budget_bytes=run.timeline.budget_bytes,
        snapshots=list(kept),
        curve=run.curve,
        extras={},
        own_data=None,
    )
    run.stop()
