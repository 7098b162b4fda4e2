"""Attacks on many models at once: each step is one batched pass through all members of a fan."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.boundary.attacks import Ascent, loss_slope, own_labels
from clsviz.boundary.calling import CHUNK, tensor_like
from clsviz.boundary.checks import real_array
from clsviz.errors import InputError, ShapeError

if TYPE_CHECKING:
    from clsviz.training import Fan


@dataclass(frozen=True, slots=True, eq=False)
class FanAttack:
    """The same samples, attacked on each of M models."""

    adversarial: np.ndarray  # (M, N, d) last iterates
    accuracy: np.ndarray  # (M,) share of samples that are right before
    robust_accuracy: np.ndarray  # (M,) share that is right before and after; an upper bound of the true one


def attack_fan(
    fan: Fan | Sequence[nn.Module],
    X: Any,
    y: Any,
    *,
    epsilon: float,
    norm: str = "linf",
    steps: int = 40,
    step_size: float | None = None,
    clip: tuple[float, float] | None = None,
    members: Sequence[int] | None = None,
    step: int | None = None,
) -> FanAttack:
    """`pgd` on each member of a fan, as one batched attack; `fgsm` with ``steps=1, step_size=epsilon``.

    Members have the numbers that they have alone, in their own precision.

    Args:
        fan: a `Fan`, or torch modules of one architecture, (N, d) to (N, K) logits; left as found.
        X: (N, d). y: (N,) int labels, the same for all members.
        epsilon, norm, steps, step_size, clip: as of `pgd`.
        members: which of them; None for all.
        step: the step of training at which a `Fan` is attacked; None for its latest.

    Raises:
        InputError: an option outside its range, members of different architectures, or one that
            `torch.func.vmap` does not run: attack those one by one with `pgd`.
        ShapeError: shapes do not fit.
    """
    ascent = Ascent.checked(epsilon, norm, steps, step_size, clip)
    models = _models(fan, members, step)
    like, logits_of = tensor_like(models[0]), _side_by_side(models)
    X = torch.from_numpy(np.ascontiguousarray(real_array(X, "X", 2))).to(like.device)
    centres = X.expand(len(models), *X.shape)
    labels = own_labels(logits_of, centres, y)
    rows = max(1, CHUNK // len(models)) if like.device.type == "cpu" else len(X)
    parts = zip(torch.split(centres, rows, 1), torch.split(labels, rows), strict=True)
    with torch.enable_grad():
        moved = torch.cat([ascent.run(x, loss_slope(logits_of, own)) for x, own in parts], 1)
    with torch.no_grad():
        before, after = (
            torch.cat([logits_of(x).argmax(-1) for x in torch.split(points, rows, 1)], 1) == labels
            for points in (centres, moved)
        )
    accuracy, robust = (right.double().mean(1).cpu().numpy() for right in (before, before & after))
    return FanAttack(moved.cpu().numpy(), accuracy, robust)


def _models(
    fan: Fan | Sequence[nn.Module], members: Sequence[int] | None, step: int | None
) -> list[nn.Module]:
    """Copies in eval mode."""
    if isinstance(fan, Sequence):
        if step is not None:
            raise InputError("step is of a Fan; modules have no timeline")
        if members is None:
            members = range(len(fan))
        if outside := [k for k in members if not 0 <= k < len(fan)]:
            raise InputError(f"members must be in 0..{len(fan) - 1}, got {outside[0]!r}")
        models = [copy.deepcopy(fan[k]) for k in members]
    elif hasattr(fan, "model_at") and hasattr(fan, "members"):
        models = [fan.model_at(step, k) for k in (range(len(fan.members)) if members is None else members)]
    else:
        models = []
    if not models or not all(isinstance(m, nn.Module) for m in models):
        raise InputError(f"fan must be a Fan or a list of torch modules, at least one; got {fan!r:.80}")
    return [m.eval() for m in models]


def _side_by_side(models: Sequence[nn.Module]) -> Callable[[Tensor], Tensor]:
    """(M, n, d) float64 points to (M, n, K) float64 logits, each model's of its own points."""
    from clsviz.training.batched_models import batched

    first, like = models[0], tensor_like(models[0])
    states = [dict((*m.named_parameters(), *m.named_buffers())) for m in models]
    for k, (model, state) in enumerate(zip(models, states, strict=True)):
        same = {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in states[0].items()}
        if not same or repr(model) != repr(first):
            raise InputError(
                f"fan must be models of one architecture; the {k + 1}. differs from the first: attack them "
                "one by one with pgd"
            )
    weights = [torch.stack([s[name].detach() for s in states]) for name in states[0]]
    forward = batched(first, more=False)

    def logits(points: Tensor) -> Tensor:
        try:
            found = forward(weights, points.to(like))["logits"]
        except RuntimeError as error:
            raise InputError(
                f"the members do not run on X under torch.func.vmap ({error}); attack them one by one with "
                "pgd"
            ) from error
        if found.ndim != 3 or found.shape[:2] != points.shape[:2]:
            shape = tuple(found.shape[1:])
            raise ShapeError(f"a model must map (N, d) to (N, K): {tuple(points.shape[1:])} became {shape}")
        return found.double()

    return logits
