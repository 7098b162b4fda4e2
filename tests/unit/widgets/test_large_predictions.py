"""Predictions too many for one message: their pieces, their sample, and the order they travel in."""

import time

import numpy as np
import pytest

import clsviz as cv
from clsviz.widgets import predictions, wire
from clsviz.widgets.predictions import LargePredictions
from clsviz.widgets.session import Session


@pytest.fixture
def small_limit(monkeypatch):
    """What is large, and how long a message may be, small enough for a quick test."""
    monkeypatch.setattr(predictions, "LARGE", 1000)
    monkeypatch.setattr(predictions, "CHUNK_BYTES", 4000)


def some(n, k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.normal(0, 3, (n, k)).astype(np.float32)


class Page:
    def send(self, content, buffers=None):
        pass


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def test_up_to_two_million_entries_travel_as_they_are():
    y, z = some(50, 4)
    assert not isinstance(cv.ReliabilityDiagram.from_predictions(y, z).source, LargePredictions)


def test_pieces_hold_every_row_once_and_none_is_larger_than_a_chunk(small_limit, recorded):
    y, z = some(700, 6)
    view = cv.ReliabilityDiagram.from_predictions(y, z)
    view.session.answer({"kind": "hello", "via": "stream"}, Page())
    until(lambda: sum(len(b[0]) for h, b in recorded if h["kind"] == "predictions_exact") == z.nbytes)
    assert [h["kind"] for h, _ in recorded][:2] == ["run", "snapshots"]
    run = recorded[0][0]
    assert run["dataset"]["n"] == 700 and run["predictions"]["form"] == "quantised"
    assert max(sum(map(len, buffers)) for _, buffers in recorded) <= predictions.CHUNK_BYTES
    gaps = np.concatenate(
        [np.frombuffer(b[0], np.uint16) for h, b in recorded if h["kind"] == "predictions"]
    ).reshape(700, 6)
    np.testing.assert_allclose(gaps / predictions.GAP_STEPS, z.max(1, keepdims=True) - z, atol=1 / 256 + 1e-6)
    exact = [np.frombuffer(b[0], np.float32) for h, b in recorded if h["kind"] == "predictions_exact"]
    np.testing.assert_array_equal(np.concatenate(exact).reshape(z.shape), z)
    view.close()


def test_news_go_before_the_pieces_that_still_wait(small_limit, recorded):
    y, z = some(4000, 6)
    view = cv.ReliabilityDiagram.from_predictions(y, z)
    view.session.answer({"kind": "hello", "via": "stream"}, Page())
    until(lambda: any(h["kind"] == "predictions" for h, _ in recorded))
    view.session.report("here", ValueError("something"))
    until(lambda: any(h["kind"] == "error" for h, _ in recorded))
    assert not any(h["kind"] == "predictions_exact" for h, _ in recorded)
    view.close()


@pytest.mark.parametrize("spread", [0.5, 3.0, 30.0])
@pytest.mark.parametrize("k", [80, 300])
def test_the_tail_of_compressed_rows_is_within_its_error_between_stored_temperatures(spread, k):
    rng = np.random.default_rng(k)
    z = (spread * rng.standard_t(4, (60, k))).astype(np.float32)
    header, (_, classes, least, _, steps, _) = predictions._compressed(z, rng.integers(0, k, 60))
    assert header["tail_error"] < 2e-3
    assert (classes[:, 0] == z.argmax(1)).all()
    log_tail = steps / 65535 * np.log(k - predictions.KEPT)
    grid = np.log(predictions.TEMPERATURES)
    step = grid[1] - grid[0]
    for t in np.geomspace(0.05, 20, 41):
        place = (np.log(t) - grid[0]) / step
        first = int(np.clip(np.floor(place) - 1, 0, len(grid) - 4))
        x = place - first
        nodes = np.arange(4)
        weights = [np.prod([(x - m) / (j - m) for m in nodes if m != j]) for j in nodes]
        ours = log_tail[:, first : first + 4] @ weights - least / t
        rest = np.sort(z.max(1, keepdims=True).astype(float) - z, 1)[:, predictions.KEPT :]
        exact = np.log(np.exp(-(rest - rest[:, :1]) / t).sum(1)) - rest[:, 0] / t
        assert np.abs(ours - exact).max() <= header["tail_error"] + 1e-6 * np.abs(exact).max()


def test_an_exported_file_holds_a_sample_and_says_of_how_many(small_limit, monkeypatch):
    y, z = some(900, 6)
    view = cv.ReliabilityDiagram.from_predictions(y, z)
    monkeypatch.setattr("clsviz.widgets.publisher.HANDOUT_BYTES", 4000)
    packets = view.session.record()
    head = packets[0].header
    assert head["predictions"]["of"] == 900
    assert head["dataset"]["n"] == 100  # 40 bytes a row
    assert sum(len(p.buffers[0]) for p in packets if p.header["kind"] == "predictions_exact") == 100
    view.close()


def test_threshold_and_interval_are_in_the_result():
    y, z = some(400, 3)
    view = cv.ReliabilityDiagram.from_predictions(y, z, threshold=0.6, temperature=2.0)
    r = view.result
    kept = cv.calibration.selective_accuracy(z / 2.0, y, 0.6, kind="logits")
    assert (r.coverage, r.selective_accuracy) == (kept.coverage, kept.accuracy)
    assert r.ece_low <= r.ece <= r.ece_high
    view.threshold = 0.12345
    assert view.threshold == 0.123
    view.close()


def test_rows_that_are_all_of_them_are_not_listed():
    y, z = some(50, 4)
    source = cv.ReliabilityDiagram.from_predictions(y, z).source
    packet = wire.run_packet(source)
    assert packet.header["all_rows"] and packet.header["clean"]
    assert [b.size for b in packet.buffers] == [0, 50, 0, 0, 0]
    Session.of(source).close()
