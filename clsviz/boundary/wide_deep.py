"""Infinitely wide and deep networks: nearest neighbour, majority vote, or a singular kernel between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from clsviz.boundary.checks import TINY, class_labels, integer, not_negative, positive, real_array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

WIDE = (
    "Radhakrishnan, Belkin & Uhler 2022, Wide and Deep Neural Networks Achieve Optimality for "
    "Classification, arXiv:2204.14126"
)
SAME_DIRECTION = 1 - 1e-12  # cosines above it are 1


@method(
    kind="probe",
    title="Singular kernel classifier",
    paper=WIDE,
    formula=r"\frac{\sum_i\lVert x-x_i\rVert^{-\alpha}1[y_i=k]}{\sum_i\lVert x-x_i\rVert^{-\alpha}}",
    needs=("X_train", "y_train", "X", "n_classes"),
    alpha=Range(0.05, 50, log=True),
)
def singular_kernel_scores(X_train: Any, y_train: Any, X: Any, *, alpha: float, n_classes: int) -> np.ndarray:
    """(N, K) shares of the classes among the training samples, nearer ones counting more.

    Towards alpha 0 it is the majority vote, towards infinity the nearest neighbour; alpha = d, the
    Hilbert kernel, is consistent. On a training point only the points there count.

    Args:
        X_train: (n, d). y_train: (n,) int in [0, n_classes). X: (N, d).
        alpha: exponent, > 0.

    Raises:
        InputError: alpha <= 0, or a label out of range.
        ShapeError: shapes do not fit.
    """
    train, X, onehot = _training(X_train, y_train, X, n_classes)
    distance = cdist(X, train)
    hit = distance == 0
    with np.errstate(divide="ignore"):
        log_weight = -positive(alpha, "alpha") * np.log(distance)
    met = hit.any(1, keepdims=True)
    log_weight = np.where(met, np.where(hit, 0.0, -np.inf), log_weight)
    weight = np.exp(log_weight - logsumexp(log_weight, axis=1, keepdims=True))
    return weight @ onehot


@method(
    kind="probe",
    title="Nearest neighbour",
    paper="Cover & Hart 1967, doi:10.1109/TIT.1967.1053964",
    formula=r"y_{\arg\min_i\lVert x-x_i\rVert}",
    needs=("X_train", "y_train", "X"),
)
def nearest_neighbour_predict(X_train: Any, y_train: Any, X: Any) -> np.ndarray:
    """(N,) label of the nearest training sample, the first of equally near ones.

    Args:
        X_train: (n, d). y_train: (n,) integers >= 0. X: (N, d).

    Raises:
        ShapeError: shapes do not fit.
    """
    labels = class_labels(y_train, "y_train", np.iinfo(np.int64).max)
    train, X, _ = _training(X_train, labels, X, int(labels.max()) + 1)
    return labels[cdist(X, train, "sqeuclidean").argmin(1)]


@method(kind="probe", title="Majority vote", paper=WIDE, needs=("y_train", "n", "n_classes"))
def majority_predict(y_train: Any, n: int, n_classes: int) -> np.ndarray:
    """(n,) the most frequent label, the lowest of equally frequent ones.

    Raises:
        InputError: a label out of range, or n < 1.
    """
    labels = class_labels(y_train, "y_train", n_classes)
    return np.full(integer(n, "n"), np.bincount(labels.ravel(), minlength=n_classes).argmax())


@method(
    kind="probe",
    title="Neural tangent kernel on the sphere",
    paper="Jacot, Gabriel & Hongler 2018, arXiv:1806.07572; Arora et al. 2019, arXiv:1904.11955",
    formula=r"\Theta\leftarrow\Theta\,\kappa_0(\Sigma)+\kappa_1(\Sigma),\quad\Sigma\leftarrow\kappa_1(\Sigma)",
    needs=("X1", "X2"),
    depth=Range(1, 50, step=1),
    activation=("relu",),
)
def ntk_sphere(X1: Any, X2: Any, *, depth: int, activation: str = "relu") -> np.ndarray:
    """(n, m) tangent kernel of an infinitely wide ReLU network, of rows scaled to length 1.

    Args:
        X1: (n, d). X2: (m, d).
        depth: hidden layers, >= 0; equal rows have depth + 1.
        activation: "relu".

    Raises:
        InputError: a zero row, a negative depth, or another activation.
        ShapeError: X1 and X2 have different widths.
    """
    if activation != "relu":
        raise InputError(f'activation must be "relu", got {activation!r}')
    X1, X2 = real_array(X1, "X1", 2), real_array(X2, "X2", 2)
    if X1.shape[1] != X2.shape[1]:
        raise ShapeError(f"X1 has {X1.shape[1]} features and X2 has {X2.shape[1]}")
    cosine = np.clip(_unit_rows(X1, "X1") @ _unit_rows(X2, "X2").T, -1, 1)
    sigma = np.where(cosine > SAME_DIRECTION, 1.0, cosine)
    theta = sigma
    for _ in range(integer(depth, "depth", least=0)):
        angle = math.pi - np.arccos(sigma)
        kappa0, kappa1 = angle / math.pi, (np.sqrt(1 - sigma**2) + sigma * angle) / math.pi
        theta = theta * kappa0 + kappa1
        sigma = np.clip(kappa1, -1, 1)
    return theta


@method(
    kind="probe",
    title="Kernel interpolation",
    paper=WIDE,
    formula=r"K_{\mathrm{test}}\,(K_{\mathrm{train}}+\lambda I)^{-1}\,\mathrm{onehot}(y)",
    needs=("K_train", "y_train", "K_test", "n_classes"),
    ridge=Range(0, 1),
)
def kernel_interpolate(
    K_train: Any, y_train: Any, K_test: Any, *, n_classes: int, ridge: float = 0.0
) -> np.ndarray:
    """(N, K) scores of kernel regression on one-hot labels; without ridge it reproduces them.

    Args:
        K_train: (n, n) kernel of the training samples. y_train: (n,) int in [0, n_classes).
        K_test: (N, n) kernel of the samples with the training samples.
        ridge: added to the diagonal, >= 0.

    Raises:
        InputError: a singular kernel, ridge < 0, or a label out of range.
        ShapeError: shapes do not fit.
    """
    train, test = real_array(K_train, "K_train", 2), real_array(K_test, "K_test", 2)
    labels = class_labels(y_train, "y_train", n_classes)
    n = len(train)
    if train.shape != (n, n) or test.shape[1] != n or labels.shape != (n,):
        raise ShapeError(
            f"K_train (n, n), K_test (N, n) and y_train (n,) do not fit: {train.shape}, {test.shape}, "
            f"{labels.shape}"
        )
    added = not_negative(ridge, "ridge")
    try:
        return test @ np.linalg.solve(train + added * np.eye(n), np.eye(n_classes)[labels])
    except np.linalg.LinAlgError:
        raise InputError("K_train is singular; drop repeated samples or add a ridge") from None


class DepthRegime(NamedTuple):
    """What an infinitely wide network becomes as it grows deep, by three means of its activation."""

    A: float  # mean of the activation under a standard Gaussian
    A1: float  # mean of its slope
    B1: float  # mean of its squared slope
    regime: str  # "majority_vote", "nearest_neighbour", "singular_kernel" or "linear"
    alpha: float | None  # exponent of the singular kernel


@method(
    kind="probe",
    title="Regime at infinite depth",
    paper=WIDE,
    formula=r"\alpha=-4\,\frac{\ln|A'|}{\ln B'}",
    needs=("phi", "dphi"),
)
def infinite_depth_regime(
    phi: Callable[[np.ndarray], np.ndarray],
    dphi: Callable[[np.ndarray], np.ndarray],
    *,
    n_quad: int = 100,
    tol: float = 1e-9,
) -> DepthRegime:
    """Which classifier an infinitely wide network with this activation becomes at infinite depth.

    The exponent is that of the limit; at a finite depth L the kernel shows alpha + 2 where 1 - cosine is
    below 1 / L.

    Args:
        phi, dphi: the activation and its slope, on numpy arrays; scaled here so that its mean square is 1.
        n_quad: points of the Gauss-Hermite quadrature, >= 2.
        tol: means up to it are 0, > 0.

    Raises:
        InputError: the activation is 0 or not finite, or an option outside its range.
    """
    x, weight = np.polynomial.hermite_e.hermegauss(integer(n_quad, "n_quad", least=2))
    weight = weight / math.sqrt(2 * math.pi)
    value, slope = real_array(phi(x), "phi", 1), real_array(dphi(x), "dphi", 1)
    square = float(weight @ value**2)
    if square < TINY:
        raise InputError("phi is 0 everywhere; it has no scale")
    scale, small = 1 / math.sqrt(square), positive(tol, "tol")
    a, a1, b1 = (
        float(weight @ value) * scale,
        float(weight @ slope) * scale,
        float(weight @ slope**2) * scale**2,
    )
    if abs(a) > small:
        return DepthRegime(a, a1, b1, "majority_vote", None)
    if abs(a1) <= small:
        return DepthRegime(a, a1, b1, "nearest_neighbour", None)
    if b1 > 1 + small:
        return DepthRegime(a, a1, b1, "singular_kernel", -4 * math.log(abs(a1)) / math.log(b1))
    return DepthRegime(a, a1, b1, "linear", None)


def _unit_rows(X: np.ndarray, name: str) -> np.ndarray:
    length = np.linalg.norm(X, axis=1, keepdims=True)
    if length.min() < TINY:
        raise InputError(f"{name} holds a zero row, which has no direction")
    return X / length


def _training(
    X_train: Any, y_train: Any, X: Any, n_classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training samples, samples, and (n, K) one-hot labels."""
    train, X = real_array(X_train, "X_train", 2), real_array(X, "X", 2)
    labels = class_labels(y_train, "y_train", n_classes)
    if labels.shape != (len(train),) or X.shape[1] != train.shape[1]:
        raise ShapeError(
            f"X_train (n, d), y_train (n,) and X (N, d) do not fit: {train.shape}, {labels.shape}, {X.shape}"
        )
    return train, X, np.eye(n_classes)[labels]
