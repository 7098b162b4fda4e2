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
from clsviz.errors import InputError, UnknownName
from clsviz.losses import checks

PROPERTIES = ("bounded", "symmetric", "calibrated", "proper", "convex")
GROUPS = (
    "Standard",
    "Margin",
    "Robust to noise",
    "Temperature and DRO",
    "Confidence and shape",
    "Imbalance and metrics",
    "Weighting and memory",
    "Distillation",
    "Embeddings",
    "Ordinal and values",
    "Several labels",
)


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
        check: raises when x, targets, extras and state do not fit together.
        domains: domain of each parameter that not every finite number suits.
        relations: what must hold between parameters, in words -> predicate of all of them.
        optional: parameters that may be None.
        state: name -> function that makes the tensor from the row's sizes; an `nn.Parameter`
            is trained, any other tensor is a buffer.
        update: called after each training-mode call with the same arguments, changes the state
            in place; None for none.
        frozen: parameter values that hold in eval mode, where nothing is updated.
        expose: attribute of the module -> function of the last call's arguments, with no gradient.
        mean: the mean where it is not that of the terms: (terms, x, targets, extras and state,
            *, params) -> scalar.
        decode: the number that logits stand for, where targets are values: (logits, *, params) -> (N,).
    """

    method: Method
    terms: Callable[..., Tensor]
    check: Callable[..., None]
    domains: Mapping[str, Domain]
    relations: Mapping[str, Callable[..., bool]]
    optional: tuple[str, ...]
    state: Mapping[str, Callable[..., Tensor]]
    update: Callable[..., None] | None
    frozen: Mapping[str, Any]
    expose: Mapping[str, Callable[..., Tensor]]
    mean: Callable[..., Tensor] | None
    decode: Callable[..., Tensor] | None

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


def widen(value: Any) -> Any:
    """float16 and bfloat16 tensors as float32, all else as it is."""
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def _fit(value: Any, dtype: torch.dtype) -> Any:
    """Floating tensors in this type, all else as it is."""
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _in_full_precision(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Computes in the type of the first argument, at least float32, autocast or not."""
    first = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def terms(*args: Any, **kwargs: Any) -> Tensor:
        x = args[0] if args else kwargs[first]
        dtype = widen(x).dtype
        args = tuple(_fit(a, dtype) for a in args)
        kwargs = {k: _fit(v, dtype) for k, v in kwargs.items()}
        if not torch.is_autocast_enabled(x.device.type):
            return function(*args, **kwargs)
        with torch.autocast(x.device.type, enabled=False):  # it would multiply matrices in half precision
            return function(*args, **kwargs)

    return terms


def loss(
    *,
    title: str,
    paper: str,
    formula: str,
    certainty: str,
    group: str,
    properties: tuple[bool | None, ...] = (None,) * len(PROPERTIES),
    row_kind: str = "logits",
    targets: str = "class",
    vmap: bool = True,
    coupled: bool = False,
    multiple: int = 1,
    extras: Mapping[str, checks.Check] | None = None,
    check: Callable[..., None] | None = None,
    domains: Mapping[str, Domain] | None = None,
    relations: Mapping[str, Callable[..., bool]] | None = None,
    optional: tuple[str, ...] = (),
    state: Mapping[str, Callable[..., Tensor]] | None = None,
    update: Callable[..., None] | None = None,
    frozen: Mapping[str, Any] | None = None,
    expose: Mapping[str, Callable[..., Tensor]] | None = None,
    mean: Callable[..., Tensor] | None = None,
    decode: Callable[..., Tensor] | None = None,
    temperature_like: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    **controls: Range | tuple[Any, ...],
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Decorator that makes a function a row of the loss catalogue.

    Args:
        certainty: V compared with torch or scikit-learn, C read in public code, M from memory of
            the paper, O our own choice.
        group: where menus list it, one of `GROUPS`.
        properties: bounded, symmetric, calibrated, proper, convex at the defaults and C > 2; None
            is unknown or does not apply.
        row_kind: logits, batch (one scalar, no terms), multilabel, distillation, embeddings,
            ordinal or value_bins.
        targets: what it is called with: class (int64 (N,)), label_sets ((N, C) of 0 and 1),
            values (float (N,)) or none (ignored, may be None).
        vmap: terms work under `torch.func.vmap`, number parameters given as tensors included.
        coupled: a term may depend on other rows of the batch, not on its own alone.
        multiple: the number of rows must be one of this; training leaves out what is over.
        extras: a check of `clsviz.losses.checks` for each extra.
        check: a further check of all that a call gives; runs after those of x, targets and extras.
        temperature_like: parameters to link with the temperature slider.
        controls: slider range or choices of each parameter.

    The other arguments are the fields of `Row`. The function sees all floating tensors in the type
    of the first argument (float32 at least).
    """
    makers = dict(state or {})
    if group not in GROUPS:
        raise InputError(f"group must be one of {list(GROUPS)}, got {group!r}")

    def enter(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        terms = _in_full_precision(function)
        per_call = [
            p
            for p in inspect.signature(function).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in makers
        ]
        first = per_call[0].name
        sizes = dict.fromkeys(s for make in makers.values() for s in inspect.signature(make).parameters)
        facts = {
            "vmap": vmap,
            "coupled": coupled,
            "multiple": multiple,
            "row_kind": row_kind,
            "group": group,
            "targets": targets,
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

        def checked(x: Tensor, labels: Any, **more: Any) -> None:
            checks.output_rows(first, x, targets)
            checks.TARGETS[targets](first, x, labels)
            for extra, fits in (extras or {}).items():
                if more.get(extra) is not None:
                    fits(extra, more[extra], x)
            if check:
                check(x, labels, **more)

        ROWS[name] = Row(
            REGISTRY[f"losses.{name}"],
            terms,
            checked,
            domains or {},
            relations or {},
            optional,
            makers,
            update,
            frozen or {},
            expose or {},
            mean,
            decode,
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
        if value is None and key in row.optional:
            full[key] = None
            continue
        full[key] = _checked(f"{name}: {key}", value, row.method.param(key).choices, full[key])
        domain = row.domains.get(key)
        if domain and not domain.holds(full[key]):
            raise InputError(f"{name}: {key} must be {domain.text}, got {value!r}")
    for text, holds in row.relations.items():
        if not holds(**full):
            raise InputError(f"{name}: {text} must hold, got {full}")
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
    if isinstance(default, int):
        if not float(value).is_integer():
            raise InputError(f"{label} must be a whole number, got {value!r}")
        return int(float(value))
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
