"""How a run came to where it is, so that another run can go the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from clsviz.catalogue import Spec
from clsviz.errors import InputError, UnknownName
from clsviz.training.experiment import SUPPLIES, Experiment

MOST_STEPS = 10_000_000  # a recipe from elsewhere asks for no more than this


@dataclass(frozen=True, slots=True)
class Turn:
    """A change on the way: from `step` on the run trained with other settings."""

    step: int
    experiment: Experiment  # in force from here on
    afresh: bool = False  # optimiser and loss began anew here: a step back whose state was thinned away


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run began with, what changed on the way, and how far it went.

    On the CPU a run that follows it ends with the same numbers. What has no name (own arrays, an own
    module, extras) stands in it as such and is given again.
    """

    experiment: Experiment  # what training began with
    turns: tuple[Turn, ...]
    steps: int  # of the last snapshot
    target: int  # step at which training ends by itself
    at: int  # where it would train on: `steps`, unless it was sent back
    now: Experiment  # settings for what comes
    instant: bool = False  # began from a trained start that clsviz brings along
    extras: tuple[str, ...] = ()  # names of arrays that the loss was given

    def same_way(self, other: Recipe) -> bool:
        """Whether both are moments of one training: the same beginning, the same turns so far."""
        both = (self, other)
        reach = min(r.steps for r in both)
        turns = [[t for t in r.turns if t.step < reach] for r in both]
        return all(getattr(self, k) == getattr(other, k) for k in ("experiment", "instant", "extras")) and (
            turns[0] == turns[1]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is as usual is left out."""
        entry: dict[str, Any] = {"experiment": short(self.experiment), "steps": self.steps}
        last = self.experiment
        turns = []
        for turn in self.turns:
            item = {"step": turn.step, "changes": changes_between(last, turn.experiment)}
            turns.append(item | ({"afresh": True} if turn.afresh else {}))
            last = turn.experiment
        optional = {
            "turns": turns,
            "now": changes_between(last, self.now),
            "instant": self.instant,
            "extras": list(self.extras),
        }
        entry |= {k: v for k, v in optional.items() if v}
        entry |= {k: v for k, v in {"target": self.target, "at": self.at}.items() if v != self.steps}
        return entry

    @classmethod
    def from_json(cls, entry: Any) -> Recipe:
        """The Recipe that `to_json` described.

        Raises:
            InputError, UnknownName: it is none; the message says what is wrong.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(entry, Mapping) or not {"experiment", "steps"} <= set(entry) <= known:
            raise InputError(f"a recipe has experiment and steps, and may have {sorted(known)}")
        experiment = last = Experiment.from_json(entry["experiment"])
        steps = _count("steps", entry["steps"])
        turns = []
        for item in _list("turns", entry.get("turns", [])):
            if not isinstance(item, Mapping) or not {"step", "changes"} <= set(item):
                raise InputError(f"turns: expected objects with step and changes, got {item!r:.80}")
            last = last.replace(_live(item["changes"]))
            turns.append(Turn(_count("turns.step", item["step"]), last, item.get("afresh") is True))
        return cls(
            experiment,
            tuple(sorted(turns, key=lambda t: t.step)),
            steps,
            _count("target", entry.get("target", steps)),
            _count("at", entry.get("at", steps)),
            last.replace(_live(entry.get("now", {}))),
            entry.get("instant") is True,
            tuple(str(name) for name in _list("extras", entry.get("extras", []))),
        )


def short(experiment: Experiment) -> dict[str, Any]:
    """`Experiment.to_json` in fewer words: bare names where there are no parameters."""
    usual = Experiment()
    always = ("data", "model", "loss", "optimizer", "epochs", "seed")
    entry = {}
    for name, value in experiment.to_json().items():
        if name in always or getattr(experiment, name) != getattr(usual, name):
            bare = isinstance(value, dict) and value.get("params") == {}
            entry[name] = value["name"] if bare else value
    return entry


def changes_between(a: Experiment, b: Experiment) -> dict[str, Any]:
    """Dotted paths that lead from a to b: loss, supplies and numbers of the optimiser change on the way."""
    changes: dict[str, Any] = {} if a.loss == b.loss else {"loss": _bare(b.loss)}
    if a.supplies != b.supplies:
        changes[SUPPLIES] = b.to_json().get(SUPPLIES, {})
    former = a.optimizer.params
    return changes | {
        f"optimizer.{k}": v for k, v in b.optimizer.params.items() if k not in former or former[k] != v
    }


def _bare(spec: Spec) -> Any:
    return spec.to_json() if spec.params else spec.name


def _live(changes: Any) -> Mapping[str, Any]:
    ok = isinstance(changes, Mapping) and all(
        path in ("loss", SUPPLIES) or str(path).startswith("optimizer.") for path in changes
    )
    if not ok:
        raise UnknownName(f"on the way only loss, supplies and optimizer.* can change, got {changes!r:.80}")
    return changes


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_STEPS:
        raise InputError(f"{name}: expected a whole number in 0..{MOST_STEPS}, got {value!r:.80}")
    return value


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 1000:
        raise InputError(f"{name}: expected a list, got {value!r:.80}")
    return value
