"""Generative against discriminative: who learns faster, who ends lower, and where the curves cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_curve, add_level, add_sliders, curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DIMENSIONS = (8, 32, 128)
SIZES = tuple(2**k for k in range(2, 13))  # samples, half of each class
CORRELATION = 0.3  # of any two features within a class
NAIVE_ERROR, LEAST_ERROR = 0.15, 0.1  # with endless data: of naive Bayes, and of the best linear rule
RHOS = (0.0, 0.1, 0.3, 0.6, 0.9)  # correlations of the slider
SOME_SIZES = SIZES[::2]  # there
DRAWS = 3  # training sets a size
PENALTY, RIDGE = 1e-6, 0.1  # of logistic regression; of LDA's covariance
NEAR = 0.02  # a curve is at its asymptote when it is nearer than that
DIGIT_SIZES = (4, 8, 16, 32, 64, 128, 240)
DIGIT_EPOCHS, FEATURES = 20, 32
LEARNERS = {"bayes": "naive Bayes", "lda": "LDA, ridge 0.1", "logistic": "logistic regression"}


def mixture(d: int, rho: float = CORRELATION) -> tuple[np.ndarray, np.ndarray]:
    """Distance of the class means (d,) and covariance (d, d), with NAIVE_ERROR and LEAST_ERROR.

    Where the correlation is too weak for that, naive Bayes errs as much as it can.

    Any two features are correlated alike and a half of them separates the classes more than the other:
    naive Bayes, who takes them for independent, points away from the best direction.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    cov = np.full((d, d), rho) + (1 - rho) * np.eye(d)
    halves = np.repeat([1.0, -1.0], d // 2) / np.sqrt(d)
    common = np.ones(d) / np.sqrt(d)
    # eigenvalues of `common` and of `halves`
    large, small = 1 + (d - 1) * rho, 1 - rho
    best, naive = (2 * ndtri(1 - error) for error in (LEAST_ERROR, NAIVE_ERROR))

    def distances(angle: float) -> tuple[float, float]:  # along both, with the least error as wanted
        return best * np.sqrt(large) * np.cos(angle), best * np.sqrt(small) * np.sin(angle)

    def excess(angle: float) -> float:
        a, b = distances(angle)
        return float((a * a + b * b) / np.sqrt(large * a * a + small * b * b) - naive)

    worst = np.arctan(np.sqrt(large / small))
    a, b = distances(brentq(excess, 0.0, worst) if excess(worst) < 0 else worst)
    return a * common + b * halves, cov


def needed(errors: list[float], asymptote: float) -> float:
    """Samples from which on a curve over SIZES stays within NEAR of its asymptote; at most the last size."""
    gap = np.asarray(errors) - asymptote - NEAR
    outside = np.flatnonzero(gap > 0)
    if not len(outside) or outside[-1] == len(gap) - 1:
        return float(SIZES[-1] if len(outside) else SIZES[0])
    i = outside[-1]
    t = gap[i] / (gap[i] - gap[i + 1])
    return float(np.exp((1 - t) * np.log(SIZES[i]) + t * np.log(SIZES[i + 1])))


def last_crossing(first: list[float], second: list[float]) -> float:
    """Samples from which on `second` is the lower curve over SIZES; the largest size if it never stays so."""
    from clsviz.boundary import curve_crossing

    ahead = [i for i in range(len(SIZES)) if first[i] < second[i]]
    start = ahead[-1] if ahead else 0
    found = curve_crossing(SIZES[start:], first[start:], second[start:])
    return float(SIZES[-1]) if found is None else found


def _verdict(numbers: Numbers) -> Verdict:
    few, many = DIMENSIONS[0], DIMENSIONS[-1]
    faster = numbers.exceeds("growth_logistic", "growth_bayes")
    earlier = all(numbers.exceeds(f"needs_logistic_{d}", f"needs_bayes_{d}") for d in DIMENSIONS)
    lower = all(numbers.exceeds(f"end_bayes_{d}", f"end_logistic_{d}") for d in DIMENSIONS)
    crossed = all(numbers.exceeds(f"lead_{d}") for d in DIMENSIONS) and lower
    crossings = ", ".join(numbers.text(f"crossing_{d}", ".0f") for d in DIMENSIONS)
    digits = numbers.exceeds("digits_logistic_few", "digits_bayes_few")
    regimes = digits and numbers.exceeds("digits_bayes_many", "digits_logistic_many")
    seen = (
        f"From {few} to {many} features the samples that naive Bayes needs grow "
        f"{numbers.text('growth_bayes', '.2g')}-fold (to {numbers.text(f'needs_bayes_{many}', '.0f')}), "
        f"those of logistic regression {numbers.text('growth_logistic', '.2g')}-fold (to "
        f"{numbers.text(f'needs_logistic_{many}', '.0f')}). With {SIZES[-1]} samples the errors are "
        f"{numbers.text(f'end_bayes_{many}')} and {numbers.text(f'end_logistic_{many}')}; logistic "
        f"regression is ahead for good from {crossings} samples on for {', '.join(map(str, DIMENSIONS))} "
        f"features, naive Bayes before by up to {numbers.text(f'lead_{many}')} ({many} features). On "
        f"frozen features of digits the errors are {numbers.text('digits_bayes_few')} (naive Bayes) and "
        f"{numbers.text('digits_logistic_few')} with {DIGIT_SIZES[0]} samples, "
        f"{numbers.text('digits_bayes_many')} and {numbers.text('digits_logistic_many')} with "
        f"{DIGIT_SIZES[-1]}: "
        + (
            "two regimes there too."
            if regimes
            else "naive Bayes ahead with few samples only."
            if digits
            else "no two regimes there."
        )
    )
    if faster and earlier and crossed and regimes:
        return Verdict("reproduces", seen)
    return Verdict("partly" if (faster and earlier) or crossed else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        *((f"Gaussian mixture, {d} features", "training samples", "exact error") for d in DIMENSIONS[::2]),
        ("Frozen features of digits", "training samples", "test error"),
        ("Other mixtures: drag below", "training samples", "exact error"),
        columns=2,
    )
    for series, (key, words) in enumerate(LEARNERS.items()):
        for panel, d in enumerate(DIMENSIONS[::2], 1):
            add_curve(figure, SIZES, numbers[f"{key}_{d}"], words, series, panel=panel, markers=True)
        add_curve(figure, DIGIT_SIZES, numbers[f"digits_{key}"], words, series, panel=3, markers=True)
    for panel, side in ((1, "right"), (2, "left")):
        add_level(figure, NAIVE_ERROR, "naive Bayes, endless data", panel=panel, at=f"bottom {side}")
        add_level(figure, LEAST_ERROR, "least error", panel=panel, at="top left")
    figure.update_xaxes(type="log")

    def others(rho: float, d: int) -> list[dict[str, Any]]:
        cell = RHOS.index(rho) * len(DIMENSIONS) + DIMENSIONS.index(d)
        lines = []
        for series, (key, words) in enumerate(LEARNERS.items()):
            table = numbers[f"mixtures_{key}"].reshape(len(numbers), -1, len(SOME_SIZES))
            lines.append(curve(SOME_SIZES, table[:, cell].mean(0), words, series, markers=True))
        few, many = SOME_SIZES[0], SOME_SIZES[-1]
        end = f"least error with {few}: {_ahead(lines, 0)}; with {many}: {_ahead(lines, -1)}"
        told: dict[str, Any] = dict(type="scatter", mode="text", x=[128.0], y=[0.53], text=[end])
        told |= dict(textfont=dict(size=11), hoverinfo="skip")
        return [*lines, told]

    knobs = {"correlation": RHOS, "features": DIMENSIONS}
    add_sliders(figure, knobs, (CORRELATION, DIMENSIONS[1]), others, panel=4)
    figure.update_yaxes(range=[0, 0.56], row=2, col=2)
    return figure


def _ahead(lines: list[dict[str, Any]], at: int) -> str:
    """The name of the lowest line there."""
    return str(min(lines, key=lambda line: line["y"][at])["name"])


@exhibit(
    id="disc_vs_gen",
    title="Two regimes: fast or right",
    paper="Revisiting Discriminative vs. Generative Classifiers: Theory and Implications",
    entries=(
        "boundary.fit_naive_bayes",
        "boundary.fit_lda",
        "boundary.logistic_l2",
        "boundary.gaussian_linear_error",
        "boundary.curve_crossing",
    ),
    claim="Naive Bayes nears its asymptotic error with a number of samples that grows like the logarithm "
    "of the number of features, logistic regression with one that grows in proportion to it, but ends "
    "lower: with few samples the generative classifier wins, with many the discriminative one, on frozen "
    "features too.",
    expected="From 8 to 128 features the need of logistic regression grows about 16-fold, that of naive "
    "Bayes about 2-fold; error curves that cross, later with more features.",
    setting=f"Two Gaussians, any two features correlated by {CORRELATION:g}, means such that with endless "
    f"data naive Bayes errs on {NAIVE_ERROR:g} and the best linear rule on {LEAST_ERROR:g}, for each "
    f"number of features; errors are exact (no test set), means of {DRAWS} training sets. Logistic "
    f"regression has a penalty of {PENALTY:g}, LDA a ridge of {RIDGE:g}, neither tuned. A learner needs "
    f"the samples from which on its error is within {NEAR:g} of its own asymptote. They cross where "
    "logistic regression gets ahead for good (the largest size where it does not). Digits: the hidden "
    "layer of a network trained on 5 to 9, frozen; mean error of the ten pairs among 0 to 4, on samples "
    "that nothing was learnt from.",
    headline={
        "growth_bayes": "growth of the samples needed, 8 to 128 features, naive Bayes",
        "growth_logistic": "growth of the samples needed, 8 to 128 features, logistic regression",
        "needs_bayes_128": "samples needed, 128 features, naive Bayes",
        "needs_logistic_128": "samples needed, 128 features, logistic regression",
        "end_bayes_128": f"error, 128 features, {SIZES[-1]} samples, naive Bayes",
        "end_logistic_128": f"error, 128 features, {SIZES[-1]} samples, logistic regression",
        "crossing_8": "logistic regression ahead from, 8 features (samples)",
        "crossing_32": "logistic regression ahead from, 32 features (samples)",
        "crossing_128": "logistic regression ahead from, 128 features (samples)",
    },
    experiment={"data": "digits", "model": "linear", "loss": "cross_entropy"},
    verdict=_verdict,
    picture=_picture,
)
def disc_vs_gen(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import gaussian_linear_error

    rng = np.random.default_rng([seed, 4])
    numbers: dict[str, Any] = {}
    asymptotes = {"bayes": NAIVE_ERROR, "logistic": LEAST_ERROR}
    for d in DIMENSIONS:
        delta, cov = mixture(d)
        root = np.linalg.cholesky(cov)
        curves: dict[str, list[float]] = {key: [] for key in LEARNERS}
        for size in SIZES:
            found = []
            for _ in range(scaled(DRAWS, scale)):
                y = np.arange(scaled(size, scale, 4)) % 2
                X = rng.standard_normal((len(y), d)) @ root.T + (y[:, None] - 0.5) * delta
                rules = fitted(X, y)
                found.append([gaussian_linear_error(w, b, -delta / 2, delta / 2, cov) for w, b in rules])
            for key, error in zip(LEARNERS, np.mean(found, 0), strict=True):
                curves[key].append(float(error))
        numbers |= {f"{key}_{d}": curve for key, curve in curves.items()}
        numbers[f"crossing_{d}"] = last_crossing(curves["bayes"], curves["logistic"])
        numbers[f"lead_{d}"] = max(b - a for a, b in zip(curves["bayes"], curves["logistic"], strict=True))
        for key, asymptote in asymptotes.items():
            numbers[f"end_{key}_{d}"] = curves[key][-1]
            numbers[f"needs_{key}_{d}"] = needed(curves[key], asymptote)
    few, many = DIMENSIONS[0], DIMENSIONS[-1]
    for key in asymptotes:
        numbers[f"growth_{key}"] = numbers[f"needs_{key}_{many}"] / numbers[f"needs_{key}_{few}"]
    return numbers | _on_mixtures(seed, scale) | _on_digits(seed, scale)


def _on_mixtures(seed: int, scale: float) -> dict[str, list[float]]:
    """Errors of each learner, by correlation, then number of features, then number of samples."""
    from clsviz.boundary import gaussian_linear_error

    rng = np.random.default_rng([seed, 6])
    found: dict[str, list[float]] = {f"mixtures_{key}": [] for key in LEARNERS}
    for rho in RHOS:
        for d in DIMENSIONS:
            delta, cov = mixture(d, rho)
            root = np.linalg.cholesky(cov)
            for size in SOME_SIZES:
                y = np.arange(scaled(size, scale, 4)) % 2
                X = rng.standard_normal((len(y), d)) @ root.T + (y[:, None] - 0.5) * delta
                for errors, (w, b) in zip(found.values(), fitted(X, y), strict=True):
                    errors.append(gaussian_linear_error(w, b, -delta / 2, delta / 2, cov))
    return found


def fitted(X: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """(w, b) of each of LEARNERS."""
    from clsviz.boundary import fit_lda, fit_naive_bayes, logistic_l2

    rules = fit_naive_bayes(X, y), fit_lda(X, y, ridge=RIDGE), logistic_l2(X, y, PENALTY)
    return [(rule.w, rule.b) for rule in rules]


def _on_digits(seed: int, scale: float) -> dict[str, Any]:
    """Error curves on features that a network learnt from other digits."""
    from itertools import combinations

    import torch
    from torch import nn

    from clsviz.data import load
    from clsviz.exhibits.fitting import fit

    data = load("digits")
    X = torch.from_numpy(np.asarray(data.X, np.float32).reshape(len(data.X), -1))
    y = np.asarray(data.y)
    torch.manual_seed(seed)
    hidden = nn.Sequential(nn.Linear(X.shape[1], FEATURES), nn.ReLU())
    net = nn.Sequential(hidden, nn.Linear(FEATURES, 5))
    others = np.flatnonzero(y >= 5)
    inputs, targets = X[others], torch.from_numpy(y[others] - 5)
    fit(
        net,
        lambda rows: nn.functional.cross_entropy(net(inputs[rows]), targets[rows]),
        len(others),
        epochs=scaled(DIGIT_EPOCHS, scale),
        lr=3e-3,
        seed=seed,
    )
    with torch.no_grad():
        features = hidden(X).double().numpy()
    rng = np.random.default_rng([seed, 5])
    curves: dict[str, list[float]] = {key: [] for key in LEARNERS}
    found = np.zeros((len(DIGIT_SIZES), len(LEARNERS)))
    pairs = list(combinations(range(5), 2))
    for first, second in pairs:
        zero, one = (rng.permutation(np.flatnonzero(y == k)) for k in (first, second))
        most = DIGIT_SIZES[-1] // 2
        test = np.concatenate([zero[most:], one[most:]])
        for i, size in enumerate(DIGIT_SIZES):
            rows = np.concatenate([zero[: size // 2], one[: size // 2]])
            for j, (w, b) in enumerate(fitted(features[rows], (y[rows] == second).astype(int))):
                guess = features[test] @ w + b > 0
                found[i, j] += (guess != (y[test] == second)).mean() / len(pairs)
    for j, key in enumerate(curves):
        curves[key] = found[:, j].tolist()
    numbers: dict[str, Any] = {f"digits_{key}": curve for key, curve in curves.items()}
    for key in ("bayes", "logistic"):
        numbers[f"digits_{key}_few"], numbers[f"digits_{key}_many"] = curves[key][0], curves[key][-1]
    return numbers
