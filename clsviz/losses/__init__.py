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
from clsviz.losses.distillation import dual_head_kd, kd, nd_loss, self_distill, ssld
from clsviz.losses.hyperspherical import norm_softmax, unpg
from clsviz.losses.hyperbolic import hyp_ce, hyp_pc
from clsviz.losses.contrastive import infonce, supcon
from clsviz.losses.triplets import icnn, proto_triplet, triplet
from clsviz.losses.pair_weighting import metrix, multi_similarity
from clsviz.losses.leave_one_out import look
from clsviz.losses.ordinal import presto
from clsviz.losses.value_bins import hl_gauss, two_hot
from clsviz.losses.module import Loss, create, info, names
# isort: on

__all__ = [
    "Loss",
    "brier",
    "comp_sum",
    "create",
    "cross_entropy",
    "dual_head_kd",
    "elr",
    "focal",
    "gce",
    "hinge_cs",
    "hinge_ww",
    "hl_gauss",
    "hyp_ce",
    "hyp_pc",
    "icnn",
    "info",
    "infonce",
    "kd",
    "ldr_kl",
    "look",
    "mae",
    "metrix",
    "mse",
    "multi_similarity",
    "names",
    "nd_loss",
    "norm_softmax",
    "poly1",
    "presto",
    "proto_triplet",
    "self_distill",
    "ssld",
    "supcon",
    "symmetric_ce",
    "triplet",
    "two_hot",
    "unpg",
]
