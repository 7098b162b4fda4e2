"""Learning from wrong labels: early learning and memorisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, best_member, halves, samples, scaled, trained, trained_fan
from clsviz.exhibits.pictures import add_bars, add_curve, page
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
        ("Flipped labels, digits", "training (epochs)", "memorised (share of flipped labels)"),
        ("Test accuracy, digits", "training (epochs)", "accuracy"),
        ("Test accuracy, linear model", "training (epochs)", "accuracy"),
    )
    time = np.linspace(0, EPOCHS, POINTS)
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
    common = {"label_noise": FLIPPED, "seed": seed, "epochs": scaled(EPOCHS, scale, 2)}
    numbers: dict[str, Any] = {}
    for prefix, settings, data in (
        ("", {"model": NETWORK}, samples(Spec("digits", {"seed": seed}), scale)),
        (
            "linear_",
            {"model": "linear", "optimizer": Spec("sgd", {"lr": LINEAR_RATE})},
            _two_gaussians(seed, scale),
        ),
    ):
        for name, loss in LOSSES.items():
            course = _course(trained({**common, **settings, "loss": loss}, data=data), seed)
            numbers |= {f"{prefix}{name}_{key}": value for key, value in course.items()}
    return numbers


def _two_gaussians(seed: int, scale: float) -> Dataset:
    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 2])
    y = rng.integers(0, 2, LINEAR_SAMPLES)
    X = SPREAD * rng.normal(size=(LINEAR_SAMPLES, DIMENSIONS))
    X[:, 0] += 2 * y - 1
    return samples(from_arrays(X, y, validation=0.5, seed=seed), scale)


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


# Label-distributionally robust losses

SETTINGS = (
    ("clean", "symmetric", 0.0),
    ("sym20", "symmetric", 0.2),
    ("sym40", "symmetric", 0.4),
    ("pair20", "pair", 0.2),
    ("pair40", "pair", 0.4),
)
NOISES = ("none", "20 % any", "40 % any", "20 % next", "40 % next")  # the settings in words
RIVALS = {
    "ce": ("cross-entropy", "cross_entropy", ("label_smoothing", (0.0, 0.2))),
    "gce": ("generalised CE", "gce", ("q", (0.4, 0.8))),
    "hinge": ("Crammer-Singer hinge", "hinge_cs", ("margin", (0.5, 2.0))),
    "ldr": ("LDR-KL", "ldr_kl", ("lam", (0.5, 2.0))),
    "aldr": ("adaptive LDR-KL", "aldr_kl", ("lam0", (0.5, 2.0))),
}
LDR_RATES = (0.05, 0.2)  # learning rates, for both values of each loss's own parameter
LDR_EPOCHS = 30
LDR_POINTS = 16  # of the stored temperatures


def _ldr_verdict(numbers: Numbers) -> Verdict:
    noisy = [key for key, _, rate in SETTINGS if rate]
    beats_ce = [key for key in noisy if numbers.exceeds(f"aldr_{key}", f"ce_{key}")]
    loses = [key for key in noisy if any(numbers.exceeds(f"{r}_{key}", f"aldr_{key}") for r in RIVALS)]
    larger = numbers.exceeds("lam_flipped", "lam_clean")
    words = dict(zip([key for key, _, _ in SETTINGS], NOISES, strict=True))
    worse = (
        f"but falls behind another loss under {_listed(loses, words)}" if loses else "and is nowhere worse"
    )
    seen = (
        f"The adaptive loss beats cross-entropy beyond chance under {_listed(beats_ce, words)} {worse}; "
        f"at 40 % any: {numbers.text('aldr_sym40')} against {numbers.text('ce_sym40')} for cross-entropy "
        f"and {numbers.text('gce_sym40')} for GCE. Its temperature is {numbers.text('lam_flipped')} on "
        f"flipped and {numbers.text('lam_clean')} on clean labels (AUROC {numbers.text('lam_auroc')})."
    )
    if larger and len(beats_ce) == len(noisy) and not loses:
        return Verdict("reproduces", seen)
    return Verdict("partly" if larger or beats_ce else "not at this scale", seen)


def _listed(keys: list[str], words: dict[str, str]) -> str:
    return ", ".join(words[key] for key in keys) or "no noise"


def _ldr_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Label noise in training", "changed training labels (to any, or the next class)", "test accuracy"),
        ("Temperature of the adaptive loss", "training (epochs)", "temperature λ (logit units)"),
    )
    for series, (name, (words, *_)) in enumerate(RIVALS.items()):
        values = np.stack([numbers[f"{name}_{key}"] for key, _, _ in SETTINGS], axis=1)
        add_bars(figure, NOISES, values, words, series)
    time = np.linspace(0, LDR_EPOCHS, LDR_POINTS)
    for series, (key, words) in enumerate(
        (("clean", "λ, clean labels"), ("flipped", "λ, flipped labels")), 5
    ):
        add_curve(figure, time, numbers[f"lam_{key}_curve"], words, series, panel=2)
    lowest = min(numbers.mean(f"{name}_{key}") for name in RIVALS for key, _, _ in SETTINGS)
    figure.update_yaxes(range=[max(0.0, lowest - 0.1), 1], col=1)
    return figure


@exhibit(
    id="ldr",
    title="Label-distributionally robust losses",
    paper="Label Distributionally Robust Losses for Multi-class Classification: "
    "Consistency, Robustness and Adaptivity",
    entries=("losses.ldr_kl", "losses.aldr_kl"),
    claim="LDR losses run from cross-entropy to the SVM loss with a temperature; the adaptive one gives each "
    "sample its own, fit for how noisy its label is, and is the most stable under label noise.",
    expected="The adaptive loss is above cross-entropy at every noise and nowhere behind the others; its "
    "temperature is larger on flipped labels than on clean ones.",
    setting=f"Digits, one hidden layer of 64, SGD with momentum, batches of 128, {LDR_EPOCHS} epochs; "
    "training labels changed to any other class or to the next. Each loss chooses among two learning "
    "rates and two values of its own parameter (cross-entropy: label smoothing) on half of the clean "
    "validation part; the other half is the test. Temperatures: lam0 = 1, alpha = 2, 40 % changed to any "
    "class, on the training samples.",
    headline={
        "aldr_sym40": "test accuracy at 40 % any, adaptive LDR-KL",
        "ldr_sym40": "test accuracy at 40 % any, LDR-KL",
        "ce_sym40": "test accuracy at 40 % any, cross-entropy",
        "gce_sym40": "test accuracy at 40 % any, GCE",
        "lam_flipped": "temperature on flipped labels",
        "lam_clean": "temperature on clean labels",
        "lam_auroc": "AUROC of the temperature as a sign of a flipped label",
    },
    experiment={
        "data": "digits",
        "loss": "aldr_kl",
        "label_noise": 0.4,
        "batch_size": 128,
        "epochs": LDR_EPOCHS,
    },
    verdict=_ldr_verdict,
    picture=_ldr_picture,
)
def ldr(seed: int, scale: float) -> dict[str, Any]:
    common = {
        "epochs": scaled(LDR_EPOCHS, scale, 2),
        "batch_size": 128,
        "seed": seed,
    }
    digits = samples(Spec("digits", {"seed": seed}), scale)
    numbers: dict[str, Any] = {}
    for name, (_, loss, (own, values)) in RIVALS.items():
        # Five rounds of the fixed point give the temperature of twenty within 3 %, in half the time.
        chosen = Spec(loss, {"iters": 5}) if loss == "aldr_kl" else Spec(loss)
        for kind in ("symmetric", "pair"):
            wanted = {rate: key for key, of, rate in SETTINGS if of == kind}
            fan = trained_fan(
                {**common, "loss": chosen, "label_noise": Spec(kind, {"rate": 0.1})},
                {f"loss.{own}": values, "optimizer.lr": LDR_RATES, "label_noise.rate": list(wanted)},
                data=digits,
            )
            tune, test = halves(fan.dataset, seed)
            for rate, key in wanted.items():
                members = [m.index for m in fan.members if m.values["label_noise.rate"] == rate]
                best = best_member(fan, tune, members)
                logits = fan.predict(fan.dataset.X[test], member=best)
                numbers[f"{name}_{key}"] = accuracy(logits, fan.dataset.y_clean[test])
    return numbers | _temperatures(
        trained({**common, "loss": "aldr_kl", "label_noise": FLIPPED}, data=digits)
    )


def _temperatures(run: Run) -> dict[str, Any]:
    """The adaptive loss's temperature on clean and flipped training labels, through training."""
    import torch
    from sklearn.metrics import roc_auc_score

    from clsviz import losses

    data, loss = run.dataset, losses.create("aldr_kl")
    X, y = data.X[data.train], data.y[data.train]
    flipped = y != data.y_clean[data.train]
    clean, wrong = [], []
    for at in np.linspace(0, run.timeline.latest.step, LDR_POINTS):
        step = run.timeline.at(round(at)).step
        loss(torch.from_numpy(run.predict(X, step)), torch.from_numpy(y))
        lam = loss.last_lambda.numpy()
        clean.append(float(lam[~flipped].mean()))
        wrong.append(float(lam[flipped].mean()))
    return {
        "lam_clean": clean[-1],
        "lam_flipped": wrong[-1],
        "lam_auroc": float(roc_auc_score(flipped, lam)),
        "lam_clean_curve": clean,
        "lam_flipped_curve": wrong,
    }
