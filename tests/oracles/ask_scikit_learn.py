"""Scores, curves and calibrators as scikit-learn has them.

Its bins are closed on the right. It stores the inverse of a temperature, and a sigmoid of minus the score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.calibration import _sigmoid_calibration, _TemperatureScaling, calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

PACKAGES = ("scikit-learn", "numpy")
N, K = 80, 3
SEED = 14
NEW = [0.01, 0.2, 0.37, 0.5, 0.81, 0.99]
SURE = 1e-9  # of what has a closed form


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    logits = (3 * rng.normal(size=(N, K))).round(3)
    labels = np.where(rng.random(N) < 0.6, logits.argmax(1), rng.integers(0, K, N))
    p = rng.beta(1.2, 1.2, N).round(2).clip(0.01, 0.99)  # with ties
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "p": p.tolist(),
        "binary": (rng.random(N) < p**1.5).astype(int).tolist(),
        "new": NEW,
        "inside": (rng.normal(size=40) + 1).round(1).tolist(),
        "outside": rng.normal(size=30).round(1).tolist(),
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    z, y, p, c = (np.array(given[n]) for n in ("logits", "labels", "p", "binary"))
    probs = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    right, top = probs.argmax(1) == y, probs.max(1)
    inside, outside = given["inside"], given["outside"]
    truth, score = np.repeat([1, 0], [len(inside), len(outside)]), np.array(inside + outside)

    def ask(function: str, args: list[str], value: Any, tolerance: float = SURE, **further: Any) -> Any:
        found = {"function": function, "args": args, "params": {}, "tolerance": tolerance}
        return found | further | {"value": np.asarray(value, dtype=float).tolist()}

    whole, two = ["logits", "labels"], ["p", "binary"]
    kind = {"params": {"kind": "logits"}}
    accuracy, confidence = calibration_curve(c, p, n_bins=8)
    curve = {"params": {"mode": "per_class", "target_class": 1, "n_bins": 8, "closed": "right"}}
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(p, c)
    slope, intercept = _sigmoid_calibration(p, c)
    logs = np.stack([np.log(p), -np.log(1 - p)], 1)

    def unpenalised() -> LogisticRegression:
        return LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=1000)

    plain, beta = unpenalised().fit(p[:, None], c), unpenalised().fit(logs, c)
    matrix = LogisticRegression(C=np.inf, solver="lbfgs", tol=1e-12, max_iter=20_000).fit(z, y)
    return {
        "log_loss": ask("nll", whole, metrics.log_loss(y, probs), **kind),
        "brier_score_loss": ask(
            "brier", whole, metrics.brier_score_loss(y, probs, scale_by_half=False), **kind
        ),
        "roc_auc_score": ask("confidence_auroc", whole, metrics.roc_auc_score(right, top), **kind),
        "of scores inside and outside": ask(
            "ood_metrics",
            ["inside", "outside"],
            [
                metrics.roc_auc_score(truth, score),
                metrics.average_precision_score(truth, score),
                metrics.average_precision_score(1 - truth, -score),
            ],
            read=["auroc", "aupr_in", "aupr_out"],
        ),
        "calibration_curve": ask(
            "reliability_diagram", two, [accuracy, confidence], read=["accuracy", "confidence"], **curve
        ),
        "temperature scaling": ask(
            "fit_temperature", whole, [1 / _TemperatureScaling().fit(z, y).beta_], 1e-6, read=["temperature"]
        ),
        "IsotonicRegression": ask(
            "fit_isotonic", two, isotonic.predict(NEW), then={"function": "apply_isotonic", "args": ["new"]}
        ),
        "sigmoid": ask("fit_platt", two, [-slope, -intercept], 1e-5, read=["slope", "intercept"]),
        "LogisticRegression of a score": ask(
            "fit_platt",
            two,
            [plain.coef_[0, 0], plain.intercept_[0]],
            1e-5,
            read=["slope", "intercept"],
            params={"smooth_targets": False},
        ),
        "LogisticRegression of log p and -log(1 - p)": ask(
            "fit_beta", two, [*beta.coef_[0], beta.intercept_[0]], 1e-4, read=["a", "b", "c"]
        ),
        "LogisticRegression of logits": ask(
            "fit_matrix_scaling", whole, [metrics.log_loss(y, matrix.predict_proba(z))], 1e-7, read=["nll"]
        ),
    }
