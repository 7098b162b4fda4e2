"""Losses on logits, row by row: equivalents of torch and scikit-learn, limits, what each promises."""

import functools
import math

import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    fbeta_score,
    hinge_loss,
    log_loss,
    recall_score,
)

from clsviz import losses

Z = torch.tensor([[2, -1, 0.5], [0, 1, -1]], dtype=torch.float64)
Y = torch.tensor([0, 2])


def random_rows(n=4, c=3, seed=0, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(n, c, generator=g, dtype=torch.float64)
    return z, torch.randint(0, c, (n,), generator=g)


def terms_of(name, z, y, **params):
    return losses.create(name, **params)(z, y, "none")


def same(a, b):
    torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-12)


def test_torch_agrees():
    z, y = random_rows(n=8, c=5, seed=6)
    torch_ce = functools.partial(torch.nn.functional.cross_entropy, reduction="none")
    for tau, smoothing in [(1.0, 0.0), (0.3, 0.2), (5.0, 0.9)]:
        same(
            terms_of("cross_entropy", z, y, tau=tau, label_smoothing=smoothing),
            torch_ce(z / tau, y, label_smoothing=smoothing),
        )
    for power in (1, 2):
        expected = torch.nn.functional.multi_margin_loss(z, y, p=power, margin=0.7, reduction="none")
        same(terms_of("hinge_ww", z, y, power=power, margin=0.7, average=True), expected)
    own = torch.nn.functional.one_hot(y, 5).double()
    same(terms_of("mse", z, y), torch.nn.functional.mse_loss(z, own, reduction="none").mean(1))
    same(terms_of("brier", z, y, tau=2.0), ((z / 2).softmax(1) - own).square().sum(1))


def test_ldr_kl_is_tempered_cross_entropy_between_hinge_and_linear():
    z, y = random_rows(n=8, c=4, seed=8)
    for lam in (0.1, 1.0, 7.0):
        tempered = lam * terms_of("cross_entropy", z, y, tau=lam) - lam * math.log(4)
        same(terms_of("ldr_kl", z, y, lam=lam), tempered)
    hinge = terms_of("hinge_cs", z, y, margin=0.5)
    torch.testing.assert_close(terms_of("ldr_kl", z, y, lam=1e-6, margin=0.5), hinge, atol=1e-5, rtol=0)
    linear = z.mean(1) - z[torch.arange(8), y] + 0.5 * 3 / 4
    found = terms_of("ldr_kl", z, y, lam=1e8, margin=0.5)
    torch.testing.assert_close(found, linear, atol=1e-6, rtol=0)
    single = terms_of("ldr_kl", z.float(), y, lam=1e8, margin=0.5)
    torch.testing.assert_close(single.double(), linear, atol=2e-6, rtol=0)
    values = torch.stack([terms_of("ldr_kl", z, y, lam=lam) for lam in (0.05, 0.3, 1, 4, 50)])
    assert (values.diff(dim=0) <= 1e-12).all()


def test_small_losses_keep_their_digits_in_float32():
    z = torch.tensor([[20.0, 0, 0], [40, 0, 0]])
    y = torch.tensor([0, 0])
    m = torch.log1p(2 * torch.exp(-torch.tensor([20.0, 40.0], dtype=torch.float64)))
    for name, params in [("cross_entropy", {}), ("gce", {}), ("comp_sum", {"tau": 0.5})]:
        torch.testing.assert_close(terms_of(name, z, y, **params).double(), m, rtol=2e-6, atol=0)
    torch.testing.assert_close(terms_of("mae", z, y).double(), 2 * m, rtol=2e-6, atol=0)


def test_truncated_gce_is_flat_below_its_threshold():
    z = torch.tensor([[0.0, 5, 0], [5, 0, 0]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0, 0])
    terms = losses.create("gce", q=0.5, k=0.4)(z, y, "none")
    terms.sum().backward()
    assert terms[0].item() == pytest.approx((1 - 0.4**0.5) / 0.5)
    assert not z.grad[0].any() and z.grad[1].any()
    flat = losses.create("gce", q=0.0, k=0.4)(z, y, "none")
    assert flat[0].item() == pytest.approx(-math.log(0.4))


