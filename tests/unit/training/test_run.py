from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from clsviz.errors import InputError, MissingNeed, UnknownName
from clsviz.training import Event, Experiment, Run, Source, theta_of
from clsviz.training.trainer import use_one_torch_thread

WAIT = 60.0  # seconds after which a test fails instead of hanging


def trainer_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "clsviz-trainer"]


def theta(run: Run) -> np.ndarray:
    return run.result().theta


def test_a_run_learns_and_finishes(make, done):
    run = make(epochs=20)
    assert run.state == "ready"
    done(run.start())
    result = run.result()
    assert run.state == result.state == "finished"
    assert result.steps == 120
    assert result.epochs == 20
    curve = result.curve
    assert set(curve) == {"step", "epoch"} | {
        f"{split}_{name}"
        for split in ("train", "validation")
        for name in ("loss", "accuracy", "ece", "margin")
    }
    assert curve["train_loss"][-1] < 0.6 * curve["train_loss"][0]
    assert curve["validation_accuracy"][-1] > 0.8
    assert run.progress == {
        "step": 120,
        "epoch": 20.0,
        "epochs": 20.0,
        "fraction": 1.0,
        "steps_per_second": run.progress["steps_per_second"],
        "state": "finished",
    }
    assert isinstance(run, Source)


def test_snapshots_each_epoch_and_on_a_geometric_grid_before(make, done):
    run = done(make(batch_size=7).start())  # 11 steps an epoch
    assert run.timeline.steps == (0, 1, 2, 4, 8, 11, 22, 33)
    assert [s.epoch for s in run.timeline][-2:] == [2.0, 3.0]
    assert all(s.logits is None for s in run.timeline)
    assert list(run.curve["step"]) == list(run.timeline.steps)


def test_the_same_seed_repeats_exactly_and_another_does_not(make, done):
    a, b, c = (done(make(seed=seed).start()) for seed in (4, 4, 5))
    assert np.array_equal(theta(a), theta(b))
    assert not np.array_equal(theta(a), theta(c))
    for name, values in a.curve.items():
        np.testing.assert_array_equal(values, b.curve[name])
    assert not np.array_equal(a.timeline.at(0).theta, c.timeline.at(0).theta)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_pausing_and_stepping_change_nothing(make, done, optimizer):
    straight = done(make(optimizer=optimizer).start())
    run = make(optimizer=optimizer)
    run.step(5)
    done(run)
    assert (run.state, run.progress["step"]) == ("paused", 5)
    run.start()
    run.pause()
    done(run)
    run.step()
    run.resume()
    done(run)
    run.start()
    done(run)
    if run.progress["step"] < 18:
        done(run.start())
    assert np.array_equal(run.timeline.at(18).theta, theta(straight))


def test_start_after_the_end_trains_as_many_epochs_more(make, done):
    run = done(make().start())
    done(run.start())
    assert run.result().epochs == 6
    done(run.start(epochs=2))
    assert run.result().epochs == 8
    assert np.array_equal(theta(run), theta(done(make(epochs=8).start())))


@pytest.mark.parametrize("loss", ["cross_entropy", "elr"])
def test_seek_goes_back_and_start_branches(make, done, loss):
    run = done(make(loss=loss).start())
    end = theta(run)
    events: list[Event] = []
    run.subscribe(events.append)
    run.seek(7)
    done(run)
    assert (run.state, run.progress["step"]) == ("paused", 6)
    assert run.timeline.latest.step == 18, "the future stays until training goes on"
    done(run.start())
    assert [e.data["step"] for e in events if e.kind == "branch"] == [6]
    assert run.timeline.steps[-2:] == (12, 18)
    assert np.array_equal(theta(run), end), "the same settings lead to the same place"
    run.seek(6)
    run.set("optimizer.lr", 0.5)
    done(run.start())
    assert not np.array_equal(theta(run), end)
    assert list(run.curve["step"]) == list(run.timeline.steps)


