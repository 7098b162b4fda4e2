"""Metric learning by pairs: how losses weigh the pairs of a batch, and mixing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.embedding import embedded, pair_gradients, recall_at_1
from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.identities import WORDS, encoder, identities
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor, nn

STEPS = 150
THRESHOLD, TRIPLET_MARGIN, LIFTED_MARGIN = 0.5, 0.3, 1.0  # of the weights shown; tuned where trained

# Loss, its words, and the values of its one parameter that are tried. Lifted structure sums 60
# negatives: its hinge closes only at margins of about -log 60.
PAIR_LOSSES: dict[str, tuple[str, tuple[float, ...]]] = {
    "contrastive": ("contrastive, threshold", (0.25, 0.5, 0.75)),
    "triplet": ("triplet, margin", (0.3, 1.0, 2.0)),
    "lifted": ("lifted structure, margin", (-4.5, -4.0, 1.0)),
    "ms_all": ("multi-similarity, no mining, scale", (5.0, 15.0, 40.0)),
    "ms": ("multi-similarity, scale", (5.0, 15.0, 40.0)),
}
SIMILARITIES = np.round(np.linspace(-0.5, 0.95, 30), 4)
# One anchor: cosines of its positives, of one negative, and of its other negatives.
POSITIVES, NEGATIVE, OTHERS = (0.5, 0.3), 0.45, (0.2, -0.1)


def pair_terms(name: str, x: Tensor, labels: Tensor, value: float) -> Tensor:
    """(N,) one term an anchor of unit embeddings; `value` is the parameter of `PAIR_LOSSES`.

    Contrastive and lifted structure as in the paper's table of weights; the others are the catalogue's.
    """
    import torch

    from clsviz.losses.geometry import cosines, pairs
    from clsviz.losses.pair_weighting import multi_similarity
    from clsviz.losses.triplets import triplet

    positive, negative = pairs(labels)
    if name in ("ms", "ms_all"):
        return multi_similarity(x, labels, scale_neg=value, mining=name == "ms")
    if name == "triplet":
        terms = triplet(x, labels, margin=value, squared=True)
        anchors = (positive.unsqueeze(-1) & negative.unsqueeze(-2)).nonzero()[:, 0]
        return x.new_zeros(len(x)).index_add(0, anchors, terms)
    s = cosines(x, x)
    if name == "contrastive":
        return ((1 - s) * positive).sum(1) + ((s - value).relu() * negative).sum(1)
    pull, push = ((-s).masked_fill(~positive, -torch.inf), s.masked_fill(~negative, -torch.inf))
    return (pull.logsumexp(1) + push.logsumexp(1) + value).relu()


def closed_form(name: str, s: Tensor, positive: Tensor, value: float) -> Tensor:
    """(M,) the weights of general pair weighting: |derivative of the anchor's term by each cosine|."""
    import torch

    p, n = s[positive], s[~positive]
    weights = torch.zeros_like(s)
    if name == "contrastive":
        weights[positive], weights[~positive] = 1.0, (n > value).to(s.dtype)
    elif name == "triplet":  # squared distances of unit vectors are 2 - 2 cos
        violated = (n[None] - p[:, None] + value / 2 > 0).to(s.dtype)
        weights[positive], weights[~positive] = 2 * violated.sum(1), 2 * violated.sum(0)
    elif name == "lifted":
        if (-p).logsumexp(0) + n.logsumexp(0) + value > 0:
            weights[positive], weights[~positive] = (-p).softmax(0), n.softmax(0)
    else:
        kept = torch.ones_like(positive)
        if name == "ms":
            kept = torch.where(positive, s - 0.1 < n.max(), s + 0.1 > p.min())
        for side, scale in ((positive, -2.0), (~positive, value)):
            hard = (scale * (s - 0.5)).exp() * (side & kept)
            weights[side] = (hard / (1 + hard.sum()))[side]
        if not ((kept & positive).any() and (kept & ~positive).any()):
            weights.zero_()
    return weights


def pair_weights(name: str, s: Tensor, positive: Tensor, value: float) -> Tensor:
    """The same by autograd, through the loss of embeddings laid out with these cosines."""
    import torch

    # The anchor and its positives are of class 0, every negative of its own.
    others = torch.where(positive, 0, 1 + torch.arange(len(s)))
    labels = torch.cat([torch.zeros(1, dtype=torch.int64), others])
    return pair_gradients(lambda x: pair_terms(name, x, labels, value)[0], s).abs()


