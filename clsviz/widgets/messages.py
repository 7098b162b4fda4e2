"""What the browser may ask of the kernel: every message is checked here, once, before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clsviz.catalogue import Spec
from clsviz.errors import MessageError

COMMANDS = ("train", "pause", "step", "reset", "stop", "stop_fan", "close_fan")
PLANES = ("path", "random")
PARTS = ("training", "validation")
MOST_LOSSES = 2
OF_FEATURES = ("mahalanobis", "relative_mahalanobis", "knn")
ATTRIBUTIONS = ("gradient_input", "gradient", "integrated_gradients", "occlusion", "smooth_grad")
BASELINES = ("zero", "mean")
LEARNT = ("tempnet", "correctness", "model")
MAX_SAMPLES = 4000
MAX_FEATURES = 100_000
MAX_RESOLUTION = 256  # points along a side of a field
LEAST_LANDSCAPE, MOST_LANDSCAPE = 11, 101  # points per axis
TEMPERATURES = (0.05, 20.0)
MOST_PARAMS = 20
MAX_FAN = 128  # values of one setting
MAX_SEEDS = 16
MAX_MEMBERS = 512
MOST_SCENES = 1000


@dataclass(frozen=True, slots=True)
class Hello:
    """A page shows this session and wants all there is."""

    via: str  # "stream" or "control": the comm it listens on


@dataclass(frozen=True, slots=True)
class Command:
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """Dotted paths of the experiment with new values."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seek:
    step: int


@dataclass(frozen=True, slots=True)
class Teach:
    """Begin anew with a network on screen as the teacher."""

    step: int | None
    member: int | None  # of the fan; None: the run itself
    loss: str  # to learn from it with


@dataclass(frozen=True, slots=True)
class AskLandscape:
    plane: str
    step: int | None
    resolution: int | None = None  # points per axis; None: as the network allows


@dataclass(frozen=True, slots=True)
class AskScore:
    """The table of a loss that the landscape is to be scored with."""

    key: str  # the page's name for it
    name: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskSurprisals:
    """The histogram of -log p(true class) that the page recolours the landscape from."""

    temperature: float


@dataclass(frozen=True, slots=True)
class AskField:
    """Logits on a grid of a plane, and scores of features, for networks the browser cannot run."""

    key: str
    step: int | None
    origin: tuple[float, ...]
    u: tuple[float, ...]
    v: tuple[float, ...]
    xlim: tuple[float, float]
    ylim: tuple[float, float]
    resolution: int
    member: int | None = None  # of the fan; None: the run itself
    detector: str = ""  # one of `OF_FEATURES`, or "" for logits alone


@dataclass(frozen=True, slots=True)
class AskLoss:
    """Curves, simplex and samples of losses that the browser does not compute."""

    key: str
    losses: tuple[Spec, ...]
    step: int | None
    temperature: float
    part: str
    most: int  # samples
    member: int | None = None


@dataclass(frozen=True, slots=True)
class AskOOD:
    """Logits of a set from outside, and scores of features, that the browser cannot compute."""

    outside: str  # name of the set
    strength: float
    detector: str  # one of `OF_FEATURES`, or "" for logits alone
    step: int | None
    member: int | None = None


@dataclass(frozen=True, slots=True)
class AskExplanation:
    """A sample explained, for networks the browser cannot run."""

    sample: int
    method: str  # one of `ATTRIBUTIONS`
    target: int  # class
    baseline: str  # one of `BASELINES`
    step: int | None
    member: int | None = None


@dataclass(frozen=True, slots=True)
class AskAttack:
    """The way of an attack on a sample, for networks the browser cannot run."""

    sample: int
    step: int | None
    member: int | None = None


@dataclass(frozen=True, slots=True)
class AskCalibrator:
    """What a calibrator makes of the validation samples, fitted out of fold."""

    name: str
    step: int
    member: int | None = None


@dataclass(frozen=True, slots=True)
class AskTemperatures:
    """Learnt temperatures of samples."""

    by: str  # one of `LEARNT`
    step: int | None
    part: str
    most: int  # samples
    member: int | None = None


