"""Triplets, neighbours and weighted pairs of embeddings, against formulas written out plainly."""

import itertools
import math

import pytest
import torch
from loss_tools import L, X, cosine_matrix, draw, gradient, same, terms
from torch.nn import functional as F


def distance(a, b):
    return ((a - b).square().sum() + 1e-12).sqrt()


def test_triplets_are_those_of_the_platform_in_lexicographic_order():
    triples = [
        (a, p, n)
        for a, p, n in itertools.product(range(9), repeat=3)
        if p != a and L[p] == L[a] and L[n] != L[a]
    ]
    a, p, n = (X[list(index)] for index in zip(*triples, strict=True))
    platform = F.triplet_margin_loss(a, p, n, margin=0.7, eps=0, reduction="none")
    found = terms("triplet", X, L, margin=0.7)
    same(found, platform, atol=1e-10)
    same(terms("triplet", X, L, margin=0.7, reduction="mean"), platform.mean(), atol=1e-10)
    squares = ((a - p).square().sum(1) - (a - n).square().sum(1) + 0.7).relu()
    same(terms("triplet", X, L, margin=0.7, squared=True), squares)


def test_hard_triplets_take_the_farthest_positive_and_nearest_negative():
    y = L.clone()
    y[4] = 7  # no positive: no term
    expected = []
    for i in range(9):
        positive = [distance(X[i], X[j]) for j in range(9) if j != i and y[j] == y[i]]
        negative = [distance(X[i], X[j]) for j in range(9) if y[j] != y[i]]
        if positive:
            expected.append((max(positive) - min(negative) + 1.5).relu())
    assert len(expected) < 9
    same(terms("triplet", X, y, margin=1.5, mining="hard"), torch.stack(expected))


def test_proto_triplet_compares_own_and_nearest_rival_prototype():
    for squared, given in itertools.product((True, False), (True, False)):
        prototypes = draw(4, 5, seed=17) if given else torch.stack([X[k == L].mean(0) for k in range(3)])
        d = (X[:, None] - prototypes).square().sum(-1)
        d = d if squared else (d + 1e-12).sqrt()
        own = d.gather(1, L[:, None])[:, 0]
        rival = d.scatter(1, L[:, None], math.inf).min(1).values
        extra = {"prototypes": prototypes} if given else {}
        found = terms("proto_triplet", X, L, margin=2.0, squared=squared, **extra)
        same(found, (own - rival + 2).relu())


def test_proto_triplet_rests_once_the_classes_are_apart():
    y = torch.arange(6) % 2
    x = draw(6, 2, seed=18, scale=0.1) + 10 * y[:, None]
    assert not gradient(lambda x: terms("proto_triplet", x, y), x).any()
    one = torch.zeros(6, dtype=torch.int64)
    assert terms("proto_triplet", x, one).tolist() == [0] * 6


def test_proto_triplet_gradient_reaches_means_and_prototypes():
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: terms("proto_triplet", x, L, margin=9.0), x)
    prototypes = draw(3, 5, seed=19)
    assert gradient(lambda c: terms("proto_triplet", X, L, prototypes=c, margin=9.0), prototypes).any()


@pytest.mark.parametrize("k", [1, 2, 50])
def test_icnn_compares_nearest_rows_of_own_and_other_classes(k):
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 1])  # row 7 is alone
    expected = []
    for i in range(9):
        own = sorted(distance(X[i], X[j]) for j in range(9) if j != i and y[j] == y[i])[:k]
        other = sorted(distance(X[i], X[j]) for j in range(9) if y[j] != y[i])[:k]
        if own:
            a, b = sum(own) / len(own), sum(other) / len(other)
            expected.append(-torch.log((b + 1e-12) / (a + b + 1e-12)))
    assert len(expected) == 8
    same(terms("icnn", X, y, k=k), torch.stack(expected))
    same(terms("icnn", 1000 * X, y, k=k), torch.stack(expected), rtol=1e-6)


def test_icnn_of_equal_distances_is_log_two():
    corners = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    found = terms("icnn", corners, torch.tensor([0, 0, 1, 1]))
    same(found, torch.full((4,), math.log(2), dtype=torch.float64), rtol=1e-9)