def test_seek_where_the_optimiser_was_thinned_away_says_so(make, done):
    run = make(budget_bytes=3000, optimizer="adam")
    done(run.start())
    thinned = [s.step for s in run.timeline if s.resume is None]
    run.seek(thinned[-1])
    done(run)
    assert "start afresh" in run.message
    done(run.start())
    assert run.state == "finished"


def test_divergence_keeps_the_last_finite_snapshot(make, done):
    run = done(
        make(optimizer={"name": "sgd", "params": {"lr": 1e6}}, model="linear", loss="mse", epochs=30).start()
    )
    assert run.state == "diverged"
    assert "no longer finite in epoch" in run.message
    last = run.timeline.latest
    assert np.isfinite(last.theta).all()
    assert np.isfinite(last.metrics["train_loss"])
    assert run.progress["step"] == last.step
    run.seek(0)
    run.set("optimizer.lr", 0.01)
    done(run.start())
    assert run.state == "finished"


def test_an_error_in_training_ends_as_failed_with_its_message(make, done):
    class Breaks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)
            self.calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += self.training
            if self.calls > 3:
                raise RuntimeError("out of luck")
            return self.layer(x)

    run = done(make(module=Breaks()).start())
    assert run.state == "failed"
    assert run.message.startswith("epoch 0.50: RuntimeError: out of luck")
    run.reset({"model": "linear"})
    done(run.start())
    assert run.state == "finished"


def test_set_acts_at_the_next_step_without_restart(make, done):
    run = make()
    run.step(2)
    done(run)
    before = theta(run)
    run.set("optimizer.lr", 0.0)
    run.set("optimizer.weight_decay", 0.0)
    run.step(3)
    done(run)
    assert np.array_equal(theta(run), before)
    assert run.experiment.get("optimizer.lr") == 0.0
    run_id = run.run_id
    run.set("optimizer.lr", 0.1)
    run.set("loss", "gce")
    run.set("loss.q", 0.3)
    run.step()
    done(run)
    assert run.loss.params == {"q": 0.3}
    assert run.run_id == run_id
    assert not np.array_equal(theta(run), before)


def test_set_keeps_the_memory_of_a_loss_whose_parameter_changes(make, done):
    run = make(loss="elr")
    run.step(6)
    done(run)
    memory = run.timeline.latest.resume["loss.memory"]
    assert memory.abs().sum() > 0
    run.set("loss.lam", 1.0)
    run.step(1)
    done(run)
    changed = (run.timeline.latest.resume["loss.memory"] != memory).any(1).sum()
    assert changed == 12, "one batch of samples, not a fresh memory"


def test_set_refuses_what_needs_a_reset(make, small):
    run = make()
    for path, value in (("data", "digits"), ("optimizer", "adam"), ("seed", 3), ("model.hidden", (4,))):
        with pytest.raises(InputError, match="use reset"):
            run.set(path, value)
    with pytest.raises(InputError, match="Invalid learning rate"):
        run.set("optimizer.lr", -1)
    with pytest.raises(MissingNeed, match="prototype_autoencoder"):
        run.set("loss", "prototype_losses")
    assert run.experiment == small()


def test_reset_begins_anew(make, done):
    run = done(make().start())
    run_id, events = run.run_id, []
    run.subscribe(events.append)
    run.reset({"data": "iris", "loss": "gce", "loss.q": 0.5})
    assert run.state == "ready"
    assert run.run_id != run_id
    assert run.dataset.n_classes == 3
    assert run.timeline.steps == (0,)
    assert [e.kind for e in events] == ["reset", "state"]
    done(run.start())
    assert run.state == "finished"


def test_reset_in_the_middle_of_training(make, done):
    run = make(epochs=10_000)
    run.start()
    run.reset({"epochs": 2})
    assert run.wait(WAIT)
    done(run.start())
    assert run.result().steps == 12
    assert np.array_equal(theta(run), theta(done(make(epochs=2).start())))


