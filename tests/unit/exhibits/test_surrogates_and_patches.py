"""What the exhibits on rules and on copies without a patch measure is what they say."""

import numpy as np
import torch

from clsviz.exhibits.patches import AGREES, SIDE, TRUE, attribution, draw, groups, without
from clsviz.exhibits.surrogates import INFORMATIVE, TABLES, importances, network, table


def test_tables_are_split_once_and_standardised_by_the_training_part():
    for name in TABLES:
        X, y, X_test, y_test, features, classes = table(name, 0, 1)
        assert abs(len(X) - 0.6 * (len(X) + len(X_test))) <= 1 and len(y_test) == len(X_test)
        assert len(features) == X.shape[1] and len(classes) == y.max() + 1
        np.testing.assert_allclose(X.mean(0), 0, atol=1e-9)
        np.testing.assert_allclose(X.std(0), 1, atol=1e-9)
    assert table("made", 0, 1)[0].shape[1] >= 50


def test_only_the_first_columns_of_the_made_table_tell_of_the_class():
    X, y, *_ = table("made", 1, 1)
    strips = [np.histogram2d(X[:, j], y, bins=(8, 2))[0] for j in range(X.shape[1])]
    told = [s.max(1).sum() / s.sum() for s in strips]  # accuracy of the best rule of one feature
    assert max(told[INFORMATIVE:]) < max(told[:INFORMATIVE])
    net = network(X, y, 1, 0.5)
    weights = importances(net, X, 1)["perturbation"]
    assert weights[:INFORMATIVE].mean() > 3 * weights[INFORMATIVE:].mean()


def test_the_patch_goes_with_the_class_in_training_and_is_absent_from_the_test_part():
    X, y, patch, X_test, _ = draw(0, 1)
    assert (X[patch][:, TRUE] == 1).all() and abs(((y == 1) == patch).mean() - AGREES) < 0.03
    assert (X_test[:, TRUE] < 1).all() and X.max() == 1
    np.testing.assert_array_equal(without(X, TRUE)[:, TRUE], 0)
    np.testing.assert_array_equal(without(X, TRUE)[:, ~TRUE], X[:, ~TRUE])


def test_a_network_that_sees_the_patch_alone_is_found_out_by_groups_and_map():
    net = torch.nn.Linear(SIDE * SIDE, 2).double()
    with torch.no_grad():
        net.weight.zero_()
        net.weight[1] = torch.from_numpy(TRUE * 1.0)
        net.bias.copy_(torch.tensor([3.0, 0.0]))
    X, y, _, X_test, y_test = draw(0, 1)
    assert groups(net, X_test, y_test) == [1, 0, 0, 1]
    weights = attribution(net, X, y, 50)
    assert (weights[TRUE] > 0.5).all() and (weights[~TRUE] == 0).all()
