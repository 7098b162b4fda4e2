"""A fan under attack: the numbers of its members alone, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import n1
from torch import nn

import clsviz as cv
from clsviz import boundary
from clsviz.errors import InputError, ShapeError

WAIT = 60.0


def nets(count=4, kind="mlp", dtype=torch.float64, d=5, k=3):
    torch.manual_seed(0)
    layers = {
        "linear": lambda: nn.Linear(d, k),
        "mlp": lambda: nn.Sequential(nn.Linear(d, 7), nn.Tanh(), nn.Linear(7, k)),
        "batch norm": lambda: nn.Sequential(nn.Linear(d, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, k)),
    }
    found = [layers[kind]().to(dtype) for _ in range(count)]
    for net in found if kind == "batch norm" else ():
        net(3 * torch.randn(50, d, dtype=dtype))  # running statistics of its own
    return found


def samples(n=20, d=5, k=3):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)), rng.integers(0, k, n)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["linear", "mlp", "batch norm"])
def test_members_move_as_they_do_alone(kind, norm):
    X, y = samples()
    options = {"epsilon": 0.3, "norm": norm, "steps": 7, "clip": (-1.5, 1.5)}
    models = nets(kind=kind)
    found = boundary.attack_fan(models, X, y, **options)
    assert found.adversarial.shape == (4, *X.shape)
    for model, moved in zip(models, found.adversarial, strict=True):
        np.testing.assert_allclose(moved, boundary.pgd(model, X, y, **options), atol=1e-9)
    assert not np.allclose(found.adversarial[0], found.adversarial[1])


def test_one_step_of_the_radius_is_fgsm():
    X, y = samples()
    found = boundary.attack_fan(nets(), X, y, epsilon=0.2, steps=1, step_size=0.2)
    for model, moved in zip(nets(), found.adversarial, strict=True):
        np.testing.assert_allclose(moved, boundary.fgsm(model, X, y, epsilon=0.2), atol=1e-12)


def test_samples_in_several_parts_are_the_same_samples(monkeypatch):
    X, y = samples()
    whole = boundary.attack_fan(nets(), X, y, epsilon=0.3, steps=3)
    monkeypatch.setattr("clsviz.boundary.fan_attacks.CHUNK", 12)  # 3 of the samples at a time
    parts = boundary.attack_fan(nets(), X, y, epsilon=0.3, steps=3)
    np.testing.assert_allclose(parts.adversarial, whole.adversarial, atol=1e-12)
    np.testing.assert_array_equal(parts.robust_accuracy, whole.robust_accuracy)


def test_robust_accuracy_is_of_samples_right_before_and_after():
    X, y = samples()
    models = nets()
    found = boundary.attack_fan(models, X, y, epsilon=0.5)
    for k, model in enumerate(models):
        with torch.no_grad():
            right = [model(torch.from_numpy(x)).argmax(1).numpy() == y for x in (X, found.adversarial[k])]
        assert found.accuracy[k] == right[0].mean()
        assert found.robust_accuracy[k] == (right[0] & right[1]).mean()
    assert (found.robust_accuracy < found.accuracy).all()
    still = boundary.attack_fan(models, X, y, epsilon=0)
    np.testing.assert_array_equal(still.robust_accuracy, still.accuracy)


def test_on_linear_members_no_sample_falls_within_its_exact_margin_and_all_do_beyond_the_largest():
    X, y = samples(k=2)
    models = nets(kind="linear", k=2)
    margins = np.stack(
        [
            boundary.multiclass_linear_margin(
                m.weight.detach().numpy(), m.bias.detach().numpy(), X, y, norm=np.inf
            )
            for m in models
        ]
    )
    for epsilon in (0.05, 0.2, 0.6):
        found = boundary.attack_fan(models, X, y, epsilon=epsilon)
        np.testing.assert_array_equal(found.robust_accuracy, (margins > epsilon).mean(1))


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_trained_fan_at_any_of_its_steps_and_some_of_its_members(model):
    experiment = cv.Experiment(
        data={"name": "blobs", "params": {"n": 120, "n_classes": 3}},
        model={"name": model, "params": {"hidden": (8,)} if model == "mlp" else {}},
        batch_size=12,
        epochs=2,
    )
    fan = cv.Fan(experiment, {"optimizer.lr": [0.01, 0.1]}, seeds=2).start()
    try:
        assert fan.wait(WAIT)
        X, y = fan.dataset.X[:30], fan.dataset.y[:30]
        found = boundary.attack_fan(fan, X, y, epsilon=0.5, norm="l2", steps=5)
        early = boundary.attack_fan(fan, X, y, epsilon=0.5, norm="l2", steps=5, members=[3, 1], step=0)
    finally:
        fan.stop()
    for k in range(4):  # in float32, as the members are
        alone = boundary.pgd(fan.model_at(member=k), X, y, epsilon=0.5, norm="l2", steps=5)
        np.testing.assert_allclose(found.adversarial[k], alone, atol=1e-6)
    alone = boundary.pgd(fan.model_at(0, 3), X, y, epsilon=0.5, norm="l2", steps=5)
    assert early.adversarial.shape == (2, *X.shape)
    np.testing.assert_allclose(early.adversarial[0], alone, atol=1e-6)


def test_the_models_are_left_as_they_were():
    X, y = samples()
    models = [m.train() for m in nets(kind="batch norm")]
    means = [m[1].running_mean.clone() for m in models]
    with torch.no_grad():
        boundary.attack_fan(models, X, y, epsilon=0.1, steps=2)
    assert all(m.training and m[1].training for m in models)
    assert all(p.requires_grad and p.grad is None for m in models for p in m.parameters())
    assert all(torch.equal(m[1].running_mean, mean) for m, mean in zip(models, means, strict=True))


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


AT, LABEL = [[1, 0.5]], [0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.attack_fan([], AT, LABEL, epsilon=1), InputError, "fan must be a Fan"),
        (lambda: boundary.attack_fan(n1(), AT, LABEL, epsilon=1), InputError, "fan must be a Fan"),
        (lambda: boundary.attack_fan([abs], AT, LABEL, epsilon=1), InputError, "fan must be a Fan"),
        (lambda: boundary.attack_fan([n1()], AT, LABEL, epsilon=1, members=[]), InputError, "at least one"),
        (lambda: boundary.attack_fan([n1()], AT, LABEL, epsilon=1, members=[1]), InputError, "members must"),
        (lambda: boundary.attack_fan([n1()], AT, LABEL, epsilon=1, step=0), InputError, "step is of a Fan"),
        (
            lambda: boundary.attack_fan([n1(), nn.Linear(2, 2)], AT, LABEL, epsilon=1),
            InputError,
            "one architecture; the 2.",
        ),
        (
            lambda: boundary.attack_fan(
                [nn.Sequential(nn.Linear(2, 2), a) for a in (nn.ReLU(), nn.Tanh())], AT, LABEL, epsilon=1
            ),
            InputError,
            "one architecture; the 2.",
        ),
        (lambda: boundary.attack_fan([Branching()], AT, LABEL, epsilon=1), InputError, "under torch.func"),
        (
            lambda: boundary.attack_fan([nn.Sequential(n1(), nn.Unflatten(1, (1, 2)))], AT, LABEL, epsilon=1),
            ShapeError,
            r"must map \(N, d\)",
        ),
        (lambda: boundary.attack_fan([n1()], AT, [2], epsilon=1), InputError, "y must be integers in 0..1"),
        (lambda: boundary.attack_fan([n1()], AT, [0, 1], epsilon=1), ShapeError, "y must be"),
        (lambda: boundary.attack_fan([n1()], AT, LABEL, epsilon=1, norm="l1"), InputError, "norm must be"),
        (lambda: boundary.attack_fan([n1()], AT, LABEL, epsilon=-1), InputError, "epsilon must be >= 0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("kind", ["mlp", "batch norm"])
def test_on_a_gpu_members_move_as_they_do_on_the_cpu(kind):
    X, y = samples()
    there = [m.cuda() for m in nets(kind=kind)]
    found = boundary.attack_fan(there, X, y, epsilon=0.3, norm="l2", steps=5)
    here = boundary.attack_fan(nets(kind=kind), X, y, epsilon=0.3, norm="l2", steps=5)
    np.testing.assert_allclose(found.adversarial, here.adversarial, atol=1e-9)
    alone = boundary.pgd(there[0], X, y, epsilon=0.3, norm="l2", steps=5)
    np.testing.assert_allclose(found.adversarial[0], alone, atol=1e-9)
