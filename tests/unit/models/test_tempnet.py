"""The network with a learnt temperature for each sample: what it gives, and how it trains."""

import math

import numpy as np
import pytest
import torch

import clsviz as cv
from clsviz import models
from clsviz.calibration import tempnet_loss, tempnet_temperature
from clsviz.catalogue import Spec
from clsviz.errors import InputError, MissingNeed
from clsviz.models.tempnet import robust_temperature
from clsviz.training.companions import complete

SMALL = {"name": "tempnet", "params": {"hidden": (16,)}}


def experiment(**changes):
    chosen = complete({"model": SMALL, **changes})
    return cv.Experiment(**{"data": {"name": "blobs", "params": {"n": 150}}, "epochs": 4, **chosen})


@pytest.fixture
def net():
    return models.create(Spec("tempnet", {"hidden": (8,)}), 5, 3, seed=1)


def test_logits_are_cosines_divided_by_a_temperature_between_its_bounds(net):
    with torch.no_grad():
        net.temperature[2].weight.normal_(0, 3, generator=torch.Generator().manual_seed(0))
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(1))
    outputs = net.outputs(x)
    scores = outputs["logits"] * outputs["tau"][:, None]
    assert (scores.abs() <= 1 + 1e-6).all() and outputs["tau"].shape == (50,)
    assert 0.02 <= outputs["tau"].min() < outputs["tau"].max() <= 1
    torch.testing.assert_close(scores, net.scores(outputs["embeddings"]))
    torch.testing.assert_close(net(x), outputs["logits"])
    torch.testing.assert_close(net.head(outputs["embeddings"]), outputs["logits"])


def test_it_begins_at_the_geometric_mean_of_its_bounds():
    net = models.create(Spec("tempnet", {"tau_min": 0.1, "tau_max": 10.0}), 4, 2)
    torch.testing.assert_close(net.outputs(torch.randn(3, 4))["tau"], torch.ones(3))


def test_the_temperature_teaches_the_layers_below_it_nothing(net):
    tau = net.outputs(torch.randn(6, 5))["tau"]
    slopes = torch.autograd.grad(tau.sum(), list(net.parameters()), allow_unused=True)
    named = dict(zip([name for name, _ in net.named_parameters()], slopes, strict=True))
    assert {name.split(".")[0] for name, slope in named.items() if slope is not None} == {"temperature"}


@pytest.mark.parametrize("seed", range(3))
def test_its_loss_is_that_of_the_calibration_page(seed):
    draw = torch.Generator().manual_seed(seed)
    z = torch.randn(7, 4, generator=draw, dtype=torch.float64)
    tau = torch.rand(7, generator=draw, dtype=torch.float64) + 0.1
    y = torch.arange(7) % 4
    found = robust_temperature(z / tau[:, None], y, tau, radius=0.6)
    np.testing.assert_allclose(found, tempnet_loss(z, y, tau, rho=0.6 * math.log(4)), atol=1e-12)


def test_where_only_the_temperature_moves_it_is_least_at_the_closed_form():
    z = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, -1.0]], dtype=torch.float64)
    best = torch.from_numpy(tempnet_temperature(z, rho=0.3, tau_max=20.0))
    tau = best.clone().requires_grad_()
    terms = robust_temperature(z / tau[:, None], torch.tensor([0, 2]), tau, radius=0.3 / math.log(3))
    slopes = torch.autograd.grad(terms.sum(), tau)[0]
    torch.testing.assert_close(slopes, torch.zeros(2, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_run_learns_a_temperature_for_each_sample_that_its_radius_sets():
    unsure, sure = (
        cv.Run(experiment(epochs=30).replace({"loss.radius": radius})).start() for radius in (0.3, 0.9)
    )
    distances = []
    for run in (unsure, sure):
        assert run.wait(60) and run.state == "finished"
        run.stop()
        outputs = run.model_at().outputs(torch.from_numpy(run.dataset.X).float())
        z = outputs["logits"].detach().double()
        np.testing.assert_allclose(run.predict(run.dataset.X), z, atol=1e-5)
        assert outputs["tau"].std() > 0
        log_p = z.log_softmax(1)
        distances.append(float((log_p.exp() * log_p).sum(1).mean() / math.log(z.shape[1]) + 1))
    assert distances == pytest.approx([0.3, 0.9], abs=0.08)


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


def test_a_fan_of_radii_trains_in_one_batched_step():
    fan = cv.Fan(experiment(), {"loss.radius": [0.3, 0.9], "loss_temperature": [1.0, 2.0]})
    assert fan.engine_kind == "stacked"
    fan.start()
    assert fan.wait(60)
    fan.stop()
    for member in range(4):
        chosen = fan.members[member].values
        alone = cv.Run(experiment().replace(chosen)).start()
        assert alone.wait(60)
        alone.stop()
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member), alone.predict(fan.dataset.X), atol=2e-3
        )


def test_other_models_are_told_what_has_a_temperature():
    with pytest.raises(MissingNeed, match="'tau' comes from the model 'tempnet'"):
        cv.Run(cv.Experiment("moons", loss="robust_temperature"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tau_min": 0.0}, "0 < tau_min < tau_max must hold"),
        ({"tau_min": 2.0}, "0 < tau_min < tau_max must hold"),
        ({"activation": "gelu"}, "activation must be"),
        ({"hidden": ()}, "hidden must be"),
    ],
)
def test_what_cannot_be_is_refused(params, message):
    with pytest.raises(InputError, match=message):
        models.create(Spec("tempnet", params), 4, 2)


def test_the_loss_of_the_contract():
    # methods/calibration.md, section 9: tempnet_loss([[2, 0, 0]], [0], 0.5, rho=1), its scores divided by tau
    z = torch.tensor([[4.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    y, tau = torch.tensor([0]), torch.tensor([0.5], dtype=torch.float64)
    terms = robust_temperature(z, y, tau, radius=1 / math.log(3))
    assert terms.item() == pytest.approx(-0.031317994, abs=1e-8)
    (slope,) = torch.autograd.grad(terms.sum(), z)
    torch.testing.assert_close(slope, tau * (z.softmax(1) - torch.eye(3, dtype=torch.float64)[y]))


@pytest.mark.parametrize(
    ("tau", "radius", "message"), [([0.5, 1.0], 0.5, "tau must be"), ([0.5], 1.5, "radius must be")]
)
def test_a_wrong_temperature_or_radius_is_named(tau, radius, message):
    with pytest.raises(InputError, match=message):
        robust_temperature(torch.zeros(1, 3), torch.tensor([0]), torch.tensor(tau), radius=radius)
