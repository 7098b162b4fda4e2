from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from torch import nn

import clsviz as cv
from clsviz.errors import InputError, MissingNeed, UnknownName
from clsviz.training import Run, Source, variable

WAIT = 60.0


@pytest.fixture
def fan_of(small):
    """Fans of a small experiment, stopped after the test."""
    fans = []

    def build(vary, seeds=1, *, options=None, **changes):
        fans.append(cv.Fan(small(**changes), vary, seeds, **(options or {})))
        return fans[-1]

    yield build
    for fan in fans:
        fan.stop()


def finished(fan):
    fan.start()
    assert fan.wait(WAIT), f"the fan is still {fan.state}"
    return fan


def test_members_are_all_combinations_in_order(fan_of):
    fan = fan_of({"loss.q": [0.2, 0.8], "label_noise": [0.0, 0.3]}, seeds=2, loss="gce", seed=5)
    assert [(m.index, *m.values.values(), m.seed) for m in fan.members] == [
        (0, 0.2, 0.0, 5), (1, 0.2, 0.0, 6), (2, 0.2, 0.3, 5), (3, 0.2, 0.3, 6),
        (4, 0.8, 0.0, 5), (5, 0.8, 0.0, 6), (6, 0.8, 0.3, 5), (7, 0.8, 0.3, 6),
    ]  # fmt: skip
    assert fan.vary == {"loss.q": (0.2, 0.8), "label_noise": (0.0, 0.3)} and fan.seeds == (5, 6)
    assert fan.members[7].experiment.get("loss.q") == 0.8
    assert fan.members[7].experiment.get("label_noise.rate") == 0.3
    noisy = [(m.dataset.y != m.dataset.y_clean).any() for m in fan.members]
    assert noisy == [False, False, True, True] * 2


@pytest.mark.parametrize("loss", ["gce", "elr"])
def test_members_have_the_numbers_of_their_runs(fan_of, loss):
    path, values = ("loss.q", [0.3, 0.9]) if loss == "gce" else ("loss.lam", [1.0, 5.0])
    fan = finished(fan_of({path: values}, seeds=2, loss=loss, label_noise=0.2))
    assert fan.engine_kind == ("stacked" if loss == "gce" else "loop")
    assert ("vmap" in fan.why_loop) == (loss == "elr")
    assert fan.state == "finished" and isinstance(fan, Source)
    for m, timeline in zip(fan.members, fan.timelines, strict=True):
        run = Run(m.experiment).start()
        assert run.wait(WAIT)
        assert timeline.steps == run.timeline.steps
        for ours, theirs in zip(timeline, run.timeline, strict=True):
            assert ours.epoch == theirs.epoch
            np.testing.assert_allclose(ours.theta, theirs.theta, atol=1e-5)
            assert ours.metrics == pytest.approx(theirs.metrics, abs=1e-5)
        X = m.dataset.X[:5]
        np.testing.assert_allclose(fan.predict(X, member=m.index), run.predict(X), atol=1e-4)
        np.testing.assert_allclose(fan.predict(X, 3, m.index), run.predict(X, 3), atol=1e-4)
        run.stop()


def test_to_views_it_is_its_first_member(fan_of):
    fan = fan_of({"loss.tau": [2.0, 1.0]})
    assert fan.experiment is fan.members[0].experiment and fan.loss.params == {"tau": 2.0}
    assert fan.timeline is fan.timelines[0] and fan.dataset is fan.members[0].dataset
    assert fan.network == {"kind": "mlp", "sizes": [2, 8, 2], "activation": "relu"}
    assert fan.state == "ready" and fan.timeline.steps == (0,)


def test_events_carry_all_members_at_one_step(fan_of):
    fan = fan_of({"optimizer.lr": [0.01, 0.1, 0.2]})
    events = []
    fan.subscribe(events.append)
    finished(fan)
    told = [e.data["snapshots"] for e in events if e.kind == "snapshot"]
    assert all(len(snapshots) == 3 and len({s.step for s in snapshots}) == 1 for snapshots in told)
    assert {s[0].step for s in told} >= set(fan.timeline.steps) - {0}
    assert told[-1][2] is fan.timelines[2].latest
    assert [e.data["state"] for e in events if e.kind == "state"] == ["running", "finished"]


def test_stepping_seeking_and_going_on_change_nothing(fan_of):
    straight = finished(fan_of({"label_noise": [0.1, 0.3]}, optimizer="adam"))
    fan = fan_of({"label_noise": [0.1, 0.3]}, optimizer="adam")
    for n in (7, 4):
        fan.step(n)
        assert fan.wait(WAIT)
    assert (fan.state, fan.progress["step"]) == ("paused", 11)
    fan.seek(7)
    branches = []
    fan.subscribe(lambda e: branches.append(e.data["step"]) if e.kind == "branch" else None)
    fan.resume()
    assert fan.wait(WAIT) and fan.state == "finished"
    assert branches == [7]
    for a, b in zip(straight.timelines, fan.timelines, strict=True):
        np.testing.assert_array_equal(a.latest.theta, b.latest.theta)
        assert a.latest.metrics == b.latest.metrics


