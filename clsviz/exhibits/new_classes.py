"""Classes never seen in training: verifying who is who, and learning them from a few samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.embedding import embedded, pair_cosines
from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.identities import DIM, SAMPLES, TRAIN, WORDS, encoder, identities
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor, nn

Part = tuple[np.ndarray, np.ndarray]

VERIFY_STEPS = 200
SETTINGS = tuple((s, margin) for s in (2.0, 4.0, 8.0) for margin in (0.1, 0.35))  # scale, margin
UNFILTERED = 1e6
VERIFIERS = {"cosface": "CosFace", "unpg": "UNPG", "unfiltered": "UNPG, all pairs kept"}
BINS = np.linspace(-1, 1, 51)


def _verify_verdict(numbers: Numbers) -> Verdict:
    mismatch = numbers.exceeds("cosface_hard_pairs", "cosface_hard_weights")
    overlap = numbers.exceeds("cosface_overlap", "unpg_overlap")
    tpr = [numbers.exceeds(f"unpg_tpr_{rate}", f"cosface_tpr_{rate}") for rate in ("1e2", "1e3")]
    filtering = numbers.exceeds("unpg_tpr_1e2", "unfiltered_tpr_1e2")
    reversed_ = numbers.exceeds("unpg_overlap", "cosface_overlap")
    seen = (
        "After training with CosFace the hardest per cent of rivals begins at a cosine of "
        f"{numbers.text('cosface_hard_weights', '.2f')} among class weights and "
        f"{numbers.text('cosface_hard_pairs', '.2f')} among pairs of samples"
        f"{': the mismatch is there' if mismatch else ''}. On unseen identities the overlap of the two "
        f"histograms is {numbers.text('cosface_overlap')} with CosFace, {numbers.text('unpg_overlap')} with "
        f"UNPG{' (less)' if overlap else ' (more)' if reversed_ else ' (no difference beyond chance)'}; "
        f"TPR at FPR 1 % {numbers.text('cosface_tpr_1e2')} and {numbers.text('unpg_tpr_1e2')}, at 0.1 % "
        f"{numbers.text('cosface_tpr_1e3')} and {numbers.text('unpg_tpr_1e3')}. Without the filter UNPG "
        f"reaches {numbers.text('unfiltered_tpr_1e2')} at 1 %{': the filter helps' if filtering else ''}."
    )
    gains = [overlap, *tpr]
    word = "reproduces" if mismatch and all(gains) else "partly" if any(gains) or mismatch else None
    return Verdict(word or "not at this scale", seen)


def _verify_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Pairs of unseen identities", "cosine", "density"),
        ("Verification", "false positive rate", "true positive rate"),
        ("Overlap of the histograms", "pairs of", "shared area"),
    )
    middles = (BINS[1:] + BINS[:-1]) / 2
    for series, name in enumerate(("cosface", "unpg")):
        for kind, words in (("same", "same identity"), ("other", "different")):
            curve = numbers[f"{name}_{kind}_histogram"]
            add_curve(
                figure, middles, curve, f"{VERIFIERS[name]}, {words}", series + 2 * (kind == "other"), panel=1
            )
    for series, name in enumerate(VERIFIERS):
        rates = np.stack([numbers[f"{name}_tpr_{rate}"] for rate in ("1e3", "1e2")], 1)
        add_bars(figure, ["0.1 %", "1 %"], rates, VERIFIERS[name], series + 4, panel=2)
        add_bars(
            figure,
            ["unseen identities"],
            numbers[f"{name}_overlap"][:, None],
            VERIFIERS[name],
            series + 4,
            panel=3,
        )
    figure.update_xaxes(type="category", col=2)
    return figure


@exhibit(
    id="unpg",
    title="Negatives from weights and from pairs",
    paper="Unified Negative Pair Generation toward Well-discriminative Feature Space for Face Recognition",
    entries=("losses.unpg", "losses.norm_softmax"),
    claim="Class weights converge to the centres of their classes and make no very hard negatives; the pairs "
    "of a batch do. Both in one softmax, with noisy pairs filtered out, set the similarities of positive "
    "and of negative pairs further apart, and verify better.",
    expected="The hardest in-batch negatives are harder than the hardest class weights. On unseen identities "
    "the overlap of the histograms of positive and negative cosines is smaller with UNPG than with "
    "CosFace, and the true positive rate at a low false positive rate higher.",
    setting=f"{WORDS} at 0.003, {VERIFY_STEPS} batches of 32 identities with 2 samples. Each loss tries "
    "scales of 2, 4 and 8 with margins of 0.1 and 0.35 (UNPG without its filter: those chosen with it); "
    "the best TPR at FPR 1 % on the identities for choosing is tested on all pairs of the test samples "
    "(2640 of the same identity, 112320 of different ones). Overlap: area that the two histograms share. "
    "The lab shows it on digits.",
    headline={
        "cosface_hard_weights": "99 % quantile of cosines to other class weights, CosFace, training",
        "cosface_hard_pairs": "99 % quantile of cosines of negative pairs, CosFace, training",
        **{f"{name}_overlap": f"overlap of the histograms, {words}" for name, words in VERIFIERS.items()},
        **{f"{name}_tpr_1e2": f"TPR at FPR 1 %, {words}" for name, words in VERIFIERS.items()},
        **{f"{name}_tpr_1e3": f"TPR at FPR 0.1 %, {words}" for name, words in VERIFIERS.items()},
    },
    experiment={
        "data": "digits",
        "model": {"name": "mlp", "params": {"hidden": (128, 32), "activation": "tanh"}},
        "loss": {"name": "unpg", "params": {"s": 16.0}},
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
    },
    verdict=_verify_verdict,
    picture=_verify_picture,
)
def unpg(seed: int, scale: float) -> dict[str, Any]:
    data = identities(seed)
    numbers: dict[str, Any] = {}
    for name in VERIFIERS:
        # Without the filter: as UNPG, with what was chosen for it.
        tried = SETTINGS if name != "unfiltered" else ((numbers["unpg_s"], numbers["unpg_margin"]),)
        found = [
            _verifier(name, s, margin, data.train, scaled(VERIFY_STEPS, scale), seed) for s, margin in tried
        ]
        best = int(np.argmax([_tpr(*_cosines(model, data.tune), 0.01) for model, _ in found]))
        model, weight = found[best]
        same, other = _cosines(model, data.test)
        histograms = [np.histogram(part, BINS, density=True)[0] for part in (same, other)]
        u, labels = embedded(model, data.train[0]), data.train[1]
        to_weights = (u @ weight.T)[np.arange(TRAIN) != labels[:, None]]
        numbers |= {
            f"{name}_same_histogram": histograms[0],
            f"{name}_other_histogram": histograms[1],
            f"{name}_overlap": np.minimum(*histograms).sum() * (BINS[1] - BINS[0]),
            f"{name}_tpr_1e2": _tpr(same, other, 0.01),
            f"{name}_tpr_1e3": _tpr(same, other, 0.001),
            f"{name}_hard_weights": np.quantile(to_weights, 0.99),
            f"{name}_hard_pairs": np.quantile(pair_cosines(u, labels)[1], 0.99),
            f"{name}_s": tried[best][0],
            f"{name}_margin": tried[best][1],
        }
    return numbers


def _verifier(
    name: str, s: float, margin: float, data: Part, steps: int, seed: int
) -> tuple[nn.Module, np.ndarray]:
    """A trained encoder, and the class weights (TRAIN, DIM) of its loss, of unit length."""
    import torch

    from clsviz.losses import create

    wisk = {"unpg": {"wisk": 1.5}, "unfiltered": {"wisk": UNFILTERED}}.get(name, {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = create(
            "norm_softmax" if name == "cosface" else "unpg",
            num_classes=TRAIN,
            dim=DIM,
            s=s,
            margin=margin,
            **wisk,
        )
    model = encoder(
        lambda model, x, y: loss(model(x), y),
        data,
        steps=steps,
        seed=seed,
        classes=32,
        samples=2,
        weights=loss,
    )
    weight = loss.weight.detach().double().numpy()
    return model, weight / np.linalg.norm(weight, axis=1, keepdims=True)


def _cosines(model: nn.Module, part: Part) -> tuple[np.ndarray, np.ndarray]:
    return pair_cosines(embedded(model, part[0]), part[1])


def _tpr(same: np.ndarray, other: np.ndarray, rate: float) -> float:
    """Share of the positive pairs above the threshold that lets this share of the negatives through."""
    return float((same > np.quantile(other, 1 - rate)).mean())


EPISODE_STEPS, EPISODES = 300, 200
WAYS, QUERIES = 5, 5
FEW_SHOT: dict[str, tuple[str, tuple[float, ...]]] = {
    "proto_ce": ("prototypical cross-entropy, temperature", (1.0, 3.0, 10.0)),
    "proto_triplet": ("proto-triplet, margin", (0.3, 1.0, 3.0)),
    "icnn": ("ICNN, neighbours", (1, 3, 5)),
}
SEPARATIONS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0)


def _few_shot_verdict(numbers: Numbers) -> Verdict:
    better = {
        name: [numbers.exceeds(f"{name}_{shots}_shot", f"proto_ce_{shots}_shot") for shots in (1, 5)]
        for name in ("proto_triplet", "icnn")
    }
    worse = {
        name: [numbers.exceeds(f"proto_ce_{shots}_shot", f"{name}_{shots}_shot") for shots in (1, 5)]
        for name in better
    }
    rises = numbers.exceeds("score_correlation", 0.9)

    def told(name: str) -> str:
        words = [
            "above" if more else "below" if less else "not apart from"
            for more, less in zip(better[name], worse[name], strict=True)
        ]
        return f"{words[0]} it with 1 shot and {words[1]} it with 5"

    seen = "Five unseen identities, 1 and 5 shots: " + "; ".join(
        f"{FEW_SHOT[name][0].split(',')[0]} {numbers.text(f'{name}_1_shot')} and "
        f"{numbers.text(f'{name}_5_shot')}" + (f" ({told(name)})" if name in better else "")
        for name in FEW_SHOT
    )
    seen += (
        f"; untrained {numbers.text('untrained_1_shot')} and {numbers.text('untrained_5_shot')}. The "
        f"ICNN score {'rises' if rises else 'does not rise'} with the separation of Gaussian classes, from "
        f"{numbers['score'][:, 0].mean():.2f} to {numbers['score'][:, -1].mean():.2f} (rank correlation "
        f"{numbers.text('score_correlation', '.2f')})."
    )
    shown = [rises, *(all(both) for both in better.values())]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _few_shot_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Five unseen identities", "shots of each", "accuracy"),
        ("ICNN score", "separation of the classes (standard deviations)", "mean score"),
    )
    for series, name in enumerate([*FEW_SHOT, "untrained"]):
        words = FEW_SHOT[name][0].split(",")[0] if name in FEW_SHOT else "untrained"
        values = np.stack([numbers[f"{name}_{shots}_shot"] for shots in (1, 5)], 1)
        add_bars(figure, ["1 shot", "5 shots"], values, words, series)
    add_curve(figure, SEPARATIONS, numbers["score"], "ICNN score", 4, panel=2, markers=True)
    return figure


@exhibit(
    id="proto_triplet",
    title="Few shots: prototypes and neighbours",
    paper="SuSana Distancia is all you need: Enforcing class separability in metric learning via two novel "
    "distance-based loss functions for few-shot image classification",
    entries=("losses.proto_triplet", "losses.icnn"),
    claim="Losses that use the distances within and between classes (a triplet of prototypes, and a score "
    "of intra- and inter-class nearest neighbours) generalise better to unseen classes than prototypical "
    "networks; the ICNN score tells the quality of embeddings.",
    expected="5-way accuracy with 1 and with 5 shots on unseen classes is higher with either loss than "
    "with cross-entropy over distances to prototypes; the ICNN score rises with the separation of classes.",
    setting=f"{WORDS} at 0.003, {EPISODE_STEPS} episodes of {WAYS} identities, 5 samples for the "
    f"prototypes and {QUERIES} to classify (ICNN takes all ten together). Each loss tries three values "
    "of its parameter ("
    + "; ".join(f"{words} {values}" for words, values in FEW_SHOT.values())
    + f"); the best 5-shot accuracy on the identities for choosing is tested, on {EPISODES} episodes "
    "alike for all, by the nearest prototype. Score: mean b / (a + b) of the distance a to the nearest of "
    "the own class and b to that of others, on five Gaussian classes in 8 dimensions. The lab shows the "
    "proto-triplet on digits.",
    headline={
        **{
            f"{name}_{shots}_shot": f"accuracy with {shots} shot{'s' * (shots > 1)}, {words.split(',')[0]}"
            for name, (words, _) in FEW_SHOT.items()
            for shots in (1, 5)
        },
        "untrained_5_shot": "accuracy with 5 shots, untrained encoder",
        "score_correlation": "rank correlation of ICNN score and separation",
    },
    experiment={
        "data": "digits",
        "model": {"name": "mlp", "params": {"hidden": (128, 32), "activation": "tanh"}},
        "loss": "proto_triplet",
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
    },
    verdict=_few_shot_verdict,
    picture=_few_shot_picture,
)
def proto_triplet(seed: int, scale: float) -> dict[str, Any]:
    from scipy.stats import spearmanr

    data = identities(seed)
    episodes = scaled(EPISODES, scale, 5)
    numbers: dict[str, Any] = {}
    for name, (_, values) in FEW_SHOT.items():
        models = [_learner(name, value, data.train, scaled(EPISODE_STEPS, scale), seed) for value in values]
        best = int(np.argmax([_few_shot(model, data.tune, 5, episodes, seed) for model in models]))
        numbers[f"{name}_value"] = values[best]
        for shots in (1, 5):
            numbers[f"{name}_{shots}_shot"] = _few_shot(models[best], data.test, shots, episodes, seed)
    untrained = _learner("proto_ce", 1.0, data.train, 0, seed)
    for shots in (1, 5):
        numbers[f"untrained_{shots}_shot"] = _few_shot(untrained, data.test, shots, episodes, seed)
    score = _scores(seed)
    return {**numbers, "score": score, "score_correlation": spearmanr(SEPARATIONS, score).statistic}


def few_shot_loss(name: str, e: Tensor, y: Tensor, value: float) -> Tensor:
    """0-d loss of an episode: of each class, `QUERIES` samples to classify after those of its prototype."""
    import torch
    from torch.nn import functional

    from clsviz.losses.geometry import distances
    from clsviz.losses.triplets import icnn
    from clsviz.losses.triplets import proto_triplet as triplet_of_prototypes

    parts = e.view(WAYS, -1, e.shape[1])
    prototypes, queries = parts[:, :-QUERIES].mean(1), parts[:, -QUERIES:].flatten(0, 1)
    targets = torch.arange(WAYS).repeat_interleave(QUERIES)
    if name == "icnn":
        return icnn(e, y, k=int(value)).mean()
    if name == "proto_triplet":
        return triplet_of_prototypes(queries, targets, prototypes, margin=value).mean()
    return functional.cross_entropy(-distances(queries, prototypes, squared=True) / value, targets)


def _learner(name: str, value: float, data: Part, steps: int, seed: int) -> nn.Module:
    def objective(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return few_shot_loss(name, model(x), y, value)

    return encoder(objective, data, steps=steps, seed=seed, classes=WAYS, samples=5 + QUERIES)


def _few_shot(model: Callable[[Any], Any], part: Part, shots: int, episodes: int, seed: int) -> float:
    """Accuracy of the nearest prototype over random episodes, the same for every model."""
    import torch

    with torch.no_grad():
        e = model(torch.from_numpy(part[0])).double().numpy()
    rng = np.random.default_rng([seed, 8])
    right = []
    for _ in range(episodes):
        classes = rng.permutation(int(part[1].max()) + 1)[:WAYS]
        rows = np.stack([c * SAMPLES + rng.permutation(SAMPLES)[: shots + QUERIES] for c in classes])
        prototypes, queries = e[rows[:, :shots]].mean(1), e[rows[:, shots:]]
        d = ((queries[:, :, None] - prototypes) ** 2).sum(-1)
        right.append((d.argmin(-1) == np.arange(WAYS)[:, None]).mean())
    return float(np.mean(right))


def _scores(seed: int) -> list[float]:
    """Mean ICNN score of the same samples, their classes moved apart."""
    import torch

    from clsviz.losses.triplets import icnn

    rng = np.random.default_rng([seed, 9])
    y = np.repeat(np.arange(5), 20)
    noise, centres = rng.normal(size=(100, 8)), np.eye(8)[:5] / np.sqrt(2)  # a unit apart
    return [
        float((-icnn(torch.from_numpy(noise + far * centres[y]), torch.from_numpy(y))).exp().mean())
        for far in SEPARATIONS
    ]
