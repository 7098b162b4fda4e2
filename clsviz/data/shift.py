"""A validation part that no longer looks like the training part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError


@method(
    kind="transform",
    title="Covariate shift",
    paper="Hendrycks & Dietterich 2019, arXiv:1903.12261",
    needs=("dataset",),
    angle=Range(-180, 180, step=1, unit="degrees, 2-D data"),
    noise=Range(0, 2, step=0.05, unit="standard deviations of the training part"),
    right=Range(-4, 4, step=1, unit="pixels, images"),
    down=Range(-4, 4, step=1, unit="pixels, images"),
)
def with_shift(
    dataset: Dataset, *, angle: float = 0.0, noise: float = 0.0, right: int = 0, down: int = 0, seed: int = 0
) -> Dataset:
    """The same dataset with a validation part that is turned, moved or blurred by Gaussian noise.

    In this order: 2-D data are rotated by `angle` about the training mean; images are moved
    by `right` and `down` pixels, zeros come in; every feature gets Gaussian noise. The training
    part and all labels stay as they are. `bayes_error` becomes None.

    Args:
        dataset: what is shifted.
        angle: degrees, counter-clockwise; not 0 only for two features that are no image.
        noise: standard deviation, >= 0, in units of the training part's standard deviation over all
            features for images, of each feature otherwise.
        right: pixels to the right (negative: left), whole; not 0 only for images.
        down: pixels downwards (negative: up), whole; not 0 only for images.
        seed: of the noise.

    Raises:
        InputError: `angle` for data that is not 2-D, `right` or `down` without images, or a number
            that is not finite.
    """
    degrees, scale = checks.number(angle, "angle"), checks.number(noise, "noise", 0)
    steps = checks.count(down, "down", -(10**6)), checks.count(right, "right", -(10**6))
    seen, moved = dataset.X[dataset.train], dataset.X[dataset.validation].astype(np.float64)
    if degrees:
        if dataset.n_features != 2 or dataset.image_shape:
            raise InputError(f"angle turns 2-D data, but {dataset.name} has {dataset.n_features} features")
        centre, radians = seen.mean(axis=0, dtype=np.float64), np.deg2rad(degrees)
        cos, sin = np.cos(radians), np.sin(radians)
        moved = (moved - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    if any(steps):
        if dataset.image_shape is None:
            raise InputError(f"right and down move images, but {dataset.name} has none")
        moved = _moved(moved.reshape(-1, *dataset.image_shape), *steps).reshape(len(moved), -1)
    if scale:
        spread = seen.std(dtype=np.float64) if dataset.image_shape else seen.std(axis=0, dtype=np.float64)
        moved = moved + scale * spread * np.random.default_rng(seed).normal(size=moved.shape)
    X = dataset.X.copy()
    X[dataset.validation] = moved
    unchanged = not (degrees or scale or any(steps))
    if unchanged:
        return replace(dataset, X=X)
    return replace(dataset, X=X, bayes_error=None, tilt=None)


def _moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Images (N, H, W) moved by whole pixels; zeros come in."""
    height, width = images.shape[1:]
    rows, columns = np.arange(height) - down, np.arange(width) - right
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    return np.where(inside, images[:, rows.clip(0, height - 1)][:, :, columns.clip(0, width - 1)], 0.0)
