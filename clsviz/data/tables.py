"""Four real sets that come with scikit-learn, so nothing is downloaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data.dataset import Dataset
from clsviz.data.scale import standardised
from clsviz.data.split import stratified_split

VALIDATION = Range(0.1, 0.8, step=0.05)


@method(
    kind="data",
    title="Handwritten digits",
    paper="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",
    validation=VALIDATION,
)
def digits(*, validation: float = 0.4, seed: int = 0) -> Dataset:
    """1797 grey images of the digits 0 to 9, 8 x 8 pixels in [0, 1]."""
    bunch = _bunch("digits")
    names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return _dataset("digits", bunch.data / 16, bunch, names, validation, seed, image_shape=(8, 8))


@method(
    kind="data",
    title="Iris flowers",
    paper="Fisher 1936, The use of multiple measurements in taxonomic problems",
    validation=VALIDATION,
)
def iris(*, validation: float = 0.4, seed: int = 0) -> Dataset:
    """150 flowers of three species by four lengths, standardised; one species stands apart."""
    bunch = _bunch("iris")
    return standardised(_dataset("iris", bunch.data, bunch, tuple(bunch.feature_names), validation, seed))


@method(
    kind="data",
    title="Wine cultivars",
    paper="Aeberhard & Forina 1991, UCI Wine",
    validation=VALIDATION,
)
def wine(*, validation: float = 0.4, seed: int = 0) -> Dataset:
    """178 wines of three cultivars by 13 chemical measurements, standardised."""
    bunch = _bunch("wine")
    return standardised(_dataset("wine", bunch.data, bunch, tuple(bunch.feature_names), validation, seed))


@method(
    kind="data",
    title="Breast cancer (Wisconsin)",
    paper="Street, Wolberg & Mangasarian 1993, Nuclear feature extraction for breast tumor diagnosis",
    validation=VALIDATION,
)
def breast_cancer(*, validation: float = 0.4, seed: int = 0) -> Dataset:
    """569 tumours, malignant or benign, by 30 measurements of cell nuclei, standardised."""
    bunch = _bunch("breast_cancer")
    return standardised(
        _dataset("breast_cancer", bunch.data, bunch, tuple(bunch.feature_names), validation, seed)
    )


def _bunch(name: str) -> Any:
    # imported late: scikit-learn takes longer to import than all of clsviz
    return getattr(import_module("sklearn.datasets"), f"load_{name}")()


def _dataset(
    name: str,
    X: np.ndarray,
    bunch: Any,
    feature_names: tuple[str, ...],
    validation: float,
    seed: int,
    image_shape: tuple[int, int] | None = None,
) -> Dataset:
    y = bunch.target.astype(np.int64)
    train, held = stratified_split(y, validation=validation, seed=seed)
    classes = tuple(str(c) for c in bunch.target_names)
    return Dataset(
        name, X.astype(np.float32), y, train, held, classes, tuple(map(str, feature_names)), image_shape
    )
