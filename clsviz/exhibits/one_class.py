"""One known class: a hyperbolic head against a flat one, with pseudo-negatives in place of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import experiment_of, scaled
from clsviz.exhibits.pictures import COLOURS, TEXT, add_curve, add_sliders, curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

    from clsviz.data import Dataset

FLAT = 1e-6  # minus the curvature of the ball whose head is linear to six digits
CURVATURES = (FLAT, 0.1, 1.0)
HEADS = dict(zip(("flat", "paper", "curved"), CURVATURES, strict=True))
LOSSES = {0.0: "Hyp-CE alone", 1.0: "Hyp-CE and Hyp-PC"}  # by the weight of the latter
CLIP = 2.0
STEPS = 100
DIGITS = 5  # known digits of each seed
DIM = 16
SHOWN = 3  # the digit of the discs
# Head and weight of Hyp-PC of each disc, by what the slider says.
DISCS = {
    "flat": ("flat", 0.0),
    "0.1": ("paper", 0.0),
    "1": ("curved", 0.0),
    "0.1, Hyp-PC": ("paper", 1.0),
}
DOTS = 30  # of each kind in the disc
NEAR = 0.12  # half of what is magnified
SETTINGS: dict[str, Any] = {
    "model": {"name": "hyperbolic_head", "params": {"dim": DIM, "c": 0.1, "clip_r": CLIP}},
    "loss": "hyp_oc",
    "optimizer": {"name": "adam", "params": {"lr": 3e-3}},
    "batch_size": 32,
}


def _key(head: str, weight: float) -> str:
    return f"{head}_{'both' if weight else 'entropy'}"


def _verdict(numbers: Numbers) -> Verdict:
    both = {head: _key(head, 1.0) for head in HEADS}
    # each head with the weight that suits it
    best = {head: max((_key(head, w) for w in LOSSES), key=numbers.mean) for head in HEADS}
    curved = max(("paper", "curved"), key=lambda head: numbers.mean(best[head]))
    wins = numbers.exceeds(both["paper"], both["flat"])
    wins_tuned = numbers.exceeds(best[curved], best["flat"])
    loses = numbers.exceeds(best["flat"], best[curved])
    pairs = numbers.exceeds(both["paper"], _key("paper", 0.0))
    harms = numbers.exceeds(_key("paper", 0.0), both["paper"])
    told = (
        "the ball is better"
        if wins_tuned
        else "the ball is worse"
        if loses
        else "no difference beyond chance"
    )
    seen = (
        f"AUROC of the digits never seen, with both losses: {numbers.text(both['paper'], '.3f')} at "
        f"c = {HEADS['paper']:g}, {numbers.text(both['curved'], '.3f')} at c = {HEADS['curved']:g}, "
        f"{numbers.text(both['flat'], '.3f')} flat. Each with the weight of Hyp-PC that suits it: "
        f"{numbers.text(best[curved], '.3f')} in the ball, {numbers.text(best['flat'], '.3f')} flat "
        f"({told}). Hyp-PC "
        f"{'helps' if pairs else 'harms' if harms else 'changes nothing beyond chance'} at "
        f"c = {HEADS['paper']:g} (without: {numbers.text(_key('paper', 0.0), '.3f')}). A one-class support "
        f"vector machine on the pixels: {numbers.text('svm', '.3f')}."
    )
    if wins and wins_tuned and pairs:
        return Verdict("reproduces", seen)
    return Verdict("partly" if wins or wins_tuned or pairs else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        (f"Digit {SHOWN} known, disc: drag below", "share of the rim", "share of the rim"),
        ("Its samples magnified", "beside their mean (share of the rim)", "above it (share of the rim)"),
        ("Digits never seen", "curvature -c of the head's space", "AUROC"),
    )
    for series, (weight, words) in enumerate(LOSSES.items(), 2):
        values = np.stack([numbers[_key(head, weight)] for head in HEADS], 1)
        add_curve(figure, range(len(HEADS)), values, words, series, panel=3, markers=True)
    reference = np.repeat(numbers["svm"][:, None], len(HEADS), 1)
    add_curve(figure, range(len(HEADS)), reference, "one-class SVM", 4, panel=3)
    names = ["flat", *(f"c = {c:g}" for c in CURVATURES[1:])]
    figure.update_xaxes(tickvals=list(range(len(HEADS))), ticktext=names, col=3)
    turn = np.linspace(0, 2 * np.pi, 100)
    rim = dict(x=np.cos(turn), y=np.sin(turn), mode="lines", line=dict(color=TEXT, width=2))
    figure.add_scatter(**rim, hoverinfo="skip", showlegend=False, row=1, col=1)
    row = next(iter(numbers))
    knob = {"the head's c:": list(DISCS)}
    add_sliders(figure, knob, ("0.1",), lambda words: _disc_traces(row, *DISCS[words]), width=0.62)
    for col, half in ((1, 1.05), (2, NEAR)):
        figure.update_xaxes(range=[-half, half], col=col)
        figure.update_yaxes(range=[-half, half], scaleanchor=f"x{col}".removesuffix("1"), col=col)
    return figure


def _disc_traces(row: dict[str, Any], head: str, weight: float) -> list[dict[str, Any]]:
    """Answers and samples of the first seed, in the disc and round the samples' mean."""
    planes = np.array(row[f"{_key(head, weight)}_head"])
    points = np.array(row[f"{_key(head, weight)}_disc"]).reshape(2, -1, 2)
    traces = []
    for panel, centre, half in ((1, np.zeros(2), 1.0), (2, points.mean((0, 1)), NEAR)):
        line = np.linspace(-half, half, 61)
        traces.append(
            dict(
                type="contour",
                x=line,
                y=line,
                z=_field(planes, HEADS[head], centre[0] + line, centre[1] + line),
                colorscale=[[0, COLOURS[0]], [1, COLOURS[1]]],
                contours=dict(start=0, end=0, size=1, coloring="fill"),
                opacity=0.25,
                line=dict(color=TEXT, width=2),
                showscale=False,
                hoverinfo="skip",
                panel=panel,
            )
        )
        for name, series in (("never seen", 1), ("known", 0)):
            x, y = (points[series] - centre).T
            traces.append(curve(x, y, name, series) | dict(mode="markers", panel=panel))
    return traces


