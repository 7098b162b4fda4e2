"""What calibrators make of the validation samples: cross-fitted in the background, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from clsviz import calibration, catalogue
from clsviz.calibration.calibrator import CALIBRATORS
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Source
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.wire import Packet

FOLDS = 5
SEED = 0
MOST = 200_000  # probabilities that are fitted on while someone waits
KEPT_BYTES = 8_000_000  # of answers that are not computed anew
RECORD_BYTES = 1_000_000  # of answers that go into a handout


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What a calibrator says of each validation sample, fitted on the other folds."""

    name: str
    step: int
    member: int | None  # of the fan; None: the run itself
    probs: np.ndarray | None  # (n, K) float64; None: there is none
    why: str  # of that


class CalibratorJob:
    """Answers of calibrators, by name, step and member.

    Args:
        run_id: of the run whose networks these are, now.
        source_of: the source of a member, or of the run itself (None).
    """

    def __init__(self, run_id: Callable[[], str], source_of: Callable[[int | None], Source]) -> None:
        self._run_id, self._source_of = run_id, source_of
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, int, int | None], Calibrated] = {}
        self._age = 0  # counts what was forgotten: a fit that was under way then is not kept

    def answer(self, name: str, step: int | None, member: int | None) -> Calibrated:
        """Out-of-fold probabilities of the network at a step (None: the newest).

        Raises:
            InputError: nothing is trained yet.
        """
        source = self._source_of(member)
        if not len(source.timeline):
            raise InputError("nothing is trained yet: start the run, or step the watched loop")
        moment = source.timeline.latest if step is None else source.timeline.at(step)
        key = (name, moment.step, member)
        with self._lock:
            found, age = self._answers.get(key), self._age
        if found is None:
            found = Calibrated(name, moment.step, member, *_fitted(source, name, moment.step))
            with self._lock:
                if age == self._age:
                    self._answers[key] = found
                    self._trim()
        return found

    def see_to(self, name: str, step: int | None, member: int | None) -> None:
        """Has an answer ready where a calibrator is chosen and something is trained."""
        if name and len(self._source_of(member).timeline):
            self.answer(name, step, member)

    def packet(self, answer: Calibrated) -> Packet:
        """The answer as the page reads it (js/src/core/calibrated.ts)."""
        header = {
            "kind": "calibrated",
            "run_id": self._run_id(),
            "name": answer.name,
            "step": answer.step,
            "member": answer.member,
            "folds": FOLDS,
            "why": answer.why,
        }
        return Packet(header, [] if answer.probs is None else [answer.probs])

    def packets(self) -> list[Packet]:
        """The newest answers, as many as a handout has room for."""
        with self._lock:
            packets = [self.packet(a) for a in self._answers.values()]
        room, kept = RECORD_BYTES, []
        for packet in reversed(packets):
            room -= packet.nbytes
            if room >= 0:
                kept.append(packet)
        return kept[::-1]

    def forget(self, *, members_only: bool = False) -> None:
        """Drops what was said of networks that are no longer these."""
        with self._lock:
            kept = {k: a for k, a in self._answers.items() if members_only and a.member is None}
            self._answers, self._age = kept, self._age + 1

    def _trim(self) -> None:
        room = KEPT_BYTES
        for key, answer in reversed(list(self._answers.items())):
            room -= 0 if answer.probs is None else answer.probs.nbytes
            if room < 0 and answer.probs is not None and len(self._answers) > 1:
                del self._answers[key]


def _fitted(source: Source, name: str, step: int) -> tuple[np.ndarray | None, str]:
    """The probabilities, or None and why there are none."""
    data = source.dataset
    if len(data.validation) * data.n_classes > MOST:
        return None, too_many(len(data.validation), data.n_classes)
    logits, labels = validation_logits(source, step)
    try:
        return calibration.cross_fit(name, logits, labels, folds=FOLDS, seed=SEED).probs, ""
    except (ClsvizError, ValueError) as error:
        return None, str(error)


def calibrator_menu() -> list[dict[str, Any]]:
    """Name and title of each calibrator, as the menu lists them."""
    return [
        {"name": name, "title": catalogue.get(f"calibration.{row.fit.__name__}").title}
        for name, row in CALIBRATORS.items()
    ]


class CalibratorName(traitlets.Unicode[str, Any]):
    """Name of a calibrator; "" for none."""

    def validate(self, obj: Any, value: Any) -> Any:
        names = [m["name"] for m in calibrator_menu()]
        if value and value not in names:
            raise traitlets.TraitError(f"{self.name}: no calibrator {value!r}; there are {names}")
        return super().validate(obj, value)


def too_many(n: int, k: int) -> str:
    return f"{n} samples of {k} classes take too long here: cv.calibration.cross_fit fits them in a cell"
