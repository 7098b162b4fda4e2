"""The benchmark study's seven questions, asked of a family of small networks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.calibration.benchmark import BENCHMARK_BINS
from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

DATA = ("digits", "spirals")
SAMPLES = {"digits": {}, "spirals": {"n": 2000, "n_classes": 3, "noise": 0.12}}
HELD_OUT, EPOCHS, RATE = 0.8, 60, 0.01
WIDTHS, DEPTHS, ACTIVATIONS, DECAYS = (8, 32, 128), (1, 3), ("relu", "tanh"), (0.0, 0.001)
SEEDS = 2  # networks of each design, for each seed of the exhibit
TOP = 0.25  # the most accurate share
DESIGNS = {  # a column of the table, and two of its values: what the second does against the first
    "wide": ("width", WIDTHS[0], WIDTHS[-1]),
    "deep": ("depth", DEPTHS[0], DEPTHS[-1]),
    "tanh": ("activation", *ACTIVATIONS),
    "decay": ("optimizer.weight_decay", *DECAYS),
}
WORDS = {
    "wide": f"{WIDTHS[-1]} wide, not {WIDTHS[0]}",
    "deep": f"{DEPTHS[-1]} layers, not {DEPTHS[0]}",
    "tanh": "tanh, not ReLU",
    "decay": "weight decay",
}
RANKS = {  # pairs whose Kendall's tau the second picture shows
    "attacks": "accuracy under attack",
    "accuracy": "accuracy",
    "accuracy_top": "accuracy, top quarter",
    "scaling": "itself after scaling",
    "mce": "MCE",
    "classwise": "classwise ECE",
}


def _below(numbers: Numbers, key: str, level: float) -> bool:
    return Numbers([{"minus": -row[key]} for row in numbers]).exceeds("minus", -level)


def _apart(numbers: Numbers, a: str, b: str | float) -> bool:
    """Whether they differ, either way, beyond chance."""
    if isinstance(b, float):
        return numbers.exceeds(a, b) or _below(numbers, a, b)
    return numbers.exceeds(a, b) or numbers.exceeds(b, a)


def _verdict(numbers: Numbers) -> Verdict:
    moved = {
        d: [key for key in DESIGNS if _apart(numbers, f"{key}_{d}", 0.0)] for d in DATA
    }  # designs that change the error
    shown = [
        _below(numbers, "carry", 0.5),
        all(numbers.exceeds(f"attacks_{d}", -0.5) for d in DATA),
        all(_below(numbers, f"mce_{d}", 0.5) for d in DATA),
        all(_below(numbers, f"scaling_{d}", 0.5) for d in DATA),
        any(_apart(numbers, f"accuracy_{d}", f"accuracy_top_{d}") for d in DATA),
        all(numbers.exceeds(f"growth_{stage}_{d}", 1.0) for d in DATA for stage in ("pre", "post")),
        all(moved.values()),
    ]

    def on_each(key: str, form: str = ".2f") -> str:
        return ", ".join(f"{numbers.text(f'{key}_{d}', form)} on {d}" for d in DATA)

    helps = "; ".join(
        f"on {d} "
        + ", ".join(f"{WORDS[key]} {100 * numbers.mean(f'{key}_{d}'):+.1f}" for key in moved[d] or DESIGNS)
        for d in DATA
    )
    answers = [
        f"Kendall's tau of ECE between the datasets is {numbers.text('carry', '.2f')} (of accuracy "
        f"{numbers.text('carry_accuracy', '.2f')})",
        f"of ECE and accuracy under attack {on_each('attacks')}",
        f"of ECE and MCE {on_each('mce')}, of ECE and classwise ECE {on_each('classwise')}",
        f"of ECE before and after scaling {on_each('scaling')}; the share it rises for: {on_each('worse')}",
        f"of ECE and accuracy {on_each('accuracy')}, in the most accurate quarter {on_each('accuracy_top')}",
        f"with 500 bins in place of 5, ECE is {on_each('growth_pre', '.1f')} times as large, after scaling "
        f"{on_each('growth_post', '.1f')}",
        f"ECE in percentage points: {helps}",
    ]
    others = ", ".join(str(i) for i, as_expected in enumerate(shown, 1) if not as_expected)
    seen = " ".join(f"({i}) {text[0].upper()}{text[1:]}." for i, text in enumerate(answers, 1))
    seen += f" Other than expected: {others}." if others else " All as expected."
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("The error that is measured", "log10 of the number of bins", "mean ECE"),
        ("What ranks networks as ECE does", "ECE against", "Kendall's tau"),
        ("Designs", "second against first", "change of ECE"),
    )
    lines = [
        (f"{d}, {words}", f"curve_{s}_{d}")
        for d in DATA
        for s, words in (("pre", "plain"), ("post", "scaled"))
    ]
    for series, (words, key) in enumerate(lines):
        add_curve(figure, np.log10(BENCHMARK_BINS), numbers[key], words, series, markers=True)
    for series, d in enumerate(DATA):
        ranks = np.stack([numbers[f"{key}_{d}"] for key in RANKS], axis=1)
        add_bars(figure, list(RANKS.values()), ranks, d, series + len(lines), panel=2)
        designs = np.stack([numbers[f"{key}_{d}"] for key in DESIGNS], axis=1)
        add_bars(figure, list(WORDS.values()), designs, d, series + len(lines), panel=3)
    return figure.update_xaxes(tickangle=60, col=2).update_layout(height=500, margin_b=210, legend_y=-0.75)


@exhibit(
    id="calibration_metrics",
    title="A benchmark study on calibration",
    paper="A Benchmark Study on Calibration",
    entries=("calibration.benchmark_measures", "calibration.fit_temperature"),
    claim="Asked of very many networks, seven questions show what calibration errors do not say: whether a "
    "design is calibrated elsewhere, whether it is robust, what another measure or number of bins would "
    "say, whether temperature scaling helps; how it goes with accuracy, and which designs help.",
    expected="The ranks of networks by ECE have little to do (Kendall's tau below a half) with those on "
    "another dataset, under attack, by MCE and after scaling; tau with accuracy is another among the most "
    "accurate; more bins show more error; some design changes the error beyond chance.",
    setting=f"Digits and three spirals, {100 * HELD_OUT:.0f} % held out (half fits the temperature, half "
    f"tests); networks {WIDTHS} wide, {DEPTHS} deep, ReLU or tanh, weight decay {DECAYS}, {SEEDS} of each on "
    f"each of five splits: {len(WIDTHS) * len(DEPTHS) * len(ACTIVATIONS) * len(DECAYS) * SEEDS} for each "
    f"dataset and split. Adam, {EPOCHS} epochs of cross-entropy. Attack: projected gradient within 0.05, 0.1 "
    "and 0.2 standard deviations. ECE: 15 bins of equal width. cv.calibration.study() has more losses and "
    "depths.",
    headline={
        "carry": "tau of ECE between digits and spirals",
        "carry_accuracy": "tau of accuracy between digits and spirals",
        **{f"attacks_{d}": f"tau of ECE and accuracy under attack, {d}" for d in DATA},
        **{f"scaling_{d}": f"tau of ECE before and after scaling, {d}" for d in DATA},
        **{f"before_{d}": f"mean ECE, {d}" for d in DATA},
        **{f"after_{d}": f"mean ECE after scaling, {d}" for d in DATA},
        "agree": "mean tau of all pairs of measures, before scaling",
        "agree_least": "least tau of a pair",
    },
    verdict=_verdict,
    picture=_picture,
)
def calibration_metrics(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.calibration import study

    small = scale < 1
    data = [Spec(d, {**SAMPLES[d], "validation": HELD_OUT, "seed": seed}) for d in DATA]
    with tempfile.TemporaryDirectory() as folder:
        found = study(
            data,
            widths=(WIDTHS[0], WIDTHS[-1]) if small else WIDTHS,
            depths=DEPTHS,
            activations=ACTIVATIONS,
            losses=("cross_entropy",),
            vary={"optimizer.weight_decay": DECAYS},
            seeds=[1000 * seed + i for i in range(1 if small else SEEDS)],
            settings={"epochs": scaled(EPOCHS, scale), "optimizer": Spec("adam", {"lr": RATE})},
            store=Path(folder) / "study.sqlite",
            n_jobs=1,
            progress=False,
        )
    top = 0.5 if small else TOP
    answers = {i: found.question(i, top=top).numbers for i in range(1, 8)}
    numbers: dict[str, Any] = {
        "carry": answers[1]["digits spirals all"],
        "carry_accuracy": answers[1]["digits spirals accuracy"],
        "agree": answers[3]["pre mean"],
        "agree_least": answers[3]["pre lowest"],
    }
    frame = found.finished
    for d in DATA:
        own = frame[frame["data"] == d]
        numbers |= {
            f"attacks_{d}": answers[2][f"{d} attacks all"],
            f"corruptions_{d}": answers[2][f"{d} corruptions all"],
            f"mce_{d}": _tau(own, "pre_MCE_15"),
            f"classwise_{d}": _tau(own, "pre_cwCE_15"),
            f"scaling_{d}": answers[4][f"{d} tau all"],
            f"worse_{d}": answers[4][f"{d} worse"],
            f"before_{d}": answers[4][f"{d} before"],
            f"after_{d}": answers[4][f"{d} after"],
            f"accuracy_{d}": answers[5][f"{d} before all"],
            f"accuracy_top_{d}": answers[5][f"{d} before top"],
        }
        for stage in ("pre", "post"):
            curve = [float(own[f"{stage}_ECE_{b}"].mean()) for b in BENCHMARK_BINS]
            numbers |= {f"curve_{stage}_{d}": curve, f"growth_{stage}_{d}": curve[-1] / curve[0]}
        for key, (factor, first, second) in DESIGNS.items():
            numbers[f"{key}_{d}"] = answers[7][f"{d} {factor}={second}"] - answers[7][f"{d} {factor}={first}"]
    # Where all networks have one value (an attack that none survives), there are no ranks to agree.
    return {key: np.nan_to_num(value) for key, value in numbers.items()}


def _tau(own: DataFrame, measure: str) -> float:
    from clsviz.calibration.study_questions import tau

    return tau(own["pre_ECE_15"], own[measure])
