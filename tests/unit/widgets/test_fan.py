"""A fan on its way to the browser: what is sent, in which order, within which budget; and its numbers."""

import json
import threading
import time

import numpy as np
import pytest

import clsviz as cv
from clsviz.errors import InputError, MessageError
from clsviz.training import Experiment
from clsviz.widgets import export, fan_choice, messages
from clsviz.widgets.comparison import compare_predictions
from clsviz.widgets.fan_stream import FanStream, bisection, snapshot_bytes
from clsviz.widgets.fan_thinning import FanThinning

VALUES = (0.01, 0.1, 0.3)


@pytest.fixture(scope="module")
def fan():
    made = cv.Fan(Experiment("moons", epochs=3, seed=1), {"optimizer.lr": VALUES}, 2)
    made.start()
    assert made.wait(60) and made.state == "finished", made.message
    yield made
    made.stop()


@pytest.fixture
def lab():
    made = cv.Lab("moons", epochs=2, pace=None)
    assert made.run.wait(60)
    yield made
    made.close()


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def drained(stream):
    """All that a stream sends until it rests."""
    packets = stream.everything()
    while stream.due() is not None:
        packets += stream.next()
        time.sleep(stream.due() or 0)
    return packets


def pairs_of(packets):
    return [tuple(pair) for p in packets if p.header["kind"] == "fan_weights" for pair in p.header["items"]]


def test_every_network_reaches_the_page_once_with_its_own_weights(fan):
    stream = FanStream(fan, own=False, wake=lambda: None)
    packets = drained(stream)
    stream.close()
    json.dumps([p.header for p in packets])
    assert [p.header["kind"] for p in packets[:2]] == ["fan", "fan_steps"]
    steps = fan.timelines[0].steps
    assert sorted(pairs_of(packets)) == [(m, s) for m in range(6) for s in steps]
    for packet in packets:
        if packet.header["kind"] != "fan_weights":
            continue
        rows = packet.buffers[0].reshape(max(1, len(packet.header["items"])), -1)
        for (member, step), theta in zip(packet.header["items"], rows, strict=True):
            np.testing.assert_array_equal(theta, fan.timelines[member].at(step).theta)
    numbers = packets[1]
    names, values = numbers.header["metrics"], numbers.buffers[0]
    assert values.shape == (len(steps), 6, len(names))
    expected = fan.timelines[4].latest.metrics["validation_ece"]
    assert values[-1, 4, names.index("validation_ece")] == np.float32(expected)


def test_the_latest_of_all_comes_first_then_the_member_on_screen(fan):
    stream = FanStream(fan, own=False, wake=lambda: None)
    stream.interest(3, None)
    order = pairs_of(drained(stream))
    stream.close()
    last, steps = fan.timelines[0].latest.step, fan.timelines[0].steps
    assert order[:6] == [(m, last) for m in range(6)]
    assert order[6 : 6 + len(steps) - 1] == [(3, s) for s in reversed(steps[:-1])]


def test_the_step_on_screen_of_every_member_goes_before_its_history(fan):
    steps = fan.timelines[0].steps
    middle = steps[len(steps) // 2]
    stream = FanStream(fan, own=False, wake=lambda: None)
    stream.interest(None, middle)
    order = pairs_of(drained(stream))
    stream.close()
    assert order[6:12] == [(m, middle) for m in range(6)]


def test_the_budget_leaves_out_the_finest_history_and_says_so(fan):
    room = 9
    stream = FanStream(fan, own=False, wake=lambda: None, budget_bytes=room * snapshot_bytes(fan))
    first = drained(stream)
    held = set(pairs_of(first))
    total = 6 * len(fan.timelines[0].steps)
    assert len(held) == room
    assert [p for p in first if p.header["kind"] == "fan_weights"][-1].header["skipped"] == total - room
    stream.interest(5, None)  # what is looked at now takes the place of what was
    later = []
    while stream.due() is not None:
        later += stream.next()
    for packet in later:
        held -= {tuple(p) for p in packet.header["drop"]}
        held |= {tuple(p) for p in packet.header["items"]}
        assert len(held) <= room
    assert sum(m == 5 for m, _ in held) > 2
    stream.close()


def test_member_zero_of_a_fan_that_is_shown_itself_is_sent_as_the_run(fan):
    stream = FanStream(fan, own=True, wake=lambda: None)
    assert 0 not in {m for m, _ in pairs_of(drained(stream))}
    stream.close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 16, 61])
