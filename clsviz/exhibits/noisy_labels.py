"""Learning from wrong labels: early learning and memorisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, halves, scaled, trained
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset
    from clsviz.training import Run

FLIPPED = 0.4
EPOCHS = 120
POINTS = 41  # of a stored curve
NETWORK = {"name": "mlp", "params": {"hidden": (256,)}}
LOSSES = {"ce": "cross_entropy", "elr": "elr"}

# The linear model of the paper's theory: two Gaussians, about as many dimensions as samples.
LINEAR_SAMPLES, DIMENSIONS, SPREAD = 1000, 400, 0.3
LINEAR_RATE = 0.01  # at the network's, cross-entropy has memorised within the first epoch


def _elr_verdict(numbers: Numbers) -> Verdict:
    two_phases = numbers.exceeds("ce_peak", "ce_end", by=0.05) and numbers.exceeds("ce_memorised", by=0.5)
    held = numbers.exceeds("ce_memorised", "elr_memorised", by=0.3) and not numbers.exceeds(
        "elr_peak", "elr_end", by=0.03
    )
    linear_phases = numbers.exceeds("linear_ce_peak", "linear_ce_end", by=0.05)
    linear_held = numbers.exceeds("linear_elr_end", "linear_ce_end") and numbers.exceeds(
        "linear_ce_memorised", "linear_elr_memorised", by=0.1
    )
    percent = {key: f"{100 * numbers.mean(key):.0f} %" for key in numbers.keys if numbers[key].ndim == 1}
    seen = (
        "On digits, cross-entropy peaks at {ce_peak} test accuracy ({ce_stopped} if stopped early) and ends "
        "at {ce_end} with {ce_memorised} of the flipped labels memorised; ELR ends at {elr_end} (peak "
        "{elr_peak}) with {elr_memorised}. "
        "In the linear model cross-entropy goes from {linear_ce_peak} to {linear_ce_end}, ELR from "
        "{linear_elr_peak} to {linear_elr_end} with {linear_elr_memorised} against {linear_ce_memorised}."
    ).format(**percent)
    shown = [two_phases, held, linear_phases, linear_held]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _elr_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Flipped labels, digits", "training (share of epochs)", "memorised (share of flipped labels)"),
        ("Test accuracy, digits", "training (share of epochs)", "accuracy"),
        ("Test accuracy, linear model", "training (share of epochs)", "accuracy"),
    )
    time = np.linspace(0, 1, POINTS)
    for series, (name, words) in enumerate((("ce", "cross-entropy"), ("elr", "ELR"))):
        for panel, curve in enumerate(("memorised_curve", "curve"), 1):
            add_curve(figure, time, numbers[f"{name}_{curve}"], words, series, panel=panel)
        add_curve(figure, time, numbers[f"linear_{name}_curve"], words, series, panel=3)
    return figure


@exhibit(
    id="elr",
    title="Early learning and memorisation",
    paper="Early-Learning Regularization Prevents Memorization of Noisy Labels",
    entries=("losses.elr",),
    claim="Networks, and linear models too, first fit the clean labels and then memorise the wrong ones; "
    "pulling the output towards its own running average (ELR) keeps them from memorising.",
    expected="With 40 % flipped labels the test accuracy of cross-entropy rises and falls again while it "
    "memorises; that of ELR stays near its peak, and few flipped labels are memorised.",
    setting=f"Digits, one hidden layer of 256, SGD with momentum, {EPOCHS} epochs, 40 % of the training "
    f"labels changed to another class; and softmax regression on two Gaussians in {DIMENSIONS} dimensions "
    f"({LINEAR_SAMPLES // 2} training samples, learning rate {LINEAR_RATE}). Both losses train alike, ELR "
    "with its default parameters. Cross-entropy is also stopped early, where it is best on half of the clean "
    "validation part; the other half is the test.",
    headline={
        "ce_peak": "test accuracy, cross-entropy, at its peak",
        "ce_stopped": "test accuracy, cross-entropy, stopped early",
        "ce_end": "test accuracy, cross-entropy, at the end",
        "elr_end": "test accuracy, ELR, at the end",
        "ce_memorised": "share of flipped labels memorised, cross-entropy",
        "elr_memorised": "share of flipped labels memorised, ELR",
        "linear_ce_end": "linear model: test accuracy, cross-entropy, at the end",
        "linear_elr_end": "linear model: test accuracy, ELR, at the end",
    },
    experiment={
        "data": "digits",
        "model": NETWORK,
        "loss": "elr",
        "label_noise": FLIPPED,
        "epochs": EPOCHS,
    },
    verdict=_elr_verdict,
    picture=_elr_picture,
)
def elr(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import load

    common = {"label_noise": FLIPPED, "seed": seed, "epochs": scaled(EPOCHS, scale, 2)}
    numbers: dict[str, Any] = {}
    for prefix, settings, data in (
        ("", {"model": NETWORK}, load(Spec("digits", {"seed": seed}))),
        (
            "linear_",
            {"model": "linear", "optimizer": Spec("sgd", {"lr": LINEAR_RATE})},
            _two_gaussians(seed),
        ),
    ):
        for name, loss in LOSSES.items():
            course = _course(trained({**common, **settings, "loss": loss}, data=data), seed)
            numbers |= {f"{prefix}{name}_{key}": value for key, value in course.items()}
    return numbers


def _two_gaussians(seed: int) -> Dataset:
    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 2])
    y = rng.integers(0, 2, LINEAR_SAMPLES)
    X = SPREAD * rng.normal(size=(LINEAR_SAMPLES, DIMENSIONS))
    X[:, 0] += 2 * y - 1
    return from_arrays(X, y, validation=0.5, seed=seed)


def _course(run: Run, seed: int) -> dict[str, Any]:
    """Test accuracy at its peak, at the end and where it would be stopped early; flips memorised."""
    data = run.dataset
    tune, test = halves(data, seed)
    flipped = data.train[data.y[data.train] != data.y_clean[data.train]]
    steps = [run.timeline.at(round(step)).step for step in np.linspace(0, run.timeline.latest.step, POINTS)]
    logits = [run.predict(data.X, step) for step in steps]
    tuning, curve = ([accuracy(z[rows], data.y[rows]) for z in logits] for rows in (tune, test))
    memorised = [accuracy(z[flipped], data.y[flipped]) for z in logits]
    return {
        "peak": max(curve),
        "stopped": curve[int(np.argmax(tuning))],
        "end": curve[-1],
        "memorised": memorised[-1],
        "curve": curve,
        "memorised_curve": memorised,
    }
