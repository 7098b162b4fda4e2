"""What every layer above passes along as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from clsviz.errors import ShapeError

_SAME = np.zeros(0, np.int64)  # stands for "the same as y"


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples with labels, a split, and the names to show them by.

    `y` are the labels that training sees (after label noise), `y_clean` those before it.
    N samples, D features (images are flattened row-major), K classes.

    Some losses are not trained on `y`: those of several labels on `label_sets`, those of numbers on
    `values`. `y` is then what views show. Label noise changes `y` alone.

    Raises:
        ShapeError: `label_sets`, `values` or `unlabelled` does not go with X and the classes.
    """

    name: str
    X: np.ndarray  # (N, D) float32
    y: np.ndarray  # (N,) int64 in [0, K)
    train: np.ndarray  # (n,) int64 indices into X, ascending
    validation: np.ndarray  # (m,) int64 indices into X, ascending, disjoint from train
    class_names: tuple[str, ...]  # K names; absent classes keep theirs
    feature_names: tuple[str, ...]  # D names
    image_shape: tuple[int, int] | None = None  # (height, width) when samples are grey images
    y_clean: np.ndarray = field(default_factory=lambda: _SAME)  # (N,) int64; y where nothing was changed
    bayes_error: float | None = None  # known for toys with a known Bayes rule, in [0, 1]
    label_sets: np.ndarray | None = None  # (N, K) float32 in {0, 1}: all labels of each sample
    values: np.ndarray | None = None  # (N,) float32: a number for each sample
    tilt: Mapping[str, float] | None = None  # what a set with controlled tilt was drawn with, see `tilted`
    unlabelled: np.ndarray | None = None  # (M, D) float32: samples without labels, perhaps from elsewhere

    def __post_init__(self) -> None:
        if self.y_clean is _SAME:
            object.__setattr__(self, "y_clean", self.y)
        n = len(self.y)
        for name, shape in (("label_sets", (n, self.n_classes)), ("values", (n,))):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ShapeError(f"{name} must be {shape} for {self.name}, but has shape {array.shape}")
        far = self.unlabelled
        if far is not None and (far.ndim != 2 or not len(far) or far.shape[1] != self.n_features):
            raise ShapeError(
                f"unlabelled must be (M, {self.n_features}) for {self.name}, but has shape {far.shape}"
            )

    @property
    def n_features(self) -> int:
        return int(self.X.shape[1])

    @property
    def n_classes(self) -> int:
        return len(self.class_names)
