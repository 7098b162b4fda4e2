"""Predict, then reveal: a question that covers a view until it is answered."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clsviz.errors import InputError, UnknownName

# Numbers on screen that an answer may name, and where the browser reads them: a view and a pattern.
NUMBERS = {
    "reliability.ece": ("reliability", r"ECE ([\d.]+)"),
    "reliability.mce": ("reliability", r"\(MCE\) ([\d.]+)"),
    "reliability.brier": ("reliability", r"Brier ([\d.]+)"),
    "reliability.nll": ("reliability", r"NLL ([\d.]+)"),
    "boundary.angle": ("boundary", r"angle ([\d.]+)"),
    "boundary.strength": ("boundary", r"strength ([\d.]+)"),
    "landscape.loss": ("landscape", r"loss (-?[\d.]+)"),
}
NEAR = 0.1  # share of the number that came out within which a prediction counts as near


@dataclass(frozen=True, slots=True)
class Question:
    """A question about what a view will show; a prediction opens the view.

    With `choices` one of them is picked. Where `answer` is a number, or names one that is on screen, a
    number is asked for; else a free text. What came out is shown beside the prediction; nothing is
    marked right or wrong.

    Args:
        text: the question.
        choices: 2 to 9 possible answers.
        answer: one of the choices or its index; a number; or the name of a number on screen, one of
            ``reliability.ece``, ``.mce``, ``.brier``, ``.nll``, ``boundary.angle``, ``.strength``,
            ``landscape.loss``, read when the view opens. None where there is no one answer.
        covers: name of the view that stays covered; None covers nothing.
        explain: what is said when the view opens.
        then: state to set when the view opens, e.g. ``{"temperature": 2}``.
        tolerance: how far from the number a prediction is still called near; None: a tenth of it.

    Raises:
        InputError, UnknownName: an answer that is not among the choices, a number that no view shows, ...
    """

    text: str
    choices: Sequence[str] | None = None
    answer: str | float | None = None
    covers: str | None = "reliability"
    explain: str = ""
    then: Mapping[str, Any] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InputError(f"text: expected the words of the question, got {self.text!r}")
        if self.choices is not None:
            named = isinstance(self.choices, Sequence) and not isinstance(self.choices, str)
            if not named or not 2 <= len(self.choices) <= 9 or len(set(self.choices)) < len(self.choices):
                raise InputError(f"choices: expected 2 to 9 different texts, got {self.choices!r}")
            object.__setattr__(self, "choices", tuple(map(str, self.choices)))
            self._index()
        elif isinstance(self.answer, str) and self.answer not in NUMBERS:
            raise UnknownName(
                f"answer: no number on screen is called {self.answer!r}; there are {sorted(NUMBERS)}. "
                "A text as the answer goes with choices=[...]"
            )
        elif self.answer is not None and not isinstance(self.answer, str) and not _is_number(self.answer):
            raise InputError(f"answer: expected a number or the name of one, got {self.answer!r}")
        if self.tolerance is not None and not (_is_number(self.tolerance) and self.tolerance >= 0):
            raise InputError(f"tolerance: expected a number >= 0, got {self.tolerance!r}")

    def to_json(self) -> dict[str, Any]:
        """What the browser asks; answer, explanation and what follows are sealed against a glance."""
        secret: dict[str, Any] = {"explain": self.explain, "then": dict(self.then or {})}
        kind = "text"
        if self.choices is not None:
            kind = "choice"
            secret["answer"] = None if self.answer is None else self.choices[self._index()]
        elif self.answer is not None:
            kind = "number"
            secret["tolerance"] = self.tolerance
            secret["near"] = NEAR
            if isinstance(self.answer, str):
                secret["read"] = NUMBERS[self.answer]
            else:
                secret["answer"] = float(self.answer)
        return {
            "text": self.text,
            "kind": kind,
            "choices": list(self.choices or []),
            "covers": self.covers,
            "sealed": base64.b64encode(json.dumps(secret).encode()).decode(),
        }

    def _index(self) -> int:
        """Place of the answer among the choices; 0 where there is none."""
        assert self.choices is not None
        if self.answer is None:
            return 0
        if isinstance(self.answer, str) and self.answer in self.choices:
            return list(self.choices).index(self.answer)
        if isinstance(self.answer, int) and 0 <= self.answer < len(self.choices):
            return int(self.answer)
        raise InputError(f"answer: expected one of {list(self.choices)} or its index, got {self.answer!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


ASKED = ("text", "kind", "choices", "covers", "sealed")


def asked(value: Any, known: Collection[str]) -> dict[str, Any]:
    """A question as the browser gets it, from a `Question` or from what one became in a scene.

    Args:
        known: names of the state that `then` may set.

    Raises:
        InputError, UnknownName: it is neither, or `then` names something else.
    """
    if isinstance(value, Question):
        if unknown := sorted(set(value.then or {}) - set(known)):
            raise UnknownName(f"then: the lab has no {unknown}; it has {sorted(known)}")
        return value.to_json()
    ok = (
        isinstance(value, Mapping)
        and set(value) == set(ASKED)
        and isinstance(value["text"], str)
        and value["kind"] in ("choice", "number", "text")
        and isinstance(value["choices"], list | tuple)
        and all(isinstance(c, str) for c in value["choices"])
        and isinstance(value["sealed"], str)
        and isinstance(value["covers"], str | None)
    )
    if not ok:
        raise InputError(f"a question is made with cv.Question(...), got {value!r:.80}")
    return {**value, "choices": list(value["choices"])}
