"""Infinitely wide networks that grow deep: nearest neighbour, majority vote, and the kernels between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import COLOURS, TEXT, add_curve, add_level, add_sliders, page, place
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Function = Callable[[np.ndarray], np.ndarray]

DIMENSION = 2  # of the sphere in three dimensions
BANDS = ((0.15, 0.4), (0.7, 0.9))  # of the height: where class 1 is the likely one
NOISE = 0.15  # probability of the other class, everywhere: the Bayes error
SIZES = (30, 100, 300, 1000, 3000)
TESTS = 1500
POWERS = (1.0, 2.0, 4.0)  # exponents that are followed over the sizes
SWEEP = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0)
AT_DEPTH = 101  # training samples of the networks; odd, so that there is a majority
DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
EXPONENTS = (0.05, 0.5, 1.0, 2.0, 4.0, 8.0, 50.0)  # of the slider
MAPPED = (1, 2, 4, 8, 16, 32, 64)  # depths of the slider
CUBIC_DEPTHS = 8  # the cube of the cosine, as often: deeper ones leave the range of float64
NETWORKS = ("square", "cubic", "sine")
NEAR = 0.9  # agreement from which on a network counts as near its limit
RIVALS = {
    "majority": "the majority vote",
    "lower": f"the exponent {POWERS[0]:g}",
    "higher": f"the exponent {POWERS[2]:g}",
    "nearest": "the nearest neighbour",
}
WORDS = {
    "square": "x squared: majority",
    "cubic": "x cubed - 3x: 1-NN",
    "sine": "sin(ax): singular kernel",
}


def likely(X: np.ndarray) -> np.ndarray:
    """(N,) the class with probability 1 - NOISE at each point of the sphere."""
    height = X[:, -1]
    return np.logical_or.reduce([(low < height) & (height < high) for low, high in BANDS]).astype(np.int64)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over the sphere's part without negative coordinates, and their labels.

    There no cosine is negative, for which an odd activation's kernel would be negative too.
    """
    X = np.abs(rng.standard_normal((n, DIMENSION + 1)))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, likely(X) ^ (rng.random(n) < NOISE)


def error_of(guess: np.ndarray, X: np.ndarray) -> float:
    """Probability of a wrong answer, exact at each of these points."""
    return float(np.where(guess == likely(X), NOISE, 1 - NOISE).mean())


def sine_slope(alpha: float) -> float:
    """The a for which the network of sin(ax) becomes the singular kernel with this exponent."""
    from scipy.optimize import brentq

    def exponent(q: float) -> float:  # q = a^2
        return -2 * math.log(q / math.sinh(q)) / math.log(q / math.tanh(q))

    return math.sqrt(brentq(lambda q: exponent(q) - alpha, 1e-2, 50.0))


def duals(a: float) -> dict[str, tuple[Function, Function]]:
    """By activation: covariance of a layer's values by that of its inputs (cosine), and its slope."""
    q = a * a
    return {
        "square": (lambda r: (1 + 2 * r * r) / 3, lambda r: 4 * r / 3),
        "cubic": (lambda r: r**3, lambda r: 3 * r * r),
        "sine": (lambda r: np.sinh(q * r) / math.sinh(q), lambda r: q * np.cosh(q * r) / math.sinh(q)),
    }


def activations(a: float) -> dict[str, tuple[Function, Function]]:
    """By name: the activation and its slope."""
    return {
        "square": (lambda x: x * x, lambda x: 2 * x),
        "cubic": (lambda x: x**3 - 3 * x, lambda x: 3 * x * x - 3),
        "sine": (lambda x: np.sin(a * x), lambda x: a * np.cos(a * x)),
    }


def tangent_kernels(cosine: np.ndarray, name: str, a: float, depths: tuple[int, ...]) -> list[np.ndarray]:
    """The tangent kernel of the infinitely wide network at each depth (ascending), at these cosines."""
    covariance, slope = duals(a)[name]
    sigma = theta = np.where(cosine > 1 - 1e-12, 1.0, np.maximum(cosine, -1))
    found = []
    for depth in range(1, depths[-1] + 1):
        sigma, theta = covariance(sigma), theta * slope(sigma) + covariance(sigma)
        if depth in depths:
            found.append(theta)
    return found


