"""Which features an answer rests on: how far two attributions agree, and what removing features does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats

from clsviz.boundary.calling import logits_at, tensor_like, with_gradient
from clsviz.boundary.checks import TINY, integer, not_negative, real_array, vector_of
from clsviz.catalogue import Range, method
from clsviz.data.ood import normals
from clsviz.errors import InputError, ShapeError

MODES = ("deletion", "insertion")


class Agreement(NamedTuple):
    """How much alike two attributions are; None where that is not defined."""

    topk: float  # share of the k largest in common
    spearman: float | None
    kendall: float | None
    cosine: float | None


class InsertionDeletion(NamedTuple):
    """Probability of a class while features are changed one by one."""

    curve: np.ndarray  # (d + 1,)
    auc: float  # area over [0, 1]


class IntegratedGradients(NamedTuple):
    """What each feature adds to a class's logit on the straight way from a baseline."""

    values: np.ndarray  # (d,)
    gap: float  # logit at x minus that at the baseline minus the sum of values; 0 with steps enough


class AttributionRobustness(NamedTuple):
    """How much alike the attributions of a sample and of samples round it are."""

    topk: float  # mean
    cosine: float  # mean
    worst_cosine: float


@method(
    kind="measure",
    title="Agreement of two attributions",
    paper="How explainable are adversarially-robust CNNs?, arXiv:2205.13042",
    needs=("a", "b"),
    k=Range(1, 100, step=1),
)
def attribution_agreement(a: Any, b: Any, *, k: int = 10) -> Agreement:
    """Overlap of the k features of largest size, rank correlations and cosine.

    Args:
        a, b: attributions of one shape, flattened here. k: at most their size.

    Raises:
        InputError: k outside 1..size. ShapeError: different shapes.
    """
    a, b = real_array(a, "a"), real_array(b, "b")
    if a.shape != b.shape:
        raise ShapeError(f"a and b must have one shape, got {a.shape} and {b.shape}")
    a, b, most = a.ravel(), b.ravel(), integer(k, "k")
    if most > a.size:
        raise InputError(f"k must be at most the {a.size} features, got {k}")
    largest = [set(np.argsort(-np.abs(v), kind="stable")[:most]) for v in (a, b)]
    varies = np.ptp(a) > 0 and np.ptp(b) > 0
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return Agreement(
        len(largest[0] & largest[1]) / most,
        float(stats.spearmanr(a, b).statistic) if varies else None,
        float(stats.kendalltau(a, b).statistic) if varies else None,
        float(a @ b / lengths) if lengths > 0 else None,
    )


@method(
    kind="measure",
    title="Insertion and deletion",
    paper="Petsiuk, Das & Saenko 2018, RISE, arXiv:1806.07421",
    needs=("predict_proba", "x", "attribution", "target"),
    mode=MODES,
)
def insertion_deletion(
    predict_proba: Callable[[np.ndarray], Any],
    x: Any,
    attribution: Any,
    target: int,
    *,
    baseline: Any = 0.0,
    mode: str = "deletion",
) -> InsertionDeletion:
    """The class's probability while features go to a baseline, or come from it, the weightiest first.

    Both curves follow confidence, so compare models at equal temperature.

    Args:
        predict_proba: (M, d) float64 to (M, K) probabilities.
        x: (d,) sample. attribution: (d,) weights of its features. target: class.
        baseline: value of a removed feature, a number or (d,).
        mode: "deletion" starts at x, "insertion" at the baseline.

    Raises:
        InputError: unknown mode or class. ShapeError: shapes do not fit.
    """
    if mode not in MODES:
        raise InputError(f"mode must be one of {list(MODES)}, got {mode!r}")
    x = real_array(x, "x", 1)
    weights = vector_of(attribution, "attribution", len(x))
    blank = _blank(baseline, len(x))
    start, end = (x, blank) if mode == "deletion" else (blank, x)
    place = np.empty(len(x), dtype=np.int64)
    place[np.argsort(-weights, kind="stable")] = np.arange(len(x))
    walk = np.where(place < np.arange(len(x) + 1)[:, None], end, start)
    probs = real_array(predict_proba(walk), "predict_proba(x)", 2)
    if len(probs) != len(walk):
        raise ShapeError(f"predict_proba must give (M, K) for (M, d): {walk.shape} became {probs.shape}")
    curve = probs[:, _target(target, probs)].copy()
    return InsertionDeletion(curve, float(np.trapezoid(curve, dx=1 / len(x))))


@method(
    kind="measure",
    title="Robustness of an attribution",
    paper="How explainable are adversarially-robust CNNs?, arXiv:2205.13042",
    needs=("model", "x", "target"),
    radius=Range(0, 2),
    n=Range(1, 200, step=1),
    k=Range(1, 100, step=1),
)
def attribution_robustness(
    model: Any, x: Any, target: int, *, radius: float = 0.1, n: int = 32, k: int = 3, seed: int = 0
) -> AttributionRobustness:
    """How much the gradient of a class's logit changes at a distance from a sample.

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        x: (d,) sample. target: class.
        radius: distance of the n samples round it, >= 0. k: as in `attribution_agreement`.

    Returns:
        All 1 inside one linear region.

    Raises:
        InputError: an option outside its range, or a gradient that is 0 there.
    """
    x = real_array(x, "x", 1)
    directions = np.random.default_rng(seed).standard_normal((integer(n, "n"), len(x)))
    return gradients_agree(model, x, target, directions, radius=radius, k=k)


