"""Each view's `.result` is what the public functions give; wrong input gets a clear error."""

import numpy as np
import pandas as pd
import pytest
import torch
import traitlets
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score

import clsviz as cv
from clsviz.errors import InputError, ShapeError
from clsviz.widgets.attack_job import attack_answer
from clsviz.widgets.messages import AskAttack

VIEWS = [cv.ReliabilityDiagram, cv.BoundaryView, cv.PrototypeGallery, cv.ConfusionMatrix, cv.SampleInspector]


def test_reliability_result_is_that_of_the_calibration_functions(trained):
    view = cv.ReliabilityDiagram.from_run(trained, temperature=2.0, n_bins=7)
    data = trained.dataset
    logits = trained.predict(data.X[data.validation]) / 2
    labels = data.y[data.validation]
    assert view.result.ece == pytest.approx(
        cv.calibration.ece(logits, labels, kind="logits", n_bins=7), abs=1e-12
    )
    assert view.result.nll == pytest.approx(cv.calibration.nll(logits, labels, kind="logits"), abs=1e-12)


def test_a_step_shows_the_network_of_that_time(trained):
    first, last = trained.timeline.steps[0], trained.timeline.steps[-1]
    view = cv.ReliabilityDiagram.from_run(trained, step=first)
    early = view.result.accuracy
    view.step = last
    assert view.result.accuracy == pytest.approx(trained.timeline.latest.metrics["validation_accuracy"])
    assert early != view.result.accuracy


def test_predictions_alone_are_enough_for_the_diagram():
    probs = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]]
    view = cv.ReliabilityDiagram.from_predictions([0, 0, 1, 1, 0], probs, kind="probs", n_bins=5)
    assert view.result.ece == pytest.approx(0.21, abs=1e-6)


@pytest.mark.parametrize(
    ("y", "pred", "kind", "error", "says"),
    [
        ([0, 1], [[1.0, np.nan], [0.0, 1.0]], "logits", InputError, "NaN"),
        ([0, 2], [[2.0, 0.0], [0.0, 1.0]], "logits", InputError, "0..1"),
        ([0], [[2.0, 0.0], [0.0, 1.0]], "logits", ShapeError, "y_true"),
        ([0, 1], [[0.9, 0.3], [0.0, 1.0]], "probs", InputError, "sum to 1"),
        ([0, 1], [[1.0, 0.0], [0.0, 1.0]], "odds", InputError, "kind"),
        ([], [], "logits", InputError, "empty"),
    ],
)
def test_predictions_that_cannot_be_used_are_refused_by_name(y, pred, kind, error, says):
    with pytest.raises(error, match=says):
        cv.ReliabilityDiagram.from_predictions(y, pred, kind=kind)


def test_confusion_counts_are_those_of_scikit_learn(blobs):
    X, y = blobs
    model = LogisticRegression().fit(X, y)
    result = cv.ConfusionMatrix.from_estimator(model, X, y).result
    np.testing.assert_array_equal(result.counts, confusion_matrix(y, model.predict(X)))
    assert result.accuracy == pytest.approx(model.score(X, y))
    assert np.isnan(result.auroc)  # both classes are trained on


def test_where_one_class_is_trained_on_its_ranking_is_that_of_scikit_learn():
    run = cv.Run(cv.Experiment("one_digit", epochs=1)).start()
    assert run.wait(60)
    view = cv.ConfusionMatrix.from_run(run)
    data = run.dataset
    logits = run.predict(data.X[data.validation])
    expected = roc_auc_score(data.y[data.validation], logits[:, 1] - logits[:, 0])
    assert view.result.auroc == pytest.approx(expected, abs=1e-12)
    view.close()
    run.stop()


def test_a_linear_model_has_the_angle_of_its_own_normal(blobs):
    X, y = blobs
    net = torch.nn.Linear(3, 2)
    result = cv.BoundaryView.from_estimator(net, X, y).result
    w = (net.weight[1] - net.weight[0]).detach().double().numpy()
    assert result.angle == pytest.approx(cv.boundary.deviation_angle(w, X, y, degrees=True), abs=1e-3)
    assert result.pair == (0, 1)


