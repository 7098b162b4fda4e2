"""The fits behind the PRESTO exhibit are minima, and its limits are what they should be."""

import numpy as np
import pytest
import torch

from clsviz.exhibits.ordinal import _path, _proportional_odds, _Truth
from clsviz.losses import presto


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return _Truth(rng, "sparse", "rare").draw(rng, 600)


def test_a_large_lam_ties_all_weights_to_proportional_odds(samples):
    X, y = samples
    [(weight, bias)] = _path(X, y, 4, 100, (10.0,))
    tied, thresholds = _proportional_odds(X, y, 4)
    assert (weight == weight[0]).all()
    assert weight == pytest.approx(tied, abs=1e-3) and bias == pytest.approx(thresholds, abs=1e-3)


@pytest.mark.parametrize("lam", [0.003, 0.03])
def test_no_small_change_lowers_the_library_loss(samples, lam):
    X, y = samples
    [(weight, bias)] = _path(X, y, 4, 800, (lam,))
    rng = np.random.default_rng(1)

    def value(w, b):
        tensors = (torch.from_numpy(v) for v in (X, y, w, b))
        return float(presto(*tensors, lam=lam).mean())

    least = value(weight, bias)
    for _ in range(200):
        by = 1e-3 * rng.normal(size=(4, weight.shape[1]))
        assert value(weight + by[:3] * rng.integers(0, 2, (3, 1)), bias + by[3, :3]) > least - 1e-7
