"""A cue that is easy to see against one that can be trusted: what linear and deep networks rely on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_curve, add_level, add_sliders, curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.data import Dataset

SAMPLES, FRESH = 1200, 1000  # to train on; to choose on, and as many to measure on
PREDICTIVITY = (0.75, 0.9)  # of the shortcut (feature 0) and of the core cue (feature 1)
AVAILABILITY = (1.0, 4.0, 16.0)  # of the shortcut; the core cue has 1
DIM, NOISE = 10, 0.3
WIDTH, RATES = 32, (0.003, 0.03)
LOOKS = (5, 10, 20, 40, 80, 160)  # steps after which a network is looked at
NETWORKS = {
    "linear": ("linear", 0, "relu"),
    "deep_linear": ("linear, 3 layers", 2, "identity"),
    "relu": ("1 hidden layer, ReLU", 1, "relu"),
    "tanh": ("1 hidden layer, tanh", 1, "tanh"),
    "deep": ("3 hidden layers, ReLU", 3, "relu"),
}
AVAILABLE, PREDICTS = (1.0, 2.0, 4.0, 8.0, 16.0), (0.55, 0.65, 0.75, 0.85)  # of the sliders
FOLLOWED = ("linear", "relu", "deep")  # networks there
NEARLY = 0.02  # a bias up to it counts as none


def shortcut(
    seed: int, availability: float, n: int, predictivity: float = PREDICTIVITY[0]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, DIM), labels, and the cues (n, 2)."""
    from clsviz.boundary import make_shortcut_data

    return make_shortcut_data(
        n,
        predictivity=(predictivity, PREDICTIVITY[1]),
        availability=(availability, 1.0),
        noise=NOISE,
        dim=DIM,
        seed=seed,
    )


def _shown() -> Dataset:
    from clsviz.data import from_arrays

    X, y, _ = shortcut(0, AVAILABILITY[-1], SAMPLES)
    return from_arrays(X, y, validation=0.4, seed=0)


def _verdict(numbers: Numbers) -> Verdict:
    linear = numbers.mean("linear_high") <= NEARLY
    nonlinear = ("relu", "tanh", "deep")
    rises = [numbers.exceeds(f"{name}_high", f"{name}_even") for name in nonlinear]
    above = [numbers.exceeds(f"{name}_high", "linear_high") for name in nonlinear]
    courses = [numbers.exceeds(f"{name}_course_high", f"{name}_course_even") for name in NETWORKS]
    lasting = [numbers.exceeds(f"{name}_course_high", f"{name}_course_even") for name in nonlinear]
    high = ", ".join(f"{numbers.text(f'{name}_high', '.2f')} ({NETWORKS[name][0]})" for name in NETWORKS)
    course = ", ".join(
        f"{numbers.text(f'{name}_course_high', '.2f')} against {numbers.text(f'{name}_course_even', '.2f')} "
        f"({NETWORKS[name][0]})"
        for name in NETWORKS
    )
    seen = (
        f"Where the loss on fresh samples is least, the bias with a shortcut {AVAILABILITY[-1]:g} times as "
        f"available as the core cue is {high}: beyond chance it is higher than with equal availability in "
        f"{sum(rises)} and higher than the linear model's in {sum(above)} of the {len(rises)} nonlinear "
        f"networks. On the way there availability counts: the mean over training is {course}, higher in "
        f"{sum(courses)} of {len(courses)} networks, linear or not."
    )
    if linear and all(rises) and all(above):
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(rises) or any(above) or all(lasting) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        (
            "At the least loss on fresh samples",
            "availability of the shortcut (core cue: 1)",
            "shortcut bias",
        ),
        (f"Availability {AVAILABILITY[-1]:g}", "training steps", "shortcut bias"),
        (f"Availability {AVAILABILITY[-1]:g}", "training steps", "error on fresh samples"),
        ("Other cues: drag below", "training steps", "shortcut bias"),
        columns=2,
    )
    for series, (name, (words, _, _)) in enumerate(NETWORKS.items()):
        add_curve(figure, AVAILABILITY, numbers[name], words, series, markers=True)
        add_curve(figure, LOOKS, numbers[f"{name}_steps"], words, series, panel=2, markers=True)
        add_curve(figure, LOOKS, numbers[f"{name}_errors"], words, series, panel=3, markers=True)
    add_level(figure, 1 - PREDICTIVITY[1], "Bayes error", panel=3, at="top left")
    figure.update_xaxes(type="log", tickvals=LOOKS, ticktext=[str(n) for n in LOOKS])
    figure.update_xaxes(tickvals=AVAILABILITY, ticktext=[f"{a:g}" for a in AVAILABILITY], row=1, col=1)

    def others(availability: float, predictivity: float) -> list[dict[str, Any]]:
        cell = AVAILABLE.index(availability) * len(PREDICTS) + PREDICTS.index(predictivity)
        lines = []
        for name in FOLLOWED:
            series = list(NETWORKS).index(name)
            table = numbers[f"cues_{name}"].reshape(len(numbers), -1, len(LOOKS))
            words = NETWORKS[name][0]
            lines.append(curve(LOOKS, table[:, cell].mean(0), words, series, markers=True))
        return lines

    knobs = {"availability of the shortcut": AVAILABLE, "predictivity of the shortcut": PREDICTS}
    add_sliders(figure, knobs, (AVAILABILITY[-1], PREDICTIVITY[0]), others, panel=4)
    figure.update_yaxes(range=[-0.1, 1.05], row=2, col=2)
    return figure


