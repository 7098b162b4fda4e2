"""The loss landscape round a snapshot, computed coarse to fine and sent as tables."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from clsviz.catalogue import Spec
from clsviz.errors import InputError
from clsviz.landscape import random_directions, surprisal_histogram, trajectory_plane
from clsviz.landscape.score_line import score_key, score_tables
from clsviz.landscape.tables import (
    COARSE,
    TEMPERATURES,
    QuantisedTable,
    accuracy_map,
    dequantise,
    is_rowwise,
    landscape_logits,
    loss_table,
    quantise_table,
)
from clsviz.training import Snapshot, Source
from clsviz.widgets.landscape_score import Score, Terms, scored_by, trained_loss
from clsviz.widgets.wire import Packet

SAMPLES = 512  # validation samples averaged, the same that hovering evaluates in the browser
RESOLUTION = 41  # points per axis
RESOLUTION_SLOW = 21  # for networks the browser cannot run: their forward pass is dearer
PATH_MARGIN = 0.25  # of the path's span, on each side of it
LEAST_ASPECT = 0.85  # of the short side to the long one: both axes then have one scale on screen
MOST_PATH = 120  # checkpoints in the path's plane
PROGRESS_EVERY = 40  # grid points
LINE_PARTS = 8  # of the tables of the loss line: what a person asks for waits for one of them at most
MOST_ASKED = 4  # tables of losses that were asked for one by one

Put = Callable[[str, Packet], None]
Job = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane of weight space through a snapshot, and the training path on it."""

    name: str
    snapshot: Snapshot
    origin: np.ndarray  # (P,)
    dx: np.ndarray  # (P,)
    dy: np.ndarray  # (P,)
    xs: np.ndarray
    ys: np.ndarray
    path: list[dict[str, float]]
    explained: float | None
    cosine: float | None


@dataclass(frozen=True, slots=True, eq=False)
class LandscapeResult:
    """The surface on screen; loss[j, i] at origin + xs[i] dx + ys[j] dy."""

    plane: str  # "path" or "random"
    xs: np.ndarray  # (nx,)
    ys: np.ndarray  # (ny,)
    loss: np.ndarray  # (ny, nx), NaN where not finite
    accuracy: np.ndarray  # (ny, nx) in [0, 1]
    score: str  # name of the loss it is scored with
    temperature: float
    step: int  # of the network at the centre
    samples: int
    path: np.ndarray  # (M, 2) where the checkpoints of the training lie; empty for a single network


