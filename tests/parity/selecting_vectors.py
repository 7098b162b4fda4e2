"""Samples by criteria and logits under the tilted rule that the browser's code must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

import clsviz as cv
from clsviz.data import from_arrays, with_label_noise
from clsviz.widgets.criteria import Criteria, said, samples_by
from clsviz.widgets.overlay import pair_rule, shown_logits

TEMPERATURES = (0.5, 1.0, 3.0)
CRITERIA: tuple[dict[str, Any], ...] = (
    {"confidence_below": 0.6},
    {"confidence_above": 0.6},
    {"margin_below": 0.0},
    {"margin_above": 0.3},
    {"wrong": True},
    {"mislabelled": True},
    {"predicted": 1},
    {"label": 2},
)
PARTS = ("validation", "training", "all")


def vectors() -> dict[str, Any]:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(60, 3)) + 1.5 * np.eye(3)[np.repeat([0, 1, 2], 20)]
    data = with_label_noise(from_arrays(X, np.repeat([0, 1, 2], 20), seed=1), rate=0.2, seed=2)
    logits = rng.normal(0, 2, (60, 3)).round(3) + 2 * np.eye(3)[data.y]
    logits[5] = [1, 1, 0]  # a tie
    cases = [
        {
            "criterion": criterion,
            "part": part,
            "temperature": t,
            "found": samples_by(data, Criteria(**criterion, part=part), lambda rows: logits[rows], t),
        }
        for t in TEMPERATURES
        for part in PARTS
        for criterion in CRITERIA
    ]
    s = said(logits, data.y, 0.5)
    return {
        "X": data.X,
        "y": data.y,
        "y_clean": data.y_clean,
        "train": data.train,
        "validation": data.validation,
        "logits": logits,
        "confidence": s.confidence,
        "margin": s.margin,
        "guess": s.guess,
        "cases": cases,
        "tilted": [*overlays("linear", data), *overlays("mlp", data)],
    }


def overlays(model: str, data: Any) -> list[dict[str, Any]]:
    """What all views show of a trained network under tilts of the pair 0, 2."""
    run = cv.Run(cv.Experiment(model=model, epochs=5, seed=4), data=data)
    run.start()
    assert run.wait(60), run.message
    view = cv.ConfusionMatrix.from_run(run)
    view.pair, view.use_tilted = [0, 2], True
    rows, out = data.validation, []
    for state in ({"tilt": 0.0}, {"tilt": 20.0}, {"tilt": 70.0}, {"regularisation": 0.1}):
        with view.hold_trait_notifications():
            view.tilt, view.regularisation = state.get("tilt"), state.get("regularisation")
        out.append(
            {
                "network": run.network,
                "theta": run.timeline.latest.theta,
                "state": state,
                "gain": pair_rule(view).gain,
                "logits": shown_logits(view, rows),
            }
        )
    view.close()
    run.stop()
    return out
