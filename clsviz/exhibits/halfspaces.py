"""A learner that first tests its samples: what it accepts, and how good the accepted answer is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_bars, add_curve, add_sliders, bars, curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FEATURES, SAMPLES, REPEATS = 4, 20_000, 4
SIZES = (500, 2000, 8000, 32_000)
NOISE = 0.3  # largest share of turned labels
EPSILON = 0.05  # promised: an error at most so much above that of the best halfspace
MARGINALS: dict[str, tuple[str, Callable[[np.random.Generator, int], np.ndarray]]] = {
    "gaussian": ("Gaussian", lambda rng, n: rng.standard_normal((n, FEATURES))),
    "uniform": ("uniform", lambda rng, n: rng.uniform(-1, 1, (n, FEATURES))),
    "skewed": ("skewed", lambda rng, n: rng.exponential(size=(n, FEATURES)) ** 2),
    "clusters": (
        "two clusters",
        lambda rng, n: rng.standard_normal((n, FEATURES)) + 4 * (rng.random((n, 1)) < 0.1),
    ),
}
FOREIGN = tuple(name for name in MARGINALS if name != "gaussian")
# of the sliders: moments up to this degree, half the band, and what a moment may be off (a band half of it)
DEGREES, WIDTHS, TOLERANCES = (1, 2, 3, 4, 6), (0.1, 0.5, 1.0), (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
NOISES = {"even": "the same share everywhere", "sided": "on one side only"}


def draw(rng: np.random.Generator, marginal: str, noise: str, n: int) -> tuple[np.ndarray, ...]:
    """Standardised X (n, FEATURES), noisy labels, and the normal of the halfspace under them.

    Labels are turned with probability NOISE, or so only on one side of a random second direction.
    """
    X = MARGINALS[marginal][1](rng, n)
    X = (X - X.mean(0)) / X.std(0)
    w, side = rng.standard_normal((2, FEATURES))
    turned = (rng.random(n) < NOISE) & ((X @ side > 0) | (noise == "even"))
    return X, ((X @ w > 0) ^ turned).astype(np.int64), w


def _verdict(numbers: Numbers) -> Verdict:
    takes = numbers.mean("accepted_gaussian") >= 0.9
    refuses = all(numbers.mean(f"accepted_{name}") == 0 for name in FOREIGN)
    kept = numbers["worst_even"].max() <= EPSILON and numbers["worst_sided"].max() <= EPSILON
    needed = any(numbers.exceeds(f"sided_{name}", EPSILON) for name in FOREIGN)
    foreign = ", ".join(
        f"{numbers.text(f'accepted_{name}', '.2f')} ({MARGINALS[name][0]}; error "
        f"{numbers.text(f'sided_{name}')} above the best)"
        for name in FOREIGN
    )
    seen = (
        f"Of Gaussian samples {numbers.text('accepted_gaussian', '.2f')} are accepted; the worst accepted "
        f"answer errs {numbers['worst_even'].max():.3f} more than the halfspace that made the labels when "
        f"all are turned alike, {numbers['worst_sided'].max():.3f} when only those on one side are, "
        f"{EPSILON:g} being promised. Of the others are accepted {foreign}. With {SIZES[0]} samples the "
        f"test refuses Gaussians too (accepted {numbers['accepted_sizes'][:, 0].mean():.2f})."
    )
    if takes and refuses and kept and needed:
        return Verdict("reproduces", seen)
    return Verdict("partly" if takes and refuses else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        (f"{SAMPLES} samples", "distribution of the samples", "share accepted"),
        (
            "What is answered, accepted or not",
            "distribution of the samples",
            "error above the best halfspace",
        ),
        ("Gaussian samples", "samples", "share accepted, or error above the best"),
        ("Other tests: drag below", "distribution of the samples", "share accepted, or error above the best"),
        columns=2,
    )
    names = [words for words, _ in MARGINALS.values()]
    accepted = np.stack([numbers[f"accepted_{name}"] for name in MARGINALS], 1)
    add_bars(figure, names, accepted, "accepted", 0)
    for series, (noise, words) in enumerate(NOISES.items(), 1):
        values = np.stack([numbers[f"{noise}_{name}"] for name in MARGINALS], 1)
        add_bars(figure, names, values, f"labels turned {words}", series, panel=2)
    add_curve(figure, SIZES, numbers["accepted_sizes"], "accepted", 0, panel=3, markers=True)
    add_curve(
        figure, SIZES, numbers["excess_sizes"], f"labels turned {NOISES['even']}", 1, panel=3, markers=True
    )
    figure.update_xaxes(type="log", row=2, col=1)
    _add_tests(figure, numbers)
    return figure


def _add_tests(figure: Figure, numbers: Numbers) -> None:
    """The last panel: what tests with other degrees, widths and tolerances accept, and how good that is."""
    names = [words for words, _ in MARGINALS.values()]
    places = list(range(len(names)))
    off = {
        marginal: [
            numbers[f"{kind}_{marginal}"].reshape(len(numbers), -1, len(choice))
            for kind, choice in (("moments", DEGREES), ("bands", WIDTHS))
        ]
        for marginal in MARGINALS
    }

    def tested(tolerance: float, degree: int, width: float) -> list[dict[str, Any]]:
        shares, errors = [], []
        for marginal, (moments, bands) in off.items():
            passed = moments[..., DEGREES.index(degree)] <= tolerance
            passed &= bands[..., WIDTHS.index(width)] <= tolerance / 2
            shares.append(float(passed.mean()))
            errors.append(float(numbers[f"excess_{marginal}"][passed].mean()) if passed.any() else np.nan)
        dots = curve(places, errors, "error above the best, accepted, labels turned on one side", 2)
        return [bars(places, [shares], "accepted", 0), dots | dict(mode="markers")]

    knobs: dict[str, Any] = {
        "tolerance": TOLERANCES,
        "moments up to degree": DEGREES,
        "band, half its width": WIDTHS,
    }
    add_sliders(figure, knobs, (0.2, 4, 0.5), tested, panel=4)
    # plotly loses the names of categories when bars are shown and hidden
    figure.update_xaxes(tickvals=places, ticktext=names, range=[-0.5, len(names) - 0.5], row=2, col=2)
    figure.update_yaxes(range=[-0.03, 1.03], row=2, col=2)


@exhibit(
    id="halfspace_tester",
    title="Test first, then promise",
    paper="An Efficient Tester-Learner for Halfspaces",
    entries=(
        "boundary.tester_learner_halfspace",
        "boundary.moment_test",
        "boundary.band_test",
        "boundary.chow_direction",
    ),
    claim="A learner can test its samples for what it needs of a Gaussian: if they pass, its halfspace "
    "errs hardly more than the best one, in spite of noisy labels (Massart); if they are Gaussian, they "
    "do pass.",
    expected=f"Gaussian samples accepted, with an error at most {EPSILON:g} above the best; others "
    "refused, among them some on which the learner errs more than that.",
    setting="A reduction for teaching, not the paper's algorithm: the learner is the mean of signed "
    "samples (the paper descends a non-convex loss), the tests are moments up to degree 4 and the share "
    f"within a band round the boundary, blind to labels. {SAMPLES} standardised samples with {FEATURES} "
    f"features, {REPEATS} sets a seed; labels of a random halfspace through the mean, turned with "
    f"probability {NOISE:g} everywhere, or only on one side of a random direction. Errors are on the "
    "samples themselves, against the halfspace that made the labels.",
    headline={
        "accepted_gaussian": "share accepted, Gaussian",
        "accepted_uniform": "share accepted, uniform",
        "accepted_skewed": "share accepted, skewed",
        "accepted_clusters": "share accepted, two clusters",
        "even_gaussian": "error above the best, Gaussian, labels turned alike",
        "sided_gaussian": "error above the best, Gaussian, labels turned on one side",
        "sided_skewed": "error above the best, skewed, labels turned on one side",
        "worst_even": "worst accepted error above the best, labels turned alike",
        "worst_sided": "worst accepted error above the best, labels turned on one side",
    },
    verdict=_verdict,
    picture=_picture,
)
def halfspace_tester(seed: int, scale: float) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 15])
    numbers: dict[str, Any] = {}
    worst = dict.fromkeys(NOISES, 0.0)
    for marginal in MARGINALS:
        passed = []
        for noise in NOISES:
            found = [answer(rng, marginal, noise, scaled(SAMPLES, scale, 100)) for _ in range(REPEATS)]
            passed += [accepted for accepted, _ in found]
            numbers[f"{noise}_{marginal}"] = float(np.mean([excess for _, excess in found]))
            worst[noise] = max([worst[noise], *(excess for accepted, excess in found if accepted)])
        numbers[f"accepted_{marginal}"] = float(np.mean(passed))
    by_size = [
        np.mean([answer(rng, "gaussian", "even", scaled(n, scale, 50)) for _ in range(REPEATS)], 0)
        for n in SIZES
    ]
    numbers["accepted_sizes"], numbers["excess_sizes"] = np.array(by_size, np.float64).T
    numbers |= {f"worst_{noise}": value for noise, value in worst.items()}
    return numbers | _deviations(seed, scale)


def _deviations(seed: int, scale: float) -> dict[str, list[float]]:
    """By distribution, of REPEATS sets: what its moments and bands are off, and the error above the best."""
    from clsviz.boundary import band_test, chow_direction, moment_test

    rng = np.random.default_rng([seed, 16])
    found: dict[str, list[float]] = {}
    for marginal in MARGINALS:
        moments, bands, excess = [], [], []
        for _ in range(REPEATS):
            X, y, w = draw(rng, marginal, "sided", scaled(SAMPLES, scale, 100))
            rule = chow_direction(X, y)
            moments += [moment_test(X, degree=degree).deviation for degree in DEGREES]
            tests = [band_test(X, rule, width=width) for width in WIDTHS]
            bands += [abs(test.fraction - test.expected) / test.expected for test in tests]
            excess.append(float(((X @ rule > 0) != y).mean() - ((X @ w > 0) != y).mean()))
        found |= {f"moments_{marginal}": moments, f"bands_{marginal}": bands, f"excess_{marginal}": excess}
    return found


def answer(rng: np.random.Generator, marginal: str, noise: str, n: int) -> tuple[bool, float]:
    """Whether the samples are accepted, and how much more the answer errs than the labels' halfspace."""
    from clsviz.boundary import tester_learner_halfspace

    X, y, w = draw(rng, marginal, noise, n)
    found = tester_learner_halfspace(X, y)
    return found.accepted, found.error - float(((X @ w > 0) != y).mean())
