"""Answering before the last layer: gates learnt with the exits against thresholds on their confidence."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.calibration import EarlyExit, apply_temperature, early_exit, ece, fit_temperature, gated_exit
from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import halves, scaled, trained, trained_fan
from clsviz.exhibits.pictures import COLOURS, MARKERS, add_bars, add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

    from clsviz.data import Dataset

HIDDEN = (8, 16, 16)
EXITS = len(HIDDEN)
SAMPLES, FLIPPED = 6000, 0.05
WARM, EPOCHS = 20, 10
PRICES = (0.03, 0.06, 0.09, 0.13, 0.2)
MIDDLE = 0.6  # cost near which the ways are compared exit by exit
THRESHOLDS = np.linspace(0.5, 1, 101)
COSTS = np.linspace(0.36, 0.96, 16)
SHOWN = np.linspace(0.6, 0.95, 8)  # thresholds of the third panel
SETTINGS = {
    "model": Spec("early_exit", {"hidden": HIDDEN}),
    "optimizer": {"name": "adam", "params": {"lr": 3e-3}},
}
WAYS = {"thresholds": "confidence thresholds", "gates": "learnt gates"}


def easy_and_hard(seed: int, scale: float) -> Dataset:
    """Two classes in six features: far from a plane its side says which, near it two other features do."""
    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 5])
    X = rng.normal(size=(scaled(SAMPLES, scale, 300), 6))
    near = np.abs(X[:, 0]) < 0.65
    y = np.where(near, X[:, 1] * X[:, 2] > 0, X[:, 0] > 0).astype(int)
    y = np.where(rng.random(len(y)) < FLIPPED, 1 - y, y)
    return from_arrays(X.astype(np.float32), y, validation=2 / 3, seed=seed)


def too_sure(exits: np.ndarray, labels: np.ndarray, taken: np.ndarray, which: np.ndarray) -> float:
    """Mean confidence less accuracy of some samples (N,) where they leave; 0 for none."""
    answers = exits[taken, np.arange(len(labels))][which]
    if not len(answers):
        return 0.0
    return float((answers.max(1) - (answers.argmax(1) == labels[which])).mean())


def _verdict(numbers: Numbers) -> Verdict:
    better = numbers.exceeds("gates_gain", 0.0)
    chance = "beyond chance" if better or numbers.exceeds("gates_loss", 0.0) else "no more than chance"
    bias = numbers.exceeds("thresholds_late", 0.0)
    rising = numbers.exceeds("thresholds_late", "thresholds_soon")
    less = numbers.exceeds("thresholds_early", "gates_early")
    calibrated = numbers.exceeds("thresholds_ece", "gates_ece")
    seen = (
        f"At equal cost gates are {numbers.text('gates_gain_points', '.2f')} points more accurate than "
        f"thresholds over all prices ({chance}); "
        f"thresholds on the gates' own network come within {numbers.text('own_gain_points', '.2f')}. "
        f"Samples that a threshold of {SHOWN[-1]:.2f} lets out early are "
        f"{numbers.text('thresholds_late', '.3f')} surer than right, those that {SHOWN[0]:.1f} lets out "
        f"{numbers.text('thresholds_soon', '.3f')}: "
        + (
            "the positive bias shows where thresholds are high"
            if bias and rising
            else "the positive bias does not show"
        )
        + f" (after a temperature for each exit {numbers.text('scaled_late', '.3f')}). Where both cost "
        f"{numbers.text('middle_cost', '.2f')}, early leavers are {numbers.text('thresholds_early', '.3f')} "
        f"surer than right with thresholds and {numbers.text('gates_early', '.3f')} with gates"
        f"{' (less)' if less else ' (no less)'}; ECE {numbers.text('thresholds_ece')} and "
        f"{numbers.text('gates_ece')}{' (better)' if calibrated else ''}."
    )
    shown = [better, bias and rising, less or calibrated]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("What an answer costs", "mean cost (share of the network)", "accuracy"),
        ("Reliability per exit, at equal cost", "exit", "confidence - accuracy"),
        ("Those let out early", "confidence threshold", "confidence - accuracy"),
    )
    add_curve(figure, COSTS, numbers["thresholds_accuracy"], WAYS["thresholds"], 0)
    figure.add_scatter(
        x=numbers["gates_cost"].ravel(),
        y=numbers["gates_accuracy"].ravel(),
        mode="markers",
        marker=dict(color=COLOURS[1], symbol=MARKERS[1], size=7),
        name="learnt gates, each price and seed",
        row=1,
        col=1,
    )
    for series, (way, words) in enumerate(WAYS.items()):
        add_bars(
            figure, [str(i + 1) for i in range(EXITS)], numbers[f"{way}_by_exit"], words, series, panel=2
        )
    add_curve(figure, SHOWN, numbers["bias"], "thresholds", 0, panel=3, markers=True)
    add_curve(
        figure, SHOWN, numbers["scaled_bias"], "after a temperature for each exit", 2, panel=3, markers=True
    )
    add_level(figure, 0.0, "as sure as right", panel=3)
    return figure


@exhibit(
    id="early_exit",
    title="Leaving a network early",
    paper="Jointly-Learned Exit and Inference for a Dynamic Neural Network : JEI-DNN",
    entries=("models.early_exit", "models.jei_dnn", "models.deep_supervision", "calibration.gated_exit"),
    claim="Thresholds on confidence, laid over exits that were trained without them, bias the predictive "
    "probabilities upwards; gates that are learnt jointly with the exits predict better at the same cost "
    "and characterise uncertainty better.",
    expected="At equal cost learnt gates are more accurate. Samples that a threshold lets out early are "
    "surer than right, the more the higher it is; with gates less so, and the ECE of the answers is smaller.",
    setting="Made data of six features: far from a plane its side is the class, near it (half of the "
    f"samples) an exclusive-or of two others, {100 * FLIPPED:.0f} % flipped; {SAMPLES // 3} samples each to "
    f"train, to fit temperatures and to test. One network of {HIDDEN}, an exit at each layer, Adam at 0.003: "
    f"{WARM} epochs with all exits alike, then {EPOCHS} more, alike (for thresholds) or with gates at prices "
    f"{PRICES}; nothing else is tuned. Thresholds: all from 0.5 to 1, the curve taken at the cost that the "
    "gates have. Exit by exit "
    f"both are compared at the price that costs nearest {MIDDLE}.",
    headline={
        "gates_gain_points": "accuracy at equal cost, gates - thresholds (points)",
        "own_gain_points": "the same, thresholds on the gates' network (points)",
        "thresholds_late": f"early leavers, confidence - accuracy, threshold {SHOWN[-1]:.2f}",
        "thresholds_soon": f"early leavers, confidence - accuracy, threshold {SHOWN[0]:.2f}",
        "thresholds_early": "early leavers, confidence - accuracy, thresholds at the gates' cost",
        "gates_early": "early leavers, confidence - accuracy, gates",
        "thresholds_ece": "ECE of the answers, thresholds at the gates' cost",
        "gates_ece": "ECE of the answers, gates",
    },
    experiment={**SETTINGS, "data": "spirals", "loss": "jei_dnn", "epochs": 60},
    verdict=_verdict,
    picture=_picture,
)
def early_exits(seed: int, scale: float) -> dict[str, Any]:
    data = easy_and_hard(seed, scale)
    tune, test = halves(data, seed)
    y = data.y[test]
    warm = trained(
        {**SETTINGS, "loss": "deep_supervision", "seed": seed, "epochs": scaled(WARM, scale)}, data=data
    )
    start = warm.model_at().requires_grad_()
    later = {"optimizer": SETTINGS["optimizer"], "seed": seed, "epochs": scaled(EPOCHS, scale)}
    alike = trained({**later, "loss": "deep_supervision"}, data=data, module=copy.deepcopy(start)).model_at()
    fan = trained_fan({**later, "loss": "jei_dnn"}, {"loss.cost_weight": PRICES}, data=data, module=start)
    exits, _ = _answers(alike, data.X[test])
    curve = _curve(exits, y)
    costs, accuracies, own, by_gates = [], [], [], []
    for i in range(len(PRICES)):
        gated, weights = _answers(fan.model_at(member=i), data.X[test])
        found = gated_exit(gated, y, weights)
        costs.append(found.mean_cost)
        accuracies.append(found.accuracy)
        own.append(found.accuracy - _at(_curve(gated, y), found.mean_cost))
        by_gates.append((gated, found))
    gains = np.array(accuracies) - [_at(curve, cost) for cost in costs]
    middle = {"gates": min(by_gates, key=lambda pair: abs(pair[1].mean_cost - MIDDLE))}
    cost = middle["gates"][1].mean_cost
    nearest = min(THRESHOLDS, key=lambda t: abs(early_exit(exits, y, t).mean_cost - cost))
    middle["thresholds"] = (exits, early_exit(exits, y, nearest))
    numbers: dict[str, Any] = {
        "gates_cost": costs,
        "gates_accuracy": accuracies,
        "gates_gain": gains.mean(),
        "gates_loss": -gains.mean(),
        "gates_gain_points": 100 * gains.mean(),
        "own_gain_points": 100 * float(np.mean(own)),
        "thresholds_accuracy": [_at(curve, cost) for cost in COSTS],
        "middle_cost": cost,
    }
    for way, (probs, found) in middle.items():
        numbers[f"{way}_early"] = too_sure(probs, y, found.exit, found.exit < EXITS - 1)
        numbers[f"{way}_by_exit"] = [too_sure(probs, y, found.exit, found.exit == i) for i in range(EXITS)]
        numbers[f"{way}_ece"] = ece(probs[found.exit, np.arange(len(y))], y)
    scaled_exits = _with_temperatures(exits, *_answers(alike, data.X[tune])[:1], data.y[tune])
    for name, probs in (("bias", exits), ("scaled_bias", scaled_exits)):
        taken = [early_exit(probs, y, t).exit for t in SHOWN]
        numbers[name] = [too_sure(probs, y, leave, leave < EXITS - 1) for leave in taken]
    return numbers | {
        "thresholds_soon": numbers["bias"][0],
        "thresholds_late": numbers["bias"][-1],
        "scaled_late": numbers["scaled_bias"][-1],
    }


def _answers(model: nn.Module, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of each exit (L, N, K), and the chances to leave there (N, L)."""
    import torch

    with torch.no_grad():
        outputs = model.outputs(torch.from_numpy(X))  # type: ignore[operator]
    return (
        outputs["exit_logits"].double().softmax(2).transpose(0, 1).numpy(),
        outputs["exit_weights"].double().numpy(),
    )


def _curve(exits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean costs, ascending, and accuracies of all thresholds."""
    found: list[EarlyExit] = [early_exit(exits, y, t) for t in THRESHOLDS]
    return np.array([f.mean_cost for f in found]), np.array([f.accuracy for f in found])


def _at(curve: tuple[np.ndarray, np.ndarray], cost: float) -> float:
    return float(np.interp(cost, *curve))


def _with_temperatures(exits: np.ndarray, tuning: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The probabilities of each exit after the temperature that suits the tuning rows best."""
    logits, own = (np.log(np.maximum(p, 1e-12)) for p in (exits, tuning))
    fits = [fit_temperature(z, labels).temperature for z in own]
    return np.stack([apply_temperature(z, t) for z, t in zip(logits, fits, strict=True)])
