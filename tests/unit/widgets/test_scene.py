"""A scene is small, says all that is set, and brings the same lab and the same numbers back."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import clsviz as cv
from clsviz.errors import InputError, UnknownName
from clsviz.training import starts
from clsviz.widgets.staging import CONTROLS, STAGES


@pytest.fixture(scope="module")
def shared():
    """One lab for tests that only set its state."""
    lab = cv.Lab("moons", epochs=2, pace=None)
    lab.run.wait(30)
    yield lab
    lab.close()


@pytest.fixture
def opened():
    """Labs that are closed when the test ends."""
    labs = []
    yield lambda lab: labs.append(lab) or lab
    for lab in labs:
        lab.close()


def reset(lab):
    lab._take(cv.Scene(lab.run.recipe))


def test_a_scene_brings_back_state_and_numbers(opened):
    lab = opened(cv.Lab("moons", epochs=4, pace=None, seed=3, label_noise=0.2))
    lab.run.wait(30)
    lab.temperature, lab.step, lab.selection, lab.marked = 2.5, 8, [1, 3, 4], 5
    lab.views.reliability.n_bins, lab.views.landscape.kind = 20, "3d"
    lab.pinned = {"step": 12, "temperature": 1.0}
    scene = lab.scene("Title", "Note")
    for form in (scene, scene.to_json(), json.dumps(scene.to_json()), scene.link()):
        again = opened(cv.Lab.from_scene(form))
        assert again.scene("Title", "Note") == scene  # also while it trains
        assert again.run.wait(30)
        assert again.scene("Title", "Note") == scene
        assert again.selection.tolist() == [1, 3, 4]
    one, other = lab.views.reliability.result, again.views.reliability.result
    assert one.ece == other.ece and one.nll == other.nll
    np.testing.assert_array_equal(one.diagram.counts, other.diagram.counts)
    np.testing.assert_array_equal(lab.views.boundary.result.w, again.views.boundary.result.w)
    assert again.views.boundary.result.accuracy == lab.views.boundary.result.accuracy


def test_the_repr_is_python_that_opens_the_scene(shared, opened):
    reset(shared)
    shared.temperature = 3
    scene = shared.scene('It\'s "odd"', "é")
    again = opened(eval(repr(scene), {"cv": cv}))
    assert repr(scene).startswith("cv.Lab.from_scene('{") and len(repr(scene)) < 700
    assert again.scene('It\'s "odd"', "é") == scene
    assert len(scene.link()) < 700 and set(scene.link()) <= set(
        "#=-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    )
    assert cv.Scene.from_json("https://example.org/handout.html" + scene.link()) == scene


STATES = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0.05, 20),
        "step": st.none() | st.integers(0, 8),
        "score": st.none() | st.floats(-1, 1),
        "selection": st.none() | st.lists(st.integers(0, 199), max_size=50),
        "marked": st.none() | st.integers(0, 199),
        "pair": st.none() | st.permutations([0, 1]),
        "tilt": st.none() | st.floats(0, 90),
        "projector": st.booleans(),
        "stage": st.lists(st.sampled_from(STAGES), min_size=2, max_size=2, unique=True),
        "show": st.none() | st.lists(st.sampled_from(STAGES), min_size=1, unique=True),
        "controls": st.none() | st.lists(st.sampled_from(CONTROLS), unique=True),
        "reliability_n_bins": st.integers(1, 500),
        "reliability_mode": st.sampled_from(["top_label", "per_class"]),
        "boundary_plane": st.sampled_from([None, "tilt", "data", "pca", "lda", "points", "attack"]),
        "landscape_plane": st.sampled_from(["path", "random"]),
        "prototypes_kind": st.sampled_from([None, "mean", "two_means", "medoid"]),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STATES, st.text(max_size=20))
def test_every_state_survives_json_and_links(shared, state, title):
    reset(shared)
    for name, value in state.items():
        setattr(shared, name, value)
    scene = shared.scene(title)
    assert cv.Scene.from_json(json.dumps(scene.to_json())) == scene
    assert cv.Scene.from_json(scene.link()) == scene
    assert len(json.dumps(scene.to_json())) < 4000
    reset(shared)
    shared._take(cv.Scene.from_json(scene.link()))
    assert shared.scene(title) == scene


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["clsviz", "run", "state", "title", "temperature", "show", "selection"]), JSON)
def test_a_damaged_scene_is_refused_and_changes_nothing_of_the_program(shared, where, junk):
    reset(shared)
    entry = shared.scene().to_json()
    (entry["state"] if where in ("temperature", "show", "selection") else entry)[where] = junk
    try:
        shared._take(cv.Scene.from_json(entry))
    except InputError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({}, "no scene"),
        ([1], "no scene"),
        ("", "no scene"),
        ("#clsviz=abc", "was all of it copied"),
        ('{"clsviz": 1', "was all of it copied"),
        ({"clsviz": 2, "run": {}}, "later clsviz"),
        ({"clsviz": 1}, "a recipe has"),
        ({"clsviz": 1, "run": {"experiment": {}, "steps": 1}, "states": {}}, "states"),
        ({"clsviz": 1, "run": {"experiment": {}, "steps": 1}, "title": 3}, "texts"),
        ({"clsviz": 1, "run": {"experiment": {}, "steps": 0}, "state": {"heat": 1}}, "heat"),
        ({"clsviz": 1, "run": {"experiment": {}, "steps": 0}, "state": {"temperature": 99}}, "0.05 to 20"),
    ],
)
def test_what_is_no_scene_says_why(entry, why):
    with pytest.raises(InputError, match=why):
        cv.Lab.from_scene(entry)


def test_own_data_and_modules_are_asked_for_again(opened):
    X, y = np.random.default_rng(0).normal(size=(60, 2)).astype("f"), np.arange(60) % 2
    net = nn.Linear(2, 2)
    lab = opened(cv.Lab((X, y), model=net, epochs=2, pace=None))
    lab.run.wait(30)
    with pytest.raises(InputError, match="give it again as data="):
        cv.Lab.from_scene(lab.scene())
    again = opened(cv.Lab.from_scene(lab.scene(), data=(X, y), module=net))
    again.run.wait(30)
    assert again.views.reliability.result.nll == lab.views.reliability.result.nll
    with pytest.raises(InputError, match="watched loop"):
        opened(cv.Lab.from_run(cv.watch(net, X, y))).scene()


def test_the_usual_labs_open_trained_and_their_scenes_too(opened):
    lab = opened(cv.Lab("moons"))
    assert lab.run.state == "finished" and len(lab.run.timeline) >= 18
    assert lab.run.recipe.instant
    again = opened(cv.Lab.from_scene(lab.scene()))
    assert again.run.state == "finished" and again.scene() == lab.scene()
    live = opened(cv.Lab("moons", instant=False, pace=None))
    live.run.wait(30)
    assert not live.run.recipe.instant and len(live.run.timeline) == 63
    assert opened(cv.Lab("moons", autostart=False)).run.state == "ready"
    assert starts.find(cv.Experiment("moons", seed=1)) is None


def test_lessons_name_what_there_is():
    with pytest.raises(UnknownName, match=r"no view \['gallery'\].*prototypes"):
        cv.Lab("moons", show=["gallery"])
    with pytest.raises(UnknownName, match=r"no further view \['reliability'\]"):
        cv.Lab("moons", more=["reliability"])  # it is there anyhow
    with pytest.raises(UnknownName, match=r"no control \['heat'\].*temperature"):
        cv.Lab("moons", controls=["heat"])


def test_names_of_a_lesson_may_be_written_as_on_screen(opened):
    lab = opened(cv.Lab("moons", show=["Reliability"], controls=["Learning rate", "Epoch"]))
    assert lab.show == ["reliability"] and lab.controls == ["learning_rate", "epoch"]


def test_a_sequence_changes_against_the_scene_before(opened):
    lab = opened(cv.Lab("moons", epochs=2, seed=4, pace=None))
    lab.run.wait(30)
    hot = cv.Question("Hotter?", choices=["yes", "no"], answer="no")
    lab.present(
        [
            {"title": "One", "temperature": 2},
            {"title": "Two", "reliability.n_bins": 20, "questions": [hot]},
            {"title": "Three", "experiment": {"loss": "mae"}, "show": ["boundary"]},
            {"epoch": 1, "questions": []},
        ]
    )
    assert [s.title for s in lab.scenes] == ["One", "Two", "Three", ""] and lab.deck_at == 0
    assert lab.temperature == 2 and [s["run"] for s in lab.deck] == [0, 0, 1, 1]
    lab.go_to(1)
    assert lab.views.reliability.n_bins == 20 and lab.questions[0]["text"] == "Hotter?"
    lab.go_to(2)
    assert lab.run.wait(30)
    assert lab.run.loss.name == "mae" and lab.show == ["boundary"] and lab.deck_run == 1
    lab.go_to(3)
    assert lab.step == lab.scenes[3].recipe.steps // 2 and lab.questions == []
    lab.go_to(0)
    assert lab.run.wait(30)
    assert lab.run.loss.name == "cross_entropy" and lab.show is None and lab.temperature == 2
    lab.run.reset()
    assert lab.deck_run is None


def test_a_sequence_names_what_it_cannot_do(shared):
    reset(shared)
    with pytest.raises(UnknownName, match=r"scene 1: no such thing as \['heat'\]"):
        shared.present([{}, {"heat": 2}])
    with pytest.raises(InputError, match="scene 0: epoch"):
        shared.present([{"epoch": -1}])
    with pytest.raises(InputError, match="expected a list"):
        shared.present({"temperature": 2})
    with pytest.raises(InputError, match="no scene 4"):
        shared.go_to(4)


def test_scenes_given_at_the_start_begin_with_a_trained_network(opened):
    lab = opened(cv.Lab("moons", epochs=2, seed=5, scenes=[{"temperature": 3}]))
    assert lab.run.wait(30) and lab.run.state == "finished" and lab.temperature == 3


def test_questions_are_sealed_and_checked(shared):
    reset(shared)
    question = cv.Question("How large?", answer="reliability.ece", explain="Because of SECRET")
    shared.questions = [question]
    assert "SECRET" not in str(shared.questions) and "ECE" not in str(shared.questions)
    assert shared.questions[0]["kind"] == "number"
    shared._take(cv.Scene.from_json(shared.scene().link()))
    assert shared.questions == [question.to_json()]
    for wrong, why in [
        (dict(text=""), "words of the question"),
        (dict(text="?", choices=["a"]), "2 to 9"),
        (dict(text="?", choices=["a", "b"], answer="c"), "expected one of"),
        (dict(text="?", answer="reliability.heat"), "no number on screen"),
        (dict(text="?", answer=float("nan")), "a number"),
        (dict(text="?", answer=1, tolerance=-1), "tolerance"),
    ]:
        with pytest.raises(InputError, match=why):
            cv.Question(**wrong)
    with pytest.raises(InputError, match="same text"):
        shared.questions = [question, question]
    with pytest.raises(UnknownName, match="heat"):
        shared.questions = [cv.Question("?", then={"heat": 1})]
    with pytest.raises(UnknownName, match="no view"):
        shared.questions = [cv.Question("?", covers="gallery")]
    reset(shared)


def test_a_fan_is_part_of_the_scene(opened):
    lab = opened(cv.Lab("moons", epochs=2, seed=6, pace=None))
    lab.run.wait(30)
    lab.fan_out("optimizer.lr", [0.01, 0.1], seeds=2).wait(60)
    lab.member = 3
    scene = lab.scene()
    assert scene.fan == {"path": "optimizer.lr", "values": [0.01, 0.1], "seeds": 2}
    again = opened(cv.Lab.from_scene(scene.link()))
    again.run.wait(30)
    again.fan.wait(60)
    assert again.scene() == scene and again.member == 3
    assert again.views.reliability.result.nll == lab.views.reliability.result.nll
    lab.present([scene, {"member": None}, {"experiment": {"seed": 7}}])
    assert [s["run"] for s in lab.deck] == [0, 0, 1] and lab.member == 3
    trained = lab.fan
    lab.go_to(2)
    assert lab.fan is None and lab.member is None
    lab.go_to(0)
    assert lab.fan is trained and lab.member == 3, "coming back trains nothing anew"
    with pytest.raises(InputError, match="path, values and seeds"):
        cv.Scene.from_json({**scene.to_json(), "fan": {"path": "optimizer.lr"}})
