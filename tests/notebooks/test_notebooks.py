"""Each course notebook runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CELL_LIMIT = 120  # s; the course promises a minute


def test_there_are_notebooks() -> None:
    first = {"start", "own_model", "fans", "teaching"}
    calibration = {
        "01_temperature",
        "02_measuring_calibration",
        "03_calibrators",
        "04_benchmark_study",
    }
    boundaries = {"05_boundaries_and_tilting", "06_adversarial_examples", "07_shortcuts_and_regimes"}
    losses = {
        "08_losses_and_their_gradients",
        "09_noisy_and_imbalanced_labels",
        "10_embeddings_and_contrast",
        "11_distillation",
    }
    assert first | calibration | boundaries | losses <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=CELL_LIMIT, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