def gradients_agree(
    model: Any, x: np.ndarray, target: int, directions: np.ndarray, *, radius: float, k: int
) -> AttributionRobustness:
    """`attribution_robustness` in directions (n, d) of one's own; errors as there."""
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), TINY)
    points = np.concatenate([x[None], x + not_negative(radius, "radius") * directions])
    own, *others = logit_gradient(model, points, target)
    found = [attribution_agreement(own, other, k=k) for other in others]
    cosines = [agreement.cosine for agreement in found if agreement.cosine is not None]
    if len(cosines) < len(found):
        raise InputError(f"the gradient of class {target} is 0 at x or near it; there is nothing to compare")
    return AttributionRobustness(
        float(np.mean([agreement.topk for agreement in found])), float(np.mean(cosines)), min(cosines)
    )


@method(
    kind="probe",
    title="Integrated gradients",
    paper="Sundararajan, Taly & Yan 2017, arXiv:1703.01365",
    formula=r"(x_i-b_i)\int_0^1\partial_i z_t\big(b+\alpha(x-b)\big)\,d\alpha",
    needs=("model", "x", "target"),
    n_steps=Range(1, 512, step=1),
)
def integrated_gradients(
    model: Any, x: Any, target: int, *, baseline: Any = 0.0, n_steps: int = 64
) -> IntegratedGradients:
    """Slopes of a class's logit, averaged on the way from the baseline, times the way (midpoint rule).

    Of the exact integral the values add up to what the logit gains on the way (completeness).

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        x: (d,) sample. target: class.
        baseline: where the way begins, a number or (d,).

    Raises:
        InputError: no torch module, unknown class, or n_steps < 1. ShapeError: shapes do not fit.
    """
    x = real_array(x, "x", 1)
    blank = _blank(baseline, len(x))
    share = (np.arange(integer(n_steps, "n_steps"))[:, None] + 0.5) / n_steps
    values = (x - blank) * logit_gradient(model, blank + share * (x - blank), target).mean(0)
    start, end = logits_at(model, np.stack([blank, x]))[:, target]
    return IntegratedGradients(values, float(end - start - values.sum()))


@method(
    kind="probe",
    title="Occlusion",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901",
    formula=r"z_t(x)-z_t(x_{-i},b_i)",
    needs=("model", "x", "target"),
)
def occlusion(model: Any, x: Any, target: int, *, baseline: Any = 0.0) -> np.ndarray:
    """(d,) what a class's logit loses when one feature alone takes its value of the baseline.

    Args:
        model: torch module or callable, (N, d) to (N, K) logits; needs no gradient.
        x: (d,) sample. target: class. baseline: a number or (d,).

    Raises:
        InputError: unknown class. ShapeError: shapes do not fit.
    """
    x = real_array(x, "x", 1)
    z = logits_at(model, np.concatenate([x[None], np.where(np.eye(len(x)) > 0, _blank(baseline, len(x)), x)]))
    values: np.ndarray = z[0, _target(target, z)] - z[1:, _target(target, z)]
    return values


@method(
    kind="probe",
    title="SmoothGrad",
    paper="Smilkov, Thorat, Kim, Viegas & Wattenberg 2017, arXiv:1706.03825",
    formula=r"\mathbb{E}_{\epsilon}\,\nabla z_t(x+\epsilon)",
    needs=("model", "x", "target"),
    noise=Range(0, 1),
    n=Range(1, 200, step=1),
)
def smooth_grad(
    model: Any, x: Any, target: int, *, noise: float = 0.2, n: int = 32, seed: int = 0
) -> np.ndarray:
    """(d,) mean slope of a class's logit over noisy copies of a sample.

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        x: (d,) sample. target: class.
        noise: standard deviation, >= 0; 0 gives the gradient. n: copies.
        seed: of the noise, a hash of its place that the browser draws too.

    Raises:
        InputError: no torch module, unknown class, or an option outside its range.
    """
    x = real_array(x, "x", 1)
    drawn = normals(integer(seed, "seed", least=0), integer(n, "n") * len(x)).reshape(n, -1)
    slope: np.ndarray = logit_gradient(model, x + not_negative(noise, "noise") * drawn, target).mean(0)
    return slope


def _blank(baseline: Any, d: int) -> np.ndarray:
    if np.ndim(baseline) == 0:
        return np.full(d, float(real_array(baseline, "baseline")))
    return vector_of(baseline, "baseline", d)


def _target(target: Any, logits: np.ndarray) -> int:
    k = integer(target, "target", least=0)
    if k >= logits.shape[1]:
        raise InputError(f"target must be in 0..{logits.shape[1] - 1}, got {target!r}")
    return k


def logit_gradient(model: Any, X: np.ndarray, target: int) -> np.ndarray:
    """(N, d) slope of one class's logit at each sample."""
    k = integer(target, "target", least=0)
    with with_gradient(model) as logits_of:
        x = torch.from_numpy(np.ascontiguousarray(X)).to(tensor_like(model).device).requires_grad_(True)
        logits = logits_of(x)
        if k >= logits.shape[1]:
            raise InputError(f"target must be in 0..{logits.shape[1] - 1}, got {target!r}")
        (slope,) = torch.autograd.grad(logits[:, k].sum(), x)
    return slope.cpu().numpy()
