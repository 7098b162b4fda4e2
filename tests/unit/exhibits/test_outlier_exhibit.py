"""The outlier exhibit injects what it says, and tunes its weight on other tables only."""

import numpy as np
import pytest

from clsviz.exhibits import outliers
from clsviz.exhibits.outliers import KINDS, TABLES, WEIGHTS, injected


@pytest.mark.parametrize("kind", KINDS)
def test_injected_samples_are_of_their_kind(kind):
    rng = np.random.default_rng(0)
    inliers, others = rng.standard_normal((50, 3)), 10 + rng.standard_normal((20, 3))
    found = injected(kind, inliers, others, 8, rng)
    assert found.shape == (8, 3)
    if kind == "class":
        assert {tuple(row) for row in found} <= {tuple(row) for row in others}
    elif kind == "mixed":
        assert all(set(found[:, j]) <= set(inliers[:, j]) for j in range(3))
        assert not {tuple(row) for row in found} & {tuple(row) for row in inliers}
    else:
        assert (found >= inliers.min(0)).all() and (found <= inliers.max(0)).all()


def test_tasks_are_tables_with_one_outlier_to_ten_inliers():
    tasks = list(outliers._tasks(0, 1.0))
    assert [X.shape[1] for X, _ in tasks] == [13] * 3 + [30] * 3 + [4] * 3
    for X, outlier in tasks:
        assert outlier.sum() == round(0.1 * (~outlier).sum())
        np.testing.assert_allclose(X.std(0), 1)


def test_the_weight_of_a_table_is_what_suits_the_others():
    values = np.zeros((len(WEIGHTS), len(TABLES), len(KINDS)))
    values[2, 1:] = 0.9  # suits the last two tables
    values[4, 0] = 1.0  # suits the first
    values[2, 0] = 0.3
    tuned = outliers._tuned(values.reshape(len(WEIGHTS), -1)).reshape(len(TABLES), len(KINDS))
    # the first table gets the others' weight; they get 0.9 + 0.3 (weight 2) above 1.0 (weight 4)
    np.testing.assert_allclose(tuned, [[0.3] * 3, [0.9] * 3, [0.9] * 3])
