"""Methods: what one training step does. A method gets the engine and a batch.

The engine offers `loss(batch)` (a 0-d tensor with gradient), `model` and `optimizer`; a method may
call the loss as often as it likes, at whatever weights. A method that needs the "generator" finds
it in the batch, seeded by run and step; the catalogue's `trains` names supplies it is there for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.data.dataset import Dataset

if TYPE_CHECKING:
    from clsviz.training.objective import Objective


class StepTools(Protocol):
    """What a method may use of the engine."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    dataset: Dataset
    objective: Objective

    def batch(self, index: Tensor) -> dict[str, Any]:
        """The samples at these rows of the dataset."""

    def outputs(self, x: Tensor, *, more: bool = True) -> dict[str, Tensor]:
        """The model's outputs by name, ``logits`` alone or all."""

    def loss(self, batch: Mapping[str, Any], *, at: Mapping[str, Tensor] | None = None) -> Tensor:
        """0-d, with gradient; at other parameters of the model where they are given."""

    def input_gradient(self, batch: Mapping[str, Any]) -> Tensor:
        """Gradient of the loss with respect to ``batch["x"]``."""


@method(
    kind="method",
    title="Plain gradient step",
    paper="Robbins & Monro 1951",
    formula=r"\theta\leftarrow\theta-\eta\,\nabla L(\theta)",
)
def standard(engine: StepTools, batch: Mapping[str, Any]) -> Tensor:
    """One gradient of the batch loss, one step of the optimiser; returns the loss, detached."""
    engine.optimizer.zero_grad(set_to_none=True)
    loss = engine.loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    engine.optimizer.step()
    return loss.detach()


@method(
    kind="method",
    title="Adversarial training",
    paper="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572; Madry et al. 2018, arXiv:1706.06083",
    formula=r"\min_\theta\ \frac1n\sum_i\max_{\lVert\delta\rVert_\infty\le\epsilon}"
    r"\ell(f_\theta(x_i+\delta),y_i)",
    radius=Range(0, 1, step=0.01, unit="of a feature"),
    steps=Range(1, 10, step=1),
)
def adversarial(
    engine: StepTools, batch: Mapping[str, Any], *, radius: float = 0.1, steps: int = 1
) -> Tensor:
    """A plain step on samples that were first moved, within a cube round each, to raise the loss.

    Args:
        radius: half the side of the cube, in the units of the (scaled) features; 0 is `standard`.
        steps: 1 is the fast gradient sign method; more are projected gradient ascent, here begun
            at the sample itself, with steps of 2.5 `radius` / `steps`.
    """
    moved = perturbed(batch["x"], lambda x: engine.input_gradient({**batch, "x": x}), radius, steps)
    return standard(engine, {**batch, "x": moved})


def perturbed(x: Tensor, gradient: Callable[[Tensor], Tensor], radius: float | Tensor, steps: int) -> Tensor:
    """Samples moved up the gradient's sign, at most `radius` in each feature.

    Args:
        x: (..., D) float, without gradient.
        gradient: of the loss, at moved samples.
        radius: >= 0; as a tensor it goes with x by broadcasting.
    """
    stride = radius if steps == 1 else 2.5 * radius / steps
    moved = x
    for _ in range(int(steps)):
        shift = moved + stride * gradient(moved).sign() - x
        moved = x + shift.clamp(-radius, radius)  # type: ignore[arg-type]
    return moved


@method(
    kind="method",
    title="Robust self-training",
    paper="Out-Of-Domain Unlabeled Data Improves Generalization, arXiv:2310.00027",
    formula=r"\frac1n\sum_i\max_{\lVert\delta\rVert_2\le\epsilon}\ell(f_\theta(x_i+\delta),y_i)"
    r"+\frac\lambda m\sum_u\mathrm{softmin}_{T,k}\max_{\lVert\delta\rVert_2\le\epsilon}"
    r"\ell(f_\theta(u+\delta),k)",
    facts={"takes": ["unlabelled"], "data": "two_domains"},
    epsilon=Range(0, 2, step=0.02, unit="of a feature"),
    lam=Range(0, 5, step=0.05),
    temperature=Range(0.01, 10, log=True),
)
def robust_self_training(
    engine: StepTools,
    batch: Mapping[str, Any],
    *,
    epsilon: float = 0.1,
    lam: float = 1.0,
    temperature: float = 1.0,
) -> Tensor:
    """A plain step on moved samples, and on moved ones without labels under the class that suits them best.

    Each sample is moved by `epsilon` up the gradient of its loss: for a linear model that is the worst
    place within reach, and what is minimised `clsviz.boundary.rss_loss`; for a network the worst to
    first order. The data must have samples without labels (`Dataset.unlabelled`); their loss is the
    cross-entropy. What a snapshot measures is the plain loss of samples with labels.

    Args:
        epsilon: Euclidean length of the moves, >= 0, in the units of the (scaled) features.
        lam: weight of the samples without labels, >= 0.
        temperature: of the soft minimum over the classes, > 0; towards 0 the best class is taken.
    """
    engine.optimizer.zero_grad(set_to_none=True)
    loss = robust_self_loss(engine, batch, epsilon, lam, temperature)
    loss.backward()  # type: ignore[no-untyped-call]
    engine.optimizer.step()
    return loss.detach()


