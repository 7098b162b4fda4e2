"""Where the files lie that clsviz brings along."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent
STATIC = PACKAGE / "static"  # what the widgets send to the browser; written by js/build.mjs


def notebooks() -> Path:
    """The folder of the course notebooks: inside the wheel, or that of a source checkout."""
    installed = PACKAGE / "_notebooks"
    return installed if installed.is_dir() else PACKAGE.parent / "notebooks"
