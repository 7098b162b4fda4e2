"""Fitting the training part too well: another convex loss at each step against one fixed loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, fit, halves, scaled
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

    from clsviz.data import Dataset

EPOCHS = 60
HIDDEN = (64, 64)
RATES = (3e-4, 1e-3, 3e-3)
TABLES = {"cancer": "breast cancer", "made": "10 % flipped", "hastie": "sum of squares"}
MADE = 2400  # samples of the two made tables, a tenth of them for training
LOSSES = {
    "logistic": ("logistic (BCE)", "cross_entropy", {}),
    "hinge": ("hinge", "hinge_cs", {}),
    "exponential": ("exponential", "comp_sum", {"tau": 0.0}),
    "ensloss": ("EnsLoss", "ens_loss", {}),
}
FIXED = ("logistic", "hinge", "exponential")
MARGINS = np.linspace(-4, 4, 81)
DRAWS, SHOWN = 200, 3


def drawn_slopes(margins: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, L) derivative of the loss at increasing margins of a batch of L rows, by autograd."""
    import torch

    from clsviz.losses import create

    generator = torch.Generator().manual_seed(seed)
    loss, slopes = create("ens_loss"), []
    for _ in range(draws):
        logits = torch.zeros(len(margins), 2, dtype=torch.float64)
        logits[:, 0] = torch.from_numpy(margins)
        logits.requires_grad_()
        loss(logits, torch.zeros(len(margins), dtype=torch.int64), "sum", generator=generator).backward()
        assert logits.grad is not None
        slopes.append(logits.grad[:, 0].numpy())
    return np.array(slopes)


def _ensloss_verdict(numbers: Numbers) -> Verdict:
    legal = bool((numbers["illegal"] == 0).all())
    smaller = [numbers.exceeds(f"{name}_gap", "ensloss_gap") for name in FIXED]
    better = [numbers.exceeds("ensloss_test", f"{name}_test") for name in FIXED]
    gaps = ", ".join(f"{LOSSES[name][0]} {100 * numbers.mean(f'{name}_gap'):.1f}" for name in LOSSES)
    tests = ", ".join(f"{LOSSES[name][0]} {100 * numbers.mean(f'{name}_test'):.1f}" for name in LOSSES)
    least = [
        words
        for table, words in TABLES.items()
        if all(numbers.mean(f"{table}_ensloss_gap") < numbers.mean(f"{table}_{name}_gap") for name in FIXED)
    ]
    drawn = (
        f"None of the {DRAWS} drawn derivatives is positive or falls anywhere."
        if legal
        else "Some drawn derivatives are positive or fall somewhere."
    )
    seen = (
        f"{drawn} Gap between training and test accuracy in points, mean of {len(TABLES)} tables: {gaps} "
        f"(beyond chance smaller than that of {sum(smaller)} of 3 fixed losses; the "
        f"smallest on: {', '.join(least) or 'no table'}). Test accuracy in %: {tests} "
        f"(higher than {sum(better)} of 3)."
    )
    if legal and all(smaller):
        return Verdict("reproduces", seen)
    return Verdict("partly" if legal and any(smaller) else "not at this scale", seen)


def _ensloss_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Drawn derivatives (seed 0)", "margin of a row", "derivative of the loss"),
        ("Overfitting", "table", "training - test accuracy (points)"),
        ("Generalisation", "table", "test accuracy (%)"),
    )
    for i in range(SHOWN):
        add_curve(figure, MARGINS, numbers["drawn"][:1].reshape(1, SHOWN, -1)[:, i], f"draw {i + 1}", 4 + i)
    for series, (name, (words, _, _)) in enumerate(LOSSES.items()):
        for panel, what in enumerate(("gap", "test"), 2):
            values = np.stack([100 * numbers[f"{table}_{name}_{what}"] for table in TABLES], 1)
            add_bars(figure, list(TABLES.values()), values, words, series, panel=panel)
    figure.update_yaxes(range=[50, 100], col=3, row=1)
    return figure


