"""Losses that are metrics, on data where one class is rare: soft Dice and AnyLoss."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import best_member, halves, scaled, trained_fan
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset
    from clsviz.training import Fan

SAMPLES = 4000
RARE = (0.1, 0.03)  # share of the rare class, class 1
RATES = (0.1, 0.5, 2.0)  # bounded losses have small gradients
EPOCHS = 20
SETTINGS = {"model": {"name": "mlp", "params": {"hidden": (32,)}}, "batch_size": 256}
EASY = 0.9  # probability of the true class from which on a sample is called easy

# Each loss with what it chooses besides the learning rate: two values of one parameter.
DICE_LOSSES = {
    "ce": ("cross-entropy", "cross_entropy", "optimizer.weight_decay", (0.0, 1e-3)),
    "focal": ("focal", "focal", "loss.gamma", (1.0, 3.0)),
    "dice": ("soft Dice", "dice", "loss.smooth", (1.0, 10.0)),
    "tversky": ("Tversky", "tversky", "loss.beta", (0.5, 0.8)),
    "dsc": ("self-adjusting Dice", "dsc", "loss.alpha", (0.3, 1.0)),
}
METRICS = {"f1": "F1", "g_mean": "G-mean", "balanced": "balanced accuracy"}
OF_ANYLOSS = {"f1": "f_beta", "g_mean": "g_mean", "balanced": "balanced_accuracy"}
STEEPNESS = (10.0, 73.0)
STEEP_CURVE = (1.0, 3.0, 10.0, 30.0, 73.0, 200.0)


def rates_of(guess: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """F1 of class 1, geometric and arithmetic mean of its recall and the other class's."""
    hit, miss = float((guess & (y == 1)).sum()), float((~guess & (y == 1)).sum())
    false, right = float((guess & (y == 0)).sum()), float((~guess & (y == 0)).sum())
    recall, other = hit / max(hit + miss, 1), right / max(right + false, 1)
    f1 = 2 * hit / max(2 * hit + miss + false, 1)
    return {"f1": f1, "g_mean": (recall * other) ** 0.5, "balanced": (recall + other) / 2}


def _score(metric: str) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda logits, y: rates_of(logits[:, 1] > logits[:, 0], y)[metric]


def _at_best_threshold(fan: Fan, tune: np.ndarray, test: np.ndarray, metric: str) -> float:
    """The metric of the best member when its threshold is chosen on `tune` too."""
    data = fan.dataset
    found = []
    for member in range(len(fan.members)):
        odds = {
            name: np.diff(fan.predict(data.X[rows], member=member))[:, 0]
            for name, rows in (("tune", tune), ("test", test))
        }
        for cut in np.quantile(odds["tune"], np.linspace(0.5, 0.999, 100)):
            score = rates_of(odds["tune"] > cut, data.y[tune])[metric]
            found.append((score, rates_of(odds["test"] > cut, data.y[test])[metric]))
    return max(found, key=lambda pair: pair[0])[1]


def _table(rare: float, seed: int, scale: float) -> Dataset:
    from sklearn.datasets import make_classification

    from clsviz.data import from_arrays

    X, y = make_classification(
        scaled(SAMPLES, scale, 600),
        n_informative=6,
        n_redundant=2,
        weights=[1 - rare],
        flip_y=0.01,
        random_state=seed,
    )
    return from_arrays(X, y, validation=0.6, seed=seed)


def _fan(
    loss: str | Spec, own: str, values: tuple[float, ...], data: Dataset, seed: int, scale: float
) -> Fan:
    settings = {**SETTINGS, "loss": loss, "epochs": scaled(EPOCHS, scale, 2), "seed": seed}
    return trained_fan(settings, {own: values, "optimizer.lr": RATES}, data=data)


# Soft Dice


def _dice_verdict(numbers: Numbers) -> Verdict:
    keys = [f"{100 * rare:.0f}" for rare in RARE]
    best = max(("dice", "dsc"), key=lambda name: sum(numbers.mean(f"{name}_{key}") for key in keys))
    gains = [numbers.exceeds(f"{best}_{key}", f"{rival}_{key}") for key in keys for rival in ("ce", "focal")]
    fades = numbers.exceeds("ce_easy", "dsc_easy") and numbers.exceeds("ce_easy", "dice_easy")
    rarest = keys[-1]
    seen = (
        f"With {rarest} % positives F1 is {numbers.text(f'dice_{rarest}')} with soft Dice and "
        f"{numbers.text(f'dsc_{rarest}')} with the self-adjusting form, against "
        f"{numbers.text(f'ce_{rarest}')} with cross-entropy ({numbers.text(f'ce_threshold_{rarest}')} with "
        f"its threshold tuned) and {numbers.text(f'focal_{rarest}')} with focal; easy negatives get "
        f"{numbers.text('ce_easy')} of cross-entropy's gradient, {numbers.text('focal_easy')} of focal's, "
        f"{numbers.text('dice_easy')} of Dice's and {numbers.text('dsc_easy')} of the self-adjusting form's. "
        f"The better Dice is above cross-entropy or focal loss beyond chance in {sum(gains)} of {len(gains)} "
        "comparisons."
    )
    if all(gains) and fades:
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(gains) or fades else "not at this scale", seen)


