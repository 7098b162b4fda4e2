"""The network that may answer early: exits, gates, and the losses that train them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import clsviz as cv
from clsviz import models
from clsviz.catalogue import Spec
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.models.early_exit import (
    CLOSED,
    STEEP,
    deep_supervision,
    exit_weights,
    gate_statistics,
    jei_dnn,
)
from clsviz.training.companions import complete

SMALL = {"name": "early_exit", "params": {"hidden": (8, 8, 8)}}
Y = torch.tensor([0, 2, 1, 1, 0])


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def experiment(**changes):
    chosen = complete({"model": SMALL, **changes})
    return cv.Experiment(**{"data": {"name": "blobs", "params": {"n": 150}}, "epochs": 4, **chosen})


@pytest.fixture
def net():
    return models.create(Spec("early_exit", {"hidden": (8, 6, 4)}), 5, 3, seed=1)


def test_chances_to_leave_are_the_gates_times_those_to_have_come_so_far():
    gates = torch.tensor([[0.5, 0.5], [0.2, 1.0], [0.0, 0.0]])
    expected = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(exit_weights(gates), expected)


def test_a_gate_sees_top_probability_entropy_and_lead():
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    entropy = -(p * p.log()).sum() / np.log(3)
    found = gate_statistics(p.log() + 5)
    torch.testing.assert_close(
        found, torch.tensor([0.7, entropy, 0.5], dtype=torch.float64), atol=1e-7, rtol=0
    )
    torch.testing.assert_close(gate_statistics(torch.zeros(4)), torch.tensor([0.25, 1.0, 0.0]))


def test_each_sample_gets_the_answer_of_the_first_open_gate(net):
    x = torch.randn(200, 5, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for gate in net.gates:
            gate.weight.copy_(torch.tensor([[1.0, 0.0, 0.0]]))
            gate.bias.fill_(-CLOSED / STEEP - 0.42)  # opens where the top probability is above 0.42
        outputs = net.outputs(x)
    probs = outputs["exit_logits"].softmax(2)
    leaves = [next((i for i in range(2) if p[i].max() >= 0.42), 2) for p in probs]
    assert set(leaves) == {0, 1, 2}
    torch.testing.assert_close(outputs["logits"], outputs["exit_logits"][torch.arange(200), leaves])
    torch.testing.assert_close(outputs["exit_weights"].sum(1), torch.ones(200))
    torch.testing.assert_close(net(x), outputs["logits"])
    assert outputs["embeddings"].shape == (200, 4)


def test_untrained_gates_are_closed(net):
    x = torch.randn(20, 5)
    outputs = net.outputs(x)
    assert torch.equal(outputs["logits"], outputs["exit_logits"][:, -1])


def test_gates_do_not_teach_the_exits_to_look_sure(net):
    with torch.no_grad():
        for gate in net.gates:
            gate.weight.fill_(1.0)
    weights = net.outputs(torch.randn(6, 5))["exit_weights"]
    slopes = torch.autograd.grad(weights[:, 0].sum(), list(net.parameters()), allow_unused=True)
    names = [name for name, _ in net.named_parameters()]
    taught = {name.split(".")[0] for name, slope in zip(names, slopes, strict=True) if slope is not None}
    assert taught == {"gates"}


def test_the_joint_loss_is_what_a_sample_is_to_expect():
    z, gates = draw(5, 3, 3), draw(5, 2, seed=1).sigmoid()
    entropies = torch.stack([functional.cross_entropy(z[:, i], Y, reduction="none") for i in range(3)], 1)
    g = gates
    expected = (
        g[:, 0] * (entropies[:, 0] + 0.6 / 3)
        + (1 - g[:, 0]) * g[:, 1] * (entropies[:, 1] + 0.6 * 2 / 3)
        + (1 - g[:, 0]) * (1 - g[:, 1]) * (entropies[:, 2] + 0.6)
    )
    torch.testing.assert_close(jei_dnn(z, exit_weights(gates), Y, cost_weight=0.6), expected)
    torch.testing.assert_close(deep_supervision(z, Y), entropies.mean(1))


def test_with_closed_gates_it_is_the_cross_entropy_of_the_last_exit_and_the_whole_price():
    z = draw(5, 4, 3)
    found = jei_dnn(z, exit_weights(torch.zeros(5, 3, dtype=torch.float64)), Y, cost_weight=0.7)
    torch.testing.assert_close(found, functional.cross_entropy(z[:, -1], Y, reduction="none") + 0.7)


def test_gradients_are_those_of_finite_differences():
    z, gates = draw(5, 3, 3).requires_grad_(), draw(5, 2, seed=1).sigmoid().requires_grad_()
    assert torch.autograd.gradcheck(lambda z, g: jei_dnn(z, exit_weights(g), Y), (z, gates))
    assert torch.autograd.gradcheck(lambda z: deep_supervision(z, Y), (z,))


def test_a_higher_price_makes_samples_leave_earlier():
    costs = []
    for price in (0.0, 2.0):
        run = cv.Run(experiment(epochs=60).replace({"loss.cost_weight": price})).start()
        assert run.wait(120) and run.state == "finished"
        run.stop()
        outputs = run.model_at().outputs(torch.from_numpy(run.dataset.X).float())
        assert run.result().metrics["validation_accuracy"] > 0.8
        np.testing.assert_allclose(run.predict(run.dataset.X), outputs["logits"].detach(), atol=1e-5)
        costs.append(float((outputs["exit_weights"] @ torch.tensor([1.0, 2.0, 3.0]) / 3).mean()))
    assert costs[1] < costs[0] - 0.2


def test_the_loss_changes_while_it_trains():
    run = cv.Run(experiment(loss="deep_supervision", epochs=6))
    run.step(4)
    assert run.wait(60)
    run.set("loss", "jei_dnn")
    run.start()
    assert run.wait(60) and run.state == "finished"
    run.stop()
    assert run.experiment.loss.name == "jei_dnn"


def test_stopped_saved_and_loaded_it_goes_on_as_if_never_stopped(tmp_path):
    whole = cv.Run(experiment()).start()
    assert whole.wait(60)
    half = cv.Run(experiment())
    half.step(3)
    assert half.wait(60) and half.state == "paused"
    half.save(tmp_path / "half")
    again = cv.Run.load(tmp_path / "half")
    again.start()
    assert again.wait(60)
    for run in (whole, half, again):
        run.stop()
    np.testing.assert_array_equal(again.timeline.latest.theta, whole.timeline.latest.theta)


def test_a_fan_of_prices_trains_in_one_batched_step_as_each_alone():
    fan = cv.Fan(experiment(), {"loss.cost_weight": [0.1, 1.0], "loss_temperature": [1.0, 2.0]})
    assert fan.engine_kind == "stacked"
    fan.start()
    assert fan.wait(60)
    fan.stop()
    for member in range(4):
        alone = cv.Run(experiment().replace(fan.members[member].values)).start()
        assert alone.wait(60)
        alone.stop()
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member), alone.predict(fan.dataset.X), atol=2e-3
        )


def test_other_models_are_told_what_has_exits():
    with pytest.raises(MissingNeed, match="'exit_logits' comes from the model 'early_exit'"):
        cv.Run(cv.Experiment("moons", loss="jei_dnn"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: models.create(Spec("early_exit", {"hidden": (8,)}), 4, 2),
            InputError,
            "at least two layers",
        ),
        (lambda: models.create("early_exit", 4, 1), InputError, "n_classes must be at least 2"),
        (
            lambda: models.create(Spec("early_exit", {"activation": "gelu"}), 4, 2),
            InputError,
            "activation must be",
        ),
        (lambda: jei_dnn(draw(5, 3), draw(5, 3), Y), ShapeError, r"exit_logits must be \(N, L, K\)"),
        (lambda: jei_dnn(draw(5, 3, 3), draw(5, 2), Y), ShapeError, r"exit_weights must be \(5, 3\)"),
        (lambda: jei_dnn(draw(5, 3, 3), draw(5, 3), Y, cost_weight=-1), InputError, "cost_weight must be"),
        (lambda: deep_supervision(draw(4, 3, 3), Y), ShapeError, "with N targets"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
