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
from clsviz.losses.module import Loss, create, info, names
# isort: on

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
    "dynamic_reweight",
    "elr",
    "ens_loss",
    "focal",
    "focal_sd",
    "gce",
    "hinge_cs",
    "hinge_ww",
    "hybrid_multilabel",
    "info",
    "ldr_kl",
    "log_spherical",
    "log_taylor",
    "logit_norm",
    "mae",
    "meta_rescale",
    "mse",
    "names",
    "nce",
    "poly1",
    "self_paced",
    "symmetric_ce",
    "tversky",
    "z_loss",
]
