"""A network as the linear map it is round a sample, and the pattern of units that are on there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.boundary.calling import CHUNK, logits_at, tensor_like, with_gradient
from clsviz.boundary.checks import class_labels, real_array
from clsviz.catalogue import Range, method
from clsviz.errors import InputError, ShapeError

NAP = "Towards Reliable Neural Specifications, arXiv:2210.16114"
SLACK = 1e-12  # of the shares that fix a unit
FREE = -1  # a unit that the pattern does not fix


class Affine(NamedTuple):
    """The linear map that a network is round one sample: logits = A x + b."""

    A: np.ndarray  # (K, d)
    b: np.ndarray  # (K,)


class NapReport(NamedTuple):
    """How well patterns of units tell classes; arrays go over the classes in ascending order."""

    recall: np.ndarray  # (C,) share of a class's samples that match its pattern; nan without samples
    leak: np.ndarray  # (C,) share of the others that do
    ambiguous: float  # share of samples that match more than one
    size: np.ndarray  # (C,) units that a pattern fixes
    conflicts: np.ndarray  # (C, C) units that two patterns fix oppositely; above 0 they cannot both match


@method(
    kind="probe",
    title="Linear interpreter",
    paper="A Tour of Convolutional Networks Guided by Linear Interpreters, arXiv:1908.05168",
    formula=r"f(x)=A(x)\,x+b(x)",
    needs=("model", "x"),
)
def linear_interpreter(model: Any, x: Any) -> Affine:
    """The map of a network with all its switches held as they are at x.

    Of ReLU, max-pooling and normalisation in eval mode it is exact, throughout the linear region of x;
    of other activations A is the Jacobian and b = f(x) - A x.

    Args:
        model: torch module, (N, d) to (N, K) logits; left as found.
        x: (d,) sample.

    Raises:
        InputError: no torch module, or x not finite.
    """
    x = real_array(x, "x", 1)
    with with_gradient(model) as logits_of:
        point = torch.from_numpy(x[None].copy()).to(tensor_like(model).device).requires_grad_(True)
        z = logits_of(point)
        rows = [torch.autograd.grad(z[0, k], point, retain_graph=True)[0][0] for k in range(z.shape[1])]
    A = torch.stack(rows).cpu().numpy()
    return Affine(A, z[0].detach().cpu().numpy() - A @ x)


@method(
    kind="probe",
    title="Activation pattern",
    paper=NAP,
    formula=r"1[h_j(x)>0]",
    needs=("model", "X"),
)
def activation_pattern(model: Any, X: Any) -> np.ndarray:
    """Which hidden ReLU units are on at each sample, (N, H) bool, layer after layer.

    Args:
        model: torch module whose hidden units are ``nn.ReLU`` modules; left as found.
        X: (N, d).

    Raises:
        InputError: the model has no ``nn.ReLU`` module.
    """
    X = real_array(X, "X", 2)
    switches = [m for m in model.modules() if isinstance(m, nn.ReLU)] if isinstance(model, nn.Module) else []
    if not switches:
        raise InputError("model has no nn.ReLU module, so that no unit is on or off")
    seen: list[np.ndarray] = []

    def look(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append((inputs[0] > 0).flatten(1).cpu().numpy())

    hooks = [switch.register_forward_pre_hook(look) for switch in switches]
    try:
        logits_at(model, X)
    finally:
        for hook in hooks:
            hook.remove()
    n = len(seen) // -(-len(X) // CHUNK)  # layers: a large X goes through all of them in parts
    return np.concatenate([np.concatenate(seen[i : i + n], axis=1) for i in range(0, len(seen), n)])


@method(
    kind="measure",
    title="Number of linear regions",
    paper="Hanin & Rolnick 2019, arXiv:1901.09021",
    needs=("patterns",),
)
def count_linear_regions(patterns: Any) -> int:
    """Distinct rows among activation patterns (N, H); of samples on a grid, a lower bound."""
    return len(np.unique(real_array(patterns, "patterns", 2), axis=0))


@method(
    kind="probe",
    title="Neural activation patterns",
    paper=NAP,
    needs=("activations", "labels"),
    delta=Range(0.51, 1),
)
def mine_nap(activations: Any, labels: Any, *, delta: float = 1.0) -> dict[int, np.ndarray]:
    """For each class the units that are on, or off, in nearly all its samples.

    Args:
        activations: (N, H), on where above 0. labels: (N,) integers >= 0.
        delta: share of the samples that must agree, in (1/2, 1]; a larger one fixes fewer units.

    Returns:
        By class (H,): 1 on, 0 off, -1 free.

    Raises:
        InputError: delta outside (1/2, 1]. ShapeError: shapes do not fit.
    """
    on, y = _activations(activations, labels)
    if not 0.5 < delta <= 1:
        raise InputError(f"delta must be in (1/2, 1], got {delta!r}")
    found = {}
    for k in np.unique(y):
        share = on[y == k].mean(0)
        off = share <= 1 - delta + SLACK
        found[int(k)] = np.where(share >= delta - SLACK, 1, np.where(off, 0, FREE))
    return found


def nap_match(nap: Any, activations: Any) -> np.ndarray:
    """(N,) whether all units that a pattern (H,) of `mine_nap` fixes are as it says in activations (N, H).

    Raises:
        ShapeError: pattern and activations have different numbers of units.
    """
    pattern, on = real_array(nap, "nap", 1), real_array(activations, "activations", 2) > 0
    if on.shape[1] != len(pattern):
        raise ShapeError(f"nap has {len(pattern)} units and activations have {on.shape[1]}")
    return ((pattern == FREE) | (on == (pattern == 1))).all(1)


@method(
    kind="measure",
    title="Report on activation patterns",
    paper=NAP,
    needs=("naps", "activations", "labels"),
)
def nap_report(naps: dict[int, Any], activations: Any, labels: Any) -> NapReport:
    """How many samples match the pattern of their class, of another, or of several.

    Args:
        naps: what `mine_nap` gave. activations: (N, H). labels: (N,).

    Raises:
        InputError: no patterns. ShapeError: shapes do not fit.
    """
    if not naps:
        raise InputError("naps is empty; mine_nap gives one pattern for each class")
    on, y = _activations(activations, labels)
    classes = sorted(naps)
    patterns = np.stack([np.asarray(naps[k]) for k in classes])
    matches = np.stack([nap_match(pattern, on) for pattern in patterns], 1)
    own = y[:, None] == classes

    def shares(rows: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (matches & rows).sum(0) / rows.sum(0)

    opposite = ((patterns[:, None] == 1) & (patterns == 0)).sum(2)
    return NapReport(
        shares(own),
        shares(~own),
        float((matches.sum(1) > 1).mean()),
        (patterns != FREE).sum(1),
        opposite + opposite.T,
    )


def _activations(activations: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    on = real_array(activations, "activations", 2) > 0
    y = class_labels(labels, "labels", np.iinfo(np.int64).max)
    if y.shape != (len(on),):
        raise ShapeError(f"labels must be ({len(on)},), got {y.shape}")
    return on, y
