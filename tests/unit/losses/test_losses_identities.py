"""Section E of the contract: identities between rows, and what they do not see."""

import math

import pytest
import torch
from batches import SETTINGS, facts, first, random_batch, setting_id
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz import losses

NAMES = losses.names()
LOGITS = [n for n in NAMES if first(n) == "logits"]  # groups A, B and D, but nd_loss
EMBEDDINGS = [n for n in NAMES if first(n) == "embeddings"]
settings_of_logits = pytest.mark.parametrize(
    ("name", "params"), [s for s in SETTINGS if s[0] in LOGITS], ids=setting_id
)


def same(a, b, atol=1e-10):
    torch.testing.assert_close(a, b, rtol=1e-7, atol=atol)


@st.composite
def batches(draw):
    """Logits (N, C) of a few classes, up to +-30, and targets."""
    n, c = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    number = st.floats(-30, 30, allow_subnormal=False)
    z = draw(st.lists(st.lists(number, min_size=c, max_size=c), min_size=n, max_size=n))
    y = draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n))
    return torch.tensor(z, dtype=torch.float64), torch.tensor(y)


def call(name, z, y, extra=None, **params):
    sizes = {"num_examples": len(z), "num_classes": z.shape[1]}
    module = losses.create(name, **params, **{s: sizes[s] for s in facts(name)["sizes"]})
    return module(z, y, "none", **(extra or {}))


CROSS_ENTROPIES = [
    ("comp_sum", {"tau": 1.0}, None),
    ("gce", {"q": 0.0}, None),
    ("focal", {"gamma": 0.0}, None),
    ("dco", {"n": 1.0}, None),
    ("poly1", {"eps": 0.0}, None),
    ("symmetric_ce", {"beta": 0.0}, None),
    ("meta_rescale", {}, lambda z: {"weights": torch.full((len(z),), 3.0)}),
    ("aggregate", {}, lambda z: {"bags": torch.arange(len(z))}),
    ("kd", {"alpha": 0.0}, lambda z: {"teacher_logits": z.flip(1)}),
    ("self_distill", {"alpha": 1.0}, lambda z: {"teacher_logits": z.flip(1)}),
    ("elr", {"lam": 0.0}, lambda z: {"index": torch.arange(len(z))}),
    ("dynamic_reweight", {"strategy": "uniform"}, None),
]