@dataclass(frozen=True, slots=True)
class FanOut:
    """Train networks side by side that differ in one setting."""

    path: str
    values: tuple[float, ...] | None  # None: over the whole slider
    seeds: int | None


@dataclass(frozen=True, slots=True)
class Cancel:
    task: str


@dataclass(frozen=True, slots=True)
class GoToScene:
    """A scene of the sequence whose network is not there yet."""

    index: int


Request = (
    Hello
    | Command
    | Change
    | Seek
    | Teach
    | AskLandscape
    | AskScore
    | AskSurprisals
    | AskField
    | AskLoss
    | AskCalibrator
    | AskOOD
    | AskExplanation
    | AskAttack
    | AskTemperatures
    | FanOut
    | Cancel
    | GoToScene
)


def parse(content: Any) -> Request:
    """The request in a message's content.

    Raises:
        MessageError: it is not a message of ours, a field is missing, of the wrong type or out of range.
    """
    if not isinstance(content, Mapping):
        raise MessageError(f"a message is an object, not {type(content).__name__}")
    kind = content.get("kind")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise MessageError(f"unknown kind of message {str(kind)[:60]!r}; known: {sorted(_READERS)}")
    return reader(content)


def _text(content: Mapping[str, Any], key: str, allowed: tuple[str, ...] | None = None) -> str:
    value = content.get(key)
    if not isinstance(value, str) or len(value) > 500 or (allowed and value not in allowed):
        raise MessageError(
            f"{key} must be {'one of ' + str(allowed) if allowed else 'a short text'}, got {value!r:.80}"
        )
    return value


def _whole(content: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = content.get(key)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or value != int(value)
    ):
        raise MessageError(f"{key} must be a whole number, got {value!r:.80}")
    if not low <= value <= high:
        raise MessageError(f"{key} must lie in {low}..{high}, got {value}")
    return int(value)


def _step(content: Mapping[str, Any]) -> int | None:
    return None if content.get("step") is None else _whole(content, "step", 0, 2**53)


def _member(content: Mapping[str, Any]) -> int | None:
    return None if content.get("member") is None else _whole(content, "member", 0, MAX_MEMBERS)


def _landscape_resolution(content: Mapping[str, Any]) -> int | None:
    if content.get("resolution") is None:
        return None
    return _whole(content, "resolution", LEAST_LANDSCAPE, MOST_LANDSCAPE)


def _numbers(content: Mapping[str, Any], key: str, most: int) -> tuple[float, ...]:
    value = content.get(key)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise MessageError(f"{key} must be a list of 1..{most} numbers")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value):
        raise MessageError(f"{key} must hold finite numbers only")
    return tuple(float(v) for v in value)


def _limits(content: Mapping[str, Any], key: str) -> tuple[float, float]:
    limits = _numbers(content, key, 2)
    if len(limits) != 2 or not limits[0] < limits[1]:
        raise MessageError(f"{key} must be [low, high] with low below high")
    return limits


def _change(content: Mapping[str, Any]) -> Change:
    changes = content.get("changes")
    if not isinstance(changes, Mapping) or not changes or len(changes) > 50:
        raise MessageError("changes must be an object of 1..50 dotted paths")
    if not all(isinstance(k, str) and len(k) <= 100 for k in changes):
        raise MessageError("changes must have short texts as keys")
    return Change(dict(changes))


def _score(content: Mapping[str, Any]) -> AskScore:
    params = content.get("params")
    if not isinstance(params, Mapping) or len(params) > MOST_PARAMS:
        raise MessageError(f"params must be an object of at most {MOST_PARAMS} parameters")
    plain = all(isinstance(v, str | int | float | bool) or v is None for v in params.values())
    if not plain or not all(isinstance(k, str) and len(k) <= 100 for k in params):
        raise MessageError("params must hold numbers, texts or booleans by short names")
    return AskScore(_text(content, "key"), _text(content, "name"), dict(params))


def _surprisals(content: Mapping[str, Any]) -> AskSurprisals:
    value = content.get("temperature")
    low, high = TEMPERATURES
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise MessageError(f"temperature must be a number in {low}..{high}, got {value!r:.80}")
    return AskSurprisals(float(value))


