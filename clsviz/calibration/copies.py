"""Copies of samples that should keep their class: how a classifier fares on them says how sure to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from clsviz.calibration.inputs import Array, as_array, count
from clsviz.errors import ShapeError

ANGLE, SHIFT, NOISE = 10.0, 1.0, 0.3  # degrees, pixels, standard deviations of a feature


def transformed_copies(
    X: ArrayLike, *, image_shape: tuple[int, int] | None = None, n_copies: int = 4, seed: int = 0
) -> Array:
    """Copies of samples (N, D) that should keep their class, (M, N, D).

    Of images in turn: rotated by up to 10 degrees, shifted by up to a pixel, with noise; of other samples
    all with noise. Noise is Gaussian with 0.3 standard deviations of each feature.

    Args:
        X: (N, D) float.
        image_shape: (height, width) of flattened images; None: no images.
        n_copies: M, >= 1.
        seed: of what is drawn.

    Raises:
        InputError: not (N, D), images of another size, or n_copies or seed that cannot be.
    """
    rows = as_array(X, "X")
    if rows.ndim != 2:
        raise ShapeError(f"X must be (N, D), got {rows.shape}")
    n_copies, rng = count("n_copies", n_copies), np.random.default_rng(count("seed", seed, least=0))
    if image_shape is None:
        return np.stack([_noisy(rows, rng) for _ in range(n_copies)])
    if int(np.prod(image_shape)) != rows.shape[1]:
        raise ShapeError(f"image_shape {tuple(image_shape)} does not fit {rows.shape[1]} features")
    images = rows.reshape(len(rows), *image_shape)
    kinds = (_rotated, _shifted, _noisy)
    return np.stack([kinds[m % 3](images, rng).reshape(rows.shape) for m in range(n_copies)])


def _rotated(images: Array, rng: np.random.Generator) -> Array:
    angles = rng.uniform(-ANGLE, ANGLE, len(images))
    pairs = zip(images, angles, strict=True)
    return np.stack([ndimage.rotate(x, a, reshape=False, order=1, mode="nearest") for x, a in pairs])


def _shifted(images: Array, rng: np.random.Generator) -> Array:
    ways = rng.uniform(-SHIFT, SHIFT, (len(images), 2))
    return np.stack([ndimage.shift(x, w, order=1, mode="nearest") for x, w in zip(images, ways, strict=True)])


def _noisy(samples: Array, rng: np.random.Generator) -> Array:
    return samples + NOISE * samples.std(0) * rng.normal(size=samples.shape)
