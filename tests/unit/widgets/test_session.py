"""What a session sends: all to a page that says hello, then only news, in bounded pieces."""

import threading
import time

import numpy as np
import pytest

import clsviz as cv
from clsviz.widgets import wire
from clsviz.widgets.ood_job import features_scored
from clsviz.widgets.probes import ProbeThread
from clsviz.widgets.session import Session


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


class Page:
    """A widget as far as a session knows it."""

    def __init__(self):
        self.sent = []

    def send(self, content, buffers=None):
        self.sent.append(content)


def test_nothing_is_sent_before_a_page_says_hello(recorded):
    run = cv.Run(cv.Experiment("moons", epochs=2))
    session = Session.of(run)
    run.start()
    run.wait(30)
    assert recorded == []
    session.answer({"kind": "hello", "via": "stream"}, Page())
    until(lambda: any(h["kind"] == "snapshots" for h, _ in recorded))
    kinds = [h["kind"] for h, _ in recorded]
    assert kinds[0] == "run"
    header, buffers = next(m for m in recorded if m[0]["kind"] == "snapshots")
    assert [i["step"] for i in header["items"]] == list(run.timeline.steps)
    theta = np.frombuffer(buffers[-1], np.float32)
    np.testing.assert_array_equal(theta, run.timeline.latest.theta)
    session.close()
    run.stop()


def test_snapshots_reach_the_page_while_training_and_messages_stay_few(recorded):
    run = cv.Run(cv.Experiment("digits", epochs=6))
    session = Session.of(run)
    session.answer({"kind": "hello", "via": "stream"}, Page())
    begun = time.monotonic()
    run.start()
    run.wait(60)
    last = run.timeline.latest.step

    def steps():
        return [i["step"] for h, _ in recorded if h["kind"] == "snapshots" for i in h["items"]]

    until(lambda: last in steps())
    assert steps() == sorted(set(steps()))
    assert len(recorded) < 30 * (time.monotonic() - begun) + 10
    session.close()
    run.stop()


def test_commands_steer_the_run_and_wrong_ones_become_an_error(recorded):
    run = cv.Run(cv.Experiment("moons", epochs=2))
    session, page = Session.of(run), Page()
    session.answer({"kind": "hello", "via": "stream"}, page)
    session.answer({"kind": "command", "name": "step"}, page)
    run.wait(30)
    assert run.progress["step"] == 1
    session.answer({"kind": "change", "changes": {"optimizer.lr": 0.5, "loss": {"name": "gce"}}}, page)
    run.wait(30)
    assert run.experiment.get("optimizer.lr") == 0.5 and run.loss.name == "gce"
    before = run.run_id
    session.answer({"kind": "change", "changes": {"data": "xor"}}, page)
    assert run.run_id != before and run.dataset.name == "xor"
    session.answer({"kind": "change", "changes": {"data": "nothing"}}, page)
    until(lambda: any(h["kind"] == "error" and "nothing" in h["message"] for h, _ in recorded))
    session.answer({"kind": "change", "changes": {"optimizer.lr": "fast"}}, page)
    assert "optimizer.lr" in session.error
    session.answer({"kind": "change", "changes": {"loss.q": None}}, page)
    session.answer("hello", page)
    assert run.dataset.name == "xor" and run.state != "failed"
    session.close()
    run.stop()


