"""How far confidence is from correctness: what a correctness-aware calibrator minimises."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from clsviz.calibration.inputs import option, read_pairs
from clsviz.catalogue import method


@method(
    kind="measure",
    title="Correctness-aware loss",
    paper="Optimizing Calibration by Gaining Aware of Prediction Correctness, arXiv:2404.13016",
    formula=r"\frac{1}{N} \sum_i (v_i - c_i)^2",
    norm=("l2", "l1"),
)
def correctness_aware_loss(
    x: ArrayLike, labels: ArrayLike, *, norm: str = "l2", balanced: bool = False, kind: str = "probs"
) -> float:
    """Mean distance of the top confidence from whether the top label is right, in [0, 1].

    Args:
        x: (N, K) probabilities, or logits with ``kind="logits"``; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        norm: "l2" squares the distance, "l1" does not.
        balanced: give right and wrong samples the same total weight.

    Raises:
        InputError: bad probabilities, labels or options; the message names the argument.
    """
    option("norm", norm, ("l2", "l1"))
    v, c = read_pairs(x, labels, kind)
    return float(correctness_mean(v, 1.0 * c, norm=norm, balanced=balanced))


def correctness_mean(v: Any, c: Any, *, norm: str = "l2", balanced: bool = False) -> Any:
    """The loss of (N,) confidences v and correctness c (0. or 1.): numpy, or torch with gradient.

    Balanced, right samples weigh 1 - a and wrong ones a (the accuracy), so that both sum to N a (1 - a);
    where all are right or all are wrong this is the plain mean.
    """
    gap = abs(v - c) if norm == "l1" else (v - c) ** 2
    accuracy = float(c.mean())
    if not balanced or accuracy in (0, 1):
        return gap.mean()
    weight = c * (1 - accuracy) + (1 - c) * accuracy
    return (weight * gap).sum() / weight.sum()
