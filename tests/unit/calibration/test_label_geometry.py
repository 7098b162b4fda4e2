"""Loki: the label with the least expected distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz.calibration import loki_predict
from clsviz.errors import InputError, ShapeError

PATH = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))


def test_the_middle_of_a_path_is_predicted_though_nothing_is_there():
    assert loki_predict([[0.5, 0, 0.5]], PATH).tolist() == [1]


def test_labels_that_were_never_observed_can_be_predicted():
    assert loki_predict([[0.5, 0.5], [0.9, 0.1]], PATH, observed=[0, 2]).tolist() == [1, 0]


def test_a_power_of_one_takes_the_median_and_two_the_mean():
    line = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    p = [[0.6, 0, 0, 0, 0.4]]
    assert loki_predict(p, line, power=1).tolist() == [0]
    assert loki_predict(p, line).tolist() == [2]


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(2, 6),
    rows=st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5),
    power=st.sampled_from([0.5, 1, 2, 3]),
)
def test_equal_distances_give_the_largest_probability_and_ties_the_lowest_label(k, rows, power):
    counts = np.array(rows, dtype=float)[:, :k] + 1
    p = counts / counts.sum(1, keepdims=True)
    assert loki_predict(p, 1 - np.eye(k), power=power).tolist() == counts.argmax(1).tolist()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 4), extra=st.integers(0, 3))
def test_it_is_the_least_of_all_labels_by_enumeration(seed, k, extra):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(k + extra, 2))
    d = np.linalg.norm(places[:, None] - places, axis=2)
    observed = rng.permutation(k + extra)[:k]
    logits = rng.normal(size=(7, k))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = [
        min(range(k + extra), key=lambda y: sum(row[j] * d[y, observed[j]] ** 2 for j in range(k)))
        for row in p
    ]
    found = loki_predict(logits, d, kind="logits", observed=observed)
    assert found.dtype == np.int64 and found.tolist() == expected


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        (([[0.5, 0.5]], [[0, 1]]), {}, ShapeError, r"distance must be \(L, L\)"),
        (([[0.5, 0.5]], [[0, -1], [1, 0]]), {}, InputError, "distance must be >= 0"),
        (([[0.5, 0.5]], [[0, np.inf], [1, 0]]), {}, InputError, "distance holds NaN"),
        (([[0.5, 0.2, 0.3]], [[0, 1], [1, 0]]), {}, InputError, "fewer than the 3 columns"),
        (([[0.5, 0.5]], PATH), {"observed": [0, 3]}, InputError, "observed must be in 0..2"),
        (([[0.5, 0.5]], PATH), {"observed": [0]}, ShapeError, "observed must be"),
        (([[0.5, 0.5]], PATH), {"power": 0}, InputError, "power must be > 0"),
        (([[0.5, 0.7]], PATH), {}, InputError, "rows of x must sum to 1"),
        (([[0.5, 0.5]], PATH), {"kind": "scores"}, InputError, "kind must be one of"),
    ],
)
def test_bad_input_is_named(args, options, error, message):
    with pytest.raises(error, match=message):
        loki_predict(*args, **options)
