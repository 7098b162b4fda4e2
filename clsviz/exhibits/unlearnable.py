"""Samples moved so that nobody can learn from them: what it does to the floor, and what to a learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import TEXT, add_curve, add_level, add_sliders, curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SEPARATIONS, EPSILONS, FRACTIONS = (1.0, 2.0, 3.0), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2), (0.0, 0.2, 0.5, 0.8)
SIGMA, SAMPLES = 0.5, 400  # of the Gaussians; training samples
RADII = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)  # of digits, L-infinity, pixels in [0, 1]
MIXED = (0.0, 0.1, 0.2, 0.5, 0.8)  # clean share, at RADIUS
RADIUS = RADII[-1]
TRAIN, BANDWIDTH, ASCENT = 500, 1.0, 25  # digits; of the density estimate; steps
EPOCHS, RATE, WIDTH = 40, 3e-3, 64
DROP = 0.1  # of clean-test accuracy, what counts


def estimated_error(X: Any, y: np.ndarray, bandwidth: float = BANDWIDTH) -> Any:
    """Bayes error, a 0-d tensor: one minus the mean largest posterior of a density estimate.

    A Gaussian kernel round every other sample; X (N, d) tensor, y (N,).
    """
    import torch

    logits = -torch.cdist(X, X).square() / (2 * bandwidth**2)
    logits = logits - torch.diag(torch.full((len(X),), torch.inf, dtype=X.dtype))
    share = logits.softmax(1) @ torch.nn.functional.one_hot(torch.from_numpy(y)).to(X.dtype)
    return 1 - share.amax(1).mean()


def spoilt(X: np.ndarray, y: np.ndarray, radius: float, steps: int = ASCENT) -> np.ndarray:
    """Samples within `radius` (L-infinity) and [0, 1], by projected gradient ascent on `estimated_error`."""
    import torch

    start = torch.from_numpy(X)
    moved = start.clone()
    for _ in range(steps if radius else 0):
        moved.requires_grad_(True)
        [slope] = torch.autograd.grad(estimated_error(moved, y), moved)
        moved = moved.detach() + 2.5 * radius / steps * slope.sign()
        moved = (start + (moved - start).clamp(-radius, radius)).clamp(0, 1)
    return moved.numpy()


def on_gaussians(rng: np.random.Generator, separation: float, epsilon: float, share: float) -> list[float]:
    """Exact errors of LDA on clean and on moved samples, trained with this share of clean ones."""
    from clsviz.boundary import fit_lda, gaussian_linear_error

    y = np.arange(SAMPLES) % 2
    pull = np.where(rng.random(SAMPLES) < share, 0.0, min(epsilon, separation / 2))
    X = SIGMA * rng.standard_normal(SAMPLES) + (2 * y - 1) * (separation / 2 - pull)
    rule = fit_lda(X[:, None], y)
    after = max(separation - 2 * epsilon, 0.0)
    return [
        gaussian_linear_error(rule.w, rule.b, [-gap / 2], [gap / 2], [[SIGMA**2]])
        for gap in (separation, after)
    ]


def learnt(
    X: np.ndarray, y: np.ndarray, tests: tuple[np.ndarray, np.ndarray], seed: int, scale: float
) -> float:
    """Accuracy on clean test samples of a network trained on these."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(X.shape[1], WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y)
    fit(
        net,
        lambda rows: nn.functional.cross_entropy(net(inputs[rows]), targets[rows]),
        len(X),
        epochs=scaled(EPOCHS, scale, 2),
        lr=RATE,
        seed=seed,
    )
    with torch.no_grad():
        return accuracy(net(torch.from_numpy(tests[0]).float()).numpy(), tests[1])