def multi_similarity_plainly(x, y, a, b, theta, margin, mining, filtered=True):
    s, out = cosine_matrix(x), []
    for i in range(len(x)):
        positive = [
            s[i, j]
            for j in range(len(x))
            if j != i and y[j] == y[i] and not (filtered and s[i, j] >= 1 - 1e-5)
        ]
        negative = [s[i, j] for j in range(len(x)) if y[j] != y[i]]
        if mining and positive and negative:
            least, most = min(positive), max(negative)
            negative = [v for v in negative if v + margin > least]
            positive = [v for v in positive if v - margin < most]
        if not positive or not negative:
            out.append(torch.tensor(0.0).double())
            continue
        pull = torch.log(1 + torch.exp(-a * (torch.stack(positive) - theta)).sum()) / a
        out.append(pull + torch.log(1 + torch.exp(b * (torch.stack(negative) - theta)).sum()) / b)
    return torch.stack(out)


@pytest.mark.parametrize("mining", [True, False])
@pytest.mark.parametrize("margin", [0.0, 0.1, 0.8])
def test_multi_similarity_is_the_code_of_its_authors(mining, margin):
    x = torch.cat([X, X[:1]])  # a copy of row 0, which does not count as its positive
    y = torch.cat([L, L[:1]])
    expected = multi_similarity_plainly(x, y, 3.0, 20.0, 0.3, margin, mining)
    found = terms(
        "multi_similarity", x, y, scale_pos=3.0, scale_neg=20.0, thresh=0.3, margin=margin, mining=mining
    )
    same(found, expected)
    assert mining is False or margin > 0.1 or not expected.all()


def metrix_plainly(x, y, lam, a, b, theta, weight):
    u, n = F.normalize(x, dim=1), len(x)
    out = multi_similarity_plainly(x, y, a, b, theta, 0, False, filtered=False)
    for i in range(n):
        mixed = [
            F.normalize(lam * u[p] + (1 - lam) * u[q], dim=0) @ u[i]
            for p in range(n)
            for q in range(n)
            if p != i and y[p] == y[i] and y[q] != y[i]
        ]
        if mixed:
            s = torch.stack(mixed)
            pull = torch.log(1 + (lam * torch.exp(-a * (s - theta))).sum()) / a
            push = torch.log(1 + ((1 - lam) * torch.exp(b * (s - theta))).sum()) / b
            out[i] += weight * (pull + push)
    return out


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0, torch.tensor(0.7)])
def test_metrix_mixes_positives_with_negatives(lam):
    found = terms("metrix", X, L, lam=lam, weight=0.6, scale_neg=20.0)
    same(found, metrix_plainly(X, L, float(lam), 2.0, 20.0, 0.5, 0.6), rtol=1e-6)


def test_metrix_without_mixtures_is_multi_similarity():
    found = terms("metrix", X, L, lam=0.4, weight=0.0)
    same(found, terms("multi_similarity", X, L, mining=False))


def test_metrix_draws_its_share_from_torch_generator():
    torch.manual_seed(3)
    first = terms("metrix", X, L)
    assert not torch.equal(terms("metrix", X, L), first)
    torch.manual_seed(3)
    same(terms("metrix", X, L), first)


def test_look_with_all_neighbours_is_leave_one_out_nca():
    s = (cosine_matrix(X) / 0.2).fill_diagonal_(-math.inf)
    p = s.softmax(1)
    own = torch.stack([p[i][L[i] == L].sum() for i in range(9)])
    same(terms("look", X, L, k=8, tau=0.2), -(own + 1e-8).log(), atol=1e-8)
    same(terms("look", X, L, k=500, tau=0.2), -(own + 1e-8).log(), atol=1e-8)


def test_look_lets_the_nearest_neighbours_vote():
    cos = cosine_matrix(X)
    expected = []
    for i in range(9):
        near = sorted((j for j in range(9) if j != i), key=lambda j: -cos[i, j])[:3]
        w = (cos[i, near] / 0.1).softmax(0)
        expected.append(-(1e-8 + w[L[near] == L[i]].sum()).log())
    same(terms("look", X, L, k=3), torch.stack(expected))


def test_look_takes_the_first_of_equal_neighbours_and_gives_lonely_rows_no_gradient():
    x = torch.ones(4, 2).double()
    y = torch.tensor([0, 1, 0, 0])
    found = terms("look", x, y, k=1)
    lonely = -math.log(1e-8)
    same(found, torch.tensor([lonely, lonely, 0, 0], dtype=torch.float64), atol=2e-8)
    y = torch.arange(4)
    assert not gradient(lambda x: terms("look", x, y), X[:4]).any()
