"""Sources and a recorder of what a session sends."""

import numpy as np
import pytest

import clsviz as cv
from clsviz.widgets import landscape_job
from clsviz.widgets.session import Session


@pytest.fixture(autouse=True)
def small_landscapes(monkeypatch):
    """Every lab computes its landscape in the background: with a tenth of the points, tests go on sooner."""
    monkeypatch.setattr(landscape_job, "RESOLUTION", 13)
    monkeypatch.setattr(landscape_job, "RESOLUTION_SLOW", 11)


@pytest.fixture(scope="module")
def trained():
    run = cv.Run(cv.Experiment("moons", epochs=3, seed=1))
    run.start()
    assert run.wait(60) and run.state == "finished", run.message
    yield run
    run.stop()


@pytest.fixture
def recorded(monkeypatch):
    """Messages of every session made in this test, as (header, arrays of bytes)."""
    sent = []

    def record(self, header, buffers):
        sent.append((header, [bytes(b) for b in buffers]))

    monkeypatch.setattr(Session, "_send", record)
    return sent


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-1, 1, (40, 3)), rng.normal(1, 1, (40, 3))])
    return X, np.repeat([0, 1], 40)
