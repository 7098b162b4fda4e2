import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from clsviz import data
from clsviz.catalogue.spec import OBJECTS, REGISTRY
from clsviz.errors import InputError, ShapeError


def test_noise_matrices_are_those_of_the_contract():
    np.testing.assert_allclose(
        data.noise_matrix("symmetric", 0.3, 4), np.full((4, 4), 0.1) + 0.6 * np.eye(4), atol=1e-15
    )
    np.testing.assert_allclose(
        data.noise_matrix("pair", 0.3, 3), [[0.7, 0.3, 0], [0, 0.7, 0.3], [0.3, 0, 0.7]], atol=1e-15
    )
    assert data.noise_matrix("pair", 0.3, 1).tolist() == [[1.0]]
    for kind in ("symmetric", "pair"):
        assert np.array_equal(data.noise_matrix(kind, 0, 5), np.eye(5))


def test_label_noise_gives_the_public_vector():
    y = [0, 0, 1, 1, 2, 2]
    noisy = data.label_noise(y, data.noise_matrix("symmetric", 0.5, 3), seed=1)
    assert noisy.y.tolist() == [1, 2, 0, 2, 1, 1]
    assert noisy.flipped.tolist() == [True] * 6
    tensors = data.label_noise(torch.tensor(y), torch.tensor(data.noise_matrix("symmetric", 0.5, 3)), seed=1)
    assert np.array_equal(tensors.y, noisy.y)


def test_label_noise_reaches_its_rate_and_certain_rows_are_certain():
    y = np.repeat(np.arange(4), 5000)
    noisy = data.label_noise(y, data.noise_matrix("pair", 0.25, 4), seed=0)
    assert noisy.flipped.mean() == pytest.approx(0.25, abs=0.01)
    assert np.array_equal(noisy.y[noisy.flipped], (y[noisy.flipped] + 1) % 4)
    assert not data.label_noise(y, np.eye(4)).flipped.any()
    assert data.label_noise(y, np.roll(np.eye(4), 1, axis=1)).flipped.all()


def test_long_tail_counts_give_the_public_vectors():
    assert data.long_tail_counts(100, 5, factor=10).tolist() == [100, 56, 31, 17, 10]
    assert data.long_tail_counts(100, 5, factor=10, profile="step").tolist() == [100, 100, 100, 10, 10]
    assert data.long_tail_counts(500, 10)[[0, -1]].tolist() == [500, 5]
    assert data.long_tail_counts(7, 1).tolist() == data.long_tail_counts(7, 1, profile="step").tolist() == [7]
    assert data.long_tail_counts(3, 4, factor=1e6).tolist() == [3, 1, 1, 1]
    assert data.long_tail_counts(9, 3, factor=1).tolist() == [9, 9, 9]


def test_subsample_counts_takes_the_first_of_each_permutation():
    y = np.array([1, 0, 1, 0, 1, 0, 2])
    rng = np.random.default_rng(4)
    zeros, ones = rng.permutation([1, 3, 5]), rng.permutation([0, 2, 4])
    assert data.subsample_counts(y, [2, 1, 0], seed=4).tolist() == sorted([*zeros[:2], ones[0]])
    assert data.subsample_counts(y, [3, 3, 1]).tolist() == list(range(7))


def test_zipf_frequencies_give_the_public_vector():
    np.testing.assert_allclose(data.zipf_frequencies(5, exponent=1.5)[:2], [0.568038, 0.200832], atol=5e-7)
    np.testing.assert_allclose(data.zipf_frequencies(4, exponent=0), 0.25)
    assert data.zipf_frequencies(100, exponent=-500).sum() == pytest.approx(1)


def test_undersample_gives_the_public_vector_and_keeps_the_share_asked_for():
    y = [0, 0, 0, 0, 0, 1, 1]
    assert data.undersample(y, 1, percent=100, seed=0).tolist() == [2, 4, 5, 6]
    assert len(data.undersample(y, 1, percent=200)) == 3
    assert data.undersample(y, 1, percent=1e-300).tolist() == list(range(7))
    assert data.undersample(y, 1, percent=1000).tolist() == [5, 6]
    assert data.undersample([0, 2, 1, 1], 1, percent=100).tolist() == [0, 1, 2, 3]


