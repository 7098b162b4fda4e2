"""Leaving by learnt gates is leaving at the first open one."""

import numpy as np
import pytest

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError

P = np.array([[[0.6, 0.4], [0.95, 0.05], [0.5, 0.5]], [[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]])
Y = [1, 0, 1]


def test_it_is_early_exit_where_the_gates_are_the_thresholds():
    opens = (P[0].max(1) >= 0.9).astype(float)
    gated = cal.gated_exit(P, Y, np.stack([opens, 1 - opens], 1), n_bins=5)
    threshold = cal.early_exit(P, Y, 0.9, n_bins=5)
    np.testing.assert_array_equal(gated.exit, threshold.exit)
    assert (gated.accuracy, gated.mean_cost, gated.ece) == (
        threshold.accuracy,
        threshold.mean_cost,
        threshold.ece,
    )


def test_a_gate_is_the_chance_to_leave_of_those_that_are_still_there():
    p = np.full((3, 4, 2), 0.5)
    weights = [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0]]
    found = cal.gated_exit(p, [0, 1, 0, 1], weights, costs=[1, 2, 4])
    np.testing.assert_array_equal(found.exit, [0, 1, 2, 2])  # gates 1/2; 2/3 of those left; 1/3; 0
    assert found.mean_cost == 11 / 4
    np.testing.assert_array_equal(found.exit_fraction, [0.25, 0.25, 0.5])


def test_an_exit_that_nobody_takes_has_no_error():
    found = cal.gated_exit(P, Y, [[0.0, 1.0]] * 3)
    assert found.exit_ece[0] is None and found.exit_ece[1] == found.ece


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([[0.5, 0.5]], ShapeError, r"exit_weights must be \(3, 2\)"),
        ([[0.5, 0.2]] * 3, InputError, "rows of exit_weights must sum to 1"),
    ],
)
def test_chances_that_are_none_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        cal.gated_exit(P, Y, weights)