@exhibit(
    id="ensloss",
    title="A random convex loss at each step",
    paper="EnsLoss: Stochastic Calibrated Loss Ensembles for Preventing Overfitting in Classification",
    entries=("losses.ens_loss",),
    claim="Drawing another convex calibrated loss for each batch, by its derivative, overfits less than "
    "training with one fixed loss.",
    expected="All drawn derivatives are negative at margin 0 and never fall; the gap between training and "
    "test accuracy is smaller than with the logistic, the hinge and the exponential loss.",
    setting=f"Breast cancer (341 training samples), a made table of 40 features with 10 % flipped labels and "
    f"Hastie's sum of squares (240 each); a network with hidden layers {HIDDEN}, Adam, {EPOCHS} epochs, no "
    f"weight decay. Each loss takes the learning rate of {RATES} that does best on half of the validation "
    "part; the other half is the test.",
    headline={
        "illegal": "share of drawn derivatives that break convexity or calibration",
        **{f"{name}_gap": f"gap, {words}" for name, (words, _, _) in LOSSES.items()},
        **{f"{name}_test": f"test accuracy, {words}" for name, (words, _, _) in LOSSES.items()},
    },
    experiment={
        "data": "breast_cancer",
        "model": {"name": "mlp", "params": {"hidden": HIDDEN}},
        "loss": "ens_loss",
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
        "epochs": EPOCHS,
    },
    verdict=_ensloss_verdict,
    picture=_ensloss_picture,
)
def ensloss(seed: int, scale: float) -> dict[str, Any]:
    slopes = drawn_slopes(MARGINS, DRAWS, seed)
    negative, rising = slopes.max(1) < 0, np.diff(slopes, axis=1).min(1) >= 0
    numbers: dict[str, Any] = {"illegal": float(1 - (negative & rising).mean())}
    for table in TABLES:
        data = _table(table, seed)
        for name in LOSSES:
            train, test = _best(data, name, scaled(EPOCHS, scale), seed)
            numbers |= {f"{table}_{name}_gap": train - test, f"{table}_{name}_test": test}
    for what in ("gap", "test"):
        for name in LOSSES:
            numbers[f"{name}_{what}"] = float(np.mean([numbers[f"{t}_{name}_{what}"] for t in TABLES]))
    return numbers | {"drawn": slopes[:SHOWN].ravel()}


def _table(name: str, seed: int) -> Dataset:
    from sklearn.datasets import make_classification, make_hastie_10_2

    from clsviz.data import from_arrays, load

    if name == "cancer":
        return load(Spec("breast_cancer", {"seed": seed}))
    if name == "made":
        X, y = make_classification(
            MADE, 40, n_informative=10, n_redundant=10, flip_y=0.2, random_state=seed
        )  # of the labels drawn anew half come out as they were
    else:
        X, y = make_hastie_10_2(MADE, random_state=seed)
    return from_arrays(X, y, validation=0.9, seed=seed)


def _best(data: Dataset, name: str, epochs: int, seed: int) -> tuple[float, float]:
    """Training and test accuracy at the learning rate that does best on the rows for tuning."""
    tune, test = halves(data, seed)
    parts = (data.train, tune, test)
    found = [_accuracies(data, name, rate, epochs, seed, parts) for rate in RATES]
    train_accuracy, _, test_accuracy = max(found, key=lambda accuracies: accuracies[1])
    return train_accuracy, test_accuracy


def _accuracies(
    data: Dataset, name: str, rate: float, epochs: int, seed: int, parts: tuple[np.ndarray, ...]
) -> list[float]:
    import torch

    from clsviz import losses, models

    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    model = models.create(Spec("mlp", {"hidden": HIDDEN}), data.X.shape[1], 2, seed=seed)
    loss = losses.create(LOSSES[name][1], **LOSSES[name][2])
    draws = {"generator": torch.Generator().manual_seed(seed)} if name == "ensloss" else {}
    inputs, labels = X[data.train], y[data.train]

    def objective(rows: Tensor) -> Tensor:
        return loss(model(inputs[rows]), labels[rows], **draws)

    fit(model, objective, len(inputs), epochs=epochs, lr=rate, seed=seed)
    with torch.no_grad():
        logits = model(X).numpy()
    return [accuracy(logits[rows], data.y[rows]) for rows in parts]
