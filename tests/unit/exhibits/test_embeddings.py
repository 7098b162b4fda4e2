"""The formulas that the exhibits of embeddings show are those of the losses they train."""

import numpy as np
import pytest
import torch

from clsviz.exhibits.contrast import negative_shares
from clsviz.exhibits.embedding import embedded, pair_cosines, recall_at_1
from clsviz.exhibits.identities import DIM, FEATURES, SAMPLES, TRAIN, encoder, identities
from clsviz.exhibits.new_classes import _tpr
from clsviz.exhibits.pair_weights import PAIR_LOSSES, closed_form, mixed_terms, mixtures, pair_weights
from clsviz.losses.geometry import unit
from clsviz.losses.pair_weighting import metrix


@pytest.mark.parametrize("tau", [0.01, 0.1, 1.0, 100.0])
def test_a_negatives_share_of_the_infonce_gradient_is_a_softmax(tau):
    s = torch.linspace(-0.9, 0.95, 30, dtype=torch.float64)
    torch.testing.assert_close(negative_shares(s, tau), (s / tau).softmax(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PAIR_LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_autograd_finds_the_closed_forms_of_general_pair_weighting(name, seed):
    s = torch.from_numpy(np.random.default_rng(seed).uniform(-0.9, 0.9, 14))
    positive = torch.arange(14) < 5
    for value in PAIR_LOSSES[name][1]:
        found = pair_weights(name, s, positive, value)
        torch.testing.assert_close(found, closed_form(name, s, positive, value), rtol=1e-9, atol=1e-12)
    assert found.max() > 0


def test_mixing_embeddings_is_the_metrix_loss_of_the_catalogue():
    data = identities(0)
    model = encoder(lambda m, x, y: m(x).square().mean(), data.train, steps=1, seed=0).double()
    x, y = (torch.from_numpy(part[:: SAMPLES // 2][:12]) for part in data.train)
    e = model(x.double())
    mixed = mixtures(model, x.double(), 0.3, "embeddings")
    torch.testing.assert_close(
        mixed_terms(unit(e), mixed, y, 0.3, 40.0), metrix(e, y, 0.3), rtol=1e-9, atol=1e-12
    )
    for level in ("features", "inputs"):  # a sample mixed with itself is itself
        itself = mixtures(model, x.double(), 0.3, level).diagonal(dim1=0, dim2=1).T
        torch.testing.assert_close(itself, unit(e))


def test_identities_of_the_parts_differ_and_follow_from_the_seed():
    one, again, other = identities(1), identities(1), identities(2)
    assert np.array_equal(one.test[0], again.test[0]) and not np.array_equal(one.test[0], other.test[0])
    X, y = one.train
    assert X.shape == (TRAIN * SAMPLES, FEATURES) and np.array_equal(y, np.repeat(np.arange(TRAIN), SAMPLES))
    assert not {row.tobytes() for row in X} & {row.tobytes() for row in one.test[0]}
    model = encoder(lambda m, x, y: m(x).square().mean(), one.train, steps=2, seed=0)
    u = embedded(model, X)
    assert u.shape == (len(X), DIM) and np.allclose(np.linalg.norm(u, axis=1), 1)


def test_measures_of_embeddings_on_a_case_done_by_hand():
    u = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])
    labels = np.array([0, 0, 1, 0])
    assert recall_at_1(u, labels) == 0.75  # 0 finds 1, 1 and 3 each other, 2 finds 3
    assert recall_at_1(u, np.array([0, 0, 1, 1])) == 0.5
    same, other = pair_cosines(u, labels)
    assert np.allclose(sorted(same), [0.6, 0.8, 0.96]) and np.allclose(sorted(other), [0.0, 0.6, 0.8])
    assert _tpr(np.array([0.1, 0.5, 0.9]), np.linspace(0, 0.6, 7), 0.5) == pytest.approx(2 / 3)
