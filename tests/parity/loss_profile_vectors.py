"""Numbers of clsviz.losses.profile that the browser's loss view must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

from clsviz import losses

SPECS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cross_entropy", {}),
    ("gce", {"q": 0.7}),
    ("focal", {"gamma": 2.0}),
    ("brier", {"tau": 2.0}),
)
TEMPERATURE = 1.7
CLASSES = 4


def vectors() -> dict[str, Any]:
    """Profiles, simplexes, and terms, groups and shares of the same 30 samples, for several losses."""
    rng = np.random.default_rng(3)
    logits = (3 * rng.normal(size=(30, CLASSES))).round(6)
    truth = rng.integers(0, CLASSES, 30)
    labels = np.where(rng.random(30) < 0.3, (truth + 1) % CLASSES, truth)
    groups = losses.sample_groups(logits, labels, truth)
    cases = []
    for name, params in SPECS:
        terms = losses.loss_terms(name, params, logits / TEMPERATURE, labels)
        simplex = losses.loss_simplex(name, params, side=7)
        profiles = {
            axis: losses.loss_profile(name, params, n=13, n_classes=CLASSES, axis=axis)
            for axis in ("p", "margin")
        }
        cases.append(
            {
                "loss": name,
                "params": params,
                "profiles": {
                    axis: {"p": p.p_y, "margin": p.margin, "value": p.value, "gradient": p.gradient}
                    for axis, p in profiles.items()
                },
                "simplex": {"points": simplex.points, "value": simplex.value, "flow": simplex.flow},
                "terms": {"value": terms.value, "norm": terms.gradient, "weight": terms.weight},
                "shares": losses.group_shares(terms.gradient, groups),
            }
        )
    return {
        "logits": logits,
        "labels": labels,
        "truth": truth,
        "groups": groups,
        "temperature": TEMPERATURE,
        "cases": cases,
    }
