"""What "fan out" trains: which values of a setting, and what the setting is called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clsviz.catalogue import Range, Spec
from clsviz.errors import InputError
from clsviz.training import Experiment, Fan
from clsviz.training.experiment import CHOICES, OWN, SUPPLIES, entry_of

VALUES = 13  # networks along a slider, about
# Settings whose slider is not the catalogue's: the lab's own, and the changes to the training part.
RANGES = {
    "optimizer.weight_decay": Range(1e-5, 0.3, log=True),
    "label_noise.rate": Range(0.0, 0.6, step=0.05),
    "imbalance.factor": Range(1.0, 100.0, log=True),
}
TITLES = {
    "optimizer.lr": "Learning rate",
    "optimizer.weight_decay": "Weight decay",
    "label_noise": "Label noise",
    "label_noise.rate": "Label noise",
    "imbalance": "Imbalance",
    "imbalance.factor": "Imbalance",
    "batch_size": "Batch size",
    "seed": "Seed",
}
# What the lab's own controls are called (`controls=` takes these names, too), and what they set.
ON_SCREEN = {
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "label_noise": "label_noise.rate",
}
# Ends of the loss line: the family that a parameter of it belongs to, for losses that lie on the line.
LINE = {"loss.q": ("gce", ("cross_entropy", "mae")), "loss.gamma": ("focal", ("cross_entropy",))}

# GCE is a loss for every q >= 0; beyond 1 it is none of the family that the line runs through.
ENDS = {("gce", "loss.q"): (0.0, 1.0)}


def on_the_line(experiment: Experiment, path: str) -> Experiment:
    """The experiment with the family of losses that `path` belongs to: cross-entropy is GCE at q = 0."""
    family, members = LINE.get(path, ("", ()))
    return experiment.replace({"loss": family}) if experiment.loss.name in members else experiment


def title_of(path: str) -> str:
    """A setting as a person reads it: "Learning rate", "q of the loss", "Bags of samples: size"."""
    if path in TITLES:
        return TITLES[path]
    head, _, name = path.partition(".")
    if head == SUPPLIES:
        need, _, name = name.partition(".")
        return f"{entry_of('supply', Spec(need)).title}: {name.replace('_', ' ')}"
    words = name.replace("_", " ")
    return f"{words} of the loss" if head == "loss" else (words or head).capitalize()


def range_of(experiment: Experiment | None, path: str) -> Range | None:
    """The slider range of a setting, or None where it has none."""
    if path in RANGES:
        return RANGES[path]
    head, _, name = path.partition(".")
    if head == SUPPLIES:
        need, _, name = name.partition(".")
        return entry_of("supply", Spec(need)).param(name).range
    if experiment is None or head not in CHOICES or getattr(experiment, head).name == OWN:
        return None
    return next((p.range for p in entry_of(head, getattr(experiment, head)).params if p.name == name), None)


def is_log(experiment: Experiment | None, path: str, values: Sequence[float]) -> bool:
    """Are these values read on a logarithmic axis?"""
    found = range_of(experiment, path)
    return found.log if found is not None else min(values) > 0 and max(values) > 50 * min(values)


def values_for(experiment: Experiment, path: str) -> tuple[float, ...]:
    """Values over the whole slider of a setting, the present one among them.

    Raises:
        InputError, UnknownName: there is no such setting, or it has no slider: its values must be given.
    """
    experiment.get(path)  # a misspelt path is told as such
    found = range_of(experiment, path)
    if found is None:
        raise InputError(f"{path} has no slider to spread values over: say values=[...]")
    if found.log:
        values = np.geomspace(found.low, found.high, VALUES)
    else:
        values = np.linspace(found.low, found.high, _round_parts(found.high - found.low) + 1)
    values = _rounded(values)
    if path == "optimizer.weight_decay":
        values[0] = 0.0  # none at all, where the slider ends
    now = float(experiment.get(path))
    if found.low <= now <= found.high:
        place = np.log(np.maximum(values, found.low / 2) / now) if found.log else values - now
        values[int(np.abs(place).argmin())] = now
    return tuple(float(v) for v in values)


def _rounded(values: np.ndarray) -> np.ndarray:
    """The values with as few digits as tell them apart."""
    for digits in (1, 2):
        rounded = np.array([float(f"{v:.{digits}g}") for v in values])
        if len(np.unique(rounded)) == len(values) and np.isin(values[[0, -1]], rounded).all():
            return rounded
    return np.array([float(f"{v:.3g}") for v in values])


def checked_values(experiment: Experiment, path: str, values: Sequence[float]) -> Sequence[float]:
    """The values, where the loss line reaches them; whole numbers for a setting that is one, as a seed is.

    Raises:
        InputError: one lies beyond; the message says where the line ends.
    """
    low, high = ENDS.get((experiment.loss.name, path), (-math.inf, math.inf))
    beyond = next((v for v in values if not low <= v <= high), None)
    if beyond is not None:
        raise InputError(f"{path} = {beyond:g}: it lies in {low:g} to {high:g} (cross-entropy to MAE)")
    if type(experiment.get(path)) is int:  # the browser's numbers are all of one kind
        return [int(v) if float(v).is_integer() else v for v in values]
    return values


def key(fan: Fan) -> tuple[Any, ...]:
    """What a fan over one setting was asked for; equal keys give equal networks."""
    [(path, values)] = fan.vary.items()
    return key_of(fan.experiment, path, values, len(fan.seeds))


def key_of(experiment: Experiment, path: str, values: Sequence[float], seeds: int) -> tuple[Any, ...]:
    """The key of a fan that is asked for."""
    first = on_the_line(experiment, path).replace({path: values[0]})  # as a fan's reference member is
    return first, path, tuple(map(float, values)), seeds


def _round_parts(span: float) -> int:
    """Into how many parts a linear slider is cut, so that the values are round."""
    for parts in (VALUES - 1, VALUES, VALUES + 1, VALUES + 2, VALUES - 2, VALUES - 3):
        if math.isclose(span / parts, float(f"{span / parts:.1g}")):
            return parts
    return VALUES - 1


def vary_json(
    experiment: Experiment | None, vary: Mapping[str, Sequence[float]], names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The varied settings as the browser names them; `names` of models that the values only number."""
    named = {"names": list(names)} if names else {}
    return [
        {
            "path": path,
            "title": title_of(path),
            "values": [float(v) for v in values],
            "log": is_log(experiment, path, values),
            **named,
        }
        for path, values in vary.items()
    ]
