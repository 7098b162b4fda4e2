"""Data sets, toys with a known Bayes rule, your own arrays, and what can go wrong with data."""

from clsviz.data.arrays import encode_labels, from_arrays
from clsviz.data.dataset import Dataset
from clsviz.data.imbalance import (
    long_tail_counts,
    subsample_counts,
    undersample,
    with_imbalance,
    zipf_frequencies,
)
from clsviz.data.load import load, names
from clsviz.data.mixture import Mixture, MixturePosterior, gaussian_mixture_posterior
from clsviz.data.noise import NoisyLabels, label_noise, noise_matrix, with_label_noise
from clsviz.data.ood import ood_gaussian, ood_shuffled, ood_turned, ood_uniform, outside
from clsviz.data.roc import RocHull, roc_hull
from clsviz.data.scale import standardised
from clsviz.data.shift import with_shift
from clsviz.data.split import stratified_split
from clsviz.data.tables import breast_cancer, digits, iris, wine
from clsviz.data.toys import blobs, circles, gaussians, moons, spirals, toy_mixture, xor

# after the toys: the order of import is the order of the menus
from clsviz.data.tilted import tilted  # isort: skip
from clsviz.data.targets import discs, ordinal, wave  # isort: skip
from clsviz.data.one_class import one_class, one_digit  # isort: skip
from clsviz.data.domains import shortcut, two_domains  # isort: skip

__all__ = [
    "Dataset",
    "Mixture",
    "MixturePosterior",
    "NoisyLabels",
    "RocHull",
    "blobs",
    "breast_cancer",
    "circles",
    "digits",
    "discs",
    "encode_labels",
    "from_arrays",
    "gaussian_mixture_posterior",
    "gaussians",
    "iris",
    "label_noise",
    "load",
    "long_tail_counts",
    "moons",
    "names",
    "noise_matrix",
    "one_class",
    "one_digit",
    "ood_gaussian",
    "ood_shuffled",
    "ood_turned",
    "ood_uniform",
    "ordinal",
    "outside",
    "roc_hull",
    "shortcut",
    "spirals",
    "standardised",
    "stratified_split",
    "subsample_counts",
    "tilted",
    "toy_mixture",
    "two_domains",
    "undersample",
    "wave",
    "wine",
    "with_imbalance",
    "with_label_noise",
    "with_shift",
    "xor",
    "zipf_frequencies",
]
