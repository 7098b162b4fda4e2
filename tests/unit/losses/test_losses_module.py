"""names, info, create and the module: catalogue facts, reductions, state, errors."""

import copy
import inspect

import pytest
import torch
from latex2mathml.converter import convert

from clsviz import losses
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, MissingNeed, ShapeError, UnknownName

PAGE_ORDER = [
    "cross_entropy",
    "brier",
    "mse",
    "hinge_cs",
    "hinge_ww",
    "comp_sum",
    "gce",
    "mae",
    "ldr_kl",
    "focal",
    "poly1",
    "symmetric_ce",
    "elr",
]
# section F at the defaults, C > 2: bounded, symmetric, calibrated, proper, convex
PROPERTIES = {
    "cross_entropy": "FFTTT",
    "brier": "TFTTF",
    "mse": "FFT?T",
    "hinge_cs": "FFFFT",
    "hinge_ww": "FFFFT",
    "comp_sum": "FFTTT",
    "gce": "TFTFF",
    "mae": "TTTFF",
    "ldr_kl": "FFTTT",
    "focal": "FFTFF",
    "poly1": "FF?FF",
    "symmetric_ce": "FF?FF",
    "elr": "?????",
}
Z = torch.tensor([[2, -1, 0.5], [0, 1, -1]], dtype=torch.float64)
Y = torch.tensor([0, 2])


def elr(**params):
    return losses.create("elr", num_examples=5, num_classes=3, **params)


def test_names_are_in_the_order_of_the_page():
    assert losses.names() == PAGE_ORDER


@pytest.mark.parametrize("name", PAGE_ORDER)
def test_info_is_complete_and_read_from_the_catalogue(name):
    info, entry = losses.info(name), REGISTRY[f"losses.{name}"]
    assert list(info) == [
        "title",
        "paper",
        "formula",
        "params",
        "kind",
        "extra",
        "state",
        "properties",
        "certainty",
    ]
    assert info["title"] and info["paper"] and convert(info["formula"]).startswith("<math")
    letters = "".join({True: "T", False: "F", None: "?"}[v] for v in info["properties"].values())
    assert letters == PROPERTIES[name]
    assert list(info["properties"]) == ["bounded", "symmetric", "calibrated", "proper", "convex"]
    assert info["certainty"] in "VCMO"
    assert info["kind"] == entry.facts["row_kind"] == "logits"
    assert entry.kind == "loss" and entry.summary.endswith(".")
    signature = inspect.signature(getattr(losses, name)).parameters
    assert [p["name"] for p in info["params"]] == [
        p.name for p in signature.values() if p.kind is p.KEYWORD_ONLY
    ]
    for p in info["params"]:
        assert list(p) == ["name", "default", "min", "max", "step", "unit", "choices"]
        assert p["default"] == signature[p["name"]].default
        assert p["min"] is None or p["min"] <= p["default"] <= p["max"]


def test_info_holds_ranges_and_choices():
    q, k = losses.info("gce")["params"]
    assert (q["default"], q["min"], q["max"], q["step"]) == (0.7, 0, 1, 0.05)
    assert (k["default"], k["min"], k["max"], k["step"]) == (0, 0, 0.9, None)
    power = losses.info("hinge_ww")["params"][1]
    assert (power["choices"], power["min"]) == ([1, 2], None)
    assert losses.info("elr")["extra"] == ["index"]
    assert losses.info("elr")["state"] == ["memory"]


def test_entries_say_what_training_must_give():
    needs = {n: REGISTRY[f"losses.{n}"].needs for n in PAGE_ORDER}
    assert needs.pop("elr") == ("logits", "targets", "index")
    assert set(needs.values()) == {("logits", "targets")}
    assert REGISTRY["losses.elr"].facts["sizes"] == ["num_examples", "num_classes"]


def test_temperature_slider_links():
    linked = {n: REGISTRY[f"losses.{n}"].facts["temperature_like"] for n in PAGE_ORDER}
    assert {n: v for n, v in linked.items() if v} == {"cross_entropy": ["tau"], "ldr_kl": ["lam"]}


@pytest.mark.parametrize(("alias", "name"), [("ce", "cross_entropy"), ("ldr", "ldr_kl")])
def test_other_names_are_accepted_but_not_listed(alias, name):
    assert losses.create(alias).name == name
    assert alias not in losses.names()


def test_mean_of_no_rows_is_zero_with_zero_gradient():
    z = torch.zeros(0, 3, requires_grad=True)
    value = losses.create("gce")(z, torch.zeros(0, dtype=torch.int64))
    value.backward()
    assert value.item() == 0 and z.grad.shape == (0, 3)


def test_module_survives_copy_and_prints_its_parameters():
    module = elr(beta=0.5)
    assert "elr, lam=3.0, beta=0.5" in repr(module)
    twin = copy.deepcopy(module)
    twin(Z, Y, index=Y)
    assert not module.memory.any() and twin.memory.any()


def test_memory_learns_in_training_mode_only():
    module = elr()
    index = torch.tensor([4, 1])
    module(Z, Y, index=index)
    probs = Z.softmax(1)
    torch.testing.assert_close(module.memory[index], 0.3 * probs)
    assert module.memory.dtype == torch.float64 and not module.memory[[0, 2, 3]].any()
    module(Z, Y, "sum", index=index)
    torch.testing.assert_close(module.memory[index], 0.51 * probs)
    module.eval()
    before = module.memory.clone()
    value = module(Z, Y, "none", index=index)
    assert torch.equal(module.memory, before)
    ce = torch.nn.functional.cross_entropy(Z, Y, reduction="none")
    expected = ce + 3 * torch.log(1 - (before[index] * probs).sum(1))
    torch.testing.assert_close(value, expected)
    assert (value <= ce).all()


