"""Losses: pure functions from logits and targets to one term per row, and thin modules.

`names`, `info` and `create` are the way in.
"""

# isort: off
# The order of import is the order of names().
from clsviz.losses.standard import brier, cross_entropy, mse
from clsviz.losses.hinge import hinge_cs, hinge_ww
from clsviz.losses.rival_sums import comp_sum, gce, mae
from clsviz.losses.distributional import ldr_kl
from clsviz.losses.reshaped import focal, poly1, symmetric_ce
from clsviz.losses.early_learning import elr
from clsviz.losses.module import Loss, create, info, names

# isort: on
from clsviz.losses.profile import group_shares, loss_profile, loss_simplex, loss_terms, sample_groups

__all__ = [
    "Loss",
    "brier",
    "comp_sum",
    "create",
    "cross_entropy",
    "elr",
    "focal",
    "gce",
    "group_shares",
    "hinge_cs",
    "hinge_ww",
    "info",
    "ldr_kl",
    "loss_profile",
    "loss_simplex",
    "loss_terms",
    "mae",
    "mse",
    "names",
    "poly1",
    "sample_groups",
    "symmetric_ce",
]
