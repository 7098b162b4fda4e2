"""A recipe leads another run the same way; the shipped starts are what training gives today."""

import json

import numpy as np
import pytest

import clsviz as cv
from clsviz.errors import InputError
from clsviz.training import starts
from clsviz.training.recipe import Recipe


def rest(run):
    assert run.wait(60), run.progress
    return run


def trained(**changes):
    run = cv.Run(cv.Experiment("moons", epochs=3, seed=1, **changes))
    run.start()
    return rest(run)


def again(run, **own):
    recipe = Recipe.from_json(json.loads(json.dumps(run.recipe.to_json())))
    assert recipe == run.recipe
    return rest(cv.Run.from_recipe(recipe, **own))


def assert_same(a, b):
    assert a.recipe == b.recipe and a.experiment == b.experiment and a.state == b.state
    assert a.timeline.latest.step == b.timeline.latest.step
    np.testing.assert_array_equal(a.timeline.latest.theta, b.timeline.latest.theta)


def test_a_finished_run_is_trained_again_to_the_same_weights():
    run = trained()
    copy = again(run)
    assert copy.state == "finished" and copy.timeline.steps == run.timeline.steps
    assert_same(run, copy)


def test_an_untrained_run_stays_untrained():
    run = cv.Run("moons")
    copy = again(run)
    assert copy.state == "ready" and copy.recipe == run.recipe


def test_settings_changed_on_the_way_are_changed_there_again():
    run = trained()
    run.set("loss", "focal")
    run.set("optimizer.lr", 0.2)
    run.step(3)
    rest(run)
    run.set("loss.gamma", 3.0)
    copy = again(run)
    assert [t.step for t in run.recipe.turns] == [12]
    assert_same(run, copy)
    for one in (run, copy):  # also what comes after is the same
        one.step(2)
        rest(one)
    assert_same(run, copy)


def test_a_run_that_was_sent_back_is_sent_back_again():
    run = trained()
    run.seek(4)
    rest(run)
    copy = again(run)
    assert copy.recipe.at == 4 and copy.state == "paused"
    for one in (run, copy):
        one.set("loss", "mae")
        one.step(5)
        rest(one)
    assert_same(run, copy)
    assert_same(run, again(run))


def test_asked_for_snapshots_are_kept():
    run = trained()
    copy = cv.Run.from_recipe(run.recipe, keep=[3, 7])
    assert {3, 7} <= set(rest(copy).timeline.steps)


def test_follow_goes_on_from_where_a_run_is_or_begins_anew():
    run, other = trained(), trained(loss="focal")
    theta, run_id = run.timeline.latest.theta, run.run_id
    run.start()
    further = rest(run).recipe
    fresh = cv.Run.from_recipe(trained().recipe)
    identity = rest(fresh).run_id
    fresh.follow(further)
    assert rest(fresh).run_id == identity
    assert_same(run, fresh)
    run.follow(other.recipe)
    rest(run)
    assert run.run_id != run_id and run.loss.name == "focal"
    assert_same(run, other)
    assert not np.array_equal(theta, run.timeline.latest.theta)


def test_a_command_of_the_users_ends_the_following():
    run = trained()
    run.start(epochs=200)
    long = rest(run).recipe
    copy = cv.Run.from_recipe(long)
    copy.seek(0)
    rest(copy)
    assert copy.state == "paused" and copy.recipe.at == 0


def test_what_has_no_name_is_asked_for():
    X, y = np.random.default_rng(0).normal(size=(60, 2)).astype("f"), np.arange(60) % 2
    run = cv.Run(cv.Experiment(epochs=2), data=(X, y))
    run.start()
    rest(run)
    with pytest.raises(InputError, match=r"own data.*data=\(X, y\)"):
        cv.Run.from_recipe(run.recipe)
    with pytest.raises(InputError, match="not trained with an own module"):
        cv.Run.from_recipe(run.recipe, data=(X, y), module=cv.Run("moons").model_at())
    assert_same(run, again(run, data=(X, y)))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ([], "a recipe has"),
        ({"experiment": {}}, "a recipe has"),
        ({"experiment": {}, "steps": -1}, "steps"),
        ({"experiment": {}, "steps": True}, "steps"),
        ({"experiment": {}, "steps": 1, "turns": [3]}, "turns"),
        ({"experiment": {}, "steps": 1, "turns": [{"step": 1, "changes": {"seed": 3}}]}, "on the way"),
        ({"experiment": {"data": "mooons"}, "steps": 1}, "mooons"),
    ],
)
def test_malformed_recipes_are_refused(entry, why):
    with pytest.raises(InputError, match=why):
        Recipe.from_json(entry)


@pytest.mark.parametrize("name", starts.STARTS)
def test_a_shipped_start_is_what_training_gives(name):
    experiment, _ = starts.STARTS[name]
    saved = starts.find(experiment)
    run = cv.Run(experiment.replace({"device": "cpu"}))
    run.start()
    rest(run)
    assert saved.snapshots[-1].step == run.timeline.latest.step == saved.target
    assert {0, saved.target} <= {s.step for s in saved.snapshots} <= set(run.timeline.steps)
    assert len(saved.snapshots) >= 18
    for snapshot in saved.snapshots:
        today = run.timeline.at(snapshot.step)
        np.testing.assert_allclose(snapshot.theta, today.theta, atol=2e-3)
        assert snapshot.metrics == pytest.approx(today.metrics, abs=2e-3)
    np.testing.assert_allclose(saved.curve["validation_loss"], run.curve["validation_loss"], atol=2e-3)
    run.stop()


def test_the_starts_stay_small():
    total = sum(f.stat().st_size for f in starts.FOLDER.rglob("*") if f.is_file())
    assert total < 1_000_000


def test_an_instant_run_trains_on_like_one_that_was_trained_here():
    start = starts.find(cv.Experiment("moons"))
    recipe = Recipe(
        cv.Experiment("moons"), (), start.target, start.target, start.target, cv.Experiment("moons"), True
    )
    run = cv.Run.from_recipe(recipe)
    assert run.state == "finished" and run.recipe == recipe and len(run.curve["step"]) > 60
    run.step(3)
    rest(run)
    assert_same(run, again(run))
    run.seek(100)
    run.step(3)
    rest(run)
    assert run.recipe.turns[0].afresh == (run.recipe.turns[0].step < start.target)
    assert_same(run, again(run))
