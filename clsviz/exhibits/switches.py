"""The switches of a ReLU network: the patterns a class has in common, and the linear map they leave."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import COLOURS, add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

HIDDEN = (64, 64, 64)
EPOCHS, RATE = 25, 3e-3
DELTAS = (1.0, 0.99, 0.97, 0.95, 0.9, 0.8)
DELTA = 0.97  # of the patterns that bounds are computed with
RADII = (0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16)  # L-infinity, pixels in [0, 1]
BOUNDED = 10  # test samples
HEAVY = 0.5  # share of the biases in a logit from which on a network relies heavily on them
READ = 40  # test samples whose maps are computed
MAPS = {"mlp": "fully connected", "cnn": "convolutional"}


def digits(seed: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels in [0, 1] and labels, to train on and (40 %) to test on."""
    from clsviz.data import load

    data = load("digits")
    X, y = np.asarray(data.X, np.float64).reshape(len(data.X), -1), np.asarray(data.y)
    X = (X - X.min()) / (X.max() - X.min())
    rows = np.random.default_rng([seed, 74]).permutation(len(X))[: scaled(len(X), scale, 400)]
    cut = round(0.6 * len(rows))
    return X[rows[:cut]], y[rows[:cut]], X[rows[cut:]], y[rows[cut:]]


def trained(net: nn.Module, X: np.ndarray, y: np.ndarray, seed: int, scale: float) -> nn.Module:
    """The network trained with cross-entropy, in double precision."""
    import torch
    from torch.nn.functional import cross_entropy

    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y)
    fit(
        net,
        lambda rows: cross_entropy(net(inputs[rows]), targets[rows]),
        len(X),
        epochs=scaled(EPOCHS, scale, 2),
        lr=RATE,
        seed=seed,
    )
    return net.double().eval()


def perceptron(seed: int) -> nn.Sequential:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    widths = (64, *HIDDEN)
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


# Neural activation patterns


def proved(net: nn.Sequential, x: np.ndarray, label: int, radius: float, pattern: np.ndarray | None) -> bool:
    """Whether linear programs prove the label for all within `radius` (L-infinity) and [0, 1] of x.

    Free units are relaxed to the triangle between their interval bounds: what is proved is true, but not all
    that is true is proved.

    Args:
        pattern: (H,) as `mine_nap` gives, 1 on, 0 off, -1 free: proves it only for those that have it.
    """
    from scipy.optimize import linprog

    layers: list[Any] = [m for m in net if hasattr(m, "weight")]
    weights = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in layers]
    low, high = np.clip(x - radius, 0, 1), np.clip(x + radius, 0, 1)
    sizes = [len(x)] + [len(b) for _, b in weights[:-1]]
    starts = np.cumsum([0, *sizes])
    bounds, rows, limits = [*zip(low, high, strict=True)], [], []
    for i, (W, b) in enumerate(weights[:-1]):
        up, down = np.maximum(W, 0), np.minimum(W, 0)
        low, high = up @ low + down @ high + b, up @ high + down @ low + b
        state = np.full(len(b), -1) if pattern is None else pattern[starts[i + 1] - len(x) :][: len(b)]
        if ((state == 1) & (high < 0)).any() or ((state == 0) & (low > 0)).any():
            return True  # nobody there has the pattern
        low, high = (
            np.where(state == 1, np.maximum(low, 0), low),
            np.where(state == 0, np.minimum(high, 0), high),
        )
        value, out = np.zeros((len(b), starts[-1])), np.zeros((len(b), starts[-1]))
        value[:, starts[i] : starts[i + 1]] = W  # before the ReLU, without b
        out[:, starts[i + 1] : starts[i + 2]] = np.eye(len(b))
        slope = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high / np.maximum(high - low, 1e-300)))
        shift = np.where((low < 0) & (high > 0), -slope * low, 0.0)
        rows += [value - out, out - slope[:, None] * value]  # out >= value, out <= slope * value + shift
        limits += [-b, slope * b + shift]
        for k, sign in ((1, -1.0), (0, 1.0)):
            rows.append(sign * value[state == k])
            limits.append(-sign * b[state == k])
        low, high = np.maximum(low, 0), np.maximum(high, 0)
        bounds += [*zip(low, high, strict=True)]
    W, b = weights[-1]
    A, limit = np.concatenate(rows), np.concatenate(limits)
    for other in np.delete(np.arange(len(b)), label):
        aim = np.zeros(starts[-1])
        aim[starts[-2] :] = W[label] - W[other]
        found = linprog(aim, A_ub=A, b_ub=limit, bounds=bounds, method="highs")
        if found.status == 2:
            return True  # nobody there has the pattern
        if found.status != 0 or found.fun + b[label] - b[other] <= 0:
            return False
    return True


