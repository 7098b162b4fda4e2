"""Two networks on the same samples: what changed from the pinned one to the one shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clsviz import calibration
from clsviz.errors import ShapeError

N_BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Pinned against shown; differences are shown minus pinned, indices are those of the dataset."""

    ece_pinned: float
    ece_shown: float
    ece_difference: float
    accuracy_pinned: float
    accuracy_shown: float
    accuracy_difference: float
    agreement: float  # share of samples with the same top class
    disagreeing: np.ndarray  # (m,) int32 samples with another top class
    negative_flips: np.ndarray  # (m,) int32 samples the pinned network had right and the shown one has not
    positive_flips: np.ndarray  # (m,) int32 samples the shown network has right and the pinned one had not
    n: int


def compare_predictions(
    pinned: np.ndarray,
    shown: np.ndarray,
    labels: np.ndarray,
    *,
    samples: np.ndarray | None = None,
    temperature_pinned: float = 1.0,
    temperature_shown: float = 1.0,
) -> Comparison:
    """Compares the predictions of two networks on the same samples.

    Args:
        pinned, shown: (N, K) logits.
        labels: (N,) integers in [0, K).
        samples: (N,) names of the samples, for the lists of flips; None: 0..N-1.
        temperature_pinned, temperature_shown: what the logits are divided by, above 0.

    Raises:
        ShapeError: the two have different shapes, or the labels another length.
    """
    if pinned.shape != shown.shape or len(labels) != len(shown):
        raise ShapeError(
            f"pinned and shown: expected logits of the same samples, got {pinned.shape} and {shown.shape} "
            f"with {len(labels)} labels"
        )
    names = np.arange(len(labels)) if samples is None else np.asarray(samples)
    was, now = pinned.argmax(1), shown.argmax(1)
    had, has = was == labels, now == labels
    ece = [
        calibration.ece(z / t, labels, kind="logits", n_bins=N_BINS)
        for z, t in ((pinned, temperature_pinned), (shown, temperature_shown))
    ]
    accuracy = [float(np.mean(right)) for right in (had, has)]
    return Comparison(
        ece[0],
        ece[1],
        ece[1] - ece[0],
        accuracy[0],
        accuracy[1],
        accuracy[1] - accuracy[0],
        float(np.mean(was == now)),
        names[was != now].astype(np.int32),
        names[had & ~has].astype(np.int32),
        names[~had & has].astype(np.int32),
        len(labels),
    )
