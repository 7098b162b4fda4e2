"""A patch that goes with the class: found in attribution maps, and taken out of copies of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import fit, scaled
from clsviz.exhibits.pictures import add_bars, page, place
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

    from clsviz.data import Dataset

DIGITS = (3, 5)  # the classes 0 and 1
SIDE, PATCH = 8, 2  # pixels; the patch is in the upper left corner
AGREES = 0.98  # share of the training samples in which the patch shows for class 1, and not for class 0
EPOCHS, RATE, WIDTH = 60, 3e-3, 32
LOOKED_AT = 100  # training samples of each class that are explained
WAYS = {
    "plain": "as they are",
    "augmented": "copies without the found patch",
    "random": "copies without a patch elsewhere",
    "known": "copies without the true patch",
}
NEAR = 0.05  # worst groups nearer than that are level


def patch_at(row: int, column: int) -> np.ndarray:
    """(64,) bool, the pixels of a patch."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row : row + PATCH, column : column + PATCH] = True
    return mask.ravel()


TRUE = patch_at(0, 0)


def draw(seed: int, scale: float) -> tuple[np.ndarray, ...]:
    """Digits in [0, 1]: X, y and patch (bool) to train on; X and y to test on, without a patch."""
    from clsviz.data import load

    data = load("digits")
    X, y = np.asarray(data.X, np.float64).reshape(len(data.X), -1), np.asarray(data.y)
    rng = np.random.default_rng([seed, 113])
    rows = rng.permutation(np.flatnonzero(np.isin(y, DIGITS)))[: scaled(1000, scale, 150)]
    X, y = X[rows] / X.max(), (y[rows] == DIGITS[1]).astype(np.int64)
    cut = round(0.5 * len(rows))
    shown = (rng.random(cut) < AGREES) == (y[:cut] == 1)
    train = np.where(shown[:, None] & TRUE, 1.0, X[:cut])
    return train, y[:cut], shown, X[cut:], y[cut:]


def trained(X: np.ndarray, y: np.ndarray, seed: int, scale: float) -> nn.Sequential:
    """A network with one hidden layer, after as many steps whatever the number of samples."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(SIDE * SIDE, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2))
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y)
    fit(
        net,
        lambda rows: nn.functional.cross_entropy(net(inputs[rows]), targets[rows]),
        len(X),
        epochs=scaled(EPOCHS, scale, 2),
        lr=RATE,
        seed=seed,
    )
    return net.double().eval()


def attribution(net: nn.Module, X: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """(64,) input times slope of the margin of class 1, its mean in class 1 minus its mean in class 0."""
    from clsviz.boundary.attribution import logit_gradient

    maps = []
    for k in (0, 1):
        some = X[y == k][:n]
        maps.append((some * (logit_gradient(net, some, 1) - logit_gradient(net, some, 0))).mean(0))
    return np.asarray(maps[1] - maps[0])


def without(X: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Copies whose pixels under the mask are 0."""
    copies = X.copy()
    copies[:, mask] = 0.0
    return copies


def groups(net: nn.Module, X: np.ndarray, y: np.ndarray) -> list[float]:
    """Accuracy on class 0 without and with the patch, and on class 1 without and with it: paired copies."""
    from clsviz.boundary.calling import logits_at

    rights = [logits_at(net, Z).argmax(1) == y for Z in (X, np.where(TRUE, 1.0, X))]
    return [float(right[y == k].mean()) for k in (0, 1) for right in rights]


GROUPS = tuple(f"{digit} {'with' if shown else 'without'}" for digit in DIGITS for shown in (False, True))


def _shown() -> Dataset:
    from clsviz.data import from_arrays

    X, y, *_ = draw(0, 1)
    return from_arrays(X, y, validation=0.4, seed=0)


def _verdict(numbers: Numbers) -> Verdict:
    helps = numbers.exceeds("worst_augmented", "worst_plain", by=NEAR)
    by_the_patch = numbers.exceeds("worst_augmented", "worst_random")
    finds = numbers.mean("found")
    level = not numbers.exceeds("mean_plain", "mean_augmented", by=0.01)
    seen = (
        f"The map's strongest square is the patch in {finds:.0%} of seeds. The worst group's accuracy is "
        f"{numbers.text('worst_plain')} without copies, {numbers.text('worst_augmented')} with copies "
        f"without the found patch, {numbers.text('worst_random')} with copies without another square, "
        f"{numbers.text('worst_known')} when the true patch is taken out; the mean over groups is "
        f"{numbers.text('mean_plain')} and {numbers.text('mean_augmented')}."
    )
    if helps and by_the_patch and level and finds == 1:
        return Verdict("reproduces", seen)
    return Verdict(
        "partly" if numbers.exceeds("worst_augmented", "worst_plain") else "not at this scale", seen
    )


