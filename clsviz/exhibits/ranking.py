"""Losses of the spherical family, and what they do for the k best guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import best_member, halves, scaled, trained_fan
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset

CLASSES, DIMENSIONS, SAMPLES = 30, 8, 3000
EPOCHS = 30
TOP = (1, 5, 10)
RATES = (0.1, 0.5)
A, B = (1.0, 3.0, 10.0), (0.0, 2.0, 5.0)
# Every loss is tried at 18 settings: learning rate and two more.
GRIDS: dict[str, tuple[str, str, dict[str, tuple[float, ...]]]] = {
    "ce": (
        "cross-entropy",
        "cross_entropy",
        {"loss.label_smoothing": (0.0, 0.1, 0.3), "optimizer.weight_decay": (0.0, 1e-4, 1e-3)},
    ),
    "z": ("Z-loss", "z_loss", {"loss.a": A, "loss.b": B}),
    "taylor": (
        "log-Taylor softmax",
        "log_taylor",
        {"optimizer.weight_decay": (0.0, 1e-4, 1e-3), "optimizer.momentum": (0.0, 0.5, 0.9)},
    ),
}


def top_k(k: int) -> Callable[[np.ndarray, np.ndarray], float]:
    """Share of rows whose label is among the k largest logits."""

    def score(logits: np.ndarray, y: np.ndarray) -> float:
        own = np.take_along_axis(logits, y[:, None], 1)
        return float(((logits > own).sum(1) < k).mean())

    return score


def _verdict(numbers: Numbers) -> Verdict:
    invariant = bool((numbers["change"] < 1e-6).all() and (numbers["gradient_error"] < 1e-5).all())
    wins = [k for k in TOP if numbers.exceeds(f"z_top{k}", f"ce_top{k}")]
    losses = [k for k in TOP if numbers.exceeds(f"ce_top{k}", f"z_top{k}")]
    spherical = [k for k in TOP if numbers.exceeds(f"z_top{k}", f"taylor_top{k}")]
    against = "; ".join(
        f"top-{k} {numbers.text(f'z_top{k}')} against {numbers.text(f'ce_top{k}')}" for k in TOP
    )
    seen = (
        f"Shift and scale of the logits change the value by at most {numbers['change'].max():.0e}. At its "
        f"best (a, b) it reaches {against} for cross-entropy: above it beyond chance at k in "
        f"{wins or 'none'}, below at {losses or 'none'}; above the log-Taylor softmax at "
        f"{spherical or 'none'}."
    )
    if invariant and len(wins) >= 2 and not losses and spherical:
        return Verdict("reproduces", seen)
    return Verdict("partly" if invariant or wins else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Best setting of each loss", "guesses that may hold the label", "test accuracy"),
        ("Z-loss by its parameters", "b (standard deviations of the logits)", "top-5 test accuracy"),
    )
    for series, (name, (words, *_)) in enumerate(GRIDS.items()):
        values = np.stack([numbers[f"{name}_top{k}"] for k in TOP], axis=1)
        add_bars(figure, [f"top-{k}" for k in TOP], values, words, series)
    figure.update_yaxes(range=[max(0.0, numbers.mean("ce_top1") - 0.2), 1], col=1)
    for series, a in enumerate(A, 3):
        add_curve(figure, B, numbers[f"z_a{a:g}"], f"Z-loss, a = {a:g}", series, panel=2, markers=True)
    return figure


@exhibit(
    id="z_loss",
    title="Z-loss and the k best guesses",
    paper="The Z-loss: a shift and scale invariant classification loss belonging to the Spherical Family",
    entries=("losses.z_loss", "losses.log_spherical", "losses.log_taylor"),
    claim="A loss on standardised logits does not see their shift and scale; with its parameters a and b "
    "tuned it beats log-softmax on top-k scores, and the other spherical losses clearly.",
    expected="Value unchanged by shift and scale; higher top-5 and top-10 accuracy than cross-entropy; above "
    "the log-Taylor softmax.",
    setting=f"{CLASSES} overlapping Gaussian classes in {DIMENSIONS} dimensions, {SAMPLES} samples (40 % for "
    f"training), a hidden layer of 64, SGD, batches of 128, {EPOCHS} epochs. Each loss chooses among 18 "
    "settings (learning rate and two more: Z-loss a and b, cross-entropy label smoothing and weight decay, "
    "log-Taylor weight decay and momentum) for each k on half of the validation part; the "
    "other half is the test.",
    headline={
        **{f"z_top{k}": f"top-{k} test accuracy, Z-loss" for k in TOP},
        **{f"ce_top{k}": f"top-{k} test accuracy, cross-entropy" for k in TOP},
        "change": "largest change of the value by shift and scale",
    },
    experiment={"data": "digits", "loss": {"name": "z_loss", "params": {"a": 3.0, "b": 2.0}}},
    verdict=_verdict,
    picture=_picture,
)
def z_loss(seed: int, scale: float) -> dict[str, Any]:
    data = _many_classes(seed, scale)
    tune, test = halves(data, seed)
    numbers: dict[str, Any] = {}
    for name, (_, loss, grid) in GRIDS.items():
        settings = {"loss": loss, "batch_size": 128, "epochs": scaled(EPOCHS, scale, 2), "seed": seed}
        fan = trained_fan(settings, {**grid, "optimizer.lr": RATES}, data=data)
        for k in TOP:
            best = best_member(fan, tune, score=top_k(k))
            numbers[f"{name}_top{k}"] = top_k(k)(fan.predict(data.X[test], member=best), data.y[test])
        for a in A if name == "z" else ():
            line = []
            for b in B:
                members = [
                    m.index for m in fan.members if {"loss.a": a, "loss.b": b}.items() <= m.values.items()
                ]
                best = best_member(fan, tune, members, top_k(5))
                line.append(top_k(5)(fan.predict(data.X[test], member=best), data.y[test]))
            numbers[f"z_a{a:g}"] = line
    return numbers | _invariance(seed)


def _many_classes(seed: int, scale: float) -> Dataset:
    """Gaussian classes of different size and spread, so that the second guess matters."""
    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 4])
    n = scaled(SAMPLES, scale, 10 * CLASSES)
    y = rng.permutation(np.arange(n) % CLASSES)
    centres, spread = rng.normal(size=(CLASSES, DIMENSIONS)), rng.uniform(0.6, 1.4, CLASSES)
    X = centres[y] + spread[y, None] * rng.normal(size=(n, DIMENSIONS))
    return from_arrays(X, y, validation=0.6, seed=seed)


def _invariance(seed: int) -> dict[str, float]:
    """Largest change of value under z -> c z + d, and of the gradient against central differences."""
    import torch

    from clsviz.losses import create

    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(200, CLASSES, generator=generator, dtype=torch.float64)
    y = torch.randint(0, CLASSES, (200,), generator=generator)
    loss = create("z_loss", a=3.0, b=2.0)
    value = loss(z, y, reduction="none")
    moved = [loss(c * z + d, y, reduction="none") for c, d in ((0.1, 0.0), (10.0, 5.0), (1.0, -100.0))]
    z.requires_grad_()
    [gradient] = torch.autograd.grad(loss(z, y), z)
    h, along = 1e-5, torch.randn(z.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        slope = (loss(z + h * along, y) - loss(z - h * along, y)) / (2 * h)
    return {
        "change": float(max((other - value).abs().max() for other in moved)),
        "gradient_error": float(abs(slope - (gradient * along).sum())),
    }
