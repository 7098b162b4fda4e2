"""The words of the catalogue: a `Method` says what can be chosen, a `Spec` what was chosen."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from clsviz.errors import InputError


@dataclass(frozen=True, slots=True)
class Range:
    """Slider range of a parameter. It limits controls, not functions.

    Args:
        low, high: ends of the slider, both reachable.
        step: slider step; None lets the control choose.
        log: logarithmic slider.
        unit: what one unit is, in words ("nats", "epochs"); None for a pure number.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    unit: str | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise InputError(f"range {self.low}..{self.high}: low must be below high (and > 0 if log)")


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a method: its default, and its slider range or choices."""

    name: str
    default: Any
    range: Range | None = None
    choices: tuple[Any, ...] | None = None
    help: str = ""  # what its docstring says of it


@dataclass(frozen=True, slots=True)
class Method:
    """One catalogue entry: something a user can choose or see, defined once.

    Args:
        id: ``family.name``, e.g. ``losses.gce``.
        kind: what it is: data, transform, model, loss, optimizer, measure, calibrator, probe.
        title: the name a person reads.
        paper: short reference of the source.
        summary: first sentence of the docstring.
        formula: TeX, or "".
        params: the parameters a user may set, in order.
        needs: names of what it is called with, filled from batch, model and run.
        facts: further fields of one family (a loss's ``vmap``, ``properties``, ...).
        exhibits: ids for `cv.exhibit`, where a paper's claim about it is measured; known to the index only.
    """

    id: str
    kind: str
    title: str
    paper: str
    summary: str = ""
    formula: str = ""
    params: tuple[Param, ...] = ()
    needs: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    exhibits: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        return self.id.split(".")[0]

    @property
    def name(self) -> str:
        return self.id.split(".", 1)[1]

    def param(self, name: str) -> Param:
        for p in self.params:
            if p.name == name:
                return p
        raise InputError(f"{self.id} has no parameter {name!r}; it has {[p.name for p in self.params]}")

    def defaults(self) -> dict[str, Any]:
        return {p.name: p.default for p in self.params}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Method:
        params = tuple(
            Param(
                p["name"],
                p["default"],
                Range(**p["range"]) if p["range"] else None,
                tuple(p["choices"]) if p["choices"] else None,
                p.get("help", ""),
            )
            for p in entry["params"]
        )
        tuples = {name: tuple(entry.get(name, ())) for name in ("needs", "exhibits")}
        return cls(**{**entry, **tuples, "params": params})


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper whose claim is measured here: the entries it is about, and its exhibit (`cv.exhibit`)."""

    id: str  # its short name, e.g. ``elr``
    title: str  # in full
    entries: tuple[str, ...]
    exhibit: str


REGISTRY: dict[str, Method] = {}
OBJECTS: dict[str, Callable[..., Any]] = {}


def _arguments(obj: Any) -> dict[str, str]:
    """What the ``Args:`` of a docstring (of a class: or of its constructor) say, by name."""
    found = {}
    for doc in (inspect.getdoc(obj), inspect.getdoc(obj.__init__) if inspect.isclass(obj) else None):
        if block := re.search(r"^Args:\n((?: .*\n?|\n(?= ))+)", doc or "", re.MULTILINE):
            for names, words in re.findall(
                r"^ *([\w*]+(?:, [\w*]+)*): ((?:.+)(?:\n {5,}.+)*)", block[1], re.MULTILINE
            ):
                found.update(dict.fromkeys(names.split(", "), " ".join(words.split())))
    return found


def method(
    *,
    kind: str,
    title: str,
    paper: str,
    formula: str = "",
    needs: tuple[str, ...] = (),
    name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    **controls: Range | tuple[Any, ...],
) -> Callable[[Any], Any]:
    """Decorator that puts a function or class into the catalogue.

    The id is the family (the package below ``clsviz``) and the object's name in snake case;
    defaults are read from the signature, so that they stand in one place.

    Args:
        controls: for each parameter a user may set, its `Range` or its tuple of choices.
            Keyword-only parameters without a control are entered with neither.
    """

    def enter(obj: Any) -> Any:
        own = name or obj.__name__
        key = f"{obj.__module__.split('.')[1]}.{own}"
        signature = inspect.signature(obj)
        unknown = set(controls) - set(signature.parameters)
        if unknown:
            raise InputError(f"{key}: control for {sorted(unknown)}, which are no parameters of it")
        said = _arguments(obj)
        params = []
        for p in signature.parameters.values():
            control = controls.get(p.name)
            settable = p.kind is p.KEYWORD_ONLY and p.default is not p.empty
            if control is None and not settable:
                continue
            default = None if p.default is p.empty else p.default
            params.append(
                Param(
                    p.name,
                    default,
                    control if isinstance(control, Range) else None,
                    control if isinstance(control, tuple) else None,
                    said.get(p.name, ""),
                )
            )
        summary = (inspect.getdoc(obj) or "").split("\n\n")[0].replace("\n", " ")
        REGISTRY[key] = Method(
            key, kind, title, paper, summary, formula, tuple(params), needs, dict(facts or {})
        )
        OBJECTS[key] = obj
        return obj

    return enter


@dataclass(frozen=True, slots=True)
class Spec:
    """A choice from the catalogue: a name and the parameters that differ from its defaults."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Spec | str | Mapping[str, Any]) -> Spec:
        """Accepts a Spec, a bare name, or ``{"name": ..., "params": {...}}``."""
        if isinstance(value, Spec):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, Mapping) and set(value) <= {"name", "params"} and "name" in value:
            return cls(str(value["name"]), dict(value.get("params", {})))
        raise InputError(f"a Spec is a name, a Spec or {{'name', 'params'}}, not {value!r}")

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "params": dict(self.params)}
