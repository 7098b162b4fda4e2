"""Prototypes as parts of images: similarity over a feature map, and the push onto real features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError
from clsviz.prototypes.checks import class_indices, columns_like, real_tensor
from clsviz.prototypes.networks import prototype_distances

PROTOPNET = "Chen et al. 2019, arXiv:1806.10574"


@dataclass(frozen=True, slots=True, eq=False)
class ProtoActivation:
    """How strongly, and where, each prototype is present in each image."""

    similarity: Tensor  # (N, M) at the best position, in [0, log(1/epsilon)]
    min_distance: Tensor  # (N, M) squared L2 at the best position
    argmin: Tensor  # (N, M, 2) int64 best position (row, column)
    similarity_map: Tensor  # (N, M, H, W)


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Prototypes after the push onto training features."""

    prototypes: Tensor  # (M, D) rows of the features
    indices: Tensor  # (M,) int64, which rows
    shift: Tensor  # (M,) L2 distance moved


@method(
    kind="probe",
    title="Prototype similarity map",
    paper=PROTOPNET + ", section 2.1",
    formula=r"s=\log\frac{d^2+1}{d^2+\epsilon},\quad d^2=\min_{h,w}\lVert z_{hw}-p\rVert^2",
    needs=("z_map", "prototypes"),
    epsilon=Range(1e-6, 0.1, log=True),
)
def protopnet_similarity(z_map: Tensor, prototypes: Tensor, *, epsilon: float = 1e-4) -> ProtoActivation:
    """Similarity of each prototype to the best matching position of each feature map.

    Args:
        z_map: (N, D, H, W) features.
        prototypes: (M, D).
        epsilon: > 0; the largest similarity is log(1 / epsilon).

    Raises:
        ShapeError: the feature dimensions disagree.
        InputError: `epsilon` <= 0, NaN or inf.
    """
    if not 0 < epsilon < float("inf"):
        raise InputError(f"epsilon must be > 0 and finite, got {epsilon!r}")
    z_map, prototypes = real_tensor(z_map, "z_map", 4), real_tensor(prototypes, "prototypes", 2)
    n, d, h, w = z_map.shape
    if prototypes.shape[1] != d:
        raise ShapeError(f"prototypes have {prototypes.shape[1]} features but z_map has {d} channels")
    distances = prototype_distances(z_map.permute(0, 2, 3, 1).reshape(-1, d), prototypes)
    distances = distances.reshape(n, h * w, -1).transpose(1, 2)  # (N, M, H*W)
    similarity_map = ((distances + 1) / (distances + epsilon)).log()
    min_distance = distances.amin(2)
    position = distances.argmin(2)
    argmin = torch.stack([position // w, position % w], dim=-1)
    similarity = ((min_distance + 1) / (min_distance + epsilon)).log()
    return ProtoActivation(similarity, min_distance, argmin, similarity_map.reshape(n, -1, h, w))


@method(
    kind="probe",
    title="Push onto training features",
    paper=PROTOPNET + ", section 2.2",
    formula=r"p_m\leftarrow\arg\min_{z:\,y(z)=c(m)}\lVert z-p_m\rVert",
    needs=("prototypes", "prototype_class", "features", "labels"),
)
@torch.no_grad()
def project_prototypes(
    prototypes: Tensor, prototype_class: Tensor, features: Tensor, labels: Tensor
) -> Projection:
    """Replaces each prototype by the nearest training feature of its own class.

    Args:
        prototypes: (M, D).
        prototype_class: (M,) int.
        features: (N, D).
        labels: (N,) int.

    Raises:
        ShapeError: lengths or widths disagree.
        InputError: a prototype's class has no features.
    """
    prototypes, features = real_tensor(prototypes, "prototypes", 2), real_tensor(features, "features", 2)
    columns_like(prototypes, "prototypes", features, "features")
    own = class_indices(prototype_class, "prototype_class", len(prototypes))
    labels = class_indices(labels, "labels", len(features))
    absent = sorted(set(own.tolist()) - set(labels.tolist()))
    if absent:
        raise InputError(f"prototype_class: no features of class {absent} to project onto")
    distances = prototype_distances(prototypes, features)
    distances[own[:, None] != labels] = torch.inf
    shift, indices = distances.min(1)
    return Projection(features[indices], indices, shift.sqrt())
