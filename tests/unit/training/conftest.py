from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clsviz.training import Experiment, Run

WAIT = 60.0  # seconds after which a test fails instead of hanging


def _small(**changes: Any) -> Experiment:
    """Blobs and a small network: 6 steps an epoch."""
    base: dict[str, Any] = dict(
        data={"name": "blobs", "params": {"n": 120, "n_classes": 2}},
        model={"name": "mlp", "params": {"hidden": (8,)}},
        batch_size=12,
        epochs=3,
    )
    return Experiment(**{**base, **changes})


@pytest.fixture
def small() -> Callable[..., Experiment]:
    """Makes small experiments."""
    return _small


@pytest.fixture
def make() -> Iterator[Callable[..., Run]]:
    """Runs that are stopped after the test."""
    runs: list[Run] = []

    def build(what: Any = None, **options: Any) -> Run:
        fields = {k: options.pop(k) for k in list(options) if k in Experiment.__slots__ and k != "data"}
        run = Run(_small(**fields) if what is None else what, **options)
        runs.append(run)
        return run

    yield build
    for run in runs:
        run.stop()


@pytest.fixture
def done() -> Callable[[Run], Run]:
    """Waits for a run to come to rest."""

    def rest(run: Run) -> Run:
        assert run.wait(WAIT), f"the run is still {run.state}"
        return run

    return rest
