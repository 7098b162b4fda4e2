"""Sets with several labels, numbers and ordered classes, and what carries them along."""

import numpy as np
import pytest

from clsviz import data
from clsviz.catalogue import Spec
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError

SETS = ("discs", "wave", "ordinal")


@pytest.mark.parametrize("name", SETS)
def test_they_are_whole_and_the_same_each_time(name):
    one, two = data.load(name), data.load(name)
    assert one.X.dtype == np.float32 and one.y.dtype == np.int64 and one.X.shape[1] == 2
    np.testing.assert_array_equal(one.X, two.X)
    assert np.array_equal(np.sort(np.concatenate([one.train, one.validation])), np.arange(len(one.y)))
    assert len(np.unique(one.y)) == one.n_classes


@pytest.mark.parametrize("name", SETS)
def test_they_obey_their_sliders_at_both_ends(name):
    for p in REGISTRY[f"data.{name}"].params:
        for value in (p.range.low, p.range.high) if p.range else ():
            value = int(value) if isinstance(p.default, int) else value
            if name == "ordinal" and p.name == "rare" and value >= 0.25:
                continue  # four classes: the rarest has less than a quarter
            found = data.load(Spec(name, {"n": 100} | {p.name: value}))
            assert np.isfinite(found.X).all() and found.y.max() < found.n_classes


def test_a_disc_gives_its_label_to_the_samples_in_it():
    found = data.discs(noise=0.0, n_classes=3, radius=1.0)
    angle = 2 * np.pi * np.arange(3) / 3
    centres = np.stack([np.cos(angle), np.sin(angle)], 1)
    inside = np.linalg.norm(found.X[:, None] - centres, axis=2) < 1
    np.testing.assert_array_equal(found.label_sets, inside)
    assert (inside.sum(1) == 0).any() and (data.discs().label_sets.sum(1) > 1).any()


def test_a_wave_goes_up_and_down_and_its_class_is_its_bin():
    found = data.wave(noise=0.0, n_classes=6)
    np.testing.assert_allclose(found.values, 2.2 * np.sin(1.6 * found.X[:, 0]), atol=1e-5)
    np.testing.assert_array_equal(found.y, np.floor(found.values + 3))
    assert found.class_names[0] == "-2.50"


def test_ordered_classes_grow_rare_as_said():
    shares = np.bincount(data.ordinal(n=5000, turn=0.0, rare=0.05).y) / 5000
    assert (np.diff(shares) < 0).all() and shares[-1] == pytest.approx(0.05, abs=0.01)
    with pytest.raises(InputError, match="rare must lie between"):
        data.ordinal(rare=0.3)


def test_transforms_keep_label_sets_and_values():
    for found in (data.discs(), data.wave()):
        for changed in (
            data.with_label_noise(found, rate=0.3),
            data.with_imbalance(found, factor=3),
            data.standardised(found),
        ):
            assert changed.label_sets is found.label_sets and changed.values is found.values


def test_arrays_may_bring_them():
    X, y = np.arange(12.0).reshape(6, 2), [0, 1, 0, 1, 0, 1]
    sets = [[1, 0], [0, 1], [1, 1], [0, 1], [0, 0], [1, 1]]
    found = data.from_arrays(X, y, label_sets=sets, values=np.linspace(-1, 1, 6))
    assert found.label_sets.dtype == found.values.dtype == np.float32
    with pytest.raises(InputError, match="0 and 1 alone"):
        data.from_arrays(X, y, label_sets=np.full((6, 2), 0.5))
    with pytest.raises(ShapeError, match=r"label_sets must be \(6, 2\)"):
        data.from_arrays(X, y, label_sets=np.ones((6, 3)))
    with pytest.raises(ShapeError, match=r"values must be \(6,\)"):
        data.from_arrays(X, y, values=np.ones(5))
