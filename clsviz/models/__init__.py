"""Models that map (N, D) samples to (N, K) logits, and how any classifier is taken as one."""

# in the order of the menus
# isort: off
from clsviz.models.linear import Linear
from clsviz.models.mlp import MLP
from clsviz.models.cnn import CNN
from clsviz.models.rbf import RBF
from clsviz.models.nearest_prototype import NearestPrototype
from clsviz.models.tempnet import TempNet
from clsviz.models.early_exit import EarlyExit
from clsviz.models.diverse_heads import DiverseHeads, Disambiguation, disambiguate

# isort: on
from clsviz.models.create import create, names
from clsviz.models.network import network
from clsviz.models.predictor import (
    Predictor,
    as_predictor,
    check_module,
    evaluating,
    logits_of,
    present_model,
)

__all__ = [
    "CNN",
    "MLP",
    "RBF",
    "Disambiguation",
    "DiverseHeads",
    "EarlyExit",
    "Linear",
    "NearestPrototype",
    "Predictor",
    "TempNet",
    "as_predictor",
    "check_module",
    "create",
    "disambiguate",
    "evaluating",
    "logits_of",
    "names",
    "network",
    "present_model",
]
