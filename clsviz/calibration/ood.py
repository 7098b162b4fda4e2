"""Out-of-distribution scores and their measures. Higher is always more in-distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from clsviz.calibration.arrays import Native, beside, float64, group_ends, slices, to_numpy
from clsviz.calibration.inputs import Array, as_labels, count, finite, logit_blocks
from clsviz.calibration.temperature import TEMPERATURE
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError


def auroc(high: Native, low: Native) -> float:
    """P(high > low) + P(high = low) / 2."""
    xp = array_namespace(high)
    return _auroc(xp.sort(high), xp.sort(low))


def _auroc(high: Native, low: Native) -> float:
    """`auroc` of sorted scores: how many each of the fewer ones beats."""
    if len(low) < len(high):
        return 1 - _auroc(low, high)
    xp = array_namespace(high)
    wins = sum(int(xp.sum(xp.searchsorted(low, high, side=side))) for side in ("left", "right"))
    return wins / (2 * len(high) * len(low))


def _reached(positive: Native, negative: Native) -> tuple[Native, Native]:
    """How many of two sorted kinds of scores are at or above each distinct positive one, ascending."""
    xp = array_namespace(positive)
    ends = xp.nonzero(group_ends(positive))[0]
    hits = len(positive) - xp.concat([ends[:1] * 0, ends[:-1] + 1])
    return float64(hits), float64(len(negative) - xp.searchsorted(negative, positive[ends]))


def _average_precision(hits: Native, false: Native) -> float:
    """Step-wise area under precision and recall, of `_reached`: other cuts add no recall."""
    xp = array_namespace(hits)
    new = hits - xp.concat([hits[1:], hits[:1] * 0])
    return float(xp.sum(new * (hits / (hits + false)))) / int(hits[0])


@dataclass(frozen=True, slots=True)
class OODMetrics:
    """How well a score tells in- from out-of-distribution; in-distribution is positive."""

    auroc: float
    fpr: float  # share of OOD at or above the threshold
    threshold: float  # score that the wanted share of ID reaches
    aupr_in: float
    aupr_out: float
    detection_error: float


@method(
    kind="measure",
    title="Out-of-distribution detection",
    paper="Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples and "
    "Adversarial Attacks, arXiv:1807.03888",
    tpr=Range(0.5, 1),
)
def ood_metrics(scores_id: ArrayLike, scores_ood: ArrayLike, *, tpr: float = 0.95) -> OODMetrics:
    """AUROC, false positive rate, precision areas and detection error of a score.

    Args:
        scores_id: (n,) scores of in-distribution samples, higher is more in-distribution.
        scores_ood: (m,) scores of the others.
        tpr: share of in-distribution samples that must be kept, in (0, 1].

    Raises:
        InputError: empty or not finite scores, or tpr outside (0, 1].
    """
    if not 0 < tpr <= 1:
        raise InputError(f"tpr must be in (0, 1], got {tpr!r}")
    inside = _scores(scores_id, "scores_id")
    outside = beside(_scores(scores_ood, "scores_ood"), inside)
    xp = array_namespace(inside)
    inside, outside = xp.sort(inside), xp.sort(outside)
    n, m = len(inside), len(outside)
    threshold = inside[n - max(1, int(np.ceil(tpr * n - 1e-9)))]
    hits, false = _reached(inside, outside)
    # The best cut is an ID score or above all: any other may rise to the next one.
    errors = (1 - hits / n) + false / m
    return OODMetrics(
        auroc=_auroc(inside, outside),
        fpr=1 - int(xp.searchsorted(outside, threshold[None])[0]) / m,
        threshold=float(threshold),
        aupr_in=_average_precision(hits, false),
        aupr_out=_average_precision(*_reached(xp.flip(-outside), xp.flip(-inside))),
        detection_error=min(0.5, float(xp.min(errors)) / 2),
    )


def _scores(value: ArrayLike, name: str) -> Native:
    """(n,) float64 scores on their own device."""
    scores = float64(finite(value, name))
    if scores.ndim != 1:
        raise ShapeError(f"{name} must be (N,), got {tuple(scores.shape)}")
    return scores


@method(
    kind="measure",
    title="Detection of familiar and unfamiliar content",
    paper="Can Pre-trained Networks Detect Familiar Out-of-Distribution Data?, arXiv:2310.00847",
    tpr=Range(0.5, 1),
)
def pt_ood_report(
    scores_id: ArrayLike, scores_ood: ArrayLike, familiar: ArrayLike, *, tpr: float = 0.95
) -> dict[str, OODMetrics | None]:
    """`ood_metrics` of all OOD rows and of those pre-training had and had not seen.

    Args:
        scores_id, scores_ood, tpr: as in `ood_metrics`.
        familiar: (m,) bool per OOD row, whether the pre-training set held such content.

    Returns:
        Metrics under "all", "familiar" and "unfamiliar"; None where a split is empty.

    Raises:
        InputError: as in `ood_metrics`, or familiar of another length or not boolean.
    """
    outside = _scores(scores_ood, "scores_ood")
    known = beside(finite(familiar, "familiar", len(outside)), outside)
    if not bool(((known == 0) | (known == 1)).all()):
        raise InputError("familiar must be True or False for each row of scores_ood")
    splits = {"all": outside, "familiar": outside[known == 1], "unfamiliar": outside[known == 0]}
    return {k: ood_metrics(scores_id, s, tpr=tpr) if len(s) else None for k, s in splits.items()}


@method(
    kind="measure",
    title="Maximum softmax probability",
    paper="Hendrycks and Gimpel 2017, A Baseline for Detecting Misclassified and Out-of-Distribution "
    "Examples in Neural Networks, arXiv:1610.02136",
    formula=r"\max_k \mathrm{softmax}(z)_k",
)
def msp_score(logits: ArrayLike) -> Array:
    """Top probability of each row, (N,), in [1/K, 1].

    Args:
        logits: (N, K), or (N,) for two classes.

    Raises:
        InputError: bad logits.
    """
    return np.concatenate([1 / to_numpy(_exp_sums(z, 1.0)[1]) for z in logit_blocks(logits)])


@method(
    kind="measure",
    title="Maximum logit",
    paper="Hendrycks et al. 2022, Scaling Out-of-Distribution Detection for Real-World Settings, "
    "arXiv:1911.11132",
    formula=r"\max_k z_k",
)
def max_logit_score(logits: ArrayLike) -> Array:
    """Largest logit of each row, (N,). Argument and errors as in `msp_score`."""
    return np.concatenate([to_numpy(array_namespace(z).max(z, axis=0)) for z in logit_blocks(logits)])


@method(
    kind="measure",
    title="Energy score",
    paper="Liu et al. 2020, Energy-based Out-of-distribution Detection, arXiv:2010.03759",
    formula=r"T \log \sum_k e^{z_k / T}",
    temperature=TEMPERATURE,
)
def energy_score(logits: ArrayLike, *, temperature: float = 1.0) -> Array:
    """Minus the free energy of each row, (N,); tends to the largest logit as T falls.

    Args:
        logits: (N, K), or (N,) for two classes.
        temperature: T > 0.

    Raises:
        InputError: bad logits, or a temperature that is not above 0.
    """
    if not 0 < temperature < np.inf:
        raise InputError(f"temperature must be > 0 and finite, got {temperature!r}")
    parts = []
    for z in logit_blocks(logits):
        top, total = _exp_sums(z, temperature)
        parts.append(to_numpy(top + temperature * array_namespace(z).log(total)))
    return np.concatenate(parts)


def _exp_sums(z: Native, temperature: float) -> tuple[Native, Native]:
    """Largest logit of each column of a (K, n) block, and the sum of e^((z - largest) / T)."""
    xp = array_namespace(z)
    top = xp.max(z, axis=0)
    return top, xp.sum(xp.exp((z - top) / temperature), axis=0)


def _features(value: ArrayLike, name: str, like: Native | None = None) -> Native:
    """(N, d) float64 features, (N,) is d = 1; of the width of others and beside them, where given."""
    array = float64(finite(value, name))
    array = array[:, None] if array.ndim == 1 else array
    width = None if like is None else like.shape[1]
    if array.ndim != 2 or width not in (None, array.shape[1]):
        raise ShapeError(f"{name} must be (N, {'d' if width is None else width}), got {tuple(array.shape)}")
    return array if like is None else beside(array, like)


@method(
    kind="measure",
    title="Mahalanobis score",
    paper="Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples and "
    "Adversarial Attacks, arXiv:1807.03888; Ren et al. 2021, arXiv:2106.09022",
    formula=r"-\min_k (f - \mu_k)^\top \Sigma^{-1} (f - \mu_k)",
    ridge=Range(0, 1),
)
def mahalanobis_score(
    train_features: ArrayLike,
    train_labels: ArrayLike,
    features: ArrayLike,
    *,
    ridge: float = 0.0,
    relative: bool = False,
) -> Array:
    """Minus the squared distance to the nearest class mean, in the classes' shared covariance.

    Args:
        train_features: (n, d). train_labels: (n,) integers >= 0.
        features: (N, d) to score.
        ridge: added to the diagonal of the covariance; >= 0.
        relative: subtract the distance to the global mean in the global covariance.

    Raises:
        InputError: bad shapes or labels, or ridge < 0.
    """
    if not 0 <= ridge < np.inf:
        raise InputError(f"ridge must be >= 0 and finite, got {ridge!r}")
    train = _features(train_features, "train_features")
    y = as_labels(train_labels, len(train), np.iinfo(np.int64).max, "train_labels")
    f = _features(features, "features", train)
    classes, where = np.unique(y, return_inverse=True)
    xp = array_namespace(train)
    means = xp.stack([xp.mean(train[beside(where == k, train)], axis=0) for k in range(len(classes))])
    nearest = _distances(f, means, train - means[beside(where, train)], ridge).min(1)
    if not relative:
        return -nearest
    centre = xp.mean(train, axis=0)[None]
    return _distances(f, centre, train - centre, ridge)[:, 0] - nearest


def _distances(f: Native, means: Native, residual: Native, ridge: float) -> Array:
    """(N, M) squared distances to the means in the covariance of the residuals."""
    covariance = to_numpy(residual.T @ residual) / len(residual) + ridge * np.eye(f.shape[1])
    inverse = beside(np.linalg.pinv(covariance, hermitian=True), f)
    xp = array_namespace(f)
    found = []
    for part in slices(len(f), f.shape[1], f):
        gaps = (f[part] - mean for mean in means)
        found.append(to_numpy(xp.stack([xp.sum((gap @ inverse) * gap, axis=1) for gap in gaps], axis=1)))
    return np.concatenate(found)


@method(
    kind="measure",
    title="Nearest-neighbour score",
    paper="Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors, arXiv:2204.06507",
    formula=r"-\| f - f_{(k)} \|_2",
    k=Range(1, 50, step=1),
)
def knn_ood_score(
    train_features: ArrayLike, features: ArrayLike, *, k: int = 5, normalize: bool = True
) -> Array:
    """Minus the distance to the k-th nearest training sample, (N,).

    Args:
        train_features: (n, d). features: (N, d) to score.
        k: which neighbour, 1..n.
        normalize: scale rows to length 1 first.

    Raises:
        InputError: bad shapes, k outside 1..n, or a zero row with normalize.
    """
    train = _features(train_features, "train_features")
    f = _features(features, "features", train)
    k = count("k", k)
    if k > len(train):
        raise InputError(f"k must be at most the {len(train)} rows of train_features, got {k}")
    if normalize:
        train, f = _unit(train, "train_features"), _unit(f, "features")
    found = []
    for part in slices(len(f), len(train), f):
        if isinstance(f, np.ndarray):
            found.append(np.partition(cdist(f[part], train), k - 1, axis=1)[:, k - 1])
        else:
            xp = array_namespace(f)
            apart = xp.cdist(f[part], train, compute_mode="donot_use_mm_for_euclid_dist")
            found.append(to_numpy(xp.kthvalue(apart, k, dim=1).values))
    return -np.concatenate(found)


def _unit(rows: Native, name: str) -> Native:
    xp = array_namespace(rows)
    norm = xp.sqrt(xp.sum(rows * rows, axis=1))[:, None]
    if bool((norm == 0).any()):
        raise InputError(f"{name} holds a zero row, which has no direction; use normalize=False")
    return rows / norm
