"""Supplies: each makes one thing that a loss needs and neither batch nor model has.

A loss states what it needs; what is not there is built here by that name. ``Experiment(supplies=
{"bags": {"size": 4}})`` sets their parameters.
"""

from clsviz.training.supplies.bags import Bags
from clsviz.training.supplies.mixing import MixingShare
from clsviz.training.supplies.moved import AttackedLogits, NoisyKeys
from clsviz.training.supplies.pseudo_negatives import PseudoNegatives
from clsviz.training.supplies.second_head import SecondHead
from clsviz.training.supplies.supply import Setting, Supply, built, offered, supply
from clsviz.training.supplies.teacher import ClassMeans, teacher_columns
from clsviz.training.supplies.weights import WeightNet

__all__ = [
    "AttackedLogits",
    "Bags",
    "ClassMeans",
    "MixingShare",
    "NoisyKeys",
    "PseudoNegatives",
    "SecondHead",
    "Setting",
    "Supply",
    "WeightNet",
    "built",
    "offered",
    "supply",
    "teacher_columns",
]