def robust_self_loss(
    engine: StepTools, batch: Mapping[str, Any], epsilon: float, lam: float, temperature: float
) -> Tensor:
    """What `robust_self_training` minimises, 0-d, with gradient."""
    moved = pushed(batch["x"], engine.input_gradient(batch), epsilon)
    loss = engine.loss({**batch, "x": moved})
    k, u = engine.dataset.n_classes, batch["unlabelled"]
    classes = torch.arange(k, device=u.device).repeat(len(u))
    u = u.repeat_interleave(k, 0)

    def terms(x: Tensor) -> Tensor:
        logits = engine.outputs(x, more=False)["logits"] / engine.objective.temperature
        return functional.cross_entropy(logits, classes, reduction="none")

    x = u.detach().requires_grad_()
    (slope,) = torch.autograd.grad(terms(x).sum(), x)
    costs = terms(pushed(u, slope, epsilon)).view(-1, k)
    soft = -temperature * (torch.logsumexp(-costs / temperature, 1) - math.log(k))
    return loss + lam * soft.mean()


def pushed(x: Tensor, gradient: Tensor, length: float) -> Tensor:
    """Samples (n, D) moved by this Euclidean length along their gradients; where that is 0 they stay."""
    return x + length * gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12)


@method(
    kind="method",
    title="Meta-learned sample weights",
    paper="Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling",
    formula=r"\phi\leftarrow\phi-\beta\,\frac{g}{\lVert g\rVert},\quad g=\nabla_\phi\,L_{v\sim w_\phi}"
    r"\big(\theta-\eta\nabla_\theta L_{w_\phi}(\theta)\big)",
    needs=("generator",),
    facts={"trains": ["weights"]},
    meta_lr=Range(0, 0.2, step=0.005),
    pool=Range(1, 16, step=1, unit="batches"),
)
def meta_rescale(
    engine: StepTools, batch: Mapping[str, Any], *, meta_lr: float = 0.01, pool: int = 4
) -> Tensor:
    """Learns weights of samples on the fly, and takes a plain step with them; no clean data needed.

    A small network gives each sample a weight. It is asked what a step with these weights would do to
    other samples, drawn from the noisy training part itself, each with a probability that goes with
    its own weight, and is moved down the gradient of their unweighted loss. arXiv:2412.12955, with a
    virtual step of gradient descent, as long as momentum makes it in the end (with shorter ones the
    judges stay noisy, and weights grow on wrong labels), and normalised steps of the weight network.

    Args:
        meta_lr: length of a step of the weight network; 0 leaves all weights equal.
        pool: the samples to draw from are so many batches, drawn evenly from the training part.
    """
    net = engine.objective.supplies["weights"]
    group = engine.optimizer.param_groups[0]
    rate = group["lr"] / (1 - group.get("momentum", 0.0))  # what a gradient comes to in the end
    theta = dict(engine.model.named_parameters())
    loss = engine.loss(batch, at=theta)
    slopes = torch.autograd.grad(loss, list(theta.values()), create_graph=True, allow_unused=True)
    ahead = {
        name: p if slope is None else p - rate * slope
        for (name, p), slope in zip(theta.items(), slopes, strict=True)
    }
    with torch.no_grad():
        judges = _judges(engine, batch, pool)
    plain = {**judges, "weights": torch.ones_like(judges["x"][:, 0])}
    inner = list(net.parameters())
    found = torch.autograd.grad(engine.loss(plain, at=ahead), inner)
    with torch.no_grad():
        length = torch.sqrt(sum((g.square().sum() for g in found), torch.zeros_like(loss)))
        for p, g in zip(inner, found, strict=True):
            p.sub_(meta_lr * g / length.clamp_min(1e-12))
        weights = net({**batch, **engine.outputs(batch["x"])})
    return standard(engine, {**batch, "weights": weights})


def _judges(engine: StepTools, batch: Mapping[str, Any], pool: int) -> dict[str, Any]:
    """As many training samples as the batch has, those of larger weight more often."""
    index, generator = batch["index"], batch["generator"]
    train = torch.from_numpy(engine.dataset.train).to(index.device)
    some = torch.randint(len(train), (int(pool) * len(index),), generator=generator, device=index.device)
    candidates = engine.batch(train[some])
    weights = engine.objective.supplies["weights"]({**candidates, **engine.outputs(candidates["x"])})
    drawn = torch.multinomial(weights, len(index), replacement=True, generator=generator)
    return engine.batch(candidates["index"][drawn])
