"""The browser of the tests: finds a Chromium, or installs one. Needs only Python's standard library.

    python tests/browser/install_browser.py           find or install; prints the path
    python tests/browser/install_browser.py --find    only find

Looked for in this order: the environment variable CHROMIUM, the names below on PATH, Playwright's own.
Installed: Debian's package when root, else Playwright's own (in the user's cache).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLAYWRIGHTS = """
from playwright.sync_api import sync_playwright
with sync_playwright() as p: print(p.chromium.executable_path)
"""


def find() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    asked = subprocess.run([sys.executable, "-c", PLAYWRIGHTS], capture_output=True, text=True)
    path = asked.stdout.strip()
    return path if asked.returncode == 0 and Path(path).is_file() else None


def install() -> None:
    """Tries each way to get one; output goes to stderr."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "chromium"]):
            subprocess.call(["apt-get", *command], env=env, stdout=sys.stderr)
        if find():
            return
    subprocess.call([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr)


def main() -> None:
    path = find()
    if path is None and "--find" not in sys.argv and "CHROMIUM" not in os.environ:
        install()
        path = find()
    if path is None:
        if named := os.environ.get("CHROMIUM"):
            sys.exit(f"CHROMIUM={named} is no program that can be run")
        sys.exit(
            f"no browser for the tests: none of {', '.join(NAMES)} is on PATH, and Playwright has none.\n"
            "Run `make browser`, which installs one, or set CHROMIUM to the path of a Chromium or Chrome."
        )
    print(path)


if __name__ == "__main__":
    main()