def test_comp_sum_overflow_is_infinite_with_a_gradient_that_points_the_right_way():
    z = torch.tensor([[0.0, 500, 0]], requires_grad=True)
    value = losses.create("comp_sum", tau=0.0)(z, torch.tensor([0]))
    value.backward()
    assert value.item() == math.inf
    assert z.grad.isfinite().all() and z.grad[0, 0] < 0 < z.grad[0, 1]


def test_scikit_learn_agrees():
    z, y = random_rows(n=12, c=4, seed=1)
    p = z.softmax(1)
    assert losses.create("cross_entropy")(z, y).item() == pytest.approx(log_loss(y, p, labels=range(4)))
    two = torch.randn(12, 2, dtype=torch.float64)
    side = (torch.arange(12) % 2).long()
    brier = losses.create("brier")(two, side).item()
    assert brier == pytest.approx(2 * brier_score_loss(side, two.softmax(1)[:, 1]))
    assert losses.create("hinge_cs")(z, y).item() == pytest.approx(hinge_loss(y, z, labels=range(4)))


METRICS = {
    "accuracy": lambda y, guess: accuracy_score(y, guess),
    "f_beta": lambda y, guess: fbeta_score(y, guess, beta=2),
    "g_mean": lambda y, guess: (recall_score(y, guess) * recall_score(1 - y, 1 - guess)) ** 0.5,
    "g_mean_sq": lambda y, guess: recall_score(y, guess) * recall_score(1 - y, 1 - guess),
    "balanced_accuracy": lambda y, guess: balanced_accuracy_score(y, guess),
}


@pytest.mark.parametrize("metric", METRICS)
def test_anyloss_of_a_steep_amplifier_is_the_metric_of_decisions(metric):
    z, y = random_rows(n=40, c=2, seed=2)
    loss = losses.create("anyloss", metric=metric, beta=2.0, L=1e7, eps=1e-13)
    expected = 1 - METRICS[metric](y, z.argmax(1))
    assert loss(z, y).item() == pytest.approx(expected, abs=1e-6)
    z3, y3 = random_rows(n=40, c=3, seed=2)
    one_vs_rest = [METRICS[metric]((y3 == c).long(), (z3.softmax(1)[:, c] > 0.5).long()) for c in range(3)]
    assert loss(z3, y3).item() == pytest.approx(1 - sum(one_vs_rest) / 3, abs=1e-6)


def test_hard_dice_of_one_class_is_one_minus_f1():
    guess, y = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 1, 0, 1, 1])
    z = 1e4 * torch.nn.functional.one_hot(guess, 2).double()
    value = losses.create("dice", smooth=1e-12)(z, y).item()
    assert value == pytest.approx(1 - (f1_score(y, guess) + f1_score(1 - y, 1 - guess)) / 2)
    assert losses.create("dice")(1e4 * torch.nn.functional.one_hot(y, 2).double(), y).item() == 0


def test_tversky_holds_dice_and_jaccard():
    z, y = random_rows(n=9, c=3, seed=3)
    for s in (0.1, 1.0, 3.0):
        same(losses.create("tversky", smooth=s)(z, y), losses.create("dice", smooth=2 * s)(z, y))
    p, own = z.softmax(1), torch.nn.functional.one_hot(y, 3)
    jaccard = ((p * own).sum(0) + 1) / ((p + own - p * own).sum(0) + 1)
    same(losses.create("tversky", alpha=1.0, beta=1.0)(z, y), 1 - jaccard.mean())


