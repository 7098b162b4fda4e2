"""``python -m clsviz.catalogue`` writes index.json from the decorators in the source."""

from __future__ import annotations

import json
from typing import Any

from clsviz import catalogue


def render() -> str:
    """The text of index.json: every entry with its formula as MathML."""
    from latex2mathml.converter import convert

    entries: list[dict[str, Any]] = []
    family = catalogue.FAMILIES.index
    for m in sorted(catalogue.load().values(), key=lambda m: family(m.family)):
        entries.append(m.to_json() | {"mathml": convert(m.formula) if m.formula else ""})
    return json.dumps({"methods": entries}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    catalogue.INDEX.write_text(render(), encoding="utf-8")
    print(f"wrote {len(catalogue.load())} entries to {catalogue.INDEX.name}")
