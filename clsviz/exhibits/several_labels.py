"""Samples with several labels, some of them rare: what the terms of a hybrid loss add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import fit, scaled
from clsviz.exhibits.pictures import add_bars, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LABELS, RARE, FACTORS, FEATURES = 8, 4, 3, 20  # the last RARE labels are rare
SAMPLES, TRAINING = 2000, 800
SHARES = (0.4, 0.35, 0.3, 0.25, 0.08, 0.06, 0.05, 0.04)
RATES = (2e-3, 1e-2)
EPOCHS, BATCH, HIDDEN = 25, 100, (64,)
STRENGTHS = (0.03, 0.1, 0.3)  # of the term, or of both, that a variant has
# What each variant chooses besides the learning rate, among three values.
VARIANTS = {
    "bce": "BCE",
    "weights": "+ class weights",
    "correlation": "+ correlation",
    "contrast": "+ contrast",
    "hybrid": "hybrid (all three)",
}
POWERS = (0.25, 0.5, 1.0)  # of the odds of a label's absence, as its weight
DECAYS = (0.0, 0.01, 0.1)
METRICS = {"rare_f1": "rare labels' F1", "f1": "all labels' F1", "hamming": "Hamming loss"}


def scores(p: np.ndarray, Y: np.ndarray, cut: np.ndarray | float = 0.5) -> dict[str, float]:
    """F1, averaged over the rare labels and over all, and the share of wrong entries."""
    guess, true = p > cut, Y > 0.5
    hit, wrong = (guess & true).sum(0), (guess != true).sum(0)
    f1 = 2 * hit / np.maximum(2 * hit + wrong, 1)
    return {
        "rare_f1": float(f1[-RARE:].mean()),
        "f1": float(f1.mean()),
        "hamming": float((guess != true).mean()),
    }


def _verdict(numbers: Numbers) -> Verdict:
    f1 = numbers.exceeds("hybrid_rare_f1", "bce_rare_f1")
    hamming = numbers.exceeds("bce_hamming", "hybrid_hamming")
    worse = numbers.exceeds("hybrid_hamming", "bce_hamming")
    over_cut = numbers.exceeds("hybrid_rare_f1", "cut_rare_f1")
    alone = [name for name in VARIANTS if numbers.exceeds(f"{name}_rare_f1", "bce_rare_f1")]
    terms = [VARIANTS[name].removeprefix("+ ") for name in alone if name not in ("bce", "hybrid")]
    seen = (
        f"F1 of the rare labels is {numbers.text('hybrid_rare_f1')} with the hybrid loss against "
        f"{numbers.text('bce_rare_f1')} with BCE ({numbers.text('cut_rare_f1')} with its thresholds tuned); "
        f"Hamming loss {numbers.text('hybrid_hamming')} against {numbers.text('bce_hamming')}: "
        f"{'lower' if hamming else 'higher' if worse else 'the same within chance'}. Of the terms alone, the "
        f"rare labels' F1 is raised by {' and '.join(terms) or 'none'} beyond "
        f"chance (weights {numbers.text('weights_rare_f1')}, correlation "
        f"{numbers.text('correlation_rare_f1')}, contrast {numbers.text('contrast_rare_f1')}); the hybrid is "
        f"{'above' if over_cut else 'not above'} BCE with tuned thresholds."
    )
    each = len(terms) == 3
    if f1 and hamming and each:
        return Verdict("reproduces", seen)
    return Verdict("partly" if f1 or hamming else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("F1 (higher is better)", "labels", "test F1, mean over labels"),
        ("Hamming loss (lower is better)", "loss", "share of wrong entries"),
    )
    for series, (name, words) in enumerate((VARIANTS | {"cut": "BCE, thresholds tuned"}).items()):
        values = np.stack([numbers[f"{name}_{metric}"] for metric in ("rare_f1", "f1")], axis=1)
        add_bars(figure, ["rare", "all"], values, words, series)
        add_bars(figure, [words], numbers[f"{name}_hamming"][:, None], words, series, panel=2)
    figure.update_xaxes(showticklabels=False, col=2)
    return figure


@exhibit(
    id="hybrid_multilabel",
    title="A hybrid loss for several labels",
    paper="Improving Arabic Multi-Label Emotion Classification using Stacked Embeddings and Hybrid Loss "
    "Function",
    entries=("losses.hybrid_multilabel",),
    claim="Class weights, the labels' correlation and a contrast of embeddings, added to binary "
    "cross-entropy, narrow the gap between common and rare labels and lower the Hamming loss; each term "
    "contributes.",
    expected="F1 of the rare labels above that of binary cross-entropy, Hamming loss below; each term alone "
    "raises F1 too.",
    setting=f"{LABELS} correlated labels ({FACTORS} common factors and noise), the last {RARE} of shares "
    f"{SHARES[-RARE]:g} to {SHARES[-1]:g}; {FEATURES} features, {TRAINING} training samples, a hidden layer "
    f"of {HIDDEN[0]}, Adam, batches of {BATCH}, {EPOCHS} epochs, threshold 0.5. Each variant chooses among "
    "two learning rates and three values of one more (BCE: weight decay; weights: power of the odds; the "
    "terms and the hybrid, which has weights of power 0.5: their weight) by F1 over all labels on half of "
    "the other samples; the rest is the test. A last competitor: BCE with each label's threshold chosen "
    "there too. No text, no stacked embeddings.",
    headline={
        f"{name}_{metric}": f"{what}, {words}"
        for metric, what in (("rare_f1", "test F1 of the rare labels"), ("hamming", "test Hamming loss"))
        for name, words in (VARIANTS | {"cut": "BCE, thresholds tuned"}).items()
    },
    experiment={"data": "discs", "loss": "hybrid_multilabel"},
    verdict=_verdict,
    picture=_picture,
)
def hybrid_multilabel(seed: int, scale: float) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 12])
    X, Y = _samples(rng, SAMPLES)
    n = scaled(TRAINING, scale, 100)
    tune, test = np.array_split(np.arange(TRAINING, SAMPLES), 2)
    epochs = scaled(EPOCHS, scale, 2)
    numbers: dict[str, Any] = {}
    for name in VARIANTS:
        values = {"bce": DECAYS, "weights": POWERS}.get(name, STRENGTHS)
        fits = [_probabilities(name, v, lr, X, Y, n, epochs, seed) for v in values for lr in RATES]
        best = max(fits, key=lambda p: scores(p[tune], Y[tune])["f1"])
        numbers |= {f"{name}_{metric}": v for metric, v in scores(best[test], Y[test]).items()}
        if name == "bce":
            cut = _thresholds(best[tune], Y[tune])
            numbers |= {f"cut_{metric}": v for metric, v in scores(best[test], Y[test], cut).items()}
    return numbers


def _samples(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, FEATURES) float32 and label sets (n, LABELS) float32 that share hidden factors."""
    factors = rng.normal(size=(n, FACTORS))
    own = rng.normal(size=(n, LABELS))
    towards = np.abs(rng.normal(size=(FACTORS, LABELS))) * rng.choice([1, 1, -1], (1, LABELS))
    strength = factors @ towards / np.linalg.norm(towards, axis=0) + 0.7 * own
    Y = strength > np.quantile(strength, 1 - np.array(SHARES), axis=0).diagonal()
    hidden = np.concatenate([factors, own], axis=1)
    X = np.tanh(hidden @ rng.normal(size=(FACTORS + LABELS, FEATURES)) / 2)
    X += 0.1 * rng.normal(size=X.shape)
    return X.astype(np.float32), Y.astype(np.float32)


