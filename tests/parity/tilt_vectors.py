"""Numbers of clsviz.boundary.tilt_toy, and of the tilt view, that the browser must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

import clsviz as cv
from clsviz import boundary

PLANES = [
    {"separation": 2.0, "sigma_signal": 0.5, "sigma_tilt": 0.05, "rho": 0.0},
    {"separation": 2.0, "sigma_signal": 0.5, "sigma_tilt": 0.3, "rho": -0.8},
    {"separation": 1.0, "sigma_signal": 1.0, "sigma_tilt": 0.0, "rho": 0.0},
    {"separation": 3.0, "sigma_signal": 0.0, "sigma_tilt": 0.2, "rho": 0.5},
]
ANGLES = np.linspace(-1.5, 1.5, 13)

LEVELS = (1e-3, 0.1, 10.0)
TURNS = (-40.0, 0.0, 30.0, 80.0)


def view_case(data: Any) -> dict[str, Any]:
    run = cv.Run(cv.Experiment(data=data, model="linear", epochs=4, seed=2)).start()
    run.wait()
    d = run.dataset
    view = cv.TiltView.from_run(run, pair=[0, 1])
    trained = view.result
    path = view.l2_path(LEVELS)
    epochs = view.epochs()
    turned = []
    for tilt in TURNS:
        view.tilt = tilt
        turned.append(_shown(view.result))
    view.regularisation = LEVELS[1]
    regularised = _shown(view.result)
    view.close()
    return {
        "X": d.X,
        "y": d.y,
        "train": d.train,
        "validation": d.validation,
        "k": d.n_classes,
        "tilt": None if d.tilt is None else dict(d.tilt),
        "snapshots": [{"step": s.step, "epoch": s.epoch, "theta": s.theta} for s in run.timeline],
        "trained": _shown(trained),
        "turned": [{"tilt": t, **shown} for t, shown in zip(TURNS, turned, strict=True)],
        "regularised": {"lam": LEVELS[1], **regularised},
        "curve": {
            "errors": trained.errors,
            "theory": trained.theory,
            "types": trained.types,
            "best": trained.best_angle,
            "least": trained.best_error,
        },
        "path": [{"lam": p.at, "angle": p.angle, "error": p.error, "strength": p.strength} for p in path],
        "epochs": [{"epoch": p.at, "angle": p.angle, "error": p.error} for p in epochs],
    }


def _shown(r: Any) -> dict[str, Any]:
    names = ("angle", "error", "theory_error", "strength", "distance", "type")
    return {name: getattr(r, name) for name in names}


def vectors() -> dict[str, object]:
    x = np.array([-9.0, -5.0, -4.99, -1.0, -1e-9, 0.0, 0.3, 2.0, 5.0, 8.5])
    kinds = [(0.2, 0.5, 0.1), (0.6, 0.105, 0.1), (0.6, 0.12, 0.1), (-0.6, 0.12, 0.1), (np.pi / 6, 1.0, 0.0)]
    theories = [boundary.tilt_theory(ANGLES, **plane) for plane in PLANES]
    cases = [
        view_case(cv.Spec("tilted", {"dim": 6, "n": 120, "sigma_tilt": 0.3, "rho": -0.6})),
        view_case("iris"),
    ]
    return {
        "cases": cases,
        "x": x,
        "ndtr": ndtr(x),
        "angles": ANGLES,
        "planes": [
            plane | {"error": theory.error, "optimal_angle": theory.optimal_angle}
            for plane, theory in zip(PLANES, theories, strict=True)
        ],
        "types": [
            {"angle": a, "error": e, "optimal": o, "type": boundary.adversarial_type(a, e, optimal_error=o)}
            for a, e, o in kinds
        ],
    }