@pytest.mark.parametrize(("name", "params", "extra"), CROSS_ENTROPIES, ids=[c[0] for c in CROSS_ENTROPIES])
@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_many_rows_hold_cross_entropy(name, params, extra, batch):
    z, y = batch
    expected = torch.nn.functional.cross_entropy(z, y, reduction="none")
    z = z.requires_grad_()
    terms = call(name, z, y, extra(z.detach()) if extra else None, **params)
    same(terms, expected, atol=1e-12)
    slope = torch.autograd.grad(terms.sum(), z)[0]
    same(slope, (z.softmax(1) - torch.nn.functional.one_hot(y, z.shape[1])).detach(), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(batch=batches(), lam=st.floats(0.05, 50))
def test_robust_losses_are_tempered_cross_entropy(batch, lam):
    z, y = batch
    robust = call("ldr_kl", z, y, lam=lam)
    same(robust, lam * call("cross_entropy", z, y, tau=lam) - lam * math.log(z.shape[1]))
    same(call("aldr_kl", z, y, lam0=lam, alpha=1e12), robust, atol=1e-7 * lam)
    same(call("dro_temperature", z, y, rho=0.3, tau_min=lam, tau_max=lam), robust + 0.3 * lam)
    best = call("dro_temperature", z, y, rho=0.3, tau_min=0.05, tau_max=50.0)
    assert (best <= robust + 0.3 * lam + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(batch=batches(), q=st.floats(0, 3))
def test_comp_sum_joins_gce_and_mae(batch, q):
    z, y = batch
    same(call("comp_sum", z, y, tau=1 + q), call("gce", z, y, q=q))
    same(2 * call("comp_sum", z, y, tau=2.0), call("mae", z, y))
    same(2 * call("gce", z, y, q=1.0), call("mae", z, y))
    same(call("symmetric_ce", z, y, alpha=0.0, A=-2.0), call("mae", z, y))
    values = torch.stack([call("comp_sum", z, y, tau=t) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)])
    assert (values.diff(dim=0) <= 1e-12 * values[:-1]).all()


SEE_SHIFTS = {"mse", "log_spherical", "log_taylor", "logit_norm", "hybrid_multilabel"}


@settings_of_logits
def test_shifting_a_row_changes_nothing(name, params):
    batch = random_batch(name, params, seed=5)
    shift = torch.arange(1.0, 7)[:, None].double()
    alike = torch.allclose(batch(batch.x + shift), batch(), rtol=1e-7, atol=1e-10)
    assert alike == ((name not in SEE_SHIFTS and params.get("base") != "mse") or name == "aggregate")
    if alike:
        sums = batch.gradient("sum").sum(1)
        torch.testing.assert_close(sums, torch.zeros_like(sums), atol=1e-9, rtol=0)


def test_second_head_of_a_distilled_network_is_seen_as_it_is():
    batch = random_batch("dual_head_kd")
    assert not torch.allclose(batch(aux_logits=batch.extra["aux_logits"] + 1), batch())


ORDERED_CLASSES = {"hl_gauss", "two_hot"}


@settings_of_logits
def test_names_of_classes_do_not_matter(name, params):
    if name in ORDERED_CLASSES:
        return
    batch = random_batch(name, params, seed=2)
    order = torch.tensor([2, 0, 3, 1])
    changed = {k: v[:, order] for k, v in batch.extra.items() if getattr(v, "shape", None) == batch.x.shape}
    if "pos_weight" in batch.extra:
        changed["pos_weight"] = batch.extra["pos_weight"][order]
    if facts(name)["targets"] == "label_sets":
        changed["targets"] = batch.targets[:, order]
    elif batch.targets is not None:
        changed["targets"] = order.argsort()[batch.targets]
    before = batch()
    if name == "elr":
        batch.module.memory = batch.module.memory[:, order]
    same(batch(batch.x[:, order], **changed), before)


def test_anyloss_of_two_classes_knows_which_is_positive():
    batch = random_batch("anyloss", {"L": 10.0}, classes=2, n=7)
    assert not torch.allclose(batch(batch.x.flip(1), targets=1 - batch.targets), batch())


PAIRED = {"hyp_pc"}  # rows are paired by their place
ORDERED_TERMS = {"triplet"}


@pytest.mark.parametrize(("name", "params"), SETTINGS, ids=setting_id)
def test_order_of_rows_is_the_order_of_terms(name, params):
    if name in PAIRED:
        return
    batch = random_batch(name, params, seed=4)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    terms, moved = batch(), batch.rows(order)()
    if facts(name)["row_kind"] == "batch":
        same(moved, terms)
    elif name in ORDERED_TERMS or len(terms) < 6:
        same(moved.sort().values, terms.sort().values)
    else:
        same(moved, terms[order])


ALONE = {"norm_softmax", "hyp_ce", "presto", "infonce"}  # of those on embeddings
SEES_OTHERS = {
    *("anyloss", "dice", "tversky", "ens_loss", "dynamic_reweight", "aggregate", "hybrid_multilabel"),
    *(n for n in EMBEDDINGS if n not in ALONE and n != "nd_loss"),
}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in SEES_OTHERS])
def test_each_row_has_its_own_term(name):
    batch = random_batch(name)
    jacobian = torch.autograd.functional.jacobian(batch, batch.x)
    others = jacobian * (1 - torch.eye(6, dtype=torch.float64))[:, :, None]
    assert not others.any()
    # nor does its value depend on what the others are
    if name not in ("infonce", "meta_rescale"):
        same(batch.rows(torch.tensor([2, 4]))(), batch()[[2, 4]])


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_see_others_say_so(name):
    assert facts(name)["coupled"] or name not in SEES_OTHERS


def test_prototypes_that_are_given_leave_each_row_alone():
    batch = random_batch("proto_triplet", {"margin": 20.0})
    prototypes = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()
    slope = torch.autograd.functional.jacobian(lambda x: batch(x, prototypes=prototypes), batch.x)
    assert slope.any() and not (slope * (1 - torch.eye(6).double())[:, :, None]).any()


SCALE_FREE = {
    "z_loss": {},
    "logit_norm": {"eps": 0.0},
    "norm_softmax": {},
    "supcon": {},
    "infonce": {},
    "multi_similarity": {"margin": 0.5},
    "metrix": {},
    "look": {},
    "unpg": {},
    "icnn": {},
}


@pytest.mark.parametrize(("name", "params"), SCALE_FREE.items(), ids=setting_id)
@pytest.mark.parametrize("factor", [0.01, 1.0, 300.0])
def test_scaling_a_row_changes_nothing(name, params, factor):
    batch = random_batch(name, params, seed=6)
    same(batch(factor * batch.x), batch(), atol=1e-8)
    if name != "icnn":  # distances need one scale for all
        factors = factor * torch.linspace(0.5, 2, 6).double()[:, None]
        same(batch(factors * batch.x), batch(), atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_symmetric_losses_sum_to_a_constant_over_the_labels(batch):
    z, _ = batch
    n, c = z.shape

    def total(name, **params):
        return sum(call(name, z, torch.full((n,), k), **params) for k in range(c))

    for name, params, constant in [
        ("mae", {}, 2 * (c - 1)),
        ("nce", {}, 1),
        ("comp_sum", {"tau": 2.0}, c - 1),
        ("gce", {"q": 1.0}, c - 1),
    ]:
        same(total(name, **params), torch.full((n,), float(constant), dtype=torch.float64))
    flat = total("ldr_kl", lam=1e9)
    torch.testing.assert_close(flat, torch.zeros_like(flat), rtol=0, atol=1e-5)