def test_a_grid_gets_finer_wherever_it_is_cut_off(count):
    order = bisection(count)
    assert sorted(order) == list(range(count))
    if count > 8:
        first = sorted(order[:5])
        assert first[0] == 0 and first[-1] == count - 1 and np.diff(first).max() <= count // 3 + 1


def test_fan_out_trains_in_the_background_and_closing_leaves_nothing(recorded, lab):
    lab.session.answer({"kind": "hello", "via": "stream"}, lab)
    before = {t.name for t in threading.enumerate()}
    lab.session.answer({"kind": "fan", "path": "optimizer.lr", "values": [0.01, 0.1], "seeds": 2}, lab)
    until(lambda: lab.fan is not None and lab.fan.state == "finished")
    steps = lab.fan.timelines[0].steps
    until(
        lambda: (
            len({tuple(p) for h, _ in recorded for p in h.get("items", []) if h["kind"] == "fan_weights"})
            == 4 * len(steps)
        )
    )
    lab.member = 3
    lab.pinned = {"step": steps[-1], "member": 1, "temperature": 1.0}
    lab.session.answer({"kind": "command", "name": "close_fan"}, lab)
    assert lab.fan is None and lab.member is None and lab.pinned is None
    until(lambda: any(h["kind"] == "fan_closed" for h, _ in recorded))
    until(lambda: {t.name for t in threading.enumerate()} <= before)


def test_what_cannot_be_fanned_out_is_said_in_the_view(recorded, lab):
    lab.session.answer({"kind": "hello", "via": "stream"}, lab)
    lab.session.answer({"kind": "fan", "path": "model.width", "values": [3, 4]}, lab)
    until(lambda: lab.session.error is not None)
    assert lab.fan is None and "width" in lab.session.error
    with pytest.raises(InputError, match="slider"):
        lab.fan_out("batch_size")


def test_a_new_fan_says_that_the_pin_on_a_former_one_is_gone(lab):
    lab.fan_out("optimizer.lr", [0.01, 0.1])
    lab.pinned = {"step": 0, "member": 1, "temperature": 1.0}
    lab.fan_out("optimizer.lr", [0.02, 0.2])
    [manifest] = [p for p in lab.session._fan_stream.everything() if p.header["kind"] == "fan"]
    assert lab.pinned is None and "pin is gone" in manifest.header["fan"]["note"]
    lab.fan_out("optimizer.lr", [0.03, 0.3])
    [manifest] = [p for p in lab.session._fan_stream.everything() if p.header["kind"] == "fan"]
    assert manifest.header["fan"]["note"] == ""


def test_a_value_beyond_the_loss_line_is_refused_with_its_ends(lab):
    with pytest.raises(InputError, match=r"loss\.q = 7.*0 to 1"):
        lab.fan_out("loss.q", values=[0.1, 7])
    assert lab.fan is None
    assert len(lab.fan_out("optimizer.lr", values=[5.0], seeds=1).members) == 1, "a slider's end is no limit"


def test_new_samples_close_the_fan_and_a_new_rate_does_not(lab):
    fan = lab.fan_out("optimizer.lr", [0.01, 0.1], seeds=1)
    lab.run.change({"label_noise.rate": 0.1})
    assert lab.fan is fan
    lab.run.change({"data": "iris"})
    assert lab.fan is None


def test_views_give_the_numbers_of_the_member_on_screen(lab):
    fan = lab.fan_out("optimizer.lr", VALUES, seeds=1)
    assert fan.wait(60)
    lab.member = 2
    latest = fan.timelines[2].latest
    assert lab.views.reliability.result.ece == pytest.approx(latest.metrics["validation_ece"], abs=1e-6)
    assert lab.views.confusion.result.accuracy == pytest.approx(latest.metrics["validation_accuracy"])
    strip = lab.views.fan.result
    assert strip.path == "optimizer.lr" and strip.values.tolist() == list(VALUES)
    assert strip.ece[2] == pytest.approx(latest.metrics["validation_ece"], abs=1e-6)
    assert strip.margin[2] == pytest.approx(latest.metrics["validation_margin"], abs=1e-5)
    assert strip.angle[2] == pytest.approx(lab.views.boundary.result.angle)
    with pytest.raises(Exception, match="members 0"):
        lab.member = 3
    with pytest.raises(InputError, match="varies"):
        lab.views.fan.against = "loss.q"
        _ = lab.views.fan.result


