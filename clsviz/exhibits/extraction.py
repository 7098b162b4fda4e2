"""Copying a classifier by asking it: generators in company, replay, and a filter that balances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import samples, scaled, trained
from clsviz.exhibits.pictures import COLOURS, TEXT, add_curve, add_sliders, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.boundary import Extraction
    from clsviz.data import Dataset
    from clsviz.training import Run

TASKS = {"blobs": "six blobs in the plane", "digits": "digits"}
DATA = {"blobs": Spec("blobs", {"n": 1500, "n_classes": 6, "noise": 0.6}), "digits": Spec("digits")}
NETWORK: dict[str, Any] = {"name": "mlp", "params": {"hidden": (64,)}}  # of victims and clones
QUERIES, BATCH = {"blobs": 400, "digits": 1500}, {"blobs": 20, "digits": 50}
LOOKS = 10
# The whole method, each of its parts left out, and all of them.
ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("all three", {}),
    "unfiltered": ("without the filter", {"balance": False}),
    "forgetful": ("without replay", {"replay": False}),
    "single": ("one generator", {"generators": 1}),
    "bare": ("none of the three", {"balance": False, "replay": False, "generators": 1}),
}
PARTS = {"unfiltered": "the filter", "forgetful": "replay", "single": "the company of generators"}
GRID = 21  # points along each side of the plane
SEEN = (1, 2, 4, 10)  # looks of which the plane is kept


def _victim(data: Dataset, seed: int, scale: float) -> Run:
    return trained({"model": NETWORK, "epochs": scaled(40, scale, 2), "seed": seed + 100}, data=data)


def _extracted(victim: Run, data: Dataset, task: str, seed: int, scale: float, **changes: Any) -> Extraction:
    from clsviz.boundary import extract_model

    return extract_model(
        victim,
        data.X[data.validation],
        data.n_classes,
        queries=scaled(QUERIES[task], scale, LOOKS * BATCH[task]),
        batch_size=BATCH[task],
        looks=LOOKS,
        model=NETWORK,
        seed=seed,
        **changes,
    )


def _saved(numbers: Numbers, task: str) -> np.ndarray:
    """Share (S,) of the queries that the whole method is spared to get where the bare one ends; 0: none."""
    full, end = numbers[f"full_{task}"], numbers[f"bare_end_{task}"]
    reached = full >= end[:, None]
    first = np.where(reached.any(1), reached.argmax(1) + 1, LOOKS)
    return 1 - first / LOOKS


def _verdict(numbers: Numbers) -> Verdict:
    above = [t for t in TASKS if numbers.exceeds(f"full_end_{t}", f"bare_end_{t}")]
    helps = {
        part: [t for t in TASKS if numbers.exceeds(f"full_end_{t}", f"{attack}_end_{t}")]
        for attack, part in PARTS.items()
    }
    hurts = {
        part: [t for t in TASKS if numbers.exceeds(f"{attack}_end_{t}", f"full_end_{t}")]
        for attack, part in PARTS.items()
    }
    seen = [
        f"{TASKS[t]}: after {QUERIES[t]} queries the clone calls {_percent(numbers, f'full_end_{t}')} of the "
        f"test samples as the victim does, {_percent(numbers, f'bare_end_{t}')} with none of the three "
        f"({'more' if t in above else 'not more'} beyond chance), and is where that ends with "
        f"{100 * _saved(numbers, t).mean():.0f} % fewer queries"
        for t in TASKS
    ]
    parts = "; ".join(
        f"{part} helps on {' and '.join(TASKS[t] for t in where)}"
        if where
        else f"{part} helps on neither beyond chance"
        for part, where in helps.items()
    )
    harm = "".join(
        f", and it costs on {' and '.join(TASKS[t] for t in where)}" for where in hurts.values() if where
    )
    every = len(above) == len(TASKS) and all(helps.values()) and not any(hurts.values())
    word = "reproduces" if every else "partly" if above else "not at this scale"
    text = "; ".join(seen)
    return Verdict(word, f"{text[0].upper()}{text[1:]}. At the end {parts}{harm}.")


def _percent(numbers: Numbers, key: str) -> str:
    return f"{100 * numbers.mean(key):.1f} ± {100 * numbers.spread(key):.1f} %"


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        *((f"Copying {words}", "queries", "agreement with the victim") for words in TASKS.values()),
        ("Both boundaries, seed 0: drag below", "first feature", "second feature"),
    )
    for panel, task in enumerate(TASKS, 1):
        queries = QUERIES[task] * np.arange(1, LOOKS + 1) / LOOKS
        for series, (attack, (words, _)) in enumerate(ATTACKS.items()):
            add_curve(figure, queries, numbers[f"{attack}_{task}"], words, series, panel=panel, markers=True)
    first = next(iter(numbers))
    low_x, high_x, low_y, high_y = first["box"]
    x, y = np.linspace(low_x, high_x, GRID), np.linspace(low_y, high_y, GRID)
    asked = {int(QUERIES["blobs"] * look / LOOKS): look for look in SEEN}

    def overlaid(queries: float) -> list[dict[str, Any]]:
        clone = np.array(first[f"plane_{asked[int(queries)]}"])
        own = np.array(first["plane_victim"])
        apart = np.flatnonzero(clone != own)
        points = np.stack([np.tile(x, GRID), np.repeat(y, GRID)], 1)[apart]
        return [
            _borders(own, x, y, "victim", COLOURS[0], "solid"),
            _borders(clone, x, y, "clone, all three", COLOURS[1], "dot"),
            dict(
                type="scatter",
                mode="markers",
                x=points[:, 0].tolist() or [None],
                y=points[:, 1].tolist() or [None],
                name="they disagree",
                marker=dict(symbol="x-thin-open", color=TEXT, size=5),
            ),
        ]

    add_sliders(figure, {"queries": list(asked)}, (next(iter(asked)),), overlaid, panel=3)
    figure.update_xaxes(range=[low_x, high_x], col=3)
    figure.update_yaxes(range=[low_y, high_y], col=3)
    return figure


def _borders(
    labels: np.ndarray, x: np.ndarray, y: np.ndarray, name: str, colour: str, dash: str
) -> dict[str, Any]:
    """Edges between grid points of different classes, as one line with gaps."""
    cells = labels.reshape(GRID, GRID)
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    xs: list[float | None] = []
    ys: list[float | None] = []
    for i, j in zip(*np.nonzero(cells[:, 1:] != cells[:, :-1]), strict=True):
        xs += [x[j] + half_x, x[j] + half_x, None]
        ys += [y[i] - half_y, y[i] + half_y, None]
    for i, j in zip(*np.nonzero(cells[1:] != cells[:-1]), strict=True):
        xs += [x[j] - half_x, x[j] + half_x, None]
        ys += [y[i] + half_y, y[i] + half_y, None]
    return dict(
        type="scatter", mode="lines", x=xs, y=ys, name=name, line=dict(color=colour, dash=dash, width=2)
    )


def _loot() -> Dataset:
    data = samples(DATA["blobs"], 1.0)
    victim = _victim(data, 0, 1.0)
    return _extracted(victim, data, "blobs", 0, 1.0).data(victim, data)


@exhibit(
    id="model_extraction",
    title="Copying a classifier by asking it",
    paper="CaBaGe: Data-Free Model Extraction using ClAss BAlanced Generator Ensemble",
    entries=("boundary.extract_model",),
    claim="Without any data, a model that only answers queries is copied with an ensemble of generators, "
    "replay of difficult samples, and a filter that asks harder and more balanced ones: more accurate "
    "copies, by up to 43 points, from up to 75.7 % fewer queries.",
    expected="The clone agrees with its victim more often than without the three, and needs fewer queries "
    "for the same; leaving out any of the three costs agreement.",
    setting="Victims: a hidden layer of 64 on six blobs in the plane and on digits; they answer with class "
    f"labels alone, {QUERIES['blobs']} and {QUERIES['digits']} times. Clones: the same network, from other "
    "initial weights. Four generators or one; all attacks draw from as many candidates, and all clones take "
    "as many steps. The attacker knows the range of each feature and the number of classes, which the paper "
    "learns as well. Agreement is measured on the validation part, which no attack uses. How wide the "
    "generators spread their samples was set once, for all attacks, on two of the seeds. The lab trains on "
    "what was asked, with the victim's answers as labels: there, accuracy is agreement.",
    headline={
        f"{attack}_end_{t}": f"agreement after {QUERIES[t]} queries, {words} ({task})"
        for t, task in TASKS.items()
        for attack, (words, _) in ATTACKS.items()
    },
    experiment={"data": _loot, "model": NETWORK, "epochs": 60},
    verdict=_verdict,
    picture=_picture,
)
def model_extraction(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for task, spec in DATA.items():
        data = samples(Spec(spec.name, {**spec.params, "seed": seed}), scale)
        victim = _victim(data, seed, scale)
        for attack, (_, changes) in ATTACKS.items():
            found = _extracted(victim, data, task, seed, scale, **changes)
            numbers[f"{attack}_{task}"] = found.agreement.tolist()
            numbers[f"{attack}_end_{task}"] = float(found.agreement[-1])
            numbers[f"{attack}_balance_{task}"] = float(found.balance[-1])
            if task == "blobs" and attack == "full":
                numbers |= _planes(victim, found, data)
    return numbers


def _planes(victim: Run, found: Extraction, data: Dataset) -> dict[str, list[float]]:
    """Classes of victim and clones on a grid over the samples, row by row."""
    from clsviz.models import as_predictor

    X = data.X[data.validation]
    low, high = X.min(0), X.max(0)
    x, y = np.linspace(low[0], high[0], GRID), np.linspace(low[1], high[1], GRID)
    points = np.stack([np.tile(x, GRID), np.repeat(y, GRID)], 1).astype(np.float32)

    def called(model: Any) -> list[float]:
        return as_predictor(model, data.n_classes)(points).argmax(1).tolist()

    planes = {f"plane_{look}": called(found.clones[look - 1]) for look in SEEN}
    box = [float(v) for v in (low[0], high[0], low[1], high[1])]
    return {"box": box, "plane_victim": called(victim.model_at()), **planes}
