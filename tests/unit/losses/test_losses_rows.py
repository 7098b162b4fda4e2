"""Each loss: independently worked out numbers, gradients, extremes and identities."""

import functools
import math

import pytest
import torch
from torch.func import grad, vmap

from clsviz import losses

Z = torch.tensor([[2, -1, 0.5], [0, 1, -1]], dtype=torch.float64)
Y = torch.tensor([0, 2])

VECTORS = [
    ("cross_entropy", {}, 1.324459, [-0.107201, 0.019556, 0.087645]),
    ("cross_entropy", {"tau": 2.0, "label_smoothing": 0.1}, 1.116623, [-0.085884, 0.024567, 0.061317]),
    ("brier", {}, 0.704354, [-0.061453, 0.006856, 0.054597]),
    ("mse", {}, 1.208333, [0.333333, -0.333333, 0.166667]),
    ("hinge_cs", {}, 1.5, [0, 0, 0]),
    ("hinge_ww", {}, 2.5, [0, 0, 0]),
    ("hinge_ww", {"power": 2, "average": True}, 2.166667, [0, 0, 0]),
    ("comp_sum", {"tau": 0.0}, 5.190128, [-0.136459, 0.024894, 0.111565]),
    ("comp_sum", {"tau": 1.5}, 0.81361, [-0.095017, 0.017334, 0.077683]),
    ("gce", {}, 0.692884, [-0.09054, 0.016517, 0.074023]),
    ("mae", {}, 1.124372, [-0.168434, 0.030727, 0.137708]),
    ("ldr_kl", {}, 0.225846, [-0.107201, 0.019556, 0.087645]),
    ("ldr_kl", {"lam": 0.2, "margin": 1.0}, 1.288842, [-0.037948, 0.000021, 0.037927]),
    ("focal", {}, 1.002349, [-0.013642, 0.002489, 0.011154]),
    ("poly1", {}, 1.886645, [-0.191419, 0.03492, 0.156499]),
    ("symmetric_ce", {}, 3.573203, [-0.44407, 0.08101, 0.36306]),
    ("elr", {}, 0.750043, [-0.166992, 0.032897, 0.134094]),
]

# several parameters for each row, ends of its formulas included
SETTINGS = [
    *((name, params) for name, params, *_ in VECTORS),
    ("cross_entropy", {"label_smoothing": 1.0}),
    ("brier", {"tau": 3.0}),
    ("mse", {"scale": 5.0, "pos_weight": 4.0}),
    ("hinge_cs", {"margin": 0.0}),
    ("comp_sum", {"tau": 1.0}),
    ("comp_sum", {"tau": 3.0}),
    ("gce", {"q": 0.0}),
    ("gce", {"q": 1.0}),
    ("gce", {"q": 0.5, "k": 0.3}),
    ("ldr_kl", {"lam": 0.01}),
    ("ldr_kl", {"lam": 1e5}),
    ("focal", {"gamma": 0.0}),
    ("focal", {"gamma": 0.3}),
    ("symmetric_ce", {"alpha": 0.0, "A": -2.0}),
    ("elr", {"lam": 0.0}),
]


def make(name, **params):
    """The loss as a function of logits, targets and reduction; elr with a filled memory, eval mode."""
    if name != "elr":
        return losses.create(name, **params)
    module = losses.create(name, num_examples=4, num_classes=3, **params).eval()
    module.memory.copy_(torch.tensor([[0.5, 0.2, 0.1], [0.1, 0.7, 0.1], [0, 0, 0], [0.2, 0.2, 0.6]]))
    return lambda z, y, reduction="mean": module(z, y, reduction, index=torch.arange(len(z)))


def random_rows(n=4, c=3, seed=0, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(n, c, generator=g, dtype=torch.float64)
    return z, torch.randint(0, c, (n,), generator=g)


def gradient(f, z, y):
    z = z.detach().clone().requires_grad_()
    f(z, y).backward()
    return z.grad


@pytest.mark.parametrize(("name", "params", "value", "g0"), VECTORS)
def test_public_value_and_gradient(name, params, value, g0):
    z = Z.clone().requires_grad_()
    if name == "elr":
        module = losses.create(name, num_examples=2, num_classes=3, **params)
        found = module(z, Y, index=torch.tensor([0, 1]))
    else:
        found = losses.create(name, **params)(z, Y)
    found.backward()
    assert found.item() == pytest.approx(value, abs=1e-6)
    assert z.grad[0].tolist() == pytest.approx(g0, abs=1e-6)


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_gradient_is_that_of_finite_differences(name, params):
    z, y = random_rows()
    f = make(name, **params)
    assert torch.autograd.gradcheck(lambda t: f(t, y, "none"), z.requires_grad_())


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_float32_agrees_with_float64(name, params):
    z, y = random_rows(seed=3)
    f = make(name, **params)
    wide, single = f(z, y, "none"), f(z.float(), y, "none")
    assert (wide.dtype, single.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(single.double(), wide, rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize(("name", "params"), SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_float32(name, params, dtype):
    z, y = random_rows(seed=1)
    z = z.to(dtype)
    f = make(name, **params)
    found = f(z, y, "none")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, f(z.float(), y, "none"))


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_extreme_logits_stay_finite(name, params):
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 1e4, -1e4])] * 3)
    z = grid.repeat_interleave(3, 0).requires_grad_()
    y = torch.arange(3).repeat(27)
    if name == "elr":
        module = losses.create(name, num_examples=81, num_classes=3, **params)
        terms = module(z, y, "none", index=torch.arange(81))
    else:
        terms = losses.create(name, **params)(z, y, "none")
    terms.sum().backward()
    assert not terms.isnan().any()
    assert z.grad.isfinite().all()
    if not (name == "comp_sum" and params["tau"] < 1):
        assert terms.isfinite().all()


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_shifting_a_row_changes_nothing_but_mse(name, params):
    z, y = random_rows(seed=5)
    f = make(name, **params)
    same = torch.allclose(f(z + torch.arange(4.0)[:, None] + 1, y, "none"), f(z, y, "none"), atol=1e-10)
    assert same == (name != "mse")
    if same:
        torch.testing.assert_close(gradient(f, z, y).sum(1), torch.zeros(4).double(), atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("name", "params"), [s for s in SETTINGS if s[0] != "elr"]
)  # its memory has an order
def test_order_of_rows_and_names_of_classes_do_not_matter(name, params):
    z, y = random_rows(n=6, c=4, seed=2)
    f = make(name, **params)
    terms = f(z, y, "none")
    rows, classes = torch.tensor([3, 0, 5, 1, 4, 2]), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(f(z[rows], y[rows], "none"), terms[rows])
    torch.testing.assert_close(f(z[:, classes], classes.argsort()[y], "none"), terms)


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_each_row_has_its_own_term(name, params):
    z, y = random_rows()
    f = make(name, **params)
    terms = f(z, y, "none")
    assert terms.shape == (4,)
    torch.testing.assert_close(f(z, y, "sum"), terms.sum())
    torch.testing.assert_close(f(z, y), terms.mean())
    jacobian = torch.autograd.functional.jacobian(lambda t: f(t, y, "none"), z)
    others = jacobian * (1 - torch.eye(4, dtype=torch.float64))[:, :, None]
    assert not others.any()


