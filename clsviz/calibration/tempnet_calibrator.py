"""TempNet after training: a small network learns a temperature for each sample from its logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clsviz.calibration.inputs import Array, as_labels, as_logits, log_softmax
from clsviz.calibration.temperature import apply_temperature, fit_temperature
from clsviz.calibration.temperature_net import TemperatureNet, fitted_net
from clsviz.calibration.tempnet import PAPER, RHO, tempnet_terms
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

GAPS = 9  # to as many of the next logits the network looks


@dataclass(frozen=True, slots=True, eq=False)
class TempNet:
    """A learnt temperature of each sample."""

    net: TemperatureNet
    rho: float  # distance from uniform it was taught, nats
    n_classes: int

    def temperature(self, logits: ArrayLike) -> Array:
        """(N,) temperatures of logits (N, K), or (N,) for two classes.

        Raises:
            ShapeError: another number of classes than it was fitted on.
        """
        z = as_logits(logits)
        if z.shape[1] != self.n_classes:
            raise ShapeError(f"logits must have the {self.n_classes} classes of the fit, got {z.shape[1]}")
        return self.net(_gaps(z))


@method(
    kind="calibrator",
    title="TempNet",
    paper=PAPER,
    formula=r"\min_\phi \frac1N \sum_i \tau_i \, \mathrm{CE}(z_i / \tau_i, y_i) + (\rho - \log K) \, \tau_i, "
    r"\quad \tau_i = \tau_\phi(z_i)",
    rho=RHO,
    steps=Range(0, 1000, step=10),
)
def fit_tempnet(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    rho: float | None = None,
    bounds: tuple[float, float] = (0.05, 20.0),
    steps: int = 200,
    seed: int = 0,
) -> TempNet:
    """A network from logits to temperatures that makes `tempnet_loss` small; it begins at the fitted T.

    The loss asks of all samples the same distance from uniform, whatever their labels: the longer it
    is trained, the more alike confidences become. With `rho` None that distance is the mean one at the
    temperature of `fit_temperature`, which then is also the best single temperature for this loss.

    Args:
        logits: (N, K) scores of held-out data; (N,) for two classes.
        labels: (N,) integers in 0..K-1.
        rho: distance from uniform, >= 0, in nats.
        bounds: least and largest temperature, 0 < low < high.
        steps: of the optimiser; 0 leaves the fitted temperature.
        seed: of the network's first weights.

    Raises:
        InputError: bad logits, labels or options; the message names the argument.
    """
    import torch

    z = as_logits(logits)
    y = as_labels(labels, *z.shape)
    start = fit_temperature(z, y, bounds=bounds).temperature
    if rho is None:
        log_p = log_softmax(z / start)
        rho = float(np.log(z.shape[1]) + (np.exp(log_p) * log_p).sum(1).mean())
    if not 0 <= rho < np.inf:
        raise InputError(f"rho must be >= 0 and finite, got {rho!r}")
    scores, classes = torch.from_numpy(z), torch.from_numpy(y)
    net = fitted_net(
        _gaps(z),
        lambda tau, rows: tempnet_terms(scores[rows], classes[rows], tau, rho=rho).mean(),
        start=start,
        bounds=bounds,
        steps=steps,
        seed=seed,
    )
    return TempNet(net, float(rho), z.shape[1])


def apply_tempnet(fit: TempNet, logits: ArrayLike) -> Array:
    """(N, K) probabilities at each sample's temperature; the top class stays the same.

    Raises:
        InputError: bad logits, or another number of classes than it was fitted on.
    """
    return apply_temperature(logits, fit.temperature(logits))


def _gaps(z: Array) -> Array:
    """(N, F) log(1 + lead) of the top logit over the next ones: the same however the classes are numbered."""
    ordered = -np.sort(-z, axis=1)
    return np.log1p(ordered[:, :1] - ordered[:, 1 : GAPS + 1])
