"""What is trained, on what and how: a frozen description that goes through JSON."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from clsviz.catalogue import Method, Spec, methods, resolve
from clsviz.catalogue.spec import Param
from clsviz.data.imbalance import PROFILES
from clsviz.data.noise import KINDS
from clsviz.errors import InputError, UnknownName

# Name of the data or model that was handed to a Run and stands in no catalogue.
OWN = "own"
CHOICES = ("data", "model", "loss", "optimizer", "method")
# Optional changes to the training part: their kinds (the default first) and their one parameter,
# with its value when nothing is changed.
TRANSFORMS = {
    "label_noise": (KINDS, "rate", 0.0),
    "imbalance": (PROFILES, "factor", 1.0),
}
# Parameters of what a loss needs besides the model: by need, then by name.
SUPPLIES = "supplies"
SETTINGS = ("loss_temperature", "batch_size", "epochs", "seed", "device", "precision")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True, init=False)
class Experiment:
    """Data, model, loss, optimiser and method by name, and how long and from which seed.

    Each choice is a `Spec`: a bare name, a Spec, or ``{"name": ..., "params": {...}}``.
    Dotted paths reach parameters: ``experiment.get("loss.q")``.

    Args:
        label_noise: None, a rate in [0, 1], or a Spec ``symmetric`` / ``pair`` with ``rate``.
        imbalance: None, a factor >= 1, or a Spec ``exp`` / ``step`` with ``factor``.
        supplies: parameters of what makes a loss's needs (catalogue kind "supply"), by the need:
            ``{"bags": {"size": 4}}``; what the loss does not need is of no effect.
        loss_temperature: divides the logits before the loss, in training and where the loss is measured;
            any loss can so be made softer (> 1) or harder. > 0.
        batch_size: training samples per step; the last batch of an epoch may be smaller.
        epochs: how many one `start` trains.
        seed: int >= 0; initial weights, batch order, label noise and imbalance follow from it.
        device: "auto" (CUDA where there is one, else CPU), "cpu", "cuda", "cuda:1", ...
        precision: "auto" (bfloat16 autocast on CUDA devices that have it, else float32),
            "float32" or "bfloat16".

    Raises:
        UnknownName: a name the catalogue does not have.
        InputError: a parameter or value that cannot be used.
    """

    data: Spec
    model: Spec
    loss: Spec
    optimizer: Spec
    method: Spec
    label_noise: Spec | None
    imbalance: Spec | None
    supplies: Mapping[str, Mapping[str, Any]]
    loss_temperature: float
    batch_size: int
    epochs: int
    seed: int
    device: str
    precision: str

    def __init__(
        self,
        data: Spec | str | Mapping[str, Any] = "digits",
        model: Spec | str | Mapping[str, Any] = "mlp",
        loss: Spec | str | Mapping[str, Any] = "cross_entropy",
        optimizer: Spec | str | Mapping[str, Any] = "sgd",
        method: Spec | str | Mapping[str, Any] = "standard",
        label_noise: Spec | str | float | Mapping[str, Any] | None = None,
        imbalance: Spec | str | float | Mapping[str, Any] | None = None,
        supplies: Mapping[str, Mapping[str, Any]] | None = None,
        loss_temperature: float = 1.0,
        batch_size: int = 64,
        epochs: int = 60,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        chosen = dict(data=data, model=model, loss=loss, optimizer=optimizer, method=method)
        for name, value in chosen.items():
            object.__setattr__(self, name, _choice(name, value))
        object.__setattr__(self, "label_noise", _transform("label_noise", label_noise))
        object.__setattr__(self, "imbalance", _transform("imbalance", imbalance))
        object.__setattr__(self, SUPPLIES, _supplies(supplies))
        object.__setattr__(self, "loss_temperature", _positive("loss_temperature", loss_temperature))
        object.__setattr__(self, "batch_size", _whole("batch_size", batch_size, 1))
        object.__setattr__(self, "epochs", _whole("epochs", epochs, 1))
        object.__setattr__(self, "seed", _whole("seed", seed, 0))
        object.__setattr__(self, "device", _device_name(device))
        if precision not in PRECISIONS:
            raise InputError(f"precision: expected one of {list(PRECISIONS)}, got {precision!r}")
        object.__setattr__(self, "precision", precision)

    def get(self, path: str) -> Any:
        """The value at a dotted path: ``seed``, ``loss`` (a Spec), ``loss.q`` (its default if not set).

        Raises:
            UnknownName: there is no such path; the message lists what there is.
        """
        head, dot, param = path.partition(".")
        self._require(head, path)
        value = getattr(self, head)
        if not dot:
            return value
        if head in TRANSFORMS:
            _, name, unchanged = TRANSFORMS[head]
            if param != name:
                raise UnknownName(f"no setting {path!r}; {head} has {name!r}")
            return unchanged if value is None else value.params[name]
        if head == SUPPLIES:
            need, dot, name = param.partition(".")
            given = value.get(need, {})
            if not dot:
                return {**entry_of("supply", Spec(need)).defaults(), **given}
            default = _param("supply", Spec(need), name).default
            return given.get(name, default)
        if head not in CHOICES:
            raise UnknownName(f"no setting {path!r}; {head!r} has no parameters")
        if param in value.params:
            return value.params[param]
        return _param(head, value, param).default

    def params(self, choice: str) -> dict[str, Any]:
        """All parameters of a choice, defaults filled in from the catalogue."""
        spec = getattr(self, choice)
        defaults = {} if spec.name == OWN else entry_of(choice, spec).defaults()
        return {**defaults, **spec.params}

    def replace(self, changes: Mapping[str, Any]) -> Experiment:
        """A copy with the values at these dotted paths changed.

        A whole choice (``{"loss": "gce"}``) drops the parameters of the former one and is taken
        before parameters (``{"loss.q": 0.5}``), whatever their order.
        """
        new = {f.name: getattr(self, f.name) for f in fields(self)}
        for path in sorted(changes, key=lambda p: "." in p):
            head, dot, param = path.partition(".")
            self._require(head, path)
            if not dot:
                new[head] = changes[path]
            elif head in CHOICES or head in TRANSFORMS:
                former = new[head]
                if head in TRANSFORMS:
                    former = _transform(head, former) or Spec(TRANSFORMS[head][0][0])
                spec = Spec.of(former)
                new[head] = Spec(spec.name, {**spec.params, param: changes[path]})
            elif head == SUPPLIES:
                need, dot, name = param.partition(".")
                given = {**new[head].get(need, {}), name: changes[path]} if dot else changes[path]
                new[head] = {**new[head], need: given}
            else:
                raise UnknownName(f"no setting {path!r}; {head!r} has no parameters")
        return Experiment(**new)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; `from_json` gives an equal Experiment."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        # Mostly empty; left out then, so that the key of a sweep's row is what it was before there were any.
        values[SUPPLIES] = {need: dict(params) for need, params in self.supplies.items()}
        return {k: v.to_json() if isinstance(v, Spec) else v for k, v in values.items() if k != SUPPLIES or v}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Experiment:
        """The Experiment that `to_json` described."""
        names = [f.name for f in fields(cls)]
        if not isinstance(entry, Mapping) or not set(entry) <= set(names):
            raise InputError(f"an Experiment is a dict with keys out of {names}, not {entry!r}")
        return cls(**entry)

    def _require(self, head: str, path: str) -> None:
        names = [f.name for f in fields(self)]
        if head not in names:
            near = difflib.get_close_matches(path, self._paths(), 1, 0.6)
            same = [p for p in self._paths() if p.endswith(f".{path}")]
            hint = "".join(f"; did you mean {p!r}?" for p in (same or near)[:1])
            raise UnknownName(f"no setting {path!r}{hint or f'; an Experiment has {names}'}")

    def _paths(self) -> list[str]:
        """All dotted paths to parameters, and the settings that have none."""
        choices = [name for name in CHOICES if getattr(self, name).name != OWN]
        params = [f"{name}.{p.name}" for name in choices for p in entry_of(name, getattr(self, name)).params]
        params += [f"{SUPPLIES}.{m.name}.{p.name}" for m in methods("supply") for p in m.params]
        return [*params, *(f"{name}.{param}" for name, (_, param, _) in TRANSFORMS.items()), *SETTINGS]


def entry_of(choice: str, spec: Spec) -> Method:
    """The catalogue entry behind one of an Experiment's choices."""
    return resolve(choice, spec.name)[0]


