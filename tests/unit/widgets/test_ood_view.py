"""The OOD view's numbers in Python, the user's own sets, and what the kernel answers."""

import numpy as np
import pytest
import torch
import traitlets
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import clsviz as cv
from clsviz.data.ood import outside
from clsviz.errors import InputError, MessageError, ShapeError, UnknownName
from clsviz.widgets.messages import AskOOD, parse
from clsviz.widgets.ood_job import MOST_OWN, embeddings, feature_scores, ood_answer, roc_curve, set_names
from clsviz.widgets.sources import predictions_source


def test_the_result_scores_validation_samples_and_set_by_the_public_functions(trained):
    view = cv.OODView.from_run(trained, outside="gaussian", strength=2.0, temperature=1.5, kept=0.9)
    data = trained.dataset
    X = outside(data, "gaussian", strength=2.0)
    inside, out = trained.predict(data.X[data.validation]), trained.predict(X)
    expected = {
        "msp": lambda z: cv.calibration.msp_score(z / 1.5),
        "max_logit": cv.calibration.max_logit_score,
        "energy": lambda z: cv.calibration.energy_score(z, temperature=1.5),
        "entropy": lambda z: -cv.calibration.entropy(z / 1.5, kind="logits"),
    }
    for detector, score in expected.items():
        view.detector = detector
        r = view.result
        np.testing.assert_allclose(r.scores_id, score(inside), atol=1e-5)
        np.testing.assert_allclose(r.scores_ood, score(out), atol=1e-5)
        assert r.metrics == cv.calibration.ood_metrics(r.scores_id, r.scores_ood, tpr=0.9)
        assert np.mean(r.scores_id >= r.metrics.threshold) >= 0.9
        below = set(r.below)
        assert below == set(data.validation[r.scores_id < r.metrics.threshold])


@pytest.mark.parametrize("detector", ["mahalanobis", "relative_mahalanobis", "knn"])
def test_scores_of_features_are_measured_from_the_training_part(trained, detector):
    view = cv.OODView.from_run(trained, outside="uniform", strength=4.0, detector=detector)
    data, model = trained.dataset, trained.model_at()
    features = [embeddings(model, X) for X in (data.X[data.train], data.X[data.validation])]
    assert features[0].shape == (len(data.train), model.head.in_features)
    expected = feature_scores(detector, features[0], data.y[data.train], features[1])
    np.testing.assert_allclose(view.result.scores_id, expected)
    assert view.result.metrics.auroc > 0.6  # far away is far in features too
    before = view.result.scores_id
    view.temperature = 5.0
    np.testing.assert_array_equal(view.result.scores_id, before)


def test_features_are_the_input_of_the_last_linear_layer_where_a_module_does_not_tell_them():
    plain = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    expected = torch.relu(plain[0](torch.from_numpy(X))).detach().numpy()
    np.testing.assert_allclose(embeddings(plain, X), expected, rtol=1e-6)
    with pytest.raises(InputError, match="does not tell its features"):
        embeddings(lambda x: x, X)


def test_rows_of_zeros_have_no_direction_and_leave_the_others_neighbours_as_they_are():
    train = np.array([[0.0, 0], [5, 0], [0, 1], [2, 0], [-3, 0]])
    asked = np.array([[0.0, 0.0], [7, 0]])
    scores = feature_scores("knn", train, np.zeros(5, int), asked)
    assert scores == pytest.approx([-1, -2])  # the fifth of five
    np.testing.assert_array_equal(feature_scores("knn", train, np.zeros(5, int), asked[1:]), scores[1:])
    np.testing.assert_allclose(
        feature_scores("knn", train[1:], np.zeros(4, int), asked[1:]),
        cv.calibration.knn_ood_score(train[1:], asked[1:], k=4),
    )


def test_own_samples_are_checked_named_and_offered_first(blobs):
    X, y = blobs
    model = nn.Linear(3, 2)
    view = cv.OODView.from_estimator(model, X, y, ood={"far": X[:10] + 50, "near": X[:5]})
    assert view.outside == "far" and view.result.outside == "far" and len(view.result.scores_ood) == 10
    assert set_names(view.source.dataset, view.session.outside)[:3] == ["far", "near", "uniform"]
    for bad, error, says in [
        ({"far": X[:, :2]}, ShapeError, r"inputs \(m, 3\)"),
        ({"uniform": X}, InputError, "named by a text other than"),
        ({"": X}, InputError, "named by a text"),
        ({"far": X * np.nan}, InputError, "NaN"),
        ([X], InputError, r'ood must be \{"name"'),
    ]:
        with pytest.raises(error, match=says):
            cv.OODView.from_estimator(model, X, y, ood=bad)
    many = cv.OODView.from_estimator(model, X, y, ood={"many": np.repeat(X, 20, 0)})
    assert len(many.result.scores_ood) == MOST_OWN and many.session.outside["many"].of == 1600
    view.outside = "nowhere"
    with pytest.raises(UnknownName, match="no set 'nowhere'; there are"):
        _ = view.result
    view.outside = "mirror"  # other data have it: the first that is here
    assert view.result.outside == "far"


