"""``python -m clsviz.catalogue`` writes index.json from the decorators in the source."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from clsviz import catalogue
from clsviz.catalogue.cells import cell_of, view_cell
from clsviz.catalogue.spec import OBJECTS


def render() -> str:
    """The text of index.json: every entry with formula (MathML), cell and exhibits; the views; the papers."""
    from latex2mathml.converter import convert

    entries: list[dict[str, Any]] = []
    family = catalogue.FAMILIES.index
    papers = _papers()
    for m in sorted(catalogue.load().values(), key=lambda m: family(m.family)):
        mathml = shorter(convert(m.formula)) if m.formula else ""
        own = {"exhibits": [p["exhibit"] for p in papers if m.id in p["entries"]]}
        entries.append(m.to_json() | own | {"mathml": mathml, "cell": cell_of(m, OBJECTS[m.id])})
    tables = {"methods": entries, "views": _views(), "papers": papers}
    return json.dumps(tables, indent=1, ensure_ascii=False) + "\n"


def _papers() -> list[dict[str, Any]]:
    """The papers behind the exhibits, without verdicts: those follow from stored numbers."""
    from clsviz.exhibits.listing import load

    return [
        {"id": found.id, "title": found.paper, "entries": found.entries, "exhibit": found.id}
        for found in load().values()
    ]


def shorter(mathml: str) -> str:
    """The same formula in about half the bytes: letters of a name in one element, characters as they are."""
    letters = r'(?:<mi mathvariant="normal">\w</mi>){2,}'
    joined = re.sub(letters, lambda m: f"<mi>{re.sub('<[^>]*>', '', m[0])}</mi>", mathml)
    plain = re.sub(r"&#x([0-9A-Fa-f]+);", _character, joined)
    return plain.replace(' display="inline"', "")


def _character(code: re.Match[str]) -> str:
    character = chr(int(code[1], 16))
    return code[0] if character in "<>&" else character


def _views() -> list[dict[str, str]]:
    """The views that stand alone: what the side panel lists besides the entries."""
    from clsviz.widgets.lab import VIEWS

    views = []
    for view, _, _ in VIEWS.values():
        first, *rest = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", view.__name__)  # OOD, View
        words = " ".join([first, *(word.lower() for word in rest)])
        summary = (inspect.getdoc(view) or "").split("\n\n")[0].replace("\n", " ")
        views.append(
            {"id": view.__name__, "title": words, "summary": summary, "cell": view_cell(view.__name__)}
        )
    return views


if __name__ == "__main__":
    catalogue.INDEX.write_text(render(), encoding="utf-8")
    print(f"wrote {len(catalogue.load())} entries to {catalogue.INDEX.name}")
