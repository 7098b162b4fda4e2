"""`clsviz check`: each thing that is missing is named with what to do about it."""

import json

import pytest

from clsviz import environment
from clsviz.environment import checks


def by_name():
    return {check.name: check for check in checks()}


def test_nothing_to_do_is_said_where_all_is_there():
    assert [c.todo for c in checks() if c.name in ("anywidget", "torch", "ipywidgets")] == ["", "", ""]


@pytest.mark.parametrize("name", ["anywidget", "torch", "jupyterlab"])
def test_a_missing_package_is_named_with_its_command(name, monkeypatch):
    known = environment.installed
    monkeypatch.setattr(environment, "installed", lambda n: None if n == name else known(n))
    check = by_name()[name]
    assert check.says == "missing" and check.needed and "pip install" in check.todo


def test_an_old_package_is_named_with_the_version_it_should_have(monkeypatch):
    known = environment.installed
    monkeypatch.setattr(environment, "installed", lambda n: "0.8.1" if n == "anywidget" else known(n))
    check = by_name()["anywidget"]
    assert "0.9.18 is needed" in check.says and check.needed and check.todo


def test_every_bundle_is_looked_for(tmp_path, monkeypatch):
    for name in environment.BUNDLES[1:]:
        (tmp_path / f"{name}.js").touch()
    (tmp_path / "clsviz.css").touch()
    monkeypatch.setattr(environment, "STATIC", tmp_path)
    assert environment.widgets().says == "not built: lab.js" and environment.widgets().todo


@pytest.fixture
def extension(tmp_path, monkeypatch):
    """An installed lab extension and the folder of JupyterLab's settings."""
    folder = tmp_path / "data/labextensions/clsviz"
    (folder / "static").mkdir(parents=True)
    (folder / "package.json").touch()
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *sub: [str(folder.parent)])
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(tmp_path / "config")])
    return folder, tmp_path / "config/labconfig"


def test_an_incomplete_or_disabled_extension_is_no_working_one(extension):
    folder, config = extension
    assert "incomplete" in environment.labextension().says
    (folder / "static/remoteEntry.1.js").touch()
    assert environment.labextension().todo == ""
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"clsviz": True}}))
    check = environment.labextension()
    assert "disabled" in check.says and "enable clsviz" in check.todo


def test_colab_and_vs_code_get_their_hint_and_are_no_fault(monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "r")
    (colab,) = environment.place()
    assert "enable_custom_widget_manager()" in colab.todo and not colab.needed
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    monkeypatch.setenv("VSCODE_PID", "1")
    (code,) = environment.place()
    assert "Jupyter extension" in code.todo and not code.needed


def test_an_ipykernel_without_subshells_is_a_hint(monkeypatch):
    known = environment.installed
    monkeypatch.setattr(environment, "installed", lambda n: "6.29.5" if n == "ipykernel" else known(n))
    assert environment.subshells().todo and not environment.subshells().needed
