"""A network that may answer before its last layer, and the losses that train its exits and gates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError
from clsviz.models.init_scale import INIT_SCALE, scale_weights
from clsviz.models.mlp import ACTIVATIONS
from clsviz.models.widths import widths

JEI_DNN = "Jointly-Learned Exit and Inference for a Dynamic Neural Network: JEI-DNN"
CLOSED = -2.0  # logit at which a gate begins: nearly all samples go on
STEEP = 10.0  # its weights count so many times: what it sees changes by little where decisions fall
OPEN = 0.5  # a sample leaves where its gate is at least this


def gate_statistics(logits: Tensor) -> Tensor:
    """What a gate sees of an exit's logits (..., K).

    Returns:
        (..., 3) in [0, 1]: largest probability, entropy / log K, lead over the second largest. No gradient
        passes: gates do not teach an exit to look sure.
    """
    log_p = logits.detach().log_softmax(-1)
    p = log_p.exp()
    top = p.topk(2, -1).values
    entropy = -(p * log_p).sum(-1) / math.log(logits.shape[-1])
    return torch.stack([top[..., 0], entropy, top[..., 0] - top[..., 1]], -1)


def exit_weights(gates: Tensor) -> Tensor:
    """(N, L) chances to leave at each exit, from the gates (N, L - 1) in [0, 1]; the last takes the rest."""
    rest = torch.ones_like(gates[:, :1])
    passed = torch.cat([rest, (1 - gates).cumprod(-1)], -1)
    return torch.cat([gates, rest], -1) * passed


@method(
    kind="model",
    name="early_exit",
    title="Early-exit network",
    paper=f"{JEI_DNN}, arXiv:2310.09163",
    formula=r"h_l = \sigma(W_l h_{l-1} + b_l), \quad z_l = V_l h_l + c_l, \quad "
    r"\pi_l = g_l \prod_{j<l} (1 - g_j)",
    needs=("n_features", "n_classes"),
    facts={
        "gives": ["exit_logits", "exit_weights"],
        "companions": {
            "loss": {"name": "jei_dnn", "params": {}},
            "optimizer": {"name": "adam", "params": {"lr": 3e-3}},
        },
    },
    hidden=((16, 16, 16), (32, 32, 32), (64, 64, 64), (32, 32, 32, 32, 32)),
    activation=tuple(ACTIVATIONS),
    init_scale=INIT_SCALE,
)
class EarlyExit(nn.Module):
    """Fully connected layers with a linear head, an exit, at each, and a gate at all but the last.

    A gate is a logistic function of three numbers of its exit's answer (`gate_statistics`). A sample
    gets the answer of the first exit whose gate is at least 1/2, else of the last: these are the
    model's logits.

    Args:
        n_features: D >= 1.
        n_classes: K >= 2.
        hidden: width of each hidden layer, at least two.
        activation: ``"relu"`` or ``"tanh"``.
        init_scale: multiplies the initial weights of layers and exits, > 0.

    Raises:
        InputError: a width, count or scale that cannot be, an unknown activation.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        hidden: Sequence[int] = (32, 32, 32),
        activation: str = "relu",
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        sizes = widths(hidden, "hidden")
        if len(sizes) < 2:
            raise InputError(f"hidden must have at least two layers, an exit at each, got {tuple(sizes)}")
        if n_classes < 2:
            raise InputError(f"n_classes must be at least 2, as gates compare two answers; got {n_classes}")
        if activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {list(ACTIVATIONS)}, not {activation!r}")
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), ACTIVATIONS[activation]())
            for a, b in pairwise([n_features, *sizes])
        )
        self.exits = nn.ModuleList(nn.Linear(width, n_classes) for width in sizes)
        scale_weights(self, init_scale)
        self.gates = nn.ModuleList(nn.Linear(3, 1) for _ in sizes[:-1])
        for gate in self.gates:
            nn.init.zeros_(gate.weight)  # type: ignore[arg-type]
            nn.init.zeros_(gate.bias)  # type: ignore[arg-type]

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """What the network says of samples (N, D), L exits.

        `logits` (N, K) of the exit that each takes; `exit_logits` (N, L, K) of all; `exit_weights`
        (N, L), the chances to leave that the gates give; `embeddings` (N, H), the last hidden layer.
        """
        h, answers = x, []
        for block, answer in zip(self.blocks, self.exits, strict=True):
            h = block(h)
            answers.append(answer(h))
        exits = torch.stack(answers, 1)
        seen = gate_statistics(exits[:, :-1])
        steps = torch.cat([gate(seen[:, i]) for i, gate in enumerate(self.gates)], 1)
        gates = (CLOSED + STEEP * steps).sigmoid()
        taken = exit_weights((gates >= OPEN).to(exits.dtype))
        logits = torch.where(taken.unsqueeze(-1) > 0, exits, 0.0).sum(1)
        return {
            "logits": logits,
            "exit_logits": exits,
            "exit_weights": exit_weights(gates),
            "embeddings": h,
        }

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float to (N, K) logits of the exit that each sample takes."""
        return self.outputs(x)["logits"]


def _cross_entropies(exit_logits: Tensor, targets: Tensor) -> Tensor:
    """(N, L) of every exit."""
    if exit_logits.ndim != 3 or len(targets) != len(exit_logits):
        raise ShapeError(
            f"exit_logits must be (N, L, K) with N targets, got {tuple(exit_logits.shape)} "
            f"and {tuple(targets.shape)}"
        )
    n, exits, k = exit_logits.shape
    repeated = targets.unsqueeze(1).expand(n, exits)
    return functional.cross_entropy(exit_logits.reshape(-1, k), repeated.reshape(-1), reduction="none").view(
        n, exits
    )


@method(
    kind="loss",
    title="Jointly learnt exits and gates",
    paper=f"{JEI_DNN}, arXiv:2310.09163",
    formula=r"\ell = \sum_l \pi_l \Big( -\log \mathrm{softmax}(z_l)_y + \lambda \, \tfrac{l}{L} \Big)",
    needs=("exit_logits", "exit_weights", "targets"),
    facts={"group": "Early exit", "vmap": True},
    cost_weight=Range(0, 2, unit="nats for the whole network"),
)
def jei_dnn(
    exit_logits: Tensor, exit_weights: Tensor, targets: Tensor, *, cost_weight: float = 0.2
) -> Tensor:
    """Cross-entropy and cost that a sample is to expect where its gates send it.

    Begun with exits that are all alike bad, it may open a gate to everybody for good: train with
    `deep_supervision` first, and change the loss in the run.

    Args:
        exit_logits: (N, L, K) float, of all exits. exit_weights: (N, L), chances to leave at each.
        targets: (N,) int64.
        cost_weight: price of the whole network in nats of cross-entropy, >= 0; exit l of L costs l / L of it.

    Returns:
        (N,) terms.

    Raises:
        ShapeError: shapes disagree. InputError: a negative price.
    """
    if isinstance(cost_weight, int | float) and not 0 <= cost_weight < float("inf"):  # a tensor: a fan's
        raise InputError(f"cost_weight must be >= 0 and finite, got {cost_weight!r}")
    entropies = _cross_entropies(exit_logits, targets)
    if exit_weights.shape != entropies.shape:
        raise ShapeError(
            f"exit_weights must be {tuple(entropies.shape)} like exit_logits, got {tuple(exit_weights.shape)}"
        )
    exits = entropies.shape[1]
    costs = torch.arange(1, exits + 1, dtype=entropies.dtype, device=entropies.device) / exits
    return (exit_weights * (entropies + cost_weight * costs)).sum(1)


@method(
    kind="loss",
    title="All exits alike",
    paper="Teerapittayanon, McDanel & Kung 2016, BranchyNet, arXiv:1709.01686",
    formula=r"\ell = \frac{1}{L} \sum_l -\log \mathrm{softmax}(z_l)_y",
    needs=("exit_logits", "targets"),
    facts={"group": "Early exit", "vmap": True},
)
def deep_supervision(exit_logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of all exits, (N,): what confidence thresholds are usually laid over.

    Args:
        exit_logits: (N, L, K) float. targets: (N,) int64.

    Raises:
        ShapeError: shapes disagree.
    """
    return _cross_entropies(exit_logits, targets).mean(1)