def _field(head: np.ndarray, c: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The logit of "other" less that of "known" (G, G) on a grid of the drawn disc, row by row in y."""
    import torch

    from clsviz.losses.hyperbolic import hyperbolic_logits

    p, a = torch.from_numpy(head.reshape(2, 2, 2))
    points = torch.from_numpy(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2))
    length = points.norm(dim=1, keepdim=True).clamp_min(1e-9)
    tangent = points / length * length.clamp_max(1 - 1e-6).atanh() / c**0.5
    if c == FLAT:  # drawn in units of the longest vector
        tangent = points * CLIP
    z = hyperbolic_logits(tangent, p, a, c=c, clip_r=None)
    field: np.ndarray = (z[:, 1] - z[:, 0]).numpy()
    field[length[:, 0].numpy() > 1] = np.nan
    return field.reshape(len(y), len(x))


@exhibit(
    id="hyp_oc",
    title="One known class, in curved space",
    paper="Hyp-OC: Hyperbolic One Class Classification for Face Anti-Spoofing",
    entries=(
        "boundary.hyperbolic_head",
        "boundary.hyp_oc",
        "training.pseudo_logits",
        "losses.hyp_ce",
        "losses.hyp_pc",
    ),
    claim="With training samples of one class only, and pseudo-negatives drawn about their running mean in "
    "place of all others, a head in hyperbolic space, trained with Hyp-CE and Hyp-PC, tells unseen classes "
    "better than a Euclidean one.",
    expected=f"A higher AUROC at c = {HEADS['paper']:g} (the paper's) than of the flat head, and with Hyp-PC "
    "than without.",
    setting=f"One digit is known, as many of the others are in the test part; {DIGITS} known digits a seed, "
    f"means over them. One hidden layer of 64, {DIM} dimensions (2 in the disc), vectors clipped at "
    f"{CLIP:g}, Adam at 0.003, {STEPS} steps of 32 samples and 32 pseudo-negatives, whose spread is twice "
    "that of the pixels, which take the place of the paper's pretrained features. Flat: c = 1e-6, where the "
    "head is linear and Hyp-PC twice the Euclidean distance. Both heads are tried with both weights of "
    "Hyp-PC, 0 and 1. A disc shows samples of the first seed and where the answer changes; the flat one is "
    "in units of the clip length.",
    headline={
        **{
            _key(head, w): f"AUROC, {'flat' if head == 'flat' else f'c = {c:g}'}, " + words
            for head, c in HEADS.items()
            for w, words in LOSSES.items()
        },
        "svm": "AUROC, one-class support vector machine on the pixels",
    },
    experiment={
        **SETTINGS,
        "data": {"name": "one_digit", "params": {"known": SHOWN}},
        "epochs": 40,
    },
    verdict=_verdict,
    picture=_picture,
)
def hyp_oc(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import one_digit

    steps = scaled(STEPS, scale, 3)
    chosen = np.random.default_rng([seed, 23]).permutation(10)[: scaled(DIGITS, scale)]
    sets = [one_digit(known=int(k), seed=seed) for k in chosen]
    numbers: dict[str, Any] = {"svm": float(np.mean([_auroc(data, _svm(data)) for data in sets]))}
    for head, c in HEADS.items():
        for weight in LOSSES:
            found = [_auroc(data, _scores(_head(data, c, weight, DIM, steps, seed), data)) for data in sets]
            numbers[_key(head, weight)] = float(np.mean(found))
    for head, weight in DISCS.values():
        numbers |= _disc(head, weight, steps, seed)
    return numbers


def _head(data: Dataset, c: float, weight: float, dim: int, steps: int, seed: int) -> nn.Module:
    """A network trained on the known class; steps of the lab's own engine, without its measuring."""
    from clsviz import models
    from clsviz.training.engine import LoopEngine
    from clsviz.training.seeding import derive

    changes = {"seed": seed, "model.c": c, "model.dim": dim, "loss.pc_weight": weight}
    own = experiment_of(SETTINGS, changes)
    weights = derive(seed, "weights")
    engine = LoopEngine(models.create(own.model, data.n_features, data.n_classes, seed=weights), data, own)
    for _ in range(steps):
        engine.advance()
    return engine.model.eval()


def _scores(model: nn.Module, data: Dataset) -> np.ndarray:
    """(m,) logit of "other" less that of "known" of the test samples."""
    import torch

    with torch.no_grad():
        z = model(torch.from_numpy(data.X[data.validation])).double().numpy()
    found: np.ndarray = z[:, 1] - z[:, 0]
    return found


def _auroc(data: Dataset, scores: np.ndarray) -> float:
    from clsviz.calibration import ood_metrics

    other = data.y[data.validation] == 1
    return ood_metrics(-scores[~other], -scores[other]).auroc


def _svm(data: Dataset) -> np.ndarray:
    from sklearn.svm import OneClassSVM

    machine = OneClassSVM(gamma="scale", nu=0.1).fit(data.X[data.train])
    return -machine.score_samples(data.X[data.validation])


def _disc(head: str, weight: float, steps: int, seed: int) -> dict[str, list[float]]:
    """A head in two dimensions: where test samples lie, and its hyperplanes."""
    import torch

    from clsviz.data import one_digit

    data = one_digit(known=SHOWN, seed=seed)
    model: Any = _head(data, HEADS[head], weight, 2, steps, seed)
    rows = [data.validation[data.y[data.validation] == k][:DOTS] for k in (0, 1)]
    with torch.no_grad():
        outputs = model.outputs(torch.from_numpy(data.X[np.concatenate(rows)]))
    points = outputs["embeddings"] / CLIP if head == "flat" else outputs["ball"]
    planes = torch.stack([model.p_vals, model.a_vals]).detach()
    return {
        f"{_key(head, weight)}_disc": [round(float(v), 3) for v in points.flatten()],
        f"{_key(head, weight)}_head": [round(float(v), 4) for v in planes.flatten()],
    }
