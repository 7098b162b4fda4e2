"""Learnt temperatures of samples: what the kernel answers for the view of per-sample temperatures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz import calibration
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Source
from clsviz.widgets.loss_job import part_rows
from clsviz.widgets.messages import AskTemperatures
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.wire import Packet

FOLDS = 5  # of the validation samples: each gets the temperature of a network that has not seen it
FIT = {"tempnet": calibration.fit_tempnet, "correctness": calibration.fit_correctness_aware}
NOTHING = np.empty(0)


def learnt_temperatures(
    by: str, logits: np.ndarray, labels: np.ndarray, other: np.ndarray | None = None
) -> np.ndarray:
    """Temperatures that a network learns from validation samples.

    Args:
        by: "tempnet" or "correctness".
        logits, labels: (N, K) and (N,) of the validation samples.
        other: (n, K) logits of samples to give temperatures to, by a network that learnt from all of the
            validation samples; None: the validation samples themselves, each out of fold.

    Returns:
        (n,) or (N,) float64.

    Raises:
        InputError: too few samples to learn from.
    """
    if len(labels) < 2 * FOLDS:
        raise InputError(
            f"temperatures are learnt from {2 * FOLDS} or more validation samples, here are {len(labels)}"
        )
    if other is not None:
        return FIT[by](logits, labels).temperature(other)
    fold = np.random.default_rng(0).permutation(np.arange(len(labels)) % FOLDS)
    out = np.empty(len(labels))
    for f in range(FOLDS):
        out[fold == f] = FIT[by](logits[fold != f], labels[fold != f]).temperature(logits[fold == f])
    return out


def model_temperatures(source: Source, step: int | None, rows: np.ndarray) -> np.ndarray:
    """(n,) temperatures that the model itself gives samples.

    Raises:
        InputError: it gives none.
    """
    outputs = getattr(source.model_at(step), "outputs", None)
    named: dict[str, Any] = {}
    if callable(outputs):
        with torch.no_grad():
            named = outputs(torch.as_tensor(source.dataset.X[rows], dtype=torch.float32))
    if "tau" not in named:
        raise InputError(
            'this model gives no temperatures: train model="tempnet" with loss="robust_temperature"'
        )
    tau: np.ndarray = named["tau"].double().cpu().numpy()
    return tau


def temperatures_of(
    source: Source, step: int | None, by: str, part: str, rows: np.ndarray, logits: np.ndarray
) -> np.ndarray:
    """(n,) temperatures of samples of a part, learnt as `by` says ("tempnet", "correctness", "model").

    Args:
        rows: (n,) their indices. logits: (n, K) theirs.

    Raises:
        InputError: the model gives none, or there is too little to learn from.
    """
    if by == "model":
        return model_temperatures(source, step, rows)
    z, labels = validation_logits(source, step)
    if part == "training":
        return learnt_temperatures(by, z, labels, logits)
    place = np.full(len(source.dataset.y), -1)
    place[source.dataset.validation] = np.arange(len(labels))
    return learnt_temperatures(by, z, labels)[place[rows]]


def temperature_answer(source: Source, run_id: str, request: AskTemperatures, logits: Any) -> Packet:
    """The answer to a page: temperatures of a part's samples, and of all validation samples.

    js/src/core/heatanswer.ts reads it. The second ones undo the temperature of a model's own logits.

    Args:
        logits: rows -> (n, K) of the network asked about.
    """
    data = source.dataset
    rows = part_rows(data, request.part, request.most)
    why, tau, tau_validation = "", NOTHING, NOTHING
    try:
        tau = temperatures_of(source, request.step, request.by, request.part, rows, logits(rows))
        if request.by == "model":
            tau_validation = model_temperatures(source, request.step, data.validation)
    except ClsvizError as error:
        why = str(error)
    question = {name: getattr(request, name) for name in ("by", "step", "member", "part", "most")}
    header = {"kind": "temperatures_answer", "run_id": run_id, "question": question, "why": why}
    return Packet(header, [tau, tau_validation])
