"""What the laboratory needs of the place it runs in, and what to do where that is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from clsviz._paths import STATIC

# Least versions as pyproject.toml states them; None: any.
PACKAGES: dict[str, str | None] = {
    "clsviz": None,
    "torch": "2.6",
    "numpy": "2.0",
    "scipy": "1.12",
    "scikit-learn": "1.4",
    "pandas": "2.1",
    "anywidget": "0.9.18",
    "ipywidgets": "8.1",
    "plotly": "5.20",
    "jupyterlab": "4.4",
    "ipykernel": "6.29",
}
FOR_THE_LAB = ("jupyterlab", "ipykernel")
INSTALL_LAB = "pip install 'clsviz[lab]'"
SUBSHELLS = 7  # major version of ipykernel that answers widgets while a cell runs
REBUILD = "in a source checkout: make {}; otherwise: pip install --force-reinstall --no-deps clsviz"
BUNDLES = (
    "lab",
    "reliability",
    "boundary",
    "landscape",
    "loss",
    "prototypes",
    "confusion",
    "inspector",
    "multiplicity",
    "ood",
    "temperatures",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    says: str
    todo: str = ""  # what to do about it; empty when all is well
    needed: bool = True  # False: a hint


def checks() -> list[Check]:
    """All of them, in the order they are printed. Nothing is changed and no request is made."""
    found = [Check("python", f"{platform.python_version()}  ({sys.executable})")]
    found += [package(name, least) for name, least in PACKAGES.items()]
    if importlib.util.find_spec("torch"):
        found.append(Check("device", device()))
    found.append(widgets())
    if all(installed(name) for name in FOR_THE_LAB):
        found += [labextension(), subshells()]
    return [*found, browser(), *place()]


def installed(name: str) -> str | None:
    """Version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def package(name: str, least: str | None) -> Check:
    """Whether a package is there and new enough."""
    version = installed(name)
    todo = INSTALL_LAB if name in FOR_THE_LAB else f"pip install --upgrade {name}"
    if version is None:
        return Check(name, "missing", todo)
    if least and _numbers(version) < _numbers(least):
        return Check(name, f"{version}, too old: {least} is needed", f"pip install --upgrade {name}")
    return Check(name, version)


def device() -> str:
    """What the classifiers train on, in words."""
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()}, {torch.cuda.device_count()} in all)"
    if torch.backends.mps.is_available():
        return "mps"
    return f"cpu ({torch.get_num_threads()} threads)"


def widgets() -> Check:
    """The widgets' browser side: one bundle for each view, and the style."""
    missing = [
        file for file in (*(f"{b}.js" for b in BUNDLES), "clsviz.css") if not (STATIC / file).is_file()
    ]
    if missing:
        return Check("widgets", f"not built: {', '.join(missing)}", REBUILD.format("build"))
    return Check("widgets", ", ".join(sorted(file.stem for file in STATIC.glob("*.js"))))


def labextension() -> Check:
    """JupyterLab's extension: installed where JupyterLab looks, complete, and not disabled."""
    from jupyter_core.paths import jupyter_path

    places = [Path(folder, "clsviz") for folder in jupyter_path("labextensions")]
    found = next((place for place in places if (place / "package.json").is_file()), None)
    if found is None:
        without = "not installed (the widgets work without its launcher card and side panel)"
        return Check("lab extension", without, REBUILD.format("setup"))
    if not any((found / "static").glob("remoteEntry*.js")):
        return Check("lab extension", f"incomplete: {found}", REBUILD.format("build"))
    if _disabled():
        return Check("lab extension", f"disabled: {found}", "jupyter labextension enable clsviz")
    return Check("lab extension", str(found))


def subshells() -> Check:
    """Whether a lab is answered while a cell runs."""
    version = installed("ipykernel") or "0"
    if _numbers(version)[0] < SUBSHELLS:
        todo = (
            f"pip install --upgrade 'ipykernel>={SUBSHELLS}': with it Train and Pause work while a cell runs"
        )
        return Check("subshells", f"no (ipykernel {version})", todo, needed=False)
    return Check("subshells", "yes (JupyterLab's setting Kernel > commsOverSubshells must not be disabled)")


def browser() -> Check:
    """A Chromium for the browser tests; nobody else needs it."""
    import shutil

    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found or not installed("playwright"):
        return Check("test browser", found or "not looked for: playwright is not installed")
    return Check(
        "test browser",
        "no Chromium on the path",
        "playwright install chromium (for tests only)",
        needed=False,
    )


def place() -> list[Check]:
    """What the present notebook asks for: Colab's switch, VS Code's Jupyter extension."""
    if "COLAB_RELEASE_TAG" in os.environ:
        todo = "Colab: run `from google.colab import output; output.enable_custom_widget_manager()` once"
        return [Check("place", "Google Colab", todo, needed=False)]
    if "VSCODE_PID" in os.environ or os.environ.get("TERM_PROGRAM") == "vscode":
        todo = "VS Code: install its Jupyter extension, and allow widgets to be loaded when it asks"
        return [Check("place", "VS Code", todo, needed=False)]
    return []


def _disabled() -> bool:
    """Whether a page_config.json switches our extension off."""
    from jupyter_core.paths import jupyter_config_path

    for folder in reversed(jupyter_config_path()):  # the user's own come first, and win
        for where in ("labconfig", "lab/settings"):
            file = Path(folder, where, "page_config.json")
            try:
                switched = json.loads(file.read_text(encoding="utf-8")).get("disabledExtensions", {})
            except (OSError, ValueError, AttributeError):
                continue
            names = switched if isinstance(switched, list) else [k for k, off in switched.items() if off]
            if any(name == "clsviz" or name.startswith("clsviz:") for name in names):
                return True
    return False


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 6, 0) of "2.6.0+cpu"."""
    parts = version.split("+")[0].split(".")
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in parts[:3])
