"""A sequence of scenes: each a scene of its own, or what changes against the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clsviz.errors import InputError, UnknownName
from clsviz.training import Experiment, starts
from clsviz.training.recipe import Recipe
from clsviz.training.session import base_data, training_data
from clsviz.widgets.question import asked
from clsviz.widgets.scene import Scene

WORDS = ("title", "note")
OF_NETWORK = ("step", "member", "pinned", "selection", "marked")  # mean nothing for another network


def resolve(entries: Sequence[Scene | Mapping[str, Any]], first: Scene, known: set[str]) -> tuple[Scene, ...]:
    """Whole scenes for entries that may only say what changes.

    Args:
        first: what the first entry changes.
        known: names of the state.

    Raises:
        InputError, UnknownName: an entry is neither, or names something unknown.
    """
    if isinstance(entries, Mapping | str) or not isinstance(entries, Sequence):
        raise InputError(f"scenes: expected a list of scenes or of dicts, got {entries!r:.80}")
    scenes: list[Scene] = []
    for i, entry in enumerate(entries):
        try:
            if isinstance(entry, Scene | str) or (isinstance(entry, Mapping) and "clsviz" in entry):
                scenes.append(Scene.from_json(entry))
            else:
                scenes.append(_changed(scenes[-1] if scenes else first, entry, known))
        except InputError as error:
            raise type(error)(f"scene {i}: {error}") from error
    return tuple(scenes)


def _changed(scene: Scene, entry: Mapping[str, Any], known: set[str]) -> Scene:
    if not isinstance(entry, Mapping):
        raise InputError(f"expected a scene or a dict of changes, got {entry!r:.80}")
    changes = dict(entry)
    title, note = (str(changes.pop(word, "")) for word in WORDS)
    recipe, state, fan = scene.recipe, dict(scene.state), scene.fan
    if "experiment" in changes:
        recipe = _trained(recipe.now.replace(changes.pop("experiment")))
        state = {k: v for k, v in state.items() if k not in OF_NETWORK}
        fan = None
    if "epoch" in changes:
        epoch = changes.pop("epoch")
        if isinstance(epoch, bool) or not isinstance(epoch, int | float) or epoch < 0:
            raise InputError(f"epoch: expected a number >= 0, got {epoch!r}")
        step = round(epoch * steps_per_epoch(recipe.experiment))
        changes["step"] = step
        if step > recipe.steps:
            recipe = replace(recipe, steps=step, target=max(step, recipe.target), at=step)
    if unknown := sorted(set(changes) - known):
        raise UnknownName(
            f"no such thing as {unknown}; a scene changes {sorted(known)}, epoch, experiment, title, note"
        )
    if "questions" in changes:
        changes["questions"] = [asked(q, known) for q in changes["questions"]]
    return Scene(recipe, state | changes, title, note, fan)


def _trained(experiment: Experiment) -> Recipe:
    """An experiment trained as long as it says."""
    start = starts.recipe(experiment)
    if start is not None:
        return start
    steps = experiment.epochs * steps_per_epoch(experiment)
    return Recipe(experiment, (), steps, steps, steps, experiment)


def steps_per_epoch(experiment: Experiment) -> int:
    """Optimisation steps in one pass over the training part of a named dataset.

    Raises:
        InputError: the data are your own.
    """
    return -(-len(training_data(experiment, base_data(experiment)).train) // experiment.batch_size)