class LandscapeJob:
    """Computes landscapes of one source and keeps the last, with its logits, for rescoring."""

    def __init__(self, source: Source, put: Put, submit: Callable[[str, Job], None]) -> None:
        self._source = source
        self._put = put
        self._submit = submit  # to the thread that it runs in
        self.plane_name: str | None = None
        self.resolution: int | None = None  # points per axis; None: as the network allows
        self._header: dict[str, Any] | None = None
        self._buffers: list[np.ndarray] = []
        self._tables: dict[str, Packet] = {}
        self._asked: dict[str, Packet] = {}  # the newest last
        self._logits: np.ndarray | None = None
        self._labels = np.zeros(0, np.int64)

    @property
    def complete(self) -> bool:
        return self._header is not None and self._header["landscape"]["progress"] == 1.0

    def answers(self, plane: str, resolution: int | None) -> bool:
        """Whether what is computed is the whole of what is asked for."""
        return self.complete and (self.plane_name, self.resolution) == (plane, resolution)

    def result(self, score: Score, temperature: float) -> LandscapeResult:
        """The surface under a loss (None: the one trained with) and a temperature."""
        assert self._logits is not None
        if score is None or isinstance(score, Mapping):
            name, fn = trained_loss(self._source) if score is None else scored_by(Spec.of(score))
            table = self._losses(fn, self._logits, [temperature])
        else:
            name = score_key(score)
            tables = score_tables(self._logits, self._labels, stops=[score], temperatures=[temperature])
            table = tables[name]
        return self._shaped(table, accuracy_map(self._logits, self._labels), name, temperature)

    def now(self, score: Score, temperature: float) -> LandscapeResult | None:
        """What there is so far: `result`, or the coarse map of the loss trained with, or None."""
        if self.complete and self._logits is not None:
            return self.result(score, temperature)
        header, buffers = self._header, self._buffers
        if header is None or len(buffers) < 5:
            return None
        codes = QuantisedTable(buffers[3], header["low"], header["scale"], header["shift"], TEMPERATURES)
        nearest = int(np.abs(np.log(TEMPERATURES / temperature)).argmin())
        table = dequantise(codes)[:, nearest]
        return self._shaped(table, buffers[4], header["landscape"]["loss"], float(TEMPERATURES[nearest]))

    def _shaped(
        self, table: np.ndarray, accuracy: np.ndarray, score: str, temperature: float
    ) -> LandscapeResult:
        assert self._header is not None
        land = self._header["landscape"]
        xs, ys = np.array(land["xs"]), np.array(land["ys"])
        shape = (len(ys), len(xs))
        return LandscapeResult(
            land["plane"],
            xs,
            ys,
            np.where(np.isfinite(table), table, np.nan).reshape(shape),
            accuracy.reshape(shape),
            score,
            temperature,
            land["step"],
            land["samples"],
            np.array([[p["x"], p["y"]] for p in land["path"]]).reshape(-1, 2),
        )

    def clear(self) -> None:
        self._header, self._buffers, self._tables, self._asked, self._logits = None, [], {}, {}, None

    def packets(self) -> list[Packet]:
        """The last landscape and its tables, as messages."""
        if self._header is None:
            return []
        return [Packet(self._header, self._buffers), *self._tables.values(), *self._asked.values()]

    def prepare(self, plane: str | None, step: int | None) -> Job:
        """A job for the probe thread; `plane` None keeps the last choice."""
        if plane is not None:
            self.plane_name = plane
        return lambda cancelled: self._compute(step, cancelled)

    def rescore(self, cancelled: Callable[[], bool]) -> None:
        """The table of the loss trained with, anew from the cached logits."""
        if not self.complete or self._logits is None or self._header is None or cancelled():
            return
        key, fn = trained_loss(self._source)
        self._header = self._header | {"landscape": self._header["landscape"] | {"loss": key}}
        header, values = _table(self._losses(fn, self._logits))
        self._header = self._header | header
        self._buffers = [*self._buffers[:3], values, *self._buffers[4:]]
        for packet in self.packets():
            self._put(f"{packet.header['kind']} {packet.header['score']}", packet)

    def asked(self, key: str, spec: Spec) -> Job:
        """A job that makes the table of a loss from the cached logits.

        Raises:
            InputError, UnknownName: the landscape cannot be scored with it.
        """
        _, fn = scored_by(spec)

        def job(cancelled: Callable[[], bool]) -> None:
            logits, ident = self._logits, self._ident
            if not self.complete or logits is None or key in self._asked:
                return
            torch.set_num_threads(1)  # of this thread, as below
            table = np.empty((len(logits), len(TEMPERATURES)), np.float32)
            for start in range(0, len(logits), PROGRESS_EVERY):
                if cancelled() or self._ident != ident:
                    return
                part = slice(start, start + PROGRESS_EVERY)
                table[part] = self._losses(fn, logits[part])
                said = {"kind": "landscape_scoring", "id": ident, "key": key}
                self._put("landscape_scoring", Packet(said | {"progress": start / len(logits)}))
            header, values = _table(table)
            packet = Packet(header | {"kind": "landscape_table", "id": ident, "score": key}, [values])
            self._asked[key] = packet
            for old in list(self._asked)[:-MOST_ASKED]:
                del self._asked[old]
            self._put(f"landscape_table {key}", packet)

        return job

    def surprisals(self, temperature: float) -> Job:
        """A job that makes the histogram of surprisals at a temperature."""

        def job(cancelled: Callable[[], bool]) -> None:
            logits, ident = self._logits, self._ident
            if not self.complete or logits is None or cancelled():
                return
            torch.set_num_threads(1)
            found = surprisal_histogram(logits, self._labels, temperature=temperature)
            header = {
                "kind": "landscape_surprisals",
                "id": ident,
                "temperature": temperature,
                "edges": found.edges.tolist(),
                "samples": found.samples,
            }
            self._put("landscape_surprisals", Packet(header, [found.counts, found.places]))

        return job

    @property
    def _ident(self) -> str | None:
        return None if self._header is None else self._header["landscape"]["id"]

    def _losses(self, fn: Terms, logits: np.ndarray, temperatures: Any = TEMPERATURES) -> np.ndarray:
        rowwise = is_rowwise(fn, logits.shape[2])
        return loss_table(logits, self._labels, fn, temperatures, rowwise=rowwise)

    def _compute(self, step: int | None, cancelled: Callable[[], bool]) -> None:
        source = self._source
        snapshot = source.timeline.latest if step is None else source.timeline.at(step)
        module = source.model_at(snapshot.step)
        if not isinstance(module, nn.Module):
            raise InputError("a landscape needs a torch module: this model has no weights to walk in")
        module = copy.deepcopy(module).cpu().requires_grad_(True)
        side = self.resolution or (RESOLUTION if source.network is not None else RESOLUTION_SLOW)
        plane = _plane(source, module, snapshot, self.plane_name, side)
        data = source.dataset
        rows = data.validation[:SAMPLES]
        x = torch.from_numpy(np.ascontiguousarray(data.X[rows]))
        self._labels = data.y[rows]
        loss_name, loss_fn = trained_loss(source)
        run_id, ident = source.run_id, uuid.uuid4().hex
        total = side * side
        logits = np.empty((total, len(rows), data.n_classes), np.float32)
        levels = _level_sizes(side)
        torch.set_num_threads(1)  # of this thread: the trainer and the interface share the machine

        def show(stride: int, progress: float) -> None:
            xs, ys = plane.xs[::stride], plane.ys[::stride]
            cells = (np.arange(0, side, stride)[:, None] * side + np.arange(0, side, stride)).ravel()
            header, values = _table(self._losses(loss_fn, logits[cells]))
            accuracy = accuracy_map(logits[cells], self._labels)
            # before the header: a page that appears meanwhile asks for both (`packets`)
            self._buffers = [plane.origin, plane.dx, plane.dy, values, accuracy]
            self._header = header | {
                "kind": "landscape",
                "run_id": run_id,
                "score": "trained",
                "landscape": {
                    "id": ident,
                    "plane": plane.name,
                    "step": snapshot.step,
                    "xs": xs.tolist(),
                    "ys": ys.tolist(),
                    "progress": progress,
                    "path": plane.path,
                    "explained": plane.explained,
                    "cosine": plane.cosine,
                    "samples": len(rows),
                    "temperatures": TEMPERATURES.tolist(),
                    "loss": loss_name,
                    "classes": data.n_classes,
                },
            }
            self._put("landscape trained", Packet(self._header, self._buffers))

        count = 0
        for cells, chunk in landscape_logits(module, x, plane.origin, plane.dx, plane.dy, plane.xs, plane.ys):
            if cancelled() or source.run_id != run_id:
                self._put("landscape_progress", Packet({"kind": "landscape_stopped", "id": ident}))
                return
            logits[cells] = chunk
            before, count = count, count + len(cells)
            if count in levels and count < total:
                show(levels[count], count / total)
            elif (
                count < total
                and before // PROGRESS_EVERY != count // PROGRESS_EVERY
                and self._header is not None
            ):
                progress = {"kind": "landscape_progress", "id": ident, "progress": count / total}
                self._put("landscape_progress", Packet(progress))
        self._logits, self._tables, self._asked = logits, {}, {}
        show(1, 1.0)
        if cancelled():
            return
        self._submit("landscape_tables", self._line(ident, logits, []))

    def _line(self, ident: str, logits: np.ndarray, made: list[dict[str, np.ndarray]]) -> Job:
        """A job that makes one part of the loss line's tables; what was asked meanwhile comes between."""

        def job(cancelled: Callable[[], bool]) -> None:
            if cancelled() or self._ident != ident:
                return
            part = np.array_split(logits, LINE_PARTS)[len(made)]
            parts = [*made, score_tables(part, self._labels)]
            if len(parts) < LINE_PARTS:
                return self._submit("landscape_tables", self._line(ident, logits, parts))
            for name in parts[0]:
                header, values = _table(np.concatenate([tables[name] for tables in parts]))
                packet = Packet(header | {"kind": "landscape_table", "id": ident, "score": name}, [values])
                self._tables[name] = packet
                self._put(f"landscape_table {name}", packet)

        return job


