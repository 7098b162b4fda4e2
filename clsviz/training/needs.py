"""What a loss is called with, found by name: in the model's outputs or in the batch.

A batch is a dict: ``x`` (n, D), ``targets`` (n,), ``index`` (n,) rows of the dataset, ``generator``
(seeded by run and step), ``label_sets`` (n, K) and ``values`` (n,) where the dataset has them, and the
run's `extras`: one row per sample of whatever else was given to the run (``teacher_logits``, ...).
Outputs are ``logits`` and whatever the model's ``outputs(x)`` names. Where the dataset has samples without
labels, a batch has some, ``unlabelled`` (m, D), and ``unlabelled_<name>`` is the model's output for them.
"""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor, nn

from clsviz.catalogue import methods
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import MissingNeed, ShapeError
from clsviz.training.unlabelled import PREFIX

BATCH = ("x", "targets", "index", "generator")

_FROM_MODEL = {
    "embeddings": "a model whose outputs(x) has 'embeddings' (mlp, cnn, rbf)",
    "dim": "a model whose outputs(x) has 'embeddings' (mlp, cnn, rbf)",
}


def needs_outputs(needs: Collection[str], batch: Collection[str]) -> bool:
    """Whether the model must be asked for more than its logits."""
    return bool(set(needs) - {"logits"} - set(batch))


def forward(model: nn.Module, x: Tensor, *, more: bool) -> dict[str, Tensor]:
    """The model's outputs by name: ``logits`` (n, K) alone, or all that ``outputs(x)`` gives."""
    outputs = getattr(model, "outputs", None)
    if more and callable(outputs):
        return dict(outputs(x))
    result = model(x)
    logits = getattr(result, "logits", result)
    if not isinstance(logits, Tensor):
        raise ShapeError(
            f"the model {type(model).__name__} returns {type(result).__name__}; it must return logits, "
            "a tensor (N, K), or a result with .logits, and may name further outputs in outputs(x) -> dict"
        )
    return {"logits": logits}


class Named(nn.Module):
    """A model whose call gives its outputs by name."""

    def __init__(self, model: nn.Module, more: bool) -> None:
        super().__init__()
        self.model = model
        self.more = more

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return forward(self.model, x, more=self.more)


def check(
    who: str, needs: Collection[str], *, batch: Collection[str], outputs: Collection[str], model: str
) -> None:
    """Refuses a loss whose needs cannot be filled, before anything is trained.

    Raises:
        MissingNeed: names what is missing and what would provide it.
    """
    missing = [name for name in needs if name not in outputs and name not in batch]
    if missing:
        remedies = "; ".join(f"{name!r} comes from {remedy(name)}" for name in missing)
        raise MissingNeed(
            f"{who} needs more than there is: {remedies}. A batch has {', '.join(sorted(batch))}; "
            f"the model {model!r} has {', '.join(sorted(outputs))}"
        )


def remedy(name: str) -> str:
    """What would provide a need, in words."""
    if name.startswith(PREFIX):
        own = name.removeprefix(PREFIX)
        return remedy("unlabelled") + ("" if own == "logits" else f", with {remedy(own)}")
    if name in _FROM_MODEL:
        return _FROM_MODEL[name]
    if models := [m.name for m in methods("model") if name in m.facts.get("gives", ())]:
        return f"the model {' or '.join(map(repr, models))}"
    if name.startswith("teacher_"):
        more = " with embeddings (mlp, cnn, rbf)" if name == "teacher_embeddings" else " or its logits (N, K)"
        return f"Run(..., teacher=...): a run, a module{more}"
    if sets := [m.name for m in methods("data") if name in m.facts.get("gives", ())]:
        return f"the data {' or '.join(map(repr, sets))}, or your own: from_arrays(X, y, {name}=...)"
    supply = REGISTRY.get(f"training.{name}")
    if supply is not None and supply.facts.get("method_only"):
        return f"the method {supply.facts['method_only']!r}, or Run(..., extras={{{name!r}: array}})"
    return f"Run(..., extras={{{name!r}: array}}) with one row per sample"
