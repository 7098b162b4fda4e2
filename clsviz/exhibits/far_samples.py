"""Few labels and many unlabelled samples from elsewhere: what self-training gains, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_bars, add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FEATURES, LENGTH = 30, 2.0  # of the mean, in standard deviations
UNLABELLED, REPEATS = 2000, 10
LABELS = (4, 8, 16, 32, 64, 128, 256)
AT = 8  # labels with which shifts and losses are compared
SHIFTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # of the unlabelled mean, across, in lengths of the mean
SHIFT = 0.5
SHARE = 0.8  # of the unlabelled samples in self-training
ROBUST = 0.5  # size of perturbations
FEW, DESCENT = 400, 40  # unlabelled samples where the loss is minimised, and steps
TEMPERATURE = 0.5  # of the soft choice of a class


def draw(rng: np.random.Generator, labels: int, unlabelled: int, shift: float) -> tuple[np.ndarray, ...]:
    """Labelled X, y, unlabelled U round a mean moved across by `shift` lengths, and the mean (d,)."""
    mean = np.eye(FEATURES)[0] * LENGTH
    y = np.arange(labels) % 2
    X = (2 * y[:, None] - 1) * mean + rng.standard_normal((labels, FEATURES))
    across = rng.standard_normal(FEATURES)
    across[0] = 0
    moved = mean + shift * LENGTH * across / np.linalg.norm(across)
    signs = rng.choice([-1.0, 1.0], (unlabelled, 1))
    return X, y, signs * moved + rng.standard_normal((unlabelled, FEATURES)), mean


def _verdict(numbers: Numbers) -> Verdict:
    helps = numbers.exceeds("alone_at", "both_at") and numbers.exceeds("robust_alone_at", "robust_both_at")
    losses = [numbers.exceeds(f"loss_{key}_alone", f"loss_{key}_both") for key in ("clean", "robust")]
    dies = not numbers.exceeds("gain_far") and numbers.exceeds("gain_near", "gain_far")
    seen = (
        f"With {AT} labels and {UNLABELLED} unlabelled samples whose mean is moved by {SHIFT:g} of its "
        f"length the error is {numbers.text('both_at')} against {numbers.text('alone_at')} without them "
        f"(robust against perturbations of {ROBUST:g}: {numbers.text('robust_both_at')} against "
        f"{numbers.text('robust_alone_at')}); the least is {numbers.text('least')}. Minimising the robust "
        f"self-supervised loss gives a robust error of {numbers.text('loss_robust_both')} with them and "
        f"{numbers.text('loss_robust_alone')} without. The gain is {numbers.text('gain_near')} without a "
        f"shift and {numbers.text('gain_far')} with one of {SHIFTS[-1]:g} lengths; with {LABELS[-1]} "
        f"labels and a shift of {SHIFT:g} it is {numbers.text('gain_many')}."
    )
    if helps and all(losses) and dies:
        return Verdict("reproduces", seen)
    return Verdict("partly" if helps or all(losses) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        (f"Shift of {SHIFT:g} lengths", "labelled samples", "probability of an error"),
        (f"{AT} labels", "shift of the unlabelled mean (lengths)", "probability of an error"),
        (f"{AT} labels, loss minimised", "error", "probability of an error"),
    )
    for series, (key, words) in enumerate((("alone", "labels only"), ("both", "with unlabelled samples"))):
        add_curve(figure, LABELS, numbers[key], words, series, markers=True)
        add_curve(figure, LABELS, numbers[f"robust_{key}"], f"{words}, robust", 2 + series, markers=True)
        add_curve(figure, SHIFTS, numbers[f"shift_{key}"], words, series, panel=2, markers=True)
        values = np.stack([numbers[f"loss_{kind}_{key}"] for kind in ("clean", "robust")], 1)
        add_bars(figure, ["clean", "robust"], values, words, series, panel=3)
    add_level(figure, numbers.mean("least"), "least error", at="bottom left")
    figure.update_xaxes(type="log", col=1)
    return figure


@exhibit(
    id="dro_self_training",
    title="Samples from elsewhere help, up to a point",
    paper="Out-Of-Domain Unlabeled Data Improves Generalization",
    entries=(
        "boundary.self_training_direction",
        "boundary.rss_loss",
        "boundary.gmm_error",
        "training.robust_self_training",
    ),
    claim="Where few samples have labels, many unlabelled ones improve a linear classifier of two "
    "Gaussians, its robust error too, even when they come from a somewhat shifted distribution.",
    expected="Lower error, clean and robust, with shifted unlabelled samples than with the labels alone; "
    "a gain that dies as the shift grows.",
    setting=f"Two Gaussians of {FEATURES} features, means of length {LENGTH:g} apart from 0 in opposite "
    f"directions, standard deviation 1; the means of {UNLABELLED} unlabelled samples are moved across in a "
    f"random direction. Errors are exact, means of {REPEATS} draws. Labels only: the mean of signed "
    f"samples; with unlabelled ones: mixed with theirs, signed by it, with weight {SHARE:g}, which is not "
    f"tuned. Last panel: the robust self-supervised loss (perturbations of {ROBUST:g}; 0 for the clean "
    f"error) minimised with weight 1 or 0 for {FEW} unlabelled samples, in at most {DESCENT} steps from "
    "the mean of signed samples (separable labels have no minimum), two draws a seed. A closed form for "
    "linear rules stands for the paper's optimal transport.",
    headline={
        "alone_at": f"error, {AT} labels only",
        "both_at": f"error, {AT} labels, unlabelled samples shifted by {SHIFT:g}",
        "robust_alone_at": f"robust error, {AT} labels only",
        "robust_both_at": f"robust error, {AT} labels, unlabelled samples shifted by {SHIFT:g}",
        "loss_robust_alone": "robust error, loss minimised, labels only",
        "loss_robust_both": "robust error, loss minimised, with unlabelled samples",
        "gain_near": "gain without a shift",
        "gain_far": f"gain with a shift of {SHIFTS[-1]:g} lengths",
        "gain_many": f"gain with {LABELS[-1]} labels, shift {SHIFT:g}",
        "least": "least error",
    },
    experiment={
        "data": {"name": "two_domains", "params": {"labels": AT, "dim": FEATURES, "shift": SHIFT}},
        "model": "linear",
        "method": {
            "name": "robust_self_training",
            "params": {"epsilon": ROBUST, "temperature": TEMPERATURE},
        },
    },
    verdict=_verdict,
    picture=_picture,
)
def dro_self_training(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import gmm_error

    rng = np.random.default_rng([seed, 225])
    n = scaled(UNLABELLED, scale, 50)
    by_labels = np.array([_errors(rng, labels, n, SHIFT) for labels in LABELS])
    by_shift = np.array([_errors(rng, AT, n, shift) for shift in SHIFTS])
    alone, both, robust_alone, robust_both = by_labels.T
    at = LABELS.index(AT)
    mean = np.eye(FEATURES)[0] * LENGTH
    numbers: dict[str, Any] = {
        "alone": alone,
        "both": both,
        "robust_alone": robust_alone,
        "robust_both": robust_both,
        "alone_at": alone[at],
        "both_at": both[at],
        "robust_alone_at": robust_alone[at],
        "robust_both_at": robust_both[at],
        "shift_alone": by_shift[:, 0],
        "shift_both": by_shift[:, 1],
        "gain_near": by_shift[0, 0] - by_shift[0, 1],
        "gain_far": by_shift[-1, 0] - by_shift[-1, 1],
        "gain_many": alone[-1] - both[-1],
        "least": gmm_error(mean, mean),
    }
    sets = [draw(rng, AT, scaled(FEW, scale, 30), SHIFT) for _ in range(2)]
    for kind, size in (("clean", 0.0), ("robust", ROBUST)):
        for key, weight in (("alone", 0.0), ("both", 1.0)):
            found = [gmm_error(minimiser(X, y, U, size, weight), mean, epsilon=size) for X, y, U, _ in sets]
            numbers[f"loss_{kind}_{key}"] = float(np.mean(found))
    return numbers


def _errors(rng: np.random.Generator, labels: int, unlabelled: int, shift: float) -> np.ndarray:
    """Clean errors without and with unlabelled samples, then the robust ones: means of REPEATS draws."""
    from clsviz.boundary import gmm_error, self_training_direction

    found = []
    for _ in range(REPEATS):
        X, y, U, mean = draw(rng, labels, unlabelled, shift)
        ways = [self_training_direction(X, y, U, lam=share) for share in (0.0, SHARE)]
        found.append([gmm_error(w, mean, epsilon=size) for size in (0.0, ROBUST) for w in ways])
    return np.mean(found, 0)


def minimiser(X: np.ndarray, y: np.ndarray, U: np.ndarray, size: float, weight: float) -> np.ndarray:
    """(d,) where the robust self-supervised loss is least, as found from the mean of signed samples."""
    from scipy.optimize import minimize

    from clsviz.boundary import rss_loss, self_training_direction

    start = self_training_direction(X, y, U, lam=0.0)
    found = minimize(
        lambda w: rss_loss(w, X, y, U, epsilon=size, lam=weight, temperature=TEMPERATURE),
        start / np.linalg.norm(start),
        method="L-BFGS-B",
        options={"maxiter": DESCENT},
    )
    return np.asarray(found.x)
