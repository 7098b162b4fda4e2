"""Nearest means, medoids, herding and k-centres."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid

from clsviz import prototypes

G = torch.Generator().manual_seed(0)
X = torch.randn(40, 5, generator=G, dtype=torch.float64)
Y = torch.arange(40) % 4
Q = torch.randn(11, 5, generator=G, dtype=torch.float64)


def test_nearest_mean_is_scikit_learns_nearest_centroid():
    result = prototypes.nearest_mean(X, Y, Q)
    oracle = NearestCentroid().fit(X.numpy(), Y.numpy())
    np.testing.assert_allclose(result.means, oracle.centroids_)
    assert result.predictions.tolist() == oracle.predict(Q.numpy()).tolist()
    torch.testing.assert_close(result.distances, torch.cdist(Q, result.means))


def test_cosine_uses_means_of_raw_features():
    result = prototypes.nearest_mean([[2.0, 0], [0, 1]], [0, 0], [[1.0, 0.5], [0, 3]], metric="cosine")
    assert result.means.tolist() == [[1, 0.5]]
    assert result.distances[:, 0].tolist() == pytest.approx([0, 1 - 1 / math.sqrt(5)])


def test_an_absent_class_is_nan_and_never_predicted():
    result = prototypes.nearest_mean(X, Y * 2, Q, num_classes=9)
    assert result.means.shape == (9, 5)
    assert result.means[1::2].isnan().all()
    assert result.distances[:, 1::2].isnan().all()
    assert not result.distances[:, :8:2].isnan().any()
    assert (result.predictions % 2 == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(40)), st.integers(1, 15), st.sampled_from(["l2", "cosine"]))
def test_the_stream_may_come_in_any_order_and_batches(order, batch, metric):
    stream = prototypes.NearestMeanClassifier(metric=metric)
    for index in torch.tensor(order).split(batch):
        stream.partial_fit(X[index], Y[index])
    whole = prototypes.nearest_mean(X, Y, Q, metric=metric)
    torch.testing.assert_close(stream.means, whole.means)
    assert stream.counts.tolist() == [10] * 4
    assert torch.equal(stream.predict(Q), whole.predictions)


def test_medoids_minimise_the_sum_of_distances_within_their_class():
    medoids = prototypes.class_medoids(X, Y)
    for c in range(4):
        own = (c == Y).nonzero()[:, 0]
        sums = torch.cdist(X[own], X[own]).sum(1)
        assert int(medoids[c]) == int(own[sums.argmin()])


def test_medoid_ties_go_to_the_lowest_index_and_absent_classes_are_minus_one():
    square = [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert prototypes.class_medoids(square, [1, 1, 1, 1], 3).tolist() == [-1, 0, -1]
    turned = np.array(square) @ [[0.6, 0.8], [-0.8, 0.6]]  # rounding must not break the tie
    assert prototypes.class_medoids(turned, [0, 0, 0, 0]).tolist() == [0]


def test_herding_of_the_contract():
    assert prototypes.herding([[0], [1], [2], [7]], 3).tolist() == [2, 1, 3]


def test_herding_chooses_all_once_and_follows_the_mean():
    order = prototypes.herding(X, 40)
    assert sorted(order.tolist()) == list(range(40))
    chosen = X[prototypes.herding(X, 10)].mean(0)
    assert (chosen - X.mean(0)).norm() < (X[:10].mean(0) - X.mean(0)).norm() / 3


def test_k_centres_step_to_the_farthest_sample():
    result = prototypes.kcenter_greedy([[0.0], [1], [10], [6]], 3, first=1)
    assert result.indices.tolist() == [1, 2, 3]
    assert result.radius == 1
    indices, radius = prototypes.kcenter_greedy(X, 5)
    assert int(indices[0]) == 0
    assert radius == pytest.approx(float(torch.cdist(X, X[indices]).amin(1).max()))


def test_k_centres_do_not_repeat_equal_samples():
    result = prototypes.kcenter_greedy(torch.zeros(4, 2), 4)
    assert sorted(result.indices.tolist()) == [0, 1, 2, 3]
    assert result.radius == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prototypes.nearest_mean(X, Y, Q, metric="l1"), "metric must be one of"),
        (lambda: prototypes.nearest_mean(X, Y, Q, num_classes=2), "labels must be >= 0 and below 2"),
        (lambda: prototypes.nearest_mean(X, Y, Q[:, :2]), "queries has 2 columns"),
        (lambda: prototypes.nearest_mean(X, Y[:3], Q), r"labels must be \(40,\)"),
        (lambda: prototypes.nearest_mean(X[:0], Y[:0], Q), "features is empty"),
        (lambda: prototypes.NearestMeanClassifier(metric="l1"), "metric must be one of"),
        (lambda: prototypes.NearestMeanClassifier().predict(Q), "call partial_fit first"),
        (
            lambda: prototypes.NearestMeanClassifier().partial_fit(X, Y).partial_fit(X[:, :2], Y),
            "features had 5 columns",
        ),
        (lambda: prototypes.NearestMeanClassifier().partial_fit(X, Y).predict(Q[:, :2]), "queries has 2"),
        (lambda: prototypes.class_medoids(X, Y, 2), "labels must be >= 0 and below 2"),
        (lambda: prototypes.class_medoids(X * math.nan, Y), "features holds NaN"),
        (lambda: prototypes.class_medoids(X, Y - 1), "labels must be >= 0"),
        (lambda: prototypes.herding(X, 41), "m must be an integer >= 1 and <= 40"),
        (lambda: prototypes.herding(X, 0), "m must be"),
        (lambda: prototypes.kcenter_greedy(X, 41), "k must be"),
        (lambda: prototypes.kcenter_greedy(X, 2, first=40), "first must be an index"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_two_means_split_each_class_at_its_mean_across_its_longest_axis():
    features = torch.tensor([[0.0, 0], [1, 0], [9, 0], [10, 0], [5, 5], [5, 5]])
    halves = prototypes.two_means(features, torch.tensor([0, 0, 0, 0, 2, 2]))
    assert halves.means.tolist() == [[0.5, 0], [9.5, 0], [5, 5]]
    assert halves.classes.tolist() == [0, 0, 2]


def test_two_means_weighted_by_their_sizes_give_the_class_mean():
    halves = prototypes.two_means(X, Y)
    mean = X[Y == 1].mean(0)
    a, b = halves.means[halves.classes == 1]
    share = ((mean - b) @ (a - b)) / ((a - b) @ (a - b))
    torch.testing.assert_close(share * a + (1 - share) * b, mean)
    assert 0 < share < 1
