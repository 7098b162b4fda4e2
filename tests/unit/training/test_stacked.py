from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from clsviz.data import load
from clsviz.models import create
from clsviz.training import Experiment
from clsviz.training.engine import LoopEngine
from clsviz.training.fan_engine import LoopEngines
from clsviz.training.fan_members import checked_seeds, checked_vary, combine
from clsviz.training.seeding import derive
from clsviz.training.stacked import CannotStack, StackedEngine

CPU = torch.device("cpu")
STEPS = 50
TOLERANCE = 1e-8


def blobs(**changes):
    """97 training samples of three classes: a last batch of one in each epoch of six 16s."""
    base = dict(
        data={"name": "blobs", "params": {"n": 139, "n_classes": 3}},
        model={"name": "mlp", "params": {"hidden": (7, 5), "activation": "tanh"}},
        batch_size=16,
    )
    return Experiment(**{**base, **changes})


def members_of(experiment, vary, seeds=1):
    vary = checked_vary(experiment, vary)
    return combine(experiment, vary, checked_seeds(experiment, vary, seeds), load(experiment.data))


def models_of(members, dtype=torch.float64):
    return [
        create(
            m.experiment.model,
            m.dataset.n_features,
            m.dataset.n_classes,
            seed=derive(m.experiment.seed, "weights"),
            X=m.dataset.X[m.dataset.train],
        ).to(dtype)
        for m in members
    ]


def alone(member, dtype=torch.float64, steps=STEPS):
    (model,) = models_of([member], dtype)
    engine = LoopEngine(model, member.dataset, member.experiment, device=CPU)
    for _ in range(steps):
        engine.advance()
    return engine.capture(with_logits=True)


def assert_like_alone(members, found, steps=STEPS, dtype=torch.float64, atol=TOLERANCE):
    for m, snapshot in zip(members, found, strict=True):
        expected = alone(m, dtype, steps)
        assert (snapshot.step, snapshot.epoch) == (expected.step, expected.epoch)
        assert snapshot.metrics.keys() == expected.metrics.keys()
        for name, value in expected.metrics.items():
            assert snapshot.metrics[name] == pytest.approx(value, abs=atol), (m.values, name)
        np.testing.assert_allclose(snapshot.logits, expected.logits, atol=1e-5)
        for name, tensor in expected.resume.items():
            torch.testing.assert_close(snapshot.resume[name], tensor, atol=atol, rtol=0)


