"""Losses on the sphere, in the Poincaré ball, and contrastive ones, against formulas written out plainly."""

import itertools
import math

import pytest
import torch
from loss_tools import WEIGHT, L, X, ce, cosine_matrix, draw, gradient, same, terms
from torch.nn import functional as F


def class_cosines(x, weight):
    return F.normalize(x, dim=1) @ F.normalize(weight, dim=1).T


def test_norm_softmax_is_cross_entropy_of_scaled_cosines():
    cos, own = class_cosines(X, WEIGHT["weight"]), F.one_hot(L, 3)
    same(terms("norm_softmax", X, L, WEIGHT, s=7.0), ce(7 * cos, L))
    same(terms("norm_softmax", X, L, WEIGHT, s=7.0, margin=0.4), ce(7 * (cos - 0.4 * own), L))
    arc = torch.where(own.bool(), (cos.acos() + 0.4).cos(), cos)
    found = terms("norm_softmax", X, L, WEIGHT, s=7.0, margin=0.4, margin_type="arcface")
    same(found, ce(7 * arc, L))
    stretched = {"weight": WEIGHT["weight"] * torch.tensor([[2.0], [0.1], [30]])}
    same(terms("norm_softmax", 100 * X, L, stretched), terms("norm_softmax", X, L, WEIGHT))