def test_strings_and_a_data_frame_reach_every_view(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    words = np.where(y == 1, "yes <b>", "no")
    model = LogisticRegression().fit(frame, words)
    for view in VIEWS:
        shown = view.from_estimator(model, frame, words)
        assert shown.source.dataset.class_names == ("no", "yes <b>")
        assert shown.result is not None


def test_medoid_prototypes_are_training_samples(trained):
    gallery = cv.PrototypeGallery.from_run(trained, kind="medoid").result
    assert all(float(i.nearest_distances[0]) == 0 for i in gallery.items)


def test_decoded_prototypes_need_a_prototype_network(trained):
    with pytest.raises(InputError, match="prototype_autoencoder"):
        cv.PrototypeGallery.from_run(trained, kind="decoded").result  # noqa: B018


def test_the_landscape_s_centre_has_the_network_s_own_loss(trained):
    view = cv.LossLandscape(trained, plane="random")
    result = view.result
    data = trained.dataset
    rows = data.validation[:512]
    loss = cv.calibration.nll(trained.predict(data.X[rows]), data.y[rows], kind="logits")
    middle = len(result.ys) // 2, len(result.xs) // 2
    assert result.loss[middle] == pytest.approx(loss, rel=1e-4)
    view.temperature, view.score = 3.0, -1.0
    half_mae = (
        1
        - cv.calibration.apply_temperature(trained.predict(data.X[rows]), 3.0)[
            np.arange(len(rows)), data.y[rows]
        ]
    ).mean()
    assert view.result.loss[middle] == pytest.approx(half_mae, rel=1e-4)


def test_a_landscape_has_the_points_asked_for(trained):
    view = cv.LossLandscape(trained, plane="random", resolution=13)
    coarse = view.result
    assert coarse.loss.shape == (13, 13)
    view.resolution = 25
    fine = view.result
    assert fine.loss.shape == (25, 25)
    assert fine.loss[::2, ::2] == pytest.approx(coarse.loss, rel=1e-5)


@pytest.mark.parametrize(
    ("view", "resolution"), [(cv.LossLandscape, 10), (cv.LossLandscape, 102), (cv.BoundaryView, 257)]
)
def test_a_resolution_out_of_range_is_refused(trained, view, resolution):
    with pytest.raises(traitlets.TraitError, match="resolution"):
        view.from_run(trained, resolution=resolution)


def test_a_model_without_weights_has_no_landscape(blobs):
    X, y = blobs
    with pytest.raises(InputError, match="torch module"):
        cv.LossLandscape(LogisticRegression().fit(X, y), X, y).result  # noqa: B018


def test_to_plotly_works_for_every_view(trained):
    import plotly.graph_objects as go

    for view in [*VIEWS, cv.LossLandscape]:
        assert isinstance(
            view.from_run(trained).to_plotly() if view is not cv.LossLandscape else view(trained).to_plotly(),
            go.Figure,
        )


def test_an_unknown_option_is_refused_by_name(trained):
    with pytest.raises(InputError, match=r"no option \['n_bin'\]"):
        cv.ReliabilityDiagram.from_run(trained, n_bin=3)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("temperature", 0.0, "0.05 to 20"),
        ("temperature", "hot", "temperature"),
        ("n_bins", 0, "n_bins"),
        ("selection", [0, 10_000], "sample indices"),
        ("selection", [[1, 2]], "selection"),
        ("pair", [1, 1], "two different classes"),
        ("score", 2.0, "score"),
    ],
)
def test_state_out_of_range_is_refused_by_name(trained, name, value, says):
    view = cv.ReliabilityDiagram.from_run(trained)
    with pytest.raises(traitlets.TraitError, match=says):
        setattr(view, name, value)


def test_bad_state_from_the_browser_becomes_an_error_in_the_view(trained, recorded):
    view = cv.ReliabilityDiagram.from_run(trained)
    view.set_state({"temperature": -4})
    assert view.temperature == 1.0 and "temperature" in view.session.error
    view.set_state({"selection": {"dtype": "float128"}})
    assert view.selection.size == 0
    view.set_state({"selection": [3, 4]})
    assert view.selection.tolist() == [3, 4]


@pytest.mark.parametrize("view", [*VIEWS, cv.LossLandscape, cv.Lab])
def test_no_option_has_a_name_that_jupyter_s_own_views_read(view):
    taken = {"style", "layout", "tooltip", "tabbable", "comm", "keys"}
    assert not taken & set(view.class_own_traits_of())