def _weights_verdict(numbers: Numbers) -> Verdict:
    identical = bool(max(numbers[f"{name}_error"].max() for name in PAIR_LOSSES) < 1e-9)
    seen_by = {name: [numbers.mean(f"{name}_{kind}") > 0 for kind in "spn"] for name in PAIR_LOSSES}
    all_three = all(seen_by["ms"]) and not any(all(seen_by[name]) for name in PAIR_LOSSES if name != "ms")
    rivals = [name for name in PAIR_LOSSES if not name.startswith("ms")]
    beaten = [name for name in rivals if numbers.exceeds("ms_recall", f"{name}_recall")]
    mining = numbers.exceeds("ms_recall", "ms_all_recall")
    recalls = ", ".join(f"{name} {numbers.text(f'{name}_recall')}" for name in rivals)
    seen = (
        f"Autograd and the closed forms of the weights agree to "
        f"{max(numbers[f'{name}_error'].max() for name in PAIR_LOSSES):.0e}; only multi-similarity's "
        f"weight of a negative depends on its own similarity, on the positives' and on the other negatives'. "
        f"Recall@1 on unseen identities: multi-similarity {numbers.text('ms_recall')} (without mining "
        f"{numbers.text('ms_all_recall')}{', less' if mining else ''}), {recalls}; "
        f"raw features {numbers.text('raw_recall')}. Beyond chance it is above "
        f"{' and '.join(beaten) if beaten else 'none of the others'}."
    )
    shown = [identical, all_three, len(beaten) == len(rivals)]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _weights_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Weight of a negative pair", "its cosine with the anchor", "weight / largest"),
        ("Unseen identities", "loss (parameter tuned)", "recall@1"),
    )
    for series, name in enumerate(name for name in PAIR_LOSSES if name != "ms_all"):
        curve = numbers[f"{name}_curve"]
        add_curve(figure, SIMILARITIES, curve / max(curve.max(), 1e-12), name, series)
    names = [*PAIR_LOSSES, "raw"]
    recalls = np.stack([numbers[f"{name}_recall"] for name in names], 1)
    add_bars(figure, [*names[:3], "ms, unmined", "ms", "raw"], recalls, "recall@1", 4, panel=2)
    figure.update_xaxes(tickangle=-30, col=2)
    return figure


@exhibit(
    id="multi_similarity",
    title="How pairs are weighed",
    paper="Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
    entries=("losses.multi_similarity", "losses.triplet"),
    claim="Every loss of pairs is a way to weigh them: its gradient by the similarity matrix. "
    "Contrastive, triplet and lifted structure each look at one of three similarities of a pair (its own, "
    "relative to the positives, relative to the other negatives); multi-similarity looks at all, and "
    "retrieves best.",
    expected="The weights that autograd finds are those of the closed forms. Only the multi-similarity "
    "loss changes a negative's weight with each of the three. Its recall@1 on unseen classes is the "
    "highest.",
    setting=f"Weights: an anchor with given cosines to two positives and three negatives, through the "
    f"loss of embeddings laid out so, in float64; errors over 20 random such layouts. {WORDS} at 0.003, "
    f"{STEPS} batches of 16 identities with 4 samples. Each loss tries three values of its own parameter ("
    + "; ".join(f"{words} {values}" for words, values in PAIR_LOSSES.values())
    + "); the best recall@1 on the identities for choosing is tested. The lab shows it on digits.",
    headline={
        **{f"{name}_error": f"autograd against closed form, {name}" for name in PAIR_LOSSES},
        **{f"{name}_recall": f"recall@1, unseen identities, {name}" for name in PAIR_LOSSES},
        "raw_recall": "recall@1, unseen identities, raw features",
    },
    experiment={
        "data": "digits",
        "model": {"name": "mlp", "params": {"hidden": (128, 32), "activation": "tanh"}},
        "loss": "multi_similarity",
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
    },
    verdict=_weights_verdict,
    picture=_weights_picture,
)
def multi_similarity(seed: int, scale: float) -> dict[str, Any]:
    data = identities(seed)
    numbers: dict[str, Any] = {"raw_recall": _recall(lambda x: x, data.test)}
    shown = {"contrastive": THRESHOLD, "triplet": TRIPLET_MARGIN, "lifted": LIFTED_MARGIN}
    for name, (_, values) in PAIR_LOSSES.items():
        numbers |= _weighing(name, shown.get(name, 40.0), np.random.default_rng([seed, 5]))
        models = [
            encoder(
                lambda model, x, y, name=name, value=value: pair_terms(  # type: ignore[misc]
                    name, _unit(model(x)), y, value
                ).mean(),
                data.train,
                steps=scaled(STEPS, scale),
                seed=seed,
            )
            for value in values
        ]
        best = int(np.argmax([_recall(model, data.tune) for model in models]))
        numbers |= {f"{name}_recall": _recall(models[best], data.test), f"{name}_value": values[best]}
    return numbers