def _supplies(value: Any) -> dict[str, dict[str, Any]]:
    """Parameters that were given, by supply; checked against the catalogue."""
    if not isinstance(value or {}, Mapping):
        raise InputError(
            f'{SUPPLIES}: expected needs with parameters, as {{"bags": {{"size": 4}}}}, got {value!r}'
        )
    found = {}
    for need, params in (value or {}).items():
        entry = entry_of("supply", Spec(str(need)))
        path = f"{SUPPLIES}.{need}"
        if not isinstance(params, Mapping):
            raise InputError(
                f"{path}: expected a dict of parameters out of {list(entry.defaults())}, got {params!r}"
            )
        if params:
            found[entry.name] = {n: _value(f"{path}.{n}", entry.param(n), v) for n, v in params.items()}
    return found


def _choice(choice: str, value: Any) -> Spec:
    try:
        spec = Spec.of(value)
    except InputError as error:
        raise InputError(f"{choice}: {error}") from None
    if spec.name == OWN and choice in ("data", "model"):
        if spec.params:
            raise InputError(f"{choice}: your own {choice} has no parameters, got {dict(spec.params)}")
        return spec
    entry = entry_of(choice, spec)
    params = {name: _value(f"{choice}.{name}", entry.param(name), v) for name, v in spec.params.items()}
    return Spec(entry.name, params)


