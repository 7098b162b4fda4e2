"""A source as the messages that the browser's session reads (js/src/core/session.ts)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clsviz.data import Dataset
from clsviz.training import Fan, Run, Snapshot, Source
from clsviz.widgets.traits import as_bytes

CHUNK_BYTES = 1_000_000  # larger messages are cut into pieces, so that others get through between them


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """One message of the stream: a JSON header and its binary buffers."""

    header: dict[str, Any]
    buffers: list[np.ndarray] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return sum(b.nbytes for b in self.buffers)


def reference_rows(data: Dataset) -> np.ndarray:
    """What prototypes, centroids and neighbours are made of: the training part where there is one."""
    return data.train if len(data.train) else data.validation


def pair_rows(data: Dataset) -> np.ndarray:
    """What the boundary of two classes is drawn from: the training part, or one that has two classes."""
    train, held = data.train, data.validation
    here, there = (len(np.unique(data.y[rows])) for rows in (train, held))
    return held if here < 2 and there > here else train


def run_state(source: Source) -> dict[str, Any]:
    """The changing part of a run, for the training row of the lab."""
    latest = list(source.timeline)[-1:]
    message, epochs = "", latest[0].epoch if latest else 0.0
    if isinstance(source, Run | Fan):
        message, epochs = source.message, source.progress["epochs"]
    experiment = source.experiment
    return {
        "id": source.run_id,
        "state": source.state,
        "message": message,
        "epochs": epochs,
        "experiment": experiment.to_json() if experiment is not None else None,
        "loss": source.loss.to_json(),
        "recipe": source.recipe.to_json() if isinstance(source, Run) else None,
        "trainable": isinstance(source, Run | Fan),
        "changeable": isinstance(source, Run),
    }


def run_packet(source: Source) -> Packet:
    """Data, network and state: the first message of a run."""
    data = source.dataset
    n = len(data.y)
    everything = np.arange(n)
    # one whole part, labels without noise: what need not be said is not sent
    all_rows = all(np.array_equal(rows, everything) for rows in (reference_rows(data), data.validation))
    clean = np.array_equal(data.y, data.y_clean)
    nothing = np.empty(0, np.int32)
    return Packet(
        {
            "kind": "run",
            "run": run_state(source),
            "unusable": source.unusable_losses if isinstance(source, Run) else {},
            "all_rows": all_rows,
            "clean": clean,
            "network": source.network,
            "dataset": {
                "name": data.name,
                "n": n,
                "d": data.n_features,
                "k": data.n_classes,
                "class_names": list(data.class_names),
                "feature_names": list(data.feature_names),
                "image_shape": list(data.image_shape) if data.image_shape else None,
                "tilt": None if data.tilt is None else dict(data.tilt),
            },
        },
        [
            data.X.astype(np.float32),
            data.y.astype(np.int32),
            nothing if clean else data.y_clean.astype(np.int32),
            nothing if all_rows else reference_rows(data).astype(np.int32),
            nothing if all_rows else data.validation.astype(np.int32),
        ],
    )


def state_packet(source: Source) -> Packet:
    return Packet({"kind": "state", "run_id": source.run_id, "run": run_state(source)})


def snapshots_packet(
    source: Source, snapshots: Sequence[Snapshot], keep: Iterable[int] | None = None
) -> Packet:
    """Snapshots as the browser needs them: parameters, or logits where it cannot run the network."""
    items, buffers = [], []
    for s in snapshots:
        numbers = s.theta if source.network is not None else s.logits
        assert numbers is not None
        metrics = {k: (v if np.isfinite(v) else None) for k, v in s.metrics.items()}
        items.append({"step": s.step, "epoch": s.epoch, "metrics": metrics})
        buffers.append(np.asarray(numbers, dtype=np.float32).ravel())
    header: dict[str, Any] = {"kind": "snapshots", "run_id": source.run_id, "items": items}
    if keep is not None:
        header["keep"] = list(keep)
    return Packet(header, buffers)


def chunked(packet: Packet, serial: int) -> Iterator[tuple[dict[str, Any], list[memoryview]]]:
    """The packet as messages of at most CHUNK_BYTES: itself when it is small, else numbered pieces."""
    views = [as_bytes(b) for b in packet.buffers]
    if packet.nbytes <= CHUNK_BYTES:
        yield packet.header, views
        return
    whole = b"".join(views)
    sizes = [v.nbytes for v in views]
    count = -(-len(whole) // CHUNK_BYTES)
    for i in range(count):
        piece = memoryview(whole)[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES]
        head: dict[str, Any] = {"kind": "chunk", "serial": serial, "index": i, "count": count}
        if i == 0:
            head |= {"header": packet.header, "sizes": sizes}
        yield head, [piece]
