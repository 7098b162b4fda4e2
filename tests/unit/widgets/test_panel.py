"""What the side panel hears of a kernel's runs, and what it may ask."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clsviz as cv
from clsviz.errors import MessageError
from clsviz.training import live
from clsviz.widgets import panel


class Channel:
    """A comm as far as a panel uses it."""

    def __init__(self):
        self.sent, self.handlers = [], {}

    def send(self, data=None):
        self.sent.append(data)

    def on_msg(self, callback):
        self.handlers["msg"] = callback

    def on_close(self, callback):
        self.handlers["close"] = callback

    def say(self, data):
        self.handlers["msg"]({"content": {"data": data}})


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def run():
    run = cv.Run(cv.Experiment("moons", epochs=500), pace=20)
    yield run
    run.stop()


def number_of(run):
    return next(n for n, r in live.numbered().items() if r is run)


def test_runs_are_listed_until_they_are_stopped(run):
    assert run in cv.runs()
    run.stop()
    assert run not in cv.runs()


def test_a_forgotten_run_is_not_kept_alive_by_the_list():
    number = number_of(cv.Run("moons"))
    import gc

    gc.collect()
    assert number not in live.numbered()


def test_a_panel_hears_and_steers_a_run_and_leaves_no_thread(run):
    before, panels, channel = set(threading.enumerate()), panel.Panels(), Channel()
    number = number_of(run)

    def row():
        tables = [m["runs"] for m in channel.sent if m["kind"] == "runs"]
        return next((r for r in tables[-1] if r["run"] == number), None) if tables else None

    panels.opened(channel)
    until(row)
    assert row()["data"] == "moons" and row()["state"] == "ready" and 0 <= row()["accuracy"] <= 1
    channel.say({"kind": "resume", "run": number})
    until(lambda: row()["state"] == "running")
    channel.say({"kind": "pause", "run": number})
    until(lambda: row()["state"] == "paused")
    channel.say({"kind": "stop", "run": number})
    until(lambda: row() is None)
    channel.handlers["close"]({})
    until(lambda: set(threading.enumerate()) <= before)


def test_nothing_is_sent_while_nothing_changes():
    panels, channel = panel.Panels(), Channel()
    panels.opened(channel)
    until(lambda: channel.sent)
    told = len(channel.sent)
    threading.Event().wait(3 * panel.PERIOD)
    assert len(channel.sent) == told
    panels.closed(channel)


def test_a_wrong_message_is_answered_with_what_was_wrong():
    channel = Channel()
    panel.PANELS.answer(channel, {"kind": "pause", "run": -1})
    assert channel.sent == [{"kind": "error", "message": "there is no live run -1"}]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES | st.fixed_dictionaries({"kind": st.sampled_from([*panel.STEERS, "x"]), "run": VALUES}))
def test_anything_else_is_refused_with_a_message(content):
    if isinstance(content, dict) and type(content.get("run")) is int:
        content["run"] = -1  # never one that lives
    with pytest.raises(MessageError):
        panel.steer(content)