def test_a_field_is_computed_for_networks_the_browser_cannot_run(recorded):
    run = cv.Run(cv.Experiment("digits", model="cnn", epochs=1))
    session = Session.of(run)
    session.answer({"kind": "hello", "via": "stream"}, Page())
    plane = {"origin": [0.0] * 64, "u": [1.0] + [0.0] * 63, "v": [0.0] * 63 + [1.0]}
    ask = {"kind": "field", "key": "k", "step": 0, "xlim": [-1, 1], "ylim": [0, 2], "resolution": 4}
    session.answer(ask | plane, Page())
    until(lambda: any(h["kind"] == "field" for h, _ in recorded))
    _, buffers = next(m for m in recorded if m[0]["kind"] == "field")
    logits = np.frombuffer(buffers[0], np.float32).reshape(4, 4, 10)
    x = np.zeros((1, 64))
    x[0, 0], x[0, 63] = 1, 0
    np.testing.assert_allclose(logits[0, 3], run.predict(x, 0)[0], atol=1e-5)
    assert len(buffers[1]) == 0  # no scores were asked for
    session.answer(ask | plane | {"key": "far", "detector": "mahalanobis"}, Page())
    until(lambda: any(h.get("key") == "far" for h, _ in recorded))
    header, buffers = next(m for m in recorded if m[0].get("key") == "far")
    scores = np.frombuffer(buffers[1]).reshape(4, 4)
    train = run.dataset.X[run.dataset.train]
    expected, own = features_scored(run, 0, "mahalanobis", [x, train])
    assert scores[0, 3] == pytest.approx(expected[0], rel=1e-6) and header["why"] == ""
    assert header["floor"] == pytest.approx(own[np.arange(100) * len(own) // 100].min(), rel=1e-6)
    session.answer(ask | plane | {"origin": [0.0], "u": [1.0], "v": [1.0]}, Page())
    until(lambda: session.error is not None)
    assert "origin has 1 features" in session.error
    session.close()
    run.stop()


def test_large_messages_travel_in_pieces_that_join_to_the_whole():
    rng = np.random.default_rng(0)
    packet = wire.Packet({"kind": "x"}, [rng.normal(size=400_000), rng.integers(0, 9, 10).astype(np.int32)])
    pieces = list(wire.chunked(packet, 7))
    assert len(pieces) == 4 and all(b[0].nbytes <= wire.CHUNK_BYTES for _, b in pieces)
    whole = b"".join(bytes(b[0]) for _, b in pieces)
    assert whole == b"".join(b.tobytes() for b in packet.buffers)
    assert pieces[0][0]["header"] == {"kind": "x"} and pieces[0][0]["sizes"] == [3_200_000, 40]


def test_a_closed_session_leaves_no_thread():
    before = set(threading.enumerate())
    run = cv.Run(cv.Experiment("moons", epochs=1))
    session = Session.of(run)
    session.answer({"kind": "hello", "via": "stream"}, Page())
    session.want_landscape("path")
    run.start()
    run.wait(30)
    session.close()
    run.stop()
    until(lambda: set(threading.enumerate()) <= before)


def test_the_newest_job_of_a_name_wins_and_the_older_is_told_to_stop():
    done, stopped, started = [], [], threading.Event()
    probes = ProbeThread(lambda name, error: done.append(error))

    def slow(cancelled):
        started.set()
        until(cancelled)
        stopped.append(True)

    probes.submit("a", slow)
    started.wait(5)
    probes.submit("a", lambda cancelled: done.append("second"))
    probes.join(5)
    assert stopped == [True] and done == ["second"]


def test_a_job_that_fails_is_reported_and_the_next_runs():
    seen = []
    probes = ProbeThread(lambda name, error: seen.append((name, str(error))))

    def broken(cancelled):
        raise ValueError("no")

    probes.submit("a", broken)
    probes.submit("b", lambda cancelled: seen.append("b"))
    probes.join(5)
    assert seen == [("a", "no"), "b"]


@pytest.mark.parametrize("value", [np.arange(6, dtype=np.int32), None, np.zeros((0,), np.int32)])
def test_an_array_survives_the_wire(value):
    from clsviz.widgets.traits import pack, unpack

    back = unpack(pack(value))
    assert back is None if value is None else np.array_equal(back, value)


def test_the_last_view_to_close_ends_the_session_and_a_new_one_begins_a_new():
    run = cv.Run(cv.Experiment("moons", epochs=1))
    first, second = cv.ReliabilityDiagram.from_run(run), cv.ConfusionMatrix.from_run(run)
    session = first.session
    assert second.session is session
    first.close()
    assert Session.of(run) is session
    second.close()
    third = cv.ReliabilityDiagram.from_run(run)
    assert third.session is not session
    assert "ReliabilityDiagram of moons: mlp, cross_entropy, epoch 0" in repr(third)
    third.close()
    run.stop()
