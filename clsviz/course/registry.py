"""What an exercise is, and the decorator that enters one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from clsviz.course.kinds import Array, Choice, Function, Kind, Number
from clsviz.errors import InputError

Slip = tuple[Any, str]


class Given(SimpleNamespace):
    """What an exercise is about: arrays and numbers by name, fresh at each call."""

    def __repr__(self) -> str:
        parts = (
            f"{name} {value.shape}" if isinstance(value, np.ndarray) else f"{name} = {value!r}"
            for name, value in vars(self).items()
        )
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """One exercise of a course notebook; see `exercise`."""

    id: str
    question: str
    kind: Kind
    truth: Callable[..., Any]
    given: Callable[[], Mapping[str, Any]] | None
    slips: tuple[Slip, ...]
    hints: tuple[str, ...]
    why: str

    def judge(self, answer: Any) -> tuple[bool, str, bool]:
        """Whether an answer is right, what is said of a wrong one, and whether its mistake was named.

        Raises:
            Unusable, Unanswered: it is no answer of the kind asked for.
        """
        kind = self.kind
        if isinstance(kind, Function):
            return kind.judge(kind.read(answer), self.truth, self.slips)
        given = {} if self.given is None else dict(self.given())
        read: Any = kind.read(answer)
        truth: Any = kind.read(self.truth(**given))
        if kind.same(read, truth):
            return True, "", False
        for gives, says in self.slips:
            wrong: Any = kind.read(gives(**given) if callable(gives) else gives)
            if kind.same(read, wrong):
                return False, says, True
        return False, kind.remark(read, truth), False


REGISTRY: dict[str, Exercise] = {}


def exercise(
    *,
    id: str,
    question: str,
    kind: Kind,
    why: str,
    hints: Sequence[str],
    given: Callable[[], Mapping[str, Any]] | None = None,
    slips: Sequence[Slip] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that makes a function which computes the truth an exercise.

    Args:
        id: number of the notebook and of the exercise in it, ``"01.2"``.
        question: in words, as it stands in the notebook.
        kind: how it is answered: `Number`, `Choice`, `Array` or `Function`.
        why: one or two sentences for the right answer: why it matters.
        hints: come up one after another with wrong answers; none tells the answer.
        given: what it is about, by name: the arguments of the decorated function, and for the reader
            ``cv.course.given(id)``. The same at each call, so randomness has a seed.
        slips: likely mistakes, each as ``(what it gives, what is said then)``: a function with the
            arguments of the decorated one, or a value.

    The decorated function gets what is given, and returns the right number, letters or array. For a
    `Function` it is itself the reference that the reader's is compared with.

    Raises:
        InputError: a wrong or repeated id, no hint, or options that do not go together.
    """
    if not re.fullmatch(r"\d\d\.\d+", id):
        raise InputError(f'id must be like "01.2", got {id!r}')
    if not isinstance(kind, Number | Choice | Array | Function):
        raise InputError(f"kind must be a Number, Choice, Array or Function, got {kind!r:.80}")
    if not hints:
        raise InputError(f"exercise {id!r} needs hints")
    if given is not None and isinstance(kind, Function):
        raise InputError(f"exercise {id!r}: a Function is tried on its cases, nothing else is given")

    def enter(truth: Callable[..., Any]) -> Callable[..., Any]:
        known = REGISTRY.get(id)
        if known is not None and known.truth.__module__ != truth.__module__:
            raise InputError(f"there are two exercises {id!r}")
        REGISTRY[id] = Exercise(id, question, kind, truth, given, tuple(slips), tuple(hints), why)
        return truth

    return enter