def test_a_diverged_member_repeats_its_last_finite_snapshot(fan_of):
    fan = finished(fan_of({"optimizer.lr": [0.1, 1e30, 0.2]}, loss="mse"))
    assert fan.state == "finished"
    since = fan.diverged
    assert since[0] == since[2] == -1 and 0 < since[1] < 18
    assert {t.steps for t in fan.timelines} == {fan.timelines[0].steps}
    lost = fan.timelines[1]
    last = lost.at(since[1] - 1)
    assert lost.latest.step == 18 and lost.latest.epoch == 3.0
    np.testing.assert_array_equal(lost.latest.theta, last.theta)
    assert lost.latest.finite
    table = fan.table()
    assert table[table["diverged"]]["member"].unique().tolist() == [1]
    assert table[table["diverged"]]["step"].min() >= since[1]
    fan.seek(0)
    assert fan.wait(WAIT)
    assert (fan.diverged == -1).all()


def test_a_fan_ends_when_all_members_have_diverged(fan_of):
    fan = finished(fan_of({"optimizer.lr": [1e30, 1e35]}, loss="mse"))
    assert fan.state == "diverged" and "all 2 members" in fan.message
    fan.seek(0)
    fan.step(1)
    assert fan.wait(WAIT)
    assert fan.state in ("paused", "diverged")


def test_shorter_epochs_take_the_same_steps(fan_of):
    fan = finished(fan_of({"imbalance.factor": [20, 1]}, epochs=2))
    lengths = [m.steps_per_epoch for m in fan.members]
    assert lengths[0] < lengths[1]
    assert fan.progress["step"] == 2 * lengths[1]
    assert [t.latest.epoch for t in fan.timelines] == [2 * lengths[1] / n for n in lengths]
    run = Run(fan.members[0].experiment)
    run.step(2 * lengths[1])
    assert run.wait(WAIT)
    np.testing.assert_allclose(fan.timelines[0].latest.theta, run.timeline.latest.theta, atol=1e-5)
    run.stop()


def test_the_table_has_a_row_for_each_member_and_step(fan_of):
    fan = finished(fan_of({"loss.tau": [0.5, 2.0]}, seeds=2))
    table = fan.table()
    assert table.columns[:5].tolist() == ["member", "loss.tau", "seed", "step", "epoch"]
    assert len(table) == 4 * len(fan.timeline)
    row = table.iloc[-1]
    assert (row["loss.tau"], row["seed"], row["step"]) == (2.0, 1, 18)
    assert row["validation_margin"] == fan.timelines[3].latest.metrics["validation_margin"]
    assert fan_of({"seed": [1, 2]}).table()["seed"].tolist() == [1, 2]


def test_timelines_thin_alike_within_one_budget(fan_of):
    fan = finished(fan_of({"optimizer.lr": [0.1, 1e30, 0.2]}, loss="mse", options={"budget_bytes": 12_000}))
    assert {t.steps for t in fan.timelines} == {fan.timelines[0].steps}
    assert 2 <= len(fan.timeline) < 10
    assert sum(t.nbytes for t in fan.timelines) <= 12_000


def test_own_data_and_module(small):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)]
    module = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2, bias=False))
    fan = finished(cv.Fan(cv.Experiment(epochs=2), {"optimizer.lr": [0.1, 0.2]}, data=(X, y), module=module))
    assert fan.engine_kind == "stacked" and fan.network is None
    assert fan.timelines[1].latest.logits.shape == (60, 2)
    np.testing.assert_allclose(fan.predict(X, member=1), fan.timelines[1].latest.logits, atol=1e-5)
    fan.stop()


def test_reset_begins_anew_with_the_same_values(fan_of):
    fan = finished(fan_of({"loss.q": [0.2, 0.8]}, loss="gce"))
    former, first = fan.run_id, fan.timelines[1].latest.theta
    fan.reset({"epochs": 1})
    assert fan.state == "ready" and fan.run_id != former and fan.timeline.steps == (0,)
    assert [m.values["loss.q"] for m in fan.members] == [0.2, 0.8]
    finished(fan)
    np.testing.assert_array_equal(fan.timelines[1].latest.step, 6)
    assert not np.array_equal(fan.timelines[1].latest.theta, first)
    with pytest.raises(UnknownName, match="no setting"):
        fan.reset({"loss": "cross_entropy"})
    assert fan.state == "finished"


