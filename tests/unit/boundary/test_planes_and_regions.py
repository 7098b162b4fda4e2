"""Planes through input space and the decision regions drawn on them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import n1
from scipy import ndimage
from scipy.linalg import eigh, orth
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from clsviz import boundary
from clsviz.errors import InputError, ShapeError


def test_plane_from_points_gives_the_coordinates_of_the_contract():
    plane = boundary.plane_from_points([0, 0, 0], [2, 0, 0], [1, 1, 0])
    np.testing.assert_allclose(plane.coords, [[0, 0], [2, 0], [1, 1]], atol=1e-12)
    assert plane.explained is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_plane_goes_through_its_points_and_project_undoes_lift(seed, d):
    points = np.random.default_rng(seed).normal(size=(3, d))
    plane = boundary.plane_from_points(*points)
    np.testing.assert_allclose(boundary.plane_lift(plane, plane.coords), points, atol=1e-9)
    coords = np.random.default_rng(seed + 1).normal(size=(5, 2))
    back = boundary.plane_project(plane, boundary.plane_lift(plane, coords))
    np.testing.assert_allclose(back, coords, atol=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "c", "message"),
    [
        ([0, 0], [0, 0], [1, 1], "a and b are equal"),
        ([0, 0], [1, 1], [3, 3], "c lies on the line"),
        ([0.1, 0.1, 0.1], [0.4, 0.4, 0.4], [0.7, 0.7, 0.7], "c lies on the line"),
        ([0, 0], [1, 0, 0], [0, 1], "b has length 3"),
        ([0, np.nan], [1, 0], [0, 1], "a holds NaN"),
    ],
)
def test_plane_from_points_refuses_points_without_a_plane(a, b, c, message):
    with pytest.raises(InputError, match=message):
        boundary.plane_from_points(a, b, c)


def test_pca_plane_is_scikit_learns_up_to_sign():
    X = np.random.default_rng(0).normal(size=(40, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.1]) + 5
    plane, pca = boundary.pca_plane(X), PCA(2).fit(X)
    np.testing.assert_allclose(np.abs(pca.components_ @ np.stack([plane.u, plane.v]).T), np.eye(2), atol=1e-9)
    np.testing.assert_allclose(plane.explained, pca.explained_variance_ratio_, rtol=1e-9)
    for axis in (plane.u, plane.v):
        assert axis[np.argmax(np.abs(axis))] > 0


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0, 1], [2, 3]], "at least 3 rows"),
        ([[0], [1], [2]], "2 columns"),
        ([[0, 0], [1, 2], [2, 4]], "rank below 2"),
        ([[1e6, 1e6], [1e6 + 1, 1e6 + 1], [1e6 + 3, 1e6 + 3]], "rank below 2"),
    ],
)
def test_pca_plane_refuses_samples_without_a_plane(X, message):
    with pytest.raises(ValueError, match=message):
        boundary.pca_plane(X)


def clouds(seed, n, d, k):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return rng.normal(size=(n, d)) * np.linspace(2, 0.5, d) + 2 * rng.normal(size=(k, d))[y], y


def test_lda_plane_is_that_of_scikit_learns_first_two_discriminants():
    X, y = clouds(0, 120, 6, 4)
    plane = boundary.lda_plane(X, y + 3, ridge=0)  # any integers name the classes
    scalings = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :2]
    ours = np.stack([plane.u, plane.v])
    np.testing.assert_allclose(ours @ ours.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(ours.T @ ours, orth(scalings) @ orth(scalings).T, atol=1e-9)  # one plane
    first = scalings[:, 0] / np.linalg.norm(scalings[:, 0])
    assert abs(plane.u @ first) == pytest.approx(1, abs=1e-12)
    for axis in (plane.u, plane.v):
        assert axis[np.argmax(np.abs(axis))] > 0


def test_lda_plane_of_two_classes_adds_the_largest_variance_across_the_discriminant():
    X, y = clouds(1, 80, 5, 2)
    plane = boundary.lda_plane(X, y, ridge=0)
    line = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, 0]
    assert abs(plane.u @ line) / np.linalg.norm(line) == pytest.approx(1, abs=1e-12)
    across = (X - X.mean(0)) @ (np.eye(5) - np.outer(plane.u, plane.u))
    assert abs(PCA(1).fit(across).components_[0] @ plane.v) == pytest.approx(1, abs=1e-9)


def test_lda_plane_with_a_ridge_solves_the_generalised_eigenproblem_where_pixels_never_vary():
    X, y = clouds(2, 90, 6, 3)
    X[:, 2] = 1.0
    means = np.stack([X[y == k].mean(0) for k in range(3)])
    within = np.cov((X - means[y]).T, bias=True)
    between = np.cov(means[y].T, bias=True)
    within += 1e-3 * np.trace(within) / 6 * np.eye(6)
    axes = eigh(between, within)[1][:, :-3:-1]
    plane = boundary.lda_plane(X, y)
    ours = np.stack([plane.u, plane.v])
    np.testing.assert_allclose(ours.T @ ours, orth(axes) @ orth(axes).T, atol=1e-8)
    assert 0 < plane.explained.sum() <= 1
    with pytest.raises(InputError, match="singular; use a ridge above 0"):
        boundary.lda_plane(X, y, ridge=0)


def test_lda_plane_of_class_means_on_one_line_falls_back_to_the_variance_across():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 3)) * [1, 0.1, 3]
    y = np.arange(60) % 3
    for k in range(3):  # means exactly on the first axis
        X[y == k] -= X[y == k].mean(0)
    plane = boundary.lda_plane(X + np.outer(y, [1, 0, 0]), y)
    assert abs(plane.v[2]) > 0.9


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[0, 1], [2, 3]], [0, 1], "at least 3 rows"),
        ([[0, 1], [2, 3], [1, 1]], [0, 1], r"y must be \(3,\)"),
        ([[0, 1], [2, 3], [1, 1]], [2, 2, 2], "one class"),
        ([[0, 1], [0, -1], [1, 0], [-1, 0]], [0, 0, 1, 1], "class means are equal"),
        ([[0, 0], [1, 1], [2, 2], [4, 4]], [0, 0, 1, 1], "rank below 2"),
    ],
)
def test_lda_plane_refuses_samples_without_a_plane(X, y, message):
    with pytest.raises(ValueError, match=message):
        boundary.lda_plane(X, y)
    with pytest.raises(InputError, match="ridge must be >= 0"):
        boundary.lda_plane([[0, 1], [2, 3], [1, 1]], [0, 1, 1], ridge=-1)


def test_attack_plane_holds_the_contracts_attack_and_the_nearest_sample_of_the_class_it_reaches():
    X = np.array([[0.9, 0.6], [0.0, 3.0], [-0.2, 0.8]])
    found = boundary.attack_plane(n1(), [1, 0.5], X, [0, 1, 1])
    assert (found.called, found.neighbour, len(found.path), found.success) == ((0, 1), 2, 3, True)
    assert found.distance == pytest.approx(0.560553, abs=1e-6)  # the contract's DeepFool
    np.testing.assert_allclose(found.path[-1], [0.44206, 0.44594], atol=1e-5)
    np.testing.assert_allclose(found.path[0], [1, 0.5])
    np.testing.assert_allclose(found.coords[[0, -1]], [[0, 0], [found.distance, 0]], atol=1e-9)
    np.testing.assert_allclose(boundary.plane_lift(found.plane, found.plane.coords)[2], X[2], atol=1e-9)


def test_attack_plane_of_a_linear_network_is_one_step_across_its_boundary():
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3).double()
    X, y = clouds(4, 30, 5, 3)
    found = boundary.attack_plane(model, X[0], X[1:], y[1:])
    W, b = (p.detach().numpy() for p in model.parameters())
    margin = boundary.multiclass_linear_margin(W, b, X[:1], [found.called[0]])[0]
    assert len(found.path) == 2 and found.distance == pytest.approx(1.02 * margin, rel=1e-6)
    assert y[1:][found.neighbour] == found.called[1]


def test_attack_plane_walks_a_model_without_slopes_straight_to_the_nearest_other_call():
    X = np.array([[3.0, 0.0], [1.0, 2.0], [-1.0, 0.5]])
    found = boundary.attack_plane(lambda x: np.stack([0 * x[:, 0], x[:, 0] - 1.5], 1), [0, 0], X, [1, 0, 0])
    assert (found.called, found.success, len(found.path)) == ((0, 1), True, 2)
    np.testing.assert_allclose(found.path[-1], [1.5, 0], atol=1e-12)  # half of the way to the only other one
    assert found.distance == pytest.approx(1.5) and found.neighbour == 2  # that one lies on the line itself
    model = n1()
    with torch.no_grad():
        told = boundary.attack_plane(lambda x: model(torch.from_numpy(x)), [1, 0.5], X, [0, 1, 1])
    walked = boundary.distance_to_other_call(model, [[1, 0.5]], X)
    assert told.distance == pytest.approx(walked[0], rel=1e-12)
    with pytest.raises(InputError, match="calls all of X as it calls x"):
        boundary.attack_plane(lambda x: x, [1, 0], [[2, 0], [3, 1]], [0, 0])


def test_attack_plane_refuses_what_spans_no_plane():
    with pytest.raises(InputError, match="no slope at x"):
        flat = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(flat.weight)
        boundary.attack_plane(flat, [0, 1], [[1, 1]], [0])
    with pytest.raises(InputError, match="line of the attack"):
        boundary.attack_plane(n1(), [1, 0.5], [[1, 0.5]], [0])
    with pytest.raises(ShapeError, match=r"X must be \(N, 2\)"):
        boundary.attack_plane(n1(), [1, 0.5], [[1, 0.5, 2]], [0])


def test_project_and_lift_refuse_other_dimensions():
    plane = boundary.plane_from_points([0, 0, 0], [2, 0, 0], [1, 1, 0])
    with pytest.raises(ShapeError, match="X has 2 columns"):
        boundary.plane_project(plane, [[1, 2]])
    with pytest.raises(ShapeError, match="coords must be"):
        boundary.plane_lift(plane, [[1, 2, 3]])


def test_grid_row_zero_is_the_lowest_y_and_labels_belong_to_x_j_y_i():
    grid = boundary.decision_grid(
        lambda X: np.stack([X[:, 0], X[:, 1]], 1), xlim=(0, 1), ylim=(2, 3), resolution=5
    )
    assert (grid.x[0], grid.x[-1], grid.y[0], grid.y[-1]) == (0, 1, 2, 3)
    assert grid.logits.shape == (5, 5, 2)
    np.testing.assert_allclose(grid.logits[1, 4], [1, 2.25])
    assert grid.labels.dtype == np.int64
    assert (grid.labels == 1).all()


def test_grid_ties_go_to_the_lowest_class():
    grid = boundary.decision_grid(lambda X: np.zeros((len(X), 3)), xlim=(0, 1), ylim=(0, 1), resolution=3)
    assert (grid.labels == 0).all()


def test_grid_lifts_through_a_plane():
    plane = boundary.plane_from_points([1, 0, 0], [3, 0, 0], [1, 0, 2])
    seen = []

    def model(X):
        seen.append(X)
        return X

    boundary.decision_grid(model, xlim=(-1, 1), ylim=(0, 4), resolution=3, plane=plane)
    X = np.concatenate(seen)
    assert X.dtype == np.float64
    np.testing.assert_allclose(X[[0, -1]], [[0, 0, 0], [2, 0, 4]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_grid_calls_a_module_in_eval_mode_in_its_dtype_and_leaves_it_as_it_was(dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3)).to(
        dtype
    )
    model[1].eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    grid = boundary.decision_grid(model, xlim=(0, 1), ylim=(0, 1), resolution=100)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    model.eval()
    at = model(torch.tensor([[grid.x[7], grid.y[3]]], dtype=dtype))
    np.testing.assert_allclose(grid.logits[3, 7], at.detach().numpy()[0], rtol=1e-5)


def test_grid_restores_the_mode_when_the_model_fails():
    model = torch.nn.Linear(3, 2)
    with pytest.raises(RuntimeError):
        boundary.decision_grid(model, xlim=(0, 1), ylim=(0, 1), resolution=2)
    assert model.training


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xlim": (1, 0)}, "xlim must be"),
        ({"ylim": (0, np.inf)}, "ylim holds"),
        ({"resolution": 0}, "resolution must be"),
        ({"model": "tree"}, "model must be"),
        ({"model": lambda X: X[:, 0]}, r"model must map \(N, d\) to \(N, K\)"),
        ({"model": lambda X: X * np.nan}, "model returned logits that are NaN"),
    ],
)
def test_grid_names_the_wrong_argument(changes, message):
    arguments = {"model": lambda X: X, "xlim": (0, 1), "ylim": (0, 1), "resolution": 3} | changes
    model = arguments.pop("model")
    with pytest.raises(ValueError, match=message):
        boundary.decision_grid(model, **arguments)


def test_region_numbers_by_hand():
    assert boundary.region_fragments([[0, 1, 0]], 2).tolist() == [2, 1]
    np.testing.assert_allclose(boundary.region_fractions([[0, 1, 0]], 3), [2 / 3, 1 / 3, 0])
    assert boundary.region_agreement([[0, 1], [1, 1]], [[0, 0], [1, 1]]) == 0.75
    assert boundary.region_fragments([[0, 1], [1, 0]], 2).tolist() == [2, 2]  # corners do not connect


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_region_fragments_agree_with_ndimage(seed):
    labels = np.random.default_rng(seed).integers(0, 3, (7, 9))
    expected = [ndimage.label(labels == k)[1] for k in range(3)]
    assert boundary.region_fragments(torch.from_numpy(labels), 3).tolist() == expected
    assert boundary.region_fractions(labels, 3).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boundary.region_fractions([[0, 2]], 2), "labels must be integers in 0..1"),
        (lambda: boundary.region_fragments([0, 1], 2), "labels must be a grid"),
        (lambda: boundary.region_agreement([[0]], [[0, 1]]), "one shape"),
    ],
)
def test_region_numbers_name_the_wrong_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
