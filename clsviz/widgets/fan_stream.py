"""Sends a fan to the browser: first what there is, then weights in the background, most wanted first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clsviz.training import Event, Fan, Snapshot
from clsviz.widgets.fan_choice import vary_json
from clsviz.widgets.model_set import ModelSet
from clsviz.widgets.wire import Packet

BUDGET_BYTES = 64_000_000  # of weights in the browser
CHUNK_BYTES = 200_000  # of one message: others get through between them
LIVE_SECONDS = 1.0  # between two looks at all networks while they train


class FanStream:
    """What a page knows of one fan, and what it gets next. The publisher's thread calls `next`.

    Order of the weights: the latest of every member; the step on screen of every member; the history
    of the member on screen; then a grid of steps for all, finer and finer. What lies beyond the byte
    budget is left out, and the page is told how much.

    Args:
        fan: what is sent. own: the views are those of the fan itself, whose member 0 is sent as the run.
        wake: called when there is something new.
        budget_bytes: of weights in the browser.
        note: what was lost when it took a former fan's place; the page says so.
    """

    def __init__(
        self,
        fan: Fan | ModelSet,
        *,
        own: bool,
        wake: Callable[[], None],
        budget_bytes: int = BUDGET_BYTES,
        note: str = "",
    ) -> None:
        self.fan = fan
        self._own = own
        self._note = note
        self._wake = wake
        self._budget = budget_bytes
        self._lock = threading.Lock()
        self._interest: tuple[int | None, int | None] = (None, None)
        self._known: tuple[int, ...] = ()  # steps whose numbers the page has
        self._sent: set[tuple[int, int]] = set()
        self._plan: list[tuple[int, int]] = []  # what to send, the next one last
        self._drop: list[list[int]] = []  # what the page is to forget, for the budget
        self._skipped = 0
        self._news = self._stale = self._state = False
        self._looked = 0.0
        self._stop_hearing = fan.subscribe(self._hear)

    def close(self) -> None:
        self._stop_hearing()

    def interest(self, member: int | None, step: int | None) -> None:
        """What the user has come to look at: it is sent next."""
        with self._lock:
            if (member, step) == self._interest:
                return
            self._interest, self._stale = (member, step), True
        self._wake()

    def everything(self) -> list[Packet]:
        """What a page needs that knows nothing; its weights follow from `next`."""
        with self._lock:
            self._sent.clear()
            self._stale, self._state = True, False
            self._known = self._steps()
            return [self._manifest(), self._numbers(self._known)]

    def record(self, steps: list[int], members: list[int]) -> list[Packet]:
        """These networks for good: what an exported file holds of the fan."""
        ids = {m: i for i, m in enumerate(members)}
        weights = [(m, s) for m in members for s in steps if not (self._own and m == 0)]
        packets = [self._manifest(members), self._numbers(tuple(steps), members)]
        if weights:
            packets.append(self._weights(weights, [], ids))
        return packets

    def due(self) -> float | None:
        """Seconds until there is something to send; None: until something happens."""
        with self._lock:
            if self._state or self._stale or self._plan or self._drop:
                return 0.0
            return max(0.0, self._looked + LIVE_SECONDS - time.monotonic()) if self._news else None

    def next(self) -> list[Packet]:
        """One round: the state, new steps (at most one look in LIVE_SECONDS), one message of weights."""
        with self._lock:
            packets = []
            if self._state:
                self._state = False
                packets.append(self._state_packet())
            if self._news and time.monotonic() - self._looked >= LIVE_SECONDS:
                packets += self._look()
            if self._stale:
                self._stale = False
                self._make_plan()
            if chunk := self._chunk():
                packets.append(chunk)
            return packets

    def _hear(self, event: Event) -> None:
        # called by the trainer, which may hold locks that `next` waits for: no lock here
        if event.kind == "state":
            self._state = True
        self._news = True
        self._wake()

    def _steps(self) -> tuple[int, ...]:
        return self.fan.timelines[0].steps

    def _look(self) -> list[Packet]:
        self._looked, self._news, self._stale = time.monotonic(), False, True
        steps, known = self._steps(), set(self._known)
        fresh = tuple(s for s in steps if s not in known)
        self._known, kept = steps, set(steps)
        self._sent = {(m, s) for m, s in self._sent if s in kept}
        return [self._numbers(fresh)]

    def _make_plan(self) -> None:
        size = snapshot_bytes(self.fan)
        if not size or not self._known:
            self._plan = []
            return
        room = max(len(self.fan.members), self._budget // size)
        wanted = list(dict.fromkeys(self._order()))
        self._skipped = max(0, len(wanted) - room)
        wanted = wanted[:room]
        keep = set(wanted)
        self._drop = [list(pair) for pair in sorted(self._sent - keep)]
        self._sent &= keep
        self._plan = [pair for pair in wanted if pair not in self._sent]
        self._plan.reverse()  # taken from the end

    def _order(self) -> Iterator[tuple[int, int]]:
        members, steps = range(1 if self._own else 0, len(self.fan.members)), self._known
        member, step = self._interest
        yield from ((m, steps[-1]) for m in members)
        if step is not None:
            at = self.fan.timelines[0].at(step).step
            if at in steps:
                yield from ((m, at) for m in members)
        if member is not None and member in members:
            yield from ((member, s) for s in reversed(steps))
        if self.fan.state == "running":
            return  # steps still come and go
        for i in bisection(len(steps)):
            yield from ((m, steps[i]) for m in members)

    def _chunk(self) -> Packet | None:
        drop, self._drop = self._drop, []
        if not self._plan:
            return self._weights([], drop) if drop else None
        count = max(1, CHUNK_BYTES // snapshot_bytes(self.fan))
        batch = [self._plan.pop() for _ in range(min(count, len(self._plan)))]
        kept = set(self._steps())
        batch = [pair for pair in batch if pair[1] in kept]
        self._sent.update(batch)
        return self._weights(batch, drop) if batch or drop else None

    def _manifest(self, members: list[int] | None = None) -> Packet:
        chosen = [self.fan.members[m] for m in members or range(len(self.fan.members))]
        vary = {
            path: tuple(v for v in values if any(c.values[path] == v for c in chosen))
            for path, values in self.fan.vary.items()
        }
        used = {c.seed for c in chosen}
        names = [self.fan.names[c.index] for c in chosen] if isinstance(self.fan, ModelSet) else ()
        fan = self._state_json() | {
            "id": self.fan.run_id,
            "own": self._own,
            "note": "" if members is not None else self._note,
            "loss": self.fan.loss.name,
            "vary": vary_json(self.fan.experiment, vary, names),
            "seeds": [s for s in self.fan.seeds if s in used],
            "members": [{"values": dict(c.values), "seed": c.seed} for c in chosen],
        }
        return Packet({"kind": "fan", "fan": fan})

    def _state_json(self) -> dict[str, Any]:
        return {
            "state": self.fan.state,
            "message": self.fan.message,
            "epochs": self.fan.progress["epochs"],
        }

    def _state_packet(self) -> Packet:
        return Packet({"kind": "fan_state", "id": self.fan.run_id, "fan": self._state_json()})

    def _numbers(self, steps: tuple[int, ...], members: list[int] | None = None) -> Packet:
        """Metrics of these steps for every member, and which steps there are at all."""
        chosen = list(members if members is not None else range(len(self.fan.members)))
        moments = [self.fan.timelines[0].at(s) for s in steps]
        names = sorted(moments[-1].metrics) if moments else []
        values = np.full((len(steps), len(chosen), len(names)), np.nan, np.float32)
        for j, member in enumerate(chosen):
            timeline = self.fan.timelines[member]
            for i, step in enumerate(steps):
                metrics = timeline.at(step).metrics
                values[i, j] = [metrics.get(name, np.nan) for name in names]
        header = {
            "kind": "fan_steps",
            "id": self.fan.run_id,
            "items": [{"step": s.step, "epoch": s.epoch} for s in moments],
            "metrics": names,
            "keep": list(steps if members is not None else self._known),
            "diverged": [int(self.fan.diverged[m]) for m in chosen],
        }
        return Packet(header, [values])

    def _weights(
        self, pairs: list[tuple[int, int]], drop: list[list[int]], ids: dict[int, int] | None = None
    ) -> Packet:
        rows = [_numbers_of(self.fan, self.fan.timelines[m].at(s)) for m, s in pairs]
        header = {
            "kind": "fan_weights",
            "id": self.fan.run_id,
            "items": [[m if ids is None else ids[m], s] for m, s in pairs],
            "drop": drop,
            "skipped": self._skipped,
        }
        return Packet(header, [np.concatenate(rows) if rows else np.zeros(0, np.float32)])


def _numbers_of(fan: Fan | ModelSet, snapshot: Snapshot) -> np.ndarray:
    """Parameters, or logits of all samples where the browser cannot run the network."""
    numbers = snapshot.theta if fan.network is not None else snapshot.logits
    assert numbers is not None
    return np.asarray(numbers, np.float32).ravel()


def snapshot_bytes(fan: Fan | ModelSet) -> int:
    """Of one network at one moment, on the wire."""
    return 4 * _numbers_of(fan, fan.timelines[0].latest).size


def bisection(count: int) -> list[int]:
    """0..count-1 in an order that is a grid, finer and finer, wherever it is cut off: 0, last, middle, ..."""
    if count < 2:
        return list(range(count))
    order, gaps = [count - 1, 0], [(0, count - 1)]
    for low, high in gaps:  # grows while it is walked: halves after wholes
        middle = (low + high) // 2
        if middle > low:
            order.append(middle)
            gaps += [(low, middle), (middle, high)]
    return order
