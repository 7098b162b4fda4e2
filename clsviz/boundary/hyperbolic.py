"""A network whose head lives in the Poincaré ball, and the loss that trains it with one class only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.data.checks import count, number
from clsviz.errors import InputError, ShapeError
from clsviz.losses.hyperbolic import hyp_pc, hyperbolic_logits, into_ball, shortened
from clsviz.models.mlp import ACTIVATIONS
from clsviz.models.widths import widths

HYP_OC = "Hyp-OC: Hyperbolic One Class Classification for Face Anti-Spoofing"


@method(
    kind="model",
    name="hyperbolic_head",
    title="Hyperbolic head",
    paper=f"{HYP_OC}, arXiv:2404.14406; Ganea, Bécigneul & Hofmann 2018, arXiv:1805.09112",
    formula=r"h = \exp_0 v(x), \quad z_k = \frac{\lambda_k \|a_k\|}{\sqrt{c}} \mathrm{asinh} "
    r"\frac{2 \sqrt{c} \, \langle (-p_k) \oplus_c h, a_k \rangle}"
    r"{(1 - c \|(-p_k) \oplus_c h\|^2) \|a_k\|}",
    needs=("n_features", "n_classes"),
    facts={
        "gives": ["ball", "curvature"],
        "companions": {"optimizer": {"name": "adam", "params": {"lr": 3e-3}}},
    },
    hidden=((16,), (64,), (64, 64), (128, 128, 128)),
    activation=tuple(ACTIVATIONS),
    dim=Range(2, 64, step=1),
    c=Range(1e-6, 2, log=True),
    clip_r=Range(0.1, 10, log=True),
)
class Hyperbolic(nn.Module):
    """Fully connected layers to tangent vectors at 0, the ball of curvature -c, a hyperplane for each class.

    Vectors longer than `clip_r` are shortened to it, so that sqrt(c) |h| <= tanh(sqrt(c) clip_r) < 1. For
    c -> 0 the head is linear: z_k = 4 <a_k, v - p_k>. Cross-entropy on these logits is Hyp-CE.

    Args:
        n_features: D >= 1.
        n_classes: K >= 1.
        hidden: width of each hidden layer, at least one.
        activation: ``"relu"`` or ``"tanh"``.
        dim: E, dimensions of the ball; 2 can be drawn.
        c: minus the curvature, > 0.
        clip_r: longest tangent vector, > 0.

    Raises:
        InputError: a width, a number of dimensions, a curvature or a length that cannot be.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        hidden: Sequence[int] = (64,),
        activation: str = "relu",
        dim: int = 2,
        c: float = 0.1,
        clip_r: float = 2.0,
    ) -> None:
        super().__init__()
        sizes = [n_features, *widths(hidden, "hidden"), count(dim, "dim")]
        if activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {list(ACTIVATIONS)}, not {activation!r}")
        self.c, self.clip_r = number(c, "c"), number(clip_r, "clip_r")
        for name, value in (("c", self.c), ("clip_r", self.clip_r)):
            if value <= 0:
                raise InputError(f"{name} must be above 0, got {value!r}")
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), ACTIVATIONS[activation]()]
        self.body = nn.Sequential(*layers[:-1])
        self.p_vals = nn.Parameter(torch.randn(n_classes, sizes[-1]) / sizes[-1] ** 0.5)
        self.a_vals = nn.Parameter(torch.randn(n_classes, sizes[-1]) / sizes[-1] ** 0.5)

    def head(self, embeddings: Tensor) -> Tensor:
        """(N, E) tangent vectors to (N, K) logits."""
        return hyperbolic_logits(embeddings, self.p_vals, self.a_vals, c=self.c, clip_r=self.clip_r)

    def ball(self, embeddings: Tensor) -> Tensor:
        """(N, E) points of tangent vectors, scaled so that the ball has radius 1: lengths below 1."""
        points, _, root = into_ball(embeddings, self.c, self.clip_r)
        return points * root

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K), `embeddings`, tangent vectors (N, E); their `ball` (N, E); `curvature` c, ()."""
        tangent = self.body(x)
        return {
            "logits": self.head(tangent),
            "embeddings": shortened(tangent, tangent.new_tensor(self.clip_r)),
            "ball": self.ball(tangent),
            "curvature": tangent.new_tensor(self.c),
        }

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits."""
        return self.head(self.body(x))


@method(
    kind="loss",
    title="Hyperbolic one-class loss (Hyp-OC)",
    paper=f"{HYP_OC}, arXiv:2404.14406",
    formula=r"\ell = \tfrac{1}{2} \big( \overline{-\log p_y(x)} + \overline{-\log p_{C-1}(\tilde x)} \big) "
    r"+ \lambda \, \overline{d_c(h_i, h_{i + n/2})}",
    needs=("logits", "targets", "pseudo_logits", "embeddings", "curvature"),
    facts={"group": "One class", "coupled": True, "data": "one_digit"},
    pc_weight=Range(0, 2, step=0.05),
)
def hyp_oc(
    logits: Tensor,
    targets: Tensor,
    pseudo_logits: Tensor,
    embeddings: Tensor,
    curvature: Tensor,
    *,
    pc_weight: float = 1.0,
) -> Tensor:
    """Hyp-CE of known samples against pseudo-negatives, and Hyp-PC among the known ones.

    The last class is what the pseudo-negatives are: the training part should not have it (`one_digit`).

    Args:
        logits: (N, C) float, of known samples. targets: (N,) int64, their classes.
        pseudo_logits: (M, C), of samples drawn about the mean of the known ones.
        embeddings: (N, E) tangent vectors of the known ones; the halves of the batch are pairs, of an odd
            number the last is left out.
        curvature: () float, c > 0.
        pc_weight: of the pairwise confusion, >= 0; 1 in the paper.

    Returns:
        One number.

    Raises:
        ShapeError: widths of the logits disagree. InputError: a negative weight.
    """
    if pseudo_logits.shape[1] != logits.shape[1]:
        raise ShapeError(f"pseudo_logits must be (M, {logits.shape[1]}), got {tuple(pseudo_logits.shape)}")
    if isinstance(pc_weight, int | float) and not 0 <= pc_weight < float("inf"):  # a tensor: a fan's
        raise InputError(f"pc_weight must be >= 0 and finite, got {pc_weight!r}")
    last = targets.new_full((len(pseudo_logits),), logits.shape[1] - 1)
    entropy = functional.cross_entropy(torch.cat([logits, pseudo_logits]), torch.cat([targets, last]))
    pairs = hyp_pc(embeddings[: len(embeddings) // 2 * 2], None, c=curvature, clip_r=None)
    return entropy + pc_weight * (pairs.mean() if len(pairs) else pairs.sum())
