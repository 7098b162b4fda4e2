"""Whatever a browser sends, messages or state: an error in the view, never an unhandled exception.

10,000 random messages and states in all, drawn with a fixed seed.
"""

import logging
import threading

import pytest
import traitlets
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import clsviz as cv
from clsviz.widgets import messages

MESSAGES = 8000
STATES = 2000
EACH = 20  # messages or states in one example

NUMBERS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.integers(-2, 12)
JSON = st.recursive(
    NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
PATHS = st.sampled_from(
    [
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
    ]
)
FIELDS = sorted(
    {"via", "name", "step", "plane", "key", "origin", "u", "v", "xlim", "ylim", "resolution", "task", "seq"}
)
NAMES = st.sampled_from(
    [*messages.COMMANDS, *messages.PLANES, "stream", "control", "landscape", "field", "k"]
)
FIELD = st.fixed_dictionaries(
    {"kind": st.just("field"), "key": st.text(max_size=3), "step": NUMBERS, "resolution": st.integers(0, 9)},
    optional={
        name: st.lists(st.floats() | st.integers(-3, 3), max_size=3)
        for name in ("origin", "u", "v", "xlim", "ylim")
    },
)
MESSAGE = st.one_of(
    JSON,
    FIELD,
    st.builds(
        lambda kind, fields: {"kind": kind, **fields},
        st.sampled_from(sorted(messages._READERS)) | st.text(max_size=5),
        st.dictionaries(st.sampled_from(FIELDS), NAMES | JSON, max_size=6),
    ),
    st.builds(
        lambda changes: {"kind": "change", "changes": changes},
        st.dictionaries(PATHS, st.sampled_from(["moons", "gce", "sgd", "linear"]) | NUMBERS, max_size=2),
    ),
)


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


def few(count):
    return settings(
        max_examples=count // EACH,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@seed(4)
@few(MESSAGES)
@given(content=st.lists(MESSAGE, min_size=EACH, max_size=EACH))
def test_random_messages_are_answered_or_refused(lab, quiet, monkeypatch, content):
    # a change of the experiment is checked, but trains nothing and loads no large data set
    monkeypatch.setattr(lab.run, "start", lambda *a: None)
    for message in content:
        if isinstance(message, dict) and message.get("name") == "stop":
            message["name"] = "pause"  # a stopped run refuses all that comes after
        lab.session.answer(message, Page())
    assert lab.run.state != "failed"


def trait_values(lab):
    """Any value for any synchronised trait."""
    names = [n for n in lab.keys if not n.startswith("_") and n not in ("layout", "tabbable", "tooltip")]
    return st.dictionaries(st.sampled_from(sorted(names)), JSON, min_size=1, max_size=4)


@seed(4)
@few(STATES)
@given(data=st.data())
def test_random_states_are_taken_or_refused(lab, quiet, data):
    for _ in range(EACH):
        lab.set_state(data.draw(trait_values(lab)))
    for name in lab.class_own_traits_of():
        try:  # what it holds is what it would take from code
            setattr(lab, name, getattr(lab, name))
        except traitlets.TraitError as error:
            pytest.fail(f"{name} holds what it refuses: {error}")


def test_a_refused_state_is_told_and_changes_nothing(lab):
    before = lab.temperature
    lab.set_state({"temperature": -3.0})
    assert lab.temperature == before and "temperature must lie in" in lab.session.error
