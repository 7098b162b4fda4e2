"""The loss view's numbers in Python, and what the kernel answers for losses the browser does not compute."""

import numpy as np
import pytest
import traitlets

import clsviz as cv
from clsviz.errors import InputError, UnknownName
from clsviz.widgets.loss_job import loss_answer
from clsviz.widgets.messages import parse


@pytest.fixture(scope="module")
def noisy():
    run = cv.Run(cv.Experiment("moons", epochs=4, seed=1, loss="elr", label_noise=0.3))
    run.start()
    assert run.wait(60) and run.state == "finished", run.message
    yield run
    run.stop()


def ask(**changes):
    question = {
        "kind": "loss",
        "key": "k",
        "losses": [{"name": "elr", "params": {}}],
        "step": None,
        "member": None,
        "temperature": 1.0,
        "part": "training",
        "most": 4000,
    }
    return parse(question | changes)


def test_the_result_holds_the_samples_of_the_part_and_their_groups(noisy):
    view = cv.LossView.from_run(noisy, temperature=2.0)
    r, data = view.result, noisy.dataset
    np.testing.assert_array_equal(r.samples, data.train)
    logits = noisy.predict(data.X[data.train])
    assert r.loss.name == "elr" and r.against.name == "cross_entropy"
    wrong = data.y[data.train] != data.y_clean[data.train]
    np.testing.assert_array_equal(r.groups == 2, wrong)
    assert r.sample_share["mislabelled"] == pytest.approx(wrong.mean())
    assert sum(r.gradient_share.values()) == pytest.approx(1)
    guess = logits.argmax(1)
    assert r.memorised == pytest.approx((guess == data.y[data.train])[wrong].mean())
    view.part = "validation"
    np.testing.assert_array_equal(view.result.samples, data.validation)


def test_the_temperature_and_the_score_reach_the_terms(noisy):
    data = noisy.dataset
    view = cv.LossView.from_run(noisy, temperature=2.0, score=-0.5)
    logits = noisy.predict(data.X[data.train])
    expected = cv.losses.loss_terms("gce", {"q": 0.5}, logits / 2, data.y[data.train])
    np.testing.assert_allclose(view.result.terms.value, expected.value, rtol=1e-5, atol=1e-7)


def test_predictions_alone_are_enough_and_any_loss_can_be_named():
    y, z = [0, 1, 2, 2], np.eye(4, 3) * 3
    view = cv.LossView.from_predictions(y, z, loss=cv.Spec("focal", {"gamma": 3.0}))
    expected = cv.losses.loss_terms("focal", {"gamma": 3.0}, z, y)
    np.testing.assert_allclose(view.result.terms.value, expected.value, rtol=1e-6)
    assert view.result.memorised is None
    assert view.to_png() and "focal" in view.to_plotly().layout.title.text
    with pytest.raises(UnknownName, match="no loss"):
        cv.LossView.from_predictions(y, z, loss="nope")
    with pytest.raises(InputError, match="gamma"):
        cv.LossView.from_predictions(y, z, loss=cv.Spec("gce", {"gamma": 1.0}))


def test_the_second_loss_is_checked_by_name_and_parameter(noisy):
    view = cv.LossView.from_run(noisy)
    view.against = "gce"
    assert view.against == {"name": "gce", "params": {}}
    view.against = cv.Spec("focal", {"gamma": 1})
    assert view.result.against == cv.Spec("focal", {"gamma": 1.0})
    for bad, says in [("nope", "no loss"), ({"name": "gce", "params": {"k": 7}}, "k")]:
        with pytest.raises(traitlets.TraitError, match=says):
            view.against = bad
    view.against = None
    assert view.result.against is None


def test_a_loss_with_a_memory_is_shown_as_it_stood(noisy):
    data = noisy.dataset
    packet = loss_answer(noisy, noisy.run_id, ask())
    (item,) = packet.header["items"]
    assert item["why"] == item["why_no_terms"] == "" and "first step" in item["note"]
    memory = noisy.timeline.latest.resume["loss.memory"]
    module = cv.losses.create("elr", num_examples=len(data.y), num_classes=2)
    module.load_state_dict({"memory": memory})
    expected = cv.losses.loss_terms(
        "elr", None, noisy.predict(data.X[data.train]), data.y[data.train], module=module, index=data.train
    )
    np.testing.assert_allclose(packet.buffers[6], expected.value, rtol=1e-4, atol=1e-5)


def test_what_a_loss_lacks_is_said_and_empty(noisy):
    specs = [{"name": name, "params": {}} for name in ("kd", "prototype_losses")]
    packet = loss_answer(noisy, noisy.run_id, ask(losses=specs))
    kd, prototypes = packet.header["items"]
    assert "teacher_logits" in kd["why"] and "teacher_logits" in kd["why_no_terms"]
    assert "no function of logits" in prototypes["why_no_terms"]
    assert all(b.size == 0 for b in packet.buffers) and len(packet.buffers) == 18


def test_a_loss_on_embeddings_has_terms_but_no_curve(noisy):
    packet = loss_answer(noisy, noisy.run_id, ask(losses=[{"name": "supcon", "params": {}}]))
    (item,) = packet.header["items"]
    assert "embeddings" in item["why"] and item["why_no_terms"] == ""
    assert packet.buffers[0].size == 0 and packet.buffers[6].size == len(noisy.dataset.train)


def test_the_lab_has_the_view_with_its_state(noisy):
    lab = cv.Lab.from_run(noisy, loss_axis="margin")
    assert lab.views.loss.axis == "margin"
    lab.views.loss.against = "mae"
    assert lab.loss_against["name"] == "mae"
    assert lab.views.loss.result.loss.name == "elr"
    assert "lab.views" not in lab.views.loss.to_html()
    lab.show = ["loss", "reliability"]
    assert lab.scene().state["loss.axis"] == "margin"
    lab.close()