def test_a_forgotten_fan_is_collected(small):
    fan = cv.Fan(small(), {"optimizer.lr": [0.1, 0.2]}, pace=1.0)
    fan.start()
    gone = weakref.ref(fan)
    del fan
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("vary", "options", "error", "match"),
    [
        ({}, {}, InputError, "paths with their values"),
        ({"data.n": [50, 100]}, {}, InputError, "'data.n' cannot vary .* loss.tau, .* cv.sweep"),
        ({"model.hidden": [1, 2]}, {}, InputError, "cannot vary"),
        ({"epochs": [1, 2]}, {}, InputError, "cannot vary"),
        ({"loss.nonsense": [1]}, {}, UnknownName, "nonsense"),
        ({"loss.tau": []}, {}, InputError, "at least one value"),
        ({"loss.tau": 3}, {}, InputError, "a sequence of numbers"),
        ({"loss.tau": [1, "2"]}, {}, InputError, "loss.tau"),
        ({"loss.tau": [1, 1.0]}, {}, InputError, "each value once"),
        ({"loss.tau": [1, -1]}, {}, InputError, "tau must be > 0"),
        ({"label_noise": [0, 2]}, {}, InputError, "label_noise.rate"),
        ({"loss.tau": [1, np.nan]}, {}, InputError, "finite"),
        ({"loss.tau": np.linspace(0.1, 1, 300)}, {"seeds": 2}, InputError, "600 members"),
        ({"seed": [1, 2]}, {"seeds": 2}, InputError, "given twice"),
        ({"loss.tau": [1]}, {"seeds": 0}, InputError, "a count >= 1"),
    ],
)
def test_what_cannot_be_a_fan_is_refused_with_a_reason(small, vary, options, error, match):
    with pytest.raises(error, match=match):
        cv.Fan(small(), vary, **options)


def test_a_loss_that_lacks_something_is_refused(small):
    with pytest.raises(MissingNeed, match="prototypes"):
        cv.Fan(small(loss="prototype_losses"), {"optimizer.lr": [0.1]})


def test_a_member_without_a_finite_beginning_is_named(small):
    with pytest.raises(InputError, match=r"initial weights of the member .*1e\+40"):
        cv.Fan(small(loss="mse"), {"loss.scale": [1, 1e40]})


def test_there_is_no_such_member(fan_of):
    fan = fan_of({"loss.tau": [1, 2]})
    with pytest.raises(InputError, match=r"0\.\.1"):
        fan.model_at(member=2)


def test_the_paths_that_can_vary_are_listed(small):
    assert variable(small(loss="gce", method="adversarial")) == (
        "loss.q", "loss.k", "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay",
        "method.radius", "method.steps", "label_noise.rate", "imbalance.factor", "model.init_scale",
        "loss_temperature", "batch_size", "seed",
    )  # fmt: skip


@pytest.mark.parametrize("loss", ["gce", "elr"])
def test_a_loaded_fan_goes_on_as_if_it_had_never_stopped(fan_of, tmp_path, loss):
    vary, seeds = {"optimizer.lr": [0.1, 1e30, 0.2]}, 2
    changes = dict(loss=loss, optimizer="adam" if loss == "elr" else "sgd", label_noise=0.2)
    straight = finished(fan_of(vary, seeds, **changes))
    fan = fan_of(vary, seeds, **changes)
    fan.step(8)
    assert fan.wait(WAIT)
    fan.save(tmp_path)
    loaded = cv.Fan.load(tmp_path)
    assert (loaded.state, loaded.vary, loaded.seeds) == ("paused", fan.vary, fan.seeds)
    np.testing.assert_array_equal(loaded.diverged, fan.diverged)
    finished(loaded)
    for a, b in zip(straight.timelines, loaded.timelines, strict=True):
        np.testing.assert_array_equal(a.latest.theta, b.latest.theta)
    loaded.stop()
    run = Run.load(tmp_path / "member-002")
    assert run.experiment == fan.members[2].experiment and run.timeline.steps == fan.timeline.steps
    run.start()
    assert run.wait(WAIT)
    np.testing.assert_allclose(run.timeline.latest.theta, straight.timelines[2].latest.theta, atol=1e-5)
    run.stop()


def test_a_damaged_fan_says_so(fan_of, tmp_path):
    with pytest.raises(InputError, match="no saved fan"):
        cv.Fan.load(tmp_path)
    fan_of({"loss.tau": [1, 2]}).save(tmp_path)
    assert cv.Fan.load(tmp_path).state == "ready"
    tensors = tmp_path / "member-001" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="member-001 is damaged"):
        cv.Fan.load(tmp_path)
    (tmp_path / "fan.json").write_text('{"format": "other"}')
    with pytest.raises(InputError, match="does not describe a clsviz fan"):
        cv.Fan.load(tmp_path)
