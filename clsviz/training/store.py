"""Runs on disk: ``run.json`` (what and how far) and ``tensors.safetensors`` (all arrays).

No pickle is written or read, so a file can do nothing but hold numbers and text.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from clsviz.data.dataset import Dataset
from clsviz.errors import ClsvizError, InputError
from clsviz.training.experiment import Experiment
from clsviz.training.snapshot import Snapshot

FORMAT = "clsviz run"
VERSION = 1
HEADER = "run.json"
TENSORS = "tensors.safetensors"
DATA_ARRAYS = ("X", "y", "y_clean", "train", "validation")
OPTIONAL_ARRAYS = ("label_sets", "values", "unlabelled")


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What `read` found."""

    experiment: Experiment
    target: int
    budget_bytes: int
    snapshots: list[Snapshot]
    curve: dict[str, np.ndarray]
    extras: dict[str, np.ndarray]
    own_data: Dataset | None

    def curve_rows(self) -> list[dict[str, float]]:
        return [
            {name: int(v) if name == "step" else float(v) for name, v in zip(self.curve, row, strict=True)}
            for row in zip(*self.curve.values(), strict=True)
        ]


def write(
    folder: str | Path,
    *,
    experiment: Experiment,
    target: int,
    budget_bytes: int,
    snapshots: Sequence[Snapshot],
    curve: Mapping[str, np.ndarray],
    extras: Mapping[str, Any],
    own_data: Dataset | None,
) -> None:
    """Writes a run into `folder` (made where missing); a former run there is replaced when all is written."""
    tensors: dict[str, Tensor] = {f"curve/{k}": torch.from_numpy(v) for k, v in curve.items()}
    tensors |= {f"extras/{k}": torch.as_tensor(v) for k, v in extras.items()}
    moments = []
    for snapshot in snapshots:
        tensors |= _pack(snapshot)
        moments.append(
            {"step": snapshot.step, "epoch": snapshot.epoch, "resume": snapshot.resume is not None}
        )
    data = None
    if own_data is not None:
        arrays = {k: getattr(own_data, k) for k in (*DATA_ARRAYS, *OPTIONAL_ARRAYS)}
        tensors |= {f"data/{k}": torch.from_numpy(v) for k, v in arrays.items() if v is not None}
        data = {
            "name": own_data.name,
            "class_names": list(own_data.class_names),
            "feature_names": list(own_data.feature_names),
            "image_shape": own_data.image_shape,
            "bayes_error": own_data.bayes_error,
            "tilt": own_data.tilt and dict(own_data.tilt),
        }
    # Copies: safetensors refuses arrays that share memory, as y and y_clean may.
    content = save({k: v.detach().cpu().clone() for k, v in tensors.items()})
    header = {
        "format": FORMAT,
        "version": VERSION,
        "experiment": experiment.to_json(),
        "target": target,
        "budget_bytes": budget_bytes,
        "snapshots": moments,
        "data": data,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / TENSORS, content)
    replace_file(folder / HEADER, json.dumps(header, indent=1, allow_nan=False).encode())


def read(folder: str | Path) -> Saved:
    """The run saved in `folder`.

    Raises:
        InputError: there is none, it is damaged, or a later version wrote it; the message says which.
    """
    folder = Path(folder)
    try:
        header = json.loads((folder / HEADER).read_bytes())
        content = (folder / TENSORS).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"no saved run in {folder}: {Path(error.filename).name} is missing; Run.save(folder) writes one"
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise _damaged(folder, f"{HEADER} is no JSON ({error})") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _damaged(folder, f"{HEADER} does not describe a {FORMAT}")
    if header.get("version") != VERSION:
        raise InputError(
            f"the run in {folder} has file version {header.get('version')!r}; this clsviz reads {VERSION}"
        )
    if hashlib.sha256(content).hexdigest() != header.get("sha256"):
        raise _damaged(folder, f"{TENSORS} is not the file that {HEADER} was written with")
    try:
        return _unpack(header, load(content))
    except (KeyError, TypeError, ValueError, SafetensorError, ClsvizError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error


def _pack(snapshot: Snapshot) -> dict[str, Tensor]:
    place = f"snapshot/{snapshot.step}"
    tensors = {f"{place}/buffers/{k}": v for k, v in snapshot.buffers.items()}
    tensors |= {f"{place}/resume/{k}": v for k, v in (snapshot.resume or {}).items()}
    tensors |= {
        f"{place}/metrics/{k}": torch.tensor(v, dtype=torch.float64) for k, v in snapshot.metrics.items()
    }
    for name in ("theta", "logits"):
        array = getattr(snapshot, name)
        if array is not None:
            tensors[f"{place}/{name}"] = torch.from_numpy(array)
    return tensors


def _unpack(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Saved:
    tree: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        # A name of a tensor may hold dots, never a slash.
        place, _, name = key.rpartition("/")
        tree.setdefault(place, {})[name] = tensor
    snapshots = []
    for moment in header["snapshots"]:
        place = f"snapshot/{moment['step']}"
        own = tree.get(place, {})
        snapshots.append(
            Snapshot(
                moment["step"],
                moment["epoch"],
                own["theta"].numpy() if "theta" in own else None,
                tree.get(f"{place}/buffers", {}),
                own["logits"].numpy() if "logits" in own else None,
                {k: float(v) for k, v in tree.get(f"{place}/metrics", {}).items()},
                tree.get(f"{place}/resume", {}) if moment["resume"] else None,
            )
        )
    data = header["data"]
    own_data = None
    if data is not None:
        arrays = {k: tree["data"][k].numpy() for k in DATA_ARRAYS}
        arrays |= {k: tree["data"][k].numpy() for k in OPTIONAL_ARRAYS if k in tree["data"]}
        own_data = Dataset(
            name=data["name"],
            class_names=tuple(data["class_names"]),
            feature_names=tuple(data["feature_names"]),
            image_shape=tuple(data["image_shape"]) if data["image_shape"] else None,
            bayes_error=data["bayes_error"],
            tilt=data.get("tilt"),
            **arrays,
        )
    return Saved(
        Experiment.from_json(header["experiment"]),
        header["target"],
        header["budget_bytes"],
        snapshots,
        {k: v.numpy() for k, v in tree["curve"].items()},
        {k: v.numpy() for k, v in tree.get("extras", {}).items()},
        own_data,
    )


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file that is there whole or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def _damaged(folder: Path, why: str) -> InputError:
    return InputError(f"the run in {folder} is damaged: {why}; save it again, or copy the folder anew")