def terms_of(name, z, y, **params):
    return make(name, **params)(z, y, "none")


def same(a, b):
    torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-12)


def test_many_rows_hold_cross_entropy():
    z, y = random_rows(n=8, c=5, seed=4)
    ce = torch.nn.functional.cross_entropy(z, y, reduction="none")
    for name, params in [
        ("cross_entropy", {}),
        ("comp_sum", {"tau": 1.0}),
        ("gce", {"q": 0.0}),
        ("focal", {"gamma": 0.0}),
        ("poly1", {"eps": 0.0}),
        ("symmetric_ce", {"beta": 0.0}),
    ]:
        same(terms_of(name, z, y, **params), ce)
    module = losses.create("elr", num_examples=8, num_classes=5, lam=0.0)
    same(module(z, y, "none", index=torch.arange(8)), ce)


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


def test_comp_sum_joins_gce_and_mae():
    z, y = random_rows(n=8, seed=7)
    for q in (0.0, 0.25, 0.7, 1.0, 1.8):
        same(terms_of("comp_sum", z, y, tau=1 + q), terms_of("gce", z, y, q=q))
    same(2 * terms_of("comp_sum", z, y, tau=2.0), terms_of("mae", z, y))
    same(terms_of("symmetric_ce", z, y, alpha=0.0, A=-2.0), terms_of("mae", z, y))
    values = torch.stack([terms_of("comp_sum", z, y, tau=t) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)])
    assert (values.diff(dim=0) <= 1e-12).all()


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


def test_symmetric_losses_sum_to_a_constant_over_the_labels():
    z, _ = random_rows(n=5, c=4, seed=9)

    def total(name, **params):
        return sum(terms_of(name, z, torch.full((5,), k), **params) for k in range(4))

    same(total("mae"), torch.full((5,), 6.0).double())
    same(total("comp_sum", tau=2.0), torch.full((5,), 3.0).double())


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


TENSOR_PARAMS = {
    "cross_entropy": {"tau": [0.5, 2.0], "label_smoothing": [0.0, 0.3]},
    "brier": {"tau": [0.5, 2.0]},
    "mse": {"scale": [1.0, 3.0], "pos_weight": [1.0, 5.0]},
    "hinge_cs": {"margin": [0.0, 2.0]},
    "hinge_ww": {"margin": [0.0, 2.0]},
    "comp_sum": {"tau": [1.0, 0.0, 2.0]},
    "gce": {"q": [0.0, 0.7, 1.0], "k": [0.0, 0.2, 0.4]},
    "mae": {},
    "ldr_kl": {"lam": [0.1, 5.0], "margin": [0.0, 1.0]},
    "focal": {"gamma": [0.0, 0.5, 2.0]},
    "poly1": {"eps": [0.0, 2.0]},
    "symmetric_ce": {"alpha": [1.0, 0.5], "beta": [0.0, 2.0], "A": [-4.0, -1.0]},
}


@pytest.mark.parametrize("name", TENSOR_PARAMS)
def test_runs_under_vmap_and_grad_with_tensor_parameters(name):
    values = TENSOR_PARAMS[name]
    members = max((len(v) for v in values.values()), default=2)
    params = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    z = torch.stack([random_rows(seed=s)[0] for s in range(members)])
    y = torch.stack([random_rows(seed=s)[1] for s in range(members)])
    function = getattr(losses, name)

    def mean(z, y, params):
        return function(z, y, **params).mean()

    found = vmap(grad(mean))(z, y, params)
    for i in range(members):
        f = losses.create(name, **{k: v[i] for k, v in values.items()})
        torch.testing.assert_close(found[i], gradient(f, z[i], y[i]))


def test_every_row_says_whether_it_runs_under_vmap():
    runs = {n for n in losses.names() if losses.row.ROWS[n].method.facts["vmap"]}
    assert runs == set(TENSOR_PARAMS)
