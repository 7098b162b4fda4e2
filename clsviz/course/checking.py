"""Checks answers, counts the wrong ones for the hints, and lists all exercises."""

from __future__ import annotations

import difflib
import html
import importlib
from collections import Counter
from typing import Any

from clsviz.course.feedback import Feedback
from clsviz.course.kinds import Unanswered, Unusable
from clsviz.course.registry import REGISTRY, Exercise, Given
from clsviz.errors import InputError, UnknownName

# files here that hold exercises
LESSONS = ("temperature", "measuring", "calibrators", "benchmark", "boundaries", "adversarial", "regimes")

_wrong: Counter[str] = Counter()  # wrong answers that bring up hints, by exercise
_named: set[tuple[str, str]] = set()  # mistakes that were named; named again, they bring up hints as well
_solved: set[str] = set()


def _load() -> dict[str, Exercise]:
    for lesson in LESSONS:
        importlib.import_module(f"clsviz.course.{lesson}")
    return dict(sorted(REGISTRY.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def _find(id: Any) -> Exercise:
    known = _load()
    if isinstance(id, str) and id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, 1, 0.6)
    hint = f"did you mean {near[0]!r}? There" if near else "there"
    raise UnknownName(f"no exercise is called {id!r}; {hint} are {list(known)}")


def check(id: str, answer: Any = None) -> Feedback:
    """Checks the reader's answer to an exercise of a course notebook.

    Args:
        id: of the exercise, ``"01.2"``; `exercises` lists them.
        answer: a number, letters, an array or a function, as the exercise asks; ``...`` or None where
            there is none yet.

    Returns:
        Feedback that shows itself; ``.passed`` says whether the answer is right. Whatever is given, it
        raises nothing; wrong answers bring up one hint after another, none brings the answer.

    Raises:
        UnknownName: no exercise has this id; the message lists those there are.
    """
    exercise = _find(id)
    if answer is None or answer is ...:
        return Feedback(exercise.id, "open", _how_to_answer(exercise))
    try:
        passed, says, named = exercise.judge(answer)
    except Unanswered as nothing:
        return Feedback(exercise.id, "open", f"{nothing} {_how_to_answer(exercise)}")
    except Unusable as problem:
        return Feedback(exercise.id, "unusable", str(problem))
    if passed:
        _solved.add(exercise.id)
        return Feedback(exercise.id, "passed", exercise.why)
    mistake = (exercise.id, says)
    if not named or mistake in _named:
        _wrong[exercise.id] += 1
    if named:
        _named.add(mistake)
    shown = min(_wrong[exercise.id], len(exercise.hints))
    return Feedback(exercise.id, "wrong", says, exercise.hints[:shown], len(exercise.hints) - shown)


def _how_to_answer(exercise: Exercise) -> str:
    return f"In place of the dots goes {exercise.kind.words}."


def given(id: str) -> Given:
    """What an exercise is about: arrays and numbers as attributes, the same at each call.

    Raises:
        UnknownName: no exercise has this id. InputError: nothing is given in this one.
    """
    exercise = _find(id)
    if exercise.given is None:
        raise InputError(f"nothing is given in exercise {id!r}: {exercise.question}")
    return Given(**exercise.given())


class Exercises(tuple[Exercise, ...]):
    """All exercises, in order; shows itself with what became of each in this session."""

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for e in self:
            tried = f"{_wrong[e.id]} wrong" if _wrong[e.id] else "open"
            rows.append((e.id, e.question, e.kind.words, "solved" if e.id in _solved else tried))
        return rows

    def __repr__(self) -> str:
        blocks = [f"{id} [{state}] {question}\n     {kind}" for id, question, kind, state in self._rows()]
        return "\n".join([*blocks, f"{len(self)} exercises; cv.course.check(id, answer) checks one"])

    def _repr_html_(self) -> str:
        left = 'style="text-align:left;vertical-align:top"'
        names = ("exercise", "question", "answered by", "in this session")
        head = "".join(f'<th scope="col" {left}>{name}</th>' for name in names)
        rows = "".join(
            f'<tr><th scope="row" {left}>{html.escape(row[0])}</th>'
            + "".join(f"<td {left}>{html.escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def exercises() -> Exercises:
    """All exercises of the course, in order, with what became of each in this session."""
    return Exercises(_load().values())
