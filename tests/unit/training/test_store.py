from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from clsviz.errors import InputError
from clsviz.training import Run


@pytest.fixture
def saved(tmp_path, make, done):
    run = make(loss="elr", optimizer="adam", label_noise=0.2)
    run.step(8)
    done(run).save(tmp_path)
    return tmp_path


def test_a_loaded_run_goes_on_as_if_it_had_never_stopped(saved, make, done):
    straight = done(make(loss="elr", optimizer="adam", label_noise=0.2).start())
    run = Run.load(saved)
    assert run.state == "paused"
    assert run.timeline.steps == (0, 1, 2, 4, 6, 8)
    assert run.progress["step"] == 8
    done(run.start())
    assert np.array_equal(run.result().theta, straight.result().theta)
    run.stop()
    for name in ("train_loss", "validation_ece"):
        np.testing.assert_array_equal(run.curve[name][-2:], straight.curve[name][-2:])


def test_own_data_module_and_extras_come_back(tmp_path, make, done):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.array(["a", "b", "c"])[rng.integers(0, 3, 60)]
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3)
    ).double()
    run = done(make((X, y), module=module, extras={"weights": np.arange(60.0)}).start(epochs=2))
    run.save(tmp_path)
    done(run.start(epochs=2))
    again = Run.load(tmp_path, module=module)
    assert again.state == "finished"
    assert again.dataset.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(again.dataset.X, run.dataset.X)
    np.testing.assert_array_equal(again.timeline.at(2).logits, run.timeline.at(2).logits)
    done(again.start(epochs=2))
    again.stop()
    assert np.array_equal(again.result().theta, run.result().theta)
    with pytest.raises(InputError, match="own module"):
        Run.load(tmp_path)


def test_only_safetensors_and_json_are_written(saved):
    assert sorted(p.name for p in saved.iterdir()) == ["run.json", "tensors.safetensors"]
    json.loads((saved / "run.json").read_text())


def test_a_missing_run_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no saved run in .*run.json is missing"):
        Run.load(tmp_path)


def test_one_flipped_bit_is_noticed(saved):
    path = saved / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged: tensors\.safetensors is not the file"):
        Run.load(saved)


def test_a_cut_file_is_noticed(saved):
    path = saved / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="damaged"):
        Run.load(saved)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda h: "{", "is damaged: run.json is no JSON"),
        (lambda h: json.dumps([1]), "does not describe a clsviz run"),
        (lambda h: json.dumps({**h, "version": 99}), "has file version 99; this clsviz reads 1"),
        (lambda h: json.dumps({**h, "experiment": {"data": "nope"}}), "damaged: UnknownName"),
        (lambda h: json.dumps({**h, "snapshots": [{"step": "x"}]}), "damaged: KeyError"),
    ],
)
def test_a_spoilt_header_is_explained(saved, spoil, message):
    path = saved / "run.json"
    path.write_text(spoil(json.loads(path.read_text())))
    with pytest.raises(InputError, match=message):
        Run.load(saved)


def test_a_finished_run_comes_back_finished(tmp_path, make, done, small):
    run = done(make(small(epochs=1)).start())
    run.save(tmp_path)
    assert Run.load(tmp_path).state == "finished"
