"""The explanation view's numbers in Python, and what the kernel answers in the browser's place."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import clsviz as cv
from clsviz.errors import InputError, MessageError
from clsviz.widgets.explanation_job import baseline_of, explain, explanation_answer
from clsviz.widgets.messages import ATTRIBUTIONS, AskExplanation, parse

ASKED = {
    "kind": "explanation",
    "sample": 3,
    "method": "occlusion",
    "target": 1,
    "baseline": "mean",
    "step": 0,
}


def probs(model, X, temperature):
    with torch.no_grad():
        return (model(torch.from_numpy(X)) / temperature).softmax(1).numpy()


def test_the_map_gives_the_logits_and_the_attribution_its_terms(trained):
    sample = int(trained.dataset.validation[2])
    r = cv.ExplanationView.from_run(trained, marked=sample).result
    x = trained.dataset.X[sample].astype(float)
    assert r.sample == sample and r.target == r.predicted == r.logits.argmax() != r.rival
    assert r.exact and r.deviation < 1e-12 and not r.why
    np.testing.assert_allclose(r.A @ x + r.b, trained.predict(x[None].astype(np.float32))[0], atol=1e-5)
    np.testing.assert_allclose(r.attribution, r.A[r.target] * x)


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_curves_are_those_of_the_public_functions_at_the_temperature(trained, method):
    view = cv.ExplanationView.from_run(
        trained, method=method, baseline="mean", target_class=1, temperature=2.0
    )
    r, data, model = view.result, trained.dataset, trained.model_at().double()
    x, blank = data.X[r.sample].astype(float), data.X[data.train].astype(float).mean(0)
    np.testing.assert_allclose(baseline_of(data, "mean"), blank)
    for mode, found in (("deletion", r.deletion), ("insertion", r.insertion)):
        expected = cv.boundary.insertion_deletion(
            lambda X: probs(model, X, 2.0), x, r.attribution, 1, baseline=blank, mode=mode
        )
        np.testing.assert_allclose(found.curve, expected.curve)
        assert found.auc == pytest.approx(expected.auc)
    assert r.deletion.curve[0] == r.insertion.curve[-1] == pytest.approx(r.random_deletion.curve[0])
    assert (r.gap is not None) == (method == "integrated_gradients")
    assert r.method == method and r.method in r.summary()


def test_a_wrong_answers_rival_is_the_label_and_a_right_ones_the_runner_up(trained):
    view, data = cv.ExplanationView.from_run(trained), trained.dataset
    z = trained.predict(data.X[data.validation])
    for place in (int(np.argmax(z.argmax(1) == data.y[data.validation])), None):
        view.marked = None if place is None else int(data.validation[place])
        r = view.result
        assert r.rival == (r.label if r.predicted != r.label else np.argsort(-r.logits)[1])


def test_the_pinned_networks_map_is_compared(trained):
    view = cv.ExplanationView.from_run(trained)
    assert view.result.agreement is None
    view.pinned = {"step": trained.timeline.latest.step}
    found = view.result.agreement
    assert found.topk == 1 and found.cosine == pytest.approx(1)
    view.pinned = {"step": 0}
    assert view.result.agreement.cosine != pytest.approx(1)


def test_an_attribution_is_compared_with_its_own_of_an_epoch_before(trained):
    view, line = cv.ExplanationView.from_run(trained, method="gradient", target_class=0), trained.timeline
    for now in list(line)[1:]:
        view.step = now.step
        r, then = view.result, line.at(view.result.earlier.step)
        passed = [s.step for s in line if s.step < now.step and now.epoch - s.epoch > 1 - 1e-6]
        assert then.step == (passed[-1] if passed else line.steps[0]) and r.earlier.epoch == then.epoch
        before = cv.ExplanationView.from_run(
            trained, method="gradient", target_class=0, step=then.step, marked=r.sample
        ).result
        own, other = r.attribution, before.attribution
        cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
        assert r.earlier.agreement.cosine == pytest.approx(cosine)
    view.step = line.steps[0]
    assert view.result.earlier is None


def test_the_kernel_compares_epochs_where_the_page_cannot(trained):
    step = trained.timeline.latest.step
    view = cv.ExplanationView.from_run(trained, method="occlusion", baseline="mean", target_class=1)
    told = explanation_answer(trained, "r", parse(ASKED | {"step": step, "sample": view.result.sample}))
    found = view.result.earlier
    assert told.header["earlier"] == {"epoch": found.epoch, "agreed": found.agreement._asdict()}
    first = parse(ASKED | {"step": trained.timeline.steps[0]})
    assert explanation_answer(trained, "r", first).header["earlier"] is None


def test_a_tanh_networks_map_is_its_tangent():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
    X = np.random.default_rng(0).normal(size=(20, 3))
    r = cv.ExplanationView.from_estimator(net, X, np.arange(20) % 2).result
    assert not r.exact and r.deviation < 1e-12
    assert r.steady[1] <= r.steady[0] < 1


def test_a_model_without_gradient_is_explained_by_occlusion_alone(blobs):
    X, y = blobs
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    view = cv.ExplanationView.from_estimator(forest, X, y, method="gradient")
    r = view.result
    assert r.method == "occlusion" and r.A is None and r.steady is None and "no gradient" in r.why
    assert view.to_png()[:4] == b"\x89PNG" and len(view.to_plotly().data) == 5
    packet = explanation_answer(
        view.source, "r", AskExplanation(r.sample, "gradient", r.target, "zero", None)
    )
    assert packet.header["method"] == "occlusion" and packet.header["error"] == ""
    assert [len(b) for b in packet.buffers[:4]] == [2, 0, 0, X.shape[1]]
    np.testing.assert_allclose(packet.buffers[3], r.attribution)
    assert view.session.source is view.source and "explanation_answer" in view.to_html()


def test_the_kernel_answers_with_all_that_the_page_needs():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3))
    x, blank = np.arange(4.0), np.zeros(4)
    found = explain(net.double(), x, "integrated_gradients", 2, blank)
    np.testing.assert_allclose(found.A @ x + found.b, found.logits)
    assert set(found.walks) == {"deletion", "insertion", "random_deletion", "random_insertion"}
    for walk in found.walks.values():
        assert walk.shape == (5, 3)
    np.testing.assert_allclose(found.walks["deletion"][0], found.logits)
    np.testing.assert_allclose(found.walks["insertion"][-1], found.logits)
    assert found.values.sum() + found.gap == pytest.approx(
        found.logits[2] - found.walks["deletion"][-1][2], abs=1e-9
    )


def test_a_flat_network_has_no_steadiness():
    flat = nn.Linear(3, 2).double()
    with torch.no_grad():
        flat.weight.zero_()
    assert explain(flat, np.ones(3), "gradient", 0, np.zeros(3)).steady is None


def test_messages_are_checked():
    assert parse(ASKED) == AskExplanation(3, "occlusion", 1, "mean", 0)
    for wrong, match in [
        ({"method": "grad_cam"}, "method must be one of"),
        ({"baseline": "blur"}, "baseline must be one of"),
        ({"sample": -1}, "sample must lie in"),
        ({"target": 1.5}, "target must be a whole number"),
    ]:
        with pytest.raises(MessageError, match=match):
            parse(ASKED | wrong)


def test_what_cannot_be_explained_is_said(trained, blobs):
    view = cv.ExplanationView.from_run(trained, target_class=9)
    with pytest.raises(InputError, match=r"target_class must be in 0\.\.1"):
        _ = view.result
    packet = explanation_answer(trained, "r", AskExplanation(10**6, "gradient", 0, "zero", None))
    assert packet.header["error"] and not packet.buffers
    alone = cv.ExplanationView.from_estimator(nn.Linear(3, 2), *blobs)
    assert alone.to_png()[:4] == b"\x89PNG"


def test_the_lab_opens_it_under_its_name(trained):
    lab = cv.Lab.from_run(trained, more=["explanation"], explanation_method="gradient")
    assert lab.views.explanation.result.method == "gradient"
    assert "<title>ExplanationView</title>" in lab.views.explanation.to_html()
    lab.close()