def for_good(packet: Packet) -> Packet:
    """The packet for a file, where nothing goes on: an unfinished map stays the coarse map that it is."""
    land = packet.header.get("landscape")
    if land is None or land["progress"] == 1.0:
        return packet
    return Packet(packet.header | {"landscape": land | {"stopped": True}}, packet.buffers)


def _plane(source: Source, module: nn.Module, snapshot: Snapshot, name: str | None, side: int) -> Plane:
    """The plane asked for; that of the path where there is one to see, else a random one."""
    kept = list(source.timeline)
    stride = max(1, len(kept) // MOST_PATH)
    kept = sorted({s.step: s for s in [*kept[::stride], snapshot, kept[-1]]}.values(), key=lambda s: s.step)
    thetas = np.stack([_theta(s) for s in kept])
    centre = [s.step for s in kept].index(snapshot.step)
    moved = len(kept) >= 3 and bool((thetas != thetas[0]).any())
    if name == "path" and not moved:
        name = "random"  # a single network has no path
    if name != "random" and moved:
        found = trajectory_plane(torch.from_numpy(thetas), reference=centre)
        dx, dy = found.basis.numpy()
        coords = found.coords.numpy()
        xs, ys = _window(coords, side)
        explained, cosine = float(found.explained.sum()), None
        name = "path"
    else:
        dx, dy = random_directions(module, 2).double().numpy()
        away = thetas - thetas[centre]
        gram = np.array([[dx @ dx, dx @ dy], [dx @ dy, dy @ dy]])
        coords = np.linalg.solve(gram, np.stack([away @ dx, away @ dy])).T
        xs = ys = np.linspace(-1, 1, side)
        explained, name = None, "random"
        cosine = float(dx @ dy / np.sqrt((dx @ dx) * (dy @ dy)))
    path = [
        {"x": float(x), "y": float(y), "step": s.step, "epoch": s.epoch}
        for s, (x, y) in zip(kept, coords, strict=True)
    ]
    return Plane(
        name,
        snapshot,
        thetas[centre].astype(np.float32),
        dx.astype(np.float32),
        dy.astype(np.float32),
        xs,
        ys,
        path if len(path) > 1 else [],
        explained,
        cosine,
    )


def _theta(snapshot: Snapshot) -> np.ndarray:
    if snapshot.theta is None:
        raise InputError("a landscape needs a torch module: this model has no weights to walk in")
    return snapshot.theta.astype(np.float64)


def _window(coords: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Axes that hold the whole path with a margin, and are nearly equally long."""
    low, high = coords.min(0), coords.max(0)
    span = np.maximum(high - low, (high - low).max() * LEAST_ASPECT)
    centre = (low + high) / 2
    half = span * (0.5 + PATH_MARGIN)
    return tuple(np.linspace(c - h, c + h, side) for c, h in zip(centre, half, strict=True))  # type: ignore[return-value]


def _level_sizes(side: int) -> dict[int, int]:
    """How many cells are done at the end of each pass, and that pass's stride."""
    strides, stride = [], 1
    while side - 1 >= 2 * stride * (COARSE - 1):
        stride *= 2
    while stride:
        strides.append(stride)
        stride //= 2
    return {len(range(0, side, s)) ** 2: s for s in strides}


def _table(table: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Header fields and values of a loss table on the wire."""
    q = quantise_table(table)
    return {"low": q.offset, "scale": q.scale, "shift": q.shift}, q.codes
