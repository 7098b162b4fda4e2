"""The built wheel holds every asset and needs no node to be installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import clsviz

ROOT = Path(__file__).parents[2]
LABEXTENSION = "share/jupyter/labextensions/clsviz"
GIT = ("git", "-c", "safe.directory=*")  # a container may own the checkout as another user


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would commit, without anything built: a fresh clone."""
    clone = tmp_path_factory.mktemp("source") / "clsviz"
    listing = subprocess.check_output(
        [*GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    (clone / "js/node_modules").symlink_to(ROOT / "js/node_modules")  # spares a second npm install
    return clone


@pytest.fixture(scope="module")
def dist(source: Path) -> Path:
    """sdist and wheel, built with the tools of this environment: wheel from sdist, so with no build of JS."""
    out = source / "dist"
    # The build tools of this environment, after the machine's own node.
    env = os.environ | {"PATH": os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])}
    build = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)],
        env=env,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, (build.stdout + build.stderr)[-4000:]
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_python_and_front_end_have_one_version(wheel: Path, source: Path) -> None:
    package = json.loads((source / "js/package.json").read_text())
    assert wheel.name.split("-")[1] == package["version"] == clsviz.__version__


def in_data(names: set[str], path: str) -> bool:
    return any(name.endswith(f".data/data/{path}") for name in names)


def test_wheel_holds_every_python_module(names: set[str], source: Path) -> None:
    modules = {file.relative_to(source).as_posix() for file in (source / "clsviz").rglob("*.py")}
    assert modules <= names


def test_wheel_holds_a_bundle_for_every_widget(names: set[str], source: Path) -> None:
    sources = (source / "js/src/widgets").glob("*.ts")
    widgets = {file.stem for file in sources if "\nexport default " in file.read_text()}
    assert widgets
    assert {f"clsviz/static/{name}.js" for name in widgets} | {"clsviz/static/clsviz.css"} <= names


def test_wheel_holds_the_catalogue_and_the_notebooks(names: set[str], source: Path) -> None:
    assert "clsviz/catalogue/index.json" in names
    notebooks = {f"clsviz/_notebooks/{file.name}" for file in (source / "notebooks").glob("*.ipynb")}
    assert "clsviz/_notebooks/start.ipynb" in notebooks
    assert notebooks <= names


def test_wheel_holds_a_complete_lab_extension_once(names: set[str], wheel: Path) -> None:
    assert in_data(names, f"{LABEXTENSION}/install.json")
    assert in_data(names, f"{LABEXTENSION}/static/style.js")
    package = next(name for name in names if name.endswith(f"{LABEXTENSION}/package.json"))
    with zipfile.ZipFile(wheel) as archive:
        described = json.loads(archive.read(package))
    assert described["name"] == "clsviz"
    assert in_data(names, f"{LABEXTENSION}/{described['jupyterlab']['_build']['load']}")
    assert not any(name.startswith("clsviz/labextension/") for name in names)


def test_wheel_holds_no_trace_of_the_machine_that_built_it(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert not [
            name
            for name in archive.namelist()
            if str(source.parent).encode() in (text := archive.read(name)) or str(ROOT).encode() in text
        ]
        assert not [name for name in archive.namelist() if name.endswith(("build_log.json", ".map"))]


def test_installing_the_wheel_needs_no_node_and_finds_the_assets(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv/bin"
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env |= {"PATH": str(bin_)}
    assert shutil.which("node", path=env["PATH"]) is None
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([bin_ / "python", *install], env=env, check=True)
    code = """
from clsviz._paths import STATIC, notebooks
print(*(file.name for folder in (STATIC, notebooks()) for file in folder.iterdir()))
"""
    found = subprocess.check_output([bin_ / "python", "-c", code], env=env, text=True, cwd=tmp_path).split()
    assert {"clsviz.css", "start.ipynb"} <= set(found)
    assert any(name.endswith(".js") for name in found)
    assert (tmp_path / "venv" / LABEXTENSION / "package.json").is_file()
    said = subprocess.check_output([bin_ / "clsviz", "notebooks", "course"], env=env, text=True, cwd=tmp_path)
    assert "copied" in said
    assert (tmp_path / "course/start.ipynb").is_file()