def test_labels_the_estimator_does_not_know_are_refused(blobs):
    X, y = blobs
    model = LogisticRegression().fit(X, y)
    with pytest.raises(InputError, match=r"does not know: \['2'\]"):
        cv.ReliabilityDiagram.from_estimator(model, X, y + 1)
    same = cv.ConfusionMatrix.from_estimator(model, X, y.astype(float))
    assert same.result.accuracy == pytest.approx(model.score(X, y))


def test_probabilities_given_as_logits_are_refused():
    with pytest.raises(InputError, match='kind="probs"'):
        cv.ReliabilityDiagram.from_predictions([0, 1], [[0.9, 0.1], [0.2, 0.8]])


@pytest.fixture(scope="module")
def boundary_run():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = rng.normal(size=(90, 4)) + 2 * np.eye(4)[y]
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    return model, X.astype(np.float32), y


@pytest.mark.parametrize("plane", ["lda", "pca", "points"])
def test_the_boundarys_picture_is_drawn_in_the_plane_that_is_chosen(boundary_run, plane):
    model, X, y = boundary_run
    view = cv.BoundaryView.from_estimator(model, X, y, plane=plane)
    r = view.result
    expected = {"lda": lambda: cv.boundary.lda_plane(X, y), "pca": lambda: cv.boundary.pca_plane(X)}
    if plane in expected:
        np.testing.assert_allclose(r.plane.u, expected[plane]().u, atol=1e-12)
    else:
        np.testing.assert_allclose(r.plane.origin, X[np.flatnonzero(y == r.pair[0])[0]])
    assert r.attack is None and np.isnan(r.certified) and r.certified_by == ""
    figure = view.to_plotly()
    assert [trace.name for trace in figure.data] == ["called", *view.source.dataset.class_names]
    coords = cv.boundary.plane_project(r.plane, X[y == 0])
    np.testing.assert_allclose(np.stack([figure.data[1].x, figure.data[1].y], 1), coords, atol=1e-6)
    view.close()


def test_the_boundarys_attack_is_on_the_marked_sample_and_its_certificate_is_within(boundary_run):
    model, X, y = boundary_run
    view = cv.BoundaryView.from_estimator(model, X, y, plane="attack", marked=5, certified=True)
    r = view.result
    others = np.arange(90) != 5
    expected = cv.boundary.attack_plane(model, X[5], X[others], y[others])
    np.testing.assert_allclose(r.attack.path, expected.path)
    assert 0 < r.certified <= r.attack.distance and r.certified_by == "lipschitz"
    assert view.to_plotly().data[-1].name == "attack"
    view.tilt = 40.0  # the rule on screen is straight: its own distance is exact
    straight = view.result
    w, b = straight.w, straight.b
    assert straight.certified == pytest.approx(abs(X[5] @ w + b) / np.linalg.norm(w), rel=1e-5)
    assert straight.certified_by == "rule"
    view.close()


def test_an_estimator_without_slopes_is_attacked_straight_and_has_no_certificate(boundary_run):
    _, X, y = boundary_run
    forest = LogisticRegression().fit(X, y)
    view = cv.BoundaryView.from_estimator(forest, X, y, plane="attack", marked=5, certified=True)
    r = view.result
    reach = cv.boundary.distance_to_other_call(view.source.predict, X[[5]], X)[0]
    assert len(r.attack.path) == 2 and r.attack.distance == pytest.approx(reach)
    assert forest.predict(r.attack.path.astype(np.float32)).tolist() == list(r.attack.called)
    np.testing.assert_array_equal(r.plane.origin, X[5].astype(float))
    assert np.isnan(r.certified)
    view.close()


def test_the_kernel_tells_the_pages_the_attack_that_python_finds(boundary_run):
    _, X, y = boundary_run
    forest = LogisticRegression().fit(X, y)
    view = cv.BoundaryView.from_estimator(forest, X, y, plane="attack", marked=5)
    packet = attack_answer(view.source, "r", AskAttack(5, 0))
    attack = view.result.attack
    np.testing.assert_array_equal(packet.buffers[0], attack.path)
    told = {name: packet.header[name] for name in ("by", "error", "called", "neighbour", "distance")}
    assert told == {
        "by": "straight",
        "error": "",
        "called": attack.called,
        "neighbour": attack.neighbour,
        "distance": attack.distance,
    }
    assert y[attack.neighbour] == attack.called[1] and attack.neighbour != 5
    refused = attack_answer(view.source, "r", AskAttack(90, 0))
    assert "sample must lie in 0..89" in refused.header["error"] and not refused.buffers
    view.close()
