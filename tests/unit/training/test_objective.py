from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from clsviz.catalogue import Spec, method
from clsviz.catalogue.spec import OBJECTS, REGISTRY
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.training import Objective, Run

SIZES = {"num_examples": 6, "num_classes": 3}
BATCH = ("x", "targets", "index", "generator")
LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -1.0]])
TARGETS = torch.tensor([0, 2])


def objective(loss: str, outputs: tuple[str, ...] = ("logits",), **params: float) -> Objective:
    return Objective(Spec(loss, params), batch=BATCH, outputs=outputs, sizes=SIZES, model="mlp")


@pytest.fixture
def entered():
    """Enters losses for one test."""
    before = set(REGISTRY)
    yield lambda **facts: method(kind="loss", title="t", paper="p", **facts)
    for key in set(REGISTRY) - before:
        del REGISTRY[key], OBJECTS[key]


def test_terms_are_averaged():
    value = objective("cross_entropy")({"targets": TARGETS}, {"logits": LOGITS})
    assert value.item() == pytest.approx(1.324459, abs=1e-6)
    value = objective("gce", q=0.7)({"targets": TARGETS}, {"logits": LOGITS})
    assert value.item() == pytest.approx(0.692884, abs=1e-6)


def test_elr_remembers_through_the_same_door():
    loss = objective("elr")
    batch = {"targets": TARGETS, "index": torch.tensor([0, 1])}
    assert loss(batch, {"logits": LOGITS}).item() == pytest.approx(0.750043, abs=1e-5)
    assert loss.state()["memory"][:2].sum() == pytest.approx(0.6, abs=1e-5)
    other = objective("elr")
    assert other.take_state(loss.state())
    assert torch.equal(other.state()["memory"], loss.state()["memory"])
    assert not other.take_state({})


def test_a_result_with_a_total(entered):
    @dataclass
    class Parts:
        total: torch.Tensor

    def both(logits, embeddings, *, weight=2.0):
        return Parts(logits.square().mean() + weight * embeddings.mean())

    both.__module__ = "clsviz.toys"
    entered(needs=("logits", "embeddings"))(both)
    value = objective("both", ("logits", "embeddings"))(
        {}, {"logits": LOGITS, "embeddings": torch.ones(2, 4)}
    )
    assert value.item() == pytest.approx(LOGITS.square().mean().item() + 2)


def test_a_result_of_another_shape_is_refused(entered):
    def odd(logits):
        return logits

    odd.__module__ = "clsviz.toys"
    entered(needs=("logits",))(odd)
    with pytest.raises(ShapeError, match=r"loss 'odd' must give a scalar, terms"):
        objective("odd")({}, {"logits": LOGITS})


def test_a_missing_need_names_what_would_provide_it(entered, small):
    def distil(logits, targets, teacher_logits):
        return (logits - teacher_logits).square().mean(1)

    distil.__module__ = "clsviz.toys"
    entered(needs=("logits", "targets", "teacher_logits"))(distil)
    with pytest.raises(MissingNeed, match="'prototypes' comes from the model 'prototype_autoencoder'"):
        objective("prototype_losses")
    with pytest.raises(MissingNeed, match=r"'teacher_logits' comes from Run\(..., teacher="):
        Run(small(loss="distil"))
    run = Run(small(loss="distil"), extras={"teacher_logits": np.zeros((120, 2), np.float32)})
    run.step(3)
    assert run.wait(60)
    assert run.state == "paused"
    run.stop()


def test_a_parameter_outside_its_domain_is_refused():
    with pytest.raises(InputError, match="gamma"):
        objective("focal", gamma=-1.0)


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({"loss": "elr", "epochs": 20}, 0.8),
        (
            {
                "data": "digits",
                "model": {"name": "prototype_autoencoder", "params": {"hidden": (32,)}},
                "loss": "prototype_losses",
                "optimizer": {"name": "adam", "params": {"lr": 0.003}},
                "batch_size": 64,
                "epochs": 12,
            },
            0.7,
        ),
    ],
    ids=["elr", "prototype_losses"],
)
def test_two_that_do_not_fit_logits_and_targets_train(changes: dict, least: float, small):
    run = Run(small(**changes)).start()
    assert run.wait(120)
    run.stop()
    curve = run.curve
    assert run.result().metrics["validation_accuracy"] > least
    assert curve["train_loss"][-1] < 0.5 * curve["train_loss"][0]


def test_a_method_replaces_the_step(entered, small):
    calls = []

    def twice(engine, batch, *, scale=0.5):
        calls.append(scale)
        loss = engine.loss(batch) * scale
        engine.optimizer.zero_grad()
        loss.backward()
        engine.optimizer.step()
        return loss.detach()

    twice.__module__ = "clsviz.toys"
    method(kind="method", title="t", paper="p")(twice)
    run = Run(small(method=Spec("twice", {"scale": 0.25})))
    run.step(3)
    assert run.wait(60)
    run.stop()
    assert calls == [0.25] * 3
