"""names, info, create and the module: catalogue facts, reductions, state, errors."""

import copy
import inspect
import math

import pytest
import torch
from latex2mathml.converter import convert

from clsviz import losses
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, MissingNeed, ShapeError, UnknownName
from clsviz.losses.row import GROUPS

PAGE_ORDER = [
    "cross_entropy",
    "brier",
    "mse",
    "hinge_cs",
    "hinge_ww",
    "comp_sum",
    "comp_sum_adv",
    "gce",
    "mae",
    "ldr_kl",
    "aldr_kl",
    "dro_temperature",
    "focal",
    "focal_sd",
    "poly1",
    "symmetric_ce",
    "nce",
    "ens_loss",
    "z_loss",
    "log_spherical",
    "log_taylor",
    "dco",
    "correctness_aware",
    "logit_norm",
    "anyloss",
    "dice",
    "tversky",
    "dsc",
    "dynamic_reweight",
    "meta_rescale",
    "self_paced",
    "elr",
    "aggregate",
    "hybrid_multilabel",
    "kd",
    "self_distill",
    "dual_head_kd",
    "nd_loss",
    "ssld",
    "norm_softmax",
    "unpg",
    "hyp_ce",
    "hyp_pc",
    "supcon",
    "infonce",
    "triplet",
    "proto_triplet",
    "icnn",
    "multi_similarity",
    "metrix",
    "look",
    "presto",
    "hl_gauss",
    "two_hot",
]
# section F at the defaults, C > 2: bounded, symmetric, calibrated, proper, convex
PROPERTIES = {
    "cross_entropy": "FFTTT",
    "brier": "TFTTF",
    "mse": "FFT?T",
    "hinge_cs": "FFFFT",
    "hinge_ww": "FFFFT",
    "comp_sum": "FFTTT",
    "comp_sum_adv": "FF???",
    "gce": "TFTFF",
    "mae": "TTTFF",
    "ldr_kl": "FFTTT",
    "aldr_kl": "FF?F?",
    "dro_temperature": "FF?FT",
    "focal": "FFTFF",
    "focal_sd": "FF?FF",
    "poly1": "FF?FF",
    "symmetric_ce": "FF?FF",
    "nce": "TT?FF",
    "ens_loss": "?FT?T",
    "z_loss": "TF?FF",
    "log_spherical": "FF?TF",
    "log_taylor": "FF?TF",
    "dco": "FF?FF",
    "correctness_aware": "T???F",
    "logit_norm": "TF?FF",
    "anyloss": "T???F",
    "dice": "T???F",
    "tversky": "T???F",
    "dsc": "T???F",
}
KINDS = {
    "batch": ["anyloss", "dice", "tversky"],
    "multilabel": ["hybrid_multilabel"],
    "distillation": ["kd", "self_distill", "dual_head_kd", "nd_loss", "ssld"],
    "ordinal": ["presto"],
    "value_bins": ["hl_gauss", "two_hot"],
    "embeddings": [
        "norm_softmax",
        "unpg",
        "hyp_ce",
        "hyp_pc",
        "supcon",
        "infonce",
        "triplet",
        "proto_triplet",
        "icnn",
        "multi_similarity",
        "metrix",
        "look",
    ],
}
KIND = {name: kind for kind, names in KINDS.items() for name in names}
CERTAINTY = {
    "V": "cross_entropy brier hinge_ww norm_softmax infonce triplet",
    "M": """comp_sum comp_sum_adv mae mse focal_sd poly1 symmetric_ce log_spherical log_taylor
        correctness_aware logit_norm tversky dsc self_paced self_distill supcon look presto two_hot""",
    "O": "meta_rescale hybrid_multilabel proto_triplet icnn",
}
TAG = {name: tag for tag, names in CERTAINTY.items() for name in names.split()}
EXTRAS = {
    "comp_sum_adv": ["adv_logits"],
    "ens_loss": ["noise", "generator"],
    "meta_rescale": ["weights"],
    "elr": ["index"],
    "aggregate": ["bags"],
    "hybrid_multilabel": ["embeddings", "pos_weight"],
    "kd": ["teacher_logits"],
    "self_distill": ["teacher_logits"],
    "ssld": ["teacher_logits"],
    "dual_head_kd": ["aux_logits", "teacher_logits"],
    "nd_loss": ["teacher_embeddings", "class_means"],
    "infonce": ["keys"],
    "proto_triplet": ["prototypes"],
    "metrix": ["lam"],
}
OPTIONAL = {"ens_loss", "hybrid_multilabel", "proto_triplet", "metrix"}
STATE = {
    "elr": (["memory"], ["num_examples", "num_classes"]),
    "norm_softmax": (["weight"], ["num_classes", "dim"]),
    "unpg": (["weight"], ["num_classes", "dim"]),
    "hyp_ce": (["p_vals", "a_vals"], ["num_classes", "dim"]),
    "presto": (["weight", "bias"], ["num_classes", "dim"]),
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
    assert letters == PROPERTIES.get(name, "?????")
    assert list(info["properties"]) == ["bounded", "symmetric", "calibrated", "proper", "convex"]
    assert info["certainty"] == TAG.get(name, "C")
    assert info["kind"] == entry.facts["row_kind"] == KIND.get(name, "logits")
    assert info["extra"] == EXTRAS.get(name, [])
    assert info["state"] == STATE.get(name, ([], []))[0]
    assert entry.facts["sizes"] == STATE.get(name, ([], []))[1]
    assert entry.facts["group"] in GROUPS
    assert entry.kind == "loss" and entry.summary.endswith(".")
    signature = inspect.signature(getattr(losses, name)).parameters
    assert [p["name"] for p in info["params"]] == [
        p.name for p in signature.values() if p.kind is p.KEYWORD_ONLY
    ]
    for p in info["params"]:
        assert list(p) == ["name", "default", "min", "max", "step", "unit", "choices"]
        assert p["default"] == signature[p["name"]].default
        assert p["min"] is None or p["min"] <= p["default"] <= p["max"]
        assert p["choices"] is None or p["default"] in p["choices"]


def test_info_holds_ranges_and_choices():
    q, k = losses.info("gce")["params"]
    assert (q["default"], q["min"], q["max"], q["step"]) == (0.7, 0, 1, 0.05)
    assert (k["default"], k["min"], k["max"], k["step"]) == (0, 0, 0.9, None)
    power = losses.info("hinge_ww")["params"][1]
    assert (power["choices"], power["min"]) == ([1, 2], None)
    assert losses.info("elr")["extra"] == ["index"]
    assert losses.info("elr")["state"] == ["memory"]


def test_entries_say_what_training_must_give():
    for name in PAGE_ORDER:
        asked = REGISTRY[f"losses.{name}"].needs
        assert asked[0] == ("embeddings" if KIND.get(name) in ("embeddings", "ordinal") else asked[0])
        assert list(asked[2:]) == ([] if name in OPTIONAL else EXTRAS.get(name, []))
    assert REGISTRY["losses.nd_loss"].needs[0] == "embeddings"
    assert REGISTRY["losses.kd"].needs == ("logits", "targets", "teacher_logits")


def test_temperature_slider_links():
    linked = {n: REGISTRY[f"losses.{n}"].facts["temperature_like"] for n in PAGE_ORDER}
    assert {n: v for n, v in linked.items() if v} == {
        "cross_entropy": ["tau"],
        "ldr_kl": ["lam"],
        "aldr_kl": ["lam0"],
        "dro_temperature": ["tau_min", "tau_max"],
        "correctness_aware": ["tau"],
        "logit_norm": ["tau"],
        "kd": ["T"],
        "dual_head_kd": ["T"],
        "ssld": ["tau"],
        "norm_softmax": ["1/s"],
        "supcon": ["tau"],
        "infonce": ["tau"],
        "look": ["tau"],
    }


ALIASES = {
    "ldr": "ldr_kl",
    "aldr": "aldr_kl",
    "ensloss": "ens_loss",
    "pass_at_n": "dco",
    "info_nce": "infonce",
    "look_knn": "look",
    "nd_kd": "nd_loss",
    "smooth_adv_comp_sum": "comp_sum_adv",
    "aggregate_loss": "aggregate",
    "loss_reweight": "dynamic_reweight",
    "normalized_softmax": "norm_softmax",
    "ce": "cross_entropy",
}


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_other_names_are_accepted_but_not_listed(alias, name):
    sizes = dict.fromkeys(STATE.get(name, ([], []))[1], 3)
    assert losses.create(alias, **sizes).name == name
    assert losses.info(alias) == losses.info(name)
    assert alias not in losses.names()


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
    ("aldr_kl", {"iters": 2.5}, "iters must be a whole number"),
    ("aldr_kl", {"lam0": 0}, "lam0 must be > 0"),
    ("dro_temperature", {"rho": -1}, "rho must be >= 0"),
    ("dro_temperature", {"tau_min": 3, "tau_max": 2}, "tau_min <= tau_max must hold"),
    ("comp_sum_adv", {"rho": 0}, "rho must be > 0"),
    ("focal_sd", {"gamma_low": -1}, "gamma_low must be >= 0"),
    ("z_loss", {"a": 0}, "a must be > 0"),
    ("log_spherical", {"eps": 0}, "eps must be > 0"),
    ("dco", {"n": 0}, "n must be > 0"),
    ("logit_norm", {"tau": 0}, "tau must be > 0"),
    ("anyloss", {"metric": "auc"}, "metric must be one of"),
    ("dice", {"smooth": 0}, "smooth must be > 0"),
    ("tversky", {"alpha": -1}, "alpha must be >= 0"),
    ("dynamic_reweight", {"strategy": "random"}, "strategy must be one of"),
    ("dynamic_reweight", {"temperature": 0}, "temperature must be > 0"),
    ("meta_rescale", {"normalize": "yes"}, "normalize must be True or False"),
    ("self_paced", {"lam": 0}, "lam must be > 0"),
    ("aggregate", {"rho": 2}, "rho must be in"),
    ("hybrid_multilabel", {"lam_con": -1}, "lam_con must be >= 0"),
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("focall", "focal"),
        ("CrossEntropy", "cross_entropy"),
        ("Focal loss", "focal"),
        ("CE", "cross_entropy"),
    ],
)
def test_a_misspelt_name_is_told_what_was_meant(written, meant):
    with pytest.raises(UnknownName, match=f"did you mean '{meant}'"):
        losses.create(written)


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


