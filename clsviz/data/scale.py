"""Features on one scale, so that gradient descent sees them alike."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from clsviz.data.dataset import Dataset

UNIT = re.compile(r"\s*\([^)]*\)$")  # " (cm)" at the end of a feature's name


def standardised(dataset: Dataset) -> Dataset:
    """A copy whose features have mean 0 and standard deviation 1 over the training part, unlabelled ones too.

    A feature that never varies there becomes 0. Units in parentheses leave the features' names: a value
    then counts standard deviations.
    """
    train = dataset.X[dataset.train].astype(np.float64)
    centre, spread = train.mean(0), train.std(0)
    unit = np.where(spread > 0, spread, 1)
    X = (dataset.X - centre) / unit
    far = dataset.unlabelled
    far = None if far is None else ((far - centre) / unit).astype(np.float32)
    names = tuple(UNIT.sub("", name) for name in dataset.feature_names)
    return replace(dataset, X=X.astype(np.float32), feature_names=names, unlabelled=far, tilt=None)
