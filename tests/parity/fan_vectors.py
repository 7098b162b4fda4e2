"""A fan as it crosses the wire, and the numbers of clsviz.widgets.fan that the browser must read off it."""

from __future__ import annotations

import time
from typing import Any

import clsviz as cv
from clsviz.training import Experiment
from clsviz.widgets.base import View
from clsviz.widgets.fan import FanResult
from clsviz.widgets.fan_stream import FanStream
from clsviz.widgets.wire import Packet, run_packet, snapshots_packet

TEMPERATURE = 1.7


def plain(packet: Packet) -> dict[str, Any]:
    return {"header": packet.header, "buffers": [[b.dtype.name, b.ravel()] for b in packet.buffers]}


def numbers(result: FanResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in ("accuracy", "ece", "margin", "angle", "step")}


def comparison(view: View) -> dict[str, Any]:
    c = view.comparison
    return {name: getattr(c, name) for name in c.__slots__}


def vectors() -> dict[str, Any]:
    """Iris, three rates of which the last one diverges at once, two seeds; the middle and the last moment."""
    experiment = Experiment("iris", cv.Spec("mlp", {"hidden": [6]}), epochs=4, batch_size=32)
    fan = cv.Fan(experiment, {"optimizer.lr": [0.01, 0.1, 1e9]}, 2)
    fan.start()
    fan.wait()
    stream = FanStream(fan, own=True, wake=lambda: None)
    packets = stream.everything()
    while stream.due() is not None:
        packets += stream.next()
        time.sleep(stream.due() or 0)
    stream.close()
    strip = cv.FanStrip.from_run(fan, temperature=TEMPERATURE)
    steps = fan.timelines[0].steps
    middle = steps[len(steps) // 2]
    moments = []
    for step in (None, middle):
        strip.step = step
        moments.append({"asked": step, **numbers(strip.result)})
    strip.step, strip.member, strip.pinned = None, 3, {"step": middle, "member": 2, "temperature": 0.8}
    compared = comparison(strip)
    pair = strip.result.pair
    strip.close()
    fan.stop()
    return {
        "packets": [plain(p) for p in (run_packet(fan), snapshots_packet(fan, list(fan.timeline)), *packets)],
        "temperature": TEMPERATURE,
        "pair": pair,
        "moments": moments,
        "diverged": fan.diverged,
        "compare": {"member": 3, "pinned": {"step": middle, "member": 2, "temperature": 0.8}, **compared},
    }
