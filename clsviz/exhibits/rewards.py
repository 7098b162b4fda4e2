"""Classification by reward: the network draws a class and is told only whether that was right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from collections.abc import Callable

    from plotly.graph_objects import Figure
    from torch import Generator, Tensor, nn

GROUP = 8  # draws for each sample and step
SHOTS = 8  # labelled samples of each base class
BASE = 5  # classes to tune on; the other five are new
SPLITS = 3  # of the classes into base and new, a seed
STEPS = 200
RATES = (3e-4, 1e-3, 3e-3)
ANGLE = 30.0  # degrees by which the images of the task are turned
NETWORK = Spec("mlp", {"hidden": (128, 128)})
METHODS = {
    "ce": "cross-entropy",
    "reward": "0/1 reward",
    "group": "0/1 reward, normalised",
    "expected": "1 - p",
}

CHECKED_ROWS, CHECKED_CLASSES = 6, 5
TRIALS = (10, 100, 1000, 10000)  # groups drawn for each row


def policy_loss(
    logits: Tensor, labels: Tensor, generator: Generator, *, normalised: bool = False, draws: int = GROUP
) -> Tensor:
    """0-d; its gradient is the policy gradient for the reward 1[draw = label], its value means nothing.

    The baseline is the mean reward of the other draws for the same row, so that it brings no bias;
    normalised: the mean and standard deviation of the whole group, as in GRPO.
    """
    import torch

    log_p = logits.log_softmax(1)
    chosen = torch.multinomial(log_p.detach().exp(), draws, replacement=True, generator=generator)
    reward = (chosen == labels.unsqueeze(1)).to(log_p.dtype)
    advantage = reward - reward.mean(1, keepdim=True)
    if normalised:
        advantage = advantage / (reward.std(1, keepdim=True) + 1e-4)
    else:
        advantage = advantage * draws / (draws - 1)
    return -(advantage * log_p.gather(1, chosen)).mean()


def sampling_errors(seed: int) -> tuple[list[float], float]:
    """How far the mean policy gradient is from the gradient of 1 - p_y, wrt logits.

    Returns the root mean square difference for each number of groups in `TRIALS`, relative to that of
    the gradient itself, and the largest difference in standard errors for the most groups.
    """
    import torch

    from clsviz.losses import create

    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(CHECKED_ROWS, CHECKED_CLASSES, generator=draw, dtype=torch.float64)
    labels = torch.arange(CHECKED_ROWS) % CHECKED_CLASSES
    asked = logits.clone().requires_grad_()
    (exact,) = torch.autograd.grad(create("gce", q=1.0)(asked, labels, "sum"), asked)
    errors, deviation = [], 0.0
    for trials in TRIALS:
        many = logits.repeat(trials, 1).requires_grad_()
        total = policy_loss(many, labels.repeat(trials), draw) * len(many)
        found = torch.autograd.grad(total, many)[0].reshape(trials, *logits.shape)
        gap = found.mean(0) - exact
        errors.append(float(gap.square().mean().sqrt() / exact.square().mean().sqrt()))
        deviation = float((gap.abs() / (found.std(0) / trials**0.5)).max())
    return errors, deviation


def _verdict(numbers: Numbers) -> Verdict:
    same = bool((numbers["deviation"] < 5).all()) and numbers.mean(f"error_{TRIALS[-1]}") < 0.03
    general = numbers.exceeds("reward_new", "ce_new")
    forgets = numbers.exceeds("zero_new", "ce_new")
    overfits = numbers.exceeds("ce_gap", "reward_gap")
    learns = not numbers.exceeds("ce_base", "reward_base", by=0.01)
    says = {key: f"{100 * numbers.mean(key):.1f} %" for key in numbers.keys if numbers[key].ndim == 1}
    seen = (
        f"The mean policy gradient nears that of 1 - p ({100 * numbers.mean('error_10'):.0f} % off with 10 "
        f"groups of {GROUP} draws, {100 * numbers.mean(f'error_{TRIALS[-1]}'):.1f} % with {TRIALS[-1]}, "
        f"within {numbers['deviation'].max():.1f} standard errors). "
        + "Few-shot: base classes go from {zero_base} to {ce_base} with cross-entropy and {reward_base} with "
        "reward, new classes from {zero_new} to {ce_new} and {reward_new} ({expected_new} with 1 - p, "
        "{group_new} normalised); training less test accuracy is {ce_gap} and {reward_gap}. ".format(**says)
        + f"Beyond chance: reward is {'' if general else 'not '}better on new classes, cross-entropy "
        f"{'makes' if forgets else 'does not make'} them worse than before tuning, and its gap is "
        f"{'' if overfits else 'not '}larger."
    )
    if same and general and overfits and learns and forgets:
        return Verdict("reproduces", seen)
    return Verdict("partly" if same or general or overfits else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Sampled against exact gradient", f"groups of {GROUP} draws", "relative error"),
        ("Base classes, turned digits", "part", "accuracy (%)"),
        ("New classes, turned digits", "part", "accuracy (%)"),
    )
    errors = np.stack([numbers[f"error_{n}"] for n in TRIALS], 1)
    add_curve(figure, TRIALS, errors, "mean policy gradient", 4, markers=True)
    figure.update_xaxes(type="log", tickvals=TRIALS, col=1, row=1)
    figure.update_yaxes(type="log", dtick=1, col=1, row=1)
    for series, (name, words) in enumerate({"zero": "before", **METHODS}.items()):
        for panel, parts in ((2, {"train": "training", "base": "test"}), (3, {"new": "all"})):
            values = np.stack([100 * numbers[f"{name}_{part}"] for part in parts], 1)
            add_bars(figure, list(parts.values()), values, words, series, panel=panel)
    return figure


@exhibit(
    id="reward_pg",
    title="Right or wrong as the only signal",
    paper="CLS-RL: Image Classification with Rule-Based Reinforcement Learning",
    entries=("losses.gce",),
    claim="Few-shot tuning of a trained model by reinforcement, reward 1 for the right class, overfits less "
    "than cross-entropy, which can make it worse than untuned, and leaves it better on classes that it was "
    "not tuned on.",
    expected="The expected policy gradient is that of 1 - p (`gce` with q = 1). After few-shot tuning, "
    "reward gives higher accuracy on new classes than cross-entropy, which lowers it, and a smaller gap "
    "between training and test.",
    setting="A network with hidden layers of 128, 128 learns upright digits; then it is tuned on digits "
    f"turned by {ANGLE:g} degrees, {SHOTS} of each of {BASE} base classes, choosing among these, {STEPS} "
    f"full-batch steps of Adam. Reward: {GROUP} draws per sample, less the mean reward of the other draws; "
    "normalised: by mean and deviation of the group (GRPO, no KL term). Each method takes the learning rate "
    f"of {RATES} that does best on half of the other base samples; the other half is the test. New: the "
    f"other classes, choosing among these. Means of {SPLITS} splits of the classes. The lab trains the "
    "expected gradient, on all classes.",
    headline={
        f"error_{TRIALS[-1]}": f"relative error of the mean of {TRIALS[-1]} policy gradients",
        "deviation": "largest error in standard errors",
        "zero_base": "base classes, before tuning",
        "ce_base": "base classes, cross-entropy",
        "reward_base": "base classes, reward",
        "zero_new": "new classes, before tuning",
        "ce_new": "new classes, cross-entropy",
        "reward_new": "new classes, reward",
        "expected_new": "new classes, 1 - p",
        "ce_gap": "training - test accuracy, cross-entropy",
        "reward_gap": "training - test accuracy, reward",
    },
    experiment={
        "data": "digits",
        "model": NETWORK,
        "loss": {"name": "gce", "params": {"q": 1.0}},
        "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
        "epochs": 40,
    },
    verdict=_verdict,
    picture=_picture,
)
def reward_pg(seed: int, scale: float) -> dict[str, Any]:
    import torch

    from clsviz import losses, models
    from clsviz.data import load

    errors, deviation = sampling_errors(seed)
    numbers: dict[str, Any] = {f"error_{n}": error for n, error in zip(TRIALS, errors, strict=True)}
    numbers["deviation"] = deviation

    data = load(Spec("digits", {"seed": seed, "validation": 0.6}))
    train, y = torch.from_numpy(data.train), torch.from_numpy(data.y)
    network = models.create(NETWORK, 64, 10, seed=seed)
    upright, loss = torch.from_numpy(data.X)[train], losses.create("cross_entropy")

    def objective(rows: Tensor) -> Tensor:
        return loss(network(upright[rows]), y[train[rows]])

    fit(network, objective, len(train), epochs=scaled(40, scale), lr=1e-3, seed=seed)
    turned = _turned(data.X[data.validation])
    splits = [
        _base_to_new(network, turned, data.y[data.validation], scaled(STEPS, scale), [seed, split])
        for split in range(SPLITS)
    ]
    for key in splits[0]:
        numbers[key] = float(np.mean([split[key] for split in splits]))
    for name in METHODS:
        numbers[f"{name}_gap"] = numbers[f"{name}_train"] - numbers[f"{name}_base"]
    return numbers


def _turned(X: np.ndarray) -> np.ndarray:
    from scipy.ndimage import rotate

    turned = rotate(X.reshape(-1, 8, 8), ANGLE, axes=(1, 2), reshape=False, order=1)
    return turned.reshape(len(X), 64).astype(np.float32)


def _base_to_new(
    network: nn.Module, X: np.ndarray, y: np.ndarray, steps: int, seed: list[int]
) -> dict[str, float]:
    """Accuracy on the few training samples, on base and on new classes, before and after each method."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(10)
    base, new = np.sort(classes[:BASE]), np.sort(classes[BASE:])
    rows = rng.permutation(len(y))
    few = np.concatenate([rows[y[rows] == c][:SHOTS] for c in base])
    others = np.setdiff1d(rows[np.isin(y[rows], base)], few)
    rng.shuffle(others)
    tune, test = others[: len(others) // 2], others[len(others) // 2 :]
    unseen = rows[np.isin(y[rows], new)]
    parts = {"train": (few, base), "tune": (tune, base), "base": (test, base), "new": (unseen, new)}

    def scores(model: nn.Module) -> dict[str, float]:
        import torch

        with torch.no_grad():
            logits = model(torch.from_numpy(X)).numpy()
        return {
            part: accuracy(logits[rows][:, among], np.searchsorted(among, y[rows]))
            for part, (rows, among) in parts.items()
        }

    numbers = {f"zero_{part}": value for part, value in scores(network).items()}
    for name in METHODS:
        tuned = [scores(_tuned(network, X[few], y[few], base, name, r, steps, seed[0])) for r in RATES]
        best = max(tuned, key=lambda found: found["tune"])
        numbers |= {f"{name}_{part}": value for part, value in best.items()}
    return {key: value for key, value in numbers.items() if not key.endswith("_tune")}


def _tuned(
    network: nn.Module,
    X: np.ndarray,
    y: np.ndarray,
    base: np.ndarray,
    name: str,
    rate: float,
    steps: int,
    seed: int,
) -> nn.Module:
    """A copy of the network, tuned on these samples to choose among the base classes."""
    import copy

    import torch

    from clsviz.losses import create

    generator = torch.Generator().manual_seed(seed)
    objectives: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "ce": create("cross_entropy"),
        "expected": create("gce", q=1.0),
        "reward": lambda z, labels: policy_loss(z, labels, generator),
        "group": lambda z, labels: policy_loss(z, labels, generator, normalised=True),
    }
    model, inputs = copy.deepcopy(network), torch.from_numpy(X)
    labels, columns = torch.from_numpy(np.searchsorted(base, y)), torch.from_numpy(base)

    def objective(rows: Tensor) -> Tensor:
        return objectives[name](model(inputs[rows])[:, columns], labels[rows])

    fit(model, objective, len(inputs), epochs=steps, lr=rate, seed=seed, batch_size=len(inputs))
    return model
