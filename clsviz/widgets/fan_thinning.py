"""Which networks of a fan an exported file holds, where all would be too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from clsviz.training import Fan
from clsviz.widgets.fan_stream import snapshot_bytes

FEWEST_STEPS = 2


@dataclass(frozen=True, slots=True)
class FanThinning:
    """A choice of steps and members; `thinner` gives the next smaller one."""

    fan: Fan
    steps: tuple[int, ...]
    members: tuple[int, ...]
    shown: frozenset[int]  # members that stay: on screen, or pinned

    @classmethod
    def within(cls, fan: Fan, state: dict[str, Any], nbytes: int) -> Self:
        """As much of the fan as fits into so many bytes of weights."""
        named = (state.get("member"), (state.get("pinned") or {}).get("member"))
        kept = cls(
            fan,
            fan.timelines[0].steps,
            tuple(range(len(fan.members))),
            frozenset(m for m in named if m is not None),
        )
        while kept.nbytes > nbytes and (smaller := kept.thinner()) is not None:
            kept = smaller
        return kept

    @property
    def nbytes(self) -> int:
        return len(self.steps) * len(self.members) * snapshot_bytes(self.fan)

    def thinner(self) -> Self | None:
        """Fewer steps, then one seed, then every second value; None where nothing can go."""
        members = self.fan.members
        seeds = {members[m].seed for m in self.members if m not in self.shown}
        if len(self.steps) > FEWEST_STEPS:
            return self._with(steps=(*self.steps[:-1:2], self.steps[-1]))
        if len(seeds) > 1:
            first = members[self.members[0]].seed
            return self._with(members=[m for m in self.members if members[m].seed == first])
        if len(self.members) > FEWEST_STEPS + len(self.shown):
            return self._with(members=[*self.members[:-1:2], self.members[-1]])
        return None

    def _with(self, steps: tuple[int, ...] | None = None, members: list[int] | None = None) -> Self:
        kept = self.members if members is None else tuple(sorted({*members, *self.shown}))
        return type(self)(self.fan, steps or self.steps, kept, self.shown)

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
