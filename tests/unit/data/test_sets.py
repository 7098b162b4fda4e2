import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from clsviz import data
from clsviz.catalogue import Spec
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError, UnknownName

TABLES = {"digits": (1797, 64, 10), "iris": (150, 4, 3), "wine": (178, 13, 3), "breast_cancer": (569, 30, 2)}
TOYS = ("moons", "circles", "spirals", "blobs", "xor", "gaussians")


def test_the_sets_are_those_promised():
    assert data.names() == [
        *TABLES,
        *TOYS,
        "tilted",
        "discs",
        "wave",
        "ordinal",
        "one_digit",
        "shortcut",
        "two_domains",
    ]


@pytest.mark.parametrize("name", [*TABLES, *TOYS])
def test_every_set_is_whole_stratified_and_the_same_each_time(name):
    one, two = data.load(name), data.load(Spec(name))
    assert one.X.dtype == np.float32 and one.y.dtype == np.int64 and np.isfinite(one.X).all()
    assert np.array_equal(one.X, two.X) and np.array_equal(one.train, two.train)
    assert np.array_equal(np.sort(np.concatenate([one.train, one.validation])), np.arange(len(one.X)))
    assert (np.diff(one.train) > 0).all() and (np.diff(one.validation) > 0).all()
    assert len(one.feature_names) == one.n_features and all(type(n) is str for n in one.class_names)
    share = np.bincount(one.y[one.validation], minlength=one.n_classes) / np.bincount(one.y)
    assert np.abs(share - 0.4).max() < 0.02
    assert not np.array_equal(one.train, data.load(Spec(name, {"seed": 1})).train)


def test_tables_are_those_of_scikit_learn():
    for name, (n, d, k) in TABLES.items():
        assert data.load(name).X.shape == (n, d) and data.load(name).n_classes == k
    digits = data.digits()
    assert digits.image_shape == (8, 8) and digits.class_names == tuple("0123456789")
    np.testing.assert_array_equal(digits.X * 16, load_digits().data)
    wine, raw = data.wine(), load_wine().data
    np.testing.assert_allclose(wine.X, StandardScaler().fit(raw[wine.train]).transform(raw), atol=1e-5)


@pytest.mark.parametrize("name", TOYS)
def test_toys_obey_their_sliders_at_both_ends(name):
    entry = REGISTRY[f"data.{name}"]
    for p in entry.params:
        if p.range is None:
            continue
        assert p.range.low <= p.default <= p.range.high
        for value in (p.range.low, p.range.high):
            value = int(value) if isinstance(p.default, int) else value
            toy = data.load(Spec(name, {"n": 60} | {p.name: value}))
            assert toy.X.shape == (value if p.name == "n" else 60, 2)
            assert 0 <= toy.bayes_error <= 1 - 1 / toy.n_classes + 1e-9


@pytest.mark.parametrize("name", TOYS)
def test_the_bayes_rule_of_a_toy_errs_as_often_as_said(name):
    params = {"n": 20_000} | ({} if name == "gaussians" else {"noise": 0.3})
    toy = data.load(Spec(name, params))
    bayes = data.toy_mixture(Spec(name, params)).posterior(toy.X).posterior
    error = (bayes.argmax(1) != toy.y).mean()
    assert error == pytest.approx(toy.bayes_error, abs=0.01)
    assert 1 - bayes.max(1).mean() == pytest.approx(toy.bayes_error, abs=0.01)


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.5, 5.0])
def test_two_round_gaussians_have_the_closed_form_bayes_error(separation):
    toy = data.gaussians(n=20, separation=separation, stretch=1.0)
    assert toy.bayes_error == pytest.approx(norm.cdf(-separation / 2), abs=1e-3)


def test_two_blobs_have_the_closed_form_bayes_error():
    assert data.blobs(n_classes=2, noise=1.5).bayes_error == pytest.approx(norm.cdf(-2 / 1.5), abs=1e-3)


def test_curves_without_noise_lie_on_their_curves_and_have_no_error():
    circles = data.circles(noise=0.0, factor=0.3)
    radius = np.linalg.norm(circles.X, axis=1)
    np.testing.assert_allclose(radius, np.where(circles.y == 0, 1.0, 0.3), atol=1e-6)
    assert (
        circles.bayes_error == data.moons(noise=0.0).bayes_error == data.spirals(noise=0.0).bayes_error == 0
    )


