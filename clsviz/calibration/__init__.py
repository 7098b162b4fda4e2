"""Calibration: does confidence equal accuracy, and how to make it so.

Arrays in (numpy, torch or lists), float or frozen dataclass out, float64 throughout.
The conventions for inputs, bins and ties stand in `inputs` and `binning`.
"""

from clsviz.calibration.accumulator import Accumulator
from clsviz.calibration.bbq import BBQ, apply_bbq, fit_bbq
from clsviz.calibration.benchmark import benchmark_measures
from clsviz.calibration.benchmark_study import Study, study
from clsviz.calibration.beta import Beta, apply_beta, fit_beta
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
from clsviz.calibration.calibrator import Calibrator
from clsviz.calibration.copies import transformed_copies
from clsviz.calibration.correctness import correctness_aware_loss
from clsviz.calibration.correctness_calibrator import (
    CorrectnessAware,
    apply_correctness_aware,
    fit_correctness_aware,
)
from clsviz.calibration.crossfit import CrossFit, cross_fit
from clsviz.calibration.diagram import ReliabilityDiagram, reliability_diagram
from clsviz.calibration.early_exit import EarlyExit, early_exit, gated_exit
from clsviz.calibration.ensembles import EnsembleTemperature, ensemble_temperature, interpolate_probs
from clsviz.calibration.histogram_binning import (
    HistogramBinning,
    apply_histogram_binning,
    fit_histogram_binning,
)
from clsviz.calibration.interval import EceInterval, ece_interval
from clsviz.calibration.isotonic import Isotonic, apply_isotonic, fit_isotonic
from clsviz.calibration.label_geometry import loki_predict
from clsviz.calibration.label_shift import (
    label_shift_bbse,
    label_shift_em,
    reweight_priors,
    shift_report,
)
from clsviz.calibration.linear_scaling import (
    MatrixScaling,
    VectorScaling,
    fit_dirichlet,
    fit_matrix_scaling,
    fit_vector_scaling,
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
from clsviz.calibration.neighbours import knn_softmax
from clsviz.calibration.one_vs_rest import OneVsRest, calibrate_one_vs_rest
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
from clsviz.calibration.platt import Platt, fit_platt
from clsviz.calibration.quantization import fake_quantize, quantization_temperature_grid
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
from clsviz.calibration.spline import Spline, fit_spline
from clsviz.calibration.temperature import TemperatureFit, apply_temperature, fit_temperature
from clsviz.calibration.tempnet import tempnet_loss, tempnet_temperature
from clsviz.calibration.tempnet_calibrator import TempNet, apply_tempnet, fit_tempnet

__all__ = [
    "BBQ",
    "Accumulator",
    "Beta",
    "BrierDecomposition",
    "Calibrator",
    "CorrectnessAware",
    "CrossFit",
    "EarlyExit",
    "EceInterval",
    "EnsembleTemperature",
    "HistogramBinning",
    "Isotonic",
    "MatrixScaling",
    "Multiplicity",
    "OODMetrics",
    "OneVsRest",
    "Platt",
    "ReliabilityDiagram",
    "RiskCoverage",
    "SelectiveAccuracy",
    "Spline",
    "Study",
    "SweepECE",
    "TempNet",
    "TemperatureFit",
    "VectorScaling",
    "accuracy_rejection",
    "ace",
    "apply_bbq",
    "apply_beta",
    "apply_correctness_aware",
    "apply_histogram_binning",
    "apply_isotonic",
    "apply_temperature",
    "apply_tempnet",
    "average_calibration_error",
    "benchmark_measures",
    "bin_indices",
    "brier",
    "brier_decomposition",
    "calibrate_one_vs_rest",
    "classwise_ece",
    "confidence_auroc",
    "correctness_aware_loss",
    "cross_fit",
    "crps_ensemble",
    "debiased_ece",
    "early_exit",
    "ece",
    "ece_interval",
    "energy_score",
    "ensemble_temperature",
    "entropy",
    "fake_quantize",
    "fit_bbq",
    "fit_beta",
    "fit_correctness_aware",
    "fit_dirichlet",
    "fit_histogram_binning",
    "fit_isotonic",
    "fit_matrix_scaling",
    "fit_platt",
    "fit_spline",
    "fit_temperature",
    "fit_tempnet",
    "fit_vector_scaling",
    "gated_exit",
    "interpolate_probs",
    "kde_ece",
    "knn_ood_score",
    "knn_softmax",
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
    "quantization_temperature_grid",
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
