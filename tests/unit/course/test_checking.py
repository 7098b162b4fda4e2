"""`check` and what it says, on exercises made for the purpose."""

import dataclasses

import numpy as np
import pytest
import torch

from clsviz import course
from clsviz.course import checking
from clsviz.course.kinds import Array, Choice, Function, Number
from clsviz.course.registry import REGISTRY, exercise
from clsviz.errors import InputError, UnknownName


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """Nothing is tried; exercises that a test enters go with it."""
    monkeypatch.setattr(checking, "_wrong", checking.Counter())
    monkeypatch.setattr(checking, "_named", set())
    monkeypatch.setattr(checking, "_solved", set())
    course.exercises()  # loads the lessons, once: what is not loaded yet would go with the rest
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def enter(kind, truth, **options):
    """Enters exercise 99.1 and gives its `check`."""
    options = {"question": "?", "why": "So it is.", "hints": ("first", "second")} | options
    exercise(id="99.1", kind=kind, **options)(truth)
    return lambda answer: course.check("99.1", answer)


@pytest.mark.parametrize(
    "answer", [0.25, np.float32(0.25), np.array(0.25), np.array([0.25]), torch.tensor(0.25), [[0.25]], 0.2504]
)
def test_a_number_may_come_in_any_form(answer):
    assert enter(Number(1e-3), lambda: 0.25)(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("0.25", "got a text. Leave out the quotes"),
        (float("nan"), "NaN"),
        (-np.inf, "infinite"),
        ([1, 2], r"got an array of shape (2,)"),
        ([], "an empty array"),
        (25, "As a share, not in per cent"),
        (-0.5, "a number from 0 to 1; -0.5 lies outside"),
        (True, "got a bool"),
        (np.mean, "got a function. Call it"),
        (1j, "array of complex128"),
    ],
)
def test_what_is_no_number_is_said_plainly_and_costs_no_hint(answer, message):
    check = enter(Number(1e-3, low=0, high=1), lambda: 0.25)
    feedback = check(answer)
    assert feedback.state == "unusable" and message in feedback.message and not feedback.hints
    assert checking._wrong["99.1"] == 0


def test_a_result_of_several_numbers_names_its_fields():
    @dataclasses.dataclass
    class Fit:
        temperature: float
        nll: float

    assert "it has temperature, nll" in enter(Number(), lambda: 2.0)(Fit(2.0, 1.0)).message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (-0.21, "Think about the sign"),
        (21.0, "per cent or a share"),
        (0.2105, "Close, but not to within 0.0001"),
        (0.3, "The order of magnitude is right"),
        (9.0, ""),
        (0.0, ""),
    ],
)
def test_the_kind_of_a_wrong_number_is_told(answer, message):
    feedback = enter(Number(1e-4), lambda: 0.21)(answer)
    assert feedback.state == "wrong"
    assert message in feedback.message and bool(message) == bool(feedback.message)


def test_a_relative_tolerance_is_a_share_of_the_truth():
    check = enter(Number(0.0, relative=0.01), lambda: 200.0)
    assert check(201.9).passed and not check(203).passed


def test_a_named_mistake_brings_a_hint_only_when_it_is_repeated():
    check = enter(
        Number(),
        lambda x: float(x.mean()),
        given=lambda: {"x": np.array([1.0, 2, 6])},
        slips=[(lambda x: float(np.median(x)), "That is the median.")],
    )
    feedback = check(2.0)
    assert feedback.message == "That is the median." and not feedback.hints
    assert check(7.0).hints == ("first",)
    feedback = check(2.0)
    assert feedback.message == "That is the median." and feedback.hints == ("first", "second")
    assert feedback.more_hints == 0 and check(8.0).hints == ("first", "second")
    assert check(3.0).passed and not check(3.0).hints


CHOICE = Choice(("black", "deep blue", "red"))