def _nap_verdict(numbers: Numbers) -> Verdict:
    recalls = numbers["recall"].mean(0)
    apart = bool((numbers["conflict_least"] >= 1).all())
    larger = numbers.exceeds("radius_pattern", "radius_ball")
    much = numbers.mean("recall_at") >= 0.8
    seen = (
        f"At delta {DELTA:g} patterns fix {numbers.text('size_at', '.0f')} of {sum(HIDDEN)} units, "
        f"{numbers.text('recall_at')} of the test samples have the pattern of their class, "
        f"{numbers.text('leak_at', '.2g')} that of a given other one and "
        f"{numbers.text('ambiguous_at', '.2g')} several. Recall falls from {recalls[0]:.3f} (delta 1) to "
        f"{recalls[-1]:.3f} ({DELTAS[-1]:g}). Linear programs prove the class up to a mean radius of "
        f"{numbers.text('radius_ball')} round a test sample, and of {numbers.text('radius_pattern')} for "
        "those inputs that have the pattern. The closest two "
        f"patterns have {numbers['conflict_least'].min():.0f} opposite units in the worst seed"
        + ("." if apart else ": they do not exclude each other.")
    )
    if apart and larger and much:
        return Verdict("reproduces", seen)
    return Verdict("partly" if larger or (apart and much) else "not at this scale", seen)


def _nap_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("What patterns recall", "delta", "share of the test samples"),
        ("What patterns fix", "delta", "units"),
        ("What bounds prove", "L-infinity radius (pixels in [0, 1])", "share of the test samples"),
    )
    for series, (key, words) in enumerate(
        {"recall": "own class's pattern", "leak": "a given other's", "ambiguous": "several"}.items()
    ):
        add_curve(figure, DELTAS, numbers[key], words, series, markers=True)
    add_curve(figure, DELTAS, numbers["size"], "units fixed", 3, panel=2, markers=True)
    add_curve(figure, RADII, numbers["ball"], "ball", 4, panel=3, markers=True)
    add_curve(figure, RADII, numbers["pattern"], "ball and pattern", 5, panel=3, markers=True)
    figure.update_xaxes(type="log", col=3)
    return figure


