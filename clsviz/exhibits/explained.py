"""Attribution maps of an ordinary and an adversarially trained network: on which pixels the answer rests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import add_bars, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit
from clsviz.exhibits.switches import digits, perceptron

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

EPOCHS, RATE = 20, 3e-3
RADIUS = 0.1  # L-infinity, of training attacks
READ = 40  # test samples that are explained
ROUNDS = 16  # of integrated gradients and of SmoothGrad
NEAR = 1.0  # Euclidean distance of the neighbours whose gradients are compared
NOISE = 0.1  # of SmoothGrad
NETWORKS = {"vanilla": "ordinary", "robust": "adversarially trained"}
MAPS = {
    "gradient": "gradient",
    "smooth": "smooth",
    "integrated": "integrated",
    "occlusion": "occlusion",
    "chance": "random",
}
BY_GRADIENT = ("gradient", "smooth", "integrated")


def trained(seed: int, robust: bool, X: np.ndarray, y: np.ndarray, scale: float) -> nn.Sequential:
    """A network trained with cross-entropy, on samples that FGSM moved if `robust`; double precision."""
    import torch
    from torch.nn.functional import cross_entropy

    net = perceptron(seed)
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y)

    def objective(rows: torch.Tensor) -> torch.Tensor:
        x = inputs[rows]
        if robust:
            moved = x.clone().requires_grad_()
            [slope] = torch.autograd.grad(cross_entropy(net(moved), targets[rows]), moved)
            x = (x + RADIUS * slope.sign()).clamp(0, 1)
        return cross_entropy(net(x), targets[rows])

    fit(net, objective, len(X), epochs=scaled(EPOCHS, scale, 2), lr=RATE, seed=seed)
    return net.double().eval()


def attributions(
    net: nn.Module, x: np.ndarray, label: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """(d,) by map: how much each pixel speaks for the label, against a black image."""
    from clsviz.boundary.attribution import logit_gradient

    near = x + NOISE * rng.standard_normal((ROUNDS, len(x)))
    way = (np.arange(ROUNDS)[:, None] + 0.5) / ROUNDS * x
    slopes = logit_gradient(net, np.concatenate([x[None], near, way]), label)
    probs = probabilities(net)
    blanked = np.where(np.eye(len(x), dtype=bool), 0.0, x)
    return {
        "gradient": np.abs(slopes[0]),
        "smooth": np.abs(slopes[1 : 1 + ROUNDS].mean(0)),
        "integrated": x * slopes[1 + ROUNDS :].mean(0),
        "occlusion": probs(x[None])[0, label] - probs(blanked)[:, label],
        "chance": rng.random(len(x)),
    }


def probabilities(net: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    def of(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(np.ascontiguousarray(X))).softmax(1).numpy()

    return of


def _verdict(numbers: Numbers) -> Verdict:
    inserts = [numbers.exceeds(f"robust_insertion_{m}", f"vanilla_insertion_{m}") for m in BY_GRADIENT]
    deletes = [numbers.exceeds(f"vanilla_deletion_{m}", f"robust_deletion_{m}") for m in BY_GRADIENT]
    steady = numbers.exceeds("robust_steady", "vanilla_steady")
    seen = (
        f"Gradients of neighbours at a distance of {NEAR:g} have a cosine of "
        f"{numbers.text('robust_steady')} in the robust network and {numbers.text('vanilla_steady')} in "
        "the ordinary one. Inserting pixels by the gradient's size gives an area of "
        f"{numbers.text('robust_insertion_gradient')} against "
        f"{numbers.text('vanilla_insertion_gradient')}, deleting them "
        f"{numbers.text('robust_deletion_gradient')} against {numbers.text('vanilla_deletion_gradient')} "
        f"(lower is better). Of the {len(BY_GRADIENT)} gradient maps the robust network's insert better "
        f"beyond chance in {sum(inserts)} and delete better in {sum(deletes)}; mean confidence is "
        f"{numbers.text('robust_confidence')} against {numbers.text('vanilla_confidence')}, test accuracy "
        f"{numbers.text('robust_accuracy')} against {numbers.text('vanilla_accuracy')}."
    )
    if steady and all(inserts) and all(deletes):
        return Verdict("reproduces", seen)
    return Verdict("partly" if steady or any(inserts) or any(deletes) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Insertion (higher is better)", "map", "area under the curve"),
        ("Deletion (lower is better)", "map", "area under the curve"),
    )
    for series, (name, words) in enumerate(NETWORKS.items()):
        for panel, mode in enumerate(("insertion", "deletion"), 1):
            values = np.stack([numbers[f"{name}_{mode}_{m}"] for m in MAPS], 1)
            add_bars(figure, list(MAPS.values()), values, words, series, panel=panel)
    figure.update_layout(width=1000)
    return figure


@exhibit(
    id="attribution_eval",
    title="Are robust networks easier to explain?",
    paper="How explainable are adversarially-robust CNNs?",
    entries=(
        "boundary.insertion_deletion",
        "boundary.attribution_robustness",
        "boundary.attribution_agreement",
    ),
    claim="Gradient maps of adversarially trained networks point better to the pixels that the answer "
    "rests on than those of ordinary ones; insertion and deletion lean towards ordinary and robust "
    "networks by their confidence.",
    expected="For gradient maps a larger area under insertion and a smaller one under deletion with "
    "adversarial training, and gradients that change less between neighbours.",
    setting="Digits (8 x 8 pixels in [0, 1], 60 % to train), ReLU networks with three hidden layers of 64 "
    f"(no convolutions, so no Grad-CAM), Adam, {EPOCHS} epochs, ordinary or on samples moved by FGSM "
    f"({RADIUS:g}, L-infinity); {READ} test samples that both classify rightly. Maps: size of the "
    "gradient, of its mean over noisy copies (SmoothGrad), integrated gradients, occlusion of single "
    "pixels. Pixels go to 0, or come from it, in the order of the map; the area is that of the class's "
    "probability. As probabilities follow confidence, areas of the two networks are told with the mean "
    "confidence, not corrected for it.",
    headline={
        "robust_steady": "cosine of neighbours' gradients, adversarially trained",
        "vanilla_steady": "cosine of neighbours' gradients, ordinary",
        "robust_insertion_gradient": "insertion, gradient, adversarially trained",
        "vanilla_insertion_gradient": "insertion, gradient, ordinary",
        "robust_deletion_gradient": "deletion, gradient, adversarially trained",
        "vanilla_deletion_gradient": "deletion, gradient, ordinary",
        "robust_confidence": "mean confidence, adversarially trained",
        "vanilla_confidence": "mean confidence, ordinary",
        "robust_accuracy": "test accuracy, adversarially trained",
        "vanilla_accuracy": "test accuracy, ordinary",
    },
    experiment={"data": "digits", "model": "mlp", "loss": "cross_entropy", "more": ["explanation"]},
    verdict=_verdict,
    picture=_picture,
)
def attribution_eval(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.boundary import attribution_robustness, insertion_deletion

    X, y, X_test, y_test = digits(seed, scale)
    nets = {name: trained(seed, name == "robust", X, y, scale) for name in NETWORKS}
    probs = {name: probabilities(net)(X_test) for name, net in nets.items()}
    right = np.logical_and.reduce([p.argmax(1) == y_test for p in probs.values()])
    chosen = np.flatnonzero(right | ~right.any())[: scaled(READ, scale, 2)]
    numbers: dict[str, Any] = {}
    for name, net in nets.items():
        rng = np.random.default_rng([seed, 50])
        areas: dict[str, list[float]] = {
            f"{mode}_{m}": [] for mode in ("insertion", "deletion") for m in MAPS
        }
        steady = []
        for i in chosen:
            x, label = X_test[i], int(y_test[i])
            steady.append(attribution_robustness(net, x, label, radius=NEAR, n=8, k=10, seed=seed).cosine)
            for m, weights in attributions(net, x, label, rng).items():
                for mode in ("insertion", "deletion"):
                    found = insertion_deletion(probabilities(net), x, weights, label, mode=mode)
                    areas[f"{mode}_{m}"].append(found.auc)
        numbers |= {f"{name}_{key}": float(np.mean(values)) for key, values in areas.items()}
        numbers[f"{name}_steady"] = float(np.mean(steady))
        numbers[f"{name}_accuracy"] = accuracy(probs[name], y_test)
        numbers[f"{name}_confidence"] = float(probs[name][chosen].max(1).mean())
    return numbers
