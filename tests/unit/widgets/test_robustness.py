"""The robustness view's numbers in Python: margins, attacks, curves, and what a model without slopes has."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import clsviz as cv
from clsviz.errors import InputError
from clsviz.widgets.robustness import MOST_ATTACKED, OVERSHOOT, radius_limit, thinned


def test_margins_are_those_of_the_logits_at_the_temperature(trained):
    view = cv.RobustnessView.from_run(trained, temperature=2.0, threshold=0.3)
    data = trained.dataset
    y, z = data.y[data.validation], trained.predict(data.X[data.validation])
    r = view.result
    np.testing.assert_allclose(r.margins, cv.boundary.logit_margin(z / 2, y))
    np.testing.assert_array_equal(r.correct, r.margins > 0)
    assert r.share_below == np.mean(r.margins < 0.3)
    assert set(r.below) == set(data.validation[r.margins < 0.3])
    view.target_class = 1
    assert set(data.y[view.result.samples]) == {1} and len(view.result.samples) == (y == 1).sum()


def test_distances_and_curves_are_those_of_the_public_attacks(trained):
    view = cv.RobustnessView.from_run(trained, margin="distance", radius=0.2)
    data, model = trained.dataset, trained.model_at().double()
    rows = thinned(data.validation)
    X, y = data.X[rows].astype(float), data.y[rows]
    found = cv.boundary.deepfool(model, X, overshoot=OVERSHOOT)
    assert found.success.all()
    correct = model(torch.from_numpy(X)).argmax(1).numpy() == y
    r = view.result
    np.testing.assert_array_equal(r.attacked, rows)
    np.testing.assert_allclose(r.distances, found.distance)
    np.testing.assert_allclose(r.margins, np.where(correct, found.distance, -found.distance))
    np.testing.assert_allclose(r.curve, cv.boundary.robust_accuracy_curve(found.distance, correct, r.radii))
    assert not r.exact and r.curve[0] == r.fgsm[0] == correct.mean()
    for radius, accuracy in [*zip(r.radii, r.fgsm, strict=True), (0.2, r.fgsm_accuracy)]:
        moved = cv.boundary.fgsm(model, X, y, epsilon=radius / np.sqrt(2))
        assert np.linalg.norm(moved - X, axis=1).max() == pytest.approx(radius)  # as long as DeepFool's
        assert accuracy == np.mean(model(torch.from_numpy(moved)).argmax(1).numpy() == y)
    assert r.accuracy == np.mean(correct & (found.distance > 0.2))
    assert (np.diff(r.curve) <= 0).all()


def test_a_linear_networks_distances_are_exact(blobs):
    X, y = blobs
    y = y + 2 * (X[:, 0] > 0)
    torch.manual_seed(0)
    model = nn.Linear(3, 4)
    view = cv.RobustnessView.from_estimator(model, X, y, margin="distance")
    r = view.result
    W, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    own = X.astype(np.float32) @ W.T + b
    exact = cv.boundary.multiclass_linear_margin(W, b, X.astype(np.float32), own.argmax(1))
    assert r.exact and "at most" not in r.summary()
    np.testing.assert_allclose(r.distances, exact, atol=1e-7)


@pytest.mark.parametrize("by", ["deepfool", "line", "pgd"])
def test_the_truth_lies_between_what_was_found_and_what_is_certain(trained, by):
    view = cv.RobustnessView.from_run(trained, distance_by=by, radius=0.1)
    data, model = trained.dataset, trained.model_at().double()
    rows = thinned(data.validation)
    X = data.X[rows].astype(float)
    own = {
        "deepfool": lambda: cv.boundary.deepfool(model, X).distance,
        "line": lambda: cv.boundary.distance_to_other_call(
            model, X, data.X[data.validation], n_scan=50, n_bisect=40
        ),
        "pgd": lambda: cv.boundary.pgd_distance(model, X, t_max=2 * radius_limit(data)),
    }[by]()
    r = view.result
    np.testing.assert_allclose(r.distances, own)
    proved = cv.boundary.certified_radius_network(model, X)
    np.testing.assert_allclose(r.certified_distances, proved.radius)
    assert (r.certified_by, r.lipschitz) == ("lipschitz", proved.lipschitz)
    assert (r.certified_distances <= r.distances + 1e-9).all()
    assert (r.certified <= r.curve).all() and (r.certified <= r.fgsm).all()
    assert 0 < r.certified_accuracy < r.accuracy
    assert f"at most {r.accuracy:.4f} and at least {r.certified_accuracy:.4f}" in r.summary()
    assert sum("certified: lower bound" in (t.name or "") for t in view.to_plotly().data) == 1


def test_of_a_linear_network_the_certificate_is_the_distance_and_a_search_may_miss_it(blobs):
    X, y = blobs
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    view = cv.RobustnessView.from_estimator(model, X, y)
    r = view.result
    np.testing.assert_allclose(r.distances, r.certified_distances, atol=1e-7)
    assert r.exact and r.certified_by == "linear" and r.lipschitz is None
    view.distance_by = "line"
    missed = view.result
    assert not missed.exact
    np.testing.assert_array_equal(missed.certified, r.certified)
    assert (missed.distances > r.distances + 1e-6).any() and (missed.curve >= r.curve).all()


def test_margins_of_probabilities_are_those_that_select_takes(trained):
    view = cv.RobustnessView.from_run(trained, margin="probability", temperature=2.0, threshold=0.4)
    own = view.result
    np.testing.assert_array_equal(own.below, view.select(margin_below=0.4))
    data = trained.dataset
    y = data.y[data.validation]
    for k, (count, below) in enumerate(own.below_by_class):
        assert count == (y == k).sum()
        assert below == np.isin(data.validation[y == k], own.below).sum()
    assert own.below_by_class.shape == (data.n_classes, 2)


def test_many_samples_are_thinned_evenly_and_the_radius_ends_where_the_data_do():
    rows = thinned(np.arange(1000) * 2)
    assert len(rows) == MOST_ATTACKED and rows[0] == 0
    assert set(np.diff(rows)) <= {8, 10}
    data = cv.data.from_arrays(np.array([[-3.0, 0], [3, 0]] * 20), [0, 1] * 20)
    spread = np.linalg.norm(data.X[data.validation] - data.X[data.validation].mean(0), axis=1)
    assert radius_limit(data) == pytest.approx(0.75 * np.sqrt(np.mean(spread**2)), rel=0.05)


def test_a_flat_network_has_no_boundary_to_be_found(blobs):
    X, y = blobs
    flat = nn.Linear(3, 2)
    with torch.no_grad():
        flat.weight.zero_()
        flat.bias.copy_(torch.tensor([1.0, 0.0]))
    view = cv.RobustnessView.from_estimator(flat, X, y, margin="distance")
    r = view.result
    assert np.isinf(r.distances).all() and (r.curve == 0.5).all() and (r.fgsm == 0.5).all()
    assert view.to_png()[:4] == b"\x89PNG"
    assert len(view.to_plotly().data) == 4


def test_a_model_without_slopes_has_logit_margins_and_says_why_no_more(blobs):
    X, y = blobs
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    for view, why in [
        (cv.RobustnessView.from_estimator(forest, X, y, margin="distance"), "cannot run this model"),
        (cv.RobustnessView.from_predictions(y, np.eye(2)[y] * 3, margin="distance"), "predictions alone"),
    ]:
        r = view.result
        assert r.margin == "logit" and why in r.why and len(r.margins) == 80
        assert r.distances is None and r.curve is None and r.accuracy is None
        assert len(view.to_plotly().data) == 2
        assert view.to_png()[:4] == b"\x89PNG"
    np.testing.assert_allclose(r.margins, 3.0)
    view.target_class = 7
    with pytest.raises(InputError, match="no validation sample has class 7"):
        _ = view.result


def test_the_lab_opens_it_under_its_name(trained):
    lab = cv.Lab.from_run(trained, more=["robustness"], robustness_radius=0.1)
    assert lab.views.robustness.result.radius == 0.1
    assert "<title>RobustnessView</title>" in lab.views.robustness.to_html()
    assert "<RobustnessView of " in repr(cv.RobustnessView.from_run(trained))
    lab.close()
