"""The hyperbolic head and one-class training: the ball, its limit, pseudo-negatives, runs that go on."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional

import clsviz as cv
from clsviz import data, models
from clsviz.boundary import hyp_oc
from clsviz.catalogue import Spec
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.losses import create as create_loss
from clsviz.losses.hyperbolic import hyp_ce
from clsviz.training.companions import complete


def head(seed=0, **params):
    return models.create(Spec("hyperbolic_head", {"hidden": (8,), **params}), 5, 3, seed=seed).double()


def samples(n=20, scale=1.0, d=5):
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def experiment(**changes):
    chosen = complete({"model": {"name": "hyperbolic_head", "params": {"hidden": (16,)}}, **changes})
    return cv.Experiment(**{"data": "one_digit", "loss": "hyp_oc", "epochs": 4, "batch_size": 32, **chosen})


def finished(run):
    run.start()
    assert run.wait(60) and run.state == "finished"
    run.stop()
    return run


@pytest.mark.parametrize("c", [1e-6, 0.1, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_points_stay_inside_the_ball_however_long_the_vectors(c, scale):
    net = head(c=c, clip_r=10.0)
    outputs = net.outputs(samples(scale=scale))
    length = outputs["ball"].norm(dim=1)
    assert (length < 1).all() and torch.isfinite(outputs["logits"]).all()
    assert (outputs["embeddings"].norm(dim=1) <= 10 * (1 + 1e-12)).all()
    expected = (c**0.5 * outputs["embeddings"].norm(dim=1)).tanh().clamp_max(1 - 1e-3)
    torch.testing.assert_close(length, expected)


def test_cross_entropy_on_its_logits_is_hyp_ce():
    net, targets = head(), torch.arange(20) % 3
    outputs = net.outputs(samples())
    found = functional.cross_entropy(outputs["logits"], targets, reduction="none")
    expected = hyp_ce(outputs["embeddings"], targets, net.p_vals, net.a_vals, c=0.1, clip_r=2.0)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(net(samples()), outputs["logits"], rtol=0, atol=0)
    torch.testing.assert_close(net.head(outputs["embeddings"]), outputs["logits"])


def test_without_curvature_the_head_is_linear():
    net = head(c=1e-12, clip_r=10.0)
    tangent = net.outputs(samples())["embeddings"]
    expected = 4 * ((tangent[:, None] - net.p_vals) * net.a_vals).sum(2)
    torch.testing.assert_close(net.head(tangent), expected, rtol=1e-8, atol=1e-8)


def test_the_loss_is_hyp_ce_of_both_kinds_and_the_distance_of_the_pairs():
    net, targets = head(), torch.tensor([0, 1, 0, 1, 1])
    known, pseudo = net.outputs(samples(5)), net.outputs(samples(7) + 3)
    found = hyp_oc(
        known["logits"],
        targets,
        pseudo["logits"],
        known["embeddings"],
        known["curvature"],
        pc_weight=0.3,
    )
    own = hyp_ce(known["embeddings"], targets, net.p_vals, net.a_vals, c=0.1)
    other = hyp_ce(pseudo["embeddings"], torch.full((7,), 2), net.p_vals, net.a_vals, c=0.1)
    pairs = create_loss("hyp_pc", c=0.1)(known["embeddings"][:4], None)
    torch.testing.assert_close(found, torch.cat([own, other]).mean() + 0.3 * pairs)


def test_one_sample_has_no_pair():
    net = head()
    known = net.outputs(samples(1))
    found = hyp_oc(
        known["logits"], torch.tensor([0]), known["logits"], known["embeddings"], known["curvature"]
    )
    log_p = known["logits"].log_softmax(1)[0]
    torch.testing.assert_close(found, -(log_p[0] + log_p[2]) / 2)


def test_one_digit_trains_on_the_known_one_and_is_asked_about_as_many_others():
    whole, one = data.digits(seed=3), data.one_digit(known=4, seed=3)
    assert (one.y[one.train] == 0).all() and one.class_names == ("4", "other")
    assert np.bincount(one.y[one.validation]).tolist() == [(whole.y[whole.validation] == 4).sum()] * 2
    fours = whole.X[whole.train[whole.y[whole.train] == 4]]
    np.testing.assert_array_equal(one.X[one.train], fours)
    again = data.one_digit(known=4, seed=3)
    np.testing.assert_array_equal(one.X, again.X)


@pytest.mark.parametrize(
    ("known", "message"), [(3, r"known must be in 0\.\.2"), (-1, "known must"), (0.5, "known must")]
)
def test_a_class_that_is_not_there_is_named(known, message):
    with pytest.raises(InputError, match=message):
        data.one_class(data.iris(), known)


def test_it_learns_to_tell_a_digit_from_those_it_never_saw():
    run = finished(cv.Run(experiment(epochs=60)))
    part = run.dataset.validation
    z = run.predict(run.dataset.X[part])
    assert roc_auc_score(run.dataset.y[part], z[:, 1] - z[:, 0]) > 0.97


def test_pseudo_negatives_follow_the_running_mean_in_training_only():
    run = cv.Run(experiment(supplies={"pseudo_logits": {"momentum": 0.75, "spread": 0.1}}))
    run.step(1)
    assert run.wait(60)
    mean = run.timeline.latest.resume["loss.supplies.pseudo_logits.mean"].clone()
    # the first batch: a quarter of its mean, as the mean begins at 0; measuring has not moved it
    seen = run.dataset.X[run.dataset.train].mean(0) / 4
    assert np.abs(mean.numpy() - seen).max() < 0.1
    assert 0.9 < mean.sum() / seen.sum() < 1.1
    run.stop()


@pytest.mark.parametrize("method", ["standard", "adversarial"])
def test_stopped_saved_and_loaded_it_goes_on_as_if_never_stopped(tmp_path, method):
    whole = finished(cv.Run(experiment(method=method)))
    half = cv.Run(experiment(method=method))
    half.step(5)
    assert half.wait(60) and half.state == "paused"
    half.save(tmp_path / "half")
    half.stop()
    again = finished(cv.Run.load(tmp_path / "half"))
    np.testing.assert_array_equal(again.timeline.latest.theta, whole.timeline.latest.theta)


def test_a_fan_of_classifiers_trains_in_one_batched_step():
    chosen = cv.Experiment(
        **complete({"model": {"name": "hyperbolic_head", "params": {"hidden": (8,)}}}),
        data={"name": "blobs", "params": {"n": 120}},
        epochs=3,
    )
    fan = cv.Fan(chosen, {"optimizer.lr": [0.003, 0.01], "loss_temperature": [1.0, 2.0]})
    assert fan.engine_kind == "stacked"
    finished(fan)
    for member in range(4):
        alone = finished(cv.Run(chosen.replace(fan.members[member].values)))
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member), alone.predict(fan.dataset.X), atol=2e-3
        )


def test_a_fan_of_one_class_heads_is_what_each_would_be_alone():
    fan = finished(cv.Fan(experiment(epochs=2), {"loss.pc_weight": [0.0, 1.0]}))
    for member in range(2):
        alone = finished(cv.Run(experiment(epochs=2).replace(fan.members[member].values)))
        np.testing.assert_array_equal(fan.predict(fan.dataset.X, member=member), alone.predict(fan.dataset.X))


def test_other_models_are_told_what_has_a_curvature():
    with pytest.raises(MissingNeed, match="'curvature' comes from the model 'hyperbolic_head'"):
        cv.Run(cv.Experiment("one_digit", loss="hyp_oc"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"c": 0.0}, "c must be above 0"),
        ({"clip_r": -1.0}, "clip_r must be above 0"),
        ({"dim": 0}, "dim must be"),
        ({"activation": "gelu"}, "activation must be"),
        ({"hidden": ()}, "hidden must be"),
    ],
)
def test_what_cannot_be_is_refused(params, message):
    with pytest.raises(InputError, match=message):
        models.create(Spec("hyperbolic_head", params), 4, 2)


@pytest.mark.parametrize(
    ("pseudo", "weight", "error", "message"),
    [(2, 1.0, ShapeError, r"pseudo_logits must be \(M, 3\)"), (3, -1.0, InputError, "pc_weight must be")],
)
def test_a_wrong_call_of_the_loss_is_named(pseudo, weight, error, message):
    z = torch.zeros(2, 3)
    with pytest.raises(error, match=message):
        hyp_oc(z, torch.tensor([0, 1]), torch.zeros(2, pseudo), z, torch.tensor(0.1), pc_weight=weight)
