"""Widgets: one class per view, and the laboratory that holds them all."""

from clsviz.widgets.boundary import BoundaryView
from clsviz.widgets.confusion import ConfusionMatrix
from clsviz.widgets.explanation import ExplanationView
from clsviz.widgets.fan import FanStrip
from clsviz.widgets.inspector import SampleInspector
from clsviz.widgets.lab import Lab
from clsviz.widgets.landscape import LossLandscape
from clsviz.widgets.loss import LossView
from clsviz.widgets.model_set import ModelSet
from clsviz.widgets.multiplicity import MultiplicityView
from clsviz.widgets.ood import OODView
from clsviz.widgets.prototypes import PrototypeGallery
from clsviz.widgets.question import Question
from clsviz.widgets.reliability import ReliabilityDiagram
from clsviz.widgets.robustness import RobustnessView
from clsviz.widgets.scene import Scene
from clsviz.widgets.temperatures import TemperatureView
from clsviz.widgets.tilt import TiltView

__all__ = [
    "BoundaryView",
    "ConfusionMatrix",
    "ExplanationView",
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
    "SampleInspector",
    "Scene",
    "TemperatureView",
    "TiltView",
]
