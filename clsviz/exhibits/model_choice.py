"""Logistic models with practically the same loss, and the risks they give to the same sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SAMPLES, LEAST = 200, 80
SEPARATION, FAR = 2.0, 6.0  # between the class means; of an outlier across it, in standard deviations
RIDGE = 1e-4  # half of it times |w|^2 is part of the loss: it has a minimum where classes are separable
EPSILONS = (0.0003, 0.001, 0.003, 0.01, 0.03)  # nats
AT = 0.01  # epsilon at which data are compared
DELTA = 0.1
OUTLIERS = (0.0, 0.01, 0.03, 0.1)  # share of the samples
MINORITIES = (0.5, 0.3, 0.2, 0.1, 0.05)  # share of class 1
STEPS, TURNS = 4, 6  # on the way to the first epsilon; of Newton's method at each


def _verdict(numbers: Numbers) -> Verdict:
    sound = bool((numbers["outside"] <= 1e-9).all() and (numbers["narrower"] <= 1e-9).all())
    far = numbers.exceeds("width_outliers", "width_others")
    rare = numbers.exceeds("width_minority", "width_majority")
    nested = "hold the best model and widen with epsilon" if sound else "do not nest as they must"
    seen = (
        f"Within {AT:g} nats of the best model a sample's probability can be moved over "
        f"{numbers.text('width', '.2f')} (mean width of the exact range), by {DELTA:g} or more from the "
        f"best for {numbers.text('ambiguity_at', '.2f')} of the samples (ambiguity), and by one model for at "
        f"least {numbers.text('discrepancy_at', '.2f')} (discrepancy). The ranges {nested}. They are "
        f"{numbers.text('width_outliers', '.2f')} wide for outliers ({OUTLIERS[-1]:.0%} of the samples) "
        f"against {numbers.text('width_others', '.2f')} for the rest, and "
        f"{numbers.text('width_minority', '.2f')} for a class of {MINORITIES[-1]:.0%} against "
        f"{numbers.text('width_majority', '.2f')} for the other."
    )
    if sound and far and rare:
        return Verdict("reproduces", seen)
    return Verdict("partly" if sound else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("The set grows", "epsilon (nats)", "share of the samples, or mean width"),
        ("Outliers", "share of the samples", "mean width of the range"),
        ("A rare class", "share of class 1", "mean width of the range"),
    )
    add_curve(figure, EPSILONS, numbers["ambiguity"], "ambiguity", 0, markers=True)
    add_curve(figure, EPSILONS, numbers["discrepancy"], "discrepancy, at least", 1, markers=True)
    add_curve(figure, EPSILONS, numbers["widths"], "mean width of the range", 2, markers=True)
    add_curve(figure, OUTLIERS[1:], numbers["outliers"], "outliers", 3, panel=2, markers=True)
    add_curve(figure, OUTLIERS, numbers["others"], "other samples", 4, panel=2, markers=True)
    add_curve(figure, MINORITIES, numbers["minority"], "class 1", 5, panel=3, markers=True)
    add_curve(figure, MINORITIES, numbers["majority"], "class 0", 6, panel=3, markers=True)
    figure.update_xaxes(type="log", col=1)
    figure.update_xaxes(type="log", col=3)
    return figure


@exhibit(
    id="predictive_multiplicity",
    title="The same loss, other risks",
    paper="Predictive Multiplicity in Probabilistic Classification",
    entries=("calibration.multiplicity", "calibration.viable_range", "losses.cross_entropy"),
    claim="Models that perform practically alike give one person very different risks; how different depends "
    "on the data: samples that lie apart, and those of a small group, bear the most of it.",
    expected="Viable ranges hold the best model's probability and widen with epsilon; they are wider for "
    "outliers than for other samples, and for a rare class than for the frequent one.",
    setting=f"Two Gaussian classes in the plane, means {SEPARATION:g} standard deviations apart, {SAMPLES} "
    f"samples; logistic regression with an L2 penalty of {RIDGE:g}/2. The epsilon-level set is all of them "
    "whose loss on these samples is at most epsilon above the least: for each sample the largest and the "
    "smallest probability in it are found exactly (a linear function on a convex set). Ambiguity is exact, "
    f"discrepancy that of the extreme models found, which is at most the true one. Outliers lie {FAR:g} "
    "standard deviations to a side and have a label by chance; imbalance takes samples from class 1.",
    headline={
        "width": f"mean width of the viable range, epsilon {AT:g}",
        "ambiguity_at": f"ambiguity, delta {DELTA:g}, epsilon {AT:g}",
        "discrepancy_at": f"discrepancy (at least), delta {DELTA:g}, epsilon {AT:g}",
        "width_outliers": f"mean width, outliers, {OUTLIERS[-1]:.0%} of the samples",
        "width_others": "mean width, other samples beside them",
        "width_minority": f"mean width, class 1, {MINORITIES[-1]:.0%} of the samples",
        "width_majority": "mean width, class 0 beside it",
        "off_the_edge": "largest distance of an extreme model's loss from the edge of the set (nats)",
    },
    experiment={"data": "gaussians", "model": "linear", "loss": "cross_entropy"},
    verdict=_verdict,
    picture=_picture,
)
def predictive_multiplicity(seed: int, scale: float) -> dict[str, Any]:
    from clsviz import calibration

    n = scaled(SAMPLES, scale, LEAST)
    rng = np.random.default_rng([seed, 234])
    X, y, _ = draw(rng, n, 0.5, 0.0)
    grown: list[tuple[float, float, float]] = []
    former, outside, narrower = None, 0.0, 0.0
    best = fitted(X, y)
    off = 0.0
    for epsilon, models in zip(EPSILONS, extremes(X, y, best, EPSILONS), strict=True):
        probs, own = sigmoid(models @ X.T), sigmoid(X @ best)
        off = max(off, float(np.abs(loss(models, X, y) - loss(best[None], X, y) - epsilon).max()))
        low, high = calibration.viable_range(probs).T
        found = calibration.multiplicity(probs, own, delta=DELTA)
        grown.append((float((high - low).mean()), found.ambiguity, found.discrepancy))
        outside = max(outside, float(np.max(low - own)), float(np.max(own - high)))
        if former is not None:
            narrower = max(narrower, float(np.max(low - former[0])), float(np.max(former[1] - high)))
        former = (low, high)
    widths, ambiguity, discrepancy = (list(column) for column in zip(*grown, strict=True))
    at = EPSILONS.index(AT)

    apart = [_widths(*draw(rng, n, 0.5, share)) for share in OUTLIERS]
    rare = [_widths(*draw(rng, n, share, 0.0)[:2]) for share in MINORITIES]
    return {
        "widths": widths,
        "ambiguity": ambiguity,
        "discrepancy": discrepancy,
        "width": widths[at],
        "ambiguity_at": ambiguity[at],
        "discrepancy_at": discrepancy[at],
        "outside": outside,
        "narrower": narrower,
        "off_the_edge": off,
        "outliers": [pair[1] for pair in apart[1:]],
        "others": [pair[0] for pair in apart],
        "width_outliers": apart[-1][1],
        "width_others": apart[-1][0],
        "minority": [pair[1] for pair in rare],
        "majority": [pair[0] for pair in rare],
        "width_minority": rare[-1][1],
        "width_majority": rare[-1][0],
    }


def _widths(X: np.ndarray, y: np.ndarray, of: np.ndarray | None = None) -> tuple[float, float]:
    """Mean width of the viable ranges of the samples with 0 in `of` and of those with 1; `of` None: `y`."""
    from clsviz import calibration

    [models] = extremes(X, y, fitted(X, y), (AT,))
    low, high = calibration.viable_range(sigmoid(models @ X.T)).T
    groups = y if of is None else of
    return tuple(  # type: ignore[return-value]
        float((high - low)[groups == g].mean()) if (groups == g).any() else 0.0 for g in (0, 1)
    )


def draw(
    rng: np.random.Generator, n: int, share: float, outliers: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (x1, x2, 1), labels with so large a share of class 1, and which samples are outliers (0 or 1)."""
    y = np.zeros(n, np.int64)
    y[: max(2, round(share * n))] = 1
    X = rng.normal(size=(n, 2)) + np.stack([(y - 0.5) * SEPARATION, np.zeros(n)], 1)
    apart = np.zeros(n, np.int64)
    chosen = rng.permutation(n)[: max(2, round(outliers * n)) if outliers else 0]
    apart[chosen] = 1
    X[chosen, 1] += FAR * rng.choice([-1, 1], len(chosen))
    y[chosen] = rng.integers(0, 2, len(chosen))
    return np.column_stack([X, np.ones(n)]), y, apart


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def loss(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean log loss with the penalty, of models (B, D)."""
    z = w @ X.T
    return (np.logaddexp(0, z) - y * z).mean(1) + RIDGE / 2 * (w**2).sum(1)


def _derivatives(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (B, D) and Hessians (B, D, D)."""
    p = sigmoid(w @ X.T)
    gradient = (p - y) @ X / len(y) + RIDGE * w
    outer = (X[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    hessian = (p * (1 - p)) @ outer / len(y)
    d = X.shape[1]
    return gradient, hessian.reshape(-1, d, d) + RIDGE * np.eye(d)


def fitted(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The model (D,) with the least loss, by Newton's method with halved steps."""
    w = np.zeros((1, X.shape[1]))
    for _ in range(100):
        gradient, hessian = _derivatives(w, X, y)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        while loss(w - step, X, y)[0] > loss(w, X, y)[0] and np.abs(step).max() > 1e-14:
            step = step / 2
        w = w - step
        if np.abs(step).max() < 1e-12:
            break
    return w[0]


def extremes(X: np.ndarray, y: np.ndarray, best: np.ndarray, epsilons: tuple[float, ...]) -> list[np.ndarray]:
    """For each epsilon (ascending) the 2N models (2N, D) that give a sample most, or least.

    Where x w is greatest on the set, the loss is epsilon above the least and its gradient points along x:
    these D + 1 equations are solved by Newton's method, from the ellipsoid that the set nearly is for a
    small epsilon, then from one epsilon to the next.
    """
    aim = np.concatenate([X, -X])
    least = loss(best[None], X, y)[0]
    inverse = np.linalg.inv(_derivatives(best[None], X, y)[1][0])
    along = aim @ inverse
    length = np.sqrt((along * aim).sum(1))[:, None]
    d = X.shape[1]
    at = epsilons[0] * 0.5**STEPS
    w = best + np.sqrt(2 * at) * along / length
    slope = (np.sqrt(2 * at) / length)[:, 0]
    found = []
    ways = [epsilons[0] * 0.5**k for k in range(STEPS, 0, -1)]
    for before, epsilon in zip((at, *epsilons), epsilons, strict=False):
        steps = ways if epsilon == epsilons[0] else list(np.geomspace(before, epsilon, 5)[1:-1])
        for target in (*steps, epsilon):
            for _ in range(TURNS):
                gradient, hessian = _derivatives(w, X, y)
                left = np.zeros((len(aim), d + 1, d + 1))
                left[:, :d, :d], left[:, :d, d], left[:, d, :d] = hessian, -aim, gradient
                right = np.column_stack([gradient - slope[:, None] * aim, loss(w, X, y) - least - target])
                change = np.linalg.solve(left, right[..., None])[..., 0]
                w, slope = w - change[:, :d], slope - change[:, d]
        found.append(w.copy())
    return found