def test_dsc_is_least_where_its_weight_peaks():
    for alpha in (0.5, 1.0, 3.0):
        p = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
        z = torch.stack([p.log(), (1 - p).log()], 1)
        terms = terms_of("dsc", z, torch.zeros(99, dtype=torch.int64), alpha=alpha)
        w = (1 - p) ** alpha * p
        rival = p**alpha * (1 - p)
        same(terms, ((1 - w) / (w + 2) + rival / (rival + 1)) / 2)
    sure = terms_of("dsc", torch.tensor([[1e4, 0.0, 0]]), torch.tensor([0]), smooth=0.5)
    assert sure.item() == pytest.approx((1 - 0.5 / 1.5) / 3)
    z, y = random_rows(n=5)
    p, own = z.softmax(1), torch.nn.functional.one_hot(y, 3)
    same(terms_of("dsc", z, y, alpha=0.0), (1 - (2 * p * own + 1) / (p + own + 1)).mean(1))


def test_adversarial_comp_sum_is_comp_sum_plus_the_move_of_the_margins():
    z, y = random_rows(n=6, seed=4)
    adv, _ = random_rows(n=6, seed=5)
    for tau in (0.5, 1.0, 2.0):
        first = terms_of("comp_sum", z / 0.7, y, tau=tau)
        loss = losses.create("comp_sum_adv", tau=tau, rho=0.7)
        same(loss(z, y, "none", adv_logits=z), first)
        same(losses.create("comp_sum_adv", tau=tau, rho=0.7, nu=0)(z, y, "none", adv_logits=adv), first)
        found = loss(z, y, "none", adv_logits=adv)
        same(loss(z, y, "none", adv_logits=adv + torch.arange(6.0)[:, None]), found)
        margins = [t.gather(1, y[:, None]) - t for t in (adv, z)]
        same(found, first + (margins[0] - margins[1]).norm(dim=1))


def test_adversarial_logits_get_a_gradient_that_is_zero_where_nothing_moved():
    z, y = random_rows(n=3)
    adv = z.clone()
    adv[0] += torch.tensor([1.0, 0, 0])
    adv.requires_grad_()
    losses.create("comp_sum_adv")(z, y, adv_logits=adv).backward()
    assert adv.grad[0].any() and not adv.grad[1:].any()


def test_adaptive_temperature_falls_from_lam0_for_sure_rows():
    z, y = random_rows(n=20, c=4, seed=6, scale=5.0)
    for alpha, lam0 in [(1.05, 1.0), (2.0, 0.5), (10.0, 3.0)]:
        before = torch.full((20,), lam0, dtype=torch.float64)
        for iters in (1, 2, 5, 20):
            loss = losses.create("aldr_kl", alpha=alpha, lam0=lam0, iters=iters)
            loss(z, y)
            assert (loss.last_lambda <= before + 1e-12).all()
            assert (loss.last_lambda >= lam0 * (1 - 1 / alpha) - 1e-12).all()
            before = loss.last_lambda
        inside = terms_of("aldr_kl", z, y, alpha=alpha, lam0=lam0, iters=20)
        fixed = [ldr(z[i : i + 1], y[i : i + 1], float(lam)) for i, lam in enumerate(before)]
        penalty = alpha * math.log(4) / (2 * lam0) * (before - lam0) ** 2
        same(inside, torch.cat(fixed) - penalty)


def ldr(z, y, lam):
    return terms_of("ldr_kl", z, y, lam=lam)


def test_adaptive_gradient_is_the_class_weights_minus_the_target():
    z, y = random_rows(n=4, seed=7)
    loss = losses.create("aldr_kl", margin=0.5)
    z.requires_grad_()
    loss(z, y, "sum").backward()
    own = torch.nn.functional.one_hot(y, 3)
    weights = ((z + 0.5 * (1 - own)) / loss.last_lambda[:, None]).softmax(1)
    same(z.grad, (weights - own).detach())


def test_best_temperature_has_the_divergence_asked_for():
    z, y = random_rows(n=30, c=4, seed=8, scale=3.0)
    loss = losses.create("dro_temperature", rho=0.4, tau_min=0.02, tau_max=50.0)
    value = loss(z, y, "none")
    log_p = (z / loss.last_tau[:, None]).log_softmax(1)
    divergence = (log_p.exp() * log_p).sum(1) + math.log(4)
    torch.testing.assert_close(divergence, torch.full((30,), 0.4, dtype=torch.float64), rtol=1e-9, atol=0)
    for tau in (0.02, 0.3, 1.0, 5.0, 50.0):
        assert (value <= ldr(z, y, tau) + 0.4 * tau + 1e-10).all()


