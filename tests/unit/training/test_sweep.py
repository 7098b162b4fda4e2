from __future__ import annotations

import os
import sqlite3

import joblib
import numpy as np
import pytest

import clsviz as cv
from clsviz.errors import InputError, UnknownName
from clsviz.training import Run
from clsviz.training.sweeps import key_of

COUNTED = "CLSVIZ_TEST_COUNT"


def margin_of(run):
    """Also notes, where asked to, that this row was run."""
    if COUNTED in os.environ:
        with open(os.environ[COUNTED], "a") as file:
            file.write(f"{run.experiment.loss.params['q']} {run.experiment.seed}\n")
    return {"own_margin": run.timeline.latest.metrics["validation_margin"] * 2}


@pytest.fixture
def counted(tmp_path, monkeypatch):
    path = tmp_path / "count.txt"
    path.touch()
    monkeypatch.setenv(COUNTED, str(path))
    return lambda: path.read_text().splitlines()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.sqlite"


GRID = {"loss.q": [0.2, 0.6, 1.0]}


def table_of(small, store, grid=GRID, **options):
    options = {"n_jobs": 1, "progress": False, **options}
    return cv.sweep(small(loss="gce", epochs=1), grid, store=store, **options)


def test_a_row_has_the_numbers_of_its_run(small, store, done):
    table = table_of(small, store, seeds=2, measure=margin_of)
    assert list(zip(table["loss.q"], table["seed"], strict=True)) == [
        (q, s) for q in GRID["loss.q"] for s in (0, 1)
    ]
    assert set(table["state"]) == {"finished"} and set(table["error"]) == {""}
    run = Run(small(loss={"name": "gce", "params": {"q": 0.6}}, epochs=1, seed=1))
    done(run.start())
    row = table[(table["loss.q"] == 0.6) & (table["seed"] == 1)].iloc[0]
    for name, value in run.timeline.latest.metrics.items():
        assert row[name] == value
    assert (row["steps"], row["epoch"]) == (6, 1.0)
    assert row["own_margin"] == 2 * row["validation_margin"]
    run.stop()


def test_anything_may_vary_and_several_grids_follow_each_other(small, store):
    grids = [{"data": ["moons", "circles"], "model.hidden": [(4,), (6, 3)]}, {"batch_size": [8]}]
    table = cv.sweep(small(epochs=1), grids, store=store, n_jobs=1, progress=False)
    assert len(table) == 5
    assert table["data"].tolist()[:4] == ["moons", "moons", "circles", "circles"]
    assert table["model.hidden"].tolist()[:2] == [(4,), (6, 3)]
    assert table["batch_size"].tolist()[4] == 8
    assert set(table["state"]) == {"finished"}


def test_what_is_there_is_not_run_again(small, store, counted):
    first = table_of(small, store, measure=margin_of)
    more = table_of(small, store, {"loss.q": [1, 0.2, 0.8]}, measure=margin_of)
    assert counted() == ["0.2 0", "0.6 0", "1.0 0", "0.8 0"]
    assert more["train_loss"][0] == first["train_loss"][2]
    # Another measure is another row.
    assert "own_margin" not in table_of(small, store)


def test_an_interrupted_sweep_goes_on_where_it_was(small, store, counted, monkeypatch):
    def interrupting(run):
        found = margin_of(run)
        if len(counted()) == 2:
            raise KeyboardInterrupt
        return found

    interrupting.__module__, interrupting.__qualname__ = margin_of.__module__, margin_of.__qualname__
    with pytest.raises(KeyboardInterrupt):
        table_of(small, store, measure=interrupting)
    assert counted() == ["0.2 0", "0.6 0"]
    table = table_of(small, store, measure=margin_of)
    # The row that was being measured is run again, the first is not.
    assert counted() == ["0.2 0", "0.6 0", "0.6 0", "1.0 0"]
    assert len(table) == 3 and set(table["state"]) == {"finished"}


def test_a_failed_row_keeps_its_error_and_can_be_tried_again(small, store, counted):
    def failing(run):
        if run.experiment.loss.params["q"] == 0.6 and len(counted()) < 3:
            margin_of(run)
            raise ValueError("no such luck")
        return margin_of(run)

    table = table_of(small, store, measure=failing)
    assert table["state"].tolist() == ["finished", "failed", "finished"]
    assert "no such luck" in table["error"][1]
    assert np.isnan(table["own_margin"][1]) and table["train_loss"].notna().all()
    table_of(small, store, measure=failing)
    assert len(counted()) == 3
    table = table_of(small, store, measure=failing, retry=True)
    assert len(counted()) == 4 and table["state"].tolist() == ["finished"] * 3


def test_a_diverged_run_is_a_result(small, store):
    table = table_of(small, store, {"optimizer.lr": [0.1, 1e30], "loss": ["mse"]})
    assert table["state"].tolist() == ["finished", "diverged"]
    assert "lower optimizer.lr" in table["error"][1]


def test_loky_gives_the_same_table(small, store, tmp_path):
    here = table_of(small, store)
    there = table_of(small, tmp_path / "loky.sqlite", n_jobs=2, backend="loky")
    assert here.drop(columns="seconds").equals(there.drop(columns="seconds"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dask_gives_the_same_table(small, store, tmp_path):
    distributed = pytest.importorskip("distributed")
    here = table_of(small, store)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = table_of(small, tmp_path / "dask.sqlite", n_jobs=None)
    assert here.drop(columns="seconds").equals(there.drop(columns="seconds"))


def test_whole_numbers_and_floats_are_one_experiment(small):
    assert key_of(small(loss={"name": "gce", "params": {"q": 1}})) == key_of(
        small(loss={"name": "gce", "params": {"q": 1.0}})
    )
    assert key_of(small(seed=1)) != key_of(small(seed=2))


def test_progress_is_one_line(small, store, capsys):
    table_of(small, store, progress=True)
    told = capsys.readouterr().err
    assert "3 of 3 runs" in told and told.count("\n") == 1
    table_of(small, store, progress=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("grid", "options", "error", "match"),
    [
        ({"loss.gamma": [1]}, {}, InputError, "gamma"),
        ({"model.depth": [1]}, {}, InputError, "depth"),
        ({"nothing": [1]}, {}, UnknownName, "nothing"),
        ({"loss.q": 0.5}, {}, InputError, "a sequence of values"),
        ({"seed": [1, 2]}, {"seeds": 2}, InputError, "given twice"),
        (GRID, {"seeds": 0}, InputError, "a count >= 1"),
    ],
)
def test_what_does_not_do_is_told_before_anything_is_made(small, store, grid, options, error, match):
    with pytest.raises(error, match=match):
        table_of(small, store, grid, **options)
    assert not store.exists()


def test_a_store_that_is_not_ours_is_left_alone(small, store):
    store.write_bytes(b"what a person wrote, and no database at all" * 30)
    with pytest.raises(InputError, match="cannot be used"):
        table_of(small, store)
    store.unlink()
    with sqlite3.connect(store) as db:
        db.execute("CREATE TABLE other (x)")
    with pytest.raises(InputError, match="something else"):
        table_of(small, store)
    with pytest.raises(InputError, match="does not exist"):
        table_of(small, store.parent / "missing" / "runs.sqlite")


def test_a_damaged_store_says_so(small, store):
    table_of(small, store)
    whole = store.read_bytes()
    store.write_bytes(whole[:4096] + b"\xff" * 2000 + whole[6096:])
    with pytest.raises(InputError, match="cannot be used"):
        table_of(small, store)
