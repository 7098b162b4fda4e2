"""The diversity terms that heads are trained with are the measures of clsviz.boundary."""

import numpy as np
import pytest
import torch

from clsviz import boundary
from clsviz.exhibits.two_cues import agreement_loss, draw, mutual_information


def test_terms_are_those_of_the_measures():
    p = np.random.default_rng(0).random((2, 50))
    heads = np.stack([1 - p, p], 2)
    mutual = mutual_information(torch.from_numpy(p))
    assert float(mutual) == pytest.approx(boundary.divdis_mutual_information(*heads), abs=1e-9)
    disagreement = agreement_loss(torch.from_numpy(p))
    assert float(disagreement) == pytest.approx(boundary.dbat_disagreement(*p), abs=1e-9)


@pytest.mark.parametrize("agreement", [0.0, 0.25, 1.0])
def test_cues_agree_as_often_as_told_and_stand_in_the_features(agreement):
    X, says = draw(np.random.default_rng(0), 5000, agreement)
    assert (says[:, 0] == says[:, 1]).mean() == pytest.approx(agreement, abs=0.02)
    assert ((X > 0) == says).mean() > 0.999