@pytest.mark.parametrize("answer", ["b", "B", " b ", "(b)", "b)", "deep  blue", "Deep Blue", ["b"]])
def test_a_choice_may_be_its_letter_or_its_text(answer):
    assert enter(CHOICE, lambda: "b")(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("d", 'one of "a", "b", "c"'),
        ("ab", "Only one"),
        (1, "got an int"),
        ("", "one of"),
        ([], "got a list"),
        ([1], "got a list"),
    ],
)
def test_what_is_no_choice_is_said_plainly(answer, message):
    feedback = enter(CHOICE, lambda: "b")(answer)
    assert feedback.state == "unusable" and message in feedback.message


@pytest.mark.parametrize(
    "answer", ["ac", "ca", "a, c", "a and c", "a c", ["a", "c"], {"a", "c"}, ("black", "red")]
)
def test_several_letters_may_come_in_any_order(answer):
    assert enter(Choice(CHOICE.options, several=True), lambda: "ac")(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [("a", "something is missing"), ("abc", "One too many"), ("b", "missing, and something does not belong")],
)
def test_what_is_wrong_with_several_letters_is_told_without_the_letters(answer, message):
    feedback = enter(Choice(CHOICE.options, several=True), lambda: "ac")(answer)
    assert feedback.state == "wrong" and message in feedback.message


GAPS = Array("an array (3,) of gaps", 1e-3)


@pytest.mark.parametrize(
    ("answer", "state", "message"),
    [
        ([0.1, 0.2, np.nan], "passed", "So it is."),
        (torch.tensor([0.1, 0.2, torch.nan]), "passed", "So it is."),
        ([0.1, 0.3, np.nan], "wrong", "2 of 3 entries are right"),
        ([0.1, np.nan, np.nan], "wrong", "1 of 3 entries are NaN and should not be"),
        ([0.1, 0.2, 0.0], "wrong", "should be NaN, not a number"),
        ([0.1, 0.2], "unusable", "expected is an array (3,) of gaps; got an array of shape (2,)"),
        (0.1, "unusable", "got one number"),
        ("abc", "unusable", "got a text"),
        ([[1], [1, 2]], "unusable", "got a list"),
    ],
)
def test_an_array_is_compared_entry_by_entry(answer, state, message):
    feedback = enter(GAPS, lambda: np.array([0.1, 0.2, np.nan]))(answer)
    assert feedback.state == state and message in feedback.message


def test_exchanged_rows_and_columns_are_told():
    truth = np.arange(6.0).reshape(2, 3)
    feedback = enter(Array("an array (2, 3)"), lambda: truth)(truth.reshape(3, 2) * 0 + truth.T)
    assert feedback.state == "unusable" or "exchanged" in feedback.message
    square = np.arange(4.0).reshape(2, 2)
    assert "exchanged" in enter(Array("an array (2, 2)"), lambda: square)(square.T).message


def mean_of(values, weights):
    return float((values * weights).sum() / weights.sum())


def cases():
    rng = np.random.default_rng(0)
    return {
        "two numbers": (np.array([1.0, 3.0]), np.array([1.0, 3.0])),
        "many": (rng.normal(size=50), rng.random(50)),
        "equal weights": (rng.normal(size=9), np.ones(9)),
    }


MEAN = Function("mean_of(values, weights)", cases, Number(1e-9))


def check_mean(function, **options):
    return enter(MEAN, mean_of, **options)(function)


def test_a_function_that_agrees_on_all_inputs_passes():
    assert check_mean(lambda values, weights: np.average(values, weights=weights)).passed
    assert check_mean(lambda *args: torch.tensor(mean_of(*args), dtype=torch.float64)).passed


def test_a_function_without_a_body_is_not_answered_yet():
    def mean(values, weights): ...

    feedback = check_mean(mean)
    assert feedback.state == "open" and "return" in feedback.message


def raises(values, weights):
    raise ZeroDivisionError("division by zero")


def leaves(values, weights):
    raise SystemExit(1)


def spoils(values, weights):
    result = mean_of(values, weights)
    values *= 0
    return result


