"""The reliability view in Python: chosen measures, risk and coverage, and calibrators laid over."""

import numpy as np
import pytest
import traitlets

import clsviz as cv
from clsviz import calibration as cal
from clsviz.errors import MessageError
from clsviz.widgets.calibrator_job import FOLDS, MOST, CalibratorJob, calibrator_menu
from clsviz.widgets.messages import AskCalibrator, parse
from clsviz.widgets.reliability_measures import MEASURES, measured


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(5)
    z = rng.normal(0, 3, (240, 3))
    return np.where(rng.random(240) < 0.7, z.argmax(1), rng.integers(0, 3, 240)), z.astype(np.float32)


@pytest.fixture(scope="module")
def moons():
    run = cv.Run(cv.Experiment("moons", epochs=3, seed=2))
    run.start()
    assert run.wait(60) and run.state == "finished", run.message
    yield run
    run.stop()


def test_the_chosen_measures_are_those_of_calibration(predictions):
    y, z = predictions
    view = cv.ReliabilityDiagram.from_predictions(y, z, temperature=2.0, n_bins=7, scheme="equal_mass")
    assert list(view.result.measures) == ["ece", "mce", "nll", "brier"]
    view.measures = ["brier", "sweep_ece", "ece", "classwise_ece", "accuracy"]
    found = view.result.measures
    scaled, bins = z.astype(float) / 2, {"n_bins": 7, "scheme": "equal_mass"}
    assert list(found) == ["ece", "classwise_ece", "sweep_ece", "brier", "accuracy"]  # in the menu's order
    assert found["ece"] == pytest.approx(cal.ece(scaled, y, kind="logits", **bins))
    assert found["classwise_ece"] == pytest.approx(cal.classwise_ece(scaled, y, kind="logits", **bins))
    assert found["sweep_ece"] == pytest.approx(cal.sweep_ece(scaled, y, kind="logits").value)
    assert found["accuracy"] == pytest.approx(np.mean(z.argmax(1) == y))
    assert view.result.risk_coverage.aurc == pytest.approx(cal.risk_coverage(scaled, y, kind="logits").aurc)


def test_of_one_class_only_the_errors_of_its_diagram_change(predictions):
    y, z = predictions
    top = measured(MEASURES, z, y, kind="logits")
    one = measured(MEASURES, z, y, kind="logits", target_class=1)
    assert {name for name in MEASURES if top[name] != one[name]} == {"ece", "rmsce", "mce"}
    assert one["mce"] == cal.mce(z, y, kind="logits", mode="per_class", target_class=1)


def test_a_measure_that_is_not_defined_is_nan():
    right = cv.ReliabilityDiagram.from_predictions(
        [0, 1], [[2.0, 0], [0, 1.0]], measures=["confidence_auroc"]
    )
    assert np.isnan(right.result.measures["confidence_auroc"])


def test_unknown_names_are_refused_with_those_there_are(predictions):
    view = cv.ReliabilityDiagram.from_predictions(*predictions)
    with pytest.raises(traitlets.TraitError, match=r"no measure 'nope'; there are \['ece'"):
        view.measures = ["ece", "nope"]
    with pytest.raises(traitlets.TraitError, match=r"no calibrator 'nope'; there are \['temperature'"):
        view.calibrator = "nope"
    with pytest.raises(traitlets.TraitError, match="picture"):
        view.picture = "nope"


def test_the_menu_has_all_calibrators_with_titles():
    assert [m["name"] for m in calibrator_menu()] == cal.Calibrator.names()
    assert all(m["title"] for m in calibrator_menu())


@pytest.mark.parametrize("name", ["temperature", "dirichlet", "isotonic"])
def test_a_calibrator_is_fitted_out_of_fold_to_the_network_itself(predictions, name):
    y, z = predictions
    view = cv.ReliabilityDiagram.from_predictions(
        y, z, calibrator=name, temperature=1.5, threshold=0.6, measures=["ece", "nll"]
    )
    r = view.result.calibrated
    out = cal.cross_fit(name, z, y, folds=FOLDS, seed=0).probs
    np.testing.assert_array_equal(r.probs, out)  # the temperature acts on what is before
    assert r.ece == pytest.approx(cal.ece(out, y)) and r.measures["ece"] == pytest.approx(r.ece)
    assert r.measures["nll"] == pytest.approx(cal.nll(out, y))
    assert r.coverage == pytest.approx(np.mean(out.max(1) >= 0.6))
    before = cal.apply_temperature(z.astype(float), 1.5)
    np.testing.assert_allclose(r.moved, out.max(1) - before.max(1), atol=1e-12)
    assert r.changed == (out.argmax(1) != before.argmax(1)).sum()


