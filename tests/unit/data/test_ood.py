"""Samples from outside the classes: what each set promises, and that it is the same everywhere."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from clsviz import data
from clsviz.data.ood import MOST_ROWS, OUTSIDE, normals, outside, uniforms
from clsviz.errors import InputError, UnknownName


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def moons():
    return data.moons()


@pytest.mark.parametrize("name", list(OUTSIDE))
def test_a_set_is_a_pure_function_of_dataset_size_and_seed(digits, name):
    X = digits.X.copy()
    first, again = outside(digits, name, 50, seed=3), outside(digits, name, 50, seed=3)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32 and first.shape == (50, 64)
    np.testing.assert_array_equal(digits.X, X)
    other = outside(digits, name, 50, seed=4)
    assert (first == other).all() == (name in ("quarter", "half", "mirror"))


def test_the_draws_are_uniform_and_normal_and_seeds_have_nothing_to_do_with_each_other():
    assert stats.kstest(uniforms(0, 20_000), "uniform").pvalue > 0.01
    assert stats.kstest(normals(1, 20_000), "norm").pvalue > 0.01
    u = uniforms(3, 20_000)
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.03
    assert abs(np.corrcoef(uniforms(0, 20_000), uniforms(1, 20_000))[0, 1]) < 0.03


def test_the_hash_gives_the_numbers_that_were_worked_out_by_hand():
    def mixed(x):
        x = ((x ^ (x >> 16)) * 0x21F0AAAD) % 2**32
        x = ((x ^ (x >> 15)) * 0x735A2D97) % 2**32
        return x ^ (x >> 15)

    start = mixed(7 ^ 0x9E3779B9)
    expected = [(mixed((i * 0x9E3779B1 + start) % 2**32) + 0.5) / 2**32 for i in range(5)]
    assert uniforms(7, 5).tolist() == expected


def test_uniform_noise_fills_the_box_of_the_training_part_and_grows_with_its_strength(moons):
    low, high = moons.X[moons.train].min(0), moons.X[moons.train].max(0)
    inside = outside(moons, "uniform")
    assert inside.shape == (MOST_ROWS, 2)
    assert (inside >= low).all() and (inside <= high).all()
    middle = (low + high) / 2
    far = outside(moons, "uniform", strength=3.0)
    np.testing.assert_allclose(far - middle, 3 * (inside - middle), rtol=1e-4, atol=1e-5)
    assert np.ptp(far, axis=0) == pytest.approx(3 * (high - low), rel=0.05)


def test_noise_of_strength_zero_gives_the_samples_back_and_else_has_the_spread_it_says(digits):
    rows = digits.validation[np.arange(300) * len(digits.validation) // 300]
    np.testing.assert_array_equal(outside(digits, "gaussian", strength=0.0), digits.X[rows])
    noise = outside(digits, "gaussian", strength=0.5) - digits.X[rows]
    assert noise.std() / digits.X[digits.train].std() == pytest.approx(0.5, rel=0.02)
    wine = data.wine()
    noise = outside(wine, "gaussian", strength=2.0) - wine.X[wine.validation]
    spread = noise.std(0) / wine.X[wine.train].std(0)
    np.testing.assert_allclose(spread, 2, rtol=0.4)


def test_shuffling_keeps_every_feature_and_breaks_what_holds_them_together():
    iris = data.iris()
    base, shuffled = iris.X[iris.validation], outside(iris, "shuffled")
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(base, axis=0))
    assert abs(np.corrcoef(base[:, 2:].T)[0, 1]) > 0.9
    assert abs(np.corrcoef(shuffled[:, 2:].T)[0, 1]) < 0.5


def test_images_are_turned_and_mirrored(digits):
    image = digits.X[digits.validation[0]].reshape(8, 8)
    for turn, moved in [
        ("quarter", np.rot90(image)),
        ("half", image[::-1, ::-1]),
        ("mirror", image[:, ::-1]),
    ]:
        np.testing.assert_array_equal(outside(digits, turn)[0].reshape(8, 8), moved)


def test_what_data_do_not_have_is_refused_by_name(moons, digits):
    with pytest.raises(UnknownName, match=r"no set 'quarter'; it has \['uniform', 'gaussian', 'shuffled'\]"):
        outside(moons, "quarter")
    with pytest.raises(InputError, match="no images"):
        data.ood_turned(moons)
    with pytest.raises(InputError, match="turn must be one of"):
        data.ood_turned(digits, turn="twice")
    with pytest.raises(InputError, match="n must be at least 1"):
        data.ood_uniform(moons, 0)
    with pytest.raises(InputError, match="strength must be a finite number"):
        data.ood_gaussian(moons, strength=-1)
    bare = replace(moons, X=np.zeros((len(moons.y), 0), np.float32), feature_names=())
    with pytest.raises(InputError, match="no features"):
        data.ood_uniform(bare)
    wide = replace(digits, image_shape=(4, 16))
    with pytest.raises(InputError, match="square"):
        data.ood_turned(wide)
    nobody = replace(moons, validation=np.zeros(0, np.int64))
    with pytest.raises(InputError, match="no validation part"):
        data.ood_shuffled(nobody)
