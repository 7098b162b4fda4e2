"""Runs one phase of the set-up quietly: one line on the screen, all output in .venv/setup.log.

    python3 scripts/phase.py "what is being done" COMMAND...

When the command fails, the end of its output is printed. Needs only Python's standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

LOG = Path(os.environ.get("VENV", ".venv")) / "setup.log"
TAIL = 40  # lines shown of a failure


def phase(label: str, command: list[str], env: dict[str, str] | None = None, required: bool = True) -> bool:
    """Runs `command`; True when it worked. A failure ends the program unless `required` is False."""
    print(f"  {label} ...", end="", flush=True)
    start = time.monotonic()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a+b") as log:
        log.write(f"\n== {label}: {' '.join(command)}\n".encode())
        log.flush()
        here = log.tell()
        try:
            status = subprocess.call(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            status = 127
        seconds = f"{time.monotonic() - start:.0f} s"
        if status == 0:
            print(f" {seconds}")
            return True
        if not required:
            print(f" not possible ({seconds})")
            return False
        log.seek(here)
        tail = deque((line.decode(errors="replace").rstrip() for line in log), maxlen=TAIL)
    print(f" FAILED after {seconds}; the last lines of {LOG}:\n")
    print(*tail, sep="\n")
    sys.exit(status)


if __name__ == "__main__":
    phase(sys.argv[1], sys.argv[2:])
