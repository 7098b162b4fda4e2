"""The measures that the reliability view can show; js/src/core/measures.ts has the same by the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import traitlets

from clsviz import calibration as cal
from clsviz.errors import InputError

USUAL = ("ece", "mce", "brier", "nll")

# Each is called with x, labels and: kind; n_bins and scheme as `bins`; mode and target_class as `of`.
_Kinds = dict[str, Any]
MEASURES: dict[str, Callable[[Any, Any, _Kinds, _Kinds, _Kinds], float]] = {
    "ece": lambda x, y, kind, bins, of: cal.ece(x, y, **kind, **bins, **of),
    "rmsce": lambda x, y, kind, bins, of: cal.rmsce(x, y, **kind, **bins, **of),
    "mce": lambda x, y, kind, bins, of: cal.mce(x, y, **kind, **bins, **of),
    "average_calibration_error": lambda x, y, kind, bins, of: cal.average_calibration_error(
        x, y, **kind, **bins
    ),
    "classwise_ece": lambda x, y, kind, bins, of: cal.classwise_ece(x, y, **kind, **bins),
    "ace": lambda x, y, kind, bins, of: cal.ace(x, y, **kind, n_bins=bins["n_bins"]),
    "sweep_ece": lambda x, y, kind, bins, of: cal.sweep_ece(x, y, **kind).value,
    "debiased_ece": lambda x, y, kind, bins, of: cal.debiased_ece(x, y, **kind, n_bins=bins["n_bins"]),
    "ks_error": lambda x, y, kind, bins, of: cal.ks_error(x, y, **kind),
    "smooth_ece": lambda x, y, kind, bins, of: cal.smooth_ece(x, y, **kind),
    "mmce": lambda x, y, kind, bins, of: cal.mmce(x, y, **kind),
    "nll": lambda x, y, kind, bins, of: cal.nll(x, y, **kind),
    "brier": lambda x, y, kind, bins, of: cal.brier(x, y, **kind),
    "entropy": lambda x, y, kind, bins, of: float(np.mean(cal.entropy(x, **kind))),
    "aurc": lambda x, y, kind, bins, of: cal.risk_coverage(x, y, **kind).aurc,
    "confidence_auroc": lambda x, y, kind, bins, of: _auroc(x, y, kind),
    "accuracy": lambda x, y, kind, bins, of: float(np.mean(np.asarray(x).argmax(1) == y)),
}


def measured(
    names: Iterable[str],
    x: np.ndarray,
    labels: np.ndarray,
    *,
    kind: str = "probs",
    n_bins: int = 15,
    scheme: str = "equal_width",
    target_class: int | None = None,
) -> dict[str, float]:
    """These measures by name; nan where one is not defined.

    Args:
        names: of `MEASURES`. x, labels, kind: as in `calibration.ece`.
        n_bins, scheme: of those that are read off bins.
        target_class: looked at instead of the top label by ece, rmsce and mce.
    """
    bins = {"n_bins": n_bins, "scheme": scheme}
    of = {} if target_class is None else {"mode": "per_class", "target_class": target_class}
    return {name: MEASURES[name](x, labels, {"kind": kind}, bins, of) for name in names}


def _auroc(x: Any, labels: Any, kind: dict[str, Any]) -> float:
    try:
        return cal.confidence_auroc(x, labels, **kind)
    except InputError:  # all guesses are right, or all are wrong
        return float("nan")


class MeasureNames(traitlets.List[str]):
    """Names of `MEASURES`, each once, in that order."""

    def validate(self, obj: Any, value: Any) -> Any:
        names = list(value) if isinstance(value, list | tuple) else [value]
        if unknown := [name for name in names if not isinstance(name, str) or name not in MEASURES]:
            raise traitlets.TraitError(f"{self.name}: no measure {unknown[0]!r}; there are {list(MEASURES)}")
        return super().validate(obj, [name for name in MEASURES if name in names])