def _thresholds(p: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """The threshold of each label (LABELS,) that gives it the highest F1."""
    cuts = np.linspace(0.02, 0.9, 45)
    true = Y > 0.5
    best = np.zeros(LABELS)
    for k in range(LABELS):
        guess = p[:, k, None] > cuts
        hit = (guess & true[:, k, None]).sum(0)
        f1 = 2 * hit / np.maximum(guess.sum(0) + true[:, k].sum(), 1)
        best[k] = cuts[int(np.argmax(f1))]
    return best


def _probabilities(
    name: str, value: float, lr: float, X: np.ndarray, Y: np.ndarray, n: int, epochs: int, seed: int
) -> np.ndarray:
    """Probabilities (N, LABELS) of all samples by a network trained on the first n."""
    import torch

    from clsviz.losses import create
    from clsviz.models.mlp import MLP

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(FEATURES, LABELS, hidden=HIDDEN)
    x, labels = torch.from_numpy(X[:n]), torch.from_numpy(Y[:n])
    loss = create(
        "hybrid_multilabel",
        lam_corr=value if name in ("correlation", "hybrid") else 0.0,
        lam_con=value if name in ("contrast", "hybrid") else 0.0,
    )
    share = labels.mean(0).clamp(1 / n, 1 - 1 / n)
    power = {"weights": value, "hybrid": 0.5}.get(name, 0.0)
    pos_weight = ((1 - share) / share) ** power

    def objective(rows: torch.Tensor) -> torch.Tensor:
        out = model.outputs(x[rows])
        return loss(out["logits"], labels[rows], embeddings=out["embeddings"], pos_weight=pos_weight)

    decay = value if name == "bce" else 0.0
    fit(model, objective, n, epochs=epochs, lr=lr, seed=seed, batch_size=BATCH, weight_decay=decay)
    with torch.no_grad():
        return model(torch.from_numpy(X)).sigmoid().numpy()
