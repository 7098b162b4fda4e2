"""The nearest-prototype model: what it answers, how it trains, and that it comes with a certificate."""

import numpy as np
import pytest
import torch

import clsviz as cv
from clsviz import boundary, models
from clsviz.catalogue import Spec
from clsviz.errors import InputError, ShapeError
from clsviz.training.companions import complete


def experiment(**changes):
    chosen = complete({"model": {"name": "nearest_prototype", "params": {"per_class": 2}}, **changes})
    return cv.Experiment(**{"data": {"name": "blobs", "params": {"n": 150}}, "epochs": 4, **chosen})


def finished(run):
    run.start()
    assert run.wait(60) and run.state == "finished"
    run.stop()
    return run


@pytest.mark.parametrize("embed", [False, True])
def test_logits_are_the_least_squared_distance_to_each_class_times_a_scale(embed):
    X = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    spec = Spec("nearest_prototype", {"per_class": 3, "embed": embed, "hidden": (7,)})
    net = models.create(spec, 5, 4, X=X, seed=2).double()
    x = X[:9].double()
    outputs = net.outputs(x)
    gaps = torch.cdist(outputs["embeddings"], net.prototypes) ** 2
    expected = -net.log_scale.exp() * gaps.view(9, 4, 3).amin(2)
    torch.testing.assert_close(outputs["logits"], expected)
    torch.testing.assert_close(net(x), expected)
    assert net.prototype_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert outputs["embeddings"].shape == (9, 7 if embed else 5)


def test_prototypes_start_a_little_way_from_the_mean_of_samples_towards_one_each():
    X = torch.randn(12, 2) + 5
    net = models.create(Spec("nearest_prototype", {"per_class": 4}), 2, 3, X=X, seed=1)
    expected = X.mean(0) + 0.1 * (X - X.mean(0))
    found = net.prototypes.detach()
    torch.testing.assert_close(found[found[:, 0].argsort()], expected[expected[:, 0].argsort()])
    assert models.create("nearest_prototype", 2, 3).prototypes.shape == (9, 2)


def test_gradients_are_those_of_finite_differences():
    net = models.create(Spec("nearest_prototype", {"per_class": 2}), 3, 2).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    names = [n for n, _ in net.named_parameters()]

    def run(x, *values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *net.parameters()))


def test_trained_it_tells_classes_apart_and_its_certificate_holds_in_all_directions():
    run = finished(cv.Run(experiment(epochs=60)))
    data, net = run.dataset, run.model_at()
    X = data.X[data.validation].astype(np.float64)
    found = boundary.certified_radius_prototypes(net.prototypes, net.prototype_labels, X)
    np.testing.assert_array_equal(found.predictions, run.predict(X).argmax(1))
    assert (found.predictions == data.y[data.validation]).mean() > 0.85
    assert np.median(found.radius) > 0.1
    draw = np.random.default_rng(0)
    for x, radius, own in zip(X[:12], found.radius, found.predictions, strict=False):
        directions = draw.standard_normal((2000, X.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        assert (run.predict(x + 0.999 * radius * directions).argmax(1) == own).all()


def test_behind_hidden_layers_the_certificate_holds_too():
    chosen = experiment(epochs=30).replace({"model.embed": True, "model.hidden": (8,)})
    run = finished(cv.Run(chosen))
    net = run.model_at()
    X = run.dataset.X[run.dataset.validation][:12].astype(np.float64)
    found = boundary.certified_radius_network(net, X)
    assert found.by == "prototypes" and found.lipschitz > 1 and (found.radius > 0).all()
    stretch = np.linalg.norm(net.body[0].weight.detach().double(), 2)
    assert found.lipschitz == pytest.approx(stretch)
    draw = np.random.default_rng(0)
    for x, radius, own in zip(X, found.radius, found.predictions, strict=True):
        directions = draw.standard_normal((2000, X.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        assert (run.predict(x + 0.999 * radius * directions).argmax(1) == own).all()


def test_in_the_space_of_the_features_the_certificate_is_that_of_the_prototypes():
    net = models.create("nearest_prototype", 3, 2).double()
    X = np.random.default_rng(0).standard_normal((6, 3))
    found = boundary.certified_radius_network(net, X)
    bare = boundary.certified_radius_prototypes(net.prototypes, net.prototype_labels, X)
    np.testing.assert_array_equal(found.radius, bare.radius)
    with pytest.raises(ShapeError, match="X must have 3 features"):
        boundary.certified_radius_network(net, X[:, :2])


def test_stopped_saved_and_loaded_it_goes_on_as_if_never_stopped(tmp_path):
    whole = finished(cv.Run(experiment()))
    half = cv.Run(experiment())
    half.step(3)
    assert half.wait(60) and half.state == "paused"
    half.save(tmp_path / "half")
    half.stop()
    again = finished(cv.Run.load(tmp_path / "half"))
    np.testing.assert_array_equal(again.timeline.latest.theta, whole.timeline.latest.theta)


@pytest.mark.parametrize("embed", [False, True])
def test_a_fan_of_them_trains_in_one_batched_step(embed):
    chosen = experiment().replace({"model.embed": embed, "model.hidden": (8,)})
    fan = cv.Fan(chosen, {"optimizer.lr": [0.003, 0.01], "loss_temperature": [1.0, 2.0]})
    assert fan.engine_kind == "stacked"
    finished(fan)
    for member in range(4):
        alone = finished(cv.Run(chosen.replace(fan.members[member].values)))
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member), alone.predict(fan.dataset.X), atol=2e-3
        )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: models.create(Spec("nearest_prototype", {"per_class": 0}), 2, 2),
            InputError,
            "per_class must",
        ),
        (
            lambda: models.create(Spec("nearest_prototype", {"embed": True, "hidden": ()}), 2, 2),
            InputError,
            "hidden must be",
        ),
        (lambda: models.create("nearest_prototype", 2, 2, X=[[1.0]]), ShapeError, r"X must be \(N, 2\)"),
    ],
)
def test_what_cannot_be_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
