"""Sets from outside, detectors and their measures, as the browser's OOD view must reproduce them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from clsviz import boundary, calibration, data
from clsviz.catalogue import Spec
from clsviz.data.ood import OUTSIDE, outside
from clsviz.models import create, network
from clsviz.widgets.ood_job import embeddings, feature_scores, logit_scores

TEMPERATURE = 1.7
OF_FEATURES = ("mahalanobis", "relative_mahalanobis", "knn")
XLIM, YLIM, NX, NY = (-3.0, 2.0), (-1.0, 4.0), 6, 5  # of a plane through three samples
KEPT = (0.5, 0.8, 0.95, 1.0)


def _dataset(name: str) -> dict[str, Any]:
    """A tenth of a dataset as the browser has it, and the sets made from it."""
    whole = getattr(data, name)()
    own = np.sort(np.random.default_rng(1).choice(len(whole.y), 60, replace=False))
    small = data.from_arrays(whole.X[own], whole.y[own], name=name, image_shape=whole.image_shape)
    sets = {
        key: [
            {"strength": s, "seed": seed, "X": outside(small, key, 12, strength=s, seed=seed)}
            for s, seed in ([(1.0, 0), (2.5, 3)] if entry.strength else [(1.0, 0)])
        ]
        for key, entry in OUTSIDE.items()
        if entry.fits(small)
    }
    return {
        "X": small.X,
        "d": small.n_features,
        "train": small.train,
        "validation": small.validation,
        "image_shape": small.image_shape,
        "sets": sets,
    }


def _scores() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    logits = (4 * rng.normal(size=(25, 5))).round(5)
    return {
        "logits": logits,
        "temperature": TEMPERATURE,
        "scores": {
            name: logit_scores(name, logits, TEMPERATURE)
            for name in ("msp", "max_logit", "energy", "entropy")
        },
    }


def _metrics() -> list[dict[str, Any]]:
    rng = np.random.default_rng(2)
    cases = [
        ([3, 2, 1, 0.5], [1, 0, -1]),
        (rng.normal(1, 1, 40).round(1), rng.normal(0, 1, 30).round(1)),  # many ties
        ([0.5] * 4, [0.5] * 3),
        (rng.normal(0, 1, 20), rng.normal(1, 1, 50)),
    ]
    return [
        {
            "inside": inside,
            "outside": out,
            "metrics": [
                {"kept": kept, **{f: getattr(m, f) for f in m.__dataclass_fields__}}
                for kept in KEPT
                for m in [calibration.ood_metrics(inside, out, tpr=kept)]
            ],
        }
        for inside, out in cases
    ]


def _features() -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    cases = []
    for name, options in [
        ("mlp", {"hidden": (7, 6), "activation": "tanh"}),
        ("mlp", {"hidden": (5,)}),
        ("rbf", {"n_centers": 4}),
        ("linear", {}),
    ]:
        model = create(Spec(name, options), 3, 4).eval()
        X = rng.normal(size=(40, 3)).astype(np.float32)
        labels = rng.integers(0, 4, 40)
        asked = rng.normal(size=(9, 3)).astype(np.float32) * 2
        x, q = torch.from_numpy(X), torch.from_numpy(asked)
        with torch.no_grad():
            own = model.outputs(x)["embeddings"] if hasattr(model, "outputs") else x
            other = model.outputs(q)["embeddings"] if hasattr(model, "outputs") else q
        own, other = own.double().numpy(), other.double().numpy()
        plane = boundary.plane_from_points(*X[:3])
        flat = np.array([[s, t] for t in np.linspace(*YLIM, NY) for s in np.linspace(*XLIM, NX)])
        there = embeddings(model, boundary.plane_lift(plane, flat))
        cases.append(
            {
                "network": network(model),
                "theta": torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy(),
                "X": X,
                "labels": labels,
                "asked": asked,
                "features": other,
                "scores": {
                    detector: feature_scores(detector, own, labels, other) for detector in OF_FEATURES
                },
                "grid": {
                    "plane": {"origin": plane.origin, "u": plane.u, "v": plane.v},
                    "xlim": XLIM,
                    "ylim": YLIM,
                    "nx": NX,
                    "ny": NY,
                },
                "field": {detector: feature_scores(detector, own, labels, there) for detector in OF_FEATURES},
            }
        )
    return cases


def vectors() -> dict[str, Any]:
    return {
        "datasets": {name: _dataset(name) for name in ("digits", "iris", "moons")},
        "scores": _scores(),
        "metrics": _metrics(),
        "features": _features(),
    }
