"""The gallery: what each prototype looks like, which training samples are nearest, what it votes for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError
from clsviz.prototypes.checks import class_indices, columns_like, count, real_tensor
from clsviz.prototypes.means import feature_distances

KINDS = ("decoded", "patch", "exemplar", "medoid", "support", "trivial", "mean", "condensed")
EPSILON = 1e-4  # of ProtoPNet's similarity log((d^2 + 1) / (d^2 + epsilon))


@dataclass(frozen=True, slots=True, eq=False)
class GalleryItem:
    """One tile; None where the gallery was built without the thing that fills the field."""

    kind: str  # one of decoded, patch, exemplar, medoid, support, trivial, mean, condensed
    class_index: int  # the class it is coloured by
    class_weight: Tensor | None  # (C,) its weights in the last layer
    image: Tensor | None  # decoded, or the image of its source (else nearest) training sample
    latent: Tensor  # (D,) the prototype itself
    similarity: float | None  # to the query; l2: log((d^2+1)/(d^2+1e-4)), cosine: the cosine
    nearest_indices: Tensor  # (k,) int64
    nearest_distances: Tensor  # (k,) ascending
    nearest_labels: Tensor  # (k,) int64
    source_index: int | None  # training sample that the prototype is, if it is one


@dataclass(frozen=True, slots=True, eq=False)
class PrototypeGallery:
    """M tiles and, for all of them at once, their nearest training samples."""

    items: tuple[GalleryItem, ...]
    nearest_indices: Tensor  # (M, k) int64
    nearest_distances: Tensor  # (M, k) true L2 or 1 - cosine, ascending, stable
    nearest_labels: Tensor  # (M, k) int64


@method(
    kind="probe",
    title="Prototype gallery",
    paper="Li, Liu, Chen & Rudin 2018, arXiv:1710.04806, section 4",
    formula=r"\operatorname{rank}_n\lVert p_m-z_n\rVert",
    needs=("prototypes", "train_features", "train_labels"),
    k=Range(1, 20, step=1),
    metric=("l2", "cosine"),
)
@torch.no_grad()
def build_gallery(
    prototypes: Tensor,
    train_features: Tensor,
    train_labels: Tensor,
    *,
    k: int = 3,
    metric: str = "l2",
    decoder: Callable[[Tensor], Tensor] | None = None,
    images: Tensor | None = None,
    class_weights: Tensor | None = None,
    query: Tensor | None = None,
    kind: str | None = None,
    prototype_class: Tensor | None = None,
) -> PrototypeGallery:
    """Tiles for prototypes of any origin, with their k nearest training samples.

    Args:
        prototypes: (M, D).
        train_features: (N, D), in the same space.
        train_labels: (N,) int.
        k: neighbours under each tile, 1 <= k <= N.
        metric: "l2" (true distance) or "cosine" (1 - cosine).
        decoder: (M, D) -> (M, ...) images; a module is called in eval mode and left as found.
        images: (N, ...) images of the training samples.
        class_weights: (M, C), one row per prototype (the last layer's weight transposed).
        query: (D,) sample to compare with.
        kind: what the prototypes are; None: "decoded" with a decoder, else "exemplar" where the
            prototype is a training sample, else "mean".
        prototype_class: (M,) int; None: the label of the nearest training sample.

    Raises:
        ShapeError: lengths or widths disagree.
        InputError: k > N, unknown `metric` or `kind`, NaN or inf.
    """
    prototypes = real_tensor(prototypes, "prototypes", 2)
    features = real_tensor(train_features, "train_features", 2)
    columns_like(prototypes, "prototypes", features, "train_features")
    labels = class_indices(train_labels, "train_labels", len(features))
    k = count(k, "k", most=len(features))
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind must be one of {KINDS}, got {kind!r}")
    if images is not None and len(images) != len(features):
        raise ShapeError(f"images has {len(images)} rows but train_features has {len(features)}")
    if class_weights is not None:
        class_weights = real_tensor(class_weights, "class_weights", 2)
        if len(class_weights) != len(prototypes):
            raise ShapeError(
                f"class_weights must have one row per prototype ({len(prototypes)}), "
                f"got {tuple(class_weights.shape)}; transpose the last layer's weight"
            )
    if prototype_class is not None:
        prototype_class = class_indices(prototype_class, "prototype_class", len(prototypes))

    distances, indices = feature_distances(prototypes, features, metric).sort(dim=1, stable=True)
    distances, indices = distances[:, :k], indices[:, :k]
    near_labels = labels.to(indices.device)[indices]
    decoded = None if decoder is None else _decode(decoder, prototypes)
    similarity = None if query is None else _similarity(prototypes, query, metric)

    items = []
    for m, prototype in enumerate(prototypes):
        same = (features == prototype).all(1).nonzero()[:, 0]
        source = int(same[0]) if len(same) else None
        own_kind = kind or ("decoded" if decoder else "mean" if source is None else "exemplar")
        image = None
        if decoded is not None:
            image = decoded[m]
        elif images is not None:
            image = images[int(indices[m, 0]) if source is None else source]
        items.append(
            GalleryItem(
                kind=own_kind,
                class_index=int(near_labels[m, 0] if prototype_class is None else prototype_class[m]),
                class_weight=None if class_weights is None else class_weights[m],
                image=image,
                latent=prototype,
                similarity=None if similarity is None else float(similarity[m]),
                nearest_indices=indices[m],
                nearest_distances=distances[m],
                nearest_labels=near_labels[m],
                source_index=source,
            )
        )
    return PrototypeGallery(tuple(items), indices, distances, near_labels)


def _similarity(prototypes: Tensor, query: Tensor, metric: str) -> Tensor:
    query = real_tensor(query, "query", 1)
    columns_like(query, "query", prototypes, "prototypes")
    distance = feature_distances(prototypes, query[None].to(prototypes), metric)[:, 0]
    if metric == "cosine":
        return 1 - distance
    return ((distance.square() + 1) / (distance.square() + EPSILON)).log()


def _decode(decoder: Callable[[Tensor], Tensor], prototypes: Tensor) -> Tensor:
    if not isinstance(decoder, nn.Module):
        return decoder(prototypes)
    modes = [(module, module.training) for module in decoder.modules()]
    decoder.eval()
    try:
        return decoder(prototypes)
    finally:
        for module, training in modes:
            module.training = training