def answers(K: np.ndarray, y: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Classes that interpolation with a kernel gives; both kernels scaled, which leaves the answers."""
    from clsviz.boundary import kernel_interpolate

    k = k / np.maximum(k.max(1, keepdims=True), np.finfo(float).tiny)
    return kernel_interpolate(K / K.max(), y, k, n_classes=2).argmax(1)


def _verdict(numbers: Numbers) -> Verdict:
    deep = {name: float(numbers[f"agree_{name}"][:, -1].mean()) for name in NETWORKS}
    joins = all(
        share > NEAR and share > float(numbers[f"agree_{name}"][:, 0].mean()) for name, share in deep.items()
    )
    falls = numbers.exceeds("excess_few", "excess_many")
    beaten = [words for key, words in RIVALS.items() if numbers.exceeds(f"{key}_end", "optimal_end")]
    level = [words for words in RIVALS.values() if words not in beaten]
    seen = (
        f"At the largest depth the networks give the answer of their limit on {deep['square']:.1%} "
        f"(majority), {deep['cubic']:.1%} (nearest neighbour) and {deep['sine']:.1%} (singular kernel) of "
        f"the test points; the last at depth 1 on {numbers['agree_sine'][:, 0].mean():.1%}. From "
        f"{SIZES[0]} to {SIZES[-1]} samples the excess of the exponent d over the Bayes error falls from "
        f"{numbers.text('excess_few')} to {numbers.text('excess_many')}. Its error, "
        f"{numbers.text('optimal_end')}, is then below that of {_listed(beaten, numbers)}"
        + (f", but not beyond chance below that of {_listed(level, numbers)}" if level else "")
        + f". Of the exponents tried {numbers.text('best_alpha')} has the least error there."
    )
    if joins and falls and not level:
        return Verdict("reproduces", seen)
    return Verdict("partly" if joins or falls else "not at this scale", seen)


def _listed(words: list[str], numbers: Numbers) -> str:
    keys = {value: key for key, value in RIVALS.items()}
    return ", ".join(f"{name} ({numbers.text(f'{keys[name]}_end')})" for name in words) or "no other"


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Vote with a singular kernel", "longitude (degrees)", "height"),
        ("Infinitely wide network", "longitude (degrees)", "height"),
        ("Error against samples", "training samples", "probability of an error"),
        ("Deep networks near their limit", "depth (layers)", "share with the limit's answer"),
        columns=2,
    )
    _add_maps(figure)
    for series, (key, words) in enumerate({**RIVALS, "optimal": f"the exponent {POWERS[1]:g} = d"}.items()):
        add_curve(figure, SIZES, numbers[key], words, series, panel=3, markers=True)
    add_level(figure, NOISE, "Bayes error", panel=3)
    for name, series in zip(NETWORKS, (0, 3, 4), strict=True):  # as their limits in the third panel
        depths = DEPTHS if name != "cubic" else range(1, CUBIC_DEPTHS + 1)
        add_curve(figure, depths, numbers[f"agree_{name}"], WORDS[name], series, panel=4, markers=True)
    figure.update_xaxes(type="log", row=2)
    return figure


def _add_maps(figure: Figure) -> None:
    """The upper panels: where class 1 is answered, by the exponent, and by activation and depth."""
    from clsviz.boundary import singular_kernel_scores

    X, y = draw(np.random.default_rng([0, 8]), AT_DEPTH)
    longitude, height = np.linspace(0, 90, 55), np.linspace(0, 0.99, 45)
    turn, up = np.meshgrid(np.deg2rad(longitude), height)
    flat = np.sqrt(1 - up**2)
    grid = np.stack([flat * np.cos(turn), flat * np.sin(turn), up], -1).reshape(-1, 3)

    def shown(guess: np.ndarray, words: str) -> list[dict[str, Any]]:
        area = dict(type="heatmap", x=longitude, y=height, z=guess.reshape(up.shape).astype(int), zmin=0)
        area |= dict(zmax=1, colorscale=[[0, COLOURS[0]], [1, COLOURS[4]]], opacity=0.5, showscale=False)
        told = dict(type="scatter", mode="text", x=[45], y=[1.05], text=[words], hoverinfo="skip")
        return [area | dict(hoverinfo="skip"), told]

    def by_exponent(alpha: float) -> list[dict[str, Any]]:
        guess = singular_kernel_scores(X, y, grid, alpha=alpha, n_classes=2).argmax(1)
        return shown(guess, f"exponent {alpha:g}: error {error_of(guess, grid):.3f}")

    networks: dict[tuple[str, int], np.ndarray] = {}
    a = sine_slope(DIMENSION)
    for name in NETWORKS:
        depths = tuple(min(depth, CUBIC_DEPTHS) if name == "cubic" else depth for depth in MAPPED)
        among, towards = (tangent_kernels(rows @ X.T, name, a, depths) for rows in (X, grid))
        kernels = zip(sorted(set(depths)), among, towards, strict=True)
        networks |= {(name, depth): answers(K, y, k) for depth, K, k in kernels}

    short = {words.partition(":")[0]: name for name, words in WORDS.items()}

    def by_depth(depth: int, words: str) -> list[dict[str, Any]]:
        name = short[words]
        held = min(depth, CUBIC_DEPTHS) if name == "cubic" else depth
        guess = networks[name, held]
        note = "" if held == depth else " (deeper: out of float64)"
        return shown(guess, f"depth {held}: error {error_of(guess, grid):.3f}{note}")

    add_sliders(figure, {"exponent": EXPONENTS}, [float(DIMENSION)], by_exponent, width=0.44)
    knobs: dict[str, Any] = {"depth": MAPPED, "activation": tuple(short)}
    add_sliders(figure, knobs, [1, list(short)[-1]], by_depth, panel=2, left=0.56, width=0.44)
    for panel in (1, 2):
        for k, name in enumerate(("class 0", "class 1")):
            figure.add_scatter(
                x=np.rad2deg(np.arctan2(X[y == k, 1], X[y == k, 0])),
                y=X[y == k, 2],
                mode="markers",
                name=name,
                legendgroup=name,
                showlegend=panel == 1,
                marker=dict(
                    color=COLOURS[(0, 4)[k]],
                    symbol=("circle", "square")[k],
                    size=6,
                    line=dict(color=TEXT, width=1),
                ),
                **place(figure, panel),
            )


@exhibit(
    id="infinite_limit_classifier",
    title="Wide, deep, and then?",
    paper="Wide and Deep Neural Networks Achieve Optimality for Classification",
    entries=(
        "boundary.infinite_depth_regime",
        "boundary.singular_kernel_scores",
        "boundary.nearest_neighbour_predict",
        "boundary.majority_predict",
    ),
    claim="An infinitely wide network that grows infinitely deep becomes, by its activation, the nearest "
    "neighbour rule, the majority vote, or a vote weighted by a singular kernel; where that kernel's "
    "exponent is the dimension of the data, its error tends to the Bayes error.",
    expected="Deeper networks agree more and more with their limit; the exponent d comes nearer to the "
    "Bayes error with more samples, while the nearest neighbour, the majority and other exponents stay "
    "away from it.",
    setting=f"Points on the part of the sphere (d = {DIMENSION}) without negative coordinates, class 1 "
    f"likely in two bands of height, the other class with probability {NOISE:g} everywhere: the Bayes "
    f"error. The probability of an error is exact at each of {TESTS} test points. Exponents are compared "
    f"with up to {SIZES[-1]} samples; networks are the tangent kernel's interpolation of {AT_DEPTH} "
    f"labels, with x^2, x^3 - 3x (depth up to {CUBIC_DEPTHS}: then its kernel is below what float64 holds) "
    f"and sin(ax), a such that the exponent is {DIMENSION}; what they become is told by "
    "`infinite_depth_regime`.",
    headline={
        "optimal_end": f"error, exponent {POWERS[1]:g} = d, {SIZES[-1]} samples",
        "nearest_end": f"error, nearest neighbour, {SIZES[-1]} samples",
        "majority_end": f"error, majority vote, {SIZES[-1]} samples",
        "lower_end": f"error, exponent {POWERS[0]:g}, {SIZES[-1]} samples",
        "higher_end": f"error, exponent {POWERS[2]:g}, {SIZES[-1]} samples",
        "excess_few": f"excess over the Bayes error, exponent d, {SIZES[0]} samples",
        "excess_many": f"excess over the Bayes error, exponent d, {SIZES[-1]} samples",
        "best_alpha": f"exponent of least error among those tried, {SIZES[-1]} samples",
        "deep_sine": f"agreement with the singular kernel at depth {DEPTHS[-1]}",
    },
    verdict=_verdict,
    picture=_picture,
)
def infinite_limit_classifier(seed: int, scale: float) -> dict[str, Any]:
    from clsviz import boundary

    rng = np.random.default_rng([seed, 8])
    tests = draw(rng, scaled(TESTS, scale, 200))[0]
    names = {"lower": POWERS[0], "optimal": POWERS[1], "higher": POWERS[2]}
    curves: dict[str, list[float]] = {key: [] for key in (*names, "nearest", "majority")}
    for size in SIZES:
        X, y = draw(rng, scaled(size, scale, 20))
        for key, alpha in names.items():
            scores = boundary.singular_kernel_scores(X, y, tests, alpha=alpha, n_classes=2)
            curves[key].append(error_of(scores.argmax(1), tests))
        curves["nearest"].append(error_of(boundary.nearest_neighbour_predict(X, y, tests), tests))
        curves["majority"].append(error_of(boundary.majority_predict(y, len(tests), 2), tests))
    sweep = [
        error_of(boundary.singular_kernel_scores(X, y, tests, alpha=alpha, n_classes=2).argmax(1), tests)
        for alpha in SWEEP
    ]
    numbers: dict[str, Any] = {**curves, "sweep": sweep, "best_alpha": SWEEP[int(np.argmin(sweep))]}
    numbers |= {f"{key}_end": curve[-1] for key, curve in curves.items()}
    numbers["excess_few"], numbers["excess_many"] = (curves["optimal"][i] - NOISE for i in (0, -1))
    numbers |= _agreements(*draw(rng, scaled(AT_DEPTH, scale, 40)), tests)
    return numbers | {"deep_sine": numbers["agree_sine"][-1]}


def _agreements(X: np.ndarray, y: np.ndarray, tests: np.ndarray) -> dict[str, list[float]]:
    """Share of the test points on which each network, by depth, answers as its limit does."""
    from clsviz import boundary

    a = sine_slope(DIMENSION)
    found = {}
    for name, (phi, dphi) in activations(a).items():
        regime = boundary.infinite_depth_regime(phi, dphi)
        if regime.regime == "majority_vote":
            limit = boundary.majority_predict(y, len(tests), 2)
        elif regime.regime == "nearest_neighbour":
            limit = boundary.nearest_neighbour_predict(X, y, tests)
        else:
            alpha = regime.alpha or math.nan
            limit = boundary.singular_kernel_scores(X, y, tests, alpha=alpha, n_classes=2).argmax(1)
        depths = DEPTHS if name != "cubic" else tuple(range(1, CUBIC_DEPTHS + 1))
        among, towards = (tangent_kernels(rows @ X.T, name, a, depths) for rows in (X, tests))
        found[f"agree_{name}"] = [
            float((answers(K, y, k) == limit).mean()) for K, k in zip(among, towards, strict=True)
        ]
    return found
