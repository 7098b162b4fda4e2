"""What can be proved of networks: linear, fully connected, bumps, prototypes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from torch import nn

from clsviz.boundary.calling import logits_at
from clsviz.boundary.certificates import (
    certified_radius_lipschitz,
    certified_radius_prototypes,
    certified_radius_rbf,
)
from clsviz.boundary.checks import TINY, real_array
from clsviz.boundary.margins import multiclass_linear_margin
from clsviz.catalogue import method
from clsviz.errors import InputError, ShapeError
from clsviz.models import NearestPrototype, network


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCertificate:
    """What a network says of each sample, how far round it that holds, and how that is known."""

    predictions: np.ndarray  # (N,) int64
    radius: np.ndarray  # (N,) >= 0, Euclidean, in units of the features
    # "linear": exact; "rbf": slopes of the bumps; "lipschitz": one constant for all samples; "prototypes":
    # distances to them, over the constant of the layers below
    by: str
    lipschitz: float  # that constant; NaN for the others


@method(
    kind="measure",
    title="Lipschitz bound of a network",
    paper="Szegedy et al. 2014, arXiv:1312.6199, section 4.3",
    formula=r"L\le\prod_l\sigma_{\max}(W_l)",
    needs=("model",),
)
def lipschitz_bound(model: Any) -> float:
    """Product of the layers' largest singular values: so much the logits change at most, per unit of input.

    Both lengths are Euclidean. ReLU and tanh stretch nothing, so it is a bound; usually far from the least.

    Args:
        model: linear or fully connected network with ReLU or tanh, as `clsviz.models.network` knows them.

    Raises:
        InputError: any other model.
    """
    weights, _ = _layers(model)
    return float(prod(np.linalg.norm(W, 2) for W in weights))


@method(
    kind="measure",
    title="Certified radius of a network",
    paper="Tsuzuku, Sato & Sugiyama 2018, arXiv:1802.04034; of bumps: arXiv:2412.15499",
    formula=r"\frac{z_{(1)}-z_{(2)}}{\sqrt2\,\prod_l\sigma_{\max}(W_l)}",
    needs=("model", "X"),
)
def certified_radius_network(model: Any, X: Any) -> NetworkCertificate:
    """The radius within which a network provably keeps its class, by whichever bound fits its architecture.

    A linear network: the exact distance to the nearest boundary. Radial basis functions: no bump is steeper
    than sqrt(2 gamma / e). Fully connected layers: `lipschitz_bound`. Nearest prototypes: distances to them
    (`certified_radius_prototypes`), divided by how much the layers below may stretch.

    Args:
        model: one of these networks, as `clsviz.models.network` knows them, or clsviz's nearest_prototype;
            left as found.
        X: (N, d).

    Raises:
        InputError: any other model, or one class.
        ShapeError: X has another number of features.
    """
    X = real_array(X, "X", 2)
    if isinstance(model, NearestPrototype):
        return _of_prototypes(model, X)
    about = network(model)
    if about is None:
        raise _no_certificate(model)
    if X.shape[1] != about["sizes"][0]:
        raise ShapeError(f"X must have {about['sizes'][0]} features for this network, got {X.shape}")
    if about["sizes"][-1] < 2:
        raise InputError("model has one output; a boundary needs two classes")
    if about["kind"] == "rbf":
        P, log_gamma, a, bias = (p.detach().double().cpu().numpy() for p in model.parameters())
        gamma = float(np.exp(log_gamma[0]))
        found = certified_radius_rbf(P, a, gamma, X, bias=bias)
        return NetworkCertificate(found.predictions, found.radius, "rbf", float("nan"))
    logits = logits_at(copy.deepcopy(model).double(), X)
    calls = logits.argmax(1)
    if about["kind"] == "linear":
        (W,), (b,) = _layers(model)
        radius = np.maximum(multiclass_linear_margin(W, b, X, calls), 0.0)
        return NetworkCertificate(calls, radius, "linear", float("nan"))
    constant = lipschitz_bound(model)
    lead = certified_radius_lipschitz(logits, 1.0)
    radius = lead / constant if constant > 0 else np.where(lead > 0, np.inf, 0.0)
    return NetworkCertificate(calls, radius, "lipschitz", constant)


def _of_prototypes(model: NearestPrototype, X: np.ndarray) -> NetworkCertificate:
    layers = [layer for layer in model.body.children() if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().double().cpu().numpy() for layer in layers]
    below = float(prod(np.linalg.norm(W, 2) for W in weights))
    width = weights[0].shape[1] if weights else model.prototypes.shape[1]
    if X.shape[1] != width:
        raise ShapeError(f"X must have {width} features for this network, got {X.shape}")
    points = logits_at(copy.deepcopy(model.body).double(), X) if weights else X
    found = certified_radius_prototypes(model.prototypes, model.prototype_labels, points)
    return NetworkCertificate(found.predictions, found.radius / max(below, TINY), "prototypes", below)


def _layers(model: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights (out, in) and biases (out,) of the layers, float64."""
    about = network(model)
    if about is None or about["kind"] == "rbf":
        raise _no_certificate(model)
    parameters = [p.detach().double().cpu().numpy() for p in model.parameters()]
    return parameters[::2], parameters[1::2]


def _no_certificate(model: Any) -> InputError:
    return InputError(
        "model must be linear, fully connected (ReLU or tanh) or, for a radius, clsviz's rbf or "
        f"nearest_prototype; of a {type(model).__name__} nothing is proved here: certified_radius_smoothing "
        "can vote with any model"
    )
