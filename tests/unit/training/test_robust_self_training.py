"""Training with samples without labels: the robust self-supervised loss, the rows each step sees."""

import numpy as np
import pytest
import torch

import clsviz as cv
from clsviz import boundary
from clsviz.errors import MissingNeed
from clsviz.training.engine import LoopEngine
from clsviz.training.methods import pushed, robust_self_loss
from clsviz.training.unlabelled import ROWS, UnlabelledRows, measured_unlabelled

SMALL = {"name": "two_domains", "params": {"labels": 10, "n": 60, "dim": 3}}


def experiment(**changes):
    base = dict(data=SMALL, model="linear", method="robust_self_training", epochs=5, device="cpu")
    return cv.Experiment(**{**base, **changes})


def engine_of(experiment, bias=False):
    data = cv.data.load(experiment.data)
    torch.manual_seed(3)
    model = torch.nn.Linear(data.n_features, data.n_classes, bias=bias).double()
    return LoopEngine(model, data, experiment, device=torch.device("cpu"))


def finished(run):
    run.start()
    assert run.wait(60) and run.state == "finished"
    run.stop()
    return run


@pytest.mark.parametrize("epsilon", [0.0, 0.4])
@pytest.mark.parametrize(("lam", "temperature"), [(0.0, 1.0), (1.0, 1.0), (2.5, 0.05)])
def test_of_a_linear_model_it_is_the_closed_form(epsilon, lam, temperature):
    engine = engine_of(experiment())
    batch = engine.batch(torch.from_numpy(engine.dataset.train))
    found = robust_self_loss(engine, batch, epsilon, lam, temperature)
    rows = engine.model.weight.detach().numpy()
    expected = boundary.rss_loss(
        rows[1] - rows[0],
        batch["x"].numpy(),
        batch["targets"].numpy(),
        batch["unlabelled"].numpy(),
        epsilon=epsilon,
        lam=lam,
        temperature=temperature,
    )
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_its_gradient_is_that_of_finite_differences():
    engine = engine_of(experiment())
    batch = engine.batch(torch.from_numpy(engine.dataset.train))
    weight = engine.model.weight
    (slope,) = torch.autograd.grad(robust_self_loss(engine, batch, 0.3, 1.0, 0.5), weight)
    for i in range(2):
        for j in range(3):
            values = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    weight[i, j] += step
                values.append(robust_self_loss(engine, batch, 0.3, 1.0, 0.5).item())
                with torch.no_grad():
                    weight[i, j] -= step
            # the move follows the weights, as ||w|| does in the closed form; along it the loss is stationary
            assert float(slope[i, j]) == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-5)


def test_samples_are_moved_by_the_length_told_and_stay_without_a_slope():
    x, g = torch.zeros(3, 2), torch.tensor([[3.0, 4.0], [0.0, -1e-6], [0.0, 0.0]])
    torch.testing.assert_close(pushed(x, g, 0.5), torch.tensor([[0.3, 0.4], [0.0, -0.5], [0.0, 0.0]]))


def test_without_weight_and_length_it_is_a_plain_step():
    plain = finished(cv.Run(experiment(method="standard", model="mlp")))
    method = {"name": "robust_self_training", "params": {"epsilon": 0.0, "lam": 0.0}}
    same = finished(cv.Run(experiment(method=method, model="mlp")))
    np.testing.assert_allclose(same.timeline.latest.theta, plain.timeline.latest.theta, atol=1e-6)


def test_unlabelled_samples_from_elsewhere_improve_a_rule_of_few_labels():
    data = {"name": "two_domains", "params": {"labels": 4, "n": 600, "dim": 20, "shift": 0.3}}
    errors = []
    for lam in (0.0, 2.0):
        method = {"name": "robust_self_training", "params": {"lam": lam, "temperature": 0.1}}
        found = [
            finished(cv.Run(experiment(data=data, method=method, epochs=60, seed=seed))).result()
            for seed in range(3)
        ]
        errors.append(1 - np.mean([r.metrics["validation_accuracy"] for r in found]))
    assert errors[1] < errors[0] - 0.02


def test_stopped_saved_and_loaded_it_goes_on_as_if_never_stopped(tmp_path):
    data = {"name": "two_domains", "params": {"labels": 100, "n": 400}}
    whole = finished(cv.Run(experiment(data=data, model="mlp")))
    half = cv.Run(experiment(data=data, model="mlp"))
    half.step(3)
    assert half.wait(60) and half.state == "paused"
    half.save(tmp_path / "half")
    again = finished(cv.Run.load(tmp_path / "half"))
    half.stop()
    np.testing.assert_array_equal(again.timeline.latest.theta, whole.timeline.latest.theta)


def test_own_data_keep_their_unlabelled_samples_in_a_file(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 2)), np.arange(40) % 2
    own = cv.data.from_arrays(X, y, unlabelled=rng.standard_normal((30, 2)))
    run = finished(cv.Run(experiment(), data=own))
    run.save(tmp_path / "own")
    again = cv.Run.load(tmp_path / "own")
    np.testing.assert_array_equal(again.dataset.unlabelled, own.unlabelled)
    again.stop()


def test_its_sliders_fan_out_to_what_single_runs_give():
    fan = cv.Fan(experiment(), {"method.lam": [0.0, 1.0], "method.epsilon": [0.0, 0.5]})
    fan.start()
    assert fan.wait(60)
    fan.stop()
    for member in fan.members:
        alone = finished(cv.Run(member.experiment))
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member.index), alone.predict(fan.dataset.X), atol=1e-6
        )


def test_data_without_such_samples_are_refused():
    with pytest.raises(
        MissingNeed, match=r"'moons' has none: they come from the data 'shortcut' or 'two_dom"
    ):
        cv.Run(experiment(data="moons"))


@pytest.mark.parametrize("count", [5, ROWS, ROWS + 1, 3 * ROWS + 7])
def test_every_round_shows_each_sample_at_most_once_and_all_that_fit(count):
    rows = UnlabelledRows([0, 7], count, torch.device("cpu"))
    steps = count // min(ROWS, count)
    seen = torch.cat([rows.at(step) for step in range(steps)], 1)
    size = steps * min(ROWS, count)
    assert seen.shape == (2, size)
    assert all(len(set(row.tolist())) == size for row in seen)
    again = UnlabelledRows([7], count, torch.device("cpu"))
    for step in (3 * steps, 0, steps - 1):
        torch.testing.assert_close(again.at(step)[0], rows.at(step)[1])


def test_more_samples_than_are_measured_are_drawn_once_by_the_seed():
    assert torch.equal(measured_unlabelled(100, 3), torch.arange(100))
    one = measured_unlabelled(5000, 3)
    assert len(set(one.tolist())) == 2000 and torch.equal(one, measured_unlabelled(5000, 3))
    assert not torch.equal(one, measured_unlabelled(5000, 4))


def test_smooth_adversarial_training_is_a_choice_with_a_fan():
    settings = dict(data={"name": "moons", "params": {"n": 100}}, device="cpu", epochs=2)
    smooth = cv.Experiment(loss="comp_sum_adv", method="adversarial", **settings)
    fan = cv.Fan(smooth, {"method.radius": [0.0, 0.1], "supplies.adv_logits.radius": [0.1, 0.2]})
    fan.start()
    assert fan.wait(60) and fan.state == "finished"
    fan.stop()
    for member in fan.members:
        alone = finished(cv.Run(member.experiment))
        np.testing.assert_allclose(
            fan.predict(fan.dataset.X, member=member.index), alone.predict(fan.dataset.X), atol=1e-5
        )
