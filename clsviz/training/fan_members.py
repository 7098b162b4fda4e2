"""The members of a fan: every combination of the varied values with every seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.training.experiment import OWN, SUPPLIES, TRANSFORMS, Experiment, entry_of
from clsviz.training.session import training_data
from clsviz.training.supplies import offered

MOST_MEMBERS = 512
# Settings outside the catalogue's parameters that members may differ in.
PLAIN = ("loss_temperature", "batch_size", "seed")
OF_CHOICES = ("loss", "optimizer", "method")
# The one parameter of a model that leaves its shape as it is.
OF_MODEL = "init_scale"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One model of a fan: what it differs in, and what it is trained on."""

    index: int
    values: Mapping[str, float]  # the varied paths with this member's values
    seed: int
    experiment: Experiment
    dataset: Dataset

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.dataset.train) // self.experiment.batch_size)


def variable(experiment: Experiment) -> tuple[str, ...]:
    """The dotted paths that can vary inside a fan of this experiment."""
    found = []
    for choice in OF_CHOICES:
        found += [f"{choice}.{p.name}" for p in _numeric(experiment, choice)]
    for need in entry_of("loss", experiment.loss).needs:
        if (supply := offered(need)) is not None:
            found += [f"{SUPPLIES}.{need}.{p.name}" for p in supply.params]
    found += [f"{head}.{name}" for head, (_, name, _) in TRANSFORMS.items()]
    found += [f"model.{p.name}" for p in _numeric(experiment, "model") if p.name == OF_MODEL]
    return (*found, *PLAIN)


def checked_vary(experiment: Experiment, vary: Mapping[str, Iterable[Any]]) -> dict[str, tuple[float, ...]]:
    """The values of each varied path as plain numbers.

    Raises:
        InputError, UnknownName: a path that cannot vary here, or a value that does not do.
    """
    if not isinstance(vary, Mapping) or not vary:
        raise InputError('vary: expected paths with their values, e.g. {"loss.q": [0, 0.5, 1]}')
    known = variable(experiment)
    found = {}
    for path, values in vary.items():
        if path not in known and path not in TRANSFORMS:
            experiment.get(path)  # a misspelt path is told as such
            raise InputError(
                f"{path!r} cannot vary inside a fan, whose members share samples and architecture; "
                f"here can: {', '.join(known)}. For everything else use cv.sweep"
            )
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputError(f"vary[{path!r}]: expected a sequence of numbers, got {values!r}")
        found[path] = tuple(_number(experiment, path, v) for v in values)
        if not found[path]:
            raise InputError(f"vary[{path!r}]: at least one value is needed")
        if len(set(found[path])) < len(found[path]):
            raise InputError(f"vary[{path!r}]: each value once, got {list(found[path])}")
    return found


def checked_seeds(
    experiment: Experiment, vary: Mapping[str, Any], seeds: int | Sequence[int]
) -> tuple[int, ...]:
    """The seeds as numbers; a count n means the experiment's seed and the n - 1 after it."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        if seeds < 1:
            raise InputError(f"seeds: expected a count >= 1 or a sequence of seeds, got {seeds}")
        found = tuple(experiment.seed + i for i in range(int(seeds)))
    elif isinstance(seeds, Sequence | np.ndarray) and len(seeds):
        found = tuple(int(_number(experiment, "seed", s)) for s in seeds)
    else:
        raise InputError(f"seeds: expected a count >= 1 or a sequence of seeds, got {seeds!r}")
    if len(set(found)) < len(found):
        raise InputError(f"seeds: each seed once, got {list(found)}")
    if "seed" in vary and len(found) > 1:
        raise InputError("seeds are given twice: in vary['seed'] and as seeds=")
    return found


def combine(
    experiment: Experiment, vary: Mapping[str, tuple[float, ...]], seeds: tuple[int, ...], base: Dataset
) -> tuple[Member, ...]:
    """The members in order: the last path changes faster than those before it, the seed fastest.

    Raises:
        InputError: there are more than 512.
    """
    count = math.prod(map(len, vary.values())) * len(seeds)
    if count > MOST_MEMBERS:
        raise InputError(
            f"a fan of {count} members is too large, at most {MOST_MEMBERS}; take fewer values or seeds, "
            "or use cv.sweep"
        )
    # Members with equal labels and parts share one Dataset: engines group them by it.
    datasets: dict[Any, Dataset] = {}
    members: list[Member] = []
    for *values, seed in itertools.product(*vary.values(), seeds):
        chosen = dict(zip(vary, values, strict=True))
        own = experiment.replace({"seed": seed, **chosen})
        key = (str(own.label_noise), str(own.imbalance), own.seed)
        if own.label_noise is None and own.imbalance is None:
            datasets[key] = base
        elif key not in datasets:
            datasets[key] = training_data(own, base)
        members.append(Member(len(members), chosen, own.seed, own, datasets[key]))
    return tuple(members)


def _numeric(experiment: Experiment, choice: str) -> list[Any]:
    spec = getattr(experiment, choice)
    if spec.name == OWN:
        return []
    return [
        p
        for p in entry_of(choice, spec).params
        if isinstance(p.default, int | float) and not isinstance(p.default, bool)
    ]


def _number(experiment: Experiment, path: str, value: Any) -> float:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # numpy and torch scalars
    experiment.replace({path: value})
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(f"vary[{path!r}]: expected numbers, got {value!r}")
    return value
