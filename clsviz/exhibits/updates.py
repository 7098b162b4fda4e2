"""A new version of a classifier that breaks what the old one had right, and training that breaks less."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.distillation import TASKS, task_of
from clsviz.exhibits.fitting import accuracy, halves, samples, scaled, trained, trained_fan
from clsviz.exhibits.pictures import add_curve, add_level, add_sliders, bars, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset
    from clsviz.training import Run

OLD_SHARE = 1 / 3  # of the training samples that the old version had
WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
EPOCHS = 30
SAME = 0.01  # of accuracy, what is not yet counted as a loss
COMMON: dict[str, Any] = {
    "model": {"name": "mlp", "params": {"hidden": (64,)}},
    "batch_size": 64,
    "epochs": EPOCHS,
}
RATES = {
    "negative": "right before, wrong now",
    "positive": "wrong before, right now",
    "inconsistent": "wrong in another way",
}


def old_version(data: Dataset, seed: int, scale: float) -> Run:
    """A network of the same shape, from other initial weights, on a third of the training samples."""
    few = replace(data, train=data.train[: max(1, round(OLD_SHARE * len(data.train)))])
    return trained({**COMMON, "epochs": scaled(EPOCHS, scale, 2), "seed": seed + 100}, data=few)


def _verdict(numbers: Numbers) -> Verdict:
    better = [t for t in TASKS if numbers.exceeds(f"accuracy_plain_{t}", f"accuracy_old_{t}")]
    flips = [t for t in TASKS if numbers.mean(f"negative_plain_{t}") > 0]
    fewer = [t for t in TASKS if numbers.exceeds(f"negative_plain_{t}", f"negative_kept_{t}")]
    same = [t for t in TASKS if numbers.exceeds(f"accuracy_kept_{t}", f"accuracy_plain_{t}", by=-SAME)]
    said = "; ".join(
        f"{TASKS[t]}: the update raises accuracy from {numbers.text(f'accuracy_old_{t}', '.3f')} to "
        f"{numbers.text(f'accuracy_plain_{t}', '.3f')} and breaks {_percent(numbers, f'negative_plain_{t}')} "
        f"of the samples, with compatibility training {_percent(numbers, f'negative_kept_{t}')} at accuracy "
        f"{numbers.text(f'accuracy_kept_{t}', '.3f')} ({_fewer(numbers, t):.0f} % fewer"
        f"{'' if t in fewer else ', not beyond chance'}"
        f"{'' if t in same else f'; a loss of {100 * SAME:.0f} % accuracy is not ruled out'})"
        for t in TASKS
    )
    both = set(fewer) & set(same)
    if both == set(TASKS) and better == flips == list(TASKS):
        word = "reproduces"
    else:
        word = "partly" if both or (better and fewer) else "not at this scale"
    return Verdict(word, said[0].upper() + said[1:] + ".")


def _percent(numbers: Numbers, key: str) -> str:
    return f"{100 * numbers.mean(key):.1f} ± {100 * numbers.spread(key):.1f} %"


def _fewer(numbers: Numbers, task: str) -> float:
    """Negative flips that are spared, in per cent of those of plain training."""
    plain = numbers.mean(f"negative_plain_{task}")
    return 100 * (1 - numbers.mean(f"negative_kept_{task}") / plain) if plain else 0.0


def _picture(numbers: Numbers) -> Figure:
    weight = "weight of the old version where it was right"
    figure = page(
        ("What the update breaks", weight, "negative flips (share of samples)"),
        ("What it costs", weight, "test accuracy of the new version"),
        ("All that changed: drag below", "task", "share of samples"),
    )
    ticks = np.arange(len(WEIGHTS))
    for series, (task, words) in enumerate(TASKS.items()):
        add_curve(figure, ticks, numbers[f"negative_{task}"], words, series, markers=True)
        add_curve(figure, ticks, numbers[f"accuracy_{task}"], words, series, panel=2, markers=True)
        add_level(figure, numbers.mean(f"accuracy_old_{task}"), f"old, {words}", panel=2)
    for panel in (1, 2):
        figure.update_xaxes(tickvals=ticks, ticktext=[f"{w:g}" for w in WEIGHTS], col=panel)
    figure.update_yaxes(rangemode="tozero", col=1)

    def changed(value: float) -> list[dict[str, Any]]:
        at = WEIGHTS.index(value)
        return [
            bars(
                list(TASKS.values()),
                np.stack([numbers[f"{rate}_{task}"][:, at] for task in TASKS], 1),
                words,
                series,
            )
            for series, (rate, words) in enumerate(RATES.items(), 2)
        ]

    top = max(float(numbers[f"{rate}_{task}"].mean(0).max()) for rate in RATES for task in TASKS)
    figure.update_yaxes(range=[0, 1.1 * top], col=3)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(TASKS.values()), col=3)
    add_sliders(figure, {"weight": WEIGHTS}, (2.0,), changed, panel=3)
    return figure


@exhibit(
    id="negative_flips",
    title="Updates that break what was right",
    paper="MUSCLE: A Model Update Strategy for Compatible LLM Evolution",
    entries=("training.compatible", "boundary.negative_flips"),
    claim="A better new version of a model still gets wrong what the old one had right, though training is "
    "the same (negative flips); training it to agree with the old version where that was right makes up to "
    "40 % fewer of them, without loss of performance.",
    expected="The new version is more accurate and has negative flips all the same; with compatibility "
    "training there are fewer, at an accuracy at most a point lower.",
    setting=f"Digits with 40 % for training, and a harder task of 40 classes (the one of dual_head_kd). Old "
    "version: a hidden layer of 64 on a third of the training samples; new version: the same network on all "
    f"of them, from other initial weights; SGD, batches of 64, {EPOCHS} epochs. Compatibility training adds "
    "the divergence from the old version where that was right, T = 1, to the cross-entropy; of six weights "
    "the largest is taken whose accuracy on half of the validation part is no more than half a point below "
    "plain training; the other half is the test. Small networks and classification, not language models.",
    headline={
        f"{key}_{t}": f"{words} ({task})"
        for t, task in TASKS.items()
        for key, words in {
            "negative_plain": "negative flips, plain training",
            "negative_kept": "negative flips, compatibility training",
            "accuracy_old": "test accuracy, old version",
            "accuracy_plain": "test accuracy, plain training",
            "accuracy_kept": "test accuracy, compatibility training",
            "weight": "weight that was taken",
        }.items()
    },
    experiment={
        **COMMON,
        "data": lambda: _data("easy", 0, 1.0),
        "loss": {"name": "compatible", "params": {"weight": 4.0}},
        "teacher": lambda: old_version(_data("easy", 0, 1.0), 0, 1.0),
    },
    verdict=_verdict,
    picture=_picture,
)
def negative_flips(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for task in TASKS:
        data = _data(task, seed, scale)
        found = _versions(data, seed, scale)
        numbers |= {f"{key}_{task}": value for key, value in found.items()}
    return numbers


def _data(task: str, seed: int, scale: float) -> Dataset:
    if task == "hard":
        return task_of("hard", seed, scale)
    return samples(Spec("digits", {"seed": seed, "validation": 0.6}), scale)


def _versions(data: Dataset, seed: int, scale: float) -> dict[str, Any]:
    """Rates at every weight, and those of plain training and of the weight that is taken."""
    from clsviz.boundary import negative_flips as flips_of

    tune, test = halves(data, seed)
    old = old_version(data, seed, scale)
    new = {**COMMON, "epochs": scaled(EPOCHS, scale, 2), "loss": "compatible", "seed": seed}
    fan = trained_fan(new, {"loss.weight": WEIGHTS}, data=data, teacher=old)
    before = old.predict(data.X[test])
    found = [flips_of(before, fan.predict(data.X[test], member=m), data.y[test]) for m in range(len(WEIGHTS))]
    tuning = [accuracy(fan.predict(data.X[tune], member=m), data.y[tune]) for m in range(len(WEIGHTS))]
    taken = max(m for m, value in enumerate(tuning) if value >= tuning[0] - SAME / 2)
    curves = {rate: [float(getattr(f, f"{rate}_rate")) for f in found] for rate in RATES}
    curves["accuracy"] = [f.accuracy_new for f in found]
    ends = {
        f"{key}_{name}": values[m]
        for key, values in curves.items()
        for name, m in {"plain": 0, "kept": taken}.items()
    }
    return {**curves, **ends, "accuracy_old": found[0].accuracy_old, "weight": WEIGHTS[taken]}