def _verdict(numbers: Numbers) -> Verdict:
    raised = numbers.exceeds("floor_moved", "floor_clean")
    drops = numbers.exceeds("learnt_clean", "learnt_moved", by=DROP)
    more = numbers.exceeds("learnt_random", "learnt_moved")
    mixed = numbers.exceeds("learnt_clean", "learnt_mixed", by=DROP)
    seen = (
        f"Moved by up to {RADIUS:g} the estimated Bayes error of digits rises from "
        f"{numbers.text('floor_clean')} to {numbers.text('floor_moved')}; accuracy on clean digits of a "
        f"network trained on them goes from {numbers.text('learnt_clean')} to "
        f"{numbers.text('learnt_moved')}, with random signs of that size to {numbers.text('learnt_random')}. "
        f"With a fifth clean it is {numbers.text('learnt_mixed')}, with that fifth alone "
        f"{numbers.text('learnt_alone')}. Of Gaussians 2 apart, moved by 0.8, the least error is "
        f"{numbers['gauss_floor'].mean():.3f}, but LDA trained on these errs on "
        f"{numbers['gauss_clean'].mean():.3f} of the clean ones."
    )
    if raised and drops and more and mixed:
        return Verdict("reproduces", seen)
    return Verdict("partly" if raised and drops and more else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Two Gaussians: drag below", "feature", "density"),
        ("LDA trained on moved Gaussians: drag below", "moved by up to (epsilon)", "exact error"),
        (
            "Digits, all moved",
            "moved by up to (L-infinity, pixels in [0, 1])",
            "error, or accuracy on clean digits",
        ),
        (f"Digits, moved by up to {RADIUS:g}", "share left clean", "accuracy on clean digits"),
        columns=2,
    )
    add_curve(
        figure, RADII, numbers["floors"], "estimated Bayes error of the moved", 0, panel=3, markers=True
    )
    words = {"moved": "accuracy, moved to raise it", "random": "accuracy, random signs"}
    for series, (key, name) in enumerate(words.items(), 1):
        add_curve(figure, RADII, numbers[f"by_radius_{key}"], name, series, panel=3, markers=True)
    add_curve(figure, MIXED, numbers["by_share"], "clean and moved together", 3, panel=4, markers=True)
    add_curve(figure, MIXED[1:], numbers["by_share_alone"], "the clean ones alone", 4, panel=4, markers=True)
    add_level(figure, numbers.mean("learnt_clean"), "all clean", panel=4)
    _add_gaussians(figure, numbers)
    return figure


def _add_gaussians(figure: Figure, numbers: Numbers) -> None:
    """The upper panels, with sliders for the separation, epsilon and the clean share."""
    from clsviz.boundary import unlearnable_gaussian

    x = np.linspace(-3, 3, 61)
    tables = [
        numbers[f"gauss_{key}s"].mean(0).reshape(len(SEPARATIONS), len(EPSILONS), len(FRACTIONS))
        for key in ("clean", "moved")
    ]

    def shown(epsilon: float, separation: float, fraction: float) -> list[dict[str, Any]]:
        pulled = min(epsilon, separation / 2)
        traces = []
        for sign, series, name in ((-1, 0, "class 0 to train on"), (1, 1, "class 1 to train on")):
            parts = ((fraction, separation / 2), (1 - fraction, separation / 2 - pulled))
            density = sum(w * np.exp(-(((x - sign * at) / SIGMA) ** 2) / 2) for w, at in parts)
            traces.append(curve(x, density / (SIGMA * np.sqrt(2 * np.pi)), name, series))
        found = unlearnable_gaussian(separation, SIGMA, epsilon, clean_fraction=fraction)
        i, k = SEPARATIONS.index(separation), FRACTIONS.index(fraction)
        floors = [unlearnable_gaussian(separation, SIGMA, e).unlearnable for e in EPSILONS]
        told = (
            f"Bayes error: clean {found.clean:.3f}, moved {found.unlearnable:.3f}, "
            f"mixture at least {found.mixture_lower_bound:.3f}"
        )
        label = dict(type="scatter", mode="text", x=[0.0], y=[1.03], text=[told], hoverinfo="skip")
        here = dict(color=TEXT, size=15, symbol="circle-open", line=dict(width=2))
        at = tables[0][i, EPSILONS.index(epsilon), k]
        measured = [
            curve(EPSILONS, floors, "Bayes error of moved samples", 2),
            curve(EPSILONS, tables[1][i, :, k], "measured on moved samples", 3) | dict(mode="markers"),
            curve(EPSILONS, tables[0][i, :, k], "measured on clean samples", 4, markers=True),
            dict(type="scatter", x=[epsilon], y=[at], mode="markers", marker=here),
        ]
        return [*traces, label, *(trace | dict(panel=2) for trace in measured)]

    knobs = {"epsilon": EPSILONS, "separation": SEPARATIONS, "clean share": FRACTIONS}
    add_sliders(figure, knobs, (0.4, 2.0, 0.0), shown)
    figure.update_yaxes(range=[0, 1.1], row=1, col=1)
    figure.update_yaxes(range=[-0.03, 1.05 * max(table.max() for table in tables)], row=1, col=2)
    figure.update_xaxes(range=[-0.05, 1.05 * EPSILONS[-1]], row=1, col=2)


