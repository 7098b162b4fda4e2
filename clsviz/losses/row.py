"""A row of the loss catalogue: one pure function and what is known about it.

`loss(...)` enters a function into the catalogue and into `ROWS`. The function's signature says
the rest: what stands before the ``*`` is given at each call (first argument, targets, extras) or
held by the module (state); what stands after it are the parameters a user sets.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clsviz.catalogue import Method, Range, method
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError, UnknownName

PROPERTIES = ("bounded", "symmetric", "calibrated", "proper", "convex")


@dataclass(frozen=True, slots=True)
class Domain:
    """The numbers for which a parameter makes sense; sliders show less of them."""

    text: str
    holds: Callable[[float], bool]


POSITIVE = Domain("> 0", lambda v: v > 0)
NOT_NEGATIVE = Domain(">= 0", lambda v: v >= 0)
NOT_POSITIVE = Domain("<= 0", lambda v: v <= 0)
SHARE = Domain("in [0, 1]", lambda v: 0 <= v <= 1)


@dataclass(frozen=True, slots=True)
class Row:
    """One loss.

    Args:
        method: its catalogue entry.
        terms: the function, (x, targets, extras and state, *, params) -> (N,) terms.
        domains: domain of each parameter that not every finite number suits.
        state: name -> function that makes the tensor from the row's sizes; an `nn.Parameter`
            is trained, any other tensor is a buffer.
        check: raises when x, targets, extras do not fit together or to the state.
        update: called after each training-mode call with the same arguments, changes the state
            in place; None for none.
        frozen: parameter values that hold in eval mode, where nothing is updated.
    """

    method: Method
    terms: Callable[..., Tensor]
    domains: Mapping[str, Domain]
    state: Mapping[str, Callable[..., Tensor]]
    check: Callable[..., None]
    update: Callable[..., None] | None
    frozen: Mapping[str, Any]

    @property
    def required(self) -> tuple[str, ...]:
        """Extras that every call must give."""
        return tuple(n for n in self.method.facts["extra"] if n in self.method.needs)


ROWS: dict[str, Row] = {}  # by name, in the order of names()
ALIASES: dict[str, str] = {}  # other names in use


def find(name: str) -> Row:
    """The row of this name or alias.

    Raises:
        UnknownName: there is none; the message lists the names.
    """
    try:
        return ROWS[ALIASES.get(name, name)]
    except (KeyError, TypeError):
        raise UnknownName(f"no loss is called {name!r}; there are {list(ROWS)}") from None


def class_rows(logits: Tensor, targets: Tensor, **_: Any) -> None:
    """Check of most rows: logits (N, C), C >= 2, floating; targets (N,) int64 in [0, C)."""
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"logits must be a floating point torch tensor, got {got}")
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ShapeError(f"logits must be (N, C) with C >= 2, got {tuple(logits.shape)}")
    if not isinstance(targets, Tensor) or targets.dtype != torch.int64:
        got = targets.dtype if isinstance(targets, Tensor) else type(targets).__name__
        raise InputError(f"targets must be an int64 torch tensor, got {got}; use targets.long()")
    n, c = logits.shape
    if targets.shape != (n,):
        raise ShapeError(f"targets must be ({n},) as logits has {n} rows, got {tuple(targets.shape)}")
    if n and not 0 <= int(targets.min()) <= int(targets.max()) < c:
        raise InputError(
            f"targets must be in [0, {c}) as logits has {c} columns, "
            f"got {int(targets.min())}..{int(targets.max())}"
        )


def widen(value: Any) -> Any:
    """float16 and bfloat16 tensors as float32, all else as it is."""
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def loss(
    *,
    title: str,
    paper: str,
    formula: str,
    certainty: str,
    properties: tuple[bool | None, ...] = (None,) * len(PROPERTIES),
    row_kind: str = "logits",
    vmap: bool = True,
    domains: Mapping[str, Domain] | None = None,
    state: Mapping[str, Callable[..., Tensor]] | None = None,
    check: Callable[..., None] = class_rows,
    update: Callable[..., None] | None = None,
    frozen: Mapping[str, Any] | None = None,
    temperature_like: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    **controls: Range | tuple[Any, ...],
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator that makes a function a row of the loss catalogue.

    Args:
        certainty: V compared with torch or scikit-learn, C read in public code, M from memory of
            the paper, O our own choice.
        properties: bounded, symmetric, calibrated, proper, convex at the defaults and C > 2; None
            is unknown or does not apply.
        row_kind: logits, batch (one scalar, no terms), multilabel, distillation, embeddings,
            ordinal or value_bins.
        vmap: terms work under `torch.func.vmap`, number parameters given as tensors included.
        temperature_like: parameters to link with the temperature slider.
        controls: slider range or choices of each parameter.

    The other arguments are the fields of `Row`.
    """
    makers = dict(state or {})

    def enter(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @functools.wraps(function)
        def terms(*args: Any, **kwargs: Any) -> Tensor:
            return function(*map(widen, args), **{k: widen(v) for k, v in kwargs.items()})

        per_call = [
            p
            for p in inspect.signature(function).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in makers
        ]
        sizes = dict.fromkeys(s for make in makers.values() for s in inspect.signature(make).parameters)
        facts = {
            "vmap": vmap,
            "row_kind": row_kind,
            "extra": [p.name for p in per_call[2:]],
            "state": list(makers),
            "sizes": list(sizes),
            "properties": dict(zip(PROPERTIES, properties, strict=True)),
            "certainty": certainty,
            "temperature_like": list(temperature_like),
            "aliases": list(aliases),
        }
        name = function.__name__
        method(
            kind="loss",
            name=name,
            title=title,
            paper=paper,
            formula=formula,
            needs=tuple(p.name for p in per_call if p.default is p.empty),
            facts=facts,
            **controls,
        )(terms)
        ROWS[name] = Row(
            REGISTRY[f"losses.{name}"], terms, domains or {}, makers, check, update, frozen or {}
        )
        ALIASES.update(dict.fromkeys(aliases, name))
        return terms

    return enter


def checked_params(row: Row, params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of the row: those given, checked, and the defaults of the others.

    Raises:
        InputError: a parameter that the row does not have, of the wrong type or outside the
            domain of the formula; the message names it.
    """
    name = row.method.name
    full = row.method.defaults()
    for key, value in params.items():
        if key not in full:
            raise InputError(f"{name} has no parameter {key!r}; it has {list(full)}")
        full[key] = _checked(f"{name}: {key}", value, row.method.param(key).choices, full[key])
        domain = row.domains.get(key)
        if domain and not domain.holds(full[key]):
            raise InputError(f"{name}: {key} must be {domain.text}, got {value!r}")
    return full


def _checked(label: str, value: Any, choices: tuple[Any, ...] | None, default: Any) -> Any:
    if choices is not None:
        if value not in choices:
            raise InputError(f"{label} must be one of {list(choices)}, got {value!r}")
        return choices[choices.index(value)]
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(f"{label} must be True or False, got {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise InputError(f"{label} must be a finite number, got {value!r}")
    return float(value)


def checked_sizes(row: Row, sizes: Mapping[str, Any]) -> dict[str, int]:
    """The sizes from which the row's state is made.

    Raises:
        InputError: one is missing or no integer >= 1.
    """
    name, wanted = row.method.name, row.method.facts["sizes"]
    for key in wanted:
        value = sizes.get(key)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            got = "was not given" if value is None else f"got {value!r}"
            raise InputError(f"{name}: create needs {key}, an integer >= 1; {got}")
    return {key: int(sizes[key]) for key in wanted}
