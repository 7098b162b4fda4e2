"""Samples of no class: Gaussians of the classes in feature space, and what pre-training has seen before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz import calibration as cal
from clsviz.exhibits.fitting import fit, samples, scaled, trained
from clsviz.exhibits.pictures import COLOURS, MARKERS, add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor, nn


EPOCHS = 40
ADAM = {"name": "adam", "params": {"lr": 3e-3}}
NETWORK = {"name": "mlp", "params": {"hidden": (64, 64)}}
KNOWN = 8  # digits 0..7 have a class, 8 and 9 have none
RIDGE = 1e-3  # of the covariance, relative to its mean variance
STRENGTHS = (0.1, 0.2, 0.3)  # of FGSM, in standard deviations of all pixels
SHOTS = (1, 5, 20)
DETECTORS = {
    "msp": "largest probability",
    "energy": "energy",
    "last": "Mahalanobis, last layer",
    "layers": "Mahalanobis, both layers",
}
OUTSIDE = {"near": "other digits", "far": "shuffled pixels", "fgsm": "FGSM"}


def _gaussian_verdict(numbers: Numbers) -> Verdict:
    wins, losses = {}, {}
    for kind in OUTSIDE:
        best = max(("msp", "energy"), key=lambda name: numbers.mean(f"{name}_{kind}"))
        wins[kind] = numbers.exceeds(f"layers_{kind}", f"{best}_{kind}")
        losses[kind] = numbers.exceeds(f"{best}_{kind}", f"layers_{kind}")
    adds = numbers.exceeds("new_mahalanobis", "new_euclidean")
    keeps = numbers.exceeds("new_mahalanobis", 0.5) and numbers.exceeds("old_mahalanobis", 0.8)

    def told(kind: str) -> str:
        word = "better" if wins[kind] else "worse" if losses[kind] else "no different"
        values = ", ".join(
            f"{numbers.text(f'{name}_{kind}', '.3f')} {words}" for name, words in DETECTORS.items()
        )
        return f"{OUTSIDE[kind]}: {values} ({word} than the better of the first two)"

    seen = (
        "AUROC, "
        + "; ".join(map(told, OUTSIDE))
        + f". A class added by the mean of {SHOTS[-1]} samples is recognised in "
        f"{100 * numbers.mean('new_mahalanobis'):.0f} % of its test samples (Euclidean nearest mean "
        f"{100 * numbers.mean('new_euclidean'):.0f} %), while the old ones keep "
        f"{100 * numbers.mean('old_mahalanobis'):.0f} % (softmax without the new class "
        f"{100 * numbers.mean('old_softmax'):.0f} %)."
    )
    if all(wins.values()) and keeps:
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(wins.values()) or keeps or adds else "not at this scale", seen)


def _gaussian_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Test digits against", "samples of no class", "AUROC"),
        ("FGSM", "size (standard deviations of a pixel)", "AUROC"),
        ("A class added by its mean", "samples that give the mean", "accuracy"),
    )
    for series, (name, words) in enumerate(DETECTORS.items()):
        values = np.stack([numbers[f"{name}_{kind}"] for kind in OUTSIDE], 1)
        add_bars(figure, list(OUTSIDE.values()), values, words, series)
        add_curve(figure, STRENGTHS, numbers[f"{name}_strengths"], words, series, panel=2, markers=True)
    for series, (way, words) in enumerate((("mahalanobis", "Mahalanobis"), ("euclidean", "Euclidean")), 4):
        for part, old in (("new", ""), ("old", ", old classes")):
            curve = numbers[f"{way}_{part}_shots"]
            add_curve(figure, SHOTS, curve, words + old, series + 2 * bool(old), panel=3, markers=True)
    figure.update_yaxes(range=[0.4, 1.02], col=1, row=1)
    return figure


@exhibit(
    id="mahalanobis_score",
    title="Gaussians in feature space",
    paper="A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
    entries=("calibration.mahalanobis_score", "calibration.ood_metrics", "calibration.msp_score"),
    claim="The distance to the nearest class in Gaussians of a common covariance, over the features of all "
    "layers, tells samples from outside and adversarial ones better than the largest probability; a class is "
    "added by its mean alone.",
    expected="Higher AUROC than largest probability and energy for digits of no class (near), shuffled "
    "pixels "
    "(far) and FGSM; a new class is recognised by its mean, and the old ones keep their accuracy.",
    setting=f"Digits 0 to {KNOWN - 1} (60 % to train), hidden layers of 64 and 64, Adam at 0.003, {EPOCHS} "
    f"epochs. Near: digits 8 and 9; far: test digits with each pixel from another one; FGSM of "
    f"{STRENGTHS[-1]} standard deviations on test digits. A ridge of {RIDGE} of the mean variance; scores of "
    "the two layers are standardised on the training samples and added. Nothing is tuned, and no detector "
    "sees "
    "samples from outside. New class: digit 8 or 9, mean of both, old classes' covariance.",
    headline={
        **{
            f"{name}_{kind}": f"AUROC, {words}, {what}"
            for name, words in DETECTORS.items()
            for kind, what in OUTSIDE.items()
        },
        "new_mahalanobis": "accuracy on a class added by its mean, Mahalanobis",
        "new_euclidean": "accuracy on a class added by its mean, Euclidean",
    },
    experiment={"data": "digits", "model": NETWORK, "optimizer": ADAM, "epochs": EPOCHS},
    verdict=_gaussian_verdict,
    picture=_gaussian_picture,
)
def gaussians(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import from_arrays

    digits = samples("digits", scale, 300)
    rows = np.concatenate([digits.train, digits.validation])
    X, y = digits.X[rows], digits.y[rows]
    data = from_arrays(X[y < KNOWN], y[y < KNOWN], validation=0.4, seed=seed)
    settings = {"model": NETWORK, "optimizer": ADAM, "seed": seed, "epochs": scaled(EPOCHS, scale, 3)}
    model = trained(settings, data=data).model_at()
    rng = np.random.default_rng([seed, 8])
    test, y_test = data.X[data.validation], data.y[data.validation]
    order = rng.permuted(np.tile(np.arange(len(test)), (X.shape[1], 1)), axis=1)
    sets = {"near": X[y >= KNOWN], "far": np.take_along_axis(test, order.T, 0)}
    attacked = [_fgsm(model, test, y_test, size * float(X.std())) for size in STRENGTHS]
    train = [layer[data.train] for layer in _layers(model, data.X)]
    labels = data.y[data.train]
    detect = _detectors(model, train, labels)
    inside = detect(test)
    outside = {kind: detect(part) for kind, part in sets.items()}
    by_size = [detect(part) for part in attacked]
    numbers: dict[str, Any] = {}
    for name in DETECTORS:
        for kind, scores in {**outside, "fgsm": by_size[-1]}.items():
            numbers[f"{name}_{kind}"] = cal.ood_metrics(inside[name], scores[name]).auroc
        numbers[f"{name}_strengths"] = [cal.ood_metrics(inside[name], s[name]).auroc for s in by_size]
    features = _layers(model, test)[-1]
    for way in ("mahalanobis", "euclidean"):
        found = []
        for shots in SHOTS:
            pairs = [
                _with_new_class(
                    way, train[-1], labels, features, y_test, _layers(model, X[y == new])[-1], shots, rng
                )
                for new in range(KNOWN, 10)
            ]
            found.append(np.mean(pairs, 0))
        for part, values in zip(("new", "old"), np.transpose(found), strict=True):
            numbers[f"{way}_{part}_shots"] = values
            numbers[f"{part}_{way}"] = values[-1]
    numbers["old_softmax"] = float((_logits(model, test).argmax(1) == y_test).mean())
    return numbers


def _layers(model: nn.Module, X: np.ndarray) -> list[np.ndarray]:
    """Activations of each hidden layer of an mlp."""
    import torch

    found, h = [], torch.from_numpy(np.asarray(X, np.float32))
    with torch.no_grad():
        for i, layer in enumerate(model.body):  # type: ignore[arg-type]
            h = layer(h)
            if i % 2:
                found.append(h.double().numpy())
    return found


def _logits(model: nn.Module, X: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        logits: np.ndarray = model(torch.from_numpy(np.asarray(X, np.float32))).double().numpy()
    return logits


def _fgsm(model: nn.Module, X: np.ndarray, y: np.ndarray, size: float) -> np.ndarray:
    """Samples moved one step of the fast gradient sign method."""
    import torch

    x = torch.from_numpy(X).requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(x), torch.from_numpy(y))
    (slope,) = torch.autograd.grad(loss, x)
    moved: np.ndarray = (x + size * slope.sign()).detach().numpy()
    return moved


def _detectors(model: nn.Module, train: list[np.ndarray], labels: np.ndarray) -> Any:
    """A function from samples to their scores by detector; higher is more in-distribution."""

    def distances(i: int, layer: np.ndarray) -> np.ndarray:
        ridge = RIDGE * float(train[i].var(0).mean())
        return cal.mahalanobis_score(train[i], labels, layer, ridge=ridge)

    usual = [(s.mean(), s.std()) for s in (distances(i, layer) for i, layer in enumerate(train))]

    def scores(X: np.ndarray) -> dict[str, np.ndarray]:
        z, found = _logits(model, X), [distances(i, layer) for i, layer in enumerate(_layers(model, X))]
        return {
            "msp": cal.msp_score(z),
            "energy": cal.energy_score(z),
            "last": found[-1],
            "layers": sum((s - mean) / spread for s, (mean, spread) in zip(found, usual, strict=True)),
        }

    return scores


def _with_new_class(
    way: str,
    train: np.ndarray,
    labels: np.ndarray,
    old: np.ndarray,
    y: np.ndarray,
    new: np.ndarray,
    shots: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Accuracy on the other samples of a class known by the mean of a few, and on those of the old "
    "classes."""
    means = np.stack([train[labels == k].mean(0) for k in range(KNOWN)])
    residual = train - means[labels]
    covariance = residual.T @ residual / len(residual)
    ridge = RIDGE * np.trace(covariance) / len(covariance)
    inverse = np.eye(len(covariance))
    if way == "mahalanobis":
        inverse = np.linalg.inv(covariance + ridge * inverse)
    mixed = rng.permutation(len(new))
    means = np.concatenate([means, new[mixed[:shots]].mean(0, keepdims=True)])

    def guess(f: np.ndarray) -> np.ndarray:
        gap = f[:, None] - means
        nearest: np.ndarray = np.einsum("nkd,de,nke->nk", gap, inverse, gap).argmin(1)
        return nearest

    return float((guess(new[mixed[shots:]]) == KNOWN).mean()), float((guess(old) == y).mean())


