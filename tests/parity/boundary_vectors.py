"""Numbers of clsviz.boundary that the browser's planes, tilt and logistic regression must reproduce."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from clsviz import boundary


def samples(seed: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Two overlapping classes of unequal size, float64 rounded so that the file shows them exactly."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 5 < 2).astype(np.int64)
    spread = np.linspace(1.5, 0.4, d)  # no two axes of a PCA alike
    return (rng.normal(size=(n, d)) * spread + y[:, None]).round(6), y


def tilt_case(seed: int, n: int, d: int) -> dict[str, Any]:
    X, y = samples(seed, n, d)
    rng = np.random.default_rng(seed + 100)
    w, b = rng.normal(size=d).round(6), round(float(rng.normal()), 6)
    basis = boundary.tilting_basis(w, X, y)
    near = boundary.nearest_centroid_classifier(X, y)
    midpoint = (X[y == 0].mean(0) + X[y == 1].mean(0)) / 2
    tilted = []
    for theta in (-1.0, 0.0, 0.3, basis.theta, 1.5):
        rule = boundary.tilted_classifier(basis.z, basis.n, theta, midpoint)
        tilted.append(
            {
                "theta": theta,
                "w": rule.w,
                "b": rule.b,
                "deviation_angle": boundary.deviation_angle(rule.w, X, y),
                "adversarial_strength": boundary.adversarial_strength(rule.w, rule.b, X, y),
                "adversarial_distance": boundary.adversarial_distance(rule.w, rule.b, X, y),
            }
        )
    return {
        "X": X,
        "y": y,
        "w": w,
        "b": b,
        "nearest_centroid": {"w": near.w, "b": near.b, "distance": near.distance},
        "deviation_angle": boundary.deviation_angle(w, X, y),
        "adversarial_strength": boundary.adversarial_strength(w, b, X, y),
        "adversarial_distance": boundary.adversarial_distance(w, b, X, y),
        "adversarial_distance_plain": boundary.adversarial_distance(w, b, X, y, balanced=False),
        "mirror_image": boundary.mirror_image(X[:3], w, b),
        "projected_image": boundary.projected_image(X[:3], w, b),
        "linear_margin": boundary.linear_margin(w, b, X, y),
        "basis": {"z": basis.z, "n": basis.n, "theta": basis.theta, "coords": basis.coords},
        "midpoint": midpoint,
        "tilted": tilted,
        "logistic_l2": [
            {"lam": lam, "w": fit.w, "b": fit.b}
            for lam in (1e-4, 1e-2, 1.0, 100.0)
            for fit in [boundary.logistic_l2(X, y, lam)]
        ],
    }


def plane_case(seed: int, n: int, d: int) -> dict[str, Any]:
    X, _ = samples(seed, n, d)
    pca, three = boundary.pca_plane(X), boundary.plane_from_points(X[0], X[1], X[2])
    coords = np.array([[0.0, 0.0], [1.0, -2.0], [0.5, 0.25]])
    return {
        "X": X,
        "coords": coords,
        "pca_plane": {
            "origin": pca.origin,
            "u": pca.u,
            "v": pca.v,
            "explained": pca.explained,
            "projected": boundary.plane_project(pca, X),
            "lifted": boundary.plane_lift(pca, coords),
        },
        "plane_from_points": {
            "origin": three.origin,
            "u": three.u,
            "v": three.v,
            "coords": three.coords,
            "projected": boundary.plane_project(three, X),
            "lifted": boundary.plane_lift(three, coords),
        },
    }


def lda_case(seed: int, n: int, d: int, k: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    X = (rng.normal(size=(n, d)) * np.linspace(1.5, 0.4, d) + 1.5 * rng.normal(size=(k, d))[y]).round(6)
    X[:, 0] = 2.5  # a pixel that never varies
    plane = boundary.lda_plane(X, y)
    return {"X": X, "y": y, "origin": plane.origin, "u": plane.u, "v": plane.v, "explained": plane.explained}


def network_case(seed: int, sizes: list[int]) -> dict[str, Any]:
    """Activation patterns of a ReLU network on the grid of a plane, and the plane along an attack on it."""
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    theta = torch.cat([p.detach().flatten() for p in net.parameters()]).numpy().astype(np.float64)
    net.double()
    d, side = sizes[0], 17
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(30, d)).round(6), np.arange(30) % sizes[-1]
    plane = boundary.pca_plane(X)
    axis = np.linspace(-2.1, 2.3, side)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    on = boundary.activation_pattern(net, boundary.plane_lift(plane, points))
    attack = boundary.attack_plane(net, X[0], X[1:], y[1:])
    return {
        "sizes": sizes,
        "theta": theta,
        "X": X,
        "y": y,
        "plane": {"origin": plane.origin, "u": plane.u, "v": plane.v},
        "lim": [-2.1, 2.3],
        "side": side,
        "patterns": on.astype(np.int64),
        "cells": boundary.count_linear_regions(on),
        "attack": {
            "path": attack.path,
            "coords": attack.coords,
            "distance": attack.distance,
            "called": list(attack.called),
            "neighbour": attack.neighbour,
            "u": attack.plane.u,
            "v": attack.plane.v,
        },
    }


def plain(value: Any) -> Any:
    """Arrays as lists, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def vectors() -> dict[str, Any]:
    """Tilt and logistic regression on small two-class sets, planes through small clouds."""
    return plain(
        {
            "tilt": [tilt_case(0, 20, 2), tilt_case(1, 30, 5), tilt_case(2, 15, 12)],
            "planes": [plane_case(3, 12, 2), plane_case(4, 25, 6), plane_case(5, 6, 10)],
            "lda": [lda_case(6, 30, 4, 2), lda_case(7, 60, 6, 3), lda_case(8, 90, 12, 5)],
            "networks": [network_case(9, [2, 8, 3]), network_case(10, [6, 12, 10, 4])],
        }
    )