def test_predictions_alone_are_compared_with_predictions(blobs):
    rng = np.random.default_rng(0)
    z, far = rng.normal(size=(60, 3)) * 4, rng.normal(size=(30, 3))
    y = z.argmax(1)
    view = cv.OODView.from_predictions(y, z, ood={"far": far}, detector="energy")
    expected = cv.calibration.ood_metrics(cv.calibration.energy_score(z), cv.calibration.energy_score(far))
    assert view.result.metrics.auroc == pytest.approx(expected.auroc)
    p = cv.calibration.apply_temperature(far, 1.0)
    same = cv.OODView.from_predictions(
        y, cv.calibration.apply_temperature(z, 1.0), ood={"far": p}, kind="probs"
    )
    view.detector = "msp"
    assert same.result.metrics.auroc == pytest.approx(view.result.metrics.auroc)
    view.detector = "knn"
    with pytest.raises(InputError, match="predictions alone"):
        _ = view.result
    with pytest.raises(ShapeError, match=r"logits \(m, 3\)"):
        cv.OODView.from_predictions(y, z, ood={"far": far[:, :2]})
    bare = cv.OODView.from_run(predictions_source(y, z))
    with pytest.raises(InputError, match="nothing outside to compare with"):
        _ = bare.result


def test_the_kernel_answers_for_a_classifier_that_the_browser_cannot_run(blobs):
    X, y = blobs
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    view = cv.OODView.from_estimator(forest, X, y, outside="uniform", strength=3.0)
    packet = ood_answer(view.source, "r", AskOOD("uniform", 3.0, "knn", 0), {})
    assert "does not tell its features" in packet.header["why"]
    logits, inside, out = packet.buffers
    np.testing.assert_allclose(
        logits, view.source.predict(outside(view.source.dataset, "uniform", strength=3.0)), rtol=1e-6
    )
    assert len(inside) == len(out) == 0
    view.to_html()  # asks for itself: nobody has looked
    assert view.session._last_ood[0].header["question"]["outside"] == "uniform"
    scores = cv.calibration.msp_score(view.session._last_ood[0].buffers[0])
    np.testing.assert_allclose(scores, view.result.scores_ood, atol=1e-6)
    run = cv.Run("moons").start()
    run.wait()
    answer = ood_answer(run, "r", AskOOD("uniform", 1.0, "mahalanobis", None), {})
    own = cv.OODView.from_run(run, outside="uniform", detector="mahalanobis").result
    np.testing.assert_allclose(answer.buffers[1], own.scores_id)
    np.testing.assert_allclose(answer.buffers[2], own.scores_ood)


def test_messages_about_outside_samples_are_checked():
    good = {"kind": "ood", "outside": "uniform", "strength": 1, "detector": "", "step": None, "member": None}
    assert parse(good) == AskOOD("uniform", 1.0, "", None, None)
    for change, says in [
        ({"strength": -1}, "strength must be >= 0"),
        ({"strength": "x"}, "strength must hold finite numbers"),
        ({"detector": "msp"}, "detector must be one of"),
        ({"outside": 3}, "outside must be a short text"),
    ]:
        with pytest.raises(MessageError, match=says):
            parse(good | change)


def test_the_roc_curve_goes_from_corner_to_corner():
    fpr, tpr = roc_curve(np.array([3.0, 2, 1, 0.5]), np.array([1.0, 0, -1]))
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(0.875)  # contract, section 4


def test_options_are_checked_and_pictures_drawn(trained):
    view = cv.OODView.from_run(trained)
    for name, bad in [("detector", "luck"), ("kept", 0.2), ("strength", 9.0)]:
        with pytest.raises(traitlets.TraitError):
            setattr(view, name, bad)
    assert "AUROC" in view.to_plotly().layout.title.text and view.to_png()
    assert "uniform" in view.result.summary()


def test_the_lab_has_the_view(trained):
    lab = cv.Lab.from_run(trained, more=["ood"], ood_detector="energy")
    alone = cv.OODView.from_run(trained, detector="energy")
    assert lab.views.ood.result.metrics == alone.result.metrics
    lab.views.ood.kept = 0.8
    assert lab.ood_kept == 0.8 and lab.views.ood.result.kept == 0.8
    assert lab.views.ood.to_png()
