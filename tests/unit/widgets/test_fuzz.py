"""Whatever a browser sends, messages or state: an error in the view, never an unhandled exception.

10,000 random messages and states in all, drawn with a fixed seed: by hand, as a library takes four times as
long to draw them as the lab to answer.
"""

import logging
import math
import random
import threading

import pytest
import traitlets

import clsviz as cv
from clsviz.widgets import messages

MESSAGES = 8000
STATES = 2000

SCALARS = (None, True, False, 0.0, -0.0, 1e308, -1e-320, math.inf, -math.inf, math.nan, 2**60, -(2**60))
CHARACTERS = 'ab_. 0\x00\n"\\{é中\ud800\U0001f600'
PATHS = (
    "data",
    "model",
    "loss",
    "loss.q",
    "optimizer",
    "optimizer.lr",
    "epochs",
    "seed",
    "label_noise.rate",
    "x",
)
FIELDS = (
    *("via", "name", "step", "plane", "key", "origin", "u", "v", "xlim", "ylim", "resolution", "task", "seq"),
)
NAMES = (*messages.COMMANDS, *messages.PLANES, "stream", "control", "landscape", "field", "k")


def number(rng):
    if rng.random() < 0.4:
        return rng.choice(SCALARS)
    return rng.choice([rng.randint(-2, 12), rng.randint(-(2**60), 2**60), rng.uniform(-3, 3)])


def text(rng, most):
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(0, most)))


def junk(rng, depth=2):
    """Anything that JSON can say, and some numbers it cannot."""
    kind = rng.choice(("number", "text", "list", "dict") if depth else ("number", "text"))
    if kind == "number":
        return number(rng)
    if kind == "text":
        return text(rng, 8)
    if kind == "list":
        return [junk(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {text(rng, 6): junk(rng, depth - 1) for _ in range(rng.randint(0, 3))}


def field(rng):
    """Nearly a request for a field of the boundary."""
    some = [name for name in ("origin", "u", "v", "xlim", "ylim") if rng.random() < 0.5]
    vectors = {name: [rng.choice([number(rng), 1.0, -2]) for _ in range(rng.randint(0, 3))] for name in some}
    return {
        "kind": "field",
        "key": text(rng, 3),
        "step": number(rng),
        "resolution": rng.randint(0, 9),
    } | vectors


def request(rng):
    """A kind that is known, or not, with any fields."""
    kind = rng.choice([*sorted(messages._READERS), text(rng, 5)])
    names = rng.sample(FIELDS, rng.randint(0, 6))
    return {"kind": kind} | {n: rng.choice(NAMES) if rng.random() < 0.5 else junk(rng) for n in names}


def change(rng):
    paths = rng.sample(PATHS, rng.randint(0, 2))
    values = {path: rng.choice(["moons", "gce", "sgd", "linear", number(rng)]) for path in paths}
    return {"kind": "change", "changes": values}


class Page:
    """A widget as far as a session knows it."""

    def send(self, content, buffers=None):
        pass


@pytest.fixture(scope="module")
def lab():
    lab = cv.Lab("moons", "linear", epochs=2, pace=None, autostart=False)
    yield lab
    lab.close()


@pytest.fixture
def quiet(monkeypatch, caplog):
    """Fails on an exception in any thread, or one that a thread of ours only logged."""
    thrown = []
    monkeypatch.setattr(threading, "excepthook", thrown.append)
    with caplog.at_level(logging.ERROR, logger="clsviz"):
        yield
    assert thrown == []
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


def each(count, make, take):
    """So many drawn things are taken; of one that fails, it says which."""
    rng = random.Random(4)
    for number in range(count):
        drawn = make(rng)
        try:
            take(drawn)
        except Exception as error:
            error.add_note(f"number {number}: {drawn!r}")
            raise


def test_random_messages_are_answered_or_refused(lab, quiet, monkeypatch):
    # a change of the experiment is checked, but trains nothing and loads no large data set
    monkeypatch.setattr(lab.run, "start", lambda *a: None)
    kinds = (junk, field, request, change)

    def take(message):
        if isinstance(message, dict) and message.get("name") == "stop":
            message["name"] = "pause"  # a stopped run refuses all that comes after
        lab.session.answer(message, Page())

    each(MESSAGES, lambda rng: rng.choice(kinds)(rng), take)
    assert lab.run.state != "failed"


def test_random_states_are_taken_or_refused(lab, quiet):
    names = sorted({n for n in lab.keys if not n.startswith("_")} - {"layout", "tabbable", "tooltip"})

    def states(rng):
        """Any values for any synchronised traits, twenty times."""
        return [{name: junk(rng) for name in rng.sample(names, rng.randint(1, 4))} for _ in range(20)]

    def take(drawn):
        for state in drawn:
            lab.set_state(state)
        for name in lab.class_own_traits_of():
            try:  # what it holds is what it would take from code
                setattr(lab, name, getattr(lab, name))
            except traitlets.TraitError as error:
                raise AssertionError(f"{name} holds what it refuses") from error

    each(STATES // 20, states, take)


def test_a_refused_state_is_told_and_changes_nothing(lab):
    before = lab.temperature
    lab.set_state({"temperature": -3.0})
    assert lab.temperature == before and "temperature must lie in" in lab.session.error


@pytest.mark.parametrize(
    "refused",
    [
        {"reliability_measures": [{}]},
        {"selection": [{}, 1]},
        {"selection": [2**60]},
        {"selection": {"dtype": "int32", "shape": [3], "data": b"1234"}},
        {"selection": {"dtype": "int32", "shape": [3]}},
    ],
)
def test_what_comes_with_a_refused_value_is_not_kept_unchecked(lab, refused):
    lab.temperature, lab.questions = 1.0, []
    for state in ({"temperature": 2.5, "questions": ["none"], **refused}, {**refused, "questions": [[1, 2]]}):
        lab.set_state(state)
        assert lab.session.error and lab.temperature == 1.0 and lab.questions == []
