"""The loss that makes prototypes both classify well and look like data."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from torch import Tensor
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError
from clsviz.prototypes.checks import class_indices, columns_like, real_tensor
from clsviz.prototypes.networks import squared_distances

P = ParamSpec("P")
R = TypeVar("R")
TENSORS = ("logits", "z", "prototypes", "x", "reconstruction")


def refuse_non_finite(loss: Callable[P, R]) -> Callable[P, R]:
    """Direct callers get an error for NaN and inf.

    The catalogue, and with it every training step, holds the loss below this: there NaN must come
    out as NaN (it ends a run as diverged), and a look at the values would wait for the device.
    """

    @functools.wraps(loss)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = inspect.signature(loss).bind(*args, **kwargs).arguments
        for name in TENSORS:
            real_tensor(given[name], name)
        return loss(*args, **kwargs)

    return checked


@dataclass(frozen=True, slots=True, eq=False)
class PrototypeLosses:
    """The four terms, unweighted, and their weighted sum; 0-d tensors with gradient."""

    cross_entropy: Tensor  # nats, mean over samples
    autoencoder: Tensor  # squared error summed over pixels, mean over samples
    r1: Tensor  # squared distance of a prototype to its nearest sample, mean over prototypes
    r2: Tensor  # squared distance of a sample to its nearest prototype, mean over samples
    total: Tensor


@refuse_non_finite
@method(
    kind="loss",
    title="Prototype losses",
    paper="Li, Liu, Chen & Rudin 2018, arXiv:1710.04806, section 3.2",
    formula=r"\lambda_c E+\lambda_{ae}R+\lambda_1\,\tfrac1M\sum_m\min_n\lVert p_m-z_n\rVert^2"
    r"+\lambda_2\,\tfrac1N\sum_n\min_m\lVert z_n-p_m\rVert^2",
    needs=("logits", "targets", "z", "prototypes", "x", "reconstruction"),
    facts={"group": "Prototypes"},
    lambda_class=Range(0, 100, step=1),
    lambda_ae=Range(0, 10, step=0.1),
    lambda_1=Range(0, 10, step=0.1),
    lambda_2=Range(0, 10, step=0.1),
)
def prototype_losses(
    logits: Tensor,
    targets: Tensor,
    z: Tensor,
    prototypes: Tensor,
    x: Tensor,
    reconstruction: Tensor,
    *,
    lambda_class: float = 20.0,
    lambda_ae: float = 1.0,
    lambda_1: float = 1.0,
    lambda_2: float = 1.0,
) -> PrototypeLosses:
    """Cross entropy, reconstruction, and the two terms that tie prototypes and samples together.

    Args:
        logits: (N, C) float.
        targets: (N,) int in [0, C).
        z: (N, L) latent codes of the batch.
        prototypes: (M, L).
        x: (N, ...) the batch.
        reconstruction: as `x`.
        lambda_class, lambda_ae, lambda_1, lambda_2: weights of the terms, >= 0.

    Returns:
        PrototypeLosses; minimise `total`.

    Raises:
        ShapeError: lengths, latent widths or image shapes disagree.
        InputError: NaN or inf, a target outside [0, C), a negative weight.
    """
    weights = {
        "lambda_class": lambda_class,
        "lambda_ae": lambda_ae,
        "lambda_1": lambda_1,
        "lambda_2": lambda_2,
    }
    for name, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise InputError(f"{name} must be >= 0 and finite, got {weight!r}")
    logits = real_tensor(logits, "logits", 2, finite=False)
    targets = class_indices(targets, "targets", len(logits), logits.shape[1])
    x = real_tensor(x, "x", finite=False)
    reconstruction = real_tensor(reconstruction, "reconstruction", finite=False)
    z = real_tensor(z, "z", 2, finite=False)
    prototypes = real_tensor(prototypes, "prototypes", 2, finite=False)
    columns_like(z, "z", prototypes, "prototypes")
    if x.shape != reconstruction.shape:
        raise ShapeError(
            f"reconstruction must have the shape of x: {tuple(reconstruction.shape)} and {tuple(x.shape)}"
        )
    for name, rows in (("z", len(z)), ("x", len(x))):
        if rows != len(logits):
            raise ShapeError(f"{name} has {rows} rows but logits has {len(logits)}")
    distances = squared_distances(z, prototypes)
    cross_entropy = functional.cross_entropy(logits, targets)
    autoencoder = (x - reconstruction).square().flatten(1).sum(1).mean()
    r1, r2 = distances.amin(0).mean(), distances.amin(1).mean()
    total = lambda_class * cross_entropy + lambda_ae * autoencoder + lambda_1 * r1 + lambda_2 * r2
    return PrototypeLosses(cross_entropy, autoencoder, r1, r2, total)
