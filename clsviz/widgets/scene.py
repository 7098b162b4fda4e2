"""Scenes: all that is set in a laboratory as a small piece of JSON, for a cell, a file or a link."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clsviz.errors import InputError
from clsviz.training.recipe import Recipe

VERSION = 1
FRAGMENT = "clsviz="  # what stands before a scene in a link
MOST_BYTES = 1_000_000  # a scene from elsewhere is refused above this
KEYS = {"clsviz", "run", "state", "fan", "title", "note"}


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is set in a lab: how its network was trained, and the state of every control.

    `repr` is Python that opens it again; `link` is the same as the end of a web address. ``hover``, what
    the mouse does, is no part of it, and neither are answers to questions.
    """

    recipe: Recipe
    state: Mapping[str, Any] = field(default_factory=dict)  # what differs from the default
    title: str = ""
    note: str = ""
    fan: Mapping[str, Any] | None = None  # path, values and number of seeds of `Lab.fan_out`

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` gives an equal Scene."""
        entry: dict[str, Any] = {"clsviz": VERSION, "run": self.recipe.to_json(), "state": dict(self.state)}
        optional = {"fan": dict(self.fan or {}), "title": self.title, "note": self.note}
        return entry | {k: v for k, v in optional.items() if v}

    @classmethod
    def from_json(cls, entry: Scene | Mapping[str, Any] | str) -> Scene:
        """A Scene from its JSON: a dict, JSON text, a link, or a Scene as it is.

        Raises:
            InputError, UnknownName: it is no scene, a later clsviz made it, or a name in it is unknown.
        """
        if isinstance(entry, Scene):
            return entry
        if isinstance(entry, str):
            entry = _read(entry)
        if not isinstance(entry, Mapping) or "clsviz" not in entry:
            raise InputError(f"this is no scene: lab.scene() makes one; got {entry!r:.80}")
        version = entry["clsviz"]
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise InputError(f"this is no scene: its version is {version!r:.80}")
        if version > VERSION:
            raise InputError(
                f"this scene has version {version}, made by a later clsviz; this one reads up to {VERSION}: "
                "update clsviz"
            )
        if unknown := sorted(set(map(str, entry)) - KEYS):
            raise InputError(f"a scene has {sorted(KEYS)}, not {unknown}")
        state = entry.get("state", {})
        if not isinstance(state, Mapping) or not all(isinstance(k, str) for k in state):
            raise InputError(f"state: expected an object of names and values, got {state!r:.80}")
        words = {key: entry.get(key, "") for key in ("title", "note")}
        if not all(isinstance(v, str) for v in words.values()):
            raise InputError("title and note of a scene are texts")
        return cls(Recipe.from_json(entry.get("run")), dict(state), **words, fan=_fan(entry.get("fan")))

    def link(self) -> str:
        """``#clsviz=...``: behind the address of a handout of this lab it opens the handout on this scene."""
        packed = zlib.compress(_text(self.to_json()).encode(), 9)
        return f"#{FRAGMENT}{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"

    @property
    def kept_steps(self) -> list[int]:
        """Steps whose networks the scene shows."""
        pinned = self.state.get("pinned")
        shown = [self.state.get("step"), pinned.get("step") if isinstance(pinned, Mapping) else None]
        return [s for s in shown if isinstance(s, int) and 0 <= s <= self.recipe.steps]

    def __repr__(self) -> str:
        return f"cv.Lab.from_scene({_text(self.to_json())!r})"


def _fan(entry: Any) -> dict[str, Any] | None:
    if entry is None:
        return None
    numbers = entry.get("values") if isinstance(entry, Mapping) else None
    ok = (
        isinstance(entry, Mapping)
        and set(entry) == {"path", "values", "seeds"}
        and isinstance(entry["path"], str)
        and isinstance(numbers, list)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers)
        and type(entry["seeds"]) is int
    )
    if not ok:
        raise InputError(f"fan: expected an object with path, values and seeds, got {entry!r:.80}")
    return dict(entry)


def _text(entry: Any) -> str:
    return json.dumps(entry, separators=(", ", ": "), ensure_ascii=False)


def _read(text: str) -> Any:
    """The JSON in a text or a link."""
    if len(text) > MOST_BYTES:
        raise InputError(f"a scene is a short text; this one has {len(text)} characters")
    _, is_link, packed = text.rpartition(FRAGMENT)
    try:
        if is_link and not text.lstrip().startswith("{"):
            raw = base64.urlsafe_b64decode(packed.strip() + "=" * (-len(packed.strip()) % 4))
            whole = zlib.decompressobj()
            text = whole.decompress(raw, MOST_BYTES).decode()
        return json.loads(text)
    except (ValueError, zlib.error, RecursionError) as error:
        raise InputError(
            f"this is no scene: neither JSON nor a link ({error}); was all of it copied?"
        ) from None
