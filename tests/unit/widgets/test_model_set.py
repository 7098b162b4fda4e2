"""Finished classifiers beside each other in one laboratory."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from torch import nn

import clsviz as cv
from clsviz.boundary import extract_model
from clsviz.errors import InputError, ShapeError


@pytest.fixture(scope="module")
def wine() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_wine

    X, y = load_wine(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    return X.astype(np.float32), np.array(["Barolo", "Grignolino", "Barbera"])[y]


@pytest.fixture(scope="module")
def estimators(wine) -> dict:
    X, y = wine
    linear = LogisticRegression(max_iter=500).fit(X, y)
    return {"linear": linear, "forest": RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)}


def test_every_view_shows_the_model_that_the_slider_names(wine, estimators):
    X, y = wine
    lab = cv.Lab.from_run(cv.ModelSet(estimators, (X, y)), pinned={"member": 0, "step": 0})
    for member, model in enumerate(estimators.values()):
        lab.member = member
        assert lab.views.confusion.result.accuracy == pytest.approx(model.score(X, y))
    expected = estimators["linear"].predict(X) == estimators["forest"].predict(X)
    assert lab.compare().agreement == pytest.approx(expected.mean())
    lab.close()


def test_the_page_is_told_the_names_of_the_models(estimators, wine):
    lab = cv.Lab.from_run(cv.ModelSet(estimators, wine))
    told = next(p.header["fan"] for p in lab.session._fan_stream.everything() if p.header["kind"] == "fan")
    assert told["own"]
    assert told["vary"][0]["names"] == ["linear", "forest"]
    lab.close()


def test_models_predict_as_they_do_alone_whatever_the_order_of_their_classes(wine, estimators):
    X, y = wine
    models = cv.ModelSet(estimators, (X, y))
    for member, (name, model) in enumerate(estimators.items()):
        calls = np.array(models.dataset.class_names)[models.predict(X, member=member).argmax(1)]
        assert (calls == model.predict(X)).all(), name


def test_networks_of_one_form_run_in_the_page_and_of_several_in_the_kernel(wine):
    X, y = wine
    small, other, large = (nn.Sequential(nn.Linear(13, h), nn.ReLU(), nn.Linear(h, 3)) for h in (4, 4, 8))
    same = cv.ModelSet({"a": small, "b": other}, (X, y))
    assert same.network is not None
    assert [t.latest.theta is not None for t in same.timelines] == [True, True]
    mixed = cv.ModelSet({"a": small, "b": large}, (X, y))
    assert mixed.network is None
    assert [t.latest.logits.shape for t in mixed.timelines] == [(178, 3)] * 2
    assert mixed.predict(X[:5], member=0) == pytest.approx(same.predict(X[:5], member=0))


def test_a_victim_and_its_clones_stand_beside_each_other_on_the_true_labels():
    victim = cv.Run(cv.Experiment("moons", epochs=10))
    victim.start()
    victim.wait(30)
    data = victim.dataset
    rows = data.X[data.validation]
    network = cv.Spec("mlp", {"hidden": [16]})
    found = extract_model(victim, rows, 2, queries=60, batch_size=20, looks=3, model=network)
    clones = {f"after {q} queries": clone for q, clone in zip(found.queries, found.clones, strict=True)}
    lab = cv.Lab.from_run(cv.ModelSet({"victim": victim} | clones, data), pinned={"member": 0, "step": 0})
    for member, agreement in enumerate(found.agreement, start=1):
        lab.member = member
        assert lab.compare().agreement == pytest.approx(agreement)
    lab.close()


@pytest.mark.parametrize("models", [{}, [LogisticRegression()], None])
def test_no_named_model_is_refused(models, wine):
    with pytest.raises(InputError, match="models must be a dict of at least one"):
        cv.ModelSet(models, wine)


def test_what_does_not_classify_is_refused(wine):
    with pytest.raises(InputError, match="model must be a torch"):
        cv.ModelSet({"a": "linear"}, wine)
    with pytest.raises(ShapeError, match="logits: expected"):
        cv.ModelSet({"a": np.zeros((3, 2))}, wine)


def test_a_lab_of_finished_models_has_no_run(wine, estimators):
    lab = cv.Lab.from_run(cv.ModelSet(estimators, wine))
    with pytest.raises(InputError, match="or finished models: there is no run to steer"):
        lab.run.start()
    lab.close()