def test_best_temperature_at_its_bounds():
    z, y = random_rows(n=10, c=3, seed=9)
    z[0] = 1.0
    for rho, tau in [(0.0, 4.0), (math.log(3), 0.1), (9.0, 0.1)]:
        loss = losses.create("dro_temperature", rho=rho, tau_min=0.1, tau_max=4.0)
        value = loss(z, y, "none")
        assert (loss.last_tau == tau).all()
        same(value, ldr(z, y, tau) + rho * tau)
    same(
        terms_of("dro_temperature", z, y, tau_min=0.7, tau_max=0.7),
        ldr(z, y, 0.7) + 0.5 * 0.7,
    )
    sure = losses.create("dro_temperature", rho=0.3)
    sure(torch.tensor([[0.0, 1e4, 0]]), torch.tensor([0]))
    assert sure.last_tau.item() == 5.0


def test_focal_of_equal_gammas_is_focal_and_the_threshold_chooses():
    z, y = random_rows(n=12, c=4, seed=10)
    same(
        terms_of("focal_sd", z, y, gamma_low=1.7, gamma_high=1.7),
        terms_of("focal", z, y, gamma=1.7),
    )
    sure = z.softmax(1).gather(1, y[:, None])[:, 0] >= 0.2
    assert 0 < sure.sum() < 12
    found = torch.where(sure, terms_of("focal", z, y, gamma=3.0), terms_of("focal", z, y, gamma=5.0))
    same(terms_of("focal_sd", z, y), found)


def test_normalised_cross_entropy_of_equal_logits_is_one_over_the_classes():
    same(terms_of("nce", torch.zeros(1, 5).double(), torch.tensor([3])), torch.tensor([0.2]).double())


def test_slopes_of_the_ensemble_are_negative_rise_with_the_margin_and_repeat():
    z, y = random_rows(n=50, c=3, seed=11)
    rivals = z.masked_fill(torch.nn.functional.one_hot(y, 3).bool(), -math.inf).max(1).values
    s = z.gather(1, y[:, None])[:, 0] - rivals
    for bc_lambda in (-1.0, 0.0, 0.5, 2.0):
        loss = losses.create("ens_loss", bc_lambda=bc_lambda)
        draw = torch.Generator().manual_seed(1)
        first = loss(z, y, "none", generator=draw)
        second = loss(z, y, "none", generator=draw)
        assert not torch.equal(first, second)
        assert torch.equal(first, loss(z, y, "none", generator=draw.manual_seed(1)))
        g = (first / s)[s.argsort()]
        assert (g < 0).all() and (g.diff() >= -1e-12).all() and (g >= -1 - 2e-6).all()
    noise = torch.randn(50).double()
    assert torch.equal(loss(z, y, "none", noise=noise), loss(z, y, "none", noise=noise))


def test_slopes_of_the_ensemble_are_those_of_the_authors():
    z, y = random_rows(n=9, c=2, seed=12)
    noise = torch.linspace(-2, 2, 9).double()
    s = z.gather(1, y[:, None])[:, 0] - z.gather(1, 1 - y[:, None])[:, 0]
    for bc_lambda, shape in [(0.0, noise.exp()), (1.0, (1 + noise).clamp(min=0))]:
        r = (-shape).sort().values.clamp(min=-1)
        g = torch.empty(9).double()
        g[s.sort(stable=True).indices] = r
        expected = (torch.where(s > 1, g / s, g) - 1e-6) * s
        same(losses.create("ens_loss", bc_lambda=bc_lambda)(z, y, "none", noise=noise), expected)