@exhibit(
    id="unlearnable_examples",
    title="Samples that nobody can learn from",
    paper="Towards Provably Unlearnable Examples via Bayes Error Optimisation",
    entries=(
        "boundary.unlearnable_gaussian",
        "boundary.bayes_error_gaussian",
        "boundary.bayes_error_posterior",
    ),
    claim="Moving training samples within a small radius so that the Bayes error rises, by projected "
    "gradient ascent, makes them unlearnable: a model trained on them does badly on clean samples, also when "
    "clean samples are mixed in.",
    expected=f"An estimated Bayes error that rises, clean-test accuracy more than {DROP:g} lower and lower "
    "than with random moves of the same size, and still so with a fifth of the samples left clean.",
    setting=f"{TRAIN} digits (8 x 8, pixels in [0, 1]), the others to test on, clean. The Bayes error is "
    f"that of a density estimate (Gaussian kernels round all other samples, bandwidth {BANDWIDTH:g}, not "
    "tuned: so broad that it is far too high on clean digits, and told to compare only), "
    f"{ASCENT} steps of ascent by the sign of the slope. One hidden layer of {WIDTH}, Adam, {EPOCHS} epochs. "
    f"Gaussians: {SAMPLES} samples in one dimension, standard deviation {SIGMA:g}, each pulled by epsilon "
    "towards the other class (the best such move, to the middle at most); LDA, exact errors. The paper has "
    "images of several thousand pixels and convolutional networks.",
    headline={
        "floor_clean": "estimated Bayes error, clean digits",
        "floor_moved": f"estimated Bayes error, digits moved by up to {RADIUS:g}",
        "learnt_clean": "accuracy on clean digits, trained on clean ones",
        "learnt_moved": "accuracy on clean digits, trained on moved ones",
        "learnt_random": "accuracy on clean digits, trained on randomly moved ones",
        "learnt_mixed": "accuracy on clean digits, a fifth clean",
        "learnt_alone": "accuracy on clean digits, that fifth alone",
        "gauss_floor": "Bayes error of Gaussians 2 apart moved by 0.8",
        "gauss_clean": "error on clean samples of LDA trained on these",
    },
    verdict=_verdict,
    picture=_picture,
)
def unlearnable_examples(seed: int, scale: float) -> dict[str, Any]:
    import torch

    from clsviz.boundary import unlearnable_gaussian
    from clsviz.data import load

    rng = np.random.default_rng([seed, 123])
    cells = [(s, e, f) for s in SEPARATIONS for e in EPSILONS for f in FRACTIONS]
    errors = np.array([on_gaussians(rng, *cell) for cell in cells])
    numbers: dict[str, Any] = {"gauss_cleans": errors[:, 0], "gauss_moveds": errors[:, 1]}
    numbers["gauss_clean"] = errors[cells.index((2.0, 0.8, 0.0)), 0]
    numbers["gauss_floor"] = unlearnable_gaussian(2.0, SIGMA, 0.8).unlearnable

    data = load("digits")
    X, y = np.asarray(data.X, np.float64).reshape(len(data.X), -1), np.asarray(data.y, np.int64)
    rows = rng.permutation(len(X))
    train, rest = np.split(rows, [scaled(TRAIN, scale, 60)])
    X = X / X.max()
    tests = X[rest], y[rest]
    moved = [spoilt(X[train], y[train], radius) for radius in RADII]
    signs = rng.choice([-1.0, 1.0], size=X[train].shape)
    shaken = [(X[train] + radius * signs).clip(0, 1) for radius in RADII]
    numbers["floors"] = [float(estimated_error(torch.from_numpy(Z), y[train])) for Z in moved]
    for key, sets in (("moved", moved), ("random", shaken)):
        numbers[f"by_radius_{key}"] = [learnt(Z, y[train], tests, seed, scale) for Z in sets]
    clean = rng.random(len(train))[:, None]  # a sample is left clean where this is below the share
    mixtures = [np.where(clean < share, X[train], moved[-1]) for share in MIXED]
    numbers["by_share"] = [learnt(Z, y[train], tests, seed, scale) for Z in mixtures]
    alone = [np.flatnonzero(clean[:, 0] < max(share, clean.min() + 1e-9)) for share in MIXED[1:]]
    numbers["by_share_alone"] = [learnt(X[train[i]], y[train[i]], tests, seed, scale) for i in alone]
    numbers["floor_clean"], numbers["floor_moved"] = numbers["floors"][0], numbers["floors"][-1]
    numbers["learnt_clean"] = numbers["by_radius_moved"][0]
    for key in ("moved", "random"):
        numbers[f"learnt_{key}"] = numbers[f"by_radius_{key}"][-1]
    fifth = MIXED.index(0.2)
    numbers["learnt_mixed"] = numbers["by_share"][fifth]
    numbers["learnt_alone"] = numbers["by_share_alone"][fifth - 1]
    return numbers
