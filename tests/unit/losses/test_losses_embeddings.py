"""Every loss with embeddings or a teacher: odd batches, state, and what is refused."""

import pytest
import torch
from loss_tools import WEIGHT, L, X, draw, gradient, same, terms

from clsviz import losses
from clsviz.errors import InputError, MissingNeed, ShapeError

Z, T = draw(6, 4, seed=1, scale=2), draw(6, 4, seed=2, scale=2)

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
