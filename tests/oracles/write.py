"""Asks independent packages and stores what they answer: answers/NAME.json. Run by ``make oracles``.

Each ``ask_NAME.py`` here has ``PACKAGES``, ``inputs()`` (name -> nested lists of numbers, from a fixed seed)
and ``answers(inputs)`` (name of the question -> what was asked in clsviz's words, and the answer). They run
in .venv-oracles, where clsviz is not; the suite (test_oracles.py) compares clsviz with the stored answers
and needs none of the packages.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def text(stored: dict[str, dict[str, Any]]) -> str:
    """As JSON, one line for each version, input and answer, so that a change can be read."""

    def block(items: dict[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in items.items())

    return "{\n" + ",\n".join(f"{json.dumps(k)}: {{\n{block(v)}\n}}" for k, v in stored.items()) + "\n}\n"


def main() -> None:
    sys.path.insert(0, str(HERE))
    for source in sorted(HERE.glob("ask_*.py")):
        module = importlib.import_module(source.stem)
        given = module.inputs()
        found = module.answers(given)
        versions = {package: version(package) for package in module.PACKAGES}
        target = HERE / "answers" / f"{source.stem.removeprefix('ask_')}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(text({"versions": versions, "inputs": given, "answers": found}), encoding="utf-8")
        print(f"{target.relative_to(HERE.parents[1])}: {len(found)} answers of {versions}")


if __name__ == "__main__":
    main()
