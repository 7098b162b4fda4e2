"""The ``clsviz`` command: open the laboratory, copy the course notebooks, check the installation."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from clsviz._paths import notebooks
from clsviz.environment import FOR_THE_LAB, INSTALL_LAB

START = "start.ipynb"
# JupyterLab would ask for news, newer versions and an extension list: no request leaves the machine.
OFFLINE = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="clsviz", description="A live laboratory for classifiers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab = commands.add_parser(
        "lab",
        help="open the laboratory in JupyterLab",
        description="Opens JupyterLab on a copy of the course notebooks. Further options go to JupyterLab.",
    )
    lab.add_argument("folder", nargs="?", type=Path, default=Path("lab"), metavar="DIR")
    copy = commands.add_parser("notebooks", help="copy the course notebooks; edited ones are kept")
    copy.add_argument("folder", type=Path, metavar="DIR")
    commands.add_parser("check", help="print versions, device and what is missing")

    options, further = parser.parse_known_args(argv)
    if further and options.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        if options.command == "lab":
            return open_lab(options.folder, further)
        if options.command == "notebooks":
            return copy_notebooks(options.folder)
    except OSError as error:
        print(f"clsviz: {error}", file=sys.stderr)
        return 1
    return check()


def copy_notebooks(folder: Path) -> int:
    """Copies the course notebooks into `folder`, never over a file that is there; says what it did."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(notebooks().glob("*.ipynb")):
        target = folder / source.name
        if not target.exists():
            shutil.copyfile(source, target)
            print(f"copied     {target}")
        elif target.read_bytes() == source.read_bytes():
            print(f"unchanged  {target}")
        else:
            print(f"kept       {target} (it differs from the course's; delete it to get a fresh copy)")
    return 0


def open_lab(folder: Path, further: Sequence[str] = ()) -> int:
    """Copies the notebooks into `folder` and runs JupyterLab on the first of them until it is stopped."""
    if any(importlib.util.find_spec(name) is None for name in FOR_THE_LAB):
        print(f"clsviz: the laboratory needs JupyterLab: {INSTALL_LAB}", file=sys.stderr)
        return 1
    copy_notebooks(folder)
    arguments = [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{START}"]
    arguments += ["--log-level=WARN", *OFFLINE]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    if not can_open_browser():
        arguments.append("--no-browser")
        print("No browser can be opened here: open one of the addresses below yourself.")
    print("JupyterLab starts; Ctrl-C twice stops it.", flush=True)
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance([*arguments, *further])
    return 0


def can_open_browser() -> bool:
    """Whether a graphical browser can be opened: console browsers cannot show JupyterLab."""
    unix = sys.platform not in ("win32", "darwin")
    if unix and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def check() -> int:
    """Prints what `clsviz.environment` finds and what to do about each thing missing; 0 when all is well."""
    from clsviz.environment import checks

    found = checks()
    for line in found:
        print(f"{line.name:<14}{line.says}")
    todo = [line.todo for line in found if line.todo and line.needed]
    hints = [line.todo for line in found if line.todo and not line.needed]
    if hints:
        print("Good to know:", *dict.fromkeys(hints), sep="\n  ")
    if todo:
        print("To do:", *dict.fromkeys(todo), sep="\n  ")
        return 1
    print("Everything is in place: `clsviz lab` opens the laboratory.")
    return 0