@exhibit(
    id="activation_patterns",
    title="What a class switches on",
    paper="Towards Reliable Neural Specifications",
    entries=("boundary.activation_pattern", "boundary.mine_nap", "boundary.nap_report"),
    claim="The units that are on, or off, in nearly all samples of a class are a better statement of what "
    "is correct than a ball round a sample: most unseen samples have their class's pattern, patterns of "
    "different classes exclude each other, and far larger regions can be verified.",
    expected="Recall of at least 0.8 with hardly any sample in another class's pattern, opposite units "
    "for every pair of classes, and a larger radius proved for inputs that have the pattern than for a "
    "whole ball.",
    setting=f"Digits (8 x 8 pixels in [0, 1], 60 % to train), ReLU network with {len(HIDDEN)} hidden "
    f"layers of {HIDDEN[0]}, Adam, {EPOCHS} epochs. Patterns are mined on the training part with the "
    "share delta of agreeing samples, over all hidden layers. Linear programs (free units relaxed to a "
    f"triangle) at delta {DELTA:g} for {BOUNDED} test samples that are classified rightly and have their "
    f"pattern; the radius is the largest of {len(RADII)} that are proved (0 if none), up to {RADII[-1]:g}. "
    "The paper verifies with an exact solver, which proves more.",
    headline={
        "recall_at": f"share of test samples with their class's pattern, delta {DELTA:g}",
        "leak_at": f"share with a given other class's pattern, delta {DELTA:g}",
        "ambiguous_at": f"share with several patterns, delta {DELTA:g}",
        "size_at": f"units that a pattern fixes, delta {DELTA:g}",
        "radius_ball": "mean radius proved, whole ball",
        "radius_pattern": "mean radius proved, inputs with the pattern",
        "accuracy": "test accuracy",
    },
    experiment={
        "data": "digits",
        "model": {"name": "mlp", "params": {"hidden": HIDDEN}},
        "loss": "cross_entropy",
    },
    verdict=_nap_verdict,
    picture=_nap_picture,
)
def activation_patterns(seed: int, scale: float) -> dict[str, Any]:
    import torch

    from clsviz.boundary import activation_pattern, mine_nap, nap_match, nap_report

    X, y, X_test, y_test = digits(seed, scale)
    net = perceptron(seed)
    trained(net, X, y, seed, scale)
    on, on_test = activation_pattern(net, X), activation_pattern(net, X_test)
    reports = [nap_report(mine_nap(on, y, delta=delta), on_test, y_test) for delta in DELTAS]
    numbers: dict[str, Any] = {
        "recall": [float(np.nanmean(report.recall)) for report in reports],
        "leak": [float(np.nanmean(report.leak)) for report in reports],
        "ambiguous": [report.ambiguous for report in reports],
        "size": [float(report.size.mean()) for report in reports],
    }
    at = DELTAS.index(DELTA)
    numbers |= {f"{key}_at": numbers[key][at] for key in ("recall", "leak", "ambiguous", "size")}
    opposite = reports[at].conflicts
    numbers["conflict_least"] = int(opposite[~np.eye(len(opposite), dtype=bool)].min())
    with torch.no_grad():
        logits = net(torch.from_numpy(X_test)).numpy()
    numbers["accuracy"] = accuracy(logits, y_test)
    naps = mine_nap(on, y, delta=DELTA)
    good = [
        i
        for i, k in enumerate(y_test)
        if logits[i].argmax() == k and nap_match(naps[int(k)], on_test[i : i + 1])[0]
    ][: scaled(BOUNDED, scale)]
    for key in ("ball", "pattern"):
        reached = [reach(net, X_test[i], int(y_test[i]), naps if key == "pattern" else None) for i in good]
        numbers[key] = (
            [float(np.mean([radius >= r for radius in reached])) for r in RADII]
            if good
            else [0.0] * len(RADII)
        )
        numbers[f"radius_{key}"] = float(np.mean(reached)) if good else 0.0
    return numbers


def reach(net: nn.Sequential, x: np.ndarray, label: int, naps: dict[int, np.ndarray] | None) -> float:
    """The largest of RADII that is proved, with all below it; 0 if none."""
    largest = 0.0
    for radius in RADII:
        if not proved(net, x, label, radius, None if naps is None else naps[label]):
            break
        largest = radius
    return largest


# Linear interpreters


def _linear_verdict(numbers: Numbers) -> Verdict:
    exact = all(numbers[f"{name}_gap"].max() < 1e-10 for name in MAPS)
    relies = numbers.exceeds("cnn_bias", HEAVY)
    seen = (
        f"A x + b is the logits within {max(numbers[f'{name}_gap'].max() for name in MAPS):.1g}. Of the "
        f"sizes of the two parts of the winning logit the biases have {numbers.text('cnn_bias', '.2f')} in "
        f"the convolutional network and {numbers.text('mlp_bias', '.2f')} in the fully connected one; "
        f"without b the answer stays the same for {numbers.text('cnn_same', '.2f')} and "
        f"{numbers.text('mlp_same', '.2f')} of the samples. {READ} test samples have "
        f"{numbers.text('cnn_maps', '.0f')} and {numbers.text('mlp_maps', '.0f')} different maps."
    )
    if exact and relies:
        return Verdict("reproduces", seen)
    return Verdict("partly" if exact else "not at this scale", seen)


