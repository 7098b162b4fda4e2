"""Fans on disk: ``fan.json``, and a folder for each member that is a saved run of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clsviz.data.dataset import Dataset
from clsviz.errors import InputError
from clsviz.training import store
from clsviz.training.fan_members import Member
from clsviz.training.snapshot import Snapshot
from clsviz.training.timeline import curve_of

FORMAT = "clsviz fan"
VERSION = 1
HEADER = "fan.json"


@dataclass(frozen=True, slots=True, eq=False)
class SavedFan:
    """What `read` found: the vary and seeds of the fan, and the run of each member."""

    vary: dict[str, list[float]]
    seeds: list[int]
    diverged: np.ndarray
    budget_bytes: int
    runs: list[store.Saved]


def write(
    folder: str | Path,
    *,
    vary: Mapping[str, Sequence[float]],
    seeds: Sequence[int],
    members: Sequence[Member],
    moments: Sequence[Sequence[Snapshot]],
    diverged: np.ndarray,
    target: int,
    budget_bytes: int,
    extras: Mapping[str, Any],
    own_data: Dataset | None,
) -> None:
    """Writes a fan into `folder`; each member's part can be opened with `Run.load`, too.

    Args:
        moments: the snapshots of each member, all of the same steps.
        own_data: kept with the first member alone.
    """
    folder = Path(folder)
    for m, snapshots in zip(members, moments, strict=True):
        store.write(
            _place(folder, m.index),
            experiment=m.experiment,
            target=target,
            budget_bytes=budget_bytes,
            snapshots=snapshots,
            curve=curve_of(snapshots),
            extras=extras,
            own_data=None if m.index else own_data,
        )
    header = {
        "format": FORMAT,
        "version": VERSION,
        "vary": {path: list(values) for path, values in vary.items()},
        "seeds": list(seeds),
        "diverged": diverged.tolist(),
        "budget_bytes": budget_bytes,
    }
    store.replace_file(folder / HEADER, json.dumps(header, indent=1, allow_nan=False).encode())


def read(folder: str | Path) -> SavedFan:
    """The fan saved in `folder`.

    Raises:
        InputError: there is none, it is damaged, or a later version wrote it; the message says which.
    """
    folder = Path(folder)
    try:
        header: Any = json.loads((folder / HEADER).read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"no saved fan in {folder}: {HEADER} is missing; Fan.save(folder) writes one"
        ) from None
    except ValueError as error:
        raise _damaged(folder, f"{HEADER} is no JSON ({error})") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _damaged(folder, f"{HEADER} does not describe a {FORMAT}")
    if header.get("version") != VERSION:
        raise InputError(
            f"the fan in {folder} has file version {header.get('version')!r}; this clsviz reads {VERSION}"
        )
    try:
        diverged = np.array(header["diverged"], np.int64)
        vary, seeds, budget = header["vary"], header["seeds"], header["budget_bytes"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"{HEADER}: {type(error).__name__}: {error}") from error
    runs = [store.read(_place(folder, k)) for k in range(len(diverged))]
    if not runs or len({tuple(s.step for s in run.snapshots) for run in runs}) > 1:
        raise _damaged(folder, "its members do not belong together")
    return SavedFan(vary, seeds, diverged, budget, runs)


def _place(folder: Path, member: int) -> Path:
    return folder / f"member-{member:03d}"


def _damaged(folder: Path, why: str) -> InputError:
    return InputError(f"the fan in {folder} is damaged: {why}; save it again, or copy the folder anew")