HALF = 5  # digits 0..4 are for pre-training, 5..9 for the task
WIDTHS = (64, 16)
PRETRAINING = {
    "supervised": "their five classes",
    "coarse": "odd or even",
    "auto": "an autoencoder (self-supervised)",
    "random": "nothing (untrained)",
}
WAYS = ("five<br>classes", "odd<br>or even", "auto-<br>encoder", "nothing")  # the same, short
PROBES = {"msp": "largest probability", "energy": "energy", "knn": "nearest neighbours of the features"}


def _pretrained_verdict(numbers: Numbers) -> Verdict:
    follows = numbers.exceeds("correlation", 0.0)
    vulnerable = numbers.exceeds("supervised_msp", "auto_msp")
    recovers = all(numbers.exceeds("knn_familiar", f"{name}_familiar") for name in ("msp", "energy"))
    harder = numbers.exceeds("msp_unfamiliar", "msp_familiar")
    each = "; ".join(
        f"{words} {numbers.text(f'{kind}_separable', '.2f')}, "
        f"{numbers.text(f'{kind}_msp', '.2f')}, {numbers.text(f'{kind}_knn', '.2f')}"
        for kind, words in PRETRAINING.items()
    )
    seen = (
        "Pre-training on the digits 0 to 4 by (linear separability of them from 5 to 9, AUROC of the largest "
        f"probability, of nearest neighbours): {each}. Rank correlation of separability and AUROC "
        f"{numbers.text('correlation', '.2f')}{'' if follows else ' (not beyond chance)'}; the "
        "self-supervised "
        f"features are {'more' if vulnerable else 'not more'} vulnerable than the supervised. Over all four, "
        f"familiar digits: {numbers.text('msp_familiar', '.3f')} largest probability, "
        f"{numbers.text('energy_familiar', '.3f')} energy, {numbers.text('knn_familiar', '.3f')} neighbours"
        f"{' (they recover)' if recovers else ''}; unfamiliar shuffled pixels: "
        f"{numbers.text('msp_unfamiliar', '.3f')} largest probability{' (easier)' if harder else ''}, "
        f"{numbers.text('knn_unfamiliar', '.3f')} neighbours."
    )
    shown = [follows, vulnerable, recovers]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _pretrained_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Familiar digits from outside", "linear separability from the task", "AUROC, largest probability"),
        ("Detectors", "pre-training on familiar digits by", "AUROC, familiar digits"),
        ("Familiar and unfamiliar", "samples from outside", "AUROC, mean of all pre-training"),
    )
    for series, (kind, words) in enumerate(PRETRAINING.items()):
        figure.add_scatter(
            x=numbers[f"{kind}_separable"],
            y=numbers[f"{kind}_msp"],
            mode="markers",
            marker=dict(color=COLOURS[series + 3], symbol=MARKERS[series + 3], size=8),
            name=words,
            row=1,
            col=1,
        )
    for series, (name, words) in enumerate(PROBES.items()):
        values = np.stack([numbers[f"{kind}_{name}"] for kind in PRETRAINING], 1)
        add_bars(figure, WAYS, values, words, series, panel=2)
        both = np.stack([numbers[f"{name}_{part}"] for part in ("familiar", "unfamiliar")], 1)
        add_bars(figure, ["familiar", "unfamiliar"], both, words, series, panel=3)
    return figure


