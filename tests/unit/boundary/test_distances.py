"""Distances that searches find and what is proved of networks: above the truth, and below it."""

import copy

import numpy as np
import pytest
import torch
from nets import n1
from torch import nn

from clsviz import boundary
from clsviz.boundary.calling import logits_at
from clsviz.catalogue import Spec
from clsviz.errors import InputError, ShapeError
from clsviz.models import create

D, K, N = 5, 4, 25
MODELS = [
    ("linear", {}, "linear"),
    ("mlp", {"hidden": (12, 9)}, "lipschitz"),
    ("mlp", {"hidden": (12,), "activation": "tanh"}, "lipschitz"),
    ("rbf", {"n_centers": 7}, "rbf"),
]


def case(name, options, seed=0):
    torch.manual_seed(seed)
    model = create(Spec(name, options), D, K).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
        if name == "rbf":
            model.bias.zero_()  # else one class may win everywhere
    return model, np.random.default_rng(seed).standard_normal((N, D))


def found_by_each(model, X):
    """Distances to another call, inf where none was found, by each of the searches."""
    fool = boundary.deepfool(model, X)
    return {
        "deepfool": np.where(fool.success, fool.distance, np.inf),
        "line": boundary.distance_to_other_call(model, X, X),
        "pgd": boundary.pgd_distance(model, X, t_max=6),
    }


@pytest.mark.parametrize(("name", "options", "by"), MODELS, ids=lambda v: str(v))
@pytest.mark.parametrize("seed", range(3))
def test_what_is_proved_is_never_more_than_any_search_finds(name, options, by, seed):
    model, X = case(name, options, seed)
    proved = boundary.certified_radius_network(model, X)
    assert proved.by == by and (proved.radius >= 0).all()
    np.testing.assert_array_equal(proved.predictions, logits_at(model, X).argmax(1))
    found = found_by_each(model, X)
    assert np.isfinite(found["deepfool"]).any()
    for distances in found.values():
        assert (proved.radius <= distances + 1e-9).all()


@pytest.mark.parametrize("seed", range(3))
def test_on_a_linear_network_the_certificate_is_the_margin_and_deepfool_reaches_it(seed):
    model, X = case("linear", {}, seed)
    W, b = (p.detach().numpy() for p in model.parameters())
    exact = boundary.multiclass_linear_margin(W, b, X, logits_at(model, X).argmax(1))
    proved = boundary.certified_radius_network(model, X)
    np.testing.assert_allclose(proved.radius, exact, atol=1e-12)
    np.testing.assert_allclose(boundary.deepfool(model, X).distance / 1.02 - 1e-8, exact, atol=1e-9)
    assert np.isnan(proved.lipschitz)
    for distances in found_by_each(model, X).values():
        assert (distances >= exact - 1e-9).all()


def test_between_two_classes_of_a_linear_network_pgd_finds_the_margin():
    model = nn.Linear(3, 2).double()
    X = np.random.default_rng(0).standard_normal((20, 3))
    exact = boundary.certified_radius_network(model, X).radius
    found = boundary.pgd_distance(model, X, t_max=8, n_bisect=40)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    coarse = boundary.pgd_distance(model, X, t_max=8, n_scan=4, n_bisect=3)
    assert (coarse >= exact).all() and (coarse - exact <= 2 / 8).all()  # a step of the scan, halved thrice


@pytest.mark.parametrize(("name", "options", "by"), MODELS, ids=lambda v: str(v))
def test_no_direction_leads_out_of_the_class_within_the_certified_radius(name, options, by):
    model, X = case(name, options)
    proved = boundary.certified_radius_network(model, X)
    directions = np.random.default_rng(1).standard_normal((20_000, D))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for x, radius, own in list(zip(X, proved.radius, proved.predictions, strict=True))[:6]:
        assert (logits_at(model, x + 0.999 * radius * directions).argmax(1) == own).all()


def test_pgd_distance_is_a_radius_at_which_pgd_succeeds_and_a_little_less_does_not():
    model, X = case("mlp", {"hidden": (12, 9)})
    calls = logits_at(model, X).argmax(1)
    found = boundary.pgd_distance(model, X, t_max=6, n_bisect=20)
    for x, own, radius in zip(X, calls, found, strict=True):
        if np.isinf(radius):
            continue
        for share, changes in [(1.0, True), (1 - 1e-3, False)]:
            moved = boundary.pgd(model, x[None], [own], epsilon=radius * share, norm="l2", steps=20)
            assert (logits_at(model, moved).argmax(1)[0] != own) == changes


def test_each_sample_may_be_searched_as_far_as_it_needs():
    model, X = case("mlp", {"hidden": (12,)})
    ends = np.linspace(0.05, 6, N)
    each = boundary.pgd_distance(model, X, t_max=ends)
    alone = [boundary.pgd_distance(model, x[None], t_max=end)[0] for x, end in zip(X, ends, strict=True)]
    np.testing.assert_allclose(each, alone, rtol=1e-9)
    assert (each[np.isfinite(each)] <= ends[np.isfinite(each)]).all() and np.isinf(each).any()
    u = np.random.default_rng(2).standard_normal(X.shape)
    each = boundary.boundary_distance_along(model, X, u, t_max=ends)
    alone = [
        boundary.boundary_distance_along(model, x[None], v[None], t_max=end)[0]
        for x, v, end in zip(X, u, ends, strict=True)
    ]
    np.testing.assert_allclose(each, alone, rtol=1e-9)


