"""Each exercise: its own answer passes, likely mistakes are named, no message tells the answer."""

import itertools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from clsviz import course
from clsviz.course import checking
from clsviz.course.kinds import Array, Choice, Function, Number

EXERCISES = {e.id: e for e in course.exercises()}
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
SLIPS = [(e, slip) for e in EXERCISES.values() for slip in e.slips]
each_slip = pytest.mark.parametrize(("exercise", "slip"), SLIPS, ids=[e.id for e, _ in SLIPS])


@pytest.fixture(autouse=True)
def nothing_tried(monkeypatch):
    monkeypatch.setattr(checking, "_wrong", checking.Counter())
    monkeypatch.setattr(checking, "_named", set())
    monkeypatch.setattr(checking, "_solved", set())


def given(exercise):
    return {} if exercise.given is None else dict(exercise.given())


def right(exercise):
    return exercise.truth if isinstance(exercise.kind, Function) else exercise.truth(**given(exercise))


def of(exercise, gives):
    """What a reader who makes this slip gives."""
    return gives(**given(exercise)) if callable(gives) and not isinstance(exercise.kind, Function) else gives


def wrong(exercise):
    """Some wrong answers of the right kind."""
    kind, truth = exercise.kind, right(exercise)
    if isinstance(kind, Number):
        size = max(abs(truth), 0.01)
        wrong = [
            truth + 0.3 * size,
            truth - 0.3 * size,
            truth + 3 * kind.tolerance + 0.03 * size * kind.relative,
        ]
        return [x for x in wrong if kind.low <= x <= kind.high and not kind.same(x, truth)]
    if isinstance(kind, Choice):
        return [letter for letter in kind.letters if {letter} != kind.read(truth)]
    if isinstance(kind, Array):
        return [np.asarray(truth) + 1, np.zeros_like(truth, dtype=float) + 0.123]
    of = exercise.truth
    return [lambda *args: np.asarray(of(*args)) * 0 + 0.123, lambda *args: np.asarray(of(*args)) * 1.2 + 0.1]


def said(feedback):
    return " ".join([feedback.message, *feedback.hints])


@each
def test_its_own_answer_passes_and_says_why(exercise):
    feedback = course.check(exercise.id, right(exercise))
    assert feedback.passed and feedback.answered
    assert feedback.message == exercise.why and not feedback.hints


@each
def test_wrong_answers_bring_one_hint_after_another(exercise):
    tried, seen = wrong(exercise), [()]
    assert tried
    for i in range(
        2 * len(tried) * (len(exercise.hints) + 1)
    ):  # a named mistake brings a hint the second time
        feedback = course.check(exercise.id, tried[i % len(tried)])
        assert feedback.state == "wrong" and not feedback.passed
        assert feedback.more_hints == len(exercise.hints) - len(feedback.hints)
        seen.append(feedback.hints)
        if not feedback.more_hints:
            break
    assert seen[-1] == exercise.hints
    assert all(len(b) - len(a) in (0, 1) for a, b in itertools.pairwise(seen))


@each_slip
def test_a_likely_mistake_is_named(exercise, slip):
    gives, says = slip
    feedback = course.check(exercise.id, of(exercise, gives))
    assert (feedback.state, feedback.message) == ("wrong", says)


@each
def test_no_answer_is_no_error_and_says_how_to_answer(exercise):
    for nothing in (None, ...):
        feedback = course.check(exercise.id, nothing)
        assert (feedback.state, feedback.passed, feedback.answered) == ("open", False, False)
        assert exercise.kind.words in feedback.message
    assert course.check(exercise.id).state == "open"


@each
def test_no_message_tells_the_answer(exercise):
    """Neither what is asked, nor what is said to a wrong answer, holds the true number, text or letters."""
    texts = [exercise.question, exercise.kind.words, *exercise.hints, *(says for _, says in exercise.slips)]
    for answer in [*wrong(exercise), *(of(exercise, gives) for gives, _ in exercise.slips), None, "?", [[]]]:
        texts.append(said(course.check(exercise.id, answer)))
    told = "\n".join(texts)
    kind, truth = exercise.kind, right(exercise)
    if isinstance(kind, Number):
        numbers = {float(x) for x in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", told)}
        assert not [x for x in numbers if kind.same(x, float(truth))]
    elif isinstance(kind, Choice):
        letters = "".join(sorted(kind.read(truth)))
        assert f'"{letters}"' not in told or not kind.several
        for letter in letters:
            text = kind.options[kind.letters.index(letter)]
            assert text not in "\n".join(exercise.hints), "a hint repeats the option that is right"
    elif isinstance(kind, Array):
        assert str(np.asarray(truth).tolist()) not in told


@each
@pytest.mark.parametrize(
    "strange",
    [
        float("nan"),
        float("inf"),
        "0.3",
        "",
        b"1",
        True,
        1j,
        {},
        set(),
        [],
        [[1, 2], [3]],
        object(),
        np.zeros((3, 4, 5)),
        np.array(["a"]),
        float,
        len,
        lambda: 1,
        course.Given(),
        NotImplemented,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_strange_answers_get_a_message_not_a_traceback(exercise, strange):
    feedback = course.check(exercise.id, strange)
    assert not feedback.passed
    assert feedback.state in ("unusable", "wrong")
    assert (len(feedback.message) > 10 and str(strange)[:40] not in feedback.message.split()) or not str(
        strange
    )
    assert feedback._repr_html_()


@each
def test_what_is_given_is_the_same_each_time_and_the_readers_to_spoil(exercise):
    if exercise.given is None:
        with pytest.raises(ValueError, match="nothing is given"):
            course.given(exercise.id)
        return
    first, second = course.given(exercise.id), course.given(exercise.id)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(second, name))
        assert name in repr(first)
        if isinstance(value, np.ndarray):
            value[...] = 0
    assert course.check(exercise.id, right(exercise)).passed


@each
def test_its_notebook_asks_it_and_checks_it(exercise):
    number = exercise.id.partition(".")[0]
    [path] = NOTEBOOKS.glob(f"{number}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    prose = " ".join(" ".join(c.source for c in cells if c.cell_type == "markdown").split())
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    assert exercise.question in prose.replace("`", "")
    assert f'cv.course.check("{exercise.id}"' in code
    if isinstance(exercise.kind, Choice):
        for letter, option in zip(exercise.kind.letters, exercise.kind.options, strict=True):
            assert f"{letter}) {option}" in prose
    if exercise.given is not None:
        assert f'cv.course.given("{exercise.id}")' in code
