"""Classification by the nearest class mean, at once or from a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError
from clsviz.prototypes.checks import class_indices, columns_like, count, real_tensor
from clsviz.prototypes.networks import prototype_distances

METRICS = ("l2", "cosine")


@dataclass(frozen=True, slots=True, eq=False)
class NearestMean:
    """Class means and what they say about the queries; NaN for classes without samples."""

    means: Tensor  # (C, D)
    distances: Tensor  # (Q, C) true L2, or 1 - cosine
    predictions: Tensor  # (Q,) int64, never an absent class


def feature_distances(a: Tensor, b: Tensor, metric: str) -> Tensor:
    """Distances (N, M) between rows: true L2, or 1 - cosine with norms clamped to 1e-12.

    Raises:
        InputError: `metric` is neither "l2" nor "cosine".
    """
    if metric == "l2":
        return prototype_distances(a, b).sqrt()
    if metric == "cosine":
        a, b = (rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12) for rows in (a, b))
        return 1 - a @ b.T
    raise InputError(f"metric must be one of {METRICS}, got {metric!r}")


def _classify(means: Tensor, present: Tensor, queries: Tensor, metric: str) -> tuple[Tensor, Tensor]:
    distances = queries.new_full((len(queries), len(means)), torch.nan)
    distances[:, present] = feature_distances(queries, means[present], metric)
    nearest = distances[:, present].argmin(1)
    return distances, present.nonzero()[:, 0][nearest]


class NearestMeanClassifier:
    """Nearest class mean from running sums: the order and batches of the stream do not matter.

    Args:
        metric: "l2" (true distance) or "cosine" (1 - cosine); means are of raw features in both.
        num_classes: number of classes C; None lets it grow with the labels.
    """

    def __init__(self, *, metric: str = "l2", num_classes: int | None = None) -> None:
        if metric not in METRICS:
            raise InputError(f"metric must be one of {METRICS}, got {metric!r}")
        self.metric = metric
        self.num_classes = None if num_classes is None else count(num_classes, "num_classes")
        self.sums = torch.zeros(self.num_classes or 0, 0, dtype=torch.float64)  # (C, D)
        self.counts = torch.zeros(self.num_classes or 0, dtype=torch.int64)  # (C,)

    @property
    def means(self) -> Tensor:
        """(C, D) float64, NaN for classes not seen yet."""
        return self.sums / self.counts[:, None].where(self.counts[:, None] > 0, torch.nan)

    @torch.no_grad()
    def partial_fit(self, features: Tensor, labels: Tensor) -> NearestMeanClassifier:
        """Adds samples (N, D) with labels (N,) to the running means.

        Raises:
            ShapeError: the number of features changed, or lengths disagree.
            InputError: a label is outside [0, num_classes).
        """
        features = real_tensor(features, "features", 2).double().cpu()
        labels = class_indices(labels, "labels", len(features), self.num_classes).cpu()
        if self.sums.shape[1] not in (0, features.shape[1]):
            raise ShapeError(f"features had {self.sums.shape[1]} columns so far, now {features.shape[1]}")
        classes = max(len(self.counts), int(labels.max()) + 1)
        sums = features.new_zeros(classes, features.shape[1])
        counts = self.counts.new_zeros(classes)
        if self.sums.shape[1]:
            sums[: len(self.sums)] = self.sums
        counts[: len(self.counts)] = self.counts
        self.sums = sums.index_add_(0, labels, features)
        self.counts = counts + labels.bincount(minlength=classes)
        return self

    @torch.no_grad()
    def predict(self, queries: Tensor) -> Tensor:
        """Class (Q,) int64 of the nearest mean among the classes seen, ties to the lowest.

        Raises:
            InputError: nothing was fitted yet.
            ShapeError: queries have another number of features.
        """
        if not int(self.counts.sum()):
            raise InputError("predict: no class mean yet; call partial_fit first")
        queries = real_tensor(queries, "queries", 2).double().cpu()
        columns_like(queries, "queries", self.sums, "features")
        return _classify(self.means, self.counts > 0, queries, self.metric)[1]


@method(
    kind="probe",
    title="Nearest mean",
    paper="Janson et al. 2022, arXiv:2210.04428",
    formula=r"\hat y(q)=\arg\min_c\lVert q-\mu_c\rVert",
    needs=("features", "labels", "queries"),
    metric=METRICS,
)
@torch.no_grad()
def nearest_mean(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    *,
    metric: str = "l2",
    num_classes: int | None = None,
) -> NearestMean:
    """Class means of the features and the nearest one to each query.

    Args:
        features: (N, D).
        labels: (N,) int in [0, C).
        queries: (Q, D).
        metric: "l2" (true distance) or "cosine" (1 - cosine).
        num_classes: C; None means largest label + 1.

    Returns:
        NearestMean; mean and distance of an absent class are NaN.

    Raises:
        ShapeError: lengths or widths disagree.
        InputError: unknown `metric`, a label outside [0, C), NaN or inf.
    """
    features, queries = real_tensor(features, "features", 2), real_tensor(queries, "queries", 2)
    columns_like(queries, "queries", features, "features")
    classifier = NearestMeanClassifier(metric=metric, num_classes=num_classes)
    means = classifier.partial_fit(features, labels).means.to(features)
    present = classifier.counts.to(features.device) > 0
    return NearestMean(means, *_classify(means, present, queries.to(features), metric))


class TwoMeans(NamedTuple):
    """Up to two means for each class that occurs, in the order of the classes."""

    means: Tensor  # (M, D) float64
    classes: Tensor  # (M,) int64


@method(
    kind="probe",
    title="Two means per class",
    paper="Pearson 1901, On lines and planes of closest fit (the axis of the split)",
    formula=r"\mu_{c\pm}=\operatorname{mean}\{x_i:y_i=c,\ \pm\langle x_i-\mu_c,v_c\rangle\ge 0\}",
    needs=("features", "labels"),
)
@torch.no_grad()
def two_means(features: Tensor, labels: Tensor) -> TwoMeans:
    """The means of the two halves of each class, split at its mean across its first principal axis.

    Deterministic: the axis has its entry of largest magnitude positive, the half on its negative side
    comes first. A class whose samples do not differ keeps one mean.

    Args:
        features: (N, D).
        labels: (N,) int >= 0.

    Raises:
        ShapeError: lengths disagree.
        InputError: NaN or inf, negative labels.
    """
    features = real_tensor(features, "features", 2).double()
    labels = class_indices(labels, "labels", len(features))
    means, classes = [], []
    for c in sorted(set(labels.tolist())):
        own = features[labels == c]
        centred = own - own.mean(0)
        axis = torch.linalg.svd(centred, full_matrices=False).Vh[0]
        axis = axis * axis[axis.abs().argmax()].sign()
        below = centred @ axis < 0
        for half in (own[below], own[~below]):
            if len(half):
                means.append(half.mean(0))
                classes.append(c)
    return TwoMeans(torch.stack(means), torch.tensor(classes))