def test_posterior_and_density_agree_with_scipy():
    rng = np.random.default_rng(3)
    means, owner = rng.normal(size=(4, 3)), [0, 2, 0, 2]
    roots = rng.normal(size=(4, 3, 3)) + 2 * np.eye(3)
    covariances, weights = roots @ roots.swapaxes(1, 2), np.array([0.1, 0.2, 0.3, 0.4])
    X = 3 * rng.normal(size=(50, 3))
    got = data.gaussian_mixture_posterior(X, means, covariances, weights, owner, 4)
    joint = np.stack(
        [w * multivariate_normal(m, c).pdf(X) for w, m, c in zip(weights, means, covariances, strict=True)], 1
    )
    total = joint.sum(1)
    np.testing.assert_allclose(got.log_density, np.log(total), rtol=1e-10)
    np.testing.assert_allclose(got.posterior[:, 0], joint[:, [0, 2]].sum(1) / total, rtol=1e-9)
    assert (got.posterior[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(got.posterior.sum(1), 1, rtol=1e-12)


def test_posterior_stays_finite_far_away_and_with_a_weight_of_zero():
    got = data.gaussian_mixture_posterior(
        [[1e4, 0.0]], [[0, 0], [1, 0]], [np.eye(2)] * 2, [0.0, 1.0], [0, 1], 2
    )
    assert got.posterior.tolist() == [[0.0, 1.0]] and np.isfinite(got.log_density).all()


EYES = [np.eye(2)] * 2


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"X": [[0, 0, 0]]}, ShapeError, "X must be"),
        ({"X": [[0, np.nan]]}, InputError, "X has 1 NaN"),
        ({"X": np.empty((0, 2))}, ShapeError, "X is empty"),
        ({"covariances": np.eye(2)}, ShapeError, "covariances must be"),
        ({"covariances": [np.eye(2), -np.eye(2)]}, InputError, "positive definite"),
        ({"covariances": [np.eye(2), [[1, 0.5], [0, 1]]]}, InputError, "symmetric"),
        ({"weights": [0.5, 0.6]}, InputError, "weights must be"),
        ({"weights": [1.0]}, ShapeError, "weights must be"),
        ({"component_class": [0, 2]}, InputError, "component_class must lie in"),
        ({"n_classes": 0}, InputError, "n_classes must be at least 1"),
    ],
)
def test_posterior_names_what_is_wrong(changes, error, message):
    good = {
        "X": [[0, 0]], "means": [[0, 0], [1, 1]], "covariances": EYES, "weights": [0.5, 0.5],
        "component_class": [0, 1], "n_classes": 2,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        data.gaussian_mixture_posterior(**(good | changes))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.moons(n=3), "n must be at least 4"),
        (lambda: data.moons(noise=-0.1), "noise must be"),
        (lambda: data.moons(noise="loud"), "noise must be a number"),
        (lambda: data.circles(factor=1.0), "factor must lie"),
        (lambda: data.spirals(n_classes=1), "n_classes must be at least 2"),
        (lambda: data.spirals(n=40.5), "n must be a whole number"),
        (lambda: data.blobs(noise=0.0), "noise must be above 0"),
        (lambda: data.xor(noise=0.0), "noise must be above 0"),
        (lambda: data.gaussians(stretch=0.5), "stretch must be"),
        (lambda: data.iris(validation=0.0), "validation must lie"),
        (lambda: data.toy_mixture(Spec("moons", {"noise": 0})), "no density"),
        (lambda: data.toy_mixture(Spec("moons", {"loudness": 0})), "no parameter"),
        (lambda: data.toy_mixture(Spec("blobs", {"n_classes": 0})), "n_classes"),
        (lambda: data.load(Spec("moons", {"loudness": 1})), r"moons has no parameter \['loudness'\]"),
        (lambda: data.load(3), "data must be one of"),
        (lambda: data.load(([1], [2], [3])), "pair"),
    ],
)
def test_wrong_parameters_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_unknown_names_list_those_there_are():
    with pytest.raises(UnknownName, match=r"'mnist'; there are .*'digits'"):
        data.load("mnist")
    with pytest.raises(UnknownName, match=r"'digits'; there are .*'moons'"):
        data.toy_mixture("digits")


def test_load_takes_specs_ids_arrays_and_datasets():
    assert data.load("data.iris").name == "iris"
    assert data.load({"name": "moons", "params": {"n": 50}}).X.shape == (50, 2)
    assert data.load(([[0], [1], [2], [3]], list("abab"))).class_names == ("a", "b")
    iris = data.iris()
    assert data.load(iris) is iris


@settings(max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=60), st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_split_is_disjoint_whole_and_keeps_each_class_in_both_parts(y, share, seed):
    y = np.array(y)
    if np.bincount(y).max() < 2:
        with pytest.raises(InputError, match="no class with two samples"):
            data.stratified_split(y)
        return
    train, held = data.stratified_split(y, validation=share, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([train, held])), np.arange(len(y)))
    for k in np.unique(y):
        n, kept = (y == k).sum(), (y[held] == k).sum()
        assert (y[train] == k).any() and (n < 2 or kept >= 1)
        assert abs(kept - share * n) <= 1


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_tables_are_standardised_by_their_training_part(name):
    dataset = data.load(name)
    train = dataset.X[dataset.train].astype(np.float64)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-5)
    assert not any("(" in feature for feature in dataset.feature_names)


def test_standardising_leaves_a_constant_feature_at_zero():
    X = np.array([[1.0, 5], [2, 5], [3, 5], [4, 5], [5, 5], [6, 5]])
    dataset = data.standardised(data.from_arrays(X, [0, 1, 0, 1, 0, 1]))
    assert (dataset.X[:, 1] == 0).all() and np.isfinite(dataset.X).all()
