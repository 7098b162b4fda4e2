"""What the side panel inserts runs as it stands, for every entry and view."""

import contextlib
import io
import json

import pytest

from clsviz import catalogue
from clsviz.training import Experiment, Run
from clsviz.widgets import Lab

RAW = json.loads(catalogue.INDEX.read_text(encoding="utf-8"))
CELLS = {e["id"]: e["cell"] for e in [*RAW["methods"], *RAW["views"]]}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Runs of a few epochs and labs that do not train: the cell's words are tested, not training."""
    whole_lab, whole_run = Lab.__init__, Run.__init__
    made, runs = [], []

    def lab(self, *args, **options):
        whole_lab(self, *args, autostart=False, **options)
        made.append(self)

    def run(self, what="digits", **options):
        what = what if isinstance(what, Experiment) else Experiment(what, epochs=2)
        whole_run(self, what, **options)
        runs.append(self)

    monkeypatch.setattr(Lab, "__init__", lab)
    monkeypatch.setattr(Run, "__init__", run)
    yield
    for widget in made:
        widget.close()
    for run in runs:
        run.stop()


@pytest.mark.parametrize("id", sorted(CELLS))
def test_the_inserted_cell_runs(id):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(CELLS[id], id, "exec"), {})


def test_a_cell_shows_its_entry_not_its_documentation():
    assert [id for id, cell in CELLS.items() if "help(" in cell] == []


def test_a_call_has_the_signature_of_its_measure():
    assert (
        'cv.calibration.ece(logits, labels, kind="logits", mode="top_label", n_bins=15'
        in CELLS["calibration.ece"]
    )


def test_a_view_is_titled_in_words_and_keeps_its_capitals():
    titles = {view["id"]: view["title"] for view in RAW["views"]}
    assert titles["OODView"] == "OOD view"
    assert titles["PrototypeGallery"] == "Prototype gallery"
