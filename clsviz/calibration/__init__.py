"""Calibration: does confidence equal accuracy, and how to make it so.

Arrays in (numpy, torch or lists), float or frozen dataclass out, float64 throughout.
The conventions for inputs, bins and ties stand in `inputs` and `binning`.
"""

from clsviz.calibration.accumulator import Accumulator
from clsviz.calibration.benchmark import benchmark_measures
from clsviz.calibration.benchmark_study import Study, study
from clsviz.calibration.binfree import kde_ece, ks_error, mmce, smooth_ece
from clsviz.calibration.binned import (
    SweepECE,
    ace,
    average_calibration_error,
    classwise_ece,
    debiased_ece,
    ece,
    mce,
    rmsce,
    sweep_ece,
    tace,
)
from clsviz.calibration.binning import bin_indices
from clsviz.calibration.copies import transformed_copies
from clsviz.calibration.correctness import correctness_aware_loss
from clsviz.calibration.correctness_calibrator import (
    CorrectnessAware,
    apply_correctness_aware,
    fit_correctness_aware,
)
from clsviz.calibration.diagram import ReliabilityDiagram, reliability_diagram
from clsviz.calibration.early_exit import EarlyExit, early_exit, gated_exit
from clsviz.calibration.interval import EceInterval, ece_interval
from clsviz.calibration.label_geometry import loki_predict
from clsviz.calibration.label_shift import (
    label_shift_bbse,
    label_shift_em,
    reweight_priors,
    shift_report,
)
from clsviz.calibration.multiplicity import (
    Multiplicity,
    label_multiplicity,
    multiplicity,
    rashomon_capacity,
    rashomon_ratio,
    rashomon_set,
    viable_range,
)
from clsviz.calibration.ood import (
    OODMetrics,
    energy_score,
    knn_ood_score,
    mahalanobis_score,
    max_logit_score,
    msp_score,
    ood_metrics,
    pt_ood_report,
)
from clsviz.calibration.scores import (
    BrierDecomposition,
    brier,
    brier_decomposition,
    crps_ensemble,
    entropy,
    nll,
    rps,
)
from clsviz.calibration.selective import (
    RiskCoverage,
    SelectiveAccuracy,
    accuracy_rejection,
    confidence_auroc,
    risk_coverage,
    selective_accuracy,
)
from clsviz.calibration.temperature import TemperatureFit, apply_temperature, fit_temperature
from clsviz.calibration.tempnet import tempnet_loss, tempnet_temperature
from clsviz.calibration.tempnet_calibrator import TempNet, apply_tempnet, fit_tempnet

__all__ = [
    "Accumulator",
    "BrierDecomposition",
    "CorrectnessAware",
    "EarlyExit",
    "EceInterval",
    "Multiplicity",
    "OODMetrics",
    "ReliabilityDiagram",
    "RiskCoverage",
    "SelectiveAccuracy",
    "Study",
    "SweepECE",
    "TempNet",
    "TemperatureFit",
    "accuracy_rejection",
    "ace",
    "apply_correctness_aware",
    "apply_temperature",
    "apply_tempnet",
    "average_calibration_error",
    "benchmark_measures",
    "bin_indices",
    "brier",
    "brier_decomposition",
    "classwise_ece",
    "confidence_auroc",
    "correctness_aware_loss",
    "crps_ensemble",
    "debiased_ece",
    "early_exit",
    "ece",
    "ece_interval",
    "energy_score",
    "entropy",
    "fit_correctness_aware",
    "fit_temperature",
    "fit_tempnet",
    "gated_exit",
    "kde_ece",
    "knn_ood_score",
    "ks_error",
    "label_multiplicity",
    "label_shift_bbse",
    "label_shift_em",
    "loki_predict",
    "mahalanobis_score",
    "max_logit_score",
    "mce",
    "mmce",
    "msp_score",
    "multiplicity",
    "nll",
    "ood_metrics",
    "pt_ood_report",
    "rashomon_capacity",
    "rashomon_ratio",
    "rashomon_set",
    "reliability_diagram",
    "reweight_priors",
    "risk_coverage",
    "rmsce",
    "rps",
    "selective_accuracy",
    "shift_report",
    "smooth_ece",
    "study",
    "sweep_ece",
    "tace",
    "tempnet_loss",
    "tempnet_temperature",
    "transformed_copies",
    "viable_range",
]
