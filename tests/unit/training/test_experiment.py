from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clsviz.catalogue import Spec
from clsviz.errors import InputError, UnknownName
from clsviz.training import Experiment


def test_names_become_specs():
    e = Experiment("moons", loss="losses.gce")
    assert e.data == Spec("moons")
    assert e.loss == Spec("gce")


def test_get_finds_what_was_set_and_defaults():
    e = Experiment("moons", loss={"name": "gce", "params": {"q": 0.5}})
    assert e.get("loss.q") == 0.5
    assert e.get("loss.k") == 0.0
    assert e.get("optimizer.momentum") == 0.9
    assert e.get("seed") == 0
    assert e.get("loss") == e.loss
    assert e.get("label_noise.rate") == 0.0
    assert e.params("loss") == {"q": 0.5, "k": 0.0}


def test_replace_takes_whole_choices_before_their_parameters():
    e = Experiment("moons", loss={"name": "focal", "params": {"gamma": 3.0}})
    new = e.replace({"loss.q": 0.4, "loss": "gce", "seed": 3, "label_noise.rate": 0.2, "imbalance.factor": 5})
    assert new.loss == Spec("gce", {"q": 0.4})
    assert new.seed == 3
    assert new.label_noise == Spec("symmetric", {"rate": 0.2})
    assert new.imbalance == Spec("exp", {"factor": 5})
    assert e.loss == Spec("focal", {"gamma": 3.0})


def test_replace_keeps_the_kind_of_label_noise():
    e = Experiment("moons", label_noise=Spec("pair", {"rate": 0.1}))
    assert e.replace({"label_noise.rate": 0.3}).label_noise == Spec("pair", {"rate": 0.3})
    assert e.replace({"label_noise": None}).label_noise is None
    assert e.replace({"label_noise": 0.25}).label_noise == Spec("symmetric", {"rate": 0.25})


@given(
    lr=st.floats(1e-4, 3),
    rate=st.floats(0, 1),
    hidden=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    seed=st.integers(0, 2**40),
)
def test_json_round_trip(lr: float, rate: float, hidden: list[int], seed: int):
    e = Experiment("moons", label_noise=rate, seed=seed, imbalance=Spec("step", {"factor": 3}))
    e = e.replace({"optimizer.lr": lr, "model.hidden": hidden})
    assert Experiment.from_json(json.loads(json.dumps(e.to_json()))) == e


def test_numpy_numbers_become_plain_ones():
    e = Experiment("moons").replace({"optimizer.lr": np.float32(0.5), "seed": np.int64(4)})
    assert type(e.get("optimizer.lr")) is float
    assert type(e.seed) is int


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "gcee"}, "no loss is called 'gcee'; did you mean 'gce'"),
        ({"data": "digit"}, "no data is called 'digit'"),
        ({"model": "mpl"}, "no model is called 'mpl'"),
        ({"method": "sam?"}, "no method is called"),
        ({"los.q": 1}, "no setting 'los.q'; did you mean 'loss"),
        ({"weather": 1}, "no setting 'weather'; an Experiment has .*'loss'"),
        ({"seed.x": 1}, "'seed' has no parameters"),
        ({"loss": "gce", "loss.gamma": 1}, "losses.gce has no parameter 'gamma'"),
        ({"optimizer.lr": "fast"}, "optimizer.lr: expected a finite number, got 'fast'"),
        ({"optimizer.lr": float("nan")}, "optimizer.lr: expected a finite number"),
        ({"optimizer.lr": True}, "optimizer.lr: expected a finite number, got True"),
        ({"model.activation": "gelu"}, "model.activation: expected one of .*'relu'"),
        ({"loss": 3}, "loss: a Spec is a name"),
        ({"label_noise": "salt"}, "label_noise: no kind is called 'salt'; there are"),
        ({"label_noise": "pair"}, "label_noise: say how much"),
        ({"label_noise.rate": 1.5}, r"label_noise.rate: expected a number in \[0, 1\]"),
        ({"label_noise.kind": "pair"}, "label_noise has the parameter 'rate'"),
        ({"imbalance": 0.5}, r"imbalance.factor: expected a number in \[1, inf\]"),
        ({"batch_size": 0}, "batch_size: expected a whole number >= 1, got 0"),
        ({"epochs": 1.5}, "epochs: expected a whole number >= 1"),
        ({"seed": -1}, "seed: expected a whole number >= 0"),
        ({"device": "tpu"}, 'device: expected "auto"'),
        ({"precision": "int8"}, "precision: expected one of"),
    ],
)
def test_a_wrong_value_is_named(changes: dict, message: str):
    with pytest.raises(InputError, match=message):
        Experiment("moons").replace(changes)


def test_get_names_a_wrong_path():
    e = Experiment("moons")
    for path in ("optimiser.lr", "loss.gamma", "seed.x", "label_noise.kind"):
        with pytest.raises(UnknownName, match="no setting"):
            e.get(path)


def test_from_json_refuses_other_things():
    with pytest.raises(InputError, match="an Experiment is a dict with keys"):
        Experiment.from_json({"dta": "moons"})