def _field(content: Mapping[str, Any]) -> AskField:
    origin, u, v = (_numbers(content, key, MAX_FEATURES) for key in ("origin", "u", "v"))
    if not len(origin) == len(u) == len(v):
        raise MessageError("origin, u and v must have the same length")
    return AskField(
        _text(content, "key"),
        _step(content),
        origin,
        u,
        v,
        _limits(content, "xlim"),
        _limits(content, "ylim"),
        _whole(content, "resolution", 2, MAX_RESOLUTION),
        _member(content),
        _text({"detector": "", **content}, "detector", ("", *OF_FEATURES)),
    )


def _losses(content: Mapping[str, Any]) -> AskLoss:
    specs = content.get("losses")
    if not isinstance(specs, list) or not 1 <= len(specs) <= MOST_LOSSES:
        raise MessageError(f"losses must be a list of 1..{MOST_LOSSES} losses")
    for spec in specs:
        if not isinstance(spec, Mapping) or not isinstance(spec.get("params"), Mapping):
            raise MessageError("each of losses must be an object with name and params")
    (temperature,) = _numbers({"temperature": [content.get("temperature")]}, "temperature", 1)
    if not temperature > 0:
        raise MessageError(f"temperature must be > 0, got {temperature}")
    return AskLoss(
        _text(content, "key"),
        tuple(Spec(_text(spec, "name"), dict(spec["params"])) for spec in specs),
        _step(content),
        temperature,
        _text(content, "part", PARTS),
        _whole(content, "most", 1, MAX_SAMPLES),
        _member(content),
    )


def _ood(content: Mapping[str, Any]) -> AskOOD:
    (strength,) = _numbers({"strength": [content.get("strength")]}, "strength", 1)
    if strength < 0:
        raise MessageError(f"strength must be >= 0, got {strength}")
    detector = _text(content, "detector", ("", *OF_FEATURES))
    return AskOOD(_text(content, "outside"), strength, detector, _step(content), _member(content))


def _explanation(content: Mapping[str, Any]) -> AskExplanation:
    sample, target = _whole(content, "sample", 0, 2**53), _whole(content, "target", 0, 2**53)
    method, baseline = _text(content, "method", ATTRIBUTIONS), _text(content, "baseline", BASELINES)
    return AskExplanation(sample, method, target, baseline, _step(content), _member(content))


def _temperatures(content: Mapping[str, Any]) -> AskTemperatures:
    most = _whole(content, "most", 1, MAX_SAMPLES)
    by, part = _text(content, "by", LEARNT), _text(content, "part", PARTS)
    return AskTemperatures(by, _step(content), part, most, _member(content))


def _fan(content: Mapping[str, Any]) -> FanOut:
    values = None if content.get("values") is None else _numbers(content, "values", MAX_FAN)
    seeds = None if content.get("seeds") is None else _whole(content, "seeds", 1, MAX_SEEDS)
    return FanOut(_text(content, "path"), values, seeds)


_READERS: dict[str, Callable[[Mapping[str, Any]], Request]] = {
    "hello": lambda c: Hello(_text(c, "via", ("stream", "control"))),
    "command": lambda c: Command(_text(c, "name", COMMANDS)),
    "change": _change,
    "seek": lambda c: Seek(_whole(c, "step", 0, 2**53)),
    "teach": lambda c: Teach(_step(c), _member(c), _text(c, "loss")),
    "landscape": lambda c: AskLandscape(_text(c, "plane", PLANES), _step(c), _landscape_resolution(c)),
    "score": _score,
    "surprisals": _surprisals,
    "field": _field,
    "loss": _losses,
    "calibrator": lambda c: AskCalibrator(_text(c, "name"), _whole(c, "step", 0, 2**53), _member(c)),
    "ood": _ood,
    "explanation": _explanation,
    "attack": lambda c: AskAttack(_whole(c, "sample", 0, 2**53), _step(c), _member(c)),
    "temperatures": _temperatures,
    "fan": _fan,
    "scene": lambda c: GoToScene(_whole(c, "index", 0, MOST_SCENES)),
    "cancel": lambda c: Cancel(_text(c, "task", ("landscape", "landscape_loss", "field", "calibrator"))),
}
