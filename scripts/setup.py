"""Makes .venv and installs clsviz into it, with JupyterLab and the test tools. Run by ``make setup``.

With a requirements file as argument it makes the environment $VENV of what that names instead, with the
same torch: ``make oracles``.

Which torch: constraints.txt pins the version; which build of it depends on where pip looks. PyPI's wheel
for Linux is the CUDA build with several GB of NVIDIA packages, so on a Linux machine without an NVIDIA GPU
the CPU build is asked for first. No index address stands in this repository, so it comes from
  1. TORCH_INDEX, when the user gives it: make lab TORCH_INDEX=...
  2. uv, which knows the index of PyTorch's CPU builds (--torch-backend=cpu); when that cannot be reached,
  3. whatever pip is configured with, as on CUDA machines and elsewhere. Further options for pip: PIP_ARGS.
Needs only Python's standard library.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from phase import LOG, phase

NEEDED = (3, 11)
VENV = Path(os.environ.get("VENV", ".venv"))
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PIP = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-c", "constraints.txt"]


def main() -> None:
    if sys.version_info < NEEDED:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"clsviz needs Python >= 3.11, but {sys.executable} is {found}. "
            "Name a newer one: make setup PYTHON=python3.12"
        )
    LOG.unlink(missing_ok=True)
    print(f"Setting up {VENV} (details: {LOG})")
    if not PYTHON.exists():
        # On Debian and Ubuntu this needs the package python3-venv; the error says so.
        phase(f"virtual environment of {sys.executable}", [sys.executable, "-m", "venv", str(VENV)])
    options = shlex.split(os.environ.get("PIP_ARGS", ""))
    if index := os.environ.get("TORCH_INDEX"):
        options += ["--extra-index-url", index]
    elif wants_cpu_torch():
        install_cpu_torch()
    if sys.argv[1:]:
        phase(f"what {sys.argv[1]} names", [*PIP, *options, "-r", sys.argv[1]])
        return
    # The front end is built by `make build`; hatch only wants its folder to exist.
    Path("clsviz/labextension").mkdir(exist_ok=True)
    phase(
        "clsviz with torch, JupyterLab and the test tools (minutes the first time)",
        [*PIP, *options, "-e", ".[lab,test,dev,bench]"],
        env={"SKIP_JUPYTER_BUILDER": "1"},
    )


def wants_cpu_torch() -> bool:
    """Linux without an NVIDIA GPU and no torch installed yet: elsewhere PyPI's build is the right one."""
    if not sys.platform.startswith("linux") or has_nvidia_gpu():
        return False
    has_torch = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"
    return subprocess.call([str(PYTHON), "-c", has_torch]) != 0


def has_nvidia_gpu() -> bool:
    tool = shutil.which("nvidia-smi")
    return (
        tool is not None
        and subprocess.call([tool], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    )


def install_cpu_torch() -> None:
    pinned = next(line for line in Path("constraints.txt").read_text().split() if line.startswith("torch=="))
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--python", str(PYTHON)]
    found = phase("uv, to find the CPU build of torch", [*PIP, "uv"], required=False) and phase(
        f"{pinned}, CPU build",
        [*uv, "--no-deps", "--torch-backend=cpu", pinned],
        env={"UV_HTTP_RETRIES": "1"},
        required=False,
    )
    if not found:
        print(
            "  PyTorch's index of CPU builds is out of reach, so pip chooses the build of torch.\n"
            "  If that is the CUDA build (several GB), stop and name an index: make setup TORCH_INDEX=..."
        )


if __name__ == "__main__":
    main()