def test_a_view_of_a_fan_begins_with_its_first_network(fan):
    view = cv.ReliabilityDiagram.from_run(fan)
    first = view.result.ece
    view.member = 5
    assert view.result.ece == pytest.approx(fan.timelines[5].latest.metrics["validation_ece"], abs=1e-6)
    assert first == pytest.approx(fan.timelines[0].latest.metrics["validation_ece"], abs=1e-6)
    view.close()
    lab = cv.Lab.from_run(fan)
    assert lab.fan is fan
    with pytest.raises(InputError, match="fan"):
        _ = lab.run
    lab.close()
    assert fan.state == "finished", "closing a view leaves its fan alone"


def test_the_comparison_counts_flips_of_the_right_kind():
    labels = np.array([0, 0, 1, 1, 2])
    was = np.eye(3)[[0, 0, 1, 0, 1]] * 4
    now = np.eye(3)[[0, 1, 1, 1, 0]] * 4
    c = compare_predictions(was, now, labels, samples=np.array([10, 11, 12, 13, 14]))
    assert c.negative_flips.tolist() == [11] and c.positive_flips.tolist() == [13]
    assert c.disagreeing.tolist() == [11, 13, 14] and c.agreement == pytest.approx(2 / 5)
    assert c.accuracy_difference == 0 and c.n == 5
    hotter = compare_predictions(was, was, labels, temperature_shown=9.0)
    assert hotter.agreement == 1 and hotter.ece_difference != 0 and hotter.accuracy_difference == 0


def test_a_network_compares_equal_to_itself(lab):
    with pytest.raises(InputError, match="pinned"):
        lab.compare()
    lab.pinned = {"step": lab.run.timeline.latest.step, "temperature": 1.0}
    c = lab.compare()
    assert c.ece_difference == 0 and c.agreement == 1 and c.negative_flips.size == 0


def test_a_handout_takes_the_fan_along_as_far_as_it_fits(fan, monkeypatch):
    view = cv.FanStrip.from_run(fan, member=5)
    whole = view.to_html()
    assert "Of the fan" not in whole
    monkeypatch.setattr(export, "MAX_BYTES", 1)
    least = len(view.to_html())
    monkeypatch.setattr(export, "MAX_BYTES", (len(whole) + least) // 2)
    steps = len(fan.timelines[0])
    text = view.to_html()
    assert f"of {steps} moments" in text
    room = export.MAX_BYTES - least
    assert 0.7 * room < len(text) - least <= room, "the room there is is used"
    view.close()


def test_thinning_keeps_what_is_on_screen(fan):
    kept = FanThinning.within(fan, {"member": 4, "pinned": {"member": 1}}, 0)
    assert {1, 4} <= set(kept.members) and len(kept.steps) == 2
    state = kept.renumbered({"member": 4, "pinned": {"member": 1, "step": 3}})
    assert kept.members[state["member"]] == 4 and kept.members[state["pinned"]["member"]] == 1


def test_values_span_the_slider_and_hold_the_present_one():
    experiment = Experiment(label_noise=0.12, optimizer=cv.Spec("sgd", {"lr": 0.07}))
    for path, now in (("optimizer.lr", 0.07), ("label_noise.rate", 0.12), ("optimizer.weight_decay", 0.0)):
        values = fan_choice.values_for(experiment, path)
        assert now in values and 10 <= len(values) <= 16 and list(values) == sorted(set(values))
    gce = fan_choice.on_the_line(Experiment(), "loss.q")
    assert gce.loss.name == "gce" and fan_choice.values_for(gce, "loss.q")[0] == 0.0


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "fan"},
        {"kind": "fan", "path": 3},
        {"kind": "fan", "path": "loss.q", "values": []},
        {"kind": "fan", "path": "loss.q", "values": [float("nan")]},
        {"kind": "fan", "path": "loss.q", "values": [0.1] * 1000},
        {"kind": "fan", "path": "loss.q", "seeds": 0},
        {"kind": "fan", "path": "loss.q", "seeds": 1000},
    ],
)
def test_malformed_wishes_for_a_fan_are_refused(bad):
    with pytest.raises(MessageError):
        messages.parse(bad)
