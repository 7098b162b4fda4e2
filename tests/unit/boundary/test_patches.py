"""The strongest square is where the mean is largest, the upper left one among equals."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from clsviz.boundary import strongest_patch
from clsviz.errors import InputError, ShapeError


def test_by_hand():
    found = strongest_patch([[9.0, 0, 0], [0, 3, 4], [0, 5, 6]])
    assert (found.row, found.column, found.mean) == (1, 1, 4.5)
    assert found.mask.tolist() == [[False] * 3, [False, True, True], [False, True, True]]
    assert strongest_patch([[9.0, 0, 0], [0, 3, 4], [0, 5, 6]], size=1)[:2] == (0, 0)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_it_is_the_maximum_of_a_moving_average(size):
    weights = np.random.default_rng(size).standard_normal((9, 12))
    inner = slice(size // 2, -(size // 2) or None)
    averages = uniform_filter(weights, size, mode="constant")[inner, inner]
    found = strongest_patch(weights, size=size)
    assert (found.row, found.column) == np.unravel_index(averages.argmax(), averages.shape)
    assert found.mean == pytest.approx(averages.max()) == weights[found.mask].mean()


def test_among_equals_it_is_the_upper_left_one():
    assert strongest_patch(np.ones((4, 5)), size=2)[:2] == (0, 0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="size must be at most 2"):
        strongest_patch(np.ones((2, 5)), size=3)
    with pytest.raises(InputError, match="size must be an integer >= 1"):
        strongest_patch(np.ones((2, 5)), size=0)
    with pytest.raises(ShapeError, match="attribution must have 2 dimension"):
        strongest_patch(np.ones(4))
