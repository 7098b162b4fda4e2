"""Distillation, embeddings, ordinal and value-bin losses against formulas written out plainly."""

import itertools
import math

import pytest
import torch
from scipy.stats import norm as normal
from torch.nn import functional as F

from clsviz import losses
from clsviz.errors import InputError, MissingNeed, ShapeError


def draw(*shape, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=g, dtype=torch.float64)


def labels(n, c, seed=0):
    return torch.randint(0, c, (n,), generator=torch.Generator().manual_seed(seed))


def same(a, b, rtol=1e-9, atol=1e-12):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=rtol, atol=atol)


def terms(name, x, y, state=None, reduction="none", **given):
    """The loss of the catalogue; extras and parameters by name, state copied in."""
    entry = losses.row.ROWS[name].method
    extra = {k: given.pop(k) for k in entry.facts["extra"] if k in given}
    module = with_state(losses.create(name, **sizes(name, state), **given), state)
    return module(x, y, reduction, **extra)


def sizes(name, state):
    if not state:
        return {}
    first = next(iter(state.values()))
    return {"num_classes": len(first) + (name == "presto"), "dim": first.shape[1]}


def with_state(module, state):
    for key, value in (state or {}).items():
        module = module.to(value.dtype)
        getattr(module, key).data.copy_(value)
    return module


def gradient(f, x):
    x = x.detach().clone().requires_grad_()
    f(x).sum().backward()
    return x.grad


def ce(z, y):
    return F.cross_entropy(z, y, reduction="none")


def cosine_matrix(x):
    return F.normalize(x, dim=1) @ F.normalize(x, dim=1).T


# ---- distillation

Z, Y, T, A = draw(6, 4, seed=1, scale=2), labels(6, 4), draw(6, 4, seed=2, scale=2), draw(6, 4, seed=3)


def test_kd_is_cross_entropy_and_platform_divergence():
    divergence = F.kl_div((Z / 3).log_softmax(1), (T / 3).softmax(1), reduction="none").sum(1)
    same(terms("kd", Z, Y, teacher_logits=T, T=3.0, alpha=0.3), 0.7 * ce(Z, Y) + 0.3 * 9 * divergence)
    same(terms("kd", Z, Y, teacher_logits=T, alpha=0.0), ce(Z, Y))
    at_teacher = gradient(lambda z: terms("kd", z, Y, teacher_logits=T, alpha=1.0), T)
    same(terms("kd", T, Y, teacher_logits=T, alpha=1.0), torch.zeros(6).double(), atol=1e-14)
    same(at_teacher, torch.zeros_like(T), atol=1e-14)


def test_kd_at_high_temperature_matches_centred_logits_in_float32_too():
    limit = ((Z - Z.mean(1, keepdim=True)) - (T - T.mean(1, keepdim=True))) / 4
    for dtype, rtol in ((torch.float64, 1e-2), (torch.float32, 1e-2)):
        z, t = Z.to(dtype), T.to(dtype)
        found = gradient(lambda z, t=t: terms("kd", z, Y, teacher_logits=t, T=3000.0, alpha=1.0), z)
        same(found.double(), limit, rtol=rtol, atol=1e-3)
    wide = terms("kd", Z.float().double(), Y, teacher_logits=T.float().double(), T=500.0, alpha=1.0)
    single = terms("kd", Z.float(), Y, teacher_logits=T.float(), T=500.0, alpha=1.0)
    same(single.double(), wide, rtol=1e-6)


def test_self_distillation_mixes_targets_with_the_teacher():
    own = F.one_hot(Y, 4).double()
    q = 0.3 * own + 0.7 * T.softmax(1)
    same(terms("self_distill", Z, Y, teacher_logits=T, alpha=0.3), -(q * Z.log_softmax(1)).sum(1))
    same(terms("self_distill", Z, Y, teacher_logits=T, alpha=1.0), ce(Z, Y))
    mixed = 0.3 * own + 0.7 * T
    squared = terms("self_distill", Z, Y, teacher_logits=T, alpha=0.3, base="mse")
    same(squared - (Z - mixed).square().mean(1), 0.3 * 0.7 * (own - T).square().mean(1))
    one = terms("self_distill", Z, Y, teacher_logits=T, alpha=1.0, base="mse")
    same(one, terms("mse", Z, Y))


def test_dual_head_follows_the_teacher_with_the_second_head_alone():
    p = torch.sigmoid((A - T) / 3)
    divergence = 0.5 * (torch.log(0.5 / p) + torch.log(0.5 / (1 - p))).sum(1)
    found = terms("dual_head_kd", Z, Y, aux_logits=A, teacher_logits=T, T=3.0, alpha=2.0, gamma=0.5)
    same(found, 0.5 * ce(Z, Y) + 2 * 9 * divergence)
    same(terms("dual_head_kd", Z, Y, aux_logits=T, teacher_logits=T), ce(Z, Y))
    alone = gradient(
        lambda z: terms("dual_head_kd", z, Y, aux_logits=A, teacher_logits=T, gamma=0.0, alpha=1.0), Z
    )
    assert not alone.any()
    pull = gradient(lambda a: terms("dual_head_kd", Z, Y, aux_logits=a, teacher_logits=T), A)
    same(pull, torch.tanh((A - T) / 4))  # T^2 / (2T) tanh((a - t) / (2T)), T = 2


def test_nd_loss_is_the_cosine_distance_of_long_embeddings():
    means = draw(3, 4, seed=5)
    y = labels(6, 3, seed=5)
    long = terms("nd_loss", 10 * Z, y, teacher_embeddings=T, class_means=means, weight=2.0)
    same(long, 2 * (1 - F.cosine_similarity(Z, means[y])))
    short = terms("nd_loss", 0.01 * Z, y, teacher_embeddings=T, class_means=means)
    same(short, 1 - 0.01 * (Z * F.normalize(means, dim=1)[y]).sum(1) / T.norm(dim=1))
    assert (long >= 0).all() and (long <= 4).all()
    near = means[y] + 1e-3 * draw(6, 4, seed=6)
    single = terms("nd_loss", near.float(), y, teacher_embeddings=0 * T, class_means=means.float())
    same(
        single.double(),
        1 - F.cosine_similarity(near.float().double(), means.float().double()[y]),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("kd", {"teacher_logits": T}),
        ("self_distill", {"teacher_logits": T}),
        ("dual_head_kd", {"aux_logits": A, "teacher_logits": T}),
        ("ssld", {"teacher_logits": T}),
        ("nd_loss", {"teacher_embeddings": T, "class_means": draw(4, 4)}),
    ],
)
def test_no_gradient_reaches_the_teacher(name, extra):
    given = {k: v.clone().requires_grad_() for k, v in extra.items()}
    losses.create(name)(Z.clone().requires_grad_(), Y, **given).backward()
    assert all(v.grad is None for k, v in given.items() if k != "aux_logits")


def test_ssld_is_a_bounded_symmetric_divergence_without_labels():
    p, q = (Z / 2).softmax(1), (T / 2).softmax(1)

    def kl(a, b):
        return (a * (a / b).log()).sum(1)

    m = (p + q) / 2
    same(terms("ssld", Z, None, teacher_logits=T, tau=2.0), (kl(p, m) + kl(q, m)) / 2)
    same(terms("ssld", Z, None, teacher_logits=T, tau=2.0), terms("ssld", T, Y, teacher_logits=Z, tau=2.0))
    same(terms("ssld", Z, None, teacher_logits=T, tau=2.0, mode="kl"), kl(q, p))
    same(terms("ssld", Z, None, teacher_logits=T, tau=2.0, mode="sym"), (kl(q, p) + kl(p, q)) / 2)
    for mode in ("js", "kl", "sym"):
        same(terms("ssld", T, None, teacher_logits=T, mode=mode), torch.zeros(6).double(), atol=1e-14)
    far = terms("ssld", 1e4 * Z, None, teacher_logits=-1e4 * Z)
    same(far, torch.full((6,), math.log(2), dtype=torch.float64))


# ---- hyperspherical

X, L = draw(9, 5, seed=11), labels(9, 3, seed=12)
WEIGHT = {"weight": draw(3, 5, seed=13)}


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


# ---- hyperbolic

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


# ---- contrastive


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


# ---- triplets


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
    assert torch.autograd.gradcheck(lambda x: terms("proto_triplet", x, L, margin=9.0), X.requires_grad_())
    X.requires_grad_(False)
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


# ---- weights of pairs


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


# ---- leave one out


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