def test_a_refused_reset_changes_nothing(make, done):
    run = done(make().start())
    before = run.run_id, run.experiment
    with pytest.raises(UnknownName, match="no loss is called"):
        run.reset({"loss": "nope"})
    with pytest.raises(MissingNeed):
        run.reset({"loss": "prototype_losses"})
    assert (run.run_id, run.experiment) == before


def test_label_noise_and_imbalance_touch_only_the_training_part(make):
    plain = make()
    noisy = make(label_noise=0.3, imbalance=4.0)
    assert len(noisy.dataset.train) < len(plain.dataset.train)
    np.testing.assert_array_equal(noisy.dataset.validation, plain.dataset.validation)
    rows = noisy.dataset.validation
    np.testing.assert_array_equal(noisy.dataset.y[rows], noisy.dataset.y_clean[rows])
    rows = noisy.dataset.train
    assert (noisy.dataset.y[rows] != noisy.dataset.y_clean[rows]).any()


def test_own_arrays_and_own_module(make, done, small):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = np.where(X[:, 0] > 0, "yes", "no")
    module = torch.nn.Sequential(
        torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 8), torch.nn.GELU(), torch.nn.Linear(8, 2)
    )
    before = theta_of(module)
    run = make((X, y), module=module)
    assert run.network is None
    done(run.start(epochs=30))
    assert run.result().metrics["validation_accuracy"] > 0.8
    last = run.timeline.latest
    assert last.logits.shape == (80, 2)
    np.testing.assert_allclose(run.predict(run.dataset.X), last.logits, atol=1e-5)
    np.testing.assert_array_equal(theta_of(module), before)
    first = run.model_at(0)
    assert not first.training
    np.testing.assert_array_equal(theta_of(first), before)
    both = make(small(epochs=1), data=(X, y), module=module)
    assert both.experiment.epochs == 1
    with pytest.raises(InputError, match="given twice"):
        Run((X, y), data=(X, y))


