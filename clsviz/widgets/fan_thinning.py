"""Which networks of a fan an exported file holds, where all would be too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np

from clsviz.training import Fan
from clsviz.widgets.fan_stream import snapshot_bytes
from clsviz.widgets.model_set import ModelSet

FEWEST_STEPS = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FanThinning:
    """A choice of steps and members."""

    fan: Fan | ModelSet
    steps: tuple[int, ...]
    members: tuple[int, ...]
    shown: frozenset[int]  # members that stay: on screen, or pinned

    @classmethod
    def within(cls, fan: Fan | ModelSet, state: dict[str, Any], nbytes: int) -> Self:
        """As much of the fan as fits into so many bytes of weights, or the least that a file holds.

        First moments go, evenly; then all seeds but one, then every second value.
        """
        named = (state.get("member"), (state.get("pinned") or {}).get("member"))
        steps = fan.timelines[0].steps
        kept = cls(
            fan,
            evenly(steps, FEWEST_STEPS),
            tuple(range(len(fan.members))),
            frozenset(m for m in named if m is not None),
        )
        while kept.nbytes > nbytes and (smaller := kept._fewer_members()) is not None:
            kept = smaller
        of_one = len(kept.members) * snapshot_bytes(fan)
        count = nbytes // of_one if of_one else len(steps)
        return replace(kept, steps=evenly(steps, max(FEWEST_STEPS, count)))

    @property
    def nbytes(self) -> int:
        return len(self.steps) * len(self.members) * snapshot_bytes(self.fan)

    def _fewer_members(self) -> Self | None:
        members = self.fan.members
        first = members[self.members[0]].seed
        if len({members[m].seed for m in self.members if m not in self.shown}) > 1:
            return self._with([m for m in self.members if members[m].seed == first])
        if len(self.members) > FEWEST_STEPS + len(self.shown):
            return self._with([*self.members[:-1:2], self.members[-1]])
        return None

    def _with(self, members: list[int]) -> Self:
        return replace(self, members=tuple(sorted({*members, *self.shown})))

    def renumbered(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state with the members' places in this choice."""
        place = {m: i for i, m in enumerate(self.members)}
        pinned = state.get("pinned")
        if pinned and pinned.get("member") is not None:
            pinned = pinned | {"member": place[pinned["member"]]}
        member = state.get("member")
        return state | {"member": None if member is None else place[member], "pinned": pinned}

    def words(self) -> str:
        """What is missing, for the page's foot; empty where nothing is."""
        all_steps, all_members = len(self.fan.timelines[0]), len(self.fan.members)
        parts = []
        if len(self.steps) < all_steps:
            parts.append(f"{len(self.steps)} of {all_steps} moments")
        if len(self.members) < all_members:
            parts.append(f"{len(self.members)} of {all_members} networks")
        return f" Of the fan {' and '.join(parts)} are in this file." if parts else ""


def evenly(items: Sequence[T], count: int) -> tuple[T, ...]:
    """So many of the items in their order, the outermost among them; all where there are no more."""
    if count >= len(items):
        return tuple(items)
    return tuple(items[i] for i in np.linspace(0, len(items) - 1, count).round().astype(int))