def test_roc_hull_gives_the_public_vector_and_its_edges():
    hull = data.roc_hull([0.2, 0.5], [0.6, 0.7])
    assert list(zip(hull.fpr, hull.tpr, strict=True)) == [(0, 0), (0.2, 0.6), (1, 1)]
    assert hull.auc == pytest.approx(0.7)
    steep = data.roc_hull([0, 0, 0.3, 1], [0.2, 0.5, 0.65, 0.9])
    assert list(zip(steep.fpr, steep.tpr, strict=True)) == [(0, 0), (0, 0.5), (1, 1)]
    assert data.roc_hull([0.5], [0.2]).auc == 0.5
    assert data.roc_hull([0], [1]).auc == 1


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=30))
def test_roc_hull_is_the_upper_hull_that_scipy_finds(points):
    x, y = np.array(points).T / 20
    hull = data.roc_hull(x, y)
    corners = np.vstack([np.column_stack([x, y]), [[0, 0], [1, 1], [1, 0]]])
    assert hull.auc == pytest.approx(ConvexHull(corners).volume, abs=1e-9)
    assert (np.interp(x, hull.fpr, hull.tpr)[x > 0] >= y[x > 0] - 1e-9).all()
    assert (hull.fpr[0], hull.tpr[0], hull.fpr[-1], hull.tpr[-1]) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.noise_matrix("uniform", 0.1, 3), InputError, "kind must be one of"),
        (lambda: data.noise_matrix("symmetric", 1.1, 3), InputError, "rate must be"),
        (lambda: data.noise_matrix("symmetric", float("nan"), 3), InputError, "rate must be"),
        (lambda: data.noise_matrix("symmetric", 0.1, 1), InputError, "n_classes must be at least 2"),
        (lambda: data.label_noise([], np.eye(2)), ShapeError, "y is empty"),
        (lambda: data.label_noise([0, 2], np.eye(2)), InputError, r"y must lie in \[0, 2\)"),
        (lambda: data.label_noise([0.5], np.eye(2)), InputError, "y must be whole"),
        (lambda: data.label_noise([0], [[1.0, 0.0]]), ShapeError, "transition must be"),
        (lambda: data.label_noise([0], [[0.5, 0.4], [0, 1]]), InputError, "transition must be >= 0"),
        (lambda: data.label_noise([0], [[1.5, -0.5], [0, 1]]), InputError, "transition must be >= 0"),
        (lambda: data.long_tail_counts(0, 3), InputError, "n_max must be at least 1"),
        (lambda: data.long_tail_counts(5, 3, factor=0.5), InputError, "factor must be"),
        (lambda: data.long_tail_counts(5, 3, profile="linear"), InputError, "profile must be one of"),
        (lambda: data.subsample_counts([0, 1], [2, 1]), InputError, r"counts\[0\] is 2, but class 0 has 1"),
        (lambda: data.subsample_counts([0, 1], [-1, 1]), InputError, r"counts\[0\]"),
        (lambda: data.subsample_counts([0, 1], [1]), InputError, "y must lie in"),
        (lambda: data.zipf_frequencies(0), InputError, "n must be at least 1"),
        (lambda: data.zipf_frequencies(3, exponent=float("inf")), InputError, "exponent must be"),
        (lambda: data.undersample([0, 1], 2), InputError, "minority is class 2"),
        (lambda: data.undersample([0, 1], 1, percent=0), InputError, "percent must be above 0"),
        (lambda: data.roc_hull([0.1], [0.1, 0.2]), ShapeError, "of one length"),
        (lambda: data.roc_hull([1.1], [0.1]), InputError, "fpr must lie in"),
        (lambda: data.roc_hull([0.1], [-0.1]), InputError, "tpr must lie in"),
        (lambda: data.with_label_noise(data.iris(), rate=2), InputError, "rate must be"),
        (lambda: data.with_imbalance(data.iris(), factor=0), InputError, "factor must be"),
        (lambda: data.with_shift(data.iris(), angle=10), InputError, "angle turns 2-D data, but iris"),
        (lambda: data.with_shift(data.iris(), down=1), InputError, "right and down move images, but iris"),
        (lambda: data.with_shift(data.digits(), right=0.5), InputError, "right must be a whole number"),
        (lambda: data.with_shift(data.digits(), noise=-1), InputError, "noise must be"),
    ],
)
def test_wrong_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_with_label_noise_spoils_training_labels_only_and_keeps_the_truth():
    clean = data.digits()
    noisy = data.with_label_noise(clean, rate=0.4, seed=2)
    wrong = noisy.y != noisy.y_clean
    assert wrong[noisy.train].mean() == pytest.approx(0.4, abs=0.05)
    assert not wrong[noisy.validation].any()
    assert np.array_equal(noisy.y_clean, clean.y) and np.array_equal(clean.y, clean.y_clean)
    pair = data.with_label_noise(noisy, kind="pair", rate=1.0)
    assert np.array_equal(pair.y[pair.train], (noisy.y[noisy.train] + 1) % 10)
    assert np.array_equal(pair.y_clean, clean.y)


