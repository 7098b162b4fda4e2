"""The histogram of surprisals keeps what a loss of them needs."""

import numpy as np
import pytest
import torch

from clsviz.errors import InputError
from clsviz.landscape import surprisal_histogram
from clsviz.landscape.score_line import UNIFORM, score_tables
from clsviz.landscape.tables import is_rowwise, loss_table
from clsviz.losses import cross_entropy, dice

LOGITS = np.random.default_rng(0).normal(0, 3, (5, 60, 3)).astype(np.float32)
LABELS = np.arange(60) % 3


def rebuilt(h):
    """Mean surprisal of each point from the histogram alone."""
    means = h.edges[:-1] + h.places / 65535 * np.diff(h.edges)
    return (h.counts * means).sum(1) / h.samples


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_cross_entropy_follows_from_it(temperature):
    h = surprisal_histogram(LOGITS, LABELS, temperature=temperature)
    exact = loss_table(LOGITS, LABELS, cross_entropy, [temperature])[:, 0]
    assert (h.counts.sum(1) == 60).all()
    np.testing.assert_allclose(rebuilt(h), exact, rtol=1e-4, atol=1e-6)


def test_samples_without_a_finite_surprisal_are_not_counted():
    broken = LOGITS.copy()
    broken[2, 7] = np.nan
    assert surprisal_histogram(broken, LABELS).counts.sum(1).tolist() == [60, 60, 59, 60, 60]


def test_sure_hits_fall_into_the_first_bin():
    sure = np.zeros((1, 60, 3), np.float32)
    sure[0, np.arange(60), LABELS] = 1e4
    assert rebuilt(surprisal_histogram(sure, LABELS))[0] == 0


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(InputError, match="temperature must be > 0"):
        surprisal_histogram(LOGITS, LABELS, temperature=0)


def test_every_label_smoothing_is_a_mix_of_cross_entropy_and_the_uniform_table():
    tables = score_tables(LOGITS, LABELS, stops=[0.0], temperatures=[0.5, 2.0])
    wanted = loss_table(LOGITS, LABELS, lambda z, y: cross_entropy(z, y, label_smoothing=0.3), [0.5, 2.0])
    np.testing.assert_allclose(0.7 * tables["u=0.00"] + 0.3 * tables[UNIFORM], wanted, rtol=1e-5)


def centred(z, y):
    """Terms that depend on the whole batch."""
    return cross_entropy(z - z.mean(0), y)


def test_points_share_a_call_only_where_a_row_stands_alone():
    assert is_rowwise(cross_entropy, 3)
    assert not is_rowwise(centred, 3)
    assert not is_rowwise(dice, 3)
    table = loss_table(LOGITS, LABELS, centred, [1.0], rowwise=False)[:, 0]
    alone = [float(centred(torch.from_numpy(z), torch.from_numpy(LABELS)).mean()) for z in LOGITS]
    np.testing.assert_allclose(table, alone, rtol=1e-6)
