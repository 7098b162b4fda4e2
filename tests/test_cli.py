"""The ``clsviz`` command."""

from __future__ import annotations

import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from clsviz import cli


@pytest.fixture
def no_lab(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """JupyterLab does not start; the arguments it would get are collected."""
    from jupyterlab.labapp import LabApp

    started: list[list[str]] = []
    monkeypatch.setattr(LabApp, "launch_instance", started.append)
    return started


def test_notebooks_are_copied_and_an_edited_one_is_kept(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "new" / "course"
    assert cli.main(["notebooks", str(folder)]) == 0
    assert "copied" in capsys.readouterr().out
    (folder / "start.ipynb").write_text("mine")
    assert cli.main(["notebooks", str(folder)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert (folder / "start.ipynb").read_text() == "mine"
    assert [line.split()[0] for line in said if "start.ipynb" in line] == ["kept"]
    assert {line.split()[0] for line in said if "start.ipynb" not in line} == {"unchanged"}


def test_notebooks_says_when_the_folder_is_a_file(tmp_path: Path, capsys) -> None:
    (tmp_path / "taken").write_text("")
    assert cli.main(["notebooks", str(tmp_path / "taken")]) == 1
    assert "taken" in capsys.readouterr().err


def test_lab_opens_the_start_notebook_and_hands_options_on(
    tmp_path: Path, no_lab: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "can_open_browser", lambda: True)
    assert cli.main(["lab", str(tmp_path / "my lab"), "--port=9000"]) == 0
    (arguments,) = no_lab
    assert f"--ServerApp.root_dir={tmp_path / 'my lab'}" in arguments
    assert "--LabApp.default_url=/lab/tree/start.ipynb" in arguments
    assert arguments[-1] == "--port=9000"
    assert "--no-browser" not in arguments
    assert (tmp_path / "my lab" / "start.ipynb").is_file()


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_lab_runs_as_root_too(
    user: int, allowed: bool, tmp_path: Path, no_lab: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    cli.main(["lab", str(tmp_path)])
    assert ("--allow-root" in no_lab[0]) is allowed


def test_lab_points_to_its_address_where_no_browser_opens(
    tmp_path: Path, no_lab: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(cli, "can_open_browser", lambda: False)
    cli.main(["lab", str(tmp_path)])
    assert "--no-browser" in no_lab[0]
    assert "address" in capsys.readouterr().out


def test_lab_says_what_to_install_without_jupyterlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["lab", str(tmp_path)]) == 1
    assert "pip install 'clsviz[lab]'" in capsys.readouterr().err


def test_no_browser_on_a_screenless_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert cli.can_open_browser() is False
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", lambda: object())
    assert cli.can_open_browser() is True


def test_check_names_versions_and_device(capsys) -> None:
    cli.main(["check"])
    said = capsys.readouterr().out
    for word in ("python", "clsviz", "torch", "jupyterlab", "device", "widgets", "lab extension"):
        assert word in said


def test_check_says_what_to_do_when_the_widgets_are_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("clsviz.environment.STATIC", tmp_path)
    assert cli.main(["check"]) == 1
    said = capsys.readouterr().out
    assert "not built" in said
    assert "make build" in said


def test_unknown_options_are_refused(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["check", "--fast"])
    assert "--fast" in capsys.readouterr().err


def test_copying_notebooks_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys; from clsviz.cli import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "notebooks", str(tmp_path)]
    assert subprocess.check_output(command, text=True).split()[-1] == "False"