CASES = {
    "learning rate": (blobs(), {"optimizer.lr": [0.01, 0.1, 0.3]}),
    "momentum and decay": (blobs(), {"optimizer.momentum": [0.0, 0.9], "optimizer.weight_decay": [0, 0.1]}),
    "no momentum": (
        blobs(optimizer={"name": "sgd", "params": {"momentum": 0.0}}),
        {"optimizer.lr": [0.1, 0.2]},
    ),
    "adam": (blobs(optimizer="adam"), {"optimizer.weight_decay": [0, 0.1], "optimizer.lr": [1e-3, 1e-2]}),
    "adamw": (blobs(optimizer="adamw", loss="brier"), {"optimizer.weight_decay": [0, 0.3]}),
    "gce": (blobs(loss="gce"), {"loss.q": [0.0, 0.4, 1.0], "loss.k": [0.0, 0.3]}),
    "focal": (blobs(loss="focal", model="linear"), {"loss.gamma": [0.0, 2.0, 3.5]}),
    "hinge": (blobs(loss="hinge_ww"), {"loss.margin": [0.5, 1.0]}),
    "comp_sum on rbf": (blobs(loss="comp_sum", model="rbf"), {"loss.tau": [0.8, 1.0, 2.0]}),
    "temperature": (blobs(loss="poly1"), {"loss_temperature": [0.5, 1.0, 4.0]}),
    "label noise": (blobs(), {"label_noise": [0.0, 0.2, 0.4]}),
    "seeds": (blobs(loss="mse"), {"seed": [3, 4, 9]}),
    "imbalance": (blobs(), {"imbalance.factor": [1, 3, 30]}),
    "batch size": (blobs(), {"batch_size": [5, 16, 97, 200]}),
    "initial scale": (blobs(), {"model.init_scale": [0.1, 1, 3]}),
    "attack": (blobs(method="adversarial", batch_size=20), {"method.radius": [0.0, 0.1, 0.5]}),
    "many-step attack on unequal parts": (
        blobs(method={"name": "adversarial", "params": {"steps": 3}}, imbalance=2.0),
        {"method.radius": [0.1, 0.5], "imbalance.factor": [1, 4]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_members_have_the_numbers_of_single_runs(case):
    experiment, vary = CASES[case]
    members = members_of(experiment, vary, seeds=1 if "seed" in vary else 2)
    engine = StackedEngine(models_of(members), members, CPU)
    steps = 24  # three epochs and a part; of batches of five, one and a part
    for _ in range(steps):
        engine.advance()
    assert_like_alone(members, engine.capture(with_logits=True), steps)


def test_convolutions_are_stacked_too():
    experiment = Experiment("digits", model={"name": "cnn", "params": {"channels": (2, 3)}})
    members = members_of(experiment, {"optimizer.lr": [0.01, 0.05]})
    engine = StackedEngine(models_of(members), members, CPU)
    for _ in range(5):
        engine.advance()
    assert_like_alone(members, engine.capture(with_logits=True), steps=5)


def test_single_precision_is_close():
    members = members_of(blobs(), {"optimizer.lr": [0.05, 0.1]}, seeds=2)
    engine = StackedEngine(models_of(members, torch.float32), members, CPU)
    for _ in range(STEPS):
        engine.advance()
    found = engine.capture(with_logits=False)
    for m, snapshot in zip(members, found, strict=True):
        np.testing.assert_allclose(snapshot.theta, alone(m, torch.float32).theta, atol=2e-4)


def test_more_samples_than_are_measured_are_drawn_as_in_a_single_run():
    experiment = blobs(data={"name": "blobs", "params": {"n": 7000}}, batch_size=64)
    members = members_of(experiment, {"label_noise": [0, 0.3]}, seeds=2)
    engine = StackedEngine(models_of(members), members, CPU)
    for _ in range(3):
        engine.advance()
    assert_like_alone(members, engine.capture(with_logits=True), steps=3)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("engine_of", [StackedEngine, LoopEngines])
def test_going_back_equals_never_having_gone_on(optimizer, engine_of):
    members = members_of(blobs(optimizer=optimizer), {"label_noise": [0.1, 0.2]}, seeds=2)
    engine = engine_of(models_of(members), members, CPU)
    for _ in range(20):
        engine.advance()
    kept = engine.capture(with_logits=True)
    for _ in range(13):
        engine.advance()
    engine.restore(kept)
    assert engine.step == 20
    for _ in range(30):
        engine.advance()
    assert_like_alone(members, engine.capture(with_logits=True))


@pytest.mark.parametrize("engine_of", [StackedEngine, LoopEngines])
def test_a_diverged_member_is_frozen_and_the_others_go_on_as_if_alone(engine_of):
    experiment = blobs(loss="mse", model={"name": "mlp", "params": {"hidden": (7,)}})
    members = members_of(experiment, {"optimizer.lr": [0.05, 1e12, 0.1, 1e15]})
    engine = engine_of(models_of(members), members, CPU)
    start = engine.capture(with_logits=True)
    for _ in range(STEPS):
        engine.advance()
    found = engine.capture(with_logits=True)
    assert [s is None for s in found] == [False, True, False, True]
    assert engine.diverged[0] == engine.diverged[2] == -1
    assert (engine.diverged[[1, 3]] > 0).all() and (engine.diverged < STEPS).all()
    assert engine.finite
    assert_like_alone(members_of(experiment, {"optimizer.lr": [0.05, 0.1]}), [found[0], found[2]])
    # Before the step at which it was lost it is in good health again.
    engine.restore(start)
    assert (engine.diverged == -1).all()
    for _ in range(STEPS):
        engine.advance()
    again = engine.capture(with_logits=True)
    assert [s is None for s in again] == [False, True, False, True]
    np.testing.assert_array_equal(again[0].theta, found[0].theta)


@pytest.mark.parametrize("engine_of", [StackedEngine, LoopEngines])
def test_when_all_have_diverged_nothing_moves(engine_of):
    members = members_of(blobs(loss="mse"), {"optimizer.lr": [1e12, 1e15]})
    engine = engine_of(models_of(members), members, CPU)
    for _ in range(STEPS):
        engine.advance()
    assert not engine.finite
    assert engine.step == engine.diverged.max()
    assert engine.capture(with_logits=False) == (None, None)


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.drop = nn.Linear(2, 3), nn.Dropout(0.5)

    def forward(self, x):
        return self.layer(self.drop(x))


class Looking(nn.Module):
    """A module whose path depends on its numbers, which vmap refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        z = self.layer(x)
        return z if z.mean() > 0 else 2 * z


@pytest.mark.parametrize(
    ("module", "changes", "vary", "why"),
    [
        (Dropping, {}, {"optimizer.lr": [0.1]}, "draws random numbers"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), {}, {"optimizer.lr": [0.1]}, "buffers"),
        (Looking, {}, {"optimizer.lr": [0.1]}, "does not run under vmap"),
        (lambda: nn.Linear(2, 3), {"loss": "elr"}, {"optimizer.lr": [0.1]}, "'elr' does not run under vmap"),
        (lambda: nn.Linear(2, 3), {"loss": "hinge_ww"}, {"loss.power": [1, 2]}, "'power'"),
        (lambda: nn.Linear(2, 3), {"method": "adversarial"}, {"method.steps": [1, 2]}, "number of steps"),
    ],
)
def test_what_cannot_be_stacked_says_why(module, changes, vary, why):
    members = members_of(blobs(**changes), vary)
    torch.manual_seed(0)
    models = [module() for _ in members]
    with pytest.raises(CannotStack, match=why):
        StackedEngine(models, members, CPU)


def test_members_with_equal_data_share_it():
    members = members_of(blobs(), {"loss.tau": [0.5, 1, 2], "label_noise": [0.1, 0.2]}, seeds=2)
    assert len({id(m.dataset) for m in members}) == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_same_on_a_gpu():
    members = members_of(blobs(device="cuda", precision="float32"), {"optimizer.lr": [0.05, 0.1, 1e15]})
    engine = StackedEngine(models_of(members), members, torch.device("cuda", 0))
    for _ in range(STEPS):
        engine.advance()
    found = engine.capture(with_logits=True)
    for m, snapshot in zip(members[:2], found[:2], strict=True):
        np.testing.assert_allclose(snapshot.theta, alone(m).theta, atol=1e-5)
