"""The loss of an experiment, made ready for one dataset and model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from clsviz import losses
from clsviz.catalogue import Spec, resolve
from clsviz.errors import ShapeError
from clsviz.training import needs as wanted


class Objective:
    """One number to minimise, from a batch and the model's outputs.

    The catalogue's object is a function of the needs; it gives terms (n,), a scalar, or a result
    with ``.total``. A row of `clsviz.losses` that keeps a state (a memory of the samples, weights
    of its own) becomes its module, built with the sizes the row asks for. The logits are divided by
    `temperature` first, whatever the loss.

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
    ) -> None:
        self.require(spec, batch=batch, outputs=outputs, sizes=sizes, model=model)
        entry, function = resolve("loss", spec.name)
        self.spec = spec
        self._temperature = temperature
        self.needs: tuple[str, ...] = entry.needs or ("logits", "targets")
        self.more = wanted.needs_outputs(self.needs, batch)
        self.module: nn.Module | None = None
        self._function: Callable[..., Any] = function
        self.params = dict(spec.params)
        if entry.family == "losses":
            asked = entry.facts["sizes"]
            module = losses.create(entry.name, **spec.params, **{size: sizes[size] for size in asked})
            self.params = dict(module.params)
            if entry.facts["state"]:
                self.module = module.to(device)

    @staticmethod
    def require(
        spec: Spec, *, batch: Collection[str], outputs: Collection[str], sizes: Collection[str], model: str
    ) -> None:
        """Refuses a loss whose needs cannot be filled; nothing is built.

        Raises:
            MissingNeed: names what is missing and what would provide it.
        """
        entry, who = resolve("loss", spec.name)[0], f"loss {spec.name!r}"
        needs = entry.needs or ("logits", "targets")
        wanted.check(who, needs, batch=batch, outputs=outputs, model=model)
        wanted.check(who, entry.facts.get("sizes", ()), batch=(), outputs=sizes, model=model)

    def __call__(self, batch: Mapping[str, Any], outputs: Mapping[str, Tensor]) -> Tensor:
        """The loss of this batch, a 0-d tensor (the mean where the loss gives terms)."""
        if self._temperature != 1 and "logits" in outputs:
            outputs = {**outputs, "logits": outputs["logits"] / self._temperature}
        given = wanted.fill(self.needs, batch, outputs)
        if self.module is None:
            value = self._function(**given, **self.params)
        else:
            value = self.module(given.pop(self.needs[0]), **given)
        value = getattr(value, "total", value)
        if not isinstance(value, Tensor) or value.ndim > 1:
            raise ShapeError(
                f"loss {self.spec.name!r} must give a scalar, terms (n,) or a result with .total, "
                f"not {type(value).__name__}{list(getattr(value, 'shape', []))}"
            )
        return value.mean() if value.ndim else value

    def parameters(self) -> list[nn.Parameter]:
        """Weights that belong to the loss itself and are trained with the model's."""
        return list(self.module.parameters()) if self.module else []

    def state(self) -> dict[str, Tensor]:
        return dict(self.module.state_dict()) if self.module else {}

    def take_state(self, state: Mapping[str, Tensor]) -> bool:
        """Copies a former state where it fits; False leaves the objective as it was built."""
        own = self.state()
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
            return False
        if self.module:
            self.module.load_state_dict(dict(state))
        return True