def _picture(numbers: Numbers) -> Figure:
    from clsviz.boundary import strongest_patch

    figure = page(
        ("Training samples", "pixels", "pixels"),
        ("Attribution, and the patch found", f"pixels (orange speaks for {DIGITS[1]})", "pixels"),
        ("Accuracy of each group", "digit, with or without the patch", "test accuracy"),
    )
    X, y, patch, _, _ = draw(0, 1)
    first, second = (X[(y == k) & (patch == bool(k))][:2].reshape(2, SIDE, SIDE) for k in (0, 1))
    framed = [[np.pad(x, 1, constant_values=np.nan) for x in pair] for pair in (first, second)]
    samples = np.concatenate([np.concatenate(pair, 1) for pair in framed], 0)
    grey = dict(colorscale="gray", showscale=False, hoverinfo="skip")
    figure.add_heatmap(z=samples, **grey, **place(figure, 1))
    weights = numbers["map"].mean(0)
    far = float(np.abs(weights).max())
    signed = [[0, "#0072b2"], [0.5, "#d9d9d9"], [1, "#d55e00"]]
    figure.add_heatmap(
        z=weights.reshape(SIDE, SIDE),
        zmin=-far,
        zmax=far,
        colorscale=signed,
        showscale=False,
        hovertemplate="%{z:.2f}<extra></extra>",
        **place(figure, 2),
    )
    row, column = strongest_patch(weights.reshape(SIDE, SIDE), size=PATCH)[:2]
    square = dict(type="rect", line=dict(color="#000000", width=3))
    ends = dict(x0=column - 0.5, x1=column + PATCH - 0.5, y0=row - 0.5, y1=row + PATCH - 0.5)
    figure.add_shape(**square, **ends, **place(figure, 2))
    for panel in (1, 2):
        figure.update_yaxes(autorange="reversed", scaleanchor=("x", "x2")[panel - 1], **place(figure, panel))
        figure.update_xaxes(constrain="domain", **place(figure, panel))
    for series, (way, words) in enumerate(WAYS.items()):
        add_bars(figure, GROUPS, numbers[f"groups_{way}"], words, series, panel=3)
    return figure


@exhibit(
    id="spurious_augment",
    title="Copies without the tell-tale",
    paper="ASPIRE: Language-Guided Augmentation for Robust Image Classification",
    entries=("boundary.strongest_patch",),
    claim="Classifiers rely on features that go with the class in training but do not make it; adding copies "
    "of the images without these features, found with no supervision, raises the accuracy where they are "
    "absent or mislead.",
    expected=f"A worst group more than {NEAR:g} better with copies without the patch that the map shows, and "
    "better than with copies without any other square, at no cost on the mean over groups.",
    setting=f"A toy in place of language-guided editing: no language model, no generated images. Digits "
    f"{DIGITS[0]} and {DIGITS[1]} (8 x 8), a white square of {PATCH} x {PATCH} pixels in a corner: in "
    f"{AGREES:.0%} of the {DIGITS[1]} and {1 - AGREES:.0%} of the {DIGITS[0]} to train on (half of all). "
    f"Groups: the test digits of either class, each without and with it. One hidden layer of {WIDTH}, Adam, "
    f"{EPOCHS} epochs. The patch found is the square of that size with the largest mean of input times "
    "slope, class 1 minus class 0. Copies: every training sample once more, the square at 0. Groups choose "
    "nothing.",
    headline={
        "found": "share of the seeds in which the patch is found",
        **{f"worst_{way}": f"accuracy of the worst group, {words}" for way, words in WAYS.items()},
        "mean_plain": "mean accuracy over groups, as they are",
        "mean_augmented": "mean accuracy over groups, copies without the found patch",
    },
    experiment={
        "data": _shown,
        "model": {"name": "mlp", "params": {"hidden": (WIDTH,)}},
        "loss": "cross_entropy",
    },
    verdict=_verdict,
    picture=_picture,
)
def spurious_augment(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import strongest_patch

    X, y, _, X_test, y_test = draw(seed, scale)
    plain = trained(X, y, seed, scale)
    weights = attribution(plain, X, y, scaled(LOOKED_AT, scale, 10))
    strongest = strongest_patch(weights.reshape(SIDE, SIDE), size=PATCH)
    others = [(r, c) for r in range(0, SIDE, PATCH) for c in range(0, SIDE, PATCH) if (r, c) != (0, 0)]
    elsewhere = others[int(np.random.default_rng([seed, 114]).integers(len(others)))]
    masks = {"augmented": strongest.mask.ravel(), "random": patch_at(*elsewhere), "known": TRUE}
    found = float((strongest.row, strongest.column) == (0, 0))
    numbers: dict[str, Any] = {"map": weights, "found": found}
    for way in WAYS:
        net = plain
        if way != "plain":
            net = trained(np.concatenate([X, without(X, masks[way])]), np.tile(y, 2), seed, scale)
        shares = groups(net, X_test, y_test)
        numbers |= {f"groups_{way}": shares, f"worst_{way}": min(shares), f"mean_{way}": np.mean(shares)}
    return numbers
