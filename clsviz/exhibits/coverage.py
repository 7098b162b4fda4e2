"""Several guesses instead of one: whether the right class is among n draws from the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import accuracy, halves, scaled, trained_fan
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset

EPOCHS = 50
POINTS = 26  # of a stored curve
CLASSES, SAMPLES = 10, 3000
TRIED = (1, 4, 16, 64)  # n of the losses and of the measure
ASKED = 16  # draws of the headline numbers
LEVEL = 0.01  # accuracy that is no further below its end has levelled off
RATE = 3e-3
NETWORK = {"name": "mlp", "params": {"hidden": (128,)}}
TEMPERATURES = np.geomspace(1, 20, 31)
PROBABILITIES = np.linspace(0.005, 0.995, 100)


def coverage(logits: np.ndarray, labels: np.ndarray, n: int, temperature: float = 1.0) -> float:
    """Mean chance that one of n draws from softmax(logits / temperature) is the label."""
    from scipy.special import log_softmax

    p = np.exp(log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels])
    return float((1 - (1 - p) ** n).mean())


def gradient_share(p: np.ndarray, n: float) -> np.ndarray:
    """Gradient of dco(n) as a share of that of cross-entropy, by autograd, where the label has p."""
    import torch

    from clsviz.losses import create

    odds = torch.from_numpy(np.log(p / (1 - p)))
    logits = torch.stack([odds, torch.zeros_like(odds)], 1).requires_grad_()
    labels = torch.zeros(len(p), dtype=torch.int64)
    slopes = [
        torch.autograd.grad(loss(logits, labels, "sum"), logits)[0][:, 0].numpy()
        for loss in (create("dco", n=n), create("cross_entropy"))
    ]
    return slopes[0] / slopes[1]


def gradient_share_formula(p: np.ndarray, n: float) -> np.ndarray:
    """n p (1 - p)^(n - 1) / (1 - (1 - p)^n)"""
    return n * p * (1 - p) ** (n - 1) / -np.expm1(n * np.log1p(-p))


def _verdict(numbers: Numbers) -> Verdict:
    exact = bool((numbers["share_error"] < 1e-9).all())
    falls = numbers.exceeds("ce_early", "ce_end", by=0.01)
    equal = not numbers.exceeds("ce_early_accuracy", "ce_end_accuracy", by=0.015)
    keeps = numbers.exceeds("dco_end", "ce_end", by=0.02) and not numbers.exceeds(
        "dco_best", "dco_end", by=0.01
    )
    softened, mended = numbers.exceeds("ce_softened", "dco_end"), numbers.exceeds("ce_softened", "ce_best")
    says = {key: f"{100 * numbers.mean(key):.1f} %" for key in numbers.keys if numbers[key].ndim == 1}
    seen = (
        "With cross-entropy "
        + str(ASKED)
        + " draws hit the right class for {ce_best} of the test rows where that is best "
        "(accuracy {ce_best_accuracy}), {ce_early} where accuracy has levelled off ({ce_early_accuracy}) and "
        "{ce_end} at the end ({ce_end_accuracy}); with the loss for "
        + str(ASKED)
        + " draws {dco_end} at the end ({dco_end_accuracy}). Softening the finished cross-entropy network by "
        "a tuned temperature gives {ce_softened}"
        + (", more than that loss" if softened else "")
        + (": overconfidence alone explains the fall." if mended else ".")
    ).format(**says)
    if exact and falls and equal and keeps:
        return Verdict("reproduces", seen)
    return Verdict("partly" if falls or keeps else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Gradient against cross-entropy's", "probability of the label", "share of the gradient"),
        (f"Coverage with {ASKED} draws", "epoch", f"pass@{ASKED} on the test part (%)"),
        ("Accuracy of one best guess", "epoch", "test accuracy (%)"),
    )
    epochs = np.linspace(0, EPOCHS, POINTS)
    skip = 2  # the first points, still rising, would flatten the rest
    for series, n in enumerate(TRIED):
        words = "cross-entropy (n = 1)" if n == 1 else f"n = {n}"
        add_curve(figure, PROBABILITIES, numbers[f"share_{n}"], words, series)
        for panel, what in enumerate(("coverage", "accuracy"), 2):
            curve = 100 * numbers[f"{what}_{n}"]
            add_curve(figure, epochs[skip:], curve[:, skip:], words, series, panel=panel)
    return figure


@exhibit(
    id="pass_at_n",
    title="Overconfidence costs coverage",
    paper="Rethinking Fine-Tuning when Scaling Test-Time Compute: Limiting Confidence Improves "
    "Mathematical Reasoning",
    entries=("losses.dco",),
    claim="If n guesses are allowed, training longer with cross-entropy makes it less likely that one of "
    "them is right; a loss that takes the n draws into account keeps it.",
    expected="The loss with n = 1 has the gradient of cross-entropy, and its gradient fades at sure "
    f"samples, earlier for larger n. With cross-entropy pass@{ASKED} falls while accuracy stays or rises; "
    f"with the loss for n = {ASKED} it does not.",
    setting=f"A made table of {CLASSES} classes in 20 dimensions, 1000 training samples, one hidden layer of "
    f"128, Adam at {RATE}, {EPOCHS} epochs, a fan over n. No loss was tuned. pass@n is the mean of "
    "1 - (1 - p)^n, p the softmax probability of the right class. Accuracy has levelled off where it is "
    "first within a point of its end. That, where to stop, and the temperature are chosen on half of the "
    "validation part; the other half is the test.",
    headline={
        "ce_best": f"pass@{ASKED}, cross-entropy, stopped where it is best",
        "ce_early": f"pass@{ASKED}, cross-entropy, where accuracy has levelled off",
        "ce_end": f"pass@{ASKED}, cross-entropy, at the end",
        "dco_end": f"pass@{ASKED}, loss for n = {ASKED}, at the end",
        "ce_softened": f"pass@{ASKED}, cross-entropy at the end with a tuned temperature",
        "ce_best_accuracy": f"accuracy, cross-entropy, where pass@{ASKED} is best",
        "ce_early_accuracy": "accuracy, cross-entropy, where it has levelled off",
        "ce_end_accuracy": "accuracy, cross-entropy, at the end",
        "dco_end_accuracy": f"accuracy, loss for n = {ASKED}, at the end",
        "share_half_4": "p at which the gradient for n = 4 is half of cross-entropy's",
        f"share_half_{ASKED}": f"p at which the gradient for n = {ASKED} is half of cross-entropy's",
    },
    experiment={
        "data": lambda: _table(0),
        "model": NETWORK,
        "loss": {"name": "dco", "params": {"n": ASKED}},
        "optimizer": {"name": "adam", "params": {"lr": RATE}},
        "epochs": EPOCHS,
    },
    verdict=_verdict,
    picture=_picture,
)
def pass_at_n(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    errors = []
    for n in TRIED:
        share = gradient_share(PROBABILITIES, n)
        numbers[f"share_{n}"] = share
        numbers[f"share_half_{n}"] = float(np.interp(-0.5, -share, PROBABILITIES)) if n > 1 else 1.0
        errors.append(np.abs(share - gradient_share_formula(PROBABILITIES, n)).max())
    numbers["share_error"] = max(errors)

    data = _table(seed)
    settings = {
        "model": NETWORK,
        "optimizer": {"name": "adam", "params": {"lr": RATE}},
        "loss": "dco",
        "seed": seed,
        "epochs": scaled(EPOCHS, scale),
    }
    fan = trained_fan(settings, {"loss.n": TRIED}, data=data)
    tune, test = halves(data, seed)
    last = fan.timelines[0].latest.step
    steps = [fan.timelines[0].at(round(step)).step for step in np.linspace(0, last, POINTS)]
    for member, n in enumerate(TRIED):
        course = [fan.predict(data.X, step, member=member) for step in steps]
        tuned = [coverage(z[tune], data.y[tune], ASKED) for z in course]
        covered = [coverage(z[test], data.y[test], ASKED) for z in course]
        right = [accuracy(z[test], data.y[test]) for z in course]
        numbers |= {f"coverage_{n}": covered, f"accuracy_{n}": right}
        numbers[f"pass_{n}"] = [coverage(course[-1][test], data.y[test], k) for k in TRIED]
        if n in (1, ASKED):
            name, best = ("ce" if n == 1 else "dco"), int(np.argmax(tuned))
            numbers |= {f"{name}_best": covered[best], f"{name}_end": covered[-1]}
            numbers |= {f"{name}_best_accuracy": right[best], f"{name}_end_accuracy": right[-1]}
        if n == 1:
            rising = np.array([accuracy(z[tune], data.y[tune]) for z in course])
            level = int(np.argmax(rising >= rising[-1] - LEVEL))
            numbers |= {"ce_early": covered[level], "ce_early_accuracy": right[level]}
            end = course[-1]
            found = [coverage(end[tune], data.y[tune], ASKED, t) for t in TEMPERATURES]
            softest = float(TEMPERATURES[int(np.argmax(found))])
            numbers["ce_temperature"] = softest
            numbers["ce_softened"] = coverage(end[test], data.y[test], ASKED, softest)
    return numbers


def _table(seed: int) -> Dataset:
    from sklearn.datasets import make_classification

    from clsviz.data import from_arrays

    X, y = make_classification(
        SAMPLES,
        20,
        n_informative=10,
        n_classes=CLASSES,
        n_clusters_per_class=2,
        class_sep=1.5,
        random_state=seed,
    )
    return from_arrays(X, y, validation=2 / 3, seed=seed)
