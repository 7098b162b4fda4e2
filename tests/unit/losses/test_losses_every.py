"""What holds for every loss: the public vectors, gradients, extremes, precision, transforms, refusals."""

import sys

import pytest
import torch
from batches import (
    SETTINGS,
    C,
    case_batch,
    extreme_batch,
    facts,
    first,
    other_value,
    random_batch,
    setting_id,
)
from torch.func import grad, vmap
from vectors import CASES
from vectors_bcd import CASES as CASES_BCD

from clsviz import losses
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.losses.row import ROWS

NAMES = losses.names()
ALL_CASES = CASES + CASES_BCD
CLASSIFY = [n for n in NAMES if facts(n)["targets"] == "class"]
settings_of = pytest.mark.parametrize(("name", "params"), SETTINGS, ids=setting_id)

# What a loss detaches though it varies with the logits: (file, function that makes it).
DETACHED = {
    "aldr_kl": ("distributional", "_step_down"),
    "ens_loss": ("ensemble", "_slopes"),
    "dynamic_reweight": ("weighting", "_score"),
    "self_paced": ("weighting", "_easiness"),
}
MAY_BE_INFINITE = {"comp_sum", "comp_sum_adv"}  # for tau < 1


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda c: f"{c.name}-{setting_id(c.params)}")
def test_public_value_and_gradient(case):
    for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 3e-6)):
        batch = case_batch(case).to(dtype)
        x = batch.x.requires_grad_()
        value = batch(x, "mean")
        value.backward()
        assert value.dtype == dtype
        assert value.item() == pytest.approx(case.mean, abs=tolerance, rel=2e-7)
        assert x.grad[0].tolist() == pytest.approx(case.g0, abs=tolerance)


def test_every_loss_has_a_public_vector():
    assert {c.name for c in ALL_CASES} == set(NAMES)


@settings_of
def test_gradient_is_that_of_finite_differences(name, params, monkeypatch):
    if name in DETACHED:
        file, part = DETACHED[name]
        home = sys.modules[f"clsviz.losses.{file}"]
        make, kept = getattr(home, part), []

        def held(*args, **kwargs):
            if not kept:
                kept.append(make(*args, **kwargs))
            return kept[0]

        monkeypatch.setattr(home, part, held)
    batch = random_batch(name, params)
    batch()
    assert torch.autograd.gradcheck(batch, batch.x.requires_grad_(), atol=1e-6)


@settings_of
def test_float32_agrees_with_float64(name, params):
    batch = random_batch(name, params, seed=3)
    single = batch.to(torch.float32)
    wide, narrow = batch(), single()
    assert (wide.dtype, narrow.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(narrow.double(), wide, rtol=2e-5, atol=5e-7)
    torch.testing.assert_close(single.gradient().double(), batch.gradient(), rtol=1e-4, atol=5e-6)


@settings_of
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_float32(name, params, dtype):
    half = random_batch(name, params, seed=1).to(dtype)
    found = half()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, half.to(torch.float32)())
    assert half.gradient().dtype == dtype


@pytest.mark.parametrize("name", NAMES)
def test_autocast_takes_no_digits(name):
    batch = random_batch(name).to(torch.float32)
    plain = batch()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(batch(), plain)


@settings_of
def test_extreme_inputs_stay_finite(name, params):
    batch = extreme_batch(name, params)
    alike = [[0, 27], [13, 40], [26, 53], [0, 13]]  # equal rows of equal logits
    for rows in (torch.arange(82), *map(torch.tensor, alike)):
        some = batch.rows(rows)
        terms = some()
        assert not terms.isnan().any()
        assert some.gradient("sum").isfinite().all()
        if not (name in MAY_BE_INFINITE and params.get("tau", 1) < 1):
            assert terms.isfinite().all()


@settings_of
def test_sum_and_mean_are_those_of_the_terms(name, params):
    batch = random_batch(name, params)
    terms = batch()
    if facts(name)["row_kind"] == "batch":
        assert terms.ndim == 0 and torch.equal(batch(reduction="sum"), terms)
    else:
        assert terms.ndim == 1
        torch.testing.assert_close(batch(reduction="sum"), terms.sum())
    if ROWS[name].mean is None:
        torch.testing.assert_close(batch(reduction="mean"), terms.mean())


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_are_a_mean_of_zero_with_zero_gradient(name):
    batch = random_batch(name, n=4).rows(torch.arange(0))
    x = batch.x.requires_grad_()
    value = batch(x, "mean")
    value.backward()
    assert value.item() == 0 or facts(name)["row_kind"] == "batch"
    assert value.isfinite() and x.grad.shape == x.shape


def arguments(batch):
    """The call's tensors and state, by name, as the pure function takes them."""
    given = {first(batch.module.name): batch.x, "targets": batch.targets} | batch.extra
    return given | {k: v.detach() for k, v in batch.module.state_dict().items()}


