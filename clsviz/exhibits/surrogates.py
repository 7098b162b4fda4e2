"""A black box on a wide table, and a few rules that answer as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import TEXT, add_curve, add_level, add_sliders, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

    from clsviz.boundary import SurrogateRules

ROWS, FEATURES, INFORMATIVE = 2000, 60, 6
HIDDEN, EMBEDDING, EPOCHS, RATE = 64, 16, 40, 3e-3
KS, DEPTHS = (1, 2, 3, 6, 12, 30), (1, 2, 3, 4, 6)
K, DEPTH = 6, 4  # of the rules that are judged
LINES = 9  # of text: the fidelity, and a rule for each leaf of a tree of depth 3
FAITHFUL = 0.9  # fidelity from which on rules can stand for the network
TABLES = {"made": "made table", "breast_cancer": "breast cancer", "wine": "wine"}
WAYS = {"perturbation": "perturbation", "probe": "probe of the embedding", "chance": "at random"}


def table(name: str, seed: int, scale: float) -> tuple[Any, ...]:
    """X and y to train on and (40 %) to test on, standardised; names of features and classes.

    Of the made table the first INFORMATIVE columns carry the class.
    """
    if name == "made":
        from sklearn.datasets import make_classification

        X, y = make_classification(
            scaled(ROWS, scale, 200),
            FEATURES,
            n_informative=INFORMATIVE,
            n_redundant=0,
            n_clusters_per_class=2,
            class_sep=1.5,
            flip_y=0.02,
            shuffle=False,
            random_state=seed,
        )
        features, classes = [f"x{j}" for j in range(FEATURES)], ["class 0", "class 1"]
    else:
        from importlib import import_module

        whole = getattr(import_module("sklearn.datasets"), f"load_{name}")()
        X, y = whole.data, whole.target
        features, classes = list(whole.feature_names), [str(word) for word in whole.target_names]
    rows = np.random.default_rng([seed, 53]).permutation(len(X))
    train, test = np.split(rows, [round(0.6 * len(rows))])
    X = (X - X[train].mean(0)) / X[train].std(0)
    return X[train], y[train], X[test], y[test], features, classes


def network(X: np.ndarray, y: np.ndarray, seed: int, scale: float) -> nn.Sequential:
    """An embedding and a linear layer on it, trained with cross-entropy; double precision."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    embedding = nn.Sequential(
        nn.Linear(X.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, EMBEDDING), nn.ReLU()
    )
    net = nn.Sequential(embedding, nn.Linear(EMBEDDING, int(y.max()) + 1))
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y)
    fit(
        net,
        lambda rows: nn.functional.cross_entropy(net(inputs[rows]), targets[rows]),
        len(X),
        epochs=scaled(EPOCHS, scale, 2),
        lr=RATE,
        seed=seed,
        weight_decay=1e-2,
    )
    return net.double().eval()


def importances(net: nn.Sequential, X: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """(d,) by each of WAYS."""
    import torch

    from clsviz.boundary import embedding_probe, perturbation_importance

    with torch.no_grad():
        embedding = net[0](torch.from_numpy(X)).numpy()
    return {
        "perturbation": perturbation_importance(net, X, seed=seed),
        "probe": embedding_probe(embedding, X),
        "chance": np.random.default_rng([seed, 54]).random(X.shape[1]),
    }


def _verdict(numbers: Numbers) -> Verdict:
    faithful = {name: numbers.mean(f"{name}_fidelity") >= FAITHFUL for name in TABLES}
    better = [numbers.exceeds(f"made_{way}", "made_chance") for way in ("perturbation", "probe")]
    lossless = not numbers.exceeds("made_accuracy_net", "made_accuracy_rules", by=0.02)
    real = "; ".join(
        f"{words} {numbers.text(f'{name}_fidelity')} (accuracy {numbers.text(f'{name}_accuracy_rules')} of "
        f"the rules, {numbers.text(f'{name}_accuracy_net')} of the network)"
        for name, words in TABLES.items()
    )
    seen = (
        f"Fidelity of a tree of depth {DEPTH} on {K} features: {real}. On the made table the features chosen "
        f"by perturbation hold {numbers.text('found_perturbation', '.2f')} of the {INFORMATIVE} informative "
        f"ones, by the probe {numbers.text('found_probe', '.2f')}; the fidelity is "
        f"{numbers.text('made_perturbation')}, {numbers.text('made_probe')} and, at random, "
        f"{numbers.text('made_chance')}. {sum(faithful.values())} of {len(TABLES)} are at least {FAITHFUL:g}."
    )
    if all(faithful.values()) and all(better) and lossless:
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(faithful.values()) and any(better) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("How many features", "features (k)", "fidelity"),
        ("How many questions", "depth of the tree", "fidelity"),
        (
            "Rules in the place of the network (breast cancer, standardised features): drag below",
            "rules, those of most samples first",
            "rule",
        ),
        columns=2,
    )
    for series, (way, words) in enumerate(WAYS.items()):
        add_curve(figure, KS, numbers[f"by_k_{way}"], f"made table, {words}", series, markers=True)
    for series, (name, words) in enumerate(TABLES.items(), 3):
        add_curve(figure, DEPTHS, numbers[f"by_depth_{name}"], words, series, panel=2, markers=True)
    for panel, side in ((1, "right"), (2, "left")):
        add_level(figure, FAITHFUL, "faithful", panel=panel, at=f"bottom {side}")
    _add_rules(figure)
    return figure