def test_dropout_repeats_and_leaves_the_global_generator_alone(make, done):
    module = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 2))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    a = done(make(module=module).start())
    assert torch.equal(torch.rand(3), expected)
    b = make(module=module)
    b.step(4)
    done(b)
    done(b.start())
    assert np.array_equal(theta(a), theta(b))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda small: Run(small(), module=torch.nn.Linear(5, 2)), "cannot take x of shape"),
        (lambda small: Run(small(), module=torch.nn.Linear(2, 7)), r"to logits \(2, 7\)"),
        (lambda small: Run(small(), module=torch.nn.ReLU()), "no parameters"),
        (lambda small: Run(small(data="own")), "give them as Run"),
        (lambda small: Run(small(model="own")), "module="),
        (lambda small: Run(small(device="cuda:99")), 'use device="auto"'),
        (lambda small: Run(small(), pace=0), "pace: expected epochs per second"),
        (lambda small: Run(small(), extras={"weights": np.ones(3)}), "one row for each of 120 samples"),
        (lambda small: Run(small()).step(0), "n: expected a whole number >= 1"),
        (lambda small: Run(small()).start(epochs=-1), "epochs: expected a whole number"),
        (lambda small: Run(small()).seek(-1), "step: expected a whole number >= 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(build: Callable[..., object], message: str, small):
    with pytest.raises(InputError, match=message):
        build(small)


def test_events_tell_the_whole_story(make, done):
    run, events = make(), []
    unsubscribe = run.subscribe(events.append)

    def broken(event: Event) -> None:
        raise RuntimeError("not my day")

    run.subscribe(broken)
    done(run.start())
    states = [e.data["state"] for e in events if e.kind == "state"]
    steps = [e.data["snapshot"].step for e in events if e.kind == "snapshot"]
    assert states == ["running", "finished"]
    assert set(run.timeline.steps[1:]) <= set(steps)
    unsubscribe()
    count = len(events)
    done(run.start())
    assert len(events) == count


def test_pause_answers_while_the_pace_waits(make, done):
    run = make(pace=1e-4)  # one step in half an hour
    run.start()
    run.pause()
    done(run)
    assert run.state == "paused"
    run.start()
    run.pace = None
    run.pause()
    done(run.start())
    assert run.state == "finished"


def test_stop_is_final_and_leaves_what_was_learnt(make, done):
    run = done(make().start())
    run.stop()
    run.stop()
    assert run.state == "stopped"
    assert run.wait(WAIT)
    assert run.result().steps == 18
    for command in (run.start, run.pause, run.reset):
        with pytest.raises(InputError, match="was stopped"):
            command()


def test_fifty_runs_leave_no_thread(small):
    before = len(trainer_threads())
    for i in range(50):
        run = Run(small(epochs=10_000))
        if i % 5:
            run.start()
        run.stop()
        assert run.state == "stopped"
    assert len(trainer_threads()) == before


def test_a_forgotten_run_leaves_no_thread(small):
    run = Run(small(epochs=10**6)).start()
    thread = run._trainer._thread
    del run
    gc.collect()
    thread.join(WAIT)
    assert not thread.is_alive()


def test_one_torch_thread_for_the_trainer_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    counts = {}
    try:

        def train() -> None:
            use_one_torch_thread()
            counts["trainer"] = torch.get_num_threads()

        def later() -> None:
            counts["later"] = torch.get_num_threads()

        for work in (train, later):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert counts == {"trainer": 1, "later": 2}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_long_epoch_has_a_moving_head(make, done, monkeypatch):
    monkeypatch.setattr("clsviz.training.trainer.HEAD_SECONDS", 0.0)
    monkeypatch.setattr("clsviz.training.trainer.HEAD_COST", 0.0)
    run, events = make(batch_size=2), []
    run.subscribe(events.append)
    done(run.start(epochs=1))
    steps = [e.data["snapshot"].step for e in events if e.kind == "snapshot"]
    assert steps == list(range(1, 37)), "each step is shown"
    assert run.timeline.steps == (0, 1, 2, 4, 8, 16, 32, 36), "but only some are kept"


def test_mixed_precision_trains(make, done):
    run = done(make(precision="bfloat16", epochs=20).start())
    assert run.state == "finished"
    assert run.result().metrics["train_accuracy"] > 0.8


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_gpu_learns_the_same(make, done):
    run = done(make(device="cuda", epochs=20).start())
    assert run.result().metrics["train_accuracy"] > 0.8
    assert next(run.model_at().parameters()).device.type == "cpu"


def test_waiting_may_end_before_the_run(make):
    assert not make(epochs=10**6).start().wait(0.01)


def test_a_model_brings_the_loss_and_optimiser_it_is_meant_for():
    run = Run(Experiment("iris", epochs=1))
    run.change({"model": "prototype_autoencoder"})
    assert (run.loss.name, run.experiment.optimizer.name) == ("prototype_losses", "adam")
    run.change({"model": "linear"})
    assert (run.loss.name, run.experiment.optimizer.name) == ("cross_entropy", "sgd")
    run.change({"model": "mlp", "loss": "focal"})
    assert run.loss.name == "focal"
    run.stop()


def test_a_change_takes_effect_live_where_it_can_and_refuses_all_or_nothing():
    run = Run(Experiment("iris", epochs=1))
    before = run.run_id
    run.change({"optimizer.lr": 0.2, "loss": "gce", "loss.q": 0.3})
    assert run.run_id == before and run.experiment.get("loss.q") == 0.3
    with pytest.raises(InputError):
        run.change({"optimizer.lr": 0.4, "loss.nothing": 1})
    assert run.experiment.get("optimizer.lr") == 0.2
    run.change({"seed": 4})
    assert run.run_id != before and run.state == "ready"
    run.stop()


@pytest.mark.parametrize("lr", [1e300, float("inf"), float("nan"), -1.0])
def test_a_learning_rate_that_no_step_can_use_is_refused_at_once(lr):
    run = Run(Experiment("moons", epochs=1))
    with pytest.raises(InputError, match="optimizer"):
        run.set("optimizer.lr", lr)
    run.step()
    assert run.wait(30) and run.state == "paused"
    run.stop()