def _weighing(name: str, value: float, rng: np.random.Generator) -> dict[str, Any]:
    """Whether autograd gives the closed form, what moves a negative's weight, and its curve."""
    import torch

    def weight(positives: Any, own: Any, others: Any) -> float:
        s = torch.tensor([*positives, own, *others], dtype=torch.float64)
        return float(pair_weights(name, s, torch.arange(len(s)) < len(positives), value)[len(positives)])

    error = 0.0
    for _ in range(20):
        s, positive = torch.from_numpy(rng.uniform(-0.9, 0.9, 12)), torch.arange(12) < 4
        gap = pair_weights(name, s, positive, value) - closed_form(name, s, positive, value)
        error = max(error, float(gap.abs().max()))
    here = weight(POSITIVES, NEGATIVE, OTHERS)
    shift = np.array(0.2)
    moved = {
        # All alike, so that nothing relative changes.
        "s": weight(POSITIVES + shift, NEGATIVE + shift, OTHERS + shift),
        "p": weight((0.8, 0.7), NEGATIVE, OTHERS),
        "n": weight(POSITIVES, NEGATIVE, (0.6, -0.1)),
    }
    return {
        f"{name}_error": error,
        **{f"{name}_{kind}": float(abs(w - here) > 1e-9) for kind, w in moved.items()},
        f"{name}_curve": [weight(POSITIVES, s, OTHERS) for s in SIMILARITIES],
    }


def _recall(model: Callable[[Any], Any], part: tuple[np.ndarray, np.ndarray]) -> float:
    return recall_at_1(embedded(model, part[0]), part[1])  # type: ignore[arg-type]


def _unit(x: Tensor) -> Tensor:
    from clsviz.losses.geometry import unit

    return unit(x)


SCALES = (10.0, 40.0)
LEVELS = {
    "ms": "none (multi-similarity)",
    "embeddings": "embeddings",
    "features": "features",
    "inputs": "inputs",
}
MIX_CLASSES = 8  # with 4 samples each: a step takes N^3 numbers


def mixed_terms(u: Tensor, v: Tensor, labels: Tensor, lam: float, scale_neg: float) -> Tensor:
    """(N,) multi-similarity, and the same on mixtures made at whatever level.

    Equal to `metrix` where the mixtures are those of the embeddings.

    Args:
        u: (N, D) unit embeddings. v: (N, N, D) unit embeddings of the mixtures of each pair.
        lam: share of the first of the pair.
    """
    import torch

    from clsviz.losses.geometry import pairs

    a, theta, weight = 2.0, 0.5, 0.4
    positive, negative = pairs(labels)
    s, t = u @ u.T, torch.einsum("id,pnd->ipn", u, v).flatten(1)
    mixes = (positive.unsqueeze(-1) & negative.unsqueeze(-2)).flatten(1)

    def soft(exponent: Tensor, where: Tensor) -> Tensor:
        exponent = exponent.masked_fill(~where, -torch.inf)
        return torch.cat([torch.zeros_like(exponent[:, :1]), exponent], 1).logsumexp(1)

    pull = soft(-a * (s - theta), positive) + weight * soft(np.log(lam) - a * (t - theta), mixes)
    push = soft(scale_neg * (s - theta), negative)
    push = push + weight * soft(np.log1p(-lam) + scale_neg * (t - theta), mixes)
    return pull / a + push / scale_neg


def mixtures(model: nn.Module, x: Tensor, lam: float, level: str) -> Tensor:
    """(N, N, D) unit embeddings of all pairs, mixed at a level of the encoder."""
    first, act, last = model.children()
    depth = {"inputs": 0, "features": 1, "embeddings": 2}[level]
    h = [x, act(first(x)), _unit(model(x))][depth]
    mixed = lam * h.unsqueeze(1) + (1 - lam) * h
    if depth == 0:
        mixed = act(first(mixed))
    return _unit(last(mixed) if depth < 2 else mixed)


def _mixing_verdict(numbers: Numbers) -> Verdict:
    levels = [level for level in LEVELS if level != "ms"]
    better = [level for level in levels if numbers.exceeds(f"{level}_recall", "ms_recall")]
    worse = [level for level in levels if numbers.exceeds("ms_recall", f"{level}_recall")]
    used = [level for level in levels if numbers.exceeds("ms_utilisation", f"{level}_utilisation")]
    reach = [level for level in levels if numbers.exceeds("ms_utilisation", f"{level}_mixed")]

    def told(found: list[str]) -> str:
        return " and ".join(found) or "no level"

    seen = (
        f"Recall@1 on unseen identities: {numbers.text('ms_recall')} without mixing, "
        + ", ".join(f"{numbers.text(f'{level}_recall')} mixing {level}" for level in levels)
        + f"; better beyond chance: {told(better)}"
        + (f", worse: {told(worse)}" if worse else "")
        + ". Squared distance of a test sample to the nearest training sample (utilisation, less is better): "
        f"{numbers.text('ms_utilisation', '.2f')} without, "
        + ", ".join(f"{numbers.text(f'{level}_utilisation', '.2f')} mixing {level}" for level in levels)
        + f"; less beyond chance: {told(used)}; as many mixtures lie nearer than without mixing the samples "
        f"do: {told(reach)}."
    )
    word = "reproduces" if better == used == levels else "partly" if better or used else "not at this scale"
    return Verdict(word, seen)