def _add_rules(figure: Figure) -> None:
    """The third panel: the rules as text, with sliders for the number of features and the depth."""
    from clsviz.boundary import surrogate_rules

    X, y, X_test, y_test, features, classes = table("breast_cancer", 0, 1)
    net = network(X, y, 0, 1)
    weights = importances(net, X, 0)["perturbation"]

    def rules(k: int, depth: int) -> list[dict[str, Any]]:
        found = surrogate_rules(
            net,
            X,
            k=k,
            depth=depth,
            importance=weights,
            X_test=X_test,
            feature_names=features,
            class_names=classes,
        )
        told = f"fidelity {found.fidelity:.3f}, accuracy {float((found.predictions == y_test).mean()):.3f}"
        lines = [told, *(f"{i}. {rule}" for i, rule in enumerate(found.rules, 1))]
        lines = (lines if len(lines) <= LINES else [*lines[: LINES - 1], "..."]) + [""] * LINES
        words = dict(type="scatter", mode="text", x=[0.0] * LINES, y=[-float(i) for i in range(LINES)])
        words |= dict(text=lines[:LINES], textposition="middle right", hoverinfo="skip")
        return [words | dict(textfont=dict(size=12, color=TEXT))]

    add_sliders(figure, {"features k": (1, 2, 3, 5), "depth": (1, 2, 3)}, (3, 2), rules, panel=3)
    figure.update_xaxes(range=[-0.01, 1], showticklabels=False, showgrid=False, zeroline=False, row=2, col=1)
    figure.update_yaxes(
        range=[0.5 - LINES, 0.7], showticklabels=False, showgrid=False, zeroline=False, row=2, col=1
    )


@exhibit(
    id="surrogate_rules",
    title="A few rules for a black box",
    paper="Interpreting Black-box Machine Learning Models for High Dimensional Datasets",
    entries=(
        "boundary.surrogate_rules",
        "boundary.perturbation_importance",
        "boundary.embedding_probe",
    ),
    claim="A network that learns an embedding of a wide table can be stood for by a small tree on its few "
    "most important features, found by probing and perturbing it; the tree's rules explain its answers, and "
    "classify about as well.",
    expected=f"Rules that answer as the network on at least {FAITHFUL:.0%} of fresh samples, more than with "
    "features chosen at random, at an accuracy at most 0.02 below the network's.",
    setting=f"A made table of {FEATURES} features, {INFORMATIVE} of which tell the class ({ROWS} samples), "
    f"and those of breast cancer (30) and wine (13), 60 % to train. Network: {HIDDEN}, embedding of "
    f"{EMBEDDING}, a linear layer; Adam, {EPOCHS} epochs. Perturbation: share of the answers that change "
    "when a feature is shuffled; probe: how well a linear map reads it from the embedding. The tree is "
    f"fitted to the network's answers on training samples; depth {DEPTH}, {K} features by perturbation, "
    "not tuned. The paper's tables have up to 20,000 features, and it compares with other methods, which "
    "is not done here.",
    headline={
        **{f"{name}_fidelity": f"fidelity, {words}" for name, words in TABLES.items()},
        **{f"{name}_accuracy_rules": f"accuracy of the rules, {words}" for name, words in TABLES.items()},
        **{f"{name}_accuracy_net": f"accuracy of the network, {words}" for name, words in TABLES.items()},
        "found_perturbation": "share of the informative features found, perturbation",
        "found_probe": "share of the informative features found, probe",
        "made_probe": "fidelity, made table, features by the probe",
        "made_chance": "fidelity, made table, features at random",
    },
    experiment={"data": "breast_cancer", "model": "mlp", "loss": "cross_entropy"},
    verdict=_verdict,
    picture=_picture,
)
def surrogate_rules(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import surrogate_rules as rules_of
    from clsviz.boundary.calling import logits_at

    numbers: dict[str, Any] = {}
    for name in TABLES:
        X, y, X_test, y_test, _, _ = table(name, seed, scale)
        net = network(X, y, seed, scale)
        weights = importances(net, X, seed)
        common = dict(X_test=X_test, seed=seed)

        def found(k: int, depth: int, way: str, own: Any = (net, X, weights, common)) -> SurrogateRules:
            net, X, weights, common = own
            return rules_of(net, X, k=min(k, X.shape[1]), depth=depth, importance=weights[way], **common)

        numbers[f"by_depth_{name}"] = [found(K, depth, "perturbation").fidelity for depth in DEPTHS]
        judged = found(K, DEPTH, "perturbation")
        numbers[f"{name}_fidelity"] = judged.fidelity
        numbers[f"{name}_accuracy_rules"] = float((judged.predictions == y_test).mean())
        numbers[f"{name}_accuracy_net"] = accuracy(logits_at(net, X_test), y_test)
        if name == "made":
            for way in WAYS:
                numbers[f"by_k_{way}"] = [found(k, DEPTH, way).fidelity for k in KS]
                at_k = found(K, DEPTH, way)
                numbers[f"made_{way}"] = at_k.fidelity
                numbers[f"found_{way}"] = float((at_k.features < INFORMATIVE).mean())
    return numbers