def test_z_loss_gradient_is_orthogonal_to_shift_and_scale():
    z, y = random_rows(n=7, c=5, seed=13)
    z.requires_grad_()
    losses.create("z_loss", a=3.0, b=1.0)(z, y, "sum").backward()
    zero = torch.zeros(7, dtype=torch.float64)
    torch.testing.assert_close(z.grad.sum(1), zero, atol=1e-12, rtol=0)
    torch.testing.assert_close((z.grad * z).sum(1), zero, atol=1e-10, rtol=0)
    standard = (z - z.mean(1, keepdim=True)) / z.std(1, correction=0, keepdim=True)
    expected = torch.nn.functional.softplus(3 * (1 - standard.gather(1, y[:, None])[:, 0])) / 3
    torch.testing.assert_close(terms_of("z_loss", z, y, a=3.0, b=1.0), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("level", [0.0, 0.1, 1e4, -1e4])
def test_z_loss_of_equal_logits_is_softplus_with_a_finite_gradient(level):
    z = torch.full((2, 7), level, requires_grad=True)
    terms = losses.create("z_loss", a=2.0, b=1.5)(z, Y, "none")
    terms.sum().backward()
    assert terms.tolist() == pytest.approx([math.log1p(math.exp(3)) / 2] * 2)
    assert z.grad.isfinite().all()


def test_log_spherical_is_even_and_log_taylor_is_flat_at_equal_logits():
    z, y = random_rows(n=8, c=4, seed=14)
    same(terms_of("log_spherical", -z, y), terms_of("log_spherical", z, y))
    tiny = terms_of("log_spherical", z, y, eps=1e-15)
    torch.testing.assert_close(terms_of("log_spherical", 9 * z, y, eps=1e-15), tiny)
    squares = z.square() + 0.01
    same(terms_of("log_spherical", z, y, eps=0.01), -share(squares, y).log())
    same(terms_of("log_taylor", z, y), -share(1 + z + z.square() / 2, y).log())
    flat = torch.full((1, 4), 3.0, dtype=torch.float64)
    assert terms_of("log_taylor", flat, Y[:1]).item() == pytest.approx(math.log(4))


def share(scores, y):
    return scores.gather(1, y[:, None])[:, 0] / scores.sum(1)


def test_coverage_loss_limits_confidence():
    z, y = random_rows(n=30, c=3, seed=15)
    p = z.softmax(1).gather(1, y[:, None])[:, 0]
    for n in (2.0, 8.0, 300.0):
        same(terms_of("dco", z, y, n=n), -torch.log1p(-((1 - p) ** n)))
        t = z.clone().requires_grad_()
        terms_of("dco", t, y, n=n).sum().backward()
        factor = n * p * (1 - p) ** (n - 1) / (1 - (1 - p) ** n)
        same(t.grad, factor[:, None] * (z.softmax(1) - torch.nn.functional.one_hot(y, 3)))


@pytest.mark.parametrize("gap", [20.0, 30.0, 50.0, 80.0, 200.0, 1e4])
def test_coverage_of_hopeless_rows_is_cross_entropy_less_log_n(gap):
    z = torch.tensor([[0.0, gap]], requires_grad=True)
    value = losses.create("dco", n=64.0)(z, torch.tensor([0]))
    value.backward()
    assert value.item() == pytest.approx(gap - math.log(64), rel=1e-6)
    assert z.grad.tolist()[0] == pytest.approx([-1, 1], abs=1e-5)


def test_correctness_aware_compares_the_top_confidence():
    z, y = random_rows(n=20, c=4, seed=16)
    top, guess = (z / 1.5).softmax(1).max(1)
    same(terms_of("correctness_aware", z, y, tau=1.5), ((guess == y).double() - top).square())
    tie = torch.zeros(1, 3, dtype=torch.float64)
    same(terms_of("correctness_aware", tie, torch.tensor([0])), torch.tensor([4 / 9]).double())
    same(terms_of("correctness_aware", tie, torch.tensor([2])), torch.tensor([1 / 9]).double())


def test_logit_norm_is_bounded_and_fair_at_zero():
    z, y = random_rows(n=20, c=4, seed=17, scale=50.0)
    for tau in (0.04, 1.0):
        assert (terms_of("logit_norm", z, y, tau=tau) <= math.sqrt(2) / tau + math.log(4)).all()
        unit = z / z.norm(dim=1, keepdim=True)
        found = terms_of("logit_norm", z, y, tau=tau, eps=0.0)
        same(found, terms_of("cross_entropy", unit, y, tau=tau))
    zero = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    value = terms_of("logit_norm", zero, torch.tensor([1])).sum()
    value.backward()
    assert value.item() == pytest.approx(math.log(4)) and zero.grad.isfinite().all()


STRATEGIES = {
    "uniform": lambda h: 0 * h,
    "linear": lambda h: h,
    "linupper": lambda h: h.clamp(max=0.3),
    "quadratic": lambda h: 1 - h**2,
    "extremes": lambda h: h.abs(),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_reweighting_is_a_softmax_over_the_batch(strategy):
    z, y = random_rows(n=9, c=3, seed=18)
    ce = torch.nn.functional.cross_entropy(z, y, reduction="none")
    h = 2 * (ce - ce.min()) / (ce.max() - ce.min()) - 1
    w = (STRATEGIES[strategy](h) / 0.5).softmax(0)
    loss = losses.create("dynamic_reweight", strategy=strategy, temperature=0.5, cap=0.3)
    same(loss(z, y), (w * ce).sum())
    same(losses.create("dynamic_reweight", strategy=strategy, temperature=1e12)(z, y), ce.mean())


def test_given_weights_get_a_gradient():
    z, y = random_rows(n=5, seed=19)
    ce = torch.nn.functional.cross_entropy(z, y, reduction="none")
    w = torch.tensor([0.0, 1, 2, 0.5, 3]).double().requires_grad_()
    same(losses.create("meta_rescale")(z, y, weights=w), (w * ce).sum() / w.sum())
    losses.create("meta_rescale", normalize=False)(z, y, "sum", weights=w).backward()
    same(w.grad, ce)
    assert losses.create("meta_rescale")(z, y, weights=torch.zeros(5)).item() == 0


def test_self_paced_takes_the_easy_rows():
    z, y = random_rows(n=20, c=3, seed=20)
    ce = torch.nn.functional.cross_entropy(z, y, reduction="none")
    hard, linear = losses.create("self_paced"), losses.create("self_paced", mode="linear", lam=2.0)
    same(hard(z, y, "none"), torch.where(ce < 1, ce - 1, 0.0))
    assert torch.equal(hard.last_v, (ce < 1).double())
    v = (1 - ce / 2).clamp(min=0)
    same(linear(z, y, "none"), -v.square())
    same(linear.last_v, v)
    t = z.clone().requires_grad_()
    terms_of("self_paced", t, y, lam=1e9, mode="linear").sum().backward()
    own = torch.nn.functional.one_hot(y, 3)
    torch.testing.assert_close(t.grad, z.softmax(1) - own, rtol=1e-6, atol=1e-8)


def by_hand(z, y, bags, base):
    """Bag and instance terms, bag by bag."""
    p, own = z.softmax(1), torch.nn.functional.one_hot(y, z.shape[1]).double()
    bag, instance = torch.empty(len(z)).double(), torch.empty(len(z)).double()
    for b in bags.unique():
        rows = bags == b
        share, mean = own[rows].mean(0), p[rows].mean(0)
        if base == "ce":
            bag[rows] = -(share * mean.log()).sum()
            instance[rows] = -(share * p[rows].log()).sum(1)
        else:
            bag[rows] = (share - mean).square().sum()
            instance[rows] = (share - p[rows]).square().sum(1)
    return bag, instance


def test_bags_are_compared_by_their_proportions():
    z, y = random_rows(n=11, c=4, seed=21)
    bags = torch.tensor([5, -2, 5, 7, 7, 7, -2, 5, 9, 5, 7])
    for base in ("ce", "mse"):
        bag, instance = by_hand(z, y, bags, base)
        found = {
            level: losses.create("aggregate", level=level, base=base, rho=0.3)(z, y, "none", bags=bags)
            for level in ("bag", "instance", "interp")
        }
        same(found["bag"], bag)
        same(found["instance"], instance)
        same(found["interp"], 0.7 * bag + 0.3 * instance)
        assert instance.mean() >= bag.mean()
    p = z.softmax(1)
    spread = sum((p[bags == b] - p[bags == b].mean(0)).square().sum() for b in bags.unique()) / 11
    same(instance.mean(), bag.mean() + spread)
    alone = losses.create("aggregate", base="mse")(z, y, "none", bags=torch.arange(11))
    same(alone, terms_of("brier", z, y))


def test_only_proportions_of_a_bag_count():
    z, y = random_rows(n=6, c=3, seed=22)
    bags, swapped = torch.tensor([0, 0, 0, 1, 1, 1]), y[[2, 0, 1, 5, 4, 3]]
    loss = losses.create("aggregate")
    same(loss(z, swapped, "none", bags=bags), loss(z, y, "none", bags=bags))


def test_hybrid_multilabel_without_extras_is_binary_cross_entropy():
    z, _ = random_rows(n=5, c=4, seed=23)
    sets = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 1]])
    weight = torch.tensor([1.0, 2, 0.5, 3]).double()
    loss = losses.create("hybrid_multilabel", lam_corr=0.0, lam_con=0.0)
    for pos_weight in (None, weight):
        expected = torch.nn.functional.binary_cross_entropy_with_logits(
            z, sets.double(), pos_weight=pos_weight
        )
        same(loss(z, sets, pos_weight=pos_weight), expected)


