"""The seven questions of the benchmark paper, answered from the networks of a study."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kendalltau

from clsviz.calibration.benchmark import BENCHMARK_BINS, STAGES
from clsviz.calibration.inputs import Array, is_int
from clsviz.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from clsviz.calibration.benchmark_study import Study

QUESTIONS = (
    "Does calibration carry over from one dataset to another?",
    "Is robustness a measure of calibration?",
    "How reliable are the measures?",
    "Does temperature scaling help all networks alike?",
    "How does calibration go with accuracy?",
    "What does the number of bins do?",
    "Which designs help?",
)
ATTACKS = ("pgd",)
CORRUPTIONS = ("noise", "dropout", "contrast")
LEAST = 5  # networks that a rank correlation takes


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the networks of a study say to one question; ``.plot()`` draws it."""

    number: int
    question: str
    sentence: str  # our numbers in words
    numbers: Mapping[str, float]
    table: DataFrame  # what the picture shows
    measure: str  # that stands for calibration

    def plot(self) -> Figure:
        """A plotly figure."""
        from clsviz.exhibits.study_pictures import draw  # the look is the exhibits'; only asked for here

        return draw(self)

    def __repr__(self) -> str:
        return f"{self.number}. {self.question}\n{self.sentence}"


def answer(study: Study, number: int, *, measure: str, top: float) -> Answer:
    """See `Study.question`."""
    if not is_int(number) or not 1 <= number <= len(QUESTIONS):
        raise InputError(f"number must be one of 1..{len(QUESTIONS)}, got {number!r}")
    if not 0 < top <= 1:
        raise InputError(f"top must be in (0, 1], got {top!r}")
    after = measure.replace("pre_", "post_", 1)
    if not measure.startswith("pre_") or not {measure, after} <= set(study.measures):
        near = [name for name in study.measures if name.startswith("pre_") and "auc" not in name]
        raise InputError(f"measure must be one of {near[:3]} ... {near[-5:]}, got {measure!r}")
    frame = study.finished
    sizes = frame["data"].value_counts()
    if not len(frame) or sizes.min() < LEAST:
        raise InputError(f"number: at least {LEAST} finished networks on each dataset are needed")
    frame = frame.copy().assign(top=_top(frame, top))  # in one piece: pandas slows down on many
    sentence, numbers, table = ANSWERS[number - 1](study, frame, measure)
    return Answer(number, QUESTIONS[number - 1], sentence, numbers, table, measure)


Answered = tuple[str, dict[str, float], Any]