@pytest.mark.parametrize(
    ("function", "state", "message"),
    [
        (
            raises,
            "wrong",
            "raises on the input “two numbers”, and on 2 more of 3. ZeroDivisionError",
        ),
        (leaves, "wrong", "SystemExit: 1"),
        (lambda values: 1.0, "unusable", "must take 2 arguments: mean_of(values, weights)"),
        (lambda v, w: "a", "unusable", "On the input “two numbers”: One number is expected, got a text"),
        (lambda v, w: v, "unusable", "got an array of shape (2,)"),
        (lambda v, w: float("nan"), "unusable", "NaN"),
        (lambda v, w: float(v.mean()), "wrong", "Right on 1 of 3 inputs, but not on “two numbers”, “many”"),
        (lambda v, w: -mean_of(v, w), "wrong", "On “two numbers”: The size is right. Think about the sign."),
        (lambda v, w: 77.0, "wrong", "Wrong on all 3 inputs."),
        (spoils, "wrong", "changes its inputs"),
        (mean_of(*cases()["many"]), "unusable", "A function is expected, got a float"),
        (max, "wrong", "raises on the input"),
    ],
)
def test_what_is_wrong_with_a_function_is_told(function, state, message):
    feedback = check_mean(function)
    assert feedback.state == state and message in feedback.message


def test_a_mistake_of_a_function_is_named_where_it_explains_all_inputs():
    slip = (lambda v, w: float(v.mean()), "That leaves out the weights.")
    assert check_mean(lambda v, w: v.sum() / len(v), slips=[slip]).message == slip[1]
    assert "Right on 1 of 3" in check_mean(lambda v, w: v.sum() / len(v) + (len(v) > 9), slips=[slip]).message


def test_an_unknown_exercise_is_an_error_that_names_those_there_are():
    with pytest.raises(UnknownName, match=r"no exercise is called '01\.22'; did you mean '01\.2'\?"):
        course.check("01.22", 1)
    with pytest.raises(UnknownName, match=r"there are \["):
        course.given("temperature")
    with pytest.raises(UnknownName, match="no exercise is called 1"):
        course.check(1, 1)


def test_feedback_is_frozen_and_shows_itself_as_text_and_html():
    check = enter(Number(1e-3), lambda: 0.25, hints=("x < 1 & so on", "last"))
    feedback = check(3.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        feedback.state = "passed"
    assert repr(feedback).splitlines() == [
        "✗ 99.1 Not yet. ",
        "  Hint 1: x < 1 & so on",
        "  The next wrong answer brings another hint.",
    ]
    page = feedback._repr_html_()
    assert "Not yet." in page and "x &lt; 1 &amp; so on" in page and "var(--jp-warn-color1" in page
    assert "brings" not in repr(check(4.0))
    assert repr(check(0.25)) == "✓ 99.1 Right. So it is."


def test_the_list_shows_what_became_of_each():
    check = enter(Number(1e-3), lambda: 0.25)
    ids = [e.id for e in course.exercises()]
    assert ids == sorted(ids, key=lambda id: [int(part) for part in id.split(".")]) and "99.1" in ids
    assert "99.1 [open] ?" in repr(course.exercises())
    check(3)
    assert "99.1 [1 wrong] ?" in repr(course.exercises())
    check(0.25)
    assert "99.1 [solved] ?" in repr(course.exercises()) and "<td" in course.exercises()._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "1.2"}, "id must be like"),
        ({"kind": float}, "kind must be"),
        ({"hints": ()}, "needs hints"),
        ({"kind": MEAN, "given": dict}, "nothing else is given"),
    ],
)
def test_an_exercise_that_does_not_hold_together_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        exercise(**({"id": "99.2", "question": "?", "kind": Number(), "why": "", "hints": "h"} | options))


def test_no_two_lessons_share_an_id():
    enter(Number(), lambda: 1.0)

    def elsewhere() -> float:
        return 2.0

    elsewhere.__module__ = "elsewhere"
    with pytest.raises(InputError, match=r"two exercises '99\.1'"):
        enter(Number(), elsewhere)