def test_hybrid_multilabel_parts_by_hand():
    z, _ = random_rows(n=4, c=3, seed=24)
    sets = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0]])
    e = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).double()
    base = losses.create("hybrid_multilabel", lam_corr=0.0, lam_con=0.0)(z, sets, "none")
    p, labels = z.sigmoid(), sets.double()
    top = bottom = 0.0
    for c in range(3):
        for d in range(c + 1, 3):
            norms = max(float(labels[:, c].norm() * labels[:, d].norm()), 1e-12)
            r = labels[:, c] @ labels[:, d] / norms
            top, bottom = top + r * (p[:, c] - p[:, d]) ** 2, bottom + r
    found = losses.create("hybrid_multilabel", lam_corr=1.0, lam_con=0.0)(z, sets, "none")
    same(found - base, top / bottom)
    contrast = torch.zeros(4).double()
    for i in range(4):
        for j in set(range(4)) - {i}:
            union = (sets[i] | sets[j]).sum()
            jaccard = float((sets[i] & sets[j]).sum() / union) if union else 0.0
            s = torch.cosine_similarity(e[i], e[j], 0)
            contrast[i] += (jaccard * (1 - s) + (1 - jaccard) * (s - 0.5).clamp(min=0)) / 3
    e.requires_grad_()
    found = losses.create("hybrid_multilabel", lam_corr=0.0, lam_con=1.0)(z, sets, "none", embeddings=e)
    same(found - base, contrast)
    found.sum().backward()
    assert e.grad.any()
    one = losses.create("hybrid_multilabel", lam_corr=0.0)(z[:1], sets[:1], embeddings=e[:1])
    same(one, base[0])


def test_good_rows_keep_their_digits_in_float32_whatever_the_loss():
    z, y = torch.tensor([[20.0, 0, 0]]).expand(3, 3), torch.tensor([0, 0, 0])
    rest = 2 / (math.exp(20) + 2)  # 1 - p_y, about 4e-9
    small = {
        "dco": rest,
        "nce": rest / 40,
        "correctness_aware": rest**2,
        "dice": (3 * rest / 7 + 2 * 1.5 * rest) / 3,
        "tversky": (0.5 * 3 * rest / 4 + 2 * 0.5 * 1.5 * rest) / 3,
    }
    for name, value in small.items():
        params = {"n": 1.0} if name == "dco" else {}
        assert losses.create(name, **params)(z, y).item() == pytest.approx(value, rel=5e-6), name
