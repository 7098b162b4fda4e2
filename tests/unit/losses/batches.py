"""Batches for any loss: what it is called with, made from what the catalogue says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from case import Case
from torch import Tensor

from clsviz import losses
from clsviz.losses.row import ROWS

C, D = 4, 3  # classes, width of embeddings


def facts(name: str) -> dict[str, Any]:
    return ROWS[name].method.facts


def first(name: str) -> str:
    """logits or embeddings."""
    return ROWS[name].method.needs[0]


@dataclass
class Batch:
    """A loss with its parameters and state, and all that one call of it needs."""

    module: losses.Loss
    x: Tensor
    targets: Tensor | None
    extra: dict[str, Any]

    def __call__(self, x: Tensor | None = None, reduction: str = "none", **changed: Any) -> Tensor:
        """The loss with some of its arguments changed; state and memory as they were."""
        held = {k: v.clone() for k, v in self.module.named_buffers()}
        targets = changed.pop("targets", self.targets)
        found = self.module(self.x if x is None else x, targets, reduction, **{**self.extra, **changed})
        for key, value in held.items():
            setattr(self.module, key, value)
        return found

    def gradient(self, reduction: str = "mean", **changed: Any) -> Tensor:
        x = self.x.detach().clone().requires_grad_()
        return torch.autograd.grad(self(x, reduction, **changed).sum(), x)[0]

    def to(self, dtype: torch.dtype) -> Batch:
        def cast(value: Any) -> Any:
            floating = isinstance(value, Tensor) and value.is_floating_point()
            return value.to(dtype) if floating else value

        extra = {k: cast(v) for k, v in self.extra.items()}
        return Batch(self.module, self.x.to(dtype), cast(self.targets), extra)

    def rows(self, order: Tensor) -> Batch:
        """The same samples in another order."""
        n = len(self.x)

        def take(key: str, value: Any) -> Any:
            per_row = isinstance(value, Tensor) and key not in PER_CLASS and len(value) == n
            return value[order] if per_row else value

        extra = {k: take(k, v) for k, v in self.extra.items()}
        return Batch(self.module, self.x[order], take("targets", self.targets), extra)


PER_CLASS = ("class_means", "prototypes", "pos_weight")


def _extra(key: str, n: int, columns: int, draw: torch.Generator) -> Any:
    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    makers = {
        "noise": lambda: normal(n),
        "weights": lambda: normal(n).abs() + 0.1,
        "index": lambda: torch.randperm(n, generator=draw),
        "bags": lambda: torch.randint(7, 9, (n,), generator=draw),
        "pos_weight": lambda: normal(columns).abs() + 0.5,
        "embeddings": lambda: normal(n, D),
        "class_means": lambda: normal(C, D),
        "prototypes": lambda: normal(C, D),
        "lam": lambda: 0.3,
    }
    return makers[key]() if key in makers else 1.5 * normal(n, columns)  # as large as the first argument


def random_batch(
    name: str, params: dict[str, Any] | None = None, *, n: int = 6, classes: int = C, seed: int = 0
) -> Batch:
    """Ordinary numbers in float64; every class occurs, every optional extra but `generator` is given."""
    draw = torch.Generator().manual_seed(seed)
    wide = first(name) == "logits"
    x = 2 * torch.randn(n, classes if wide else D, generator=draw, dtype=torch.float64)
    kind = facts(name)["targets"]
    if kind == "label_sets":
        targets = torch.randint(0, 2, x.shape, generator=draw)
    elif kind == "values":
        targets = 4 * torch.rand(n, generator=draw, dtype=torch.float64) - 2
    elif kind == "none":
        targets = None
    else:
        used = min(classes, max(2, n // 2)) if not wide else classes  # pairs within classes
        targets = (torch.arange(n) % used)[torch.randperm(n, generator=draw)]
    extra = {
        k: _extra(k, n, x.shape[1], draw)
        for k in facts(name)["extra"]
        if k not in ("generator", "prototypes")
    }
    sizes = {"num_examples": n, "num_classes": classes, "dim": D}
    module = losses.create(name, **(params or {}), **{s: sizes[s] for s in facts(name)["sizes"]})
    with torch.no_grad():
        for key, tensor in module.state_dict(keep_vars=True).items():
            value = torch.randn(tensor.shape, generator=draw, dtype=torch.float64)
            if key == "memory":
                value = 0.9 * value.softmax(-1)
            elif key == "bias":
                value = value.sort().values
            tensor.data = value
    if name == "presto":  # ordered thresholds at every embedding
        module.weight.data = module.weight.data[:1] + 0.01 * module.weight.data
        module.bias.data = module.bias.data + torch.arange(classes - 1) * 2
    module.eval()  # a memory stays as it is
    return Batch(module, x, targets, extra)


def case_batch(case: Case) -> Batch:
    """A public vector, in float64 and in training mode."""

    def tensor(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        found = torch.tensor(value)
        return found.double() if found.is_floating_point() else found

    def floats(value: Any) -> Tensor:
        return torch.tensor(value, dtype=torch.float64)

    module = losses.create(case.name, **case.params, **_sizes(case))
    for key, value in case.state.items():
        getattr(module, key).data = floats(value)
    extra = {k: floats(v) if _is_float(k) else tensor(v) for k, v in case.extra.items()}
    return Batch(module, floats(case.x), tensor(case.targets), extra)


def _is_float(extra: str) -> bool:
    return extra not in ("index", "bags", "lam")


def _sizes(case: Case) -> dict[str, int]:
    def size(key: str) -> int:
        if key == "num_examples":
            return len(case.state["memory"])
        if key == "dim":
            return len(case.x[0])
        if "memory" in case.state:
            return len(case.state["memory"][0])
        return len(case.state["bias"]) + 1 if "bias" in case.state else len(next(iter(case.state.values())))

    return {key: size(key) for key in facts(case.name)["sizes"]}


def extreme_batch(name: str, params: dict[str, Any] | None = None) -> Batch:
    """float32: every row of {0, 1e4, -1e4}, equal huge values among them, with every class; extras alike."""
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 1e4, -1e4])] * 3)
    n = 82  # even
    x = grid.repeat(4, 1)[:n]
    batch = random_batch(name, params, n=n, classes=3).to(torch.float32)
    batch.x = x
    if facts(name)["targets"] == "class":
        batch.targets = (torch.arange(n) // 27) % 3
    for key, value in batch.extra.items():
        if isinstance(value, Tensor) and value.shape == x.shape and key != "embeddings":
            batch.extra[key] = x.flip(0) if key != "teacher_embeddings" else x.roll(5, 0)
    return batch


# What runs besides the defaults: ends of formulas, choices, values far from the sliders.
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in losses.names()),
    ("cross_entropy", {"tau": 2.0, "label_smoothing": 0.1}),
    ("cross_entropy", {"label_smoothing": 1.0}),
    ("brier", {"tau": 3.0}),
    ("mse", {"scale": 5.0, "pos_weight": 4.0}),
    ("hinge_cs", {"margin": 0.0}),
    ("hinge_ww", {"power": 2, "average": True}),
    ("comp_sum", {"tau": 0.0}),
    ("comp_sum", {"tau": 1.5}),
    ("comp_sum", {"tau": 3.0}),
    ("comp_sum_adv", {"tau": 0.5, "rho": 0.5}),
    ("comp_sum_adv", {"tau": 2.0, "nu": 0.0}),
    ("gce", {"q": 0.0}),
    ("gce", {"q": 1.0}),
    ("gce", {"q": 0.5, "k": 0.3}),
    ("ldr_kl", {"lam": 0.2, "margin": 1.0}),
    ("ldr_kl", {"lam": 0.01}),
    ("ldr_kl", {"lam": 1e5}),
    ("aldr_kl", {"alpha": 1.05, "iters": 60}),
    ("aldr_kl", {"alpha": 1e12}),
    ("aldr_kl", {"lam0": 0.1, "margin": 1.0, "iters": 3}),
    ("dro_temperature", {"rho": 0.0}),
    ("dro_temperature", {"rho": 5.0}),
    ("dro_temperature", {"rho": 0.2, "tau_min": 1e-3, "tau_max": 100.0}),
    ("focal", {"gamma": 0.0}),
    ("focal", {"gamma": 0.3}),
    ("focal_sd", {"gamma_low": 0.5, "gamma_high": 0.0, "threshold": 0.5}),
    ("symmetric_ce", {"alpha": 0.0, "A": -2.0}),
    ("ens_loss", {"bc_lambda": -1.0}),
    ("ens_loss", {"bc_lambda": 2.0}),
    ("z_loss", {"a": 30.0, "b": 5.0}),
    ("z_loss", {"eps": 0.0}),
    ("log_spherical", {"eps": 1e-6}),
    ("dco", {"n": 1.0}),
    ("dco", {"n": 4096.0}),
    ("dco", {"n": 0.5}),
    ("correctness_aware", {"tau": 0.5}),
    ("logit_norm", {"tau": 0.5}),
    *(("anyloss", {"metric": m, "L": 10.0}) for m in ("accuracy", "g_mean", "g_mean_sq")),
    ("anyloss", {"metric": "balanced_accuracy"}),
    ("dice", {"square": True, "smooth": 1e-6}),
    ("tversky", {"alpha": 1.0, "beta": 1.0, "smooth": 0.1}),
    ("dsc", {"alpha": 0.0}),
    ("dsc", {"alpha": 0.5}),
    *(("dynamic_reweight", {"strategy": s}) for s in ("uniform", "linear", "quadratic", "extremes")),
    ("meta_rescale", {"normalize": False}),
    ("self_paced", {"mode": "linear", "lam": 3.0}),
    ("elr", {"lam": 0.0}),
    *(("aggregate", {"level": level}) for level in ("instance", "interp")),
    *(("aggregate", {"level": level, "base": "mse"}) for level in ("bag", "instance")),
    ("hybrid_multilabel", {"lam_corr": 0.0, "lam_con": 2.0}),
    ("kd", {"T": 60.0}),
    ("kd", {"alpha": 0.0}),
    ("self_distill", {"base": "mse"}),
    ("dual_head_kd", {"T": 100.0}),
    *(("ssld", {"mode": m, "tau": 2.0}) for m in ("kl", "sym")),
    ("norm_softmax", {"s": 8.0, "margin": 0.3, "margin_type": "arcface"}),
    ("hyp_ce", {"clip_r": None, "c": 0.01}),
    ("triplet", {"mining": "hard", "squared": True}),
    ("proto_triplet", {"squared": False}),
    ("icnn", {"k": 2}),
    ("multi_similarity", {"mining": False}),
    ("look", {"k": 2, "tau": 0.5}),
    ("presto", {"penalize_first": True}),
    ("two_hot", {"vmin": -1.0, "vmax": 1.0}),
]


def setting_id(setting: Any) -> str | None:
    if isinstance(setting, str):
        return setting
    return ",".join(f"{k}={v}" for k, v in setting.items()) if isinstance(setting, dict) else None


def other_value(name: str, key: str) -> float:
    """A number for a parameter, not its default, where its formula is defined."""
    param = ROWS[name].method.param(key)
    if param.range is None:
        return param.default * 1.1 + 0.01
    low, high = param.range.low, param.range.high
    return math.sqrt(low * high) if param.range.log else low + 0.3 * (high - low)
