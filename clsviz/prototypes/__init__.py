"""Classifying by prototypes: networks that learn them, means and medoids, and the gallery of all."""

from clsviz.prototypes.exemplars import KCenter, class_medoids, herding, kcenter_greedy
from clsviz.prototypes.gallery import GalleryItem, PrototypeGallery, build_gallery
from clsviz.prototypes.losses import PrototypeLosses, prototype_losses
from clsviz.prototypes.means import NearestMean, NearestMeanClassifier, TwoMeans, nearest_mean, two_means
from clsviz.prototypes.networks import (
    PrototypeAutoencoder,
    PrototypeOutput,
    logits_of,
    prototype_distances,
)
from clsviz.prototypes.patches import (
    Projection,
    ProtoActivation,
    project_prototypes,
    protopnet_similarity,
)

__all__ = [
    "GalleryItem",
    "KCenter",
    "NearestMean",
    "NearestMeanClassifier",
    "Projection",
    "ProtoActivation",
    "PrototypeAutoencoder",
    "PrototypeGallery",
    "PrototypeLosses",
    "PrototypeOutput",
    "TwoMeans",
    "build_gallery",
    "class_medoids",
    "herding",
    "kcenter_greedy",
    "logits_of",
    "nearest_mean",
    "project_prototypes",
    "protopnet_similarity",
    "prototype_distances",
    "prototype_losses",
    "two_means",
]
