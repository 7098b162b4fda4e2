"""The other side of calibration.py: times other packages in .venv-oracles, where clsviz is not.

Reads what to do as JSON from stdin and answers with JSON: "package: name" -> milliseconds and value.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "oracles"))
import numpy as np
import torch
import torchvision_anyway  # noqa: F401
from netcal.metrics import ACE, ECE, MCE, MMCE
from relplot import smECE
from sklearn import metrics
from sklearn.calibration import calibration_curve
from timing import best, clock_for
from torchmetrics.functional import classification

ROUNDS = 3
K = 10
BINS = 15


def of_netcal(p: Any, y: Any, few: int) -> dict[str, Callable[[], Any]]:
    return {
        "ece": lambda: ECE(BINS).measure(p, y),
        "ece, equal_mass": lambda: ECE(BINS, equal_intervals=False).measure(p, y),
        "mce": lambda: MCE(BINS).measure(p, y),
        "average_calibration_error": lambda: ACE(BINS).measure(p, y),
        "mmce, few": lambda: MMCE().measure(p[:few], y[:few]),
    }


def of_torchmetrics(p: Any, z: Any, y: Any, v: Any, c: Any) -> dict[str, Callable[[], Any]]:
    def error(x: Any, norm: str) -> Callable[[], Any]:
        return lambda: classification.multiclass_calibration_error(x, y, K, n_bins=BINS, norm=norm)

    return {
        "ece": error(p, "l1"),
        "rmsce": error(p, "l2"),
        "mce": error(p, "max"),
        "ece of logits": error(z, "l1"),
        "confidence_auroc": lambda: classification.binary_auroc(p.amax(1), p.argmax(1) == y),
        "ood_metrics": lambda: classification.binary_average_precision(v, c),
    }


def of_others(p: Any, y: Any, v: Any, c: Any) -> dict[str, Callable[[], Any]]:
    first = y == 0
    return {
        "scikit-learn: nll": lambda: metrics.log_loss(y, p),
        "scikit-learn: brier": lambda: metrics.brier_score_loss(y, p, scale_by_half=False),
        "scikit-learn: confidence_auroc": lambda: metrics.roc_auc_score(p.argmax(1) == y, p.max(1)),
        "scikit-learn: ood_metrics": lambda: metrics.average_precision_score(c, v),
        "scikit-learn: reliability_diagram": lambda: calibration_curve(first, p[:, 0], n_bins=BINS)[0][0],
        "relplot: smooth_ece": lambda: smECE(p.max(1), p.argmax(1) == y),
    }


def main() -> None:
    given = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    torch.set_num_threads(given["threads"])
    clock, _ = clock_for(given["threads"])
    data = np.load(given["data"])
    z, p, y = data["logits"], data["probs"], data["labels"]
    v, c = p.max(1), p.argmax(1) == y
    if given["device"] == "cpu":
        actions = {f"netcal: {name}": f for name, f in of_netcal(p, y, given["few"]).items()}
        actions |= of_others(p, y, v, c)
    elif torch.cuda.is_available():
        actions = {}
    else:
        print(json.dumps({}))
        return
    tensors = (torch.from_numpy(a).to(given["device"]) for a in (p, z, y, v, c))
    actions |= {f"torchmetrics: {name}": f for name, f in of_torchmetrics(*tensors).items()}
    seconds = best(actions, clock, ROUNDS)
    print(
        json.dumps(
            {n: {"ms": 1e3 * seconds[n], "value": float(np.ravel(f())[0])} for n, f in actions.items()}
        )
    )


if __name__ == "__main__":
    main()