@pytest.mark.parametrize("profile", ["exp", "step"])
def test_with_imbalance_thins_the_training_part_to_the_profile(profile):
    full = data.digits()
    thin = data.with_imbalance(full, factor=10, profile=profile)
    counts, there = np.bincount(thin.y[thin.train]), np.bincount(full.y[full.train])
    assert np.array_equal(counts, data.long_tail_counts(counts[0], 10, factor=10, profile=profile))
    assert (counts == there).any(), "no sample more could have been kept"
    assert set(thin.train) <= set(full.train) and np.array_equal(thin.validation, full.validation)
    same = data.with_imbalance(full, factor=1)
    assert len(set(np.bincount(same.y[same.train]))) == 1


def test_with_imbalance_leaves_absent_classes_absent():
    thin = data.with_imbalance(
        data.from_arrays(np.arange(20)[:, None], [0, 2] * 10, class_names="abc"), factor=2
    )
    assert np.bincount(thin.y[thin.train], minlength=3).tolist() == [6, 0, 3]


def test_with_shift_turns_the_plane_about_the_training_mean():
    moons = data.moons()
    turned = data.with_shift(moons, angle=90)
    centre = moons.X[moons.train].mean(0)
    before, after = moons.X[moons.validation] - centre, turned.X[moons.validation] - centre
    np.testing.assert_allclose(after, np.stack([-before[:, 1], before[:, 0]], 1), atol=1e-5)
    assert np.array_equal(turned.X[moons.train], moons.X[moons.train]) and turned.bayes_error is None
    unmoved = data.with_shift(moons)
    assert np.array_equal(unmoved.X, moons.X) and unmoved.bayes_error == moons.bayes_error


def test_with_shift_moves_images_and_lets_zeros_in():
    digits = data.digits()
    moved = data.with_shift(digits, right=2, down=-1)
    before, after = (d.X[d.validation].reshape(-1, 8, 8) for d in (digits, moved))
    assert np.array_equal(after[:, :7, 2:], before[:, 1:, :6])
    assert not after[:, 7].any() and not after[:, :, :2].any()
    assert not data.with_shift(digits, right=8).X[digits.validation].any()


def test_with_shift_adds_noise_in_units_of_each_feature():
    wine = data.wine()
    noise = data.with_shift(wine, noise=0.5, seed=1).X - wine.X
    spread = noise[wine.validation].std(0) / wine.X[wine.train].std(0)
    np.testing.assert_allclose(spread, 0.5, rtol=0.3)
    assert not noise[wine.train].any()


def test_transforms_are_in_the_catalogue_and_say_what_they_take():
    entries = {m.name: m for m in REGISTRY.values() if m.kind == "transform" and m.family == "data"}
    assert {name for name, m in entries.items() if m.needs == ("dataset",)} == {
        "with_label_noise", "with_imbalance", "with_shift"
    }  # fmt: skip
    for name, m in entries.items():
        assert m.paper and m.summary
        for p in m.params:
            assert p.range is None or p.range.low <= p.default <= p.range.high
        if m.needs == ("dataset",):
            assert OBJECTS[m.id](data.digits(), **m.defaults()).n_classes == 10, name