def _dice_picture(numbers: Numbers) -> Figure:
    groups = [f"{100 * rare:.0f} % positives" for rare in RARE]
    figure = page(
        ("F1 of the rare class", "share of the rare class", "test F1"),
        ("Gradient on easy negatives", "loss", "share of the gradient"),
    )
    named = {name: words for name, (words, *_) in DICE_LOSSES.items()}
    for series, (name, words) in enumerate(
        (named | {"ce_threshold": "cross-entropy, threshold tuned"}).items()
    ):
        values = np.stack([numbers[f"{name}_{100 * rare:.0f}"] for rare in RARE], axis=1)
        add_bars(figure, groups, values, words, series)
        if name in named:
            add_bars(figure, [words], numbers[f"{name}_easy"][:, None], words, series, panel=2)
    figure.update_xaxes(showticklabels=False, col=2)
    return figure


@exhibit(
    id="dice",
    title="Dice loss on imbalanced data",
    paper="Dice Loss for Data-imbalanced NLP Tasks",
    entries=("losses.dice", "losses.tversky", "losses.dsc"),
    claim="Trained with the soft Dice coefficient, F1 on imbalanced data is higher than with cross-entropy "
    "or focal loss; the self-adjusting form takes the weight from the many easy negatives.",
    expected="Higher F1 of the rare class than with cross-entropy and focal loss; a smaller share of the "
    "gradient on easy negatives.",
    setting=f"{SAMPLES} samples of make_classification (20 features, 40 % for training), 10 % and 3 % "
    f"positives, a hidden layer of 32, SGD, batches of 256, {EPOCHS} epochs. Each loss chooses among three "
    "learning rates and two values of its own parameter (cross-entropy: weight decay) by F1 on half of the "
    "validation part; the other half is the test. Gradients: of the whole training part, at cross-entropy's "
    f"network (3 %), each loss at its defaults; easy means a probability above {EASY} for the true class.",
    headline={
        "dice_3": "test F1 at 3 % positives, soft Dice",
        "dsc_3": "test F1 at 3 % positives, self-adjusting Dice",
        "ce_3": "test F1 at 3 % positives, cross-entropy",
        "ce_threshold_3": "test F1 at 3 % positives, cross-entropy with tuned threshold",
        "focal_3": "test F1 at 3 % positives, focal",
        "ce_easy": "share of the gradient on easy negatives, cross-entropy",
        "dsc_easy": "share of the gradient on easy negatives, self-adjusting Dice",
    },
    experiment={**SETTINGS, "data": lambda: _table(RARE[-1], 0, 1.0), "loss": "dice"},
    verdict=_dice_verdict,
    picture=_dice_picture,
)
def dice(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for rare in RARE:
        data = _table(rare, seed, scale)
        tune, test = halves(data, seed)
        for name, (_, loss, own, values) in DICE_LOSSES.items():
            fan = _fan(loss, own, values, data, seed, scale)
            best = best_member(fan, tune, score=_score("f1"))
            numbers[f"{name}_{100 * rare:.0f}"] = _score("f1")(
                fan.predict(data.X[test], member=best), data.y[test]
            )
            if name == "ce":
                numbers[f"ce_threshold_{100 * rare:.0f}"] = _at_best_threshold(fan, tune, test, "f1")
                logits = fan.predict(data.X[data.train], member=best)
    return numbers | _shares_of_easy_negatives(logits, data.y[data.train])


def _shares_of_easy_negatives(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Their share in the summed absolute gradient of each loss."""
    import torch

    from clsviz.losses import create

    z, labels = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(y)
    easy = (labels == 0) & (z.softmax(1)[:, 0] > EASY)
    shares = {}
    for name, (_, loss, *_) in DICE_LOSSES.items():
        [gradient] = torch.autograd.grad(create(loss)(z, labels), z)
        size = gradient.abs().sum(1)
        shares[f"{name}_easy"] = float(size[easy].sum() / size.sum())
    return shares


# AnyLoss


def _any_verdict(numbers: Numbers) -> Verdict:
    keys = [f"{metric}_{100 * rare:.0f}" for metric in METRICS for rare in RARE]
    wins = [key for key in keys if numbers.exceeds(f"any_{key}", f"ce_{key}")]
    beyond = [key for key in keys if numbers.exceeds(f"any_{key}", f"threshold_{key}")]
    hardens = bool((numbers["softness"][:, -1] < 0.5 * numbers["softness"][:, 0]).all())
    examples = "; ".join(
        f"{words} {numbers.text(f'any_{metric}_3')} against {numbers.text(f'ce_{metric}_3')}"
        for metric, words in METRICS.items()
    )
    seen = (
        f"It beats cross-entropy beyond chance in {len(wins)} of {len(keys)} comparisons (3 % positives: "
        f"{examples}) and cross-entropy with its threshold tuned for the metric in {len(beyond)}; soft and "
        f"hard F1 differ by {numbers['softness'][:, 0].mean():.2g} at L = 1 and "
        f"{numbers['softness'][:, -1].mean():.2g} at L = 200."
    )
    if len(wins) == len(keys) and hardens:
        return Verdict("reproduces", seen)
    return Verdict("partly" if wins or hardens else "not at this scale", seen)


def _any_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("3 % positives", "metric that is trained for", "test value of the metric"),
        ("Soft against hard F1", "steepness L of the sigmoid", "|soft - hard| F1"),
    )
    kinds = {
        "ce": "cross-entropy",
        "threshold": "cross-entropy, threshold tuned",
        "any": "AnyLoss of the metric",
    }
    for series, (kind, words) in enumerate(kinds.items()):
        values = np.stack([numbers[f"{kind}_{metric}_3"] for metric in METRICS], axis=1)
        add_bars(figure, list(METRICS.values()), values, words, series)
    add_curve(figure, STEEP_CURVE, numbers["softness"], "soft F1, test part", 5, panel=2, markers=True)
    figure.update_xaxes(type="log", col=2)
    return figure


@exhibit(
    id="anyloss",
    title="Any metric as a loss",
    paper="AnyLoss: Transforming Classification Metrics into Loss Functions",
    entries=("losses.anyloss",),
    claim="With probabilities pushed to 0 and 1 by a steep sigmoid the confusion matrix becomes "
    "differentiable, so F1, G-mean or balanced accuracy can be trained for; on imbalanced data that beats "
    "cross-entropy.",
    expected="Each metric is higher when trained for than with cross-entropy; the soft matrix nears the hard "
    "one as the steepness L grows.",
    setting="The data, network and choices of the exhibit `dice`; AnyLoss chooses L among 10 and 73, "
    "cross-entropy its weight decay, both their learning rate, by the metric itself. A third competitor: "
    "cross-entropy whose threshold too is chosen for the metric, on the same rows.",
    headline={
        "any_f1_3": "test F1 at 3 % positives, AnyLoss",
        "ce_f1_3": "test F1 at 3 % positives, cross-entropy",
        "threshold_f1_3": "test F1 at 3 % positives, cross-entropy with tuned threshold",
        "any_g_mean_3": "test G-mean at 3 % positives, AnyLoss",
        "ce_g_mean_3": "test G-mean at 3 % positives, cross-entropy",
        "threshold_g_mean_3": "test G-mean at 3 % positives, cross-entropy with tuned threshold",
    },
    experiment={**SETTINGS, "data": lambda: _table(RARE[-1], 0, 1.0), "loss": "anyloss"},
    verdict=_any_verdict,
    picture=_any_picture,
)
def anyloss(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for rare in RARE:
        data = _table(rare, seed, scale)
        tune, test = halves(data, seed)
        _, loss, own, values = DICE_LOSSES["ce"]
        plain = _fan(loss, own, values, data, seed, scale)
        for metric in METRICS:
            key, score = f"{metric}_{100 * rare:.0f}", _score(metric)
            wanted = Spec("anyloss", {"metric": OF_ANYLOSS[metric]})
            for kind, fan in (("ce", plain), ("any", _fan(wanted, "loss.L", STEEPNESS, data, seed, scale))):
                best = best_member(fan, tune, score=score)
                numbers[f"{kind}_{key}"] = score(fan.predict(data.X[test], member=best), data.y[test])
            numbers[f"threshold_{key}"] = _at_best_threshold(plain, tune, test, metric)
        best = best_member(plain, tune, score=_score("f1"))
        logits = plain.predict(data.X[test], member=best)
    return numbers | {"softness": _softness(logits, data.y[test])}


def _softness(logits: np.ndarray, y: np.ndarray) -> list[float]:
    """How far the soft F1 lies from the hard one, by steepness."""
    import torch

    from clsviz.losses import create

    z, labels = torch.from_numpy(logits), torch.from_numpy(y)
    hard = _score("f1")(logits, y)
    return [abs(1 - float(create("anyloss", L=L)(z, labels)) - hard) for L in STEEP_CURVE]