def test_norm_softmax_of_a_perfect_simplex():
    simplex = torch.eye(4).double() - 0.25
    found = terms("norm_softmax", simplex, torch.arange(4), {"weight": simplex}, s=5.0)
    same(found, torch.full((4,), math.log(1 + 3 * math.exp(-5 * 4 / 3)), dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_arcface_has_a_finite_slope_at_and_opposite_to_the_class_direction(dtype):
    w = WEIGHT["weight"].to(dtype)
    y = torch.tensor([0, 1, 2, 0])
    x = w[y] * torch.tensor([[2.0], [1], [0.5], [-1]], dtype=dtype)

    def loss(x):
        return terms("norm_softmax", x, y, {"weight": w}, margin=0.3, margin_type="arcface")

    assert loss(x).isfinite().all() and gradient(loss, x).isfinite().all()


def negatives_within_whiskers(x, y, wisk):
    cos = cosine_matrix(x)
    found = [cos[i, j] for i, j in itertools.combinations(range(len(x)), 2) if y[i] != y[j]]
    if not found:
        return torch.zeros(0).double()
    ordered = torch.stack(found).sort().values
    n = len(found)
    low, high = ordered[int(0.25 * n)], ordered[int(0.75 * n)]
    reach = wisk * (high - low)
    return ordered[(ordered >= low - reach) & (ordered <= high + reach)]


@pytest.mark.parametrize("wisk", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_unpg_adds_the_negative_pairs_within_the_whiskers(n, wisk):
    x, y = X[:n], L[:n]
    cos, own = class_cosines(x, WEIGHT["weight"]), F.one_hot(y, 3)
    extra = negatives_within_whiskers(x, y, wisk)
    z = torch.cat([cos - 0.35 * own, extra.expand(n, -1)], 1)
    found = terms("unpg", x, y, WEIGHT, wisk=wisk)
    same(found, ce(30 * z, y))
    assert (found >= terms("norm_softmax", x, y, WEIGHT, margin=0.35) - 1e-12).all()


def test_unpg_of_one_class_is_norm_softmax():
    y = torch.ones(9, dtype=torch.int64)
    same(terms("unpg", X, y, WEIGHT), terms("norm_softmax", X, y, WEIGHT, margin=0.35))


BALL = {"p_vals": draw(3, 5, seed=14, scale=0.5), "a_vals": draw(3, 5, seed=15)}


def exp0(v, c):
    u = math.sqrt(c) * v.norm(dim=-1, keepdim=True)
    return v * torch.where(u == 0, 1, u.tanh() / u)


def into_ball(x, c, clip_r):
    if clip_r is not None:
        x = x * (clip_r / x.norm(dim=1, keepdim=True)).clamp(max=1)
    h = exp0(x, c)
    return h * ((1 - 1e-3) / math.sqrt(c) / h.norm(dim=1, keepdim=True)).clamp(max=1)


def moebius(u, v, c):
    uv, uu, vv = ((a * b).sum(-1, keepdim=True) for a, b in ((u, v), (u, u), (v, v)))
    return ((1 + 2 * c * uv + c * vv) * u + (1 - c * uu) * v) / (1 + 2 * c * uv + c**2 * uu * vv)


def hyperbolic_logits(x, p_vals, a_vals, c, clip_r):
    h, p = into_ball(x, c, clip_r), exp0(p_vals, c)
    shrink = 1 - c * p.square().sum(-1)
    a = a_vals * shrink[:, None]
    m = moebius(-p.expand(len(x), *p.shape), h[:, None].expand(-1, len(p), -1), c)
    length = a.norm(dim=-1)
    ratio = 2 * math.sqrt(c) * (m * a).sum(-1) / ((1 - c * m.square().sum(-1)) * length)
    return 2 / shrink * length / math.sqrt(c) * ratio.asinh()


@pytest.mark.parametrize(("c", "clip_r"), [(0.1, 2.0), (1.0, None), (2.0, 10.0), (0.5, 0.3)])
def test_hyp_ce_is_hyperbolic_logistic_regression(c, clip_r):
    x = X * torch.linspace(0.1, 4, 9)[:, None]
    found = terms("hyp_ce", x, L, BALL, c=c, clip_r=clip_r)
    same(found, ce(hyperbolic_logits(x, c=c, clip_r=clip_r, **BALL), L), rtol=1e-8)
    single = terms("hyp_ce", x.float(), L, {k: v.float() for k, v in BALL.items()}, c=c, clip_r=clip_r)
    same(single.double(), found, rtol=2e-5, atol=1e-6)


def test_hyp_ce_of_a_flat_space_is_linear():
    flat = 4 * ((X[:, None] - BALL["p_vals"]) * BALL["a_vals"]).sum(-1)
    same(terms("hyp_ce", X, L, BALL, c=1e-9, clip_r=None), ce(flat, L), rtol=1e-6)


def test_hyp_ce_of_a_class_without_a_normal_is_finite():
    state = {**BALL, "a_vals": BALL["a_vals"] * torch.tensor([[1.0], [0], [1]])}
    assert terms("hyp_ce", X, L, state).isfinite().all()
    assert gradient(lambda x: terms("hyp_ce", x, L, state), X).isfinite().all()


@pytest.mark.parametrize(("c", "clip_r"), [(0.1, 2.0), (1.0, None), (2.0, 1.5)])
def test_hyp_pc_is_the_hyperbolic_distance_of_the_halves(c, clip_r):
    x = 2 * X[:8]
    h = into_ball(x, c, clip_r)
    apart = math.sqrt(c) * moebius(-h[:4], h[4:], c).norm(dim=1)
    found = terms("hyp_pc", x, None, c=c, clip_r=clip_r)
    same(found, 2 / math.sqrt(c) * torch.atanh(apart), rtol=1e-7)
    assert found.shape == (4,)
    same(terms("hyp_pc", x, None, c=c, clip_r=clip_r, reduction="mean"), found.mean())


def test_hyp_pc_flat_identical_and_at_the_rim():
    same(terms("hyp_pc", X[:8], None, c=1e-9, clip_r=None), 2 * (X[:4] - X[4:8]).norm(dim=1), rtol=1e-6)
    twins = torch.cat([X[:3], X[:3]])
    assert not terms("hyp_pc", twins, None).any()
    assert not gradient(lambda x: terms("hyp_pc", x, None), twins).any()
    far = torch.tensor([[1e4, 0], [-1e4, 0]])
    # two opposite points at 0.999 of the radius, c = 1
    expected = 2 * math.atanh(2 * 0.999 / (1 + 0.999**2))
    same(terms("hyp_pc", far, None, c=1.0, clip_r=None), torch.tensor([expected]), rtol=1e-6)


def test_supcon_is_the_mean_log_share_of_the_positives():
    s = cosine_matrix(X) / 0.2
    expected = []
    for i in range(9):
        others = [j for j in range(9) if j != i]
        positives = [j for j in others if L[j] == L[i]]
        total = torch.logsumexp(s[i, others], 0)
        expected.append(-(s[i, positives] - total).mean() if positives else torch.tensor(0.0).double())
    same(terms("supcon", X, L, tau=0.2), torch.stack(expected))


def test_supcon_of_pairs_is_nt_xent():
    y = torch.arange(4).repeat(2)
    s = (cosine_matrix(X[:8]) / 0.3).fill_diagonal_(-math.inf)
    same(terms("supcon", X[:8], y, tau=0.3), ce(s, (torch.arange(8) + 4) % 8))


def test_supcon_does_not_count_anchors_without_positives():
    y = torch.tensor([0, 0, 1, 2])
    found = terms("supcon", X[:4], y)
    assert not found[2:].any()
    same(terms("supcon", X[:4], y, reduction="mean"), found[:2].mean())
    alone = torch.arange(4)
    assert not terms("supcon", X[:4], alone, reduction="mean")
    assert not gradient(lambda x: terms("supcon", x, alone), X[:4]).any()


def test_infonce_is_cross_entropy_of_the_own_key_both_sides_learn():
    keys = draw(9, 5, seed=16)
    s = F.normalize(X, dim=1) @ F.normalize(keys, dim=1).T
    same(terms("infonce", X, None, keys=keys, tau=0.3), ce(s / 0.3, torch.arange(9)))
    assert gradient(lambda k: terms("infonce", X, None, keys=k), keys).any()
    one = torch.ones(6, 3).double()
    same(terms("infonce", one, None, keys=one), torch.full((6,), math.log(6), dtype=torch.float64))
