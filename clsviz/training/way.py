"""The way a session has gone, and what it has yet to do of a recipe that it follows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from clsviz.training.experiment import Experiment
from clsviz.training.objective import Objective
from clsviz.training.recipe import Recipe, Turn


class Way:
    """What a session remembers for its recipe, and what it has yet to follow of another's.

    Args:
        first: what training begins with.
        instant: it begins from a start that clsviz brings along.
    """

    def __init__(self, first: Experiment, *, instant: bool = False) -> None:
        self.first = self.in_force = first
        self.instant = instant
        self.turns: list[Turn] = []
        self.goal: Recipe | None = None
        self.stops: deque[Stop] = deque()  # yet to come, ascending
        self._noted = first
        self._afresh = False

    def note(self, step: int) -> None:
        """Before a step is taken: remembers settings that it is the first to be taken with."""
        if self.in_force is self._noted and not self._afresh:
            return
        last = self.turns[-1].experiment if self.turns else self.first
        if self.in_force != last or self._afresh:
            self.turns.append(Turn(step, self.in_force, self._afresh))
        self._noted, self._afresh = self.in_force, False

    def back(self, step: int, *, afresh: bool) -> None:
        """The run was sent to `step`; what it takes from here is another way."""
        self.turns = [turn for turn in self.turns if turn.step < step]
        self._noted = self.turns[-1].experiment if self.turns else self.first
        self._afresh = afresh

    def abandon(self) -> None:
        """Something else is wanted now: the recipe is followed no further."""
        self.goal = None
        self.stops.clear()

    def ahead(self, step: int) -> bool:
        """Whether the recipe that is followed wants a snapshot or a change here."""
        return bool(self.stops) and self.stops[0].step <= step


@dataclass(frozen=True, slots=True)
class Stop:
    """A step at which a followed recipe keeps a snapshot, and changes settings where there is a turn."""

    step: int
    turn: Turn | None = None
    objective: Objective | None = None  # made ready for the turn's loss
