"""A few real samples that stand for many: medoids, herding, greedy k-centres."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from clsviz.catalogue import Range, method
from clsviz.errors import InputError
from clsviz.prototypes.checks import class_indices, count, first_smallest, real_tensor
from clsviz.prototypes.networks import prototype_distances


class KCenter(NamedTuple):
    """Chosen centres and how far the worst sample is from its nearest one."""

    indices: Tensor  # (k,) int64, in order of choice
    radius: float  # true L2, in units of the features


@method(
    kind="probe",
    title="Class medoids",
    paper="Kaufman & Rousseeuw 1987, Clustering by means of medoids",
    formula=r"\arg\min_{i:\,y_i=c}\sum_{j:\,y_j=c}\lVert x_i-x_j\rVert",
    needs=("features", "labels"),
)
@torch.no_grad()
def class_medoids(features: Tensor, labels: Tensor, num_classes: int | None = None) -> Tensor:
    """For each class the sample with the smallest sum of L2 distances to the others of its class.

    Args:
        features: (N, D).
        labels: (N,) int in [0, C).
        num_classes: C; None means largest label + 1.

    Returns:
        (C,) int64 indices into `features`; ties give the lowest; -1 for a class without samples.

    Raises:
        ShapeError: lengths disagree.
        InputError: a label outside [0, C), NaN or inf.
    """
    features = real_tensor(features, "features", 2).double()
    if num_classes is not None:
        num_classes = count(num_classes, "num_classes")
    labels = class_indices(labels, "labels", len(features), num_classes).to(features.device)
    medoids = []
    for c in range(num_classes or int(labels.max()) + 1):
        members = (labels == c).nonzero()[:, 0]
        if not len(members):
            medoids.append(-1)
            continue
        own = features[members]
        sums = prototype_distances(own, own).sqrt().sum(1)
        medoids.append(int(members[first_smallest(sums)]))
    return torch.tensor(medoids, dtype=torch.int64)


@method(
    kind="probe",
    title="Herding",
    paper="Rebuffi et al. 2017, arXiv:1611.07725, algorithm 4",
    formula=r"i_k=\arg\min_i\Big\lVert\mu-\tfrac1k\big(\varphi_i+\sum_{j<k}\varphi_{i_j}\big)\Big\rVert",
    needs=("features", "m"),
    m=Range(1, 100, step=1),
)
@torch.no_grad()
def herding(features: Tensor, m: int) -> Tensor:
    """Greedy choice of samples whose mean follows the mean of all.

    Args:
        features: (N, D).
        m: how many, 1 <= m <= N.

    Returns:
        (m,) int64 indices in order of choice, without repeats; ties give the lowest.

    Raises:
        InputError: m < 1 or m > N, NaN or inf.
    """
    features = real_tensor(features, "features", 2).double()
    m = count(m, "m", most=len(features))
    mean, total = features.mean(0), torch.zeros_like(features[0])
    chosen: list[int] = []
    for k in range(1, m + 1):
        error = (mean - (total + features) / k).norm(dim=1)
        error[chosen] = torch.inf
        chosen.append(first_smallest(error))
        total += features[chosen[-1]]
    return torch.tensor(chosen, dtype=torch.int64)


@method(
    kind="probe",
    title="Greedy k-centres",
    paper="Sener & Savarese 2018, arXiv:1708.00489, algorithm 1",
    formula=r"i_k=\arg\max_i\min_{j<k}\lVert x_i-x_{i_j}\rVert",
    needs=("features", "k"),
    k=Range(1, 100, step=1),
)
@torch.no_grad()
def kcenter_greedy(features: Tensor, k: int, *, first: int = 0) -> KCenter:
    """Each next centre is the sample farthest from those chosen; radius at most twice the best.

    Args:
        features: (N, D).
        k: how many, 1 <= k <= N.
        first: index of the first centre, in [0, N).

    Raises:
        InputError: k < 1 or k > N, `first` outside [0, N), NaN or inf.
    """
    features = real_tensor(features, "features", 2).double()
    k = count(k, "k", most=len(features))
    if int(first) != first or not 0 <= first < len(features):
        raise InputError(f"first must be an index in 0..{len(features) - 1}, got {first!r}")
    chosen = [int(first)]
    nearest = (features - features[chosen[0]]).norm(dim=1)
    while len(chosen) < k:
        distance = nearest.clone()
        distance[chosen] = -torch.inf  # no repeats, also among equal samples
        chosen.append(first_smallest(-distance))
        nearest = torch.minimum(nearest, (features - features[chosen[-1]]).norm(dim=1))
    return KCenter(torch.tensor(chosen, dtype=torch.int64), float(nearest.max()))
