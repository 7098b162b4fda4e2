"""Weights of samples that are learned during training, without clean data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, experiment_of, halves, samples, scaled
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plotly.graph_objects import Figure

    from clsviz.data import Dataset
    from clsviz.training import Run

FLIPPED = 0.4
EPOCHS, BATCH = 50, 64
POINTS = 20  # of a stored curve, the last at the end
SETTINGS = {"data": "digits", "model": {"name": "mlp", "params": {"hidden": (256,)}}, "batch_size": BATCH}
LEARNED = {"loss": "meta_rescale", "method": "meta_rescale"}
NAMES = {"ce": "cross-entropy", "meta": "learned weights", "oracle": "clean labels only"}


def _verdict(numbers: Numbers) -> Verdict:
    apart = numbers.exceeds("weight_clean", "weight_flipped", by=0.1)
    better = numbers.exceeds("meta_end", "ce_end")
    stopped = numbers.exceeds("meta_end", "ce_stopped")
    says = {key: f"{100 * numbers.mean(key):.1f} %" for key in numbers.keys if numbers[key].ndim == 1}
    beaten = "at the end and stopped early" if better and stopped else "at the end" if better else "not"
    seen = (
        f"Mean weight over training is {numbers.mean('weight_clean'):.2f} for clean and "
        f"{numbers.mean('weight_flipped'):.2f} for flipped samples (mean of all: 1), clean above flipped in "
        + "{above} of the moments. At the end test accuracy is {meta_end} with learned weights, {ce_end} "
        "with cross-entropy ({ce_stopped} if stopped early on clean data) and {oracle_end} with the clean "
        "labels only; {meta_memorised} and {ce_memorised} of the flipped labels are memorised. ".format(
            **says
        )
        + f"Learned weights beat cross-entropy beyond chance: {beaten}."
    )
    word = "reproduces" if apart and better else "partly" if apart or better else "not at this scale"
    return Verdict(word, seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Learned weights", "training (epochs)", "mean weight (of all: 1)"),
        ("Test accuracy", "training (epochs)", "test accuracy (%)"),
        ("Flipped labels", "training (epochs)", "memorised (%)"),
    )
    time = EPOCHS * np.arange(1, POINTS + 1) / POINTS
    for series, name in enumerate(("clean", "flipped"), 3):
        add_curve(figure, time, numbers[f"weight_{name}_curve"], f"{name} samples", series)
    for series, (name, words) in enumerate(NAMES.items()):
        add_curve(figure, time, 100 * numbers[f"{name}_curve"], words, series, panel=2)
        add_curve(figure, time, 100 * numbers[f"{name}_memorised_curve"], words, series, panel=3)
    return figure


@exhibit(
    id="meta_rescale",
    title="Weights learned on the fly",
    paper="Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling",
    entries=("losses.meta_rescale", "training.meta_rescale"),
    claim="A function that rescales the loss of each sample can be learned during training from signals of "
    "the model alone, judged on batches of the noisy data that it draws itself: it weighs clean samples more "
    "than wrong ones, and does better than plain training.",
    expected="All through training the mean weight of clean samples is above that of flipped ones; accuracy "
    "lies between that of cross-entropy and that of an oracle that trains on the clean labels alone.",
    setting=f"Digits with {100 * FLIPPED:.0f} % of the training labels changed to another class, one hidden "
    f"layer of 256, SGD with momentum, {EPOCHS} epochs, batches of {BATCH}; the method and the optimiser at "
    "their defaults, nothing tuned. The oracle trains as many steps on the unchanged samples. Cross-entropy "
    "is also stopped early, where it is best on half of the clean validation part; the other half is the "
    "test.",
    headline={
        "weight_clean": "mean weight of clean samples over training (of all: 1)",
        "weight_flipped": "mean weight of flipped samples over training",
        "above": "share of moments with clean above flipped",
        "meta_end": "test accuracy, learned weights, at the end",
        "ce_end": "test accuracy, cross-entropy, at the end",
        "ce_stopped": "test accuracy, cross-entropy, stopped early",
        "oracle_end": "test accuracy, clean labels only, at the end",
        "meta_memorised": "share of flipped labels memorised, learned weights",
        "ce_memorised": "share of flipped labels memorised, cross-entropy",
    },
    experiment={**SETTINGS, **LEARNED, "label_noise": FLIPPED, "epochs": EPOCHS},
    verdict=_verdict,
    picture=_picture,
)
def meta_rescale(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.training import Run

    data = samples(Spec("digits", {"seed": seed}), scale)
    noisy = experiment_of(SETTINGS, {"label_noise": FLIPPED, "seed": seed, "epochs": scaled(EPOCHS, scale)})
    plain = Run(noisy, data=data)
    given = plain.dataset  # with its wrong labels
    flipped = given.train[given.y[given.train] != given.y_clean[given.train]]
    steps = noisy.epochs * -(-len(given.train) // BATCH)
    clean = replace(given, train=np.setdiff1d(given.train, flipped))
    tune, test = halves(given, seed)
    numbers: dict[str, Any] = {}
    for name, run in (
        ("ce", plain),
        ("meta", Run(noisy.replace(LEARNED), data=data)),
        ("oracle", Run(noisy.replace({"label_noise": None}), data=clean)),
    ):
        tuning, curve, memorised, weights = [], [], [], []
        for _ in _moments(run, steps):
            logits = run.predict(given.X)
            tuning.append(accuracy(logits[tune], given.y[tune]))
            curve.append(accuracy(logits[test], given.y[test]))
            memorised.append(accuracy(logits[flipped], given.y[flipped]))
            if name == "meta":
                weights.append(_mean_weights(run, logits, given, flipped))
        numbers |= {f"{name}_end": curve[-1], f"{name}_memorised": memorised[-1]}
        numbers |= {f"{name}_stopped": curve[int(np.argmax(tuning))]}
        numbers |= {f"{name}_curve": curve, f"{name}_memorised_curve": memorised}
        for i, kind in enumerate(("clean", "flipped") if weights else ()):
            numbers[f"weight_{kind}_curve"] = [pair[i] for pair in weights]
            numbers[f"weight_{kind}"] = float(np.mean([pair[i] for pair in weights]))
    above = np.greater(numbers["weight_clean_curve"], numbers["weight_flipped_curve"])
    return numbers | {"above": float(above.mean())}


def _moments(run: Run, steps: int) -> Iterator[int]:
    """Trains so many steps, with `POINTS` stops."""
    done = 0
    for stop in np.ceil(np.linspace(steps / POINTS, steps, POINTS)).astype(int):
        if stop > done:
            run.step(int(stop) - done)
            run.wait()
            done = int(stop)
        yield done
    run.stop()


def _mean_weights(run: Run, logits: np.ndarray, data: Dataset, flipped: np.ndarray) -> tuple[float, float]:
    """Of clean and of flipped training samples, by the weight network as it is now."""
    import torch

    from clsviz.training.supplies import WeightNet

    state = run.timeline.latest.resume or {}
    of = {key.removeprefix("loss.supplies.weights.body."): p for key, p in state.items() if "weights" in key}
    rows = torch.from_numpy(data.train)
    features = WeightNet.features(torch.from_numpy(logits).float()[rows], torch.from_numpy(data.y)[rows])
    hidden = torch.tanh(features @ of["0.weight"].T + of["0.bias"])
    weights = torch.sigmoid(hidden @ of["2.weight"].T + of["2.bias"]).squeeze(1).numpy()
    wrong = np.isin(data.train, flipped)
    clean, flips = (float(weights[part].mean() / weights.mean()) for part in (~wrong, wrong))
    return clean, flips
