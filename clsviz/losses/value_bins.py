"""Classification in place of regression: a number becomes a distribution over bins."""

from __future__ import annotations

import torch
from torch import Tensor

from clsviz.catalogue import Range
from clsviz.losses.row import POSITIVE, loss
from clsviz.losses.safe import in_float64, like, log_probs

PAPER = "Stop Regressing: Training Value Functions via Classification for Scalable Deep RL"
ORDERED = {"vmin < vmax": lambda *, vmin, vmax, **_: vmin < vmax}


def _clipped(values: Tensor, vmin: float | Tensor, vmax: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values within the bins, vmin and vmax, in float64: differences of large numbers follow."""
    values = in_float64(values.detach())
    low, high = like(vmin, values), like(vmax, values)
    return torch.maximum(torch.minimum(values, high), low), low, high


def _mean_of_bins(
    logits: Tensor, *, vmin: float | Tensor, vmax: float | Tensor, **_: float | Tensor
) -> Tensor:
    places = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device) + 0.5
    return logits.softmax(-1) @ (vmin + (vmax - vmin) * places / len(places))


def _mean_of_atoms(logits: Tensor, *, vmin: float | Tensor, vmax: float | Tensor) -> Tensor:
    places = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    return logits.softmax(-1) @ (vmin + (vmax - vmin) * places / (len(places) - 1))


@loss(
    title="Histogram loss (HL-Gauss)",
    paper=PAPER,
    formula=r"\ell = -\sum_i q_i \log p_i, \quad "
    r"q_i \propto \Phi \Big( \frac{e_{i+1} - t}{\sigma} \Big) - \Phi \Big( \frac{e_i - t}{\sigma} \Big)",
    certainty="C",
    group="Ordinal and values",
    row_kind="value_bins",
    targets="values",
    domains={"sigma_ratio": POSITIVE},
    relations=ORDERED,
    decode=_mean_of_bins,
    sigma_ratio=Range(0.1, 3),
)
def hl_gauss(
    logits: Tensor, targets: Tensor, *, vmin: float = -3.0, vmax: float = 3.0, sigma_ratio: float = 0.75
) -> Tensor:
    """Cross entropy to a bell round the target value, cut into bins.

    arXiv:2403.03950, arXiv:1806.04613. The value predicted is the mean of the bins' centres.

    Args:
        logits: (N, C) float, one for each of C equal bins from vmin to vmax.
        targets: (N,) float, clipped to [vmin, vmax].
        vmin, vmax: ends of the bins, vmin < vmax.
        sigma_ratio: width of the bell (standard deviation) in bins; > 0.
    """
    t, low, high = _clipped(targets, vmin, vmax)
    bins = logits.shape[-1]
    width = (high - low) / bins
    edges = low + width * torch.arange(bins + 1, dtype=t.dtype, device=t.device)
    mass = torch.special.ndtr((edges - t.unsqueeze(-1)) / (sigma_ratio * width)).diff(dim=-1)
    q = mass / mass.sum(-1, keepdim=True)
    return -(q.to(logits.dtype) * log_probs(logits)).sum(-1)


@loss(
    title="Two-hot",
    paper=PAPER,
    formula=r"\ell = -(1-f) \log p_j - f \log p_{j+1}, \quad j + f = \frac{t - v_{\min}}{w}",
    certainty="M",
    group="Ordinal and values",
    row_kind="value_bins",
    targets="values",
    relations=ORDERED,
    decode=_mean_of_atoms,
)
def two_hot(logits: Tensor, targets: Tensor, *, vmin: float = -3.0, vmax: float = 3.0) -> Tensor:
    """Cross entropy to the two atoms next to the target value, so weighted that their mean is it.

    arXiv:2403.03950.

    Args:
        logits: (N, C) float, one for each of C equally spaced atoms from vmin to vmax.
        targets: (N,) float, clipped to [vmin, vmax].
        vmin, vmax: first and last atom, vmin < vmax.
    """
    t, low, high = _clipped(targets, vmin, vmax)
    u = ((t - low) / (high - low) * (logits.shape[-1] - 1)).unsqueeze(-1)
    j = u.floor().clamp(max=logits.shape[-1] - 2).long()
    f = (u - j).to(logits.dtype)
    log_p = log_probs(logits)
    return -((1 - f) * log_p.gather(-1, j) + f * log_p.gather(-1, j + 1)).squeeze(-1)
