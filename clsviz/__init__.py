"""clsviz: a live laboratory for classifiers in the notebook.

Nothing heavy is imported until it is used: ``import clsviz`` knows the names below and where they live.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MODULES = (
    "boundary",
    "calibration",
    "catalogue",
    "course",
    "data",
    "exhibits",
    "landscape",
    "losses",
    "models",
    "prototypes",
    "training",
    "widgets",
)
_HOMES = {
    "Experiment": "training",
    "Fan": "training",
    "Run": "training",
    "Spec": "catalogue",
    "exhibit": "exhibits.listing",
    "runs": "training",
    "sweep": "training",
    "watch": "widgets.watched",
    "BoundaryView": "widgets",
    "ConfusionMatrix": "widgets",
    "ExplanationView": "widgets",
    "FanStrip": "widgets",
    "Lab": "widgets",
    "LossLandscape": "widgets",
    "LossView": "widgets",
    "ModelSet": "widgets",
    "MultiplicityView": "widgets",
    "OODView": "widgets",
    "PrototypeGallery": "widgets",
    "Question": "widgets",
    "ReliabilityDiagram": "widgets",
    "RobustnessView": "widgets",
    "SampleInspector": "widgets",
    "link": "widgets.linking",
    "unlink": "widgets.linking",
    "Scene": "widgets",
    "TemperatureView": "widgets",
    "TiltView": "widgets",
}
__all__ = [
    "BoundaryView",
    "ConfusionMatrix",
    "Experiment",
    "ExplanationView",
    "Fan",
    "FanStrip",
    "Lab",
    "LossLandscape",
    "LossView",
    "ModelSet",
    "MultiplicityView",
    "OODView",
    "PrototypeGallery",
    "Question",
    "ReliabilityDiagram",
    "RobustnessView",
    "Run",
    "SampleInspector",
    "Scene",
    "Spec",
    "TemperatureView",
    "TiltView",
    "boundary",
    "calibration",
    "catalogue",
    "course",
    "data",
    "exhibit",
    "exhibits",
    "landscape",
    "link",
    "losses",
    "models",
    "prototypes",
    "runs",
    "sweep",
    "training",
    "unlink",
    "watch",
    "widgets",
]

if TYPE_CHECKING:
    from clsviz import (
        boundary,
        calibration,
        catalogue,
        course,
        data,
        landscape,
        losses,
        models,
        prototypes,
        training,
        widgets,
    )
    from clsviz.catalogue import Spec
    from clsviz.exhibits.listing import exhibit, exhibits
    from clsviz.training import Experiment, Fan, Run, runs, sweep
    from clsviz.widgets import (
        BoundaryView,
        ConfusionMatrix,
        ExplanationView,
        FanStrip,
        Lab,
        LossLandscape,
        LossView,
        ModelSet,
        MultiplicityView,
        OODView,
        PrototypeGallery,
        Question,
        ReliabilityDiagram,
        RobustnessView,
        SampleInspector,
        Scene,
        TemperatureView,
        TiltView,
    )
    from clsviz.widgets.linking import link, unlink
    from clsviz.widgets.watched import watch


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"clsviz.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"clsviz.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'clsviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "clsviz"}]
