"""One answer of a network explained: linear map round a sample, attribution, what removing features does."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from clsviz import boundary
from clsviz.boundary.attribution import Agreement, gradients_agree, logit_gradient
from clsviz.boundary.calling import logits_at
from clsviz.data import Dataset
from clsviz.data.ood import normals
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Snapshot, Source
from clsviz.widgets.messages import AskExplanation
from clsviz.widgets.sources import module_or_function
from clsviz.widgets.wire import Packet, reference_rows

STEPS, COPIES, NOISE = 64, 32, 0.2  # of the attributions; as js/src/core/attribution.ts
NEAR = 0.5  # Euclidean: where slopes are compared; likewise
CHANCE_SEED, NEAR_SEED = 1, 2  # of the random order, of the directions; likewise
MODES = ("deletion", "insertion")
MOST_TOP = 10  # features whose overlap is told; as js/src/views/explanation/numbers.ts
CLOSE = 1e-9  # of epochs that are the same; as js/src/views/explanation/past.ts
NO_SLOPE = (
    "this model has no gradient: there is no linear map round a sample, and only occlusion can be asked"
)
NOTHING = np.empty(0)


class Earlier(NamedTuple):
    """How like an attribution that of the same network at an earlier recorded moment is."""

    step: int
    epoch: float
    agreement: Agreement


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One sample under one network; without a gradient A, b and steady are None, and `why` says so."""

    logits: np.ndarray  # (K,)
    A: np.ndarray | None  # (K, D)
    b: np.ndarray | None  # (K,)
    method: str  # of the attribution
    values: np.ndarray  # (D,)
    gap: float | None  # what integrated gradients leave of the logit's gain
    walks: dict[str, np.ndarray]  # (D + 1, K) logits: "deletion", "insertion", and these with "random_"
    steady: tuple[float, float] | None  # cosine of slopes near the sample: mean, least
    why: str


def baseline_of(data: Dataset, name: str) -> np.ndarray:
    """(D,) what a feature without information is: 0, or the mean of the training part."""
    if name == "zero":
        return np.zeros(data.n_features)
    mean: np.ndarray = data.X[reference_rows(data)].astype(np.float64).mean(0)
    return mean


def random_weights(d: int) -> np.ndarray:
    """(d,) weights of a seeded random order, which others are compared with."""
    return normals(CHANCE_SEED, d)


def double(model: Any) -> Any:
    """A copy of a torch module that reckons as the browser does; another callable as it is."""
    return copy.deepcopy(model).double().eval() if isinstance(model, nn.Module) else model


def attribution_of(
    model: Any, method: str, x: np.ndarray, target: int, blank: np.ndarray
) -> tuple[np.ndarray, float | None]:
    """(D,) weights by a method of `messages.ATTRIBUTIONS`, and what integrated gradients leave."""
    match method:
        case "occlusion":
            return boundary.occlusion(model, x, target, baseline=blank), None
        case "smooth_grad":
            return boundary.smooth_grad(model, x, target, noise=NOISE, n=COPIES), None
        case "integrated_gradients":
            found = boundary.integrated_gradients(model, x, target, baseline=blank, n_steps=STEPS)
            return found.values, found.gap
    slope = logit_gradient(model, x[None], target)[0]
    return (slope * x if method == "gradient_input" else slope), None


def explain(model: Any, x: np.ndarray, method: str, target: int, blank: np.ndarray) -> Explained:
    """All that the view shows of one sample.

    Args:
        model: torch module in double precision, or a callable (N, D) to (N, K) logits.
        x: (D,) sample. method: one of `messages.ATTRIBUTIONS`; without a gradient it becomes "occlusion".
        target: class. blank: (D,) the baseline.
    """
    A = b = None
    steady: tuple[float, float] | None = None
    why = NO_SLOPE
    if isinstance(model, nn.Module):
        A, b = boundary.linear_interpreter(model, x)
        directions = normals(NEAR_SEED, COPIES * len(x)).reshape(COPIES, len(x))
        why = ""
        try:
            near = gradients_agree(model, x, target, directions, radius=NEAR, k=1)
            steady = near.cosine, near.worst_cosine
        except InputError:
            pass  # a slope of 0 has no direction
    else:
        method = "occlusion"
    values, gap = attribution_of(model, method, x, target, blank)
    walks = {
        f"{prefix}{mode}": logits_at(model, _walk(x, blank, weights, mode))
        for prefix, weights in (("", values), ("random_", random_weights(len(x))))
        for mode in MODES
    }
    logits = logits_at(model, x[None])[0]
    return Explained(logits, A, b, method, values, gap, walks, steady, why)


def _walk(x: np.ndarray, blank: np.ndarray, weights: np.ndarray, mode: str) -> np.ndarray:
    """(D + 1, D) the inputs of `insertion_deletion`."""
    seen: list[np.ndarray] = []

    def keep(walk: np.ndarray) -> np.ndarray:
        seen.append(walk)
        return np.ones((len(walk), 1))

    boundary.insertion_deletion(keep, x, weights, 0, baseline=blank, mode=mode)
    return seen[0]


def callable_model(source: Source, step: int | None) -> Any:
    """The network in double precision; of a model without a gradient a function that gives its logits."""
    model = module_or_function(source, step)
    return double(model) if isinstance(model, nn.Module) else model


def earlier_moment(source: Source, step: int | None) -> Snapshot | None:
    """The last recorded moment at least an epoch before; within the first epoch the first one."""
    now = source.timeline.latest if step is None else source.timeline.at(step)
    before = [s for s in source.timeline if s.step < now.step]
    an_epoch = [s for s in before if s.epoch <= now.epoch - 1 + CLOSE]
    return an_epoch[-1] if an_epoch else before[0] if before else None


def earlier_agreement(
    source: Source,
    step: int | None,
    method: str,
    values: np.ndarray,
    x: np.ndarray,
    target: int,
    blank: np.ndarray,
) -> Earlier | None:
    """These weights (D,) of sample x beside those of `earlier_moment`; None at the first moment."""
    then = earlier_moment(source, step)
    if then is None:
        return None
    other, _ = attribution_of(callable_model(source, then.step), method, x, target, blank)
    found = boundary.attribution_agreement(values, other, k=min(MOST_TOP, len(x)))
    return Earlier(then.step, then.epoch, found)


def explanation_answer(source: Source, run_id: str, request: AskExplanation) -> Packet:
    """The answer to a page about a network that it cannot run; js/src/core/explained.ts reads it."""
    data = source.dataset
    question = asdict(request)
    header: dict[str, Any] = {"kind": "explanation_answer", "run_id": run_id, "question": question}
    blank = baseline_of(data, request.baseline)
    try:
        x = data.X[request.sample].astype(np.float64)
        found = explain(callable_model(source, request.step), x, request.method, request.target, blank)
        then = earlier_agreement(source, request.step, found.method, found.values, x, request.target, blank)
    except (ClsvizError, IndexError) as error:
        return Packet(header | {"error": str(error)}, [])
    header |= {name: getattr(found, name) for name in ("method", "gap", "steady", "why")} | {"error": ""}
    header["earlier"] = then and {"epoch": then.epoch, "agreed": then.agreement._asdict()}
    A, b = (NOTHING if part is None else part for part in (found.A, found.b))
    return Packet(header, [found.logits, A, b, found.values, *found.walks.values()])
