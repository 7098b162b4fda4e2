"""Labs that learn from samples without labels: they open by name, their settings change, they fan out."""

import numpy as np
import pytest

import clsviz as cv
from clsviz import calibration as cal
from clsviz.widgets.fan_choice import title_of


@pytest.fixture
def heads():
    data = {"name": "shortcut", "params": {"n": 100}}
    lab = cv.Lab(data, model="diverse_heads", epochs=3, pace=None, autostart=False)
    yield lab
    lab.close()


def trained(lab):
    lab.run.start()
    assert lab.run.wait(60) and lab.run.state == "finished"


def test_the_heads_come_with_their_loss_and_views_show_the_one_that_answers(heads):
    assert heads.run.experiment.loss.name == "divdis"
    heads.run.change({"model.head": 2})
    trained(heads)
    data = heads.run.dataset
    logits = heads.run.predict(data.X[data.validation])
    shown = heads.views.reliability.result
    assert shown.ece == pytest.approx(cal.ece(logits, data.y[data.validation], kind="logits"), abs=1e-6)
    counts = heads.views.confusion.result.counts
    assert np.trace(counts) == (logits.argmax(1) == data.y[data.validation]).sum()


def test_their_weight_fans_out_in_one_batched_step(heads):
    fan = heads.fan_out("loss.weight", values=[0, 10], seeds=1)
    assert fan.wait(60) and fan.engine_kind == "stacked"
    heads.member = 1
    assert np.isfinite(heads.views.reliability.result.ece)


def test_a_method_is_chosen_by_name_and_its_settings_fan_out():
    lab = cv.Lab("two_domains", "linear", method="robust_self_training", epochs=3, pace=None, autostart=False)
    trained(lab)
    lab.run.change({"method.lam": 2.0})
    assert lab.run.wait(60) and lab.run.experiment.get("method.lam") == 2.0
    fan = lab.fan_out("method.epsilon", values=[0, 0.5], seeds=1)
    assert fan.wait(60) and fan.state == "finished"
    lab.close()


def test_the_lab_has_a_menu_of_methods_and_a_control_for_further_settings(heads):
    names = [entry["name"] for entry in heads.catalogue["method"]]
    assert {"standard", "adversarial", "robust_self_training"} <= set(names)
    heads.controls = ["more_settings"]
    assert heads.controls == ["more_settings"]


def test_smooth_adversarial_training_fans_out_over_attack_and_supply():
    data = {"name": "moons", "params": {"n": 100}}
    options = dict(loss="comp_sum_adv", method="adversarial", epochs=1, pace=None, autostart=False)
    lab = cv.Lab(data, **options)
    for path in ("method.radius", "supplies.adv_logits.radius"):
        fan = lab.fan_out(path, seeds=1)  # over the whole slider, as the buttons do
        assert fan.wait(60) and fan.state == "finished"
        values = fan.vary[path]
        assert (min(values), max(values)) == (0, 1) and lab.run.experiment.get(path) in values
    assert title_of("supplies.adv_logits.radius") == "Logits of attacked samples: radius"
    lab.close()
