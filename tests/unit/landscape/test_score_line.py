"""The line of losses is made of the catalogue's own losses."""

import numpy as np
import pytest
import torch

from clsviz import losses
from clsviz.landscape.score_line import STOPS, score_key, score_tables, score_terms
from clsviz.landscape.tables import loss_table

LOGITS = torch.randn((6, 20, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
LABELS = torch.arange(20) % 4


def catalogue_loss(u):
    if u < 0:
        return lambda z, y: losses.gce(z, y, q=-u)
    return losses.cross_entropy if u == 0 else lambda z, y: losses.focal(z, y, gamma=5 * u)


@pytest.mark.parametrize("u", STOPS)
def test_each_place_is_its_loss_of_the_catalogue(u):
    temperatures = [0.1, 1.0, 7.0]
    table = score_tables(LOGITS, LABELS, stops=[u], temperatures=temperatures)[score_key(u)]
    np.testing.assert_allclose(table, loss_table(LOGITS, LABELS, catalogue_loss(u), temperatures), rtol=2e-6)


def test_mae_end_is_half_the_mae():
    m = torch.tensor([0.0, 0.3, 50.0], dtype=torch.float64)
    torch.testing.assert_close(score_terms(-1.0, m), 1 - torch.exp(-m))


def test_keys_have_two_decimals_and_no_negative_zero():
    assert [score_key(u) for u in (-1, -0.0, 0.25)] == ["u=-1.00", "u=0.00", "u=0.25"]
