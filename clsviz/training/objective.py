"""The loss of an experiment, made ready for one dataset and model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clsviz import losses
from clsviz.catalogue import Method, Spec, resolve
from clsviz.errors import ShapeError
from clsviz.losses.row import ROWS
from clsviz.models import evaluating
from clsviz.training import needs as wanted
from clsviz.training import unlabelled
from clsviz.training.supplies import Supply

# Column of a batch that a loss is given as its targets.
TARGETS = {"class": "targets", "none": "targets", "label_sets": "label_sets", "values": "values"}
# What the network itself says, here and at moved samples: the loss temperature divides it.
TEMPERED = (
    "logits",
    "adv_logits",
    "exit_logits",
    "head_logits",
    "unlabelled_logits",
    "unlabelled_head_logits",
)
# A loss that looks at one of these trains what the model answers.
ANSWERS = ("logits", "exit_logits", "head_logits")


class Supplier(Protocol):
    """Builds what neither batch nor model has."""

    def offers(self, name: str) -> Method | None:
        """The entry of the supply of this need; None where there is none here."""

    def build(self, name: str) -> Supply: ...


def rows_of(values: Mapping[str, Any], rows: Tensor | slice, n: int) -> dict[str, Any]:
    """The values of some of n samples; what does not go by samples stays whole."""
    return {
        name: v[rows] if isinstance(v, Tensor) and v.ndim and len(v) == n else v for name, v in values.items()
    }


class Objective:
    """One number to minimise, from a batch and the model's outputs.

    The catalogue's object is a function of the needs; it gives terms (n,), a scalar, or a result
    with ``.total``. A row of `clsviz.losses` that keeps a state (a memory of the samples, weights
    of its own) becomes its module, built with the sizes the row asks for. What a loss needs, or can
    use, and neither batch nor outputs have, comes from supplies. The logits are divided by
    `temperature` first, whatever the loss.

    Attributes:
        headless: the loss does not look at the logits, so that nothing trains the model's head.
        coupled: a term depends on other samples of its batch.
        decode: the number that logits stand for, where the loss fits numbers; else None.
        draws: it takes random numbers from the batch's generator.
        elsewhere: it looks at what the model says of samples without labels.
        temperature: what the logits are divided by.

    Raises:
        MissingNeed: the loss asks for something that is not there.
        InputError: a parameter for which its formula is not defined.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        batch: Collection[str],
        outputs: Collection[str],
        sizes: Mapping[str, int],
        model: str = "model",
        device: torch.device | None = None,
        temperature: float = 1.0,
        supplier: Supplier | None = None,
    ) -> None:
        entry, function = resolve("loss", spec.name)
        self.spec = spec
        self.temperature = temperature
        self._row = ROWS[entry.name] if entry.family == "losses" else None
        self.decode = self._row.decode if self._row is not None else None
        self.needs: tuple[str, ...] = entry.needs or ("logits", "targets")
        self._column = {"targets": TARGETS[entry.facts.get("targets", "class")]}
        offers = supplier.offers if supplier else lambda _name: None
        taken = self.require(spec, batch=batch, outputs=outputs, sizes=sizes, model=model, offers=offers)
        required = [self._column.get(name, name) for name in self.needs]
        asked: list[str] = []  # of batch and model
        self.supplies: dict[str, Supply] = {}
        for name, offer in taken.items():
            assert supplier is not None
            self.supplies[name] = supplier.build(name)
            asked += offer.needs
        there = {*batch, *outputs, *taken}
        extra = entry.facts.get("extra", ())
        self._optional = [n for n in extra if n not in self.needs and n in there]
        asked += [n for n in (*required, *self._optional) if n not in self.supplies]
        self.more = wanted.needs_outputs(asked, batch)
        self.headless = set(ANSWERS).isdisjoint(self.needs)
        self.coupled = bool(entry.facts.get("coupled")) or any(s.couples for s in self.supplies.values())
        self._multiple = int(entry.facts.get("multiple", 1))
        self.draws = "generator" in asked
        self.elsewhere = unlabelled.wanted(asked)
        self.module: nn.Module | None = None
        self._function: Callable[..., Any] = function
        self.params = dict(spec.params)
        if self._row is not None:
            own = entry.facts["sizes"]
            module = losses.create(entry.name, **spec.params, **{size: sizes[size] for size in own})
            self.params = dict(module.params)
            if entry.facts["state"]:
                self.module = module.to(device)

    @staticmethod
    def require(
        spec: Spec,
        *,
        batch: Collection[str],
        outputs: Collection[str],
        sizes: Collection[str],
        model: str,
        offers: Callable[[str], Method | None],
    ) -> dict[str, Method]:
        """The supplies that a loss takes here, by need; builds nothing.

        Raises:
            MissingNeed: what it needs cannot be filled; names what would provide it.
        """
        entry = resolve("loss", spec.name)[0]
        who, there = f"loss {spec.name!r}", {*batch, *outputs}
        column = {"targets": TARGETS[entry.facts.get("targets", "class")]}
        required = [column.get(name, name) for name in entry.needs or ("logits", "targets")]
        taken: dict[str, Method] = {}
        for name in _all(entry):
            offer = offers(name) if name not in there else None
            if offer is None or (name not in required and not there.issuperset(offer.needs)):
                continue
            wanted.check(f"{name!r} of the {who}", offer.needs, batch=batch, outputs=outputs, model=model)
            taken[name] = offer
        there.update(taken)
        wanted.check(who, required, batch=there.difference(outputs), outputs=outputs, model=model)
        wanted.check(who, entry.facts.get("sizes", ()), batch=(), outputs=sizes, model=model)
        return taken

    def __call__(self, batch: Mapping[str, Any], outputs: Mapping[str, Tensor]) -> Tensor:
        """The loss of this batch, a 0-d tensor (the mean where the loss gives terms)."""
        given = self.arguments(batch, outputs)
        if self.module is not None:
            return self.module(given.pop(self.needs[0]), **given)
        value = self._function(**given, **self.params)
        value = getattr(value, "total", value)
        if not isinstance(value, Tensor) or value.ndim > 1:
            raise ShapeError(
                f"loss {self.spec.name!r} must give a scalar, terms (n,) or a result with .total, "
                f"not {type(value).__name__}{list(getattr(value, 'shape', []))}"
            )
        if not value.numel():
            return value.sum()
        if self._row is not None and self._row.mean is not None:
            x, targets = given.pop(self.needs[0]), given.pop("targets", None)
            return self._row.mean(value, x, targets, **given, **self.params)
        return value.mean() if value.ndim else value

    def arguments(self, batch: Mapping[str, Any], outputs: Mapping[str, Tensor]) -> dict[str, Any]:
        """What the loss is called with, by name: its needs, then what else it can use."""
        values: dict[str, Any] = {**batch, **outputs}
        if self._multiple > 1:
            n = len(values["x"])
            values = rows_of(values, slice(n - n % self._multiple), n)
        for name, supply in self.supplies.items():
            if name not in values:
                values[name] = supply(values)
        if self.temperature != 1:
            values |= {name: values[name] / self.temperature for name in TEMPERED if name in values}
        return self.pick(values)

    def pick(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of all these that the loss is called with."""
        return {name: values[self._column.get(name, name)] for name in (*self.needs, *self._optional)}

    def value_errors(self, batch: Mapping[str, Any], logits: Tensor) -> Tensor | None:
        """What the logits predict less the values, (n,); None where the loss does not fit numbers."""
        if self.decode is None:
            return None
        predicted = self.decode(logits / self.temperature, **self.params)
        return predicted - batch[self._column["targets"]]

    def parameters(self) -> list[nn.Parameter]:
        """Weights that belong to the loss and its supplies and are trained with the model's."""
        parts = [self.module, *(s for s in self.supplies.values() if s.trained)]
        return [p for part in parts if part is not None for p in part.parameters()]

    def state(self) -> dict[str, Tensor]:
        """What later steps depend on, by name; of supplies as ``supplies.<need>.<name>``."""
        return {k: v for part, prefix in self._parts() for k, v in part.state_dict(prefix=prefix).items()}

    def take_state(self, state: Mapping[str, Tensor]) -> bool:
        """Copies a former state where it fits; False leaves the objective as it was built."""
        own = self.state()
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
            return False
        for part, prefix in self._parts():
            part.load_state_dict({k: state[prefix + k] for k in part.state_dict()})
        return True

    def try_out(self, batch: Mapping[str, Any], outputs: Mapping[str, Tensor]) -> None:
        """Raises what the row's checks say of these few samples; changes nothing."""
        if self._row is None:
            return
        with evaluating(self.module or nn.Identity()):
            given = self.arguments(batch, outputs)
            held = {name: getattr(self.module, name) for name in self._row.state}
            x, targets = given.pop(self.needs[0]), given.pop("targets", None)
            self._row.check(x, targets, **held, **given)

    def _parts(self) -> list[tuple[nn.Module, str]]:
        own = [] if self.module is None else [(self.module, "")]
        return [*own, *((supply, f"supplies.{name}.") for name, supply in self.supplies.items())]


def _all(entry: Method) -> list[str]:
    """What a loss is called with, what it could use included, by the batch's names."""
    column = {"targets": TARGETS[entry.facts.get("targets", "class")]}
    names = dict.fromkeys([*(entry.needs or ("logits", "targets")), *entry.facts.get("extra", ())])
    return [column.get(name, name) for name in names]
