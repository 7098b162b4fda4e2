"""Writes the numbers that the browser side must reproduce: js/test/vectors/NAME.json.

Each ``tests/parity/NAME_vectors.py`` has a function ``vectors()`` that returns a dict or list of plain
values and numpy arrays, computed by clsviz. Run by ``make js-test`` before vitest.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "js" / "test" / "vectors"


def plain(value: Any) -> Any:
    """`value` as JSON has it; numbers that JSON lacks become "NaN", "Infinity" and "-Infinity"."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write(source: Path) -> Path:
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    target = OUT / f"{source.stem.removesuffix('_vectors')}.json"
    target.write_text(json.dumps(plain(module.vectors()), allow_nan=False) + "\n", encoding="utf-8")
    return target


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json"):
        old.unlink()
    for source in sorted(HERE.glob("*_vectors.py")):
        print(f"wrote {write(source).relative_to(OUT.parents[2])}")


if __name__ == "__main__":
    main()