def test_where_the_probability_is_rounded_to_1_pgd_finds_nothing_and_deepfool_does():
    model = nn.Linear(1, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        model.bias.zero_()
    X = [[1.0], [40.0]]  # logits 80 apart: the slope of the loss is 0
    found = boundary.pgd_distance(model, X, t_max=100)
    assert found[0] == pytest.approx(1, abs=0.01) and np.isinf(found[1])
    assert boundary.deepfool(model, X).distance[1] == pytest.approx(1.02 * 40)
    assert boundary.certified_radius_network(model, X).radius[1] == pytest.approx(40)


def test_the_line_to_the_nearest_sample_called_otherwise_meets_a_boundary():
    X = [[0.0, 0], [1, 0], [4, 0], [0, 2]]
    other = boundary.nearest_other_call(X, [0, 0, 1, 1], X, [0, 0, 1, 1])
    np.testing.assert_array_equal(other.index, [3, 3, 1, 0])
    np.testing.assert_allclose(other.distance, [2, 5**0.5, 3, 2])
    alone = boundary.nearest_other_call(X, [0] * 4, X, [0] * 4)
    assert (alone.index == -1).all() and np.isinf(alone.distance).all()
    model, X = case("mlp", {"hidden": (12, 9)})
    calls = logits_at(model, X).argmax(1)
    assert len(set(calls)) > 1
    found = found_by_each(model, X)["line"]
    ends = boundary.nearest_other_call(X, calls, X, calls).distance
    assert (found <= ends).all()  # the sample there is called otherwise
    assert np.isinf(boundary.distance_to_other_call(model, X[:1], X[:1])).all()


def test_the_lipschitz_bound_is_a_product_of_spectral_norms_and_bounds_every_slope():
    W1, W2 = [[3.0, 0], [0, 4]], [[1.0, 1], [0, 0]]
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor(W1))
        net[2].weight.copy_(torch.tensor(W2))
    assert boundary.lipschitz_bound(net) == pytest.approx(4 * 2**0.5)
    for name, options, _ in MODELS[:3]:
        model, X = case(name, options)
        slopes = torch.func.vmap(torch.func.jacrev(lambda x, m=model: m(x[None])[0]))(torch.from_numpy(X))
        steepest = torch.linalg.matrix_norm(slopes, 2).max().item()
        assert steepest <= boundary.lipschitz_bound(model) * (1 + 1e-12)
    # N1 at (1, .5): logits 1.5 apart
    L = boundary.lipschitz_bound(n1())
    W = [n1()[i].weight.detach().numpy() for i in (0, 2)]
    assert pytest.approx(np.prod([np.sqrt(np.linalg.eigvalsh(w.T @ w)[-1]) for w in W])) == L
    proved = boundary.certified_radius_network(n1(), [[1.0, 0.5]])
    assert proved.radius[0] == pytest.approx(1.5 / (2**0.5 * L)) and proved.lipschitz == L


def test_a_network_that_no_input_moves_is_certified_everywhere():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    nn.init.zeros_(net[2].weight)
    assert np.isinf(boundary.certified_radius_network(net, [[1.0, 0.5]]).radius[0])
    nn.init.zeros_(net[2].bias)  # all logits level: any other class is as good
    assert boundary.certified_radius_network(net, [[1.0, 0.5]]).radius[0] == 0


def test_a_bias_moves_the_bumps_certificate_as_it_moves_the_scores():
    P, coef, X = [[0.0, 0], [4, 0]], np.eye(2), [[1.0, 0]]
    plain, less = (boundary.certified_radius_rbf(P, coef, 0.5, X, bias=b) for b in (None, [-0.1, 0]))
    np.testing.assert_allclose(
        boundary.rbf_scores(P, coef, 0.5, X, bias=[-0.1, 0]),
        boundary.rbf_scores(P, coef, 0.5, X) - [[0.1, 0]],
    )
    steepest = np.sqrt(2 * 0.5) * np.exp(-0.5)
    assert plain.radius[0] - less.radius[0] == pytest.approx(0.1 / (2 * steepest))


def test_certifying_leaves_a_float32_model_as_it_was():
    model = copy.deepcopy(case("mlp", {"hidden": (12,)})[0]).float().train()
    boundary.certified_radius_network(model, np.zeros((2, D)))
    assert model.training and next(model.parameters()).dtype is torch.float32


AT = [[1.0, 0.5]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boundary.pgd_distance(n1(), AT, t_max=0), InputError, "t_max must be > 0"),
        (lambda: boundary.pgd_distance(n1(), AT, t_max=[1, 2]), ShapeError, "t_max must be a number or"),
        (lambda: boundary.pgd_distance(n1(), AT, steps=0), InputError, "steps must be"),
        (lambda: boundary.pgd_distance(n1(), AT, n_scan=0), InputError, "n_scan must be"),
        (lambda: boundary.pgd_distance(n1(), AT, n_bisect=0.5), InputError, "n_bisect must be"),
        (lambda: boundary.pgd_distance(lambda x: x, AT), InputError, "model must be a torch"),
        (lambda: boundary.nearest_other_call(AT, [0], [[1.0]], [1]), ShapeError, "pool must have the 2"),
        (lambda: boundary.nearest_other_call(AT, [0, 1], AT, [1]), ShapeError, "calls and pool_calls"),
        (lambda: boundary.nearest_other_call(AT, [-1], AT, [1]), InputError, "calls must be integers"),
        (lambda: boundary.lipschitz_bound(create(Spec("rbf", {}), 2, 2)), InputError, "model must be linear"),
        (
            lambda: boundary.certified_radius_network(nn.Conv1d(1, 1, 1), AT),
            InputError,
            "a Conv1d nothing",
        ),
        (lambda: boundary.certified_radius_network(n1(), [[1.0]]), ShapeError, "X must have 2 features"),
        (lambda: boundary.certified_radius_network(nn.Linear(2, 1), AT), InputError, "one output"),
        (lambda: boundary.rbf_scores(AT, [[1]], 1.0, AT, bias=[1, 2]), ShapeError, "bias has length 2"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
