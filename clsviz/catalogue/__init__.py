"""The catalogue: everything a user can choose or see, registered once.

Reading it needs no torch: entries come from ``index.json``, which ``python -m clsviz.catalogue``
writes from the decorators in the source (a test fails when it is stale).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from clsviz.catalogue.spec import OBJECTS, REGISTRY, Method, Paper, Param, Range, Spec, method
from clsviz.errors import UnknownName

__all__ = [
    "Method",
    "Paper",
    "Param",
    "Range",
    "Spec",
    "get",
    "load",
    "method",
    "methods",
    "papers",
    "resolve",
    "search",
]

FAMILIES = ("data", "models", "losses", "training", "calibration", "boundary", "prototypes", "landscape")
INDEX = Path(__file__).with_name("index.json")


@cache
def _index() -> dict[str, Method]:
    entries = json.loads(INDEX.read_text(encoding="utf-8"))["methods"]
    own = set(Method.__dataclass_fields__)  # the rest is what the side panel shows: formula as MathML, cell
    return {e["id"]: Method.from_json({k: v for k, v in e.items() if k in own}) for e in entries}


@cache
def formulas() -> dict[str, str]:
    """MathML of each entry that has a formula, by id; browsers draw it themselves."""
    entries = json.loads(INDEX.read_text(encoding="utf-8"))["methods"]
    return {e["id"]: e["mathml"] for e in entries if e["mathml"]}


def methods(kind: str | None = None, family: str | None = None) -> list[Method]:
    """All entries, in order of registration, or those of one kind and/or family."""
    return [m for m in _index().values() if kind in (None, m.kind) and family in (None, m.family)]


def get(id: str) -> Method:
    """The entry with this id, e.g. ``losses.gce``.

    Raises:
        UnknownName: there is no such entry; the message lists its family.
    """
    try:
        return _index()[id]
    except KeyError:
        family = id.split(".")[0]
        near = [m.id for m in methods() if m.family == family] or list(FAMILIES)
        raise UnknownName(f"no catalogue entry {id!r}; there are {near}") from None


@cache
def papers() -> tuple[Paper, ...]:
    """The papers whose claims are measured here, with their entries and exhibits; verdicts: `cv.exhibits`."""
    rows = json.loads(INDEX.read_text(encoding="utf-8"))["papers"]
    return tuple(Paper(**{**row, "entries": tuple(row["entries"])}) for row in rows)


def search(text: str) -> list[Method]:
    """Entries in which every word of `text` occurs (title, summary, paper, id); best first."""
    words = text.lower().split()

    def rank(m: Method) -> int:
        where = (m.id.lower(), m.title.lower(), m.summary.lower(), m.paper.lower())
        if not all(any(w in part for part in where) for w in words):
            return -1
        return sum((4, 3, 2, 1)[i] for w in words for i, part in enumerate(where) if w in part)

    ranked = [(rank(m), m) for m in methods()]
    return [m for r, m in sorted(ranked, key=lambda pair: -pair[0]) if r >= 0]


def load() -> dict[str, Method]:
    """Imports every family (and with them torch) and returns the live registry."""
    for family in FAMILIES:
        importlib.import_module(f"clsviz.{family}")
    return REGISTRY


def resolve(kind: str, name: str) -> tuple[Method, Callable[..., Any]]:
    """The entry of this kind called `name` (or with this id), and the object behind it.

    Raises:
        UnknownName: no entry of that kind has this name; the message lists those there are.
    """
    for m in load().values():
        if m.kind == kind and name in (m.name, m.id):
            return m, OBJECTS[m.id]
    known = [m.name for m in REGISTRY.values() if m.kind == kind]
    raise UnknownName(f"no {kind} is called {name!r}; there are {known}")