def _param(choice: str, spec: Spec, name: str) -> Param:
    try:
        return entry_of(choice, spec).param(name)
    except InputError as error:
        place = choice if choice != "supply" else f"{SUPPLIES}.{spec.name}"
        raise UnknownName(f"no setting '{place}.{name}': {error}") from None


def _value(path: str, param: Param, value: Any) -> Any:
    """`value` as plain Python, when it is of the kind that the parameter takes."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # numpy and torch scalars
    if value is None and param.default is None:
        return None
    if param.choices is not None and isinstance(param.default, str):
        if value not in param.choices:
            raise InputError(f"{path}: expected one of {list(param.choices)}, got {value!r}")
        return value
    if isinstance(param.default, bool):
        if not isinstance(value, bool):
            raise InputError(f"{path}: expected True or False, got {value!r}")
        return value
    if param.range is not None or isinstance(param.default, numbers.Real):
        return _number(path, value)
    return tuple(value) if isinstance(value, list) else value


def _number(path: str, value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise InputError(f"{path}: expected a finite number, got {value!r}")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _transform(field: str, value: Any) -> Spec | None:
    kinds, name, _ = TRANSFORMS[field]
    if value is None:
        return None
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        value = Spec(kinds[0], {name: value})
    spec = Spec.of(value)
    if spec.name not in kinds:
        raise UnknownName(f"{field}: no kind is called {spec.name!r}; there are {list(kinds)}")
    if set(spec.params) - {name}:
        raise InputError(f"{field} has the parameter {name!r}, got {sorted(spec.params)}")
    if name not in spec.params:
        raise InputError(f"{field}: say how much, e.g. Spec({spec.name!r}, {{{name!r}: ...}})")
    amount = _number(f"{field}.{name}", spec.params[name])
    low, high = (0.0, 1.0) if field == "label_noise" else (1.0, math.inf)
    if not low <= amount <= high:
        raise InputError(f"{field}.{name}: expected a number in [{low:g}, {high:g}], got {amount}")
    return Spec(spec.name, {name: amount})


def _positive(name: str, value: Any) -> float:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # numpy and torch scalars
    amount = _number(name, value)
    if amount <= 0:
        raise InputError(f"{name}: expected a number > 0, got {value!r}")
    return float(amount)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name}: expected a whole number >= {least}, got {value!r}")
    return int(value)


def _device_name(device: Any) -> str:
    text = str(device)
    kind, _, number = text.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise InputError(f'device: expected "auto", "cpu", "cuda" or "cuda:0", got {device!r}')
    return text