def test_plotly_draws_the_calibrator_beside_the_bars(predictions):
    y, z = predictions
    figure = cv.ReliabilityDiagram.from_predictions(y, z, calibrator="platt").to_plotly()
    assert [trace.name for trace in figure.data] == ["accuracy", "perfect", "after platt"]
    assert "5-fold, out of fold" in figure.layout.title.text


def test_the_lab_has_the_calibrator_under_its_view_and_scenes_keep_it():
    lab = cv.Lab("moons", autostart=False)
    lab.views.reliability.calibrator = "beta"
    lab.views.reliability.measures = ["mmce"]
    assert lab.scene().state["reliability.calibrator"] == "beta"
    with pytest.raises(traitlets.TraitError, match="no calibrator"):
        lab.views.reliability.calibrator = "nope"
    assert lab.views.reliability.result.calibrated.name == "beta"
    lab.close()


def test_a_tilted_rule_is_not_calibrated(moons):
    view = cv.ReliabilityDiagram.from_run(moons, calibrator="platt")
    assert view.result.calibrated is not None
    view.tilt, view.use_tilted = 40.0, True
    assert view.result.calibrated is None


def test_answers_are_kept_until_the_networks_are_others(moons):
    job = CalibratorJob(lambda: moons.run_id, lambda member: moons)
    first = job.answer("isotonic", None, None)
    assert job.answer("isotonic", moons.timeline.latest.step, None) is first
    header = job.packet(first).header
    assert (header["name"], header["step"], header["folds"]) == ("isotonic", first.step, FOLDS)
    assert [p.header["name"] for p in job.packets()] == ["isotonic"]
    job.forget(members_only=True)
    assert job.answer("isotonic", None, None) is first
    job.forget()
    assert job.packets() == []
    np.testing.assert_array_equal(job.answer("isotonic", None, None).probs, first.probs)


def test_what_cannot_be_fitted_says_why():
    few = cv.ReliabilityDiagram.from_predictions([0, 1, 0], [[2.0, 0], [0, 1.0], [1, 0]], calibrator="beta")
    assert few.result.calibrated is None
    assert "folds" in few.session.calibrators.answer("beta", None, None).why
    n = MOST // 2 + 1
    many = cv.ReliabilityDiagram.from_predictions(np.arange(n) % 2, np.zeros((n, 2)), calibrator="beta")
    assert "take too long" in many.session.calibrators.answer("beta", None, None).why


def test_a_handout_takes_the_answer_along(predictions):
    y, z = predictions
    view = cv.ReliabilityDiagram.from_predictions(y, z, calibrator="platt")
    view.to_html()
    kinds = [p.header["kind"] for p in view.session.record()]
    assert kinds.count("calibrated") == 1
    assert view.session.calibrators.packets()[0].buffers[0].shape == z.shape


def test_a_page_that_asks_is_answered(predictions):
    y, z = predictions
    view = cv.ReliabilityDiagram.from_predictions(y, z)
    sent = []
    view.session._publisher.put = lambda key, packet: sent.append(packet.header)
    view.session.answer({"kind": "calibrator", "name": "vector", "step": 0, "member": None}, view)
    view.session._calibrator_thread.join(30)
    assert [(h["kind"], h["name"], h["why"]) for h in sent] == [("calibrated", "vector", "")]
    view.session.answer({"kind": "calibrator", "name": "nope", "step": 0, "member": None}, view)
    view.session._calibrator_thread.join(30)
    assert "no calibrator is called 'nope'" in sent[-1]["why"]


def test_the_question_is_checked():
    asked = parse({"kind": "calibrator", "name": "beta", "step": 3})
    assert asked == AskCalibrator("beta", 3, None)
    with pytest.raises(MessageError, match="step"):
        parse({"kind": "calibrator", "name": "beta", "step": None})
    with pytest.raises(MessageError, match="name"):
        parse({"kind": "calibrator", "name": 7, "step": 0})