def _linear_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("What biases do", "network", "share"),
        ("A test sample", "column (pixels)", "row (pixels)"),
        ("Its row of A, fully connected", "blue: for, orange: against", "row (pixels)"),
        ("Its row of A, convolutional", "blue: for, orange: against", "row (pixels)"),
    )
    for series, (key, words) in enumerate(
        {"bias": "share of b in the winning logit", "same": "same answer without b"}.items()
    ):
        values = np.stack([numbers[f"{name}_{key}"] for name in MAPS], 1)
        add_bars(figure, list(MAPS.values()), values, words, series)
    for panel, key in enumerate(("sample", "mlp_row", "cnn_row"), 2):
        image = numbers[key][0].reshape(8, 8)
        most = float(np.abs(image).max()) or 1.0
        figure.add_heatmap(
            z=image,
            colorscale=[[0, COLOURS[1]], [0.5, "#ffffff"], [1, COLOURS[0]]],
            zmin=-most,
            zmax=most,
            showscale=False,
            row=1,
            col=panel,
        )
        figure.update_xaxes(range=(-0.5, 7.5), constrain="domain", col=panel)
        figure.update_yaxes(range=(7.5, -0.5), constrain="domain", scaleanchor=f"x{panel}", col=panel)
    return figure


@exhibit(
    id="linear_interpreter",
    title="A linear map for every image",
    paper="A Tour of Convolutional Networks Guided by Linear Interpreters",
    entries=("boundary.linear_interpreter", "boundary.count_linear_regions"),
    claim="With its switches held as an image sets them a convolutional network is a linear map, whose "
    "rows can be seen as images: each pixel votes for each class, and classifiers rely heavily on their "
    "biases.",
    expected=f"A x + b equals the logits to rounding; the part b has more than {HEAVY:g} of the winning "
    "logit.",
    setting=f"Digits (8 x 8 pixels in [0, 1], 60 % to train): a network with {len(HIDDEN)} hidden layers "
    f"of {HIDDEN[0]}, and one of two convolutions (batch normalisation, ReLU, max-pooling), Adam, {EPOCHS} "
    f"epochs, double precision afterwards; {READ} test samples. Share of b: |b| / (|A x| + |b|) of the "
    "class with the largest logit. The row shown is that of the class of the first test sample (seed 0): "
    "blue pixels vote for it, orange against.",
    headline={
        "cnn_bias": "share of the biases in the winning logit, convolutional",
        "mlp_bias": "share of the biases in the winning logit, fully connected",
        "cnn_same": "same answer without b, convolutional",
        "mlp_same": "same answer without b, fully connected",
        "cnn_gap": "largest difference of A x + b and the logits, convolutional",
        "mlp_gap": "largest difference of A x + b and the logits, fully connected",
        "cnn_maps": f"different maps among {READ} samples, convolutional",
        "mlp_maps": f"different maps among {READ} samples, fully connected",
    },
    experiment={"data": "digits", "model": "cnn", "loss": "cross_entropy", "more": ["explanation"]},
    verdict=_linear_verdict,
    picture=_linear_picture,
)
def linear_interpreter(seed: int, scale: float) -> dict[str, Any]:
    import torch

    from clsviz import boundary

    X, y, X_test, _ = digits(seed, scale)
    read = X_test[:READ]
    numbers: dict[str, Any] = {"sample": read[0]}
    for name in MAPS:
        net = trained(perceptron(seed) if name == "mlp" else convolutional(seed), X, y, seed, scale)
        with torch.no_grad():
            logits = net(torch.from_numpy(read)).numpy()
        maps = [boundary.linear_interpreter(net, x) for x in read]
        weighed = np.stack([A @ x for (A, _), x in zip(maps, read, strict=True)])
        biases = np.stack([b for _, b in maps])
        top = logits.argmax(1)
        each = np.arange(len(read)), top
        numbers |= {
            f"{name}_gap": float(np.abs(weighed + biases - logits).max()),
            f"{name}_bias": float(
                np.mean(np.abs(biases[each]) / (np.abs(biases[each]) + np.abs(weighed[each])))
            ),
            f"{name}_same": float((weighed.argmax(1) == top).mean()),
            f"{name}_maps": len(np.unique(np.stack([A.ravel() for A, _ in maps]).round(9), axis=0)),
            f"{name}_row": maps[0].A[top[0]],
        }
    return numbers


def convolutional(seed: int) -> nn.Sequential:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )
