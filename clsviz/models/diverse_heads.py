"""One body with several heads, and losses that make them fit alike and disagree on samples without labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.errors import InputError, ShapeError
from clsviz.models.init_scale import INIT_SCALE, scale_weights
from clsviz.models.mlp import ACTIVATIONS
from clsviz.models.widths import widths

COMPONENTS = "Unraveling the Key Components of OOD Generalization via Diversification"
DIVDIS = "Lee, Yao & Finn 2022, Diversify and Disambiguate, arXiv:2202.03418"
DBAT = "Pagliardini et al. 2022, Agree to Disagree, arXiv:2202.04414"
TINY = 1e-12  # probability whose logarithm is taken at least
EPS = 1e-7  # of `dbat`, as of clsviz.boundary.dbat_disagreement


@method(
    kind="model",
    name="diverse_heads",
    title="Several heads that disagree",
    paper=f"{COMPONENTS}; {DIVDIS}",
    formula=r"z^{(h)} = W_h\,\phi(x) + b_h",
    needs=("n_features", "n_classes"),
    facts={
        "gives": ["head_logits"],
        "data": "shortcut",
        "companions": {
            "loss": {"name": "divdis", "params": {}},
            "optimizer": {"name": "adam", "params": {"lr": 0.01}},
        },
    },
    heads=Range(2, 6, step=1, unit="heads"),
    head=Range(0, 6, step=1, unit="head that answers; 0 is their mean"),
    hidden=((), (16,), (64,), (32, 32)),
    activation=tuple(ACTIVATIONS),
    init_scale=INIT_SCALE,
)
class DiverseHeads(nn.Module):
    """Fully connected hidden layers that linear heads share; one of them answers, or their mean.

    Which one answers changes nothing in training: every head is trained alike.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        heads: how many, >= 1.
        head: whose logits are the model's, 1..heads; 0 is the logarithm of their mean probability.
        hidden: width of each shared layer; none for linear heads.
        activation: ``"relu"`` or ``"tanh"``.
        init_scale: multiplies all initial weights, > 0.

    Raises:
        InputError: a width, count or scale that cannot be, no such head, an unknown activation.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        heads: int = 2,
        head: int = 0,
        hidden: Sequence[int] = (16,),
        activation: str = "relu",
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        number, self.answers = checks.count(heads, "heads"), checks.count(head, "head", 0)
        if self.answers > number:
            raise InputError(f"head must be in 0..{number}, one of the heads or 0 for their mean, got {head}")
        if activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {list(ACTIVATIONS)}, not {activation!r}")
        sizes = [n_features, *(widths(hidden, "hidden") if len(hidden) else [])]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), ACTIVATIONS[activation]()]
        self.body = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(sizes[-1], n_classes) for _ in range(number))
        scale_weights(self, init_scale)

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K) of the head that answers, `head_logits` (N, H, K) of all, `embeddings` (N, W)."""
        embeddings = self.body(x)
        heads = torch.stack([head(embeddings) for head in self.heads], 1)
        if self.answers:
            logits = heads[:, self.answers - 1]
        else:
            logits = heads.log_softmax(2).logsumexp(1) - np.log(heads.shape[1])
        return {"logits": logits, "head_logits": heads, "embeddings": embeddings}

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.outputs(x)["logits"]


def mutual_information(p1: Tensor, p2: Tensor) -> Tensor:
    """What `clsviz.boundary.divdis_mutual_information` measures, with gradient, of probabilities (m, K)."""
    joint = p1.transpose(0, 1) @ p2 / len(p1)
    apart = torch.outer(p1.mean(0), p2.mean(0))
    return (joint * (joint.clamp_min(TINY) / apart.clamp_min(TINY)).log()).sum()


def disagreement(p1: Tensor, p2: Tensor) -> Tensor:
    """Loss that is small where two heads answer differently, of probabilities (m, K), with gradient.

    For two classes it is `clsviz.boundary.dbat_disagreement`: the chance that answers drawn from both differ.
    """
    return -(1 - (p1 * p2).sum(1) + EPS).log().mean()


@method(
    kind="loss",
    title="Heads that tell nothing of each other",
    paper=f"{DIVDIS}; {COMPONENTS}",
    formula=r"\ell = \frac1H \sum_h -\log \mathrm{softmax}(z^{(h)})_y + w \, \mathrm{mean}_{g<h} "
    r"I\big(\hat y^{(g)}(u); \hat y^{(h)}(u)\big)",
    needs=("head_logits", "targets", "unlabelled_head_logits"),
    facts={"group": "Diversification", "vmap": True, "data": "shortcut"},
    weight=Range(0, 50, step=0.5),
)
def divdis(
    head_logits: Tensor, targets: Tensor, unlabelled_head_logits: Tensor, *, weight: float = 10.0
) -> Tensor:
    """Cross-entropy of all heads, and the mutual information of their answers on samples without labels.

    Args:
        head_logits: (N, H, K) float, of labelled samples. targets: (N,) int64.
        unlabelled_head_logits: (M, H, K), of samples without labels.
        weight: of the information, >= 0, a mean over pairs of heads.

    Returns:
        (N,) terms; the information is the same in each.

    Raises:
        ShapeError: shapes disagree. InputError: a negative weight.
    """
    return _diversified(head_logits, targets, unlabelled_head_logits, weight, mutual_information)


@method(
    kind="loss",
    title="Heads that answer differently",
    paper=f"{DBAT}; {COMPONENTS}",
    formula=r"\ell = \frac1H \sum_h -\log \mathrm{softmax}(z^{(h)})_y - w \, \mathrm{mean}_{g<h,\,u} "
    r"\log\Big(1 - \sum_k p^{(g)}_k(u)\, p^{(h)}_k(u)\Big)",
    needs=("head_logits", "targets", "unlabelled_head_logits"),
    facts={"group": "Diversification", "vmap": True, "data": "shortcut"},
    weight=Range(0, 5, step=0.05),
)
def dbat(
    head_logits: Tensor, targets: Tensor, unlabelled_head_logits: Tensor, *, weight: float = 1.0
) -> Tensor:
    """Cross-entropy of all heads, and a loss that is small where they disagree on samples without labels.

    All heads are trained at once; the paper trains one after the other.

    Args:
        head_logits, targets, unlabelled_head_logits: as of `divdis`.
        weight: of the disagreement, >= 0, a mean over pairs of heads.

    Returns:
        (N,) terms; the disagreement is the same in each.

    Raises:
        ShapeError: shapes disagree. InputError: a negative weight.
    """
    return _diversified(head_logits, targets, unlabelled_head_logits, weight, disagreement)


def _diversified(heads: Tensor, targets: Tensor, elsewhere: Tensor, weight: float, term: Any) -> Tensor:
    if heads.ndim != 3 or heads.shape[0] != len(targets) or elsewhere.shape[1:] != heads.shape[1:]:
        raise ShapeError(
            "head_logits must be (N, H, K) with N targets and unlabelled_head_logits (M, H, K), got "
            f"{tuple(heads.shape)}, {tuple(targets.shape)} and {tuple(elsewhere.shape)}"
        )
    if isinstance(weight, int | float) and not 0 <= weight < float("inf"):  # a tensor: a fan's
        raise InputError(f"weight must be >= 0 and finite, got {weight!r}")
    n, number, k = heads.shape
    repeated = targets.unsqueeze(1).expand(n, number).reshape(-1)
    fits = functional.cross_entropy(heads.reshape(-1, k), repeated, reduction="none").view(n, number).mean(1)
    p = elsewhere.softmax(2)
    pairs = list(combinations(range(number), 2))
    if not pairs:
        return fits
    return fits + weight * torch.stack([term(p[:, g], p[:, h]) for g, h in pairs]).mean()


class Disambiguation(NamedTuple):
    """Which head a few labels speak for."""

    head: int  # 1..H, as the model's parameter `head`
    accuracies: np.ndarray  # (H,) of each head on these samples


@method(
    kind="measure",
    title="Choice of a head by few labels",
    paper=DIVDIS,
    formula=r"\arg\max_h \tfrac1n \sum_i 1[\hat y^{(h)}_i = y_i]",
    needs=("head_logits", "labels"),
)
def disambiguate(head_logits: Any, labels: Any) -> Disambiguation:
    """The head that is right most often on a few samples with labels; of equals the first.

    Args:
        head_logits: (N, H, K), the heads' answers for these samples.
        labels: (N,) their classes, in [0, K).

    Raises:
        ShapeError: shapes disagree. InputError: a label outside [0, K), numbers that are not finite.
    """
    z = checks.floats(head_logits, "head_logits", "(N, H, K)")
    y = checks.labels(labels, z.shape[2], "labels")
    if len(y) != len(z):
        raise ShapeError(f"head_logits has {len(z)} rows, labels {len(y)}")
    accuracies = (z.argmax(2) == y[:, None]).mean(0)
    return Disambiguation(int(accuracies.argmax()) + 1, accuracies)
