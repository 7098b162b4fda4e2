"""Outliers of tables: an autoencoder that knows how sure it is, and where the neighbours are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_bars, add_curve, add_sliders, bars, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Classes that are inliers, and the one that outliers come from, in scikit-learn's order.
TABLES = {"wine": ((0, 1), 2), "breast_cancer": ((1,), 0), "iris": ((0, 1), 2)}
KINDS = {"class": "another class", "mixed": "mixed features", "box": "even in the box"}
TASKS = [(table, kind) for table in TABLES for kind in KINDS]
SHARE = 0.1  # outliers to an inlier
WEIGHTS = (0.2, 0.5, 1.0, 2.0, 4.0)  # of the uncertainty; that of the bias is 1
EPOCHS = 300
NEIGHBOURS = 10
TREES = 100  # of the isolation forest
LEAST = 20  # inliers at a smaller scale
REFERENCES = {"lof": "local outlier factor", "forest": "isolation forest"}
SCORES = {
    "mse": "squared error",
    "shifted_mse": "squared error, mean shift",
    "tuned": "probabilistic error",
    "shifted_tuned": "probabilistic error, mean shift",
    **REFERENCES,
}


def _verdict(numbers: Numbers) -> Verdict:
    surer = numbers.exceeds("tuned_mean", "mse_mean")
    shift = numbers.exceeds("shifted_mse_mean", "mse_mean")
    best = max(("mse_mean", "tuned_mean", "shifted_mse_mean"), key=numbers.mean)
    both = numbers.exceeds("shifted_tuned_mean", best)
    worse = numbers.exceeds("tuned_mean", "shifted_tuned_mean")
    seen = (
        f"ROC AUC, mean of {len(TASKS)} tasks: squared error {numbers.text('mse_mean')}, with mean shift "
        f"{numbers.text('shifted_mse_mean')} ({'better' if shift else 'no better beyond chance'}); "
        f"probabilistic error with the weight tuned on the other tables {numbers.text('tuned_mean')} "
        f"({'better' if surer else 'no better beyond chance'}; with a weight of 1 "
        f"{numbers.text('even_mean')}), with mean shift {numbers.text('shifted_tuned_mean')} "
        f"({'best of all' if both else 'worse than without' if worse else 'not the best'}). Mean shift takes "
        f"the squared error on samples of another class from {numbers.text('mse_class')} to "
        f"{numbers.text('shifted_mse_class')}, on mixed features from {numbers.text('mse_mixed')} to "
        f"{numbers.text('shifted_mse_mixed')}. For comparison, {REFERENCES['lof']} "
        f"{numbers.text('lof_mean')}, {REFERENCES['forest']} {numbers.text('forest_mean')}."
    )
    if surer and shift and both:
        return Verdict("reproduces", seen)
    return Verdict("partly" if surer or shift or both else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Kinds of outliers: drag below", "where the outliers come from", "ROC AUC"),
        ("All tasks, by the weight", "weight of the uncertainty", "ROC AUC"),
        columns=2,
    )
    fixed = {"mse": 0, "shifted_mse": 1, "lof": 4, "forest": 5}
    for name, series in fixed.items():
        add_bars(figure, list(KINDS.values()), _by_kind(numbers[name]), SCORES[name], series)
    for name, series in (("", 2), ("shifted_", 3)):
        curves = numbers[f"{name}probabilistic"].reshape(len(numbers), len(WEIGHTS), -1).mean(2)
        add_curve(figure, WEIGHTS, curves, SCORES[f"{name}tuned"], series, panel=2, markers=True)
    for name in ("mse", "shifted_mse"):
        level = np.repeat(numbers[f"{name}_mean"][:, None], len(WEIGHTS), 1)
        add_curve(figure, WEIGHTS, level, SCORES[name], fixed[name], panel=2)
        figure.data[-1].showlegend = False  # the bars have it
    figure.update_xaxes(type="log", tickvals=WEIGHTS, ticktext=[f"{w:g}" for w in WEIGHTS], col=2)
    figure.update_yaxes(range=[0, 1.02], col=1)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(KINDS.values()), col=1)

    def weighted(weight: float) -> list[dict[str, Any]]:
        traces = []
        for name, series in (("", 2), ("shifted_", 3)):
            values = numbers[f"{name}probabilistic"].reshape(len(numbers), len(WEIGHTS), -1)
            one = _by_kind(values[:, WEIGHTS.index(weight)])
            traces.append(bars(list(KINDS.values()), one, SCORES[f"{name}tuned"], series))
        return traces

    add_sliders(figure, {"weight of the uncertainty": WEIGHTS}, (1.0,), weighted, width=0.45)
    return figure


def _by_kind(values: np.ndarray) -> np.ndarray:
    """(S, kinds) means over the tables, from (S, tasks)."""
    mean: np.ndarray = values.reshape(len(values), len(TABLES), len(KINDS)).mean(1)
    return mean


@exhibit(
    id="mean_shift_outlier",
    title="Shown where the neighbours are",
    paper="Improving Autoencoder-based Outlier Detection with Adjustable Probabilistic Reconstruction Error "
    "and Mean-shift Outlier Scoring",
    entries=(
        "boundary.mean_shift_outlier",
        "boundary.mean_shift",
        "boundary.probabilistic_error",
        "boundary.fit_autoencoder",
    ),
    claim="An autoencoder that learns how unsure it is, with an adjustable weight of that, finds outliers "
    "better than one that minimises the squared error; scoring with the mean of a sample's neighbours finds "
    "those that it reconstructs by accident, and helps other autoencoders too.",
    expected="A higher ROC AUC with the probabilistic error than with the squared one, a higher one with "
    "mean shift than without, for both errors; the two together are best.",
    setting="Classes of wine, breast cancer and iris are inliers; one outlier to ten inliers comes from "
    "another class, mixes the features of different inliers, or lies evenly in their box. Standardised with "
    "the outliers in, on which the autoencoders train too: 32 tanh units, a code of a quarter of the "
    f"features (at least 2), Adam at 0.01, {EPOCHS} steps. {NEIGHBOURS} neighbours, one shift. The weight of "
    f"the uncertainty (of {', '.join(f'{w:g}' for w in WEIGHTS)}; the bias has 1) is tuned for each table on "
    "the two others, separately with mean shift. The references have scikit-learn's settings.",
    headline={f"{name}_mean": f"ROC AUC, {words}, all tasks" for name, words in SCORES.items()}
    | {
        f"{name}_{kind}": f"ROC AUC, {SCORES[name]}, {words}"
        for name in ("mse", "shifted_mse")
        for kind, words in KINDS.items()
    },
    verdict=_verdict,
    picture=_picture,
)
def mean_shift_outlier(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import fit_autoencoder
    from clsviz.boundary import mean_shift_outlier as scored

    rows: dict[str, list[float]] = {name: [] for name in ("mse", "shifted_mse", *REFERENCES)}
    by_weight: list[list[tuple[float, float]]] = []
    epochs = scaled(EPOCHS, scale, 5)
    for X, outlier in _tasks(seed, scale):
        code = max(2, X.shape[1] // 4)
        shape = {"code": code, "epochs": epochs, "seed": seed}
        plain = scored(X, k=NEIGHBOURS, autoencoder=fit_autoencoder(X, probabilistic=False, **shape))
        rows["mse"].append(_auc(outlier, plain.plain))
        rows["shifted_mse"].append(_auc(outlier, plain.score))
        found = []
        for weight in WEIGHTS:
            net = fit_autoencoder(X, uncertainty_weight=weight, **shape)
            made = scored(X, k=NEIGHBOURS, uncertainty_weight=weight, autoencoder=net)
            found.append((_auc(outlier, made.plain), _auc(outlier, made.score)))
        by_weight.append(found)
        for name, scores in _references(X, seed, scale).items():
            rows[name].append(_auc(outlier, scores))
    grid = np.transpose(by_weight, (2, 1, 0))  # plain or shifted, weight, task
    numbers: dict[str, Any] = {**rows}
    for prefix, values in zip(("", "shifted_"), grid, strict=True):
        numbers[f"{prefix}probabilistic"] = values.ravel().tolist()
        numbers[f"{prefix}tuned"] = _tuned(values).tolist()
    numbers |= {f"{name}_mean": float(np.mean(numbers[name])) for name in SCORES}
    numbers["even_mean"] = float(grid[0, WEIGHTS.index(1.0)].mean())
    for name in ("mse", "shifted_mse"):
        means = _by_kind(np.array([numbers[name]]))[0]
        numbers |= {f"{name}_{kind}": float(mean) for kind, mean in zip(KINDS, means, strict=True)}
    return numbers


def _tuned(values: np.ndarray) -> np.ndarray:
    """(tasks,) of (weights, tasks): those of each table with the weight that is best for the other tables."""
    tables = values.reshape(len(WEIGHTS), len(TABLES), len(KINDS))
    others = tables.sum(1, keepdims=True) - tables  # of the same kinds
    best = others.sum(2).argmax(0)
    return np.concatenate([tables[w, i] for i, w in enumerate(best)])


def _tasks(seed: int, scale: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Standardised samples (N, d) and which are outliers (N,), in the order of `TASKS`."""
    from sklearn import datasets

    for number, (table, (inner, outer)) in enumerate(TABLES.items()):
        bunch = getattr(datasets, f"load_{table}")()
        inliers, others = bunch.data[np.isin(bunch.target, inner)], bunch.data[bunch.target == outer]
        for place, kind in enumerate(KINDS):
            rng = np.random.default_rng([seed, 24, number, place])
            kept = inliers[rng.permutation(len(inliers))[: scaled(len(inliers), min(scale, 1.0), LEAST)]]
            count = max(2, round(SHARE * len(kept)))
            X = np.concatenate([kept, injected(kind, kept, others, count, rng)])
            yield (X - X.mean(0)) / X.std(0), np.arange(len(X)) >= len(kept)


def injected(
    kind: str, inliers: np.ndarray, others: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """(count, d) outliers of a kind of `KINDS`."""
    if kind == "class":
        return others[rng.permutation(len(others))[:count]]
    if kind == "mixed":
        rows = rng.integers(0, len(inliers), (count, inliers.shape[1]))
        mixed: np.ndarray = np.take_along_axis(inliers, rows, 0)
        return mixed
    return rng.uniform(inliers.min(0), inliers.max(0), (count, inliers.shape[1]))


def _references(X: np.ndarray, seed: int, scale: float) -> dict[str, np.ndarray]:
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor

    forest = IsolationForest(n_estimators=scaled(TREES, min(scale, 1.0), 5), random_state=seed).fit(X)
    neighbours = min(20, len(X) - 1)
    return {
        "lof": -LocalOutlierFactor(neighbours).fit(X).negative_outlier_factor_,
        "forest": -forest.score_samples(X),
    }


def _auc(outlier: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(outlier, scores))