@exhibit(
    id="pretrained_ood",
    title="What pre-training has seen before",
    paper="Can Pre-trained Networks Detect Familiar Out-of-Distribution Data?",
    entries=("calibration.pt_ood_report", "calibration.knn_ood_score", "calibration.energy_score"),
    claim="Data that pre-training has seen are hard to detect as out-of-distribution where they are not "
    "linearly separable in the features, more so with self-supervised features; detecting them in feature "
    "space, independent of the decision boundaries of the task, helps.",
    expected="The AUROC of the largest probability falls with the linear separability of the familiar "
    "digits, "
    "and is lower with an autoencoder's features than with supervised ones; nearest neighbours in feature "
    "space do better than the largest probability and the energy.",
    setting=f"Digits 0 to 4 pre-train a network of {WIDTHS} in four ways (Adam at 0.003, {EPOCHS} epochs); "
    "its "
    "frozen features get a softmax regression for the digits 5 to 9 (60 % of them to train, the rest to "
    "test). "
    "Outside: digits 0 to 4 that pre-training has seen (familiar), and test digits with each pixel from "
    "another one (unfamiliar). Separability: test AUROC of a logistic regression of the features that is "
    "told "
    "which half a digit is of. Neighbours: the fifth nearest, features of unit length. Nothing is tuned.",
    headline={
        "correlation": "rank correlation of separability and AUROC over the four ways",
        **{f"{kind}_separable": f"separability, {words}" for kind, words in PRETRAINING.items()},
        **{
            f"{kind}_msp": f"AUROC of the largest probability, {words}" for kind, words in PRETRAINING.items()
        },
        **{f"{name}_familiar": f"AUROC of familiar digits, {words}" for name, words in PROBES.items()},
    },
    experiment={"data": "digits", "model": {"name": "mlp", "params": {"hidden": WIDTHS}}, "optimizer": ADAM},
    verdict=_pretrained_verdict,
    picture=_pretrained_picture,
)
def pretrained(seed: int, scale: float) -> dict[str, Any]:
    from scipy.stats import spearmanr
    from sklearn.linear_model import LogisticRegression

    from clsviz.data import from_arrays

    digits = samples("digits", scale, 300)
    rows = np.concatenate([digits.train, digits.validation])
    X, y = digits.X[rows], digits.y[rows]
    seen, y_seen = X[y < HALF], y[y < HALF]
    task = from_arrays(X[y >= HALF], y[y >= HALF] - HALF, validation=0.4, seed=seed)
    rng = np.random.default_rng([seed, 9])
    test = task.X[task.validation]
    order = rng.permuted(np.tile(np.arange(len(test)), (X.shape[1], 1)), axis=1)
    outside = np.concatenate([seen, np.take_along_axis(test, order.T, 0)])
    familiar = np.arange(len(outside)) < len(seen)
    half = rng.permutation(len(seen))
    told, asked = np.array_split(half, 2)
    numbers: dict[str, Any] = {}
    for kind in PRETRAINING:
        features = _pretrained(kind, seen, y_seen, scaled(EPOCHS, scale, 3), seed)
        own, own_test, away = (features(part) for part in (task.X[task.train], test, outside))
        centre, spread = own.mean(0), own.std() + 1e-9
        own, own_test, away = ((part - centre) / spread for part in (own, own_test, away))
        probe = LogisticRegression(max_iter=500).fit(own, task.y[task.train])
        z, z_away = probe.decision_function(own_test), probe.decision_function(away)
        scores = {
            "msp": (cal.msp_score(z), cal.msp_score(z_away)),
            "energy": (cal.energy_score(z), cal.energy_score(z_away)),
            "knn": (cal.knn_ood_score(own, own_test), cal.knn_ood_score(own, away)),
        }
        for name, (inside, out) in scores.items():
            report = cal.pt_ood_report(inside, out, familiar)
            numbers[f"{kind}_{name}"] = report["familiar"].auroc
            numbers[f"{kind}_{name}_unfamiliar"] = report["unfamiliar"].auroc
        both = np.concatenate([own, away[told]])
        judge = LogisticRegression(max_iter=500).fit(both, np.arange(len(both)) < len(own))
        parts = (judge.decision_function(part) for part in (own_test, away[asked]))
        numbers[f"{kind}_separable"] = cal.ood_metrics(*parts).auroc
        numbers[f"{kind}_accuracy"] = float((z.argmax(1) == task.y[task.validation]).mean())
    for name in PROBES:
        numbers[f"{name}_familiar"] = np.mean([numbers[f"{kind}_{name}"] for kind in PRETRAINING])
        numbers[f"{name}_unfamiliar"] = np.mean(
            [numbers[f"{kind}_{name}_unfamiliar"] for kind in PRETRAINING]
        )
    pairs = np.array([[numbers[f"{kind}_separable"], numbers[f"{kind}_msp"]] for kind in PRETRAINING])
    return numbers | {"correlation": spearmanr(*pairs.T).statistic}


def _pretrained(kind: str, X: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> Any:
    """A function from samples to the features of a network pre-trained on these."""
    import torch
    from torch import nn

    generator = torch.random.fork_rng(devices=[])
    with generator:
        torch.default_generator.manual_seed(seed)
        d, (wide, narrow) = X.shape[1], WIDTHS
        body = nn.Sequential(nn.Linear(d, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU())
        decoder = nn.Sequential(nn.Linear(narrow, wide), nn.ReLU(), nn.Linear(wide, d))
        head = decoder if kind == "auto" else nn.Linear(narrow, HALF if kind == "supervised" else 2)
    x, labels = torch.from_numpy(X), torch.from_numpy(y if kind == "supervised" else y % 2)

    def objective(rows: Tensor) -> Tensor:
        out = head(body(x[rows]))
        if kind == "auto":
            return (out - x[rows]).square().mean()
        return nn.functional.cross_entropy(out, labels[rows])

    if kind != "random":
        fit(nn.ModuleList([body, head]), objective, len(X), epochs=epochs, lr=3e-3, seed=seed)

    def features(part: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found: np.ndarray = body(torch.from_numpy(np.asarray(part, np.float32))).double().numpy()
        return found

    return features
