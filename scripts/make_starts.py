"""Trains the starts that the wheel brings along and writes them into clsviz/starts."""

from __future__ import annotations

from clsviz.training.starts import FOLDER, STARTS, make

for name in STARTS:
    make(name, FOLDER / name)
    print(f"{name:14} {sum(f.stat().st_size for f in (FOLDER / name).iterdir()):9,} bytes")
