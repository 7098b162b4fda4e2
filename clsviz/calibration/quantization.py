"""Quantised weights: what rounding a last layer does to calibration, and what a temperature mends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.binned import ece
from clsviz.calibration.binning import N_BINS
from clsviz.calibration.inputs import Array, as_array, as_labels, count, option
from clsviz.calibration.neighbours import as_features
from clsviz.calibration.scores import nll
from clsviz.calibration.temperature import fit_temperature
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

# Quantiles of a normal distribution, scaled to [-1, 1]: the 16 levels of the QLoRA paper.
NF4 = np.array(
    [
        -1,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1,
    ]
)
QUANTIZATION = (
    "Understanding the Impact of Post-Training Quantization on Large Language Models, arXiv:2309.05210"
)


@method(
    kind="measure",
    title="Fake quantisation",
    paper=f"{QUANTIZATION}; Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
    formula=r"s \cdot \mathrm{round}(w / s), \quad s = \frac{\max |w|}{2^{b - 1} - 1}",
    bits=Range(2, 16, step=1),
    codebook=("uniform", "nf4"),
    block=Range(8, 1024, log=True),
)
def fake_quantize(w: ArrayLike, *, bits: int = 8, codebook: str = "uniform", block: int = 64) -> Array:
    """Weights rounded to the levels of few bits, as float64 of the same shape.

    Args:
        w: any shape.
        bits: of "uniform", >= 2: levels from -max |w| to max |w| of the whole tensor; halves go to even.
        codebook: "uniform", or "nf4": the nearest of 16 levels in blocks scaled by their largest entry.
        block: entries of an nf4 block, counted through the flat tensor; >= 1.

    Raises:
        InputError: weights that are empty or not finite, or bad options.
    """
    option("codebook", codebook, ("uniform", "nf4"))
    bits, block = count("bits", bits, least=2), count("block", block)
    weights = as_array(w, "w")
    if codebook == "nf4":
        return _nf4(weights.ravel(), block).reshape(weights.shape)
    levels = 2 ** (bits - 1) - 1
    scale = np.abs(weights).max() / levels
    if scale == 0:
        return np.zeros_like(weights)
    return np.round(weights / scale).clip(-levels, levels) * scale


def _nf4(flat: Array, block: int) -> Array:
    starts = np.arange(0, len(flat), block)
    largest = np.maximum.reduceat(np.abs(flat), starts)
    scale = np.repeat(largest, block)[: len(flat)]
    between = (NF4[1:] + NF4[:-1]) / 2
    nearest = np.searchsorted(between, flat / np.where(scale > 0, scale, 1), side="left")
    return NF4[nearest] * scale


@method(
    kind="measure",
    title="Quantisation and temperature",
    paper=QUANTIZATION,
    n_bins=N_BINS,
)
def quantization_temperature_grid(
    features: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike,
    labels: ArrayLike,
    *,
    bits: tuple[int, ...] = (8, 4, 2),
    temperatures: tuple[float, ...] = (0.5, 1.0, 2.0),
    n_bins: int = 15,
) -> dict[str, dict[str, Any]]:
    """Calibration of a linear layer whose weights are quantised uniformly, at several temperatures.

    Args:
        features: (N, d); (N,) is d = 1.
        weight: (K, d), K >= 2. bias: (K,), or one number; it is not quantised.
        labels: (N,) integers in 0..K-1.
        bits: each >= 2. temperatures: each > 0.
        n_bins: equal-width bins of the calibration error.

    Returns:
        Under "float" and each number of bits as text: "nll" and "ece", arrays over the temperatures,
        "accuracy", and "temperature", that of least nll.

    Raises:
        InputError: bad features, weights, labels or options; the message names the argument.
    """
    f = as_features(features, "features")
    w = as_array(weight, "weight")
    if w.ndim != 2 or w.shape[0] < 2 or w.shape[1] != f.shape[1]:
        raise ShapeError(f"weight must be (K, {f.shape[1]}) with K >= 2, got {w.shape}")
    b = as_array(bias, "bias")
    if b.shape not in ((), (len(w),)):
        raise ShapeError(f"bias must be one number or ({len(w)},), got {b.shape}")
    y = as_labels(labels, len(f), len(w))
    t = as_array(temperatures, "temperatures").ravel()
    if t.min() <= 0:
        raise InputError(f"temperatures must be > 0, got {t.min():g}")
    n_bins = count("n_bins", n_bins)
    sizes = [count("bits", size, least=2) for size in bits]

    def row(layer: Array) -> dict[str, Any]:
        z = f @ layer.T + b
        return {
            "nll": np.array([nll(z / s, y, kind="logits") for s in t]),
            "ece": np.array([ece(z / s, y, kind="logits", n_bins=n_bins) for s in t]),
            "accuracy": float((z.argmax(1) == y).mean()),
            "temperature": fit_temperature(z, y).temperature,
        }

    return {"float": row(w)} | {str(size): row(fake_quantize(w, bits=size)) for size in sizes}
