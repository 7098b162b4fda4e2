"""What an update breaks, mends, and changes without need."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from clsviz.boundary import negative_flips
from clsviz.errors import InputError, ShapeError
from clsviz.widgets.comparison import compare_predictions

LABELS = [0, 1, 2, 0, 1, 2]
OLD = [0, 1, 0, 1, 2, 0]
NEW = [0, 2, 2, 2, 2, 1]


def test_six_samples_by_hand():
    found = negative_flips(OLD, NEW, LABELS)
    assert found.negative.tolist() == [1] and found.positive.tolist() == [2]
    assert found.inconsistent.tolist() == [3, 5]  # sample 4: both say 2, wrongly
    assert (found.negative_rate, found.positive_rate, found.inconsistent_rate) == (1 / 6, 1 / 6, 2 / 6)
    assert (found.accuracy_old, found.accuracy_new, found.regression) == (2 / 6, 2 / 6, 1 / 2)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60))
def test_flips_add_up_to_what_changed(rows):
    old, new, y = np.array(rows).T
    found = negative_flips(old, new, y)
    assert found.accuracy_old == pytest.approx(accuracy_score(y, old))
    assert found.accuracy_new - found.accuracy_old == pytest.approx(found.positive_rate - found.negative_rate)
    changed = found.negative_rate + found.positive_rate + found.inconsistent_rate
    assert changed == pytest.approx(np.mean(old != new))
    back = negative_flips(new, old, y)
    assert back.negative.tolist() == found.positive.tolist()
    assert back.inconsistent.tolist() == found.inconsistent.tolist()
    assert found.negative_rate <= min(found.accuracy_old, 1 - found.accuracy_new) + 1e-12


def test_scores_count_by_their_first_largest_and_agree_with_the_labs_comparison():
    rng = np.random.default_rng(0)
    old, new, y = rng.normal(size=(50, 4)).round(), rng.normal(size=(50, 4)).round(), rng.integers(0, 4, 50)
    found = negative_flips(old, new.argmax(1), y)
    shown = compare_predictions(old, new, y)
    assert found.negative.tolist() == shown.negative_flips.tolist()
    assert found.positive.tolist() == shown.positive_flips.tolist()


def test_an_old_version_that_was_never_right_has_nothing_to_lose():
    found = negative_flips([1, 1], [0, 1], [0, 0])
    assert found.negative_rate == 0 and np.isnan(found.regression)


@pytest.mark.parametrize(
    ("old", "new", "labels", "error", "words"),
    [
        ([], [], [], InputError, "labels: there are no samples"),
        ([0, 1], [0], [0, 1], ShapeError, "new: expected 2 samples"),
        ([[0, 1]], [0], [[1]], ShapeError, "labels: expected classes"),
        (np.zeros((2, 2, 2)), [0, 1], [0, 1], ShapeError, "old: expected classes"),
        ([0.5, 1], [0, 1], [0, 1], InputError, "old must be whole class numbers"),
        ([0, 1], [0, -1], [0, 1], InputError, "new must be whole class numbers"),
        ([[0, np.nan]], [0], [0], InputError, "old holds NaN"),
        ([[0, 1]], [0], [2], InputError, "labels must be below 2, the columns of old"),
    ],
)
def test_what_cannot_be_compared_is_refused(old, new, labels, error, words):
    with pytest.raises(error, match=words):
        negative_flips(old, new, np.array(labels, dtype=np.int64))