def test_exposed_choices_are_those_of_the_last_call():
    aldr = losses.create("aldr_kl", lam0=2.0)
    assert aldr.last_lambda is None
    aldr(torch.zeros(2, 3), Y)
    assert aldr.last_lambda.tolist() == [2.0, 2.0]
    aldr(Z.float(), Y)
    assert (
        aldr.last_lambda.dtype == torch.float32 and ((aldr.last_lambda >= 1) & (aldr.last_lambda < 2)).all()
    )
    paced = losses.create("self_paced")
    paced(Z.requires_grad_(), Y)
    assert paced.last_v.tolist() == [1.0, 0.0] and not paced.last_v.requires_grad
    assert copy.deepcopy(paced).last_v.tolist() == [1.0, 0.0]
    assert not hasattr(paced, "last_tau")


def test_result_follows_the_first_argument_in_type():
    module = losses.create("comp_sum_adv")
    value = module(Z.float(), Y, adv_logits=Z)
    assert value.dtype == torch.float32
    assert module(Z.half(), Y, adv_logits=Z.float()).dtype == torch.float32


def test_weights_below_zero_are_refused():
    with pytest.raises(InputError, match="weights must be >= 0"):
        losses.create("meta_rescale")(Z, Y, weights=torch.tensor([1.0, -1.0]))


def test_one_label_is_enough_for_label_sets():
    value = losses.create("hybrid_multilabel")(torch.zeros(3, 1), torch.ones(3, 1))
    assert value.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("sets", [torch.int64, torch.bool, torch.float32, torch.uint8])
def test_label_sets_may_be_of_any_type(sets):
    targets = torch.tensor([[1, 0, 1], [0, 1, 1]]).to(sets)
    assert losses.create("hybrid_multilabel")(Z, targets).isfinite()
