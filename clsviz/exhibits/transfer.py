"""Features for a later task: what training on coarse labels keeps of the classes within."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.embedding import embedded, linear_probe
from clsviz.exhibits.fitting import scaled, trained
from clsviz.exhibits.pictures import add_bars, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

EPOCHS, CE_EPOCHS = 30, 90  # cross-entropy needs more to be as good on the training samples
BATCH = 256
NETWORK = {"name": "mlp", "params": {"hidden": (128, 32)}}
LOSSES: dict[str, tuple[str, str | Spec]] = {
    "ce": ("cross-entropy", "cross_entropy"),
    "supcon": ("supervised contrast", "supcon"),
    "look": ("LOOK, k = 5", "look"),
    "look_all": ("LOOK, k = all others", Spec("look", {"k": BATCH - 1})),
}
SETTINGS = {"model": NETWORK, "optimizer": {"name": "adam", "params": {"lr": 1e-3}}, "batch_size": BATCH}


def _look_verdict(numbers: Numbers) -> Verdict:
    equal = min(numbers.mean(f"{name}_train") for name in ("ce", "look")) > 0.99
    wider = numbers.exceeds("look_within", "ce_within")
    kept = numbers.exceeds("look_clusters", "ce_clusters")
    probe = numbers.exceeds("look_probe", "ce_probe")
    few = numbers.exceeds("look_probe", "look_all_probe")
    seen = (
        f"Both learn odd and even (training accuracy {numbers.text('look_train')} and "
        f"{numbers.text('ce_train')} for cross-entropy). The share of the variance within the two classes is "
        f"{numbers.text('look_within', '.2f')} with LOOK, {numbers.text('ce_within', '.2f')} with "
        f"cross-entropy, and {numbers.text('supcon_within', '.2f')} with supervised contrast; a probe for "
        f"the ten digits reaches {numbers.text('look_probe')}, {numbers.text('ce_probe')} and "
        f"{numbers.text('supcon_probe')}. With all others as neighbours instead of 5 it reaches "
        f"{numbers.text('look_all_probe')}"
        + (": the few neighbours keep the clusters." if few else ": the few neighbours are not what helps.")
    )
    shown = [equal, wider, kept, probe]
    word = "reproduces" if all(shown) else "partly" if wider or kept or probe else "not at this scale"
    return Verdict(word, seen)


def _look_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Odd or even (trained for)", "samples", "accuracy of 5 neighbours"),
        ("Ten digits (never told)", "measured on", "accuracy"),
        ("Variance of the embeddings", "share of", "share"),
    )
    for series, (name, (words, _)) in enumerate(LOSSES.items()):
        for panel, bars in enumerate(
            (
                {"training": "train", "test": "test"},
                {"linear probe": "probe", "nearest neighbour": "nearest"},
                {"all: within classes": "within", "within: between digits": "clusters"},
            ),
            1,
        ):
            values = np.stack([numbers[f"{name}_{key}"] for key in bars.values()], 1)
            add_bars(figure, list(bars), values, words, series, panel=panel)
    figure.update_yaxes(range=[0.4, 1], col=1)
    return figure


@exhibit(
    id="look_knn",
    title="A class may keep its clusters",
    paper="Rethinking Supervised Pre-training for Better Downstream Transferring",
    entries=("losses.look",),
    claim="Supervised pre-training overfits its own task by pulling a whole class together; asking only "
    "that most of a sample's nearest neighbours share its label (LOOK) lets a class keep several clusters, "
    "and transfers better.",
    expected="Trained to tell odd from even digits, LOOK is as good on the training set as cross-entropy, "
    "but has more variance within the two classes, and the ten digits are easier to read off its "
    "embeddings.",
    setting="Digits labelled odd or even, one network of 128 and 32 (the embeddings), Adam at 0.001, "
    f"{EPOCHS} epochs ({CE_EPOCHS} of cross-entropy, to be as good on the training samples) in batches of "
    f"{BATCH} (neighbours come from the batch); all losses with their default parameters, none tuned, so "
    "the whole validation part is the test. All is measured on embeddings of unit length: accuracy of 5 "
    "nearest training samples on odd and even, softmax regression and one nearest neighbour on the digits. "
    "The lab shows it on exclusive-or, two classes with two clusters each.",
    headline={
        "ce_train": "training accuracy odd/even, cross-entropy",
        "look_train": "training accuracy odd/even, LOOK",
        "ce_within": "variance within the two classes, cross-entropy",
        "look_within": "variance within the two classes, LOOK",
        "ce_clusters": "of it between digits, cross-entropy",
        "look_clusters": "of it between digits, LOOK",
        "ce_probe": "test accuracy of a probe for the digits, cross-entropy",
        "supcon_probe": "test accuracy of a probe for the digits, supervised contrast",
        "look_probe": "test accuracy of a probe for the digits, LOOK",
        "look_all_probe": "test accuracy of a probe for the digits, LOOK with all others as neighbours",
    },
    experiment={**SETTINGS, "data": "xor", "loss": "look", "epochs": EPOCHS},
    verdict=_look_verdict,
    picture=_look_picture,
)
def look_knn(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import from_arrays, load

    digits = load(Spec("digits", {}))
    coarse = from_arrays(digits.X, digits.y % 2, validation=0.4, seed=seed)
    train, test = coarse.train, coarse.validation
    numbers: dict[str, Any] = {}
    for name, (_, loss) in LOSSES.items():
        epochs = scaled(CE_EPOCHS if name == "ce" else EPOCHS, scale)
        settings = {**SETTINGS, "loss": loss, "seed": seed, "epochs": epochs}
        u = embedded(trained(settings, data=coarse).model_at(), coarse.X)
        within = _scatter(u[test], coarse.y[test])
        found = {
            "train": _neighbours(u, coarse.y, train, train),
            "test": _neighbours(u, coarse.y, train, test),
            "probe": linear_probe(u[train], digits.y[train])(u[test], digits.y[test]),
            "nearest": _neighbours(u, digits.y, train, test, k=1),
            "within": within / _scatter(u[test], np.zeros(len(test))),
            "clusters": 1 - _scatter(u[test], digits.y[test]) / within,
        }
        numbers |= {f"{name}_{key}": value for key, value in found.items()}
    return numbers


def _neighbours(u: np.ndarray, labels: np.ndarray, train: np.ndarray, rows: np.ndarray, k: int = 5) -> float:
    """Accuracy on some rows of a vote of the k most similar training samples, themselves left out."""
    s = u[rows] @ u[train].T
    s[rows[:, None] == train] = -np.inf
    votes = np.eye(labels.max() + 1)[labels[train[np.argsort(-s, 1)[:, :k]]]].sum(1)
    return float((votes.argmax(1) == labels[rows]).mean())


def _scatter(u: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squares about each label's mean."""
    groups = [u[labels == label] for label in np.unique(labels)]
    return float(sum(((group - group.mean(0)) ** 2).sum() for group in groups))