def test_memory_is_state_that_is_saved():
    module = elr()
    module(Z.float(), Y, index=Y)
    twin = elr()
    twin.load_state_dict(module.state_dict())
    assert torch.equal(twin.memory, module.memory)


def test_order_of_rows_with_their_index_does_not_matter():
    a = elr()(Z, Y, "none", index=torch.tensor([0, 1]))
    b = elr()(Z.flip(0), Y.flip(0), "none", index=torch.tensor([1, 0]))
    torch.testing.assert_close(a, b.flip(0))


def test_memory_is_detached():
    z = Z.clone().requires_grad_()
    module = elr()
    module(z, Y, index=Y).backward()
    assert not module.memory.requires_grad
    module(z, Y, index=Y).backward()  # a second graph, not through the first


BAD_PARAMS = [
    ("cross_entropy", {"tau": 0}, "tau must be > 0"),
    ("cross_entropy", {"tau": float("nan")}, "tau must be a finite number"),
    ("cross_entropy", {"tau": "hot"}, "tau must be a finite number"),
    ("cross_entropy", {"tau": True}, "tau must be a finite number"),
    ("cross_entropy", {"label_smoothing": 1.5}, "label_smoothing must be in"),
    ("brier", {"tau": -1}, "tau must be > 0"),
    ("mse", {"pos_weight": -1}, "pos_weight must be >= 0"),
    ("hinge_ww", {"power": 3}, "power must be one of"),
    ("hinge_ww", {"average": 1}, "average must be True or False"),
    ("comp_sum", {"tau": -0.1}, "tau must be >= 0"),
    ("gce", {"q": -0.1}, "q must be >= 0"),
    ("gce", {"k": 1.0}, "k must be in"),
    ("ldr_kl", {"lam": 0}, "lam must be > 0"),
    ("focal", {"gamma": -1}, "gamma must be >= 0"),
    ("poly1", {"eps": float("inf")}, "eps must be a finite number"),
    ("symmetric_ce", {"A": 1}, "A must be <= 0"),
    ("mae", {"q": 1}, "no parameter 'q'"),
    ("elr", {}, "create needs num_examples"),
    ("elr", {"num_examples": 5, "num_classes": 0}, "create needs num_classes"),
    ("elr", {"num_examples": 5, "num_classes": 3, "beta": 2}, "beta must be in"),
    ("gce", {"num_classes": 3}, "no parameter 'num_classes'"),
]


@pytest.mark.parametrize(("name", "params", "message"), BAD_PARAMS)
def test_bad_parameters_are_named(name, params, message):
    with pytest.raises(InputError, match=message):
        losses.create(name, **params)


def test_create_takes_values_beyond_the_sliders():
    for name, params in [
        ("cross_entropy", {"tau": 100}),
        ("comp_sum", {"tau": 8}),
        ("gce", {"q": 3}),
        ("ldr_kl", {"lam": 1e6}),
        ("poly1", {"eps": -7}),
    ]:
        assert losses.create(name, **params)(Z, Y).isfinite()


@pytest.mark.parametrize("call", [losses.create, losses.info])
@pytest.mark.parametrize("name", ["gces", None, []])
def test_unknown_name_lists_the_names(call, name):
    with pytest.raises(UnknownName, match=r"cross_entropy.*elr"):
        call(name)


@pytest.mark.parametrize(
    ("x", "targets", "error", "message"),
    [
        (Z.long(), Y, InputError, "logits must be a floating"),
        ([[1.0, 2.0]], Y, InputError, "logits must be a floating"),
        (Z[0], Y, ShapeError, "logits must be"),
        (Z[:, :1], Y, ShapeError, "C >= 2"),
        (Z, Y.int(), InputError, "targets must be an int64"),
        (Z, Y.double(), InputError, "targets must be an int64"),
        (Z, [0, 2], InputError, "targets must be an int64"),
        (Z, Y[:1], ShapeError, "targets must be"),
        (Z, torch.tensor([0, 3]), InputError, r"targets must be in \[0, 3\)"),
        (Z, torch.tensor([-1, 0]), InputError, r"targets must be in \[0, 3\)"),
    ],
)
def test_bad_batches_are_named(x, targets, error, message):
    for module in (losses.create("gce"), elr()):
        extra = {"index": torch.tensor([0, 1])} if module.name == "elr" else {}
        with pytest.raises(error, match=message):
            module(x, targets, **extra)


def test_bad_calls_are_named():
    with pytest.raises(InputError, match="reduction must be one of"):
        losses.create("gce")(Z, Y, reduction="avg")
    with pytest.raises(InputError, match="takes no argument 'index'"):
        losses.create("gce")(Z, Y, index=Y)
    with pytest.raises(MissingNeed, match="elr needs 'index'"):
        elr()(Z, Y)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([0, 1], "index must be an int64"),
        (torch.tensor([0.0, 1.0]), "index must be an int64"),
        (torch.tensor([0]), "index must be"),
        (torch.tensor([0, 5]), "num_examples=5"),
        (torch.tensor([1, 1]), "index must be distinct"),
    ],
)
def test_bad_index_is_named(index, message):
    with pytest.raises(InputError, match=message):
        elr()(Z, Y, index=index)


def test_logits_must_have_the_classes_of_the_memory():
    with pytest.raises(ShapeError, match="num_classes=3"):
        elr()(torch.zeros(2, 4), Y, index=torch.tensor([0, 1]))
