"""Every loss of the catalogue trains, and gets what it needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clsviz import losses
from clsviz.catalogue import resolve
from clsviz.data import load
from clsviz.models import create
from clsviz.training import Experiment, Run
from clsviz.training.supplies import offered

SMALL = {"name": "mlp", "params": {"hidden": (8,)}}
STEPS = 20
DATA = {"label_sets": "discs", "values": "wave"}


def fitting(name, **changes):
    """An experiment whose data and method have what this loss states it needs."""
    entry = resolve("loss", name)[0]
    kind = "ordinal" if entry.facts["row_kind"] == "ordinal" else DATA.get(entry.facts["targets"], "blobs")
    methods = [s.facts["method_only"] for s in map(offered, entry.needs) if s is not None]
    base = dict(
        data={"name": kind, "params": {"n": 100}},
        model=SMALL,
        loss=name,
        method=next((m for m in methods if m), "standard"),
        batch_size=13,  # 60 samples: the last batch has 8
        epochs=4,
    )
    return Experiment(**{**base, **changes})


def given(experiment):
    """The teacher that the loss needs, where it needs one."""
    needs = resolve("loss", experiment.loss.name)[0].needs
    if not any(need.startswith("teacher_") for need in needs):
        return {}
    data = load(experiment.data)
    return {"teacher": create(SMALL, data.n_features, data.n_classes, seed=3)}


@pytest.fixture
def train():
    runs = []

    def go(experiment, steps=STEPS, **options):
        run = Run(experiment, **(given(experiment) | options))
        runs.append(run)
        if steps:
            run.step(steps)
            assert run.wait(60)
            assert run.state in ("paused", "finished"), run.message
        return run

    yield go
    for run in runs:
        run.stop()


def same(a, b):
    np.testing.assert_array_equal(a.timeline.latest.theta, b.timeline.latest.theta)
    assert a.timeline.latest.metrics == b.timeline.latest.metrics
    one, two = a.timeline.latest.resume, b.timeline.latest.resume
    assert one.keys() == two.keys()
    assert all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_trains_and_goes_on_as_if_it_had_never_stopped(name, train, tmp_path):
    whole = train(fitting(name))
    first, last = whole.timeline.at(0), whole.timeline.latest
    assert last.step == STEPS and np.isfinite(last.metrics["train_loss"])
    assert not np.array_equal(first.theta, last.theta)
    assert 0 <= last.metrics["validation_accuracy"] <= 1
    parts = train(fitting(name), steps=9)
    parts.save(tmp_path / "run")
    resumed = Run.load(tmp_path / "run")
    try:
        resumed.step(STEPS - 9)
        assert resumed.wait(60)
        same(whole, resumed)
    finally:
        resumed.stop()
    parts.step(STEPS - 9)
    assert parts.wait(60)
    same(whole, parts)


# Those whose value says nothing of how well it is fitted, or that fit something else than classes.
NOT_SHOWN = {"ens_loss", "meta_rescale", "correctness_aware", "hyp_pc"}


@pytest.mark.parametrize("name", [n for n in losses.names() if n not in NOT_SHOWN])
def test_every_loss_that_can_falls(name, train):
    adam = {"name": "adam", "params": {"lr": 0.005}}
    curve = train(fitting(name, optimizer=adam, epochs=30), steps=150).curve
    assert curve["train_loss"][-1] < curve["train_loss"][0]
