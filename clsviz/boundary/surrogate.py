"""A few rules that answer as a black box does: which features it uses, and a shallow tree on those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clsviz.boundary.calling import logits_at
from clsviz.boundary.checks import integer, not_negative, real_array, vector_of
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

SURROGATE = "Karim et al. 2022, Interpreting Black-box Machine Learning Models for High Dimensional Datasets"


@dataclass(frozen=True, slots=True, eq=False)
class SurrogateRules:
    """A shallow tree in the place of a model, as rules."""

    rules: tuple[str, ...]  # one for each way down the tree, that of most samples first
    fidelity: float  # share of the samples on which the tree answers as the model does
    features: np.ndarray  # (k,) int64, columns the tree may use, the most important first
    importance: np.ndarray  # (d,) by which they were chosen
    predictions: np.ndarray  # (M,) int64, the tree's answers on X_test


@method(
    kind="measure",
    title="Importance by perturbation",
    paper="Breiman 2001, Random Forests, section 10",
    formula=r"\frac1R\sum_r P\big(\hat y(x^{(j,r)})\ne\hat y(x)\big)",
    needs=("model", "X"),
    n_repeats=Range(1, 50, step=1),
)
def perturbation_importance(model: Any, X: Any, *, n_repeats: int = 5, seed: int = 0) -> np.ndarray:
    """Share of a model's answers that change when a feature's values are shuffled among the samples.

    No labels are needed: it is the permutation importance with the model's own answers as the truth.
    Draws: for each feature in turn ``n_repeats`` permutations.

    Args:
        model: see `clsviz.boundary`, any callable of samples. X: (N, d). n_repeats: shuffles, >= 1.

    Returns:
        (d,) in [0, 1]; exactly 0 for a feature that the model does not use.

    Raises:
        InputError: n_repeats < 1. ShapeError: X is not (N, d).
    """
    X, rounds = real_array(X, "X", 2), integer(n_repeats, "n_repeats")
    rng = np.random.default_rng(seed)
    answers = logits_at(model, X).argmax(1)
    importance = np.empty(X.shape[1])
    for j in range(X.shape[1]):
        moved = np.tile(X, (rounds, 1))
        moved[:, j] = np.concatenate([rng.permutation(X[:, j]) for _ in range(rounds)])
        importance[j] = (logits_at(model, moved).argmax(1) != np.tile(answers, rounds)).mean()
    return importance


@method(
    kind="measure",
    title="Probe of an embedding",
    paper="Alain & Bengio 2016, Understanding intermediate layers using linear classifier probes, "
    "arXiv:1610.01644",
    formula=r"R^2_j=1-\frac{\sum_n(x_{nj}-\hat x_{nj})^2}{\sum_n(x_{nj}-\bar x_j)^2}",
    needs=("embedding", "X"),
    ridge=Range(1e-4, 10, log=True),
)
def embedding_probe(embedding: Any, X: Any, *, ridge: float = 0.01) -> np.ndarray:
    """How well each feature can be read from an embedding by a linear map: what of it a network keeps.

    The map is fitted to rows 0, 2, 4, ... and judged on rows 1, 3, 5, ..., with means and standard
    deviations of the former.

    Args:
        embedding: (N, E) of the samples, N >= 4. X: (N, d) what went in.
        ridge: penalty of the map for a mean squared error, embeddings standardised, >= 0.

    Returns:
        (d,) at most 1; 0 or less where nothing can be read, 0 for a feature without variance.

    Raises:
        InputError: ridge < 0. ShapeError: lengths differ, or fewer than 4 samples.
    """
    Z, X, penalty = real_array(embedding, "embedding", 2), real_array(X, "X", 2), not_negative(ridge, "ridge")
    if len(Z) != len(X) or len(X) < 4:
        raise ShapeError(f"embedding and X must have the same rows, at least 4: {Z.shape} and {X.shape}")
    spread = Z[::2].std(0)
    Z = (Z - Z[::2].mean(0)) / np.where(spread > 0, spread, 1.0)
    X = X - X[::2].mean(0)
    fitted, judged = Z[::2], Z[1::2]
    gram = fitted.T @ fitted / len(fitted) + penalty * np.eye(Z.shape[1])
    weights = np.linalg.lstsq(gram, fitted.T @ X[::2] / len(fitted), rcond=None)[0]
    left = ((X[1::2] - judged @ weights) ** 2).sum(0)
    whole = ((X[1::2] - X[1::2].mean(0)) ** 2).sum(0)
    return np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1.0), 0.0)


@method(
    kind="probe",
    title="Rules in the place of a model",
    paper=SURROGATE,
    needs=("model", "X"),
    k=Range(1, 20, step=1),
    depth=Range(1, 8, step=1),
)
def surrogate_rules(
    model: Any,
    X: Any,
    *,
    k: int = 5,
    depth: int = 3,
    importance: Any = None,
    X_test: Any = None,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> SurrogateRules:
    """A tree on the k most important features that is fitted to a model's answers, and its rules.

    The tree is scikit-learn's; rules of neighbouring leaves with one answer are put together.

    Args:
        model: see `clsviz.boundary`, any callable of samples. X: (N, d) samples to fit the tree to.
        k: features the tree may use, at most d. depth: questions to an answer, at most.
        importance: (d,) by which features are chosen (ties: the first); None: `perturbation_importance`.
        X_test: (M, d) samples on which the fidelity is measured; None: X.
        feature_names: of the d features; None: x0, x1, ... class_names: None: class 0, class 1, ...

    Raises:
        InputError: k outside 1..d, depth < 1, or too few names. ShapeError: shapes do not fit.
    """
    from sklearn.tree import DecisionTreeClassifier

    X = real_array(X, "X", 2)
    d = X.shape[1]
    fresh = X if X_test is None else real_array(X_test, "X_test", 2)
    if fresh.shape[1] != d:
        raise ShapeError(f"X_test has {fresh.shape[1]} features and X has {d}")
    most, deep = integer(k, "k"), integer(depth, "depth")
    if most > d:
        raise InputError(f"k must be at most the {d} features of X, got {k}")
    logits = logits_at(model, X)
    names = _names(feature_names, "feature_names", d, "x{}")
    classes = _names(class_names, "class_names", logits.shape[1], "class {}")
    if importance is None:
        importance = perturbation_importance(model, X, seed=seed)
    weights = vector_of(importance, "importance", d)
    chosen = np.argsort(-weights, kind="stable")[:most].astype(np.int64)
    answers = logits.argmax(1)
    tree = DecisionTreeClassifier(max_depth=deep, random_state=seed).fit(X[:, chosen], answers)
    found = tree.predict(fresh[:, chosen]).astype(np.int64)
    agree = float((found == logits_at(model, fresh).argmax(1)).mean())
    rules = _rules(tree, [names[j] for j in chosen], classes)
    return SurrogateRules(rules, agree, chosen, weights, found)


def _names(given: Sequence[str] | None, name: str, count: int, form: str) -> list[str]:
    names = [form.format(i) for i in range(count)] if given is None else [str(word) for word in given]
    if len(names) != count:
        raise InputError(f"{name} must hold {count} names, got {len(names)}")
    return names


def _rules(tree: Any, names: list[str], classes: list[str]) -> tuple[str, ...]:
    """Each way down to one answer in words: the interval of each feature, the answer, whom it is for."""
    inner, total = tree.tree_, tree.tree_.n_node_samples[0]
    answer = tree.classes_[inner.value[:, 0].argmax(1)]
    found: list[tuple[int, str]] = []

    def single(node: int) -> bool:  # one answer below
        left, right = inner.children_left[node], inner.children_right[node]
        return left < 0 or (single(left) and single(right) and below(left) == below(right))

    def below(node: int) -> int:  # the answer of the first leaf below
        while inner.children_left[node] >= 0:
            node = inner.children_left[node]
        return int(answer[node])

    def walk(node: int, bounds: dict[int, tuple[float, float]]) -> None:
        if single(node):
            conditions = [_interval(names[j], *ends) for j, ends in bounds.items()]
            count, value = int(inner.n_node_samples[node]), inner.value[node, 0]
            share = value[list(tree.classes_).index(below(node))] / value.sum()
            text = (
                f"{' and '.join(conditions) or 'always'}: {classes[below(node)]} "
                f"({count} of {total} samples, {share:.0%} as the model)"
            )
            found.append((count, text))
            return
        j, cut = int(inner.feature[node]), float(inner.threshold[node])
        low, high = bounds.get(j, (-np.inf, np.inf))
        walk(inner.children_left[node], bounds | {j: (low, min(high, cut))})
        walk(inner.children_right[node], bounds | {j: (max(low, cut), high)})

    walk(0, {})
    return tuple(text for _, text in sorted(found, key=lambda rule: -rule[0]))


def _interval(name: str, low: float, high: float) -> str:
    if low == -np.inf:
        return f"{name} <= {high:.3g}"
    return f"{name} > {low:.3g}" if high == np.inf else f"{low:.3g} < {name} <= {high:.3g}"
