"""Losses: pure functions from logits or embeddings and targets to one term per row, and thin modules.

`names`, `info` and `create` are the way in.
"""

# isort: off
# The order of import is the order of names().
from clsviz.losses.standard import cross_entropy, brier, mse
from clsviz.losses.hinge import hinge_cs, hinge_ww
from clsviz.losses.rival_sums import comp_sum, comp_sum_adv, gce, mae
from clsviz.losses.distributional import ldr_kl, aldr_kl, dro_temperature
from clsviz.losses.reshaped import focal, focal_sd, poly1, symmetric_ce
from clsviz.losses.normalised import nce
from clsviz.losses.ensemble import ens_loss
from clsviz.losses.spherical import z_loss, log_spherical, log_taylor
from clsviz.losses.confidence import dco, correctness_aware, logit_norm
from clsviz.losses.soft_metrics import anyloss, dice, tversky, dsc
from clsviz.losses.weighting import dynamic_reweight, meta_rescale, self_paced
from clsviz.losses.early_learning import elr
from clsviz.losses.aggregate import aggregate
from clsviz.losses.multilabel import hybrid_multilabel
from clsviz.losses.distillation import kd, self_distill, dual_head_kd, nd_loss, ssld
from clsviz.losses.hyperspherical import norm_softmax, unpg
from clsviz.losses.hyperbolic import hyp_ce, hyp_pc
from clsviz.losses.contrastive import supcon, infonce
from clsviz.losses.triplets import triplet, proto_triplet, icnn
from clsviz.losses.pair_weighting import multi_similarity, metrix
from clsviz.losses.leave_one_out import look
from clsviz.losses.ordinal import presto
from clsviz.losses.value_bins import hl_gauss, two_hot
from clsviz.losses.module import Loss, create, info, names

# isort: on
from clsviz.losses.profile import group_shares, loss_profile, loss_simplex, loss_terms, sample_groups

__all__ = [
    "Loss",
    "aggregate",
    "aldr_kl",
    "anyloss",
    "brier",
    "comp_sum",
    "comp_sum_adv",
    "correctness_aware",
    "create",
    "cross_entropy",
    "dco",
    "dice",
    "dro_temperature",
    "dsc",
    "dual_head_kd",
    "dynamic_reweight",
    "elr",
    "ens_loss",
    "focal",
    "focal_sd",
    "gce",
    "group_shares",
    "hinge_cs",
    "hinge_ww",
    "hl_gauss",
    "hybrid_multilabel",
    "hyp_ce",
    "hyp_pc",
    "icnn",
    "info",
    "infonce",
    "kd",
    "ldr_kl",
    "log_spherical",
    "log_taylor",
    "logit_norm",
    "look",
    "loss_profile",
    "loss_simplex",
    "loss_terms",
    "mae",
    "meta_rescale",
    "metrix",
    "mse",
    "multi_similarity",
    "names",
    "nce",
    "nd_loss",
    "norm_softmax",
    "poly1",
    "presto",
    "proto_triplet",
    "sample_groups",
    "self_distill",
    "self_paced",
    "ssld",
    "supcon",
    "symmetric_ce",
    "triplet",
    "tversky",
    "two_hot",
    "unpg",
    "z_loss",
]
