"""The stored numbers: ``results/<id>.json``, each seed's, with what they were measured with."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import clsviz
from clsviz.errors import InputError

FOLDER = Path(__file__).with_name("results")
DIGITS = 6  # significant ones that are kept

Measured = Mapping[str, float | list[float]]


def path(id: str) -> Path:
    return FOLDER / f"{id}.json"


def read(id: str) -> dict[str, Any]:
    """``id``, ``scale``, ``versions``, and ``runs``: a list of ``{"seed", "numbers"}``.

    Raises:
        InputError: nothing is stored for this exhibit.
    """
    try:
        return json.loads(path(id).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"exhibit {id!r} has not been measured; run `python -m clsviz.exhibits {id}`"
        ) from None


def write(id: str, runs: Mapping[int, Measured], scale: float) -> None:
    """Stores the numbers of each seed, in place of former ones."""
    import numpy
    import torch

    versions = {"clsviz": clsviz.__version__, "torch": torch.__version__, "numpy": numpy.__version__}
    versions = {name: str(version).partition("+")[0] for name, version in versions.items()}
    rows = [json.dumps({"seed": seed, "numbers": runs[seed]}) for seed in sorted(runs)]
    head = {"id": id, "scale": scale, "versions": versions}
    body = json.dumps(head, indent=1)[:-2] + ',\n "runs": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"
    FOLDER.mkdir(exist_ok=True)
    path(id).write_text(body, encoding="utf-8")


def checked(id: str, values: Mapping[str, Any]) -> Measured:
    """`values` as plain finite floats and lists of them, rounded for the file.

    Raises:
        InputError: a value is something else.
    """
    return {key: _plain(f"exhibit {id!r}: {key}", value) for key, value in values.items()}


def _plain(label: str, value: Any) -> float | list[float]:
    if hasattr(value, "tolist"):
        value = value.tolist()  # numpy and torch
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_number(label, v) for v in value]
    return _number(label, value)


def _number(label: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise InputError(f"{label} must be a finite number or a list of such, got {value!r}")
    return float(f"{float(value):.{DIGITS}g}")