def _mixing_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Unseen identities", "mixed at", "recall@1"),
        ("Utilisation (less is better)", "mixed at", "squared distance to the nearest"),
    )
    groups = ["nothing", *list(LEVELS)[1:]]
    add_bars(figure, groups, np.stack([numbers[f"{k}_recall"] for k in LEVELS], 1), "recall@1", 0)
    for series, (key, words) in enumerate(
        (("utilisation", "to training samples"), ("mixed", "to as many mixtures")), 1
    ):
        values = np.stack([numbers[f"{level}_{key}"] for level in LEVELS], 1)
        add_bars(figure, groups, values, words, series, panel=2)
    return figure


@exhibit(
    id="metrix",
    title="Mixing pairs in metric learning",
    paper="It Takes Two to Tango: Mixup for Deep Metric Learning",
    entries=("losses.metrix",),
    claim="Mixing inputs, intermediate features or embeddings, with the labels of pairs interpolated along, "
    "improves the embeddings, because training then explores the space beyond the training classes "
    "(utilisation).",
    expected="Recall@1 on unseen classes is higher with mixing at each level than with the "
    "multi-similarity loss alone, and the test samples lie nearer to training samples in the embedding.",
    setting=f"{WORDS} at 0.003, {STEPS} batches of 8 identities with 4 samples. Multi-similarity without "
    "mining alone, and with all positive-negative pairs mixed at one level (weight 0.4, share drawn from "
    "Beta(2, 2) for each batch); all four try scales of the negatives of 10 and 40, and the better on the "
    "identities for choosing is tested. Utilisation: mean over test samples of the squared distance to "
    "the nearest training sample, or to as many mixtures of two training identities (of embeddings, where "
    "nothing was mixed in training). The lab shows embeddings mixed on digits.",
    headline={
        **{f"{level}_recall": f"recall@1, mixing {words}" for level, words in LEVELS.items()},
        **{f"{level}_utilisation": f"utilisation, mixing {words}" for level, words in LEVELS.items()},
    },
    experiment={
        "data": "digits",
        "model": {"name": "mlp", "params": {"hidden": (128, 32), "activation": "tanh"}},
        "loss": "metrix",
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
        "batch_size": 32,
    },
    verdict=_mixing_verdict,
    picture=_mixing_picture,
)
def metrix(seed: int, scale: float) -> dict[str, Any]:
    import torch

    data = identities(seed)
    numbers: dict[str, Any] = {}
    for level in LEVELS:
        models = [
            encoder(
                _mixing(level, scale_neg, seed),
                data.train,
                steps=scaled(STEPS, scale),
                seed=seed,
                classes=MIX_CLASSES,
            )
            for scale_neg in SCALES
        ]
        best = int(np.argmax([_recall(model, data.tune) for model in models]))
        model, (X, y) = models[best], data.train
        rng = np.random.default_rng([seed, 7])
        pairs = rng.integers(0, len(X), (len(X), 2))
        pairs = pairs[y[pairs[:, 0]] != y[pairs[:, 1]]]
        with torch.no_grad():
            mixed = [
                mixtures(
                    model, torch.from_numpy(X[pair]), rng.beta(2, 2), "embeddings" if level == "ms" else level
                )
                for pair in pairs
            ]
        test = embedded(model, data.test[0])
        numbers |= {
            f"{level}_recall": recall_at_1(test, data.test[1]),
            f"{level}_scale": SCALES[best],
            f"{level}_utilisation": _nearest(test, embedded(model, X)),
            f"{level}_mixed": _nearest(test, torch.stack(mixed)[:, 0, 1].numpy()),
        }
    return numbers


def _mixing(level: str, scale_neg: float, seed: int) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    from clsviz.losses.pair_weighting import multi_similarity as plain

    rng = np.random.default_rng([seed, 6])

    def objective(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        if level == "ms":
            return plain(model(x), y, scale_neg=scale_neg, mining=False).mean()
        lam = rng.beta(2, 2)
        return mixed_terms(_unit(model(x)), mixtures(model, x, lam, level), y, lam, scale_neg).mean()

    return objective


def _nearest(u: np.ndarray, among: np.ndarray) -> float:
    """Mean squared distance of unit vectors to the nearest of others."""
    return float((2 - 2 * (u @ among.T).max(1)).mean())