@exhibit(
    id="shortcut_bias",
    title="Easy to see against worth seeing",
    paper="On the Foundations of Shortcut Learning",
    entries=("boundary.make_shortcut_data", "boundary.shortcut_bias"),
    claim="How available a feature is, not only how well it predicts, decides what a network relies on: "
    "nonlinear networks lean on an available but less predictive feature more than the optimal classifier "
    "does, even with one hidden layer, while linear ones hardly do.",
    expected="The bias of nonlinear networks rises with the shortcut's availability; that of a linear "
    "model stays near 0.",
    setting=f"Two cues with random magnitude among {DIM - 2} features of noise; the shortcut agrees with "
    f"the class in {PREDICTIVITY[0]:.0%} of the {SAMPLES} training samples, the core cue in "
    f"{PREDICTIVITY[1]:.0%}, and the shortcut's feature is multiplied by its availability. Magnitudes tell "
    "nothing, so the optimal classifier follows the core cue always, and its error is "
    f"{1 - PREDICTIVITY[1]:g}. Networks of width {WIDTH}, Adam on all samples, no weight decay; for each "
    f"the learning rate ({RATES[0]:g} or {RATES[1]:g}) and the step (up to {LOOKS[-1]}) with the least "
    f"loss on {FRESH} fresh samples. The mean over training is that of the bias after {len(LOOKS)} numbers "
    f"of steps from {LOOKS[0]} to {LOOKS[-1]}, at the lower learning rate, as the curves are. Bias: how "
    f"often the shortcut decides where the cues disagree, on {FRESH} others.",
    headline={
        "linear_high": f"bias, linear, availability {AVAILABILITY[-1]:g}",
        "deep_linear_high": f"bias, three linear layers, availability {AVAILABILITY[-1]:g}",
        "relu_high": f"bias, 1 hidden layer (ReLU), availability {AVAILABILITY[-1]:g}",
        "tanh_high": f"bias, 1 hidden layer (tanh), availability {AVAILABILITY[-1]:g}",
        "deep_high": f"bias, 3 hidden layers (ReLU), availability {AVAILABILITY[-1]:g}",
        "relu_even": "bias, 1 hidden layer (ReLU), both equally available",
        "linear_course_high": f"mean bias over training, linear, availability {AVAILABILITY[-1]:g}",
        "linear_course_even": "mean bias over training, linear, both equally available",
        "relu_course_high": "mean bias over training, 1 hidden layer (ReLU), availability "
        f"{AVAILABILITY[-1]:g}",
        "relu_course_even": "mean bias over training, 1 hidden layer (ReLU), both equally available",
    },
    experiment={
        "data": _shown,
        "model": {"name": "mlp", "params": {"hidden": (WIDTH,)}},
        "loss": "cross_entropy",
    },
    verdict=_verdict,
    picture=_picture,
)
def shortcut_bias(seed: int, scale: float) -> dict[str, Any]:
    looks = tuple(scaled(step, scale) for step in LOOKS)
    sizes = scaled(SAMPLES, scale, 100), scaled(FRESH, scale, 100), scaled(FRESH, scale, 100)
    numbers: dict[str, Any] = {key: [] for name in NETWORKS for key in (name, f"{name}_course")}
    for availability in AVAILABILITY:
        parts = [shortcut(3 * seed + i, availability, size) for i, size in enumerate(sizes)]
        for name, (_, hidden, kind) in NETWORKS.items():
            courses = [followed(hidden, kind, parts, rate, looks, seed) for rate in RATES]
            numbers[f"{name}_course"].append(float(courses[0][1].mean()))
            losses, biases, _ = courses[int(np.argmin([course[0].min() for course in courses]))]
            numbers[name].append(float(biases[losses.argmin()]))
            numbers |= {f"{name}_steps": courses[0][1], f"{name}_errors": courses[0][2]}  # the last stay
    for name in NETWORKS:
        for key in ("", "_course"):
            numbers[f"{name}{key}_even"], numbers[f"{name}{key}_high"] = (
                numbers[name + key][i] for i in (0, -1)
            )
    for name in FOLLOWED:
        _, hidden, kind = NETWORKS[name]
        numbers[f"cues_{name}"] = [
            float(bias)
            for availability in AVAILABLE
            for predictivity in PREDICTS
            for bias in followed(
                hidden,
                kind,
                [shortcut(3 * seed + i, availability, size, predictivity) for i, size in enumerate(sizes)],
                RATES[0],
                looks,
                seed,
            )[1]
        ]
    return numbers


def followed(
    hidden: int, kind: str, parts: list[Any], rate: float, looks: tuple[int, ...], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trains a network on the first part: at each look loss on the second, bias and error on the third."""
    import torch
    from torch import nn

    from clsviz.boundary import shortcut_bias

    train, tune, test = parts
    torch.manual_seed(seed)
    between = {"relu": nn.ReLU, "tanh": nn.Tanh, "identity": nn.Identity}[kind]
    widths = [DIM, *[WIDTH] * hidden]
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), between())]
    net = nn.Sequential(*layers, nn.Linear(widths[-1], 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    (X, y), (X_tune, y_tune), (X_test, _) = (
        (torch.from_numpy(part[0]).float(), torch.from_numpy(part[1])) for part in (train, tune, test)
    )
    says = (test[2] > 0).astype(np.int64)
    conflict = says[:, 0] != says[:, 1]
    found = []
    for step in range(1, max(looks) + 1):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(X), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step in looks:
            with torch.no_grad():
                loss = float(nn.functional.cross_entropy(net(X_tune), y_tune))
                guess = net(X_test).argmax(1).numpy()
            bias = shortcut_bias(guess[conflict], says[conflict, 0], says[conflict, 1])
            found += [(loss, bias, float((guess != test[1]).mean()))] * looks.count(step)
    losses, biases, errors = np.array(found).T
    return losses, biases, errors
