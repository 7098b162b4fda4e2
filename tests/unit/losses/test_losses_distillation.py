"""Losses that follow a teacher, against formulas written out plainly."""

import math

import pytest
import torch
from loss_tools import ce, draw, gradient, labels, same, terms
from torch.nn import functional as F

from clsviz import losses

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
