from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from clsviz.data import load
from clsviz.errors import InputError, ShapeError
from clsviz.training import Source, StaticSource, Watch, theta_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def loop(model: nn.Module, w, steps: int, X=X, y=Y) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    x, t = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(steps):
        model.train()
        loss = nn.functional.cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        w.step(loss, lr=0.5)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def test_an_own_loop_feeds_a_source():
    model = net()
    events = []
    w = Watch(model, X[60:], Y[60:], X_train=X[:60], y_train=Y[:60], steps_per_epoch=10)
    w.subscribe(events.append)
    assert isinstance(w, Source)
    assert w.network == {"kind": "mlp", "sizes": [4, 8, 3], "activation": "relu"}
    assert (w.state, w.experiment) == ("ready", None)
    loop(model, w, 40)
    assert w.state == "running"
    w.flush()
    last = w.timeline.latest
    assert (last.step, last.epoch) == (40, 4.0)
    np.testing.assert_array_equal(last.theta, theta_of(model))
    assert last.logits is None
    assert {"train_loss", "validation_ece", "batch_loss", "lr"} <= set(last.metrics)
    assert w.curve["validation_loss"][-1] < w.curve["validation_loss"][0]
    assert np.isnan(w.curve["lr"][0])
    assert list(w.dataset.train) == list(range(60))
    np.testing.assert_array_equal(w.dataset.X[w.dataset.validation], X[60:])
    with torch.no_grad():
        expected = model(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(w.predict(X), expected, atol=1e-6)
    assert {e.kind for e in events} == {"snapshot", "state"}
    w.close()
    assert w.state == "finished"
    with pytest.raises(InputError, match="was closed"):
        w.step()


def test_at_most_twenty_snapshots_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(importlib.import_module("clsviz.training.watch").time, "monotonic", lambda: now[0])
    model = net()
    w = Watch(model, X, Y)
    for _ in range(100):
        now[0] += 0.01
        w.step()
    assert 15 <= len(w.timeline) <= 21
    w.close()
    assert w.timeline.latest.step == 100, "the last one is kept"


def test_modes_and_gradients_are_left_as_found():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
    model[1].eval()
    model(torch.from_numpy(X)).sum().backward()
    gradient = model[0].weight.grad.clone()
    mean = model[1].running_mean.clone()
    modes = [m.training for m in model.modules()]
    w = Watch(model, X, Y)
    w.step()
    w.flush()
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(model[0].weight.grad, gradient)
    assert torch.equal(model[1].running_mean, mean)
    assert w.network is None
    assert w.timeline.latest.logits.shape == (90, 3)


def test_images_keep_their_shape_for_the_model():
    images = RNG.normal(size=(30, 1, 8, 8)).astype(np.float32)
    y = RNG.integers(0, 2, 30)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 2))
    w = Watch(model, images, y)
    loop(model, w, 3, images, y)
    w.flush()
    assert w.dataset.image_shape == (8, 8)
    assert w.dataset.X.shape == (30, 64)
    np.testing.assert_allclose(w.predict(w.dataset.X), w.timeline.latest.logits, atol=1e-5)


def test_labels_may_be_strings_or_lack_a_class():
    w = Watch(net(), pd.DataFrame(X, columns=list("abcd")), np.array(["x", "y", "z"])[Y])
    assert w.dataset.class_names == ("x", "y", "z")
    assert w.dataset.feature_names == tuple("abcd")
    few = Y != 1
    w = Watch(net(), X[few], Y[few])
    assert set(w.dataset.y) == {0, 2}
    assert w.dataset.n_classes == 3


def test_a_diverged_loop_keeps_its_last_finite_snapshot():
    model = net()
    w = Watch(model, X, Y)
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    w.step()
    w.flush()
    w.close()
    assert w.state in ("diverged", "finished")
    assert np.isfinite(w.timeline.latest.theta).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Watch(object(), X, Y), "model: expected a torch.nn.Module"),
        (lambda: Watch(net(), X, Y, X_train=X), "give both or neither"),
        (lambda: Watch(net(), X, Y, X_train=X[:, :3], y_train=Y), "samples of different shapes"),
        (lambda: Watch(nn.Linear(4, 7), X, np.array(list("abc"))[Y]), "the model gives 7 logits"),
        (lambda: Watch(net(), X[:, 0], Y), "at least one feature axis"),
        (lambda: Watch(net(), X, Y, steps_per_epoch=0), "steps_per_epoch"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_static_source_of_a_module_of_logits_and_of_an_estimator():
    from sklearn.linear_model import LogisticRegression

    data = load("iris")
    module = nn.Linear(4, 3)
    source = StaticSource(data, module)
    assert isinstance(source, Source)
    assert source.network == {"kind": "linear", "sizes": [4, 3]}
    np.testing.assert_array_equal(source.timeline.latest.theta, theta_of(module))
    assert source.timeline.latest.logits is None
    assert source.model_at(0) is not module

    fitted = LogisticRegression().fit(data.X, data.y)
    source = StaticSource(data, fitted)
    np.testing.assert_allclose(source.predict(data.X[:5]), fitted.decision_function(data.X[:5]))
    assert source.timeline.latest.logits.shape == (150, 3)
    assert source.timeline.latest.metrics["validation_accuracy"] > 0.9

    source = StaticSource(data, fitted.decision_function(data.X))
    assert source.network is None
    with pytest.raises(InputError, match="there is no model"):
        source.predict(data.X)
    with pytest.raises(ShapeError, match=r"logits: expected \(150, 3\)"):
        StaticSource(data, np.zeros((150, 2)))
