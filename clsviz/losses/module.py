"""Losses as modules: parameters checked once, inputs at each call, then reduced."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from clsviz.errors import InputError, MissingNeed
from clsviz.losses.row import ROWS, Row, checked_params, checked_sizes, find, widen

REDUCTIONS = ("none", "sum", "mean")


class Loss(nn.Module):
    """A loss of the catalogue with its parameters and state; made by `create`.

    ``loss(x, targets, reduction="mean", **extra)`` returns a scalar, or the terms for "none".
    Device and dtype follow x; float16 and bfloat16 are computed and returned in float32.

    Attributes:
        name: the row's name.
        params: all its parameters.
        last_lambda, last_tau, last_v: what some rows chose for each sample of the last call, (N,),
            no gradient; None before the first.
    """

    def __init__(self, row: Row, params: dict[str, Any], state: dict[str, Tensor]) -> None:
        super().__init__()
        self.name = row.method.name
        self.params = params
        self._last: dict[str, Any] | None = None  # arguments of the last call, if something is exposed
        for name, tensor in state.items():
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(name, tensor)
            else:
                self.register_buffer(name, tensor)

    def extra_repr(self) -> str:
        return ", ".join([self.name, *(f"{k}={v!r}" for k, v in self.params.items())])

    def forward(self, x: Tensor, targets: Tensor | None, reduction: str = "mean", **extra: Any) -> Tensor:
        """The loss of a batch.

        Raises:
            InputError: unknown reduction or extra; x, targets or an extra of wrong shape, dtype
                or range.
            MissingNeed: an extra that the row needs was not given.
        """
        row = ROWS[self.name]
        if reduction not in REDUCTIONS:
            raise InputError(f"reduction must be one of {list(REDUCTIONS)}, got {reduction!r}")
        self._check_extra(row, extra)
        state = self._state_like(row, x)
        row.check(x, targets, **state, **extra)
        given = state | {k: v.to(x.device) if isinstance(v, Tensor) else v for k, v in extra.items()}
        given |= self.params if self.training else {**self.params, **row.frozen}
        terms = row.terms(x, targets, **given)
        if self.training and row.update:
            with torch.no_grad():
                row.update(widen(x), targets, **given)
        if row.expose:
            self._last = {"x": x, "targets": targets} | given
            self._last = {k: v.detach() if isinstance(v, Tensor) else v for k, v in self._last.items()}
        if reduction == "none" or row.method.facts["row_kind"] == "batch":
            return terms
        if reduction == "mean" and terms.numel():
            return row.mean(terms, x, targets, **given) if row.mean else terms.mean()
        return terms.sum()

    def __getattr__(self, name: str) -> Any:
        """What the row exposes of its last call (`last_lambda`, ...), worked out when asked for."""
        reveal = ROWS[self.__dict__["name"]].expose.get(name) if "name" in self.__dict__ else None
        if reveal is None:
            return super().__getattr__(name)
        if self._last is None:
            return None
        given = dict(self._last)
        with torch.no_grad():
            return reveal(widen(given.pop("x")), given.pop("targets"), **given)

    def _check_extra(self, row: Row, extra: dict[str, Any]) -> None:
        known = row.method.facts["extra"]
        if unknown := sorted(set(extra) - set(known)):
            raise InputError(f"{self.name} takes no argument {unknown[0]!r} in a call; it takes {known}")
        if missing := [n for n in row.required if extra.get(n) is None]:
            raise MissingNeed(
                f"{self.name} needs {missing[0]!r} in each call: loss(x, targets, {missing[0]}=...)"
            )

    def _state_like(self, row: Row, x: Tensor) -> dict[str, Tensor]:
        """The state on x's device; buffers widen to x's dtype so that float64 loses no digits."""
        for name, buffer in self._buffers.items():
            if buffer is not None and isinstance(x, Tensor) and x.is_floating_point():
                setattr(self, name, buffer.to(x.device, torch.promote_types(buffer.dtype, x.dtype)))
        device = x.device if isinstance(x, Tensor) else None
        return {name: getattr(self, name).to(device) for name in row.state}


def names() -> list[str]:
    """The names of all losses, general ones first."""
    return list(ROWS)


def create(name: str, **params: Any) -> Loss:
    """The loss of this name (or alias) as a module.

    Args:
        params: its parameters, and the sizes a row with state needs (``elr``: num_examples,
            num_classes).

    Raises:
        UnknownName: no loss of this name; the message lists the names.
        InputError: a parameter it does not have or for which its formula is not defined, or a
            size that is missing.
    """
    row = find(name)
    wanted = row.method.facts["sizes"]
    sizes = checked_sizes(row, params)
    full = checked_params(row, {k: v for k, v in params.items() if k not in wanted})
    state = {
        key: make(**{size: sizes[size] for size in inspect.signature(make).parameters})
        for key, make in row.state.items()
    }
    return Loss(row, full, state)


def info(name: str) -> dict[str, Any]:
    """What is known of a loss: title, paper, formula (TeX), params, kind, extra, state,
    properties (True, False or None for unknown) and certainty (V, C, M or O).

    Each of params is a dict of name, default, min, max, step, unit, choices; what does not apply
    is None.

    Raises:
        UnknownName: no loss of this name; the message lists the names.
    """
    entry = find(name).method
    params = []
    for p in entry.params:
        r = p.range
        params.append(
            {
                "name": p.name,
                "default": p.default,
                "min": r.low if r else None,
                "max": r.high if r else None,
                "step": r.step if r else None,
                "unit": r.unit if r else None,
                "choices": list(p.choices) if p.choices else None,
            }
        )
    facts = entry.facts
    return {
        "title": entry.title,
        "paper": entry.paper,
        "formula": entry.formula,
        "params": params,
        "kind": facts["row_kind"],
        "extra": list(facts["extra"]),
        "state": list(facts["state"]),
        "properties": dict(facts["properties"]),
        "certainty": facts["certainty"],
    }