def tau(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's tau-b; nan for fewer than five pairs, or where one side is constant."""
    return float(kendalltau(a, b).statistic) if len(np.asarray(a)) >= LEAST else float("nan")


def taus(columns: ArrayLike) -> Array:
    """(P, P) Kendall's tau-b between the columns of (n, P)."""
    x = np.asarray(columns, np.float64)
    first, second = np.triu_indices(len(x), 1)
    order = np.sign(x[first] - x[second])
    together = order.T @ order
    untied = np.sqrt(np.diag(together))
    with np.errstate(invalid="ignore", divide="ignore"):
        return together / np.outer(untied, untied)


def _top(frame: DataFrame, share: float) -> Any:
    """Which networks are among the most accurate of their dataset; ties at the border are in."""

    def best(accuracy: Any) -> Any:
        kept = max(1, round(share * len(accuracy)))
        return accuracy >= accuracy.nlargest(kept).iloc[-1]

    return frame.groupby("data")["accuracy"].transform(best).astype(bool)


def _each(frame: DataFrame) -> list[tuple[str, DataFrame]]:
    """The networks of each dataset, in the order of the table."""
    return [(name, frame[frame["data"] == name]) for name in dict.fromkeys(frame["data"])]


def _slices(own: DataFrame) -> dict[str, DataFrame]:
    return {"all": own, "top": own[own["top"]]}


def _carries_over(study: Study, frame: DataFrame, measure: str) -> Answered:
    import pandas

    parts = _each(frame)
    if len(parts) < 2:
        raise InputError("number: question 1 needs networks on two datasets")
    keys = [*study.design, "seed"]
    numbers: dict[str, float] = {}
    sentences, tables = [], []
    for (a, on_a), (b, on_b) in itertools.combinations(parts, 2):
        wanted = [*keys, measure, "accuracy", "top"]
        both = on_a[wanted].merge(on_b[wanted], on=keys, suffixes=("", "_there"))
        top = both[both["top"] & both["top_there"]]
        designs = both.groupby(study.design).mean(numeric_only=True)
        found = {
            "all": tau(both[measure], both[f"{measure}_there"]),
            "top": tau(top[measure], top[f"{measure}_there"]),
            "designs": tau(designs[measure], designs[f"{measure}_there"]),
            "accuracy": tau(both["accuracy"], both["accuracy_there"]),
        }
        numbers |= {f"{a} {b} {name}": value for name, value in found.items()}
        sentences.append(
            f"Between {a} and {b}, Kendall's tau of {measure} is {found['all']:.2f} over {len(both)} "
            f"networks ({found['designs']:.2f} between means over seeds), {_or_few(found['top'], len(top))} "
            f"among those that are most accurate on both; of accuracy it is {found['accuracy']:.2f}."
        )
        tables.append(
            pandas.DataFrame(
                {
                    "first": a,
                    "second": b,
                    "x": both[measure],
                    "y": both[f"{measure}_there"],
                    "top": both["top"] & both["top_there"],
                }
            )
        )
    return " ".join(sentences), numbers, pandas.concat(tables, ignore_index=True)


def _or_few(value: float, n: int) -> str:
    return f"{value:.2f} ({n} networks)" if np.isfinite(value) else f"not known ({n} networks)"


def _robustness(study: Study, frame: DataFrame, measure: str) -> Answered:
    import pandas

    numbers, rows = {}, []
    kinds = {"attacks": ATTACKS, "corruptions": CORRUPTIONS}
    columns = {
        kind: [name for name in frame if name.startswith(tuple(f"{head}_" for head in heads))]
        for kind, heads in kinds.items()
    }
    for data, own in _each(frame):
        for part, some in _slices(own).items():
            for kind, names in columns.items():
                numbers[f"{data} {kind} {part}"] = tau(some[measure], some[names].mean(axis=1))
                rows += [(data, part, kind, name, tau(some[measure], some[name])) for name in names]
            numbers[f"{data} accuracy {part}"] = tau(some[measure], some["accuracy"])
    sentence = " ".join(
        f"On {data}, tau between {measure} and accuracy under attack is {numbers[f'{data} attacks all']:.2f} "
        f"({numbers[f'{data} attacks top']:.2f} among the most accurate), under corruption "
        f"{numbers[f'{data} corruptions all']:.2f} ({numbers[f'{data} corruptions top']:.2f}); with plain "
        f"accuracy it is {numbers[f'{data} accuracy all']:.2f} ({numbers[f'{data} accuracy top']:.2f})."
        for data, _ in _each(frame)
    )
    return sentence, numbers, pandas.DataFrame(rows, columns=["data", "slice", "kind", "robustness", "tau"])


def _reliable(study: Study, frame: DataFrame, measure: str) -> Answered:
    import pandas

    names = study.measures
    found = np.mean([taus(own[names]) for _, own in _each(frame)], axis=0)
    table = pandas.DataFrame(found, index=names, columns=names)
    numbers = {}
    for stage in STAGES:
        own = [name for name in names if name.startswith(stage) and "auc" not in name]
        part = table.loc[own, own]
        first, second, least = _lowest(part)
        numbers[f"{stage} lowest"] = least
        numbers[f"{stage} mean"] = float(np.nanmean(part.to_numpy()[np.triu_indices(len(own), 1)]))
        for family in ("ECE", "ECE_em", "cwCE", "cwCE_em", "MCE"):
            binned = [f"{stage}_{family}_{b}" for b in BENCHMARK_BINS]
            inside = table.loc[binned, binned].to_numpy()[np.triu_indices(len(binned), 1)]
            numbers[f"{stage} {family}"] = float(np.nanmean(inside))
        if stage == "pre":
            alone = part.mean().idxmin()
            variants = [f"pre_{family}_{b}" for family in ("ECE", "ECE_em") for b in BENCHMARK_BINS]
            one, other, numbers["pre ECE lowest"] = _lowest(table.loc[variants, variants])
            said = (
                f"Before scaling, the measures' tau is {numbers['pre mean']:.2f} on average. Least alike are "
                f"{first} and {second} ({least:.2f}), among variants of ECE {one} and {other} "
                f"({numbers['pre ECE lowest']:.2f}); {alone} agrees least with all others."
            )
    said += f" After scaling the average is {numbers['post mean']:.2f}."
    return said, numbers, table


def _lowest(table: DataFrame) -> tuple[str, str, float]:
    values = np.where(np.triu(np.ones(table.shape), 1) > 0, table.to_numpy(), np.inf)
    i, j = np.unravel_index(np.nanargmin(values), values.shape)
    return str(table.index[i]), str(table.columns[j]), float(values[i, j])


def _scaling(study: Study, frame: DataFrame, measure: str) -> Answered:
    after = measure.replace("pre_", "post_", 1)
    numbers, sentences = {}, []
    for data, own in _each(frame):
        for part, some in _slices(own).items():
            numbers[f"{data} tau {part}"] = tau(some[measure], some[after])
        numbers |= {
            f"{data} before": float(own[measure].mean()),
            f"{data} after": float(own[after].mean()),
            f"{data} worse": float((own[after] > own[measure]).mean()),
        }
        sentences.append(
            f"On {data}, {measure} falls from {numbers[f'{data} before']:.4f} to "
            f"{numbers[f'{data} after']:.4f} on average and rises for {numbers[f'{data} worse']:.0%} of the "
            f"networks; tau between before and after is {numbers[f'{data} tau all']:.2f} "
            f"({numbers[f'{data} tau top']:.2f} among the most accurate)."
        )
    table = frame[["data", measure, after, "top"]]
    return " ".join(sentences), numbers, table.rename(columns={measure: "before", after: "after"})


def _accuracy(study: Study, frame: DataFrame, measure: str) -> Answered:
    after = measure.replace("pre_", "post_", 1)
    numbers, sentences = {}, []
    for data, own in _each(frame):
        for part, some in _slices(own).items():
            numbers[f"{data} before {part}"] = tau(some["accuracy"], some[measure])
            numbers[f"{data} after {part}"] = tau(some["accuracy"], some[after])
        sentences.append(
            f"On {data}, tau between accuracy and {measure} is {numbers[f'{data} before all']:.2f} over all "
            f"networks and {numbers[f'{data} before top']:.2f} among the most accurate; after temperature "
            f"scaling {numbers[f'{data} after all']:.2f} and {numbers[f'{data} after top']:.2f}."
        )
    table = frame[["data", "accuracy", measure, after, "top"]]
    return " ".join(sentences), numbers, table.rename(columns={measure: "before", after: "after"})


def _bins(study: Study, frame: DataFrame, measure: str) -> Answered:
    import pandas

    family = measure.removeprefix("pre_").rpartition("_")[0].removesuffix("_em")
    if f"pre_{family}_{BENCHMARK_BINS[0]}" not in frame:
        raise InputError(f"measure: question 6 needs one with bins, like pre_ECE_15; got {measure!r}")
    few, many = BENCHMARK_BINS[0], BENCHMARK_BINS[-1]
    numbers, rows, sentences = {}, [], []
    for data, own in _each(frame):
        for stage, scheme in itertools.product(STAGES, ("", "_em")):
            names = {b: f"{stage}_{family}{scheme}_{b}" for b in BENCHMARK_BINS}
            if names[few] not in frame:
                continue
            for b, name in names.items():
                rows.append((data, stage, scheme, b, own[name].mean(), own[name].std()))
            for b in (few, many):
                numbers[f"{data} {stage}{scheme} {b}"] = float(own[names[b]].mean())
            numbers[f"{data} {stage}{scheme} tau"] = tau(own[names[few]], own[names[many]])
        sentences.append(
            f"On {data}, mean {family} is {numbers[f'{data} pre {few}']:.4f} with {few} bins and "
            f"{numbers[f'{data} pre {many}']:.4f} with {many}, after scaling from "
            f"{numbers[f'{data} post {few}']:.4f} to {numbers[f'{data} post {many}']:.4f}; tau between the "
            f"two rankings is {numbers[f'{data} pre tau']:.2f} before and "
            f"{numbers[f'{data} post tau']:.2f} after."
        )
    table = pandas.DataFrame(rows, columns=["data", "stage", "scheme", "bins", "mean", "spread"])
    return " ".join(sentences), numbers, table


def _designs(study: Study, frame: DataFrame, measure: str) -> Answered:
    import pandas

    after = measure.replace("pre_", "post_", 1)
    numbers, rows, sentences = {}, [], []
    for data, own in _each(frame):
        words = []
        for factor in study.design:
            levels = own.groupby(factor, sort=False)
            if len(levels) < 2:
                continue
            means = levels[[measure, after, "accuracy"]].mean()
            errors = levels[measure].std() / np.sqrt(levels[measure].count())
            for level, row in means.iterrows():
                numbers[f"{data} {factor}={level}"] = float(row[measure])
                rows.append((data, factor, str(level), *row, float(errors[level])))
            best, worst = means[measure].idxmin(), means[measure].idxmax()
            words.append(
                f"{factor} {best} ({means[measure][best]:.4f}; {worst} {means[measure][worst]:.4f}, accuracy "
                f"{means['accuracy'][best]:.3f} against {means['accuracy'][worst]:.3f})"
            )
        if not words:
            raise InputError("number: question 7 needs two levels of a width, depth, activation or loss")
        sentences.append(f"On {data}, {measure} is least with {'; '.join(words)}.")
    columns = ["data", "factor", "level", "before", "after", "accuracy", "error"]
    return " ".join(sentences), numbers, pandas.DataFrame(rows, columns=columns)


ANSWERS: tuple[Callable[[Study, Any, str], Answered], ...] = (
    _carries_over,
    _robustness,
    _reliable,
    _scaling,
    _accuracy,
    _bins,
    _designs,
)