@pytest.mark.parametrize("name", NAMES)
def test_func_grad_is_the_gradient(name):
    batch = random_batch(name)
    module = batch.module
    found = grad(lambda x: module(x, batch.targets, "sum", **batch.extra).sum())(batch.x)
    torch.testing.assert_close(found, batch.gradient("sum"))


@pytest.mark.parametrize("name", [n for n in NAMES if facts(n)["vmap"]])
def test_runs_under_vmap_and_grad_with_tensor_parameters(name):
    defaults = ROWS[name].method.defaults()
    keys = [k for k, v in defaults.items() if isinstance(v, float)]
    values = {k: [defaults[k], other_value(name, k)] for k in keys}
    members = [random_batch(name, {k: values[k][i] for k in keys}, seed=i) for i in range(2)]
    given = [arguments(m) for m in members]
    x = torch.stack([g.pop(first(name)) for g in given])
    there = [k for k, v in given[0].items() if v is not None]
    stacked = {k: torch.stack([torch.as_tensor(g[k]) for g in given]) for k in there}
    missing = {"targets": None} if members[0].targets is None else {}
    params = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    frozen = ROWS[name].frozen
    function = getattr(losses, name)

    def total(x, stacked, params):
        return function(x, **stacked, **missing, **{**params, **frozen}).sum()

    found = vmap(grad(total))(x, stacked, params)
    for i, member in enumerate(members):
        torch.testing.assert_close(found[i], member.gradient("sum"))


def test_rows_that_choose_terms_draw_or_remember_stay_out_of_vmap():
    assert {n for n in NAMES if not facts(n)["vmap"]} >= {"ens_loss", "elr", "triplet", "icnn"}
    assert {n for n in NAMES if facts(n)["vmap"]} >= {
        "cross_entropy",
        "aggregate",
        "dice",
        "kd",
        "norm_softmax",
    }


@pytest.mark.parametrize("name", [n for n in NAMES if ROWS[n].required])
def test_missing_extras_are_named(name):
    batch = random_batch(name)
    for key in ROWS[name].required:
        with pytest.raises(MissingNeed, match=f"needs '{key}'"):
            batch(**{key: None})


WHOLE = ("index", "bags")


@pytest.mark.parametrize("name", [n for n in NAMES if facts(n)["extra"]])
def test_bad_extras_are_named(name):
    batch = random_batch(name)
    for key, value in batch.extra.items():
        if not isinstance(value, torch.Tensor):
            continue
        wrong_type = value.double() if key in WHOLE else value.long()
        with pytest.raises(InputError, match=key):
            batch(**{key: wrong_type})
        with pytest.raises(InputError, match=key):
            batch(**{key: value.tolist()})
        with pytest.raises(ShapeError, match=key):
            batch(**{key: value.reshape(1, 1, *value.shape)})


@pytest.mark.parametrize("name", NAMES)
def test_bad_first_arguments_are_named(name):
    batch = random_batch(name)
    for x, error in [(batch.x.long(), InputError), (batch.x.tolist(), InputError), (batch.x[0], ShapeError)]:
        with pytest.raises(error, match=first(name)):
            batch(x)


BAD_TARGETS = {
    "class": [
        (torch.zeros(6), "int64"),
        (torch.zeros(6, dtype=torch.int32), "int64"),
        (torch.zeros(5, dtype=torch.int64), "targets must be"),
        (torch.full((6,), -1), "targets must be"),
        (None, "int64"),
    ],
    "label_sets": [
        (torch.zeros(6), "targets must be"),
        (torch.full((6, C), 2), "only 0 and 1"),
        (None, "targets must be"),
    ],
    "values": [
        (torch.zeros(6, dtype=torch.int64), "floating"),
        (torch.zeros(6, 2), "targets must be"),
        (torch.full((6,), torch.nan), "finite"),
        (None, "floating"),
    ],
    "none": [],
}


@pytest.mark.parametrize("name", NAMES)
def test_bad_targets_are_named(name):
    batch = random_batch(name)
    for targets, message in BAD_TARGETS[facts(name)["targets"]]:
        with pytest.raises(InputError, match=message):
            batch(targets=targets)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if first(n) == "logits" and facts(n)["targets"] == "class"]
)
def test_targets_beyond_the_classes_are_refused(name):
    with pytest.raises(InputError, match=r"targets must be in \[0, 4\)"):
        random_batch(name)(targets=torch.full((6,), C))


@pytest.mark.parametrize("name", [n for n in NAMES if facts(n)["targets"] == "none"])
def test_targets_that_are_ignored_may_be_anything(name):
    batch = random_batch(name)
    assert torch.equal(batch(), batch(targets=torch.zeros(6, dtype=torch.int64)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@settings_of
def test_gpu_agrees(name, params):
    batch = random_batch(name, params)
    found = batch(batch.x.cuda(), targets=None if batch.targets is None else batch.targets.cuda())
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), batch())