# ---- ordinal


def test_presto_of_equal_directions_is_the_proportional_odds_model():
    w, bias = draw(5, seed=20), torch.tensor([-1.0, 0.2, 1.5], dtype=torch.float64)
    state = {"weight": w.repeat(3, 1), "bias": bias}
    y = torch.arange(9) % 4
    cumulative = torch.sigmoid(X @ w[:, None] + bias)
    ends = torch.cat([torch.zeros(9, 1), cumulative, torch.ones(9, 1)], 1)
    p = ends.diff(dim=1)
    for lam in (0.0, 10.0):
        same(terms("presto", X, y, state, lam=lam), -p[torch.arange(9), y].log())
    same(p.sum(1), torch.ones(9).double())


def test_presto_penalises_directions_that_differ():
    state = {
        "weight": draw(3, 5, seed=21, scale=0.1),
        "bias": torch.tensor([-2.0, 0, 2], dtype=torch.float64),
    }
    y = torch.arange(9) % 4
    free = terms("presto", X, y, state, lam=0.0)
    penalty = state["weight"].diff(dim=0).abs().sum()
    same(terms("presto", X, y, state, lam=0.5), free + 0.5 * penalty)
    found = terms("presto", X, y, state, lam=0.5, penalize_first=True)
    same(found, free + 0.5 * (penalty + state["weight"][0].abs().sum()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_presto_where_thresholds_cross_is_floored_without_gradient(dtype):
    state = {"weight": torch.zeros(2, 5, dtype=dtype), "bias": torch.tensor([1.0, 0.5], dtype=dtype)}
    y = torch.full((9,), 1)
    found = terms("presto", X.to(dtype), y, state)
    same(found, torch.full((9,), 12 * math.log(10), dtype=dtype), rtol=1e-6)
    module = with_state(losses.create("presto", num_classes=3, dim=5), state)
    module(X.to(dtype), y).backward()
    assert not module.bias.grad.any() and not module.weight.grad.any()


def test_presto_keeps_its_digits_where_a_class_is_sure_or_hopeless():
    state = {"weight": torch.ones(2, 1), "bias": torch.tensor([-20.0, 20])}
    x, y = torch.tensor([[0.0], [60.0], [20.0], [-1e4], [1e4]]), torch.tensor([1, 0, 1, 0, 2])
    found = terms("presto", x, y, state)
    near = 2 * math.exp(-20)
    expected = [near, math.exp(-40), math.log(2), 12 * math.log(10), 12 * math.log(10)]
    same(found, torch.tensor(expected), rtol=2e-6, atol=0)
    assert gradient(lambda x: terms("presto", x, y, state), x).isfinite().all()


def test_presto_starts_with_increasing_thresholds_and_one_direction():
    module = losses.create("presto", num_classes=5, dim=3)
    assert (module.bias.diff() > 0).all() and module.weight.shape == (4, 3)
    assert (module.weight == module.weight[0]).all() and module.weight.any()
    same(torch.sigmoid(module.bias), torch.arange(1, 5) / 5, rtol=1e-6)
    with pytest.raises(InputError, match="num_classes must be >= 2"):
        losses.create("presto", num_classes=1, dim=3)


# ---- values


def test_hl_gauss_is_cross_entropy_to_the_mass_of_the_bell_in_each_bin():
    z, t = draw(6, 7, seed=22), torch.tensor([-9, -1.9, -0.3, 0.0, 1.97, 2.0], dtype=torch.float64)
    edges = torch.linspace(-2, 2, 8, dtype=torch.float64)
    clipped = t.clamp(-2, 2)[:, None]
    mass = torch.tensor(normal.cdf(edges, clipped, 0.5 * 4 / 7)).diff(dim=1)
    q = mass / mass.sum(1, keepdim=True)
    found = terms("hl_gauss", z, t, vmin=-2.0, vmax=2.0, sigma_ratio=0.5)
    same(found, -(q * z.log_softmax(1)).sum(1), rtol=1e-7)


def test_hl_gauss_of_a_narrow_bell_is_cross_entropy_to_the_bin():
    z, t = draw(5, 6, seed=23), torch.tensor([-3, -2.5, 0.2, 1.1, 3], dtype=torch.float64)
    found = terms("hl_gauss", z, t, sigma_ratio=1e-6)
    same(found, ce(z, torch.tensor([0, 0, 3, 4, 5])))


def test_two_hot_has_the_target_as_its_mean():
    atoms = torch.linspace(-3, 3, 8, dtype=torch.float64)
    t = torch.tensor([-7, -3, -1.234, 0.5, 2.999, 3, 4], dtype=torch.float64)
    z = draw(7, 8, seed=24)
    # gradient with respect to z is softmax(z) - q
    q = z.softmax(1) - gradient(lambda z: terms("two_hot", z, t), z)
    same(q @ atoms, t.clamp(-3, 3))
    assert ((q > 1e-12).sum(1) <= 2).all()


def test_two_hot_on_an_atom_is_cross_entropy():
    z, atoms = draw(7, 7, seed=25), torch.linspace(-3, 3, 7, dtype=torch.float64)
    same(terms("two_hot", z, atoms), ce(z, torch.arange(7)))
    same(terms("two_hot", z.float(), atoms.float()), ce(z.float(), torch.arange(7)), rtol=1e-5)


# ---- all

COUPLED = ["supcon", "triplet", "proto_triplet", "icnn", "multi_similarity", "metrix", "look"]
BATCHES = {
    "one row": (torch.randn(1, 4), [2]),
    "no rows": (torch.zeros(0, 4), []),
    "one class": (torch.randn(6, 4), [1] * 6),
    "no positives": (torch.randn(4, 4), [0, 1, 2, 3]),
    "identical": (torch.ones(6, 4), [0, 1, 2, 0, 1, 2]),
    "zero rows": (torch.cat([torch.zeros(2, 4), torch.randn(4, 4)]), [0, 0, 1, 0, 1, 2]),
    "all zero": (torch.zeros(6, 4), [0, 1, 2, 0, 1, 2]),
    "opposite": (torch.tensor([[1.0, 2, 3, 4]]) * torch.tensor([[1.0], [-1], [1], [-1]]), [0, 0, 1, 1]),
    "huge": (1e4 * torch.tensor([[1.0, 0, -1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [-1, 1, 0, 0]]), [0, 0, 1, 1]),
}
STATEFUL = ["norm_softmax", "unpg", "hyp_ce", "presto"]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", [*COUPLED, *STATEFUL, "hyp_pc", "infonce"])
def test_degenerate_batches_give_finite_numbers(name, batch):
    x, y = BATCHES[batch]
    if name == "hyp_pc" and len(x) % 2:
        return
    x, y = x.clone().requires_grad_(), torch.tensor(y, dtype=torch.int64)
    size = {"num_classes": 4, "dim": 4} if name in STATEFUL else {}
    extra = {"keys": torch.ones_like(x)} if name == "infonce" else {}
    module = losses.create(name, **size)
    for reduction in ("none", "sum", "mean"):
        value = module(x, y, reduction, **extra)
        assert value.isfinite().all()
    value.backward()
    assert x.grad.isfinite().all()
    if batch in ("one row", "no rows", "one class") and name in COUPLED and name not in ("supcon", "look"):
        assert value == 0 and not x.grad.any()


@pytest.mark.parametrize("name", [n for n in COUPLED if n != "proto_triplet"])
def test_identical_embeddings_have_no_gradient_where_distances_rule(name):
    x, y = torch.ones(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    assert gradient(lambda x: terms(name, x, y), x).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["supcon", "infonce", "multi_similarity", "metrix", "look", "unpg"])
def test_length_of_embeddings_does_not_matter(name):
    state = WEIGHT if name == "unpg" else None
    extra = {"infonce": {"keys": draw(9, 5, seed=26)}, "metrix": {"lam": 0.5}}.get(name, {})
    longer = X * torch.linspace(0.01, 100, 9)[:, None]
    same(terms(name, longer, L, state, **extra), terms(name, X, L, state, **extra), rtol=1e-6)


def test_small_losses_keep_their_digits_in_float32():
    x = torch.tensor([[1.0, 0], [1, 1e-3], [0, 1], [1e-3, 1]])
    y = torch.tensor([0, 0, 1, 1])
    close = {"weight": torch.tensor([[1.0, 0], [0, 1]])}
    for name, state, params in [
        ("norm_softmax", close, {"s": 30.0}),
        ("supcon", None, {"tau": 0.1}),
        ("look", None, {"k": 3, "tau": 0.1, "eps": 0.0}),
    ]:
        single = terms(name, x, y, state, **params)
        wide = {k: v.double() for k, v in state.items()} if state else None
        exact = terms(name, x.double(), y, wide, **params)
        assert exact.max() < 1e-3
        same(single.double(), exact, rtol=2e-5, atol=0)


@pytest.mark.parametrize("name", STATEFUL)
def test_state_comes_from_torch_generator_and_is_trained(name):
    torch.manual_seed(5)
    first = losses.create(name, num_classes=3, dim=4)
    torch.manual_seed(5)
    second = losses.create(name, num_classes=3, dim=4)
    assert dict(first.named_parameters()).keys() == set(losses.info(name)["state"])
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]) and value.isfinite().all()
    first(X[:, :4].float(), L).backward()
    assert all(p.grad is not None and p.grad.any() for p in first.parameters())


BAD_CALLS = [
    ("kd", {}, {}, Z, MissingNeed, "teacher_logits"),
    ("kd", {}, {"teacher_logits": T[:, :3]}, Z, ShapeError, "teacher_logits must be"),
    ("kd", {"T": 0}, {}, Z, InputError, "T must be > 0"),
    ("kd", {"alpha": 1.1}, {}, Z, InputError, "alpha must be in"),
    ("nd_loss", {}, {"teacher_embeddings": T, "class_means": T[:1]}, Z, InputError, "class_means has 1 rows"),
    ("norm_softmax", {}, {}, Z, InputError, "create needs num_classes"),
    ("norm_softmax", {"num_classes": 4, "dim": 3}, {}, Z, ShapeError, "dim=3"),
    ("norm_softmax", {"num_classes": 2, "dim": 4}, {}, Z, InputError, "num_classes=2"),
    ("norm_softmax", {"num_classes": 4, "dim": 4, "margin_type": "x"}, {}, Z, InputError, "margin_type"),
    ("unpg", {"num_classes": 4, "dim": 4, "wisk": -1}, {}, Z, InputError, "wisk must be >= 0"),
    ("hyp_ce", {"num_classes": 4, "dim": 4, "c": 0}, {}, Z, InputError, "c must be > 0"),
    ("hyp_ce", {"num_classes": 4, "dim": 4, "clip_r": 0}, {}, Z, InputError, "clip_r must be > 0"),
    ("hyp_pc", {}, {}, Z[:5], InputError, "even number of rows, got 5"),
    ("infonce", {}, {"keys": Z[:3]}, Z, ShapeError, "keys must be"),
    ("icnn", {"k": 0}, {}, Z, InputError, "k must be >= 1"),
    ("look", {"k": 1.5}, {}, Z, InputError, "k must be a whole number"),
    ("proto_triplet", {}, {"prototypes": Z[:2]}, Z, InputError, "prototypes has 2 rows"),
    ("proto_triplet", {}, {"prototypes": Z[:, :2]}, Z, ShapeError, "prototypes must be"),
    ("metrix", {}, {"lam": 1.5}, Z, InputError, "lam must be one number"),
    ("metrix", {}, {"lam": T}, Z, InputError, "lam must be one number"),
    ("presto", {"num_classes": 3, "dim": 4}, {}, Z, InputError, "num_classes=3"),
    ("hl_gauss", {"vmin": 1, "vmax": 1}, {}, Z, InputError, "vmin < vmax"),
    ("hl_gauss", {}, {}, Z, InputError, "targets must be a floating"),
    ("two_hot", {"vmax": -4}, {}, Z, InputError, "vmin < vmax"),
]


@pytest.mark.parametrize(("name", "params", "extra", "x", "error", "message"), BAD_CALLS)
def test_bad_parameters_and_calls_are_named(name, params, extra, x, error, message):
    y = torch.tensor([3, 0, 1, 2, 3, 1])[: len(x)]
    with pytest.raises(error, match=message):
        losses.create(name, **params)(x, y, **extra)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("info_nce", "infonce"),
        ("look_knn", "look"),
        ("nd_kd", "nd_loss"),
        ("normalized_softmax", "norm_softmax"),
    ],
)
def test_other_names_in_use(alias, name):
    assert losses.info(alias) == losses.info(name) and alias not in losses.names()
