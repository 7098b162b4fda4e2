"""Outliers by an autoencoder that says how sure it is, which is shown where a sample's neighbours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor, nn

from clsviz.boundary.checks import integer, not_negative, positive, real_array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

MSS = (
    "Improving Autoencoder-based Outlier Detection with Adjustable Probabilistic Reconstruction Error and "
    "Mean-shift Outlier Scoring"
)
LOG_VARIANCE = 6.0  # bound of the log variance: a feature that is met exactly would send it to -inf
WEIGHT = Range(0, 4, step=0.05)


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """What an autoencoder makes of each sample."""

    mean: np.ndarray  # (N, d)
    log_variance: np.ndarray  # (N, d), within 6 of 0; 0 where none was learnt


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder:
    """A trained one."""

    network: nn.ModuleDict  # body, mean, log_variance
    probabilistic: bool

    @torch.no_grad()
    def reconstruct(self, X: Any) -> Reconstruction:
        """What it makes of samples (N, d).

        Raises:
            ShapeError: they have another number of features.
        """
        rows = torch.from_numpy(real_array(X, "X", 2))
        width = self.network["body"][0].in_features  # type: ignore[index]
        if rows.shape[1] != width:
            raise ShapeError(f"X must have {width} features for this autoencoder, got {tuple(rows.shape)}")
        mean, log_v = _heads(self.network, rows, self.probabilistic)
        return Reconstruction(mean.numpy(), log_v.numpy())


@dataclass(frozen=True, slots=True, eq=False)
class OutlierScores:
    """Higher is more of an outlier."""

    score: np.ndarray  # (N,) error of what is made of the shifted sample
    plain: np.ndarray  # (N,) of what is made of the sample itself
    shifted: np.ndarray  # (N, d) where each sample's neighbours are


@method(
    kind="probe",
    title="Mean shift to the nearest neighbours",
    paper=f"{MSS}, arXiv:2304.00709; Yang, Rahardja & Fränti 2021, doi:10.1016/j.patcog.2021.107874",
    formula=r"x_i\leftarrow\tfrac1k\sum_{j\in N_k(i)}x_j",
    needs=("X",),
    k=Range(1, 50, step=1),
    times=Range(0, 5, step=1),
)
def mean_shift(X: Any, *, k: int = 10, times: int = 1) -> np.ndarray:
    """(N, d) samples, each replaced by the mean of its k nearest others, all at once, several times.

    Euclidean; of equal distances the sample that comes first. Inliers stay about where they are, outliers go
    to where the others are.

    Args:
        X: (N, d), N >= 2; scale the features first.
        k: neighbours, >= 1; at most N - 1 are taken.
        times: >= 0; 0 leaves the samples.

    Raises:
        InputError: k or times is no such number. ShapeError: fewer than two samples.
    """
    points = real_array(X, "X", 2)
    if len(points) < 2:
        raise ShapeError("X has one sample, which has no neighbours")
    near = min(integer(k, "k"), len(points) - 1)
    for _ in range(integer(times, "times", 0)):
        apart = cdist(points, points, "sqeuclidean")
        np.fill_diagonal(apart, np.inf)
        points = points[apart.argsort(1, kind="stable")[:, :near]].mean(1)
    return points


@method(
    kind="measure",
    title="Adjustable probabilistic reconstruction error",
    paper=f"{MSS}, arXiv:2304.00709",
    formula=r"\tfrac1d\sum_j\Big(\alpha\,\frac{(x_j-\mu_j)^2}{\sigma_j^2}+\beta\,\log\sigma_j^2\Big)",
    needs=("X", "mean", "log_variance"),
    bias_weight=WEIGHT,
    uncertainty_weight=WEIGHT,
)
def probabilistic_error(
    X: Any, mean: Any, log_variance: Any, *, bias_weight: float = 1.0, uncertainty_weight: float = 1.0
) -> np.ndarray:
    """(N,) errors of reconstructions that say how sure they are.

    With weights of 1 twice the Gaussian's negative log-likelihood per feature, less log(2 pi). With log
    variances of 0 and `bias_weight` 1 the mean squared error.

    Args:
        X: (N, d). mean, log_variance: (N, d) of the reconstructions.
        bias_weight: alpha, >= 0. uncertainty_weight: beta, >= 0.

    Raises:
        InputError: a negative weight. ShapeError: shapes disagree.
    """
    x, mu, log_v = (
        real_array(a, name, 2) for a, name in ((X, "X"), (mean, "mean"), (log_variance, "log_variance"))
    )
    for array, name in ((mu, "mean"), (log_v, "log_variance")):
        if array.shape != x.shape:
            raise ShapeError(f"{name} must be {x.shape} like X, got {array.shape}")
    alpha = not_negative(bias_weight, "bias_weight")
    beta = not_negative(uncertainty_weight, "uncertainty_weight")
    error: np.ndarray = (alpha * (x - mu) ** 2 * np.exp(-log_v) + beta * log_v).mean(1)
    return error


@method(
    kind="probe",
    title="Probabilistic autoencoder",
    paper=f"{MSS}, arXiv:2304.00709",
    formula=r"\min_\theta\ \tfrac1n\sum_i\tfrac1d\sum_j\Big(\alpha\,\frac{(x_{ij}-\mu_j(x_i))^2}"
    r"{\sigma_j^2(x_i)}+\beta\,\log\sigma_j^2(x_i)\Big)",
    needs=("X",),
    hidden=Range(4, 128, step=1),
    code=Range(1, 32, step=1),
    bias_weight=WEIGHT,
    uncertainty_weight=WEIGHT,
    epochs=Range(10, 1000, step=10),
    lr=Range(1e-4, 0.1, log=True),
)
def fit_autoencoder(
    X: Any,
    *,
    probabilistic: bool = True,
    hidden: int = 32,
    code: int = 2,
    bias_weight: float = 1.0,
    uncertainty_weight: float = 1.0,
    epochs: int = 300,
    lr: float = 0.01,
    seed: int = 0,
) -> Autoencoder:
    """Trains an autoencoder on these samples, outliers among them.

    Layers d, hidden, code, hidden and heads for mean and log variance, tanh between; Adam on all samples at
    once, in double precision. Where the weights are not 1 and 1, the variances that fit best are the squared
    errors times alpha / beta.

    Args:
        X: (N, d); scale the features first.
        probabilistic: False learns no variance and minimises the mean squared error.
        hidden: width, >= 1. code: width in the middle, >= 1.
        bias_weight, uncertainty_weight: of `probabilistic_error`, which is minimised; >= 0.
        epochs: >= 1. lr: > 0. seed: of the initial weights.

    Raises:
        InputError: a number that cannot be.
    """
    rows = torch.from_numpy(real_array(X, "X", 2))
    alpha = not_negative(bias_weight, "bias_weight")
    beta = not_negative(uncertainty_weight, "uncertainty_weight")
    rounds, rate = integer(epochs, "epochs"), positive(lr, "lr")
    if not isinstance(probabilistic, bool):
        raise InputError(f"probabilistic must be True or False, got {probabilistic!r}")
    net = _network(rows.shape[1], integer(hidden, "hidden"), integer(code, "code"), integer(seed, "seed", 0))
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(rounds):
        optimizer.zero_grad(set_to_none=True)
        mean, log_v = _heads(net, rows, probabilistic)
        errors = (rows - mean).square()
        loss = (alpha * errors * (-log_v).exp() + beta * log_v) if probabilistic else errors
        loss.mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Autoencoder(net, probabilistic)


@method(
    kind="measure",
    title="Mean-shift outlier scores",
    paper=f"{MSS}, arXiv:2304.00709",
    formula=r"s_i=\tfrac1d\sum_j\Big(\alpha\,\frac{(x_{ij}-\mu_j(\tilde x_i))^2}{\sigma_j^2(\tilde x_i)}"
    r"+\beta\,\log\sigma_j^2(\tilde x_i)\Big),\quad \tilde x=\text{mean shift of }x",
    needs=("X",),
    k=Range(1, 50, step=1),
    times=Range(0, 5, step=1),
    bias_weight=WEIGHT,
    uncertainty_weight=WEIGHT,
)
def mean_shift_outlier(
    X: Any,
    *,
    k: int = 10,
    times: int = 1,
    bias_weight: float = 1.0,
    uncertainty_weight: float = 1.0,
    autoencoder: Autoencoder | None = None,
    seed: int = 0,
) -> OutlierScores:
    """Outlier scores: how unlike a sample is to what an autoencoder makes of the mean of its neighbours.

    An autoencoder may by accident reconstruct an outlier well; shown where the neighbours are, it gives
    something like an inlier. The paper's text was not at hand: that the
    network's input is shifted is read off its summary. Shifting what its output is compared with did worse on
    average over the exhibit's tables.

    Args:
        X: (N, d), N >= 2; scale the features first.
        k, times: of `mean_shift`; with `times` 0 both scores are the plain error.
        bias_weight, uncertainty_weight: of training and score, see `probabilistic_error`.
        autoencoder: one that is trained; None: one of `fit_autoencoder` with these weights.
        seed: of that one.

    Raises:
        InputError, ShapeError: as of the functions it is made of.
    """
    weights = {"bias_weight": bias_weight, "uncertainty_weight": uncertainty_weight}
    shifted = mean_shift(X, k=k, times=times)
    net = fit_autoencoder(X, **weights, seed=seed) if autoencoder is None else autoencoder
    score, plain = (
        probabilistic_error(X, made.mean, made.log_variance, **weights)
        for made in map(net.reconstruct, (shifted, X))
    )
    return OutlierScores(score, plain, shifted)


def _network(d: int, hidden: int, code: int, seed: int) -> nn.ModuleDict:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return nn.ModuleDict(
            {
                "body": nn.Sequential(
                    nn.Linear(d, hidden),
                    nn.Tanh(),
                    nn.Linear(hidden, code),
                    nn.Linear(code, hidden),
                    nn.Tanh(),
                ),
                "mean": nn.Linear(hidden, d),
                "log_variance": nn.Linear(hidden, d),
            }
        ).double()


def _heads(net: nn.ModuleDict, rows: Tensor, probabilistic: bool) -> tuple[Tensor, Tensor]:
    """Means and log variances (N, d)."""
    inner = net["body"](rows)
    mean = net["mean"](inner)
    if not probabilistic:
        return mean, torch.zeros_like(mean)
    return mean, LOG_VARIANCE * (net["log_variance"](inner) / LOG_VARIANCE).tanh()
