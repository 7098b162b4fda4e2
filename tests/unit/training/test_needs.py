"""Every loss of the catalogue trains, and gets what it needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from clsviz import losses
from clsviz.catalogue import resolve
from clsviz.data import load
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.models import create
from clsviz.training import Experiment, Fan, Run, teacher_columns
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
        model={"name": "tempnet", "params": {"hidden": (8,)}} if "tau" in entry.needs else SMALL,
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


# Their value says nothing of how well they fit: a random draw, a weighing that moves, a calibrator's, pairs
# that are what the order of the batch makes them.
NOT_SHOWN = {"ens_loss", "meta_rescale", "correctness_aware", "hyp_pc"}


@pytest.mark.parametrize("name", [n for n in losses.names() if n not in NOT_SHOWN])
def test_every_loss_falls(name, train):
    adam = {"name": "adam", "params": {"lr": 0.01}}
    curve = train(fitting(name, optimizer=adam, epochs=20), steps=80).curve
    assert curve["train_loss"][-1] < curve["train_loss"][0]


# Supplies


def test_what_a_loss_lacks_is_named_with_what_would_provide_it():
    missing = [
        ("kd", {}, r"'teacher_logits' comes from Run\(..., teacher="),
        ("nd_loss", {}, "'teacher_embeddings' comes from"),
        ("supcon", {"model": "linear"}, "'embeddings' comes from a model whose outputs"),
        ("dual_head_kd", {"model": "linear"}, "'aux_logits' of the loss .* needs .*embeddings"),
        ("hybrid_multilabel", {"data": "blobs"}, "'label_sets' comes from the data 'discs'"),
        ("hl_gauss", {"data": "blobs"}, "'values' comes from the data 'wave'"),
        ("meta_rescale", {"method": "standard"}, "'weights' comes from the method 'meta_rescale'"),
        ("gce", {"method": "meta_rescale"}, "trains .*'weights'"),
    ]
    for name, changes, message in missing:
        with pytest.raises(MissingNeed, match=message):
            Run(fitting(name, **changes))


def test_a_module_without_a_head_is_refused_where_the_loss_leaves_the_logits_alone():
    class Headless(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = create(SMALL, 2, 3)

        def outputs(self, x):
            return self.inner.outputs(x)

        def forward(self, x):
            return self.inner(x)

    with pytest.raises(MissingNeed, match=r"no head\(embeddings\)"):
        Run(fitting("supcon"), module=Headless())
    Run(fitting("cross_entropy"), module=Headless()).stop()


def test_the_head_learns_beside_a_loss_on_embeddings_and_does_not_move_the_body(train):
    data = {"name": "blobs", "params": {"n": 300, "noise": 0.4}}
    run = train(fitting("supcon", data=data, epochs=30), steps=300)
    assert run.timeline.latest.metrics["validation_accuracy"] > 0.9
    engine = run._trainer.session.engine
    batch = engine.batch(torch.from_numpy(run.dataset.train[:40]))
    engine.model.zero_grad()
    (engine.loss(batch) - engine.objective(batch, engine.outputs(batch["x"]))).backward()
    assert engine.model.head.weight.grad.abs().sum() > 0
    assert all(p.grad is None or not p.grad.any() for p in engine.model.body.parameters())


def values_of(run, rows=20):
    """Needs by name, of the first training samples."""
    engine = run._trainer.session.engine
    batch = engine.batch(torch.from_numpy(run.dataset.train[:rows]))
    return engine.objective.arguments(batch, engine.outputs(batch["x"])), batch, engine


def test_bags_part_the_batch(train):
    found, _, _ = values_of(train(fitting("aggregate", supplies={"bags": {"size": 6}}), steps=0))
    assert torch.bincount(found["bags"]).tolist() == [6, 6, 6, 2]


def test_attacked_logits_are_worse_within_the_radius(train):
    attacked = fitting("comp_sum_adv", supplies={"adv_logits": {"radius": 0}})
    still, _, _ = values_of(train(attacked, steps=0))
    torch.testing.assert_close(still["adv_logits"], still["logits"])
    moved, batch, _ = values_of(
        train(fitting("comp_sum_adv", supplies={"adv_logits": {"radius": 0.3}}), steps=0)
    )
    worse = nn.functional.cross_entropy(moved["adv_logits"], batch["targets"])
    assert worse > nn.functional.cross_entropy(moved["logits"], batch["targets"])


def test_keys_and_shares_are_drawn_by_run_and_step(train):
    for name, need in (("infonce", "keys"), ("metrix", "lam")):
        run = train(fitting(name), steps=0)
        engine = run._trainer.session.engine
        engine.generator.manual_seed(1)
        one = values_of(run)[0][need]
        assert not torch.equal(one, values_of(run)[0][need])
        engine.generator.manual_seed(1)
        assert torch.equal(one, values_of(run)[0][need])


def test_the_second_head_is_trained_along_and_kept(train):
    run = train(fitting("dual_head_kd"))
    first, last = run.timeline.at(0).resume, run.timeline.latest.resume
    key = "loss.supplies.aux_logits.head.weight"
    assert not torch.equal(first[key], last[key])
    assert run.network is not None and len(run.timeline.latest.theta) == 2 * 8 + 8 + 8 * 3 + 3


def test_class_means_are_those_of_the_teacher(train):
    run = train(fitting("nd_loss"), steps=0)
    found, _, _ = values_of(run)
    u = run._trainer.session.extras["teacher_embeddings"]
    rows = run.dataset.train[run.dataset.y[run.dataset.train] == 1]
    np.testing.assert_allclose(found["class_means"][1], u[rows].mean(0), atol=1e-5)
    wide = create({"name": "mlp", "params": {"hidden": (9,)}}, 2, 3)
    with pytest.raises(ShapeError, match="width 9, those of the model 8"):
        Run(fitting("nd_loss"), teacher=wide)


def test_weights_learn_to_leave_wrong_labels_out(train):
    data = {"name": "blobs", "params": {"n": 400, "noise": 0.5}}
    run = train(fitting("meta_rescale", data=data, label_noise=0.3, epochs=30, batch_size=32), steps=240)
    engine, d = run._trainer.session.engine, run.dataset
    batch = engine.batch(torch.from_numpy(d.train))
    with torch.no_grad():
        weights = engine.objective.supplies["weights"]({**batch, **engine.outputs(batch["x"])}).numpy()
    wrong = (d.y != d.y_clean)[d.train]
    assert weights[wrong].mean() < 0.5 * weights[~wrong].mean()


# Teachers


def test_a_teacher_may_be_a_run_a_module_an_estimator_or_logits(train):
    from sklearn.linear_model import LogisticRegression

    data = load({"name": "blobs", "params": {"n": 100}})
    run = train(fitting("cross_entropy"))
    module = create(SMALL, 2, 3)
    fitted = LogisticRegression().fit(data.X, np.array(data.class_names)[data.y])
    assert set(teacher_columns(run, data)) == {"teacher_logits", "teacher_embeddings"}
    np.testing.assert_allclose(teacher_columns(run, data)["teacher_logits"], run.predict(data.X), atol=1e-5)
    assert teacher_columns(module, data)["teacher_embeddings"].shape == (100, 8)
    for teacher in (fitted, np.zeros((100, 3)), torch.zeros(100, 3)):
        assert teacher_columns(teacher, data)["teacher_logits"].shape == (100, 3)
    for teacher, message in (
        (np.zeros((99, 3)), r"expected logits \(100, 3\)"),
        (create(SMALL, 2, 4), r"logits \(100, 3\)"),
        (np.full((100, 3), np.nan), "not finite"),
        (create(SMALL, 5, 3), "cannot predict"),
    ):
        with pytest.raises(InputError, match=message):
            teacher_columns(teacher, data)


def test_a_running_network_takes_up_a_loss_with_a_teacher(train):
    run = train(fitting("cross_entropy"), steps=5, teacher=np.zeros((100, 3), np.float32))
    run.set("loss", "kd")
    run.step(5)
    assert run.wait(60) and run.state == "paused"
    assert run.loss.name == "kd"
    with pytest.raises(ShapeError, match="teacher_logits"):
        Run(fitting("kd"), extras={"teacher_logits": np.zeros((100, 4), np.float32)})


def test_a_fan_of_students_takes_one_batched_step_and_is_kept_with_its_teacher(tmp_path):
    experiment = fitting("kd")
    fan = Fan(experiment, {"loss.alpha": [0.0, 0.9]}, **given(experiment))
    assert fan.engine_kind == "stacked"
    fan.step(10)
    assert fan.wait(60)
    alone = Run(experiment.replace({"loss.alpha": 0.9}), **given(experiment))
    alone.step(10)
    assert alone.wait(60)
    np.testing.assert_allclose(fan.timelines[1].latest.theta, alone.timeline.latest.theta, atol=1e-5)
    fan.save(tmp_path / "fan")
    again = Fan.load(tmp_path / "fan")
    again.step(2)
    assert again.wait(60) and again.state == "paused"
    for source in (fan, alone, again):
        source.stop()


def test_a_fan_over_a_supply_goes_one_after_the_other_and_says_why():
    fan = Fan(fitting("aggregate"), {"supplies.bags.size": [1, 4]})
    assert fan.engine_kind == "loop" and "'bags' from a supply" in fan.why_loop
    fan.step(3)
    assert fan.wait(60)
    fan.stop()


def test_value_targets_stack(train):
    fan = Fan(fitting("hl_gauss"), {"loss.sigma_ratio": [0.3, 0.75]})
    assert fan.engine_kind == "stacked"
    fan.step(6)
    assert fan.wait(60)
    alone = train(fitting("hl_gauss"), steps=6)
    one, two = fan.timelines[1].latest.metrics, alone.timeline.latest.metrics
    assert one == pytest.approx(two, abs=1e-5) and "train_value_error" in one
    np.testing.assert_allclose(fan.timelines[1].latest.theta, alone.timeline.latest.theta, atol=1e-5)
    fan.stop()


# Settings


def test_parameters_of_supplies_are_settings_of_the_experiment():
    e = fitting("aggregate", supplies={"bags": {"size": 4}, "keys": {}})
    assert Experiment.from_json(e.to_json()) == e
    assert e.get("supplies.bags.size") == 4 and e.get("supplies.keys.noise") == 0.5
    assert e.replace({"supplies.bags.size": 2}).get("supplies") == {"bags": {"size": 2}}
    assert "supplies" not in fitting("aggregate").to_json()
    for wrong, message in (
        ({"nothing": {}}, "no supply is called 'nothing'"),
        ({"bags": {"weight": 1}}, "has no parameter 'weight'"),
        ({"bags": 4}, "expected a dict of parameters"),
        ({"bags": {"size": "a"}}, "supplies.bags.size: expected a finite number"),
    ):
        with pytest.raises(InputError, match=message):
            fitting("aggregate", supplies=wrong)
    with pytest.raises(InputError, match=r"supplies\.bags\.size must be at least 1"):
        Run(fitting("aggregate", supplies={"bags": {"size": 0}}))


def test_a_supply_changes_from_the_next_step_and_a_recipe_tells_of_it(train):
    run = train(fitting("aggregate"), steps=3)
    run.change({"supplies.bags.size": 2})
    run.step(3)
    assert run.wait(60)
    turn = run.recipe.turns[0]
    assert (turn.step, turn.experiment.get("supplies.bags.size")) == (3, 2)
    again = Run.from_recipe(type(run.recipe).from_json(run.recipe.to_json()))
    assert again.wait(60)
    same(run, again)
    again.stop()


def test_snapshots_tell_what_became_of_wrong_labels(train):
    clean = train(fitting("cross_entropy")).timeline.latest.metrics
    assert not [name for name in clean if "memorised" in name or "recovered" in name]
    run = train(fitting("cross_entropy", label_noise=0.4))
    d, rows = run.dataset, run.dataset.train
    guess = run.predict(d.X).argmax(1)
    wrong = rows[d.y[rows] != d.y_clean[rows]]
    found = run.timeline.latest.metrics
    assert found["train_memorised"] == pytest.approx((guess == d.y)[wrong].mean())
    assert found["train_recovered"] == pytest.approx((guess == d.y_clean)[wrong].mean())
    assert "train_memorised" in run.curve


def test_losses_of_numbers_are_measured_by_the_error_of_what_they_predict(train):
    run = train(fitting("two_hot", data="wave", optimizer={"name": "adam", "params": {"lr": 0.01}}), steps=40)
    d = run.dataset
    z = run.predict(d.X)
    p = np.exp(z - z.max(1, keepdims=True))
    predicted = (p / p.sum(1, keepdims=True)) @ np.linspace(-3, 3, d.n_classes)
    error = np.sqrt(np.mean((predicted - d.values)[d.validation] ** 2))
    assert run.timeline.latest.metrics["validation_value_error"] == pytest.approx(error, rel=1e-5)
    assert run.curve["validation_value_error"][0] > error


def test_own_data_with_numbers_is_saved(tmp_path):
    data = load({"name": "wave", "params": {"n": 100}})
    run = Run(fitting("two_hot"), data=data)
    run.save(tmp_path / "run")
    again = Run.load(tmp_path / "run")
    np.testing.assert_array_equal(again.dataset.values, data.values)
    run.stop()
    again.stop()
