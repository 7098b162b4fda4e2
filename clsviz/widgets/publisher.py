"""The thread that tells the browser what a source does: newest wins, a bounded number of messages."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from clsviz.training import Event, Snapshot, Source
from clsviz.widgets.predictions import LargePredictions
from clsviz.widgets.wire import Packet, chunked, run_packet, snapshots_packet, state_packet

MAX_PER_SECOND = 25  # publications; the server drops what exceeds its own rate limit
MOST_SNAPSHOTS = 64  # in one message
HANDOUT_BYTES = 1_900_000  # of large predictions in an exported file of at most 3 MB

LOG = logging.getLogger("clsviz")


class Feeder(Protocol):
    """Has something to send in the background, whenever nothing else is."""

    def everything(self) -> list[Packet]:
        """What a page that knows nothing needs first."""

    def due(self) -> float | None:
        """Seconds until there is something to send; None: not before it calls for it."""

    def next(self) -> list[Packet]:
        """What to send in this round."""


Send = Callable[[dict[str, Any], list[memoryview]], None]


class Publisher:
    """Collects events of a source and sends them on, at most MAX_PER_SECOND times a second.

    Nothing is sent until a page has asked for everything once (`greet`). Snapshots that come faster
    than they can be sent travel together; states collapse to the last.
    """

    def __init__(self, source: Source, send: Send) -> None:
        self.source = source
        self._send = send
        self._wake = threading.Condition()
        self._greeted = False
        self._everything = False
        self._state = False
        self._snapshots: dict[int, Snapshot] = {}
        self._packets: dict[str, Packet] = {}
        self._extras: list[Callable[[], list[Packet]]] = []
        self._pieces: Iterator[Packet] = iter(())  # of large data: one a round, after all that is new
        self._more_pieces = False
        self._closed = False
        self._feeder: Feeder | None = None
        self._serial = 0
        self._thread: threading.Thread | None = None
        self._unsubscribe = source.subscribe(self._hear)

    def greet(self) -> None:
        """A page appeared: send it all there is."""
        with self._wake:
            self._greeted = self._everything = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="clsviz-publisher", daemon=True)
                self._thread.start()
            self._wake.notify()

    def tell_state(self) -> None:
        """Sends the run's state and settings once more: they changed without an event."""
        with self._wake:
            self._state = self._greeted
            self._wake.notify()

    def put(self, name: str, packet: Packet) -> None:
        """Sends one packet; a newer one of the same name replaces it while it waits."""
        with self._wake:
            if self._greeted:
                self._packets[name] = packet
                self._wake.notify()

    def remember(self, make: Callable[[], list[Packet]]) -> None:
        """What a page that appears later gets besides the run and its snapshots."""
        self._extras.append(make)

    def feed(self, feeder: Feeder | None) -> None:
        """From now on sends what this has, one round of it at a time; None ends it."""
        self._feeder = feeder
        self.wake()

    def wake(self) -> None:
        """The feeder has something new."""
        with self._wake:
            self._wake.notify()

    def record(self, snapshots: list[Snapshot] | None = None) -> list[Packet]:
        """All a page needs, in order: what `greet` sends, and what an exported file holds.

        Of large predictions an exported file holds a random sample.
        """
        if isinstance(self.source, LargePredictions):
            rows = self.source.sample(HANDOUT_BYTES)
            return [*self.source.opening(rows), *self.source.pieces(rows)]
        kept = list(self.source.timeline) if snapshots is None else snapshots
        packets = [run_packet(self.source)]
        for i in range(0, len(kept), MOST_SNAPSHOTS):
            packets.append(snapshots_packet(self.source, kept[i : i + MOST_SNAPSHOTS]))
        return packets + [packet for make in self._extras for packet in make()]

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._unsubscribe()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _hear(self, event: Event) -> None:
        with self._wake:
            if not self._greeted:
                return
            if event.kind == "snapshot":
                # a fan's first member stands for it
                snapshot = event.data["snapshot"] if "snapshot" in event.data else event.data["snapshots"][0]
                self._snapshots[snapshot.step] = snapshot
            elif event.kind == "state":
                self._state = True
            elif event.kind == "reset":
                self._snapshots.clear()
                self._packets.clear()
                self._everything = True
            elif event.kind == "branch":
                step = event.data["step"]
                self._snapshots = {s: v for s, v in self._snapshots.items() if s <= step}
                self._packets["branch"] = Packet({"kind": "branch", "step": step})
                self._state = True
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (
                    self._everything
                    or self._state
                    or self._snapshots
                    or self._packets
                    or self._more_pieces
                    or self._closed
                ):
                    due = self._feeder.due() if self._feeder is not None else None
                    if due == 0:
                        break
                    self._wake.wait(due)
                if self._closed:
                    return
                everything, self._everything = self._everything, False
                state, self._state = self._state, False
                snapshots, self._snapshots = list(self._snapshots.values()), {}
                packets, self._packets = list(self._packets.values()), {}
            try:
                self._publish(everything, state, snapshots, packets)
            except Exception:  # the source went on meanwhile, or a comm closed: the next round tells the rest
                LOG.exception("publishing failed")
            time.sleep(1 / MAX_PER_SECOND)

    def _publish(
        self, everything: bool, state: bool, snapshots: list[Snapshot], packets: list[Packet]
    ) -> None:
        if everything and isinstance(self.source, LargePredictions):
            self._pieces, self._more_pieces = self.source.pieces(), True
            packets = self.source.opening() + packets
        elif everything:
            packets = self.record() + (self._feeder.everything() if self._feeder else []) + packets
        else:
            if snapshots:
                packets.append(snapshots_packet(self.source, snapshots, self.source.timeline.steps))
            if state:
                packets.append(state_packet(self.source))
            if self._more_pieces and not packets:
                piece = next(self._pieces, None)
                self._more_pieces = piece is not None
                packets += [piece] if piece is not None else []
        if self._feeder is not None:
            packets = packets + self._feeder.next()
        for packet in packets:
            self._serial += 1
            for header, buffers in chunked(packet, self._serial):
                self._send(header, buffers)
