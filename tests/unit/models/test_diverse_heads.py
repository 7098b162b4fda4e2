"""Several heads that fit alike and disagree elsewhere: the terms, what training makes of them, the choice."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import clsviz as cv
from clsviz import boundary, models
from clsviz.catalogue import Spec
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.models.diverse_heads import dbat, disagreement, divdis, mutual_information
from clsviz.training.companions import complete

Y = torch.tensor([0, 1, 1, 0, 1])


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def experiment(*, params=None, data=None, **changes):
    model = {"name": "diverse_heads", "params": {"hidden": (8,), **(params or {})}}
    data = {"name": "shortcut", "params": {"n": 150, **(data or {})}}
    return cv.Experiment(data=data, **complete({"model": model, "epochs": 4, "device": "cpu", **changes}))


def finished(run):
    run.start()
    assert run.wait(60) and run.state == "finished"
    run.stop()
    return run


def heads_of(run, rows):
    return run.model_at().outputs(torch.from_numpy(run.dataset.X[rows]))["head_logits"]


@pytest.mark.parametrize("k", [2, 4])
def test_the_terms_are_the_measures_of_the_contract(k):
    p, q = draw(40, k).softmax(1), draw(40, k, seed=1).softmax(1)
    assert float(mutual_information(p, q)) == pytest.approx(
        boundary.divdis_mutual_information(p, q), abs=1e-9
    )
    if k == 2:
        found = float(disagreement(p, q))
        assert found == pytest.approx(boundary.dbat_disagreement(p[:, 1], q[:, 1]), abs=1e-9)


def test_the_public_vectors_of_the_contract():
    halves = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    assert float(mutual_information(halves, halves)) == pytest.approx(0.693147181, abs=1e-8)
    coin = torch.full((1, 2), 0.5, dtype=torch.float64)
    assert float(disagreement(coin, coin)) == pytest.approx(0.693146981, abs=1e-8)


def test_the_chance_to_differ_of_more_classes_is_that_of_drawn_answers():
    p, q = draw(30, 3).softmax(1), draw(30, 3, seed=1).softmax(1)
    differ = sum(p[:, i] * q[:, j] for i in range(3) for j in range(3) if i != j)
    torch.testing.assert_close(disagreement(p, q), -(differ + 1e-7).log().mean())


@pytest.mark.parametrize(("loss", "term"), [(divdis, mutual_information), (dbat, disagreement)])
def test_a_loss_is_the_mean_fit_of_the_heads_and_the_mean_term_of_their_pairs(loss, term):
    z, u = draw(5, 3, 2), draw(7, 3, 2, seed=1)
    fits = torch.stack([functional.cross_entropy(z[:, h], Y, reduction="none") for h in range(3)]).mean(0)
    p = u.softmax(2)
    pairs = [term(p[:, g], p[:, h]) for g, h in ((0, 1), (0, 2), (1, 2))]
    torch.testing.assert_close(loss(z, Y, u, weight=0.7), fits + 0.7 * sum(pairs) / 3)
    torch.testing.assert_close(loss(z, Y, u, weight=0.0), fits)
    torch.testing.assert_close(
        loss(z[:, :1], Y, u[:, :1]), functional.cross_entropy(z[:, 0], Y, reduction="none")
    )


@pytest.mark.parametrize("loss", [divdis, dbat])
def test_gradients_are_those_of_finite_differences(loss):
    z, u = draw(5, 2, 3).requires_grad_(), draw(6, 2, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda z, u: loss(z, Y, u), (z, u))


def test_the_head_asked_for_answers_or_the_mean_of_all():
    x = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    nets = [models.create(Spec("diverse_heads", {"heads": 3, "head": h}), 4, 2, seed=5) for h in range(4)]
    heads = nets[0].outputs(x)["head_logits"]
    assert heads.shape == (9, 3, 2)
    for h in (1, 2, 3):
        torch.testing.assert_close(nets[h](x), heads[:, h - 1])
    torch.testing.assert_close(nets[0](x).exp(), heads.softmax(2).mean(1))
    linear = models.create(Spec("diverse_heads", {"hidden": ()}), 4, 2)
    torch.testing.assert_close(linear.outputs(x)["embeddings"], x)


def test_heads_agree_in_training_and_part_where_the_cues_do():
    run = finished(cv.Run(experiment(epochs=80, data={"n": 300})))
    d = run.dataset
    elsewhere = cv.models.disambiguate(heads_of(run, d.validation), d.y[d.validation])
    training = cv.models.disambiguate(heads_of(run, d.train), d.y[d.train])
    assert training.accuracies.min() > 0.98
    assert elsewhere.accuracies.max() > 0.95 > 0.7 > elsewhere.accuracies.min()
    few = d.validation[:20]
    assert cv.models.disambiguate(heads_of(run, few), d.y[few]).head == elsewhere.head
    shown = finished(cv.Run(experiment(epochs=80, data={"n": 300}, params={"head": elsewhere.head})))
    accuracy = elsewhere.accuracies[elsewhere.head - 1]
    assert shown.result().metrics["validation_accuracy"] == pytest.approx(accuracy, abs=1e-9)


def test_of_equal_heads_the_first_is_chosen():
    z = np.zeros((4, 3, 2))
    z[:, 1:, 1] = 1
    found = cv.models.disambiguate(z, [1, 1, 1, 0])
    assert found.head == 2
    np.testing.assert_allclose(found.accuracies, [0.25, 0.75, 0.75])


def test_stopped_saved_and_loaded_it_goes_on_as_if_never_stopped(tmp_path):
    whole = finished(cv.Run(experiment(data={"n": 350})))  # more than a step's rows: they come in turn
    half = cv.Run(experiment(data={"n": 350}))
    half.step(7)
    assert half.wait(60) and half.state == "paused"
    half.save(tmp_path / "half")
    again = finished(cv.Run.load(tmp_path / "half"))
    half.stop()
    np.testing.assert_array_equal(again.timeline.latest.theta, whole.timeline.latest.theta)


@pytest.mark.parametrize(
    ("loss", "vary", "seeds"),
    [
        ("divdis", {"loss.weight": [0.0, 10.0], "loss_temperature": [1.0, 2.0]}, 1),
        ("dbat", {"optimizer.lr": [0.01, 0.03]}, 2),
    ],
)
def test_a_fan_trains_in_one_batched_step_as_each_alone(loss, vary, seeds):
    base = experiment(loss=loss, data={"n": 350})
    fan = cv.Fan(base, vary, seeds)
    assert fan.engine_kind == "stacked", fan.why_loop
    fan.start()
    assert fan.wait(60)
    fan.stop()
    for member in fan.members:
        alone = finished(cv.Run(member.experiment))
        x = fan.dataset.X
        np.testing.assert_allclose(fan.predict(x, member=member.index), alone.predict(x), atol=2e-3)
        metrics = fan.timelines[member.index].latest.metrics
        assert metrics["train_loss"] == pytest.approx(alone.result().metrics["train_loss"], abs=1e-3)


def test_own_arrays_may_bring_samples_without_labels():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), np.arange(60) % 3
    data = cv.data.from_arrays(X, y, unlabelled=rng.standard_normal((20, 3)))
    run = finished(cv.Run(experiment().replace({"epochs": 2}), data=data))
    assert np.isfinite(run.result().metrics["train_loss"])


def test_what_lacks_heads_or_samples_is_told_where_they_come_from():
    with pytest.raises(MissingNeed, match="'head_logits' comes from the model 'diverse_heads'"):
        cv.Run(cv.Experiment("shortcut", loss="divdis"))
    with pytest.raises(MissingNeed, match=r"the data 'shortcut' or 'two_domains', or your own.*unlabelled="):
        cv.Run(cv.Experiment("moons", model="diverse_heads", loss="dbat"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: models.create(Spec("diverse_heads", {"head": 3}), 4, 2), InputError, "head must be in 0..2"),
        (
            lambda: models.create(Spec("diverse_heads", {"heads": 0}), 4, 2),
            InputError,
            "heads must be at least",
        ),
        (
            lambda: models.create(Spec("diverse_heads", {"activation": "x"}), 4, 2),
            InputError,
            "activation must",
        ),
        (lambda: divdis(draw(5, 2), Y, draw(6, 2, 2)), ShapeError, r"head_logits must be \(N, H, K\)"),
        (lambda: dbat(draw(5, 2, 2), Y, draw(6, 3, 2)), ShapeError, r"unlabelled_head_logits \(M, H, K\)"),
        (lambda: divdis(draw(5, 2, 2), Y, draw(6, 2, 2), weight=-1), InputError, "weight must be >= 0"),
        (lambda: models.disambiguate(draw(5, 2, 2), [0, 1]), ShapeError, "5 rows, labels 2"),
        (lambda: models.disambiguate(draw(2, 2, 2), [0, 2]), InputError, r"labels must lie in \[0, 2\)"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
