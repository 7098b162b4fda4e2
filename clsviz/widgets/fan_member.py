"""One network of a fan as a source, for the numbers that views give in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.data import Dataset
from clsviz.errors import InputError
from clsviz.training import Event, Experiment, Fan, Timeline
from clsviz.widgets.model_set import ModelSet


class MemberSource:
    """A member of a fan with the samples that the views show.

    Those stay the same for all members, also where label noise or imbalance is what varies: only
    then can networks be compared.

    Raises:
        InputError: the fan has no such member.
    """

    def __init__(self, fan: Fan | ModelSet, member: int, dataset: Dataset) -> None:
        if not 0 <= member < len(fan.members):
            raise InputError(f"member must lie in 0..{len(fan.members) - 1}, got {member}")
        self.fan, self.member, self.dataset = fan, member, dataset

    @property
    def network(self) -> dict[str, Any] | None:
        return self.fan.network

    @property
    def state(self) -> str:
        return self.fan.state

    @property
    def timeline(self) -> Timeline:
        return self.fan.timelines[self.member]

    @property
    def run_id(self) -> str:
        return self.fan.run_id

    @property
    def loss(self) -> Spec:
        return self.fan.loss if self.experiment is None else self.experiment.loss

    @property
    def experiment(self) -> Experiment | None:
        return self.fan.members[self.member].experiment

    def model_at(self, step: int | None = None) -> Any:
        return self.fan.model_at(step, self.member)

    def predict(self, X: np.ndarray, step: int | None = None) -> np.ndarray:
        return self.fan.predict(X, step, self.member)

    def subscribe(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        return self.fan.subscribe(fn)
