"""Other shares of the classes, or other inputs, than where a classifier was trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.binned import ece
from clsviz.calibration.binning import N_BINS
from clsviz.calibration.inputs import ROW_SUM, Array, as_labels, as_logits, count, probs_of, vector
from clsviz.calibration.scores import nll
from clsviz.calibration.temperature import apply_temperature, fit_temperature
from clsviz.catalogue import Range, method
from clsviz.errors import InputError

SAERENS = "Saerens et al. 2002, Adjusting the Outputs of a Classifier to New a Priori Probabilities"
SINGULAR = 1e12  # condition number above which a confusion matrix cannot be inverted


def _prior(value: ArrayLike, name: str, k: int) -> Array:
    prior = vector(value, name, k)
    if prior.min() < 0 or abs(prior.sum() - 1) > ROW_SUM:
        raise InputError(f"{name} must be {k} shares >= 0 that sum to 1, got sum {prior.sum():g}")
    return prior


def _source_prior(value: ArrayLike, k: int) -> Array:
    prior = _prior(value, "source_prior", k)
    if prior.min() == 0:
        raise InputError(
            f"source_prior of class {prior.argmin()} is 0; a class never seen cannot be reweighted"
        )
    return prior


@method(
    kind="calibrator",
    title="Reweighting to other class shares",
    paper=SAERENS,
    formula=r"\frac{p_k\, t_k / s_k}{\sum_j p_j\, t_j / s_j}",
)
def reweight_priors(
    x: ArrayLike, source_prior: ArrayLike, target_prior: ArrayLike, *, kind: str = "probs"
) -> Array:
    """Probabilities for a population with other shares of the classes, (N, K).

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        source_prior: (K,) shares where the classifier was trained, > 0, sum 1.
        target_prior: (K,) shares where it is used, >= 0, sum 1.

    Raises:
        InputError: bad probabilities or shares, or a row all of whose classes have target share 0.
    """
    probs = probs_of(x, kind)
    source = _source_prior(source_prior, probs.shape[1])
    weighted = probs * (_prior(target_prior, "target_prior", probs.shape[1]) / source)
    total = weighted.sum(1, keepdims=True)
    if total.min() == 0:
        raise InputError(
            f"target_prior gives share 0 to every class that row {total.argmin()} of x holds possible"
        )
    return weighted / total


@method(
    kind="measure",
    title="Class shares by expectation maximisation",
    paper=SAERENS,
    formula=r"t_k \leftarrow \frac{1}{N} \sum_i \frac{p_{ik}\, t_k / s_k}{\sum_j p_{ij}\, t_j / s_j}",
    max_iter=Range(1, 10_000, step=1, log=True),
    tol=Range(1e-12, 1e-2, log=True),
)
def label_shift_em(
    x: ArrayLike,
    source_prior: ArrayLike,
    *,
    kind: str = "probs",
    max_iter: int = 1000,
    tol: float = 1e-10,
) -> Array:
    """Shares of the classes in unlabelled data, (K,), of highest likelihood.

    Args:
        x: (N, K) probabilities of the unlabelled data, or logits with ``kind="logits"``.
        source_prior: (K,) shares where the classifier was trained, > 0, sum 1; the start.
        max_iter: most steps, >= 1.
        tol: stops when no share changes by as much; > 0.

    Raises:
        InputError: bad probabilities, shares or options.
    """
    probs = probs_of(x, kind)
    source = _source_prior(source_prior, probs.shape[1])
    if not 0 < tol < np.inf:
        raise InputError(f"tol must be > 0 and finite, got {tol!r}")
    target, ratio = source, probs / source
    for _ in range(count("max_iter", max_iter)):
        weighted = ratio * target
        former, target = target, (weighted / weighted.sum(1, keepdims=True)).mean(0)
        if np.abs(target - former).max() < tol:
            break
    return target


@method(
    kind="measure",
    title="Class shares by black-box shift estimation",
    paper="Lipton et al. 2018, Detecting and Correcting for Label Shift with Black Box Predictors, "
    "arXiv:1802.03916",
    formula=r"w = \max(C^{-1} \mu, 0)",
)
def label_shift_bbse(
    source_preds: ArrayLike, source_labels: ArrayLike, target_preds: ArrayLike, n_classes: int
) -> Array:
    """By what factor each class is more frequent in the target data, (K,) >= 0.

    Args:
        source_preds: (n,) predicted labels of labelled data, integers in 0..K-1.
        source_labels: (n,) their labels.
        target_preds: (m,) predicted labels of the unlabelled data.
        n_classes: K >= 2.

    Raises:
        InputError: bad labels, or a confusion matrix that cannot be inverted: a class is missing
            among labels or predictions, or two are predicted alike.
    """
    k = count("n_classes", n_classes, least=2)
    given = vector(source_preds, "source_preds")
    preds = as_labels(given, len(given), k, "source_preds")
    labels = as_labels(source_labels, len(preds), k, "source_labels")
    there = vector(target_preds, "target_preds")
    mu = np.bincount(as_labels(there, len(there), k, "target_preds"), minlength=k) / len(there)
    confusion = np.bincount(preds * k + labels, minlength=k * k).reshape(k, k) / len(preds)
    if not np.linalg.cond(confusion) <= SINGULAR:
        raise InputError(
            "source_preds and source_labels have a confusion matrix that cannot be inverted; each class "
            "must be predicted and present, and no two predicted alike"
        )
    return np.maximum(np.linalg.solve(confusion, mu), 0)


@method(
    kind="measure",
    title="Calibration under shift",
    paper="Ovadia et al. 2019, Can You Trust Your Model's Uncertainty? Evaluating Predictive "
    "Uncertainty Under Dataset Shift, arXiv:1906.02530",
    n_bins=N_BINS,
)
def shift_report(
    logits_list: Sequence[ArrayLike], labels_list: Sequence[ArrayLike], *, n_bins: int = 15
) -> dict[str, Any]:
    """What a temperature fitted on the first data set does on that and on shifted ones.

    Args:
        logits_list: (N_i, K) scores of each data set, the unshifted one first.
        labels_list: (N_i,) labels of each.
        n_bins: equal-width bins of the calibration error, top label.

    Returns:
        "temperature" and "rows": for each data set a dict of ``accuracy``, ``ece``, ``ece_scaled``,
        ``nll`` and ``nll_scaled``.

    Raises:
        InputError: no data set, not as many labels as logits, or as in `fit_temperature`.
    """
    if len(logits_list) != len(labels_list) or len(logits_list) == 0:
        raise InputError(
            f"labels_list must have an entry for each of logits_list and at least one, got "
            f"{len(labels_list)} for {len(logits_list)}"
        )
    t = fit_temperature(logits_list[0], labels_list[0], n_bins=n_bins).temperature
    rows = []
    for logits, labels in zip(logits_list, labels_list, strict=True):
        z = as_logits(logits, "logits_list")
        y = as_labels(labels, len(z), z.shape[1], "labels_list")
        scaled = apply_temperature(z, t)
        rows.append(
            {
                "accuracy": float((z.argmax(1) == y).mean()),
                "ece": ece(z, y, kind="logits", n_bins=n_bins),
                "ece_scaled": ece(scaled, y, n_bins=n_bins),
                "nll": nll(z, y, kind="logits"),
                "nll_scaled": nll(z / t, y, kind="logits"),
            }
        )
    return {"temperature": t, "rows": rows}
