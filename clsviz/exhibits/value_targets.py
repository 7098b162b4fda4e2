"""Classification in place of regression: a number as a histogram."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import fit, scaled
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor, nn

FEATURES, SAMPLES, TEST = 4, 500, 2000
LOW, HIGH, BINS = -3.0, 3.0, 51
WIDTHS = (128, 128)
RATES = (3e-3, 1e-2, 3e-2)
EPOCHS, BATCH = 40, 125
PHASES, PHASE_EPOCHS = 6, 15  # of the targets that change
NOISES = {
    "none": "none",
    "bell": "Gaussian",
    "outliers": "15 % outliers",
}
LOSSES = {"mse": "squared error", "hl_gauss": "HL-Gauss", "two_hot": "two-hot"}
SETTINGS = (*NOISES, "change")
WORDS = {
    "none": "clean targets",
    "bell": "Gaussian noise",
    "outliers": "15 % outliers",
    "change": "changing targets",
}


def centres(loss: str) -> np.ndarray:
    """The number that each bin stands for (BINS,): a bin's middle, or two-hot's atoms."""
    half = (HIGH - LOW) / BINS / 2 if loss == "hl_gauss" else 0.0
    return np.linspace(LOW + half, HIGH - half, BINS)


def _verdict(numbers: Numbers) -> Verdict:
    width = (HIGH - LOW) / BINS
    exact = bool((numbers["decode_inside"] < 0.5 * width).all())
    noisy = [s for s in ("bell", "outliers") if numbers.exceeds(f"mse_{s}", f"hl_gauss_{s}")]
    change = numbers.exceeds("mse_change", "hl_gauss_change")
    clean = numbers.exceeds("mse_none", "hl_gauss_none")
    lost = [s for s in SETTINGS if numbers.exceeds(f"hl_gauss_{s}", f"mse_{s}")]
    won = [*(["none"] if clean else []), *noisy, *(["change"] if change else [])]
    errors = "; ".join(
        f"{WORDS[s]} {numbers.text(f'hl_gauss_{s}')} against {numbers.text(f'mse_{s}')}" for s in SETTINGS
    )
    seen = (
        f"A target inside the range decodes to itself within {numbers['decode_inside'].max() / width:.1g} of "
        f"a bin (near its ends within {numbers['decode_ends'].max() / width:.2g}; two-hot within "
        f"{numbers['decode_two_hot'].max() / width:.1g}). Error of the decoded mean (RMSE to the noiseless "
        f"target), HL-Gauss against squared error: {errors}. Better beyond chance with "
        f"{', '.join(WORDS[s] for s in won) or 'none'}, worse with "
        f"{', '.join(WORDS[s] for s in lost) or 'none'}."
    )
    if exact and len(noisy) == 2 and change:
        return Verdict("reproduces", seen)
    return Verdict("partly" if noisy or change else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Fixed targets", "noise on the training targets", "test RMSE (target units)"),
        ("Changing targets", "target function", "test RMSE when it ends (target units)"),
        ("Decoding a target", "target", "decoded minus target (bins)"),
    )
    for series, (loss, words) in enumerate(LOSSES.items()):
        values = np.stack([numbers[f"{loss}_{noise}"] for noise in NOISES], axis=1)
        add_bars(figure, list(NOISES.values()), values, words, series)
        add_curve(
            figure, np.arange(1, PHASES + 1), numbers[f"{loss}_phases"], words, series, panel=2, markers=True
        )
    at = np.linspace(LOW, HIGH, numbers["decode_curve"].shape[1])
    add_curve(figure, at, numbers["decode_curve"], LOSSES["hl_gauss"], 1, panel=3)
    return figure


@exhibit(
    id="hl_gauss",
    title="Classification in place of regression",
    paper="Stop Regressing: Training Value Functions via Classification for Scalable Deep RL",
    entries=("losses.hl_gauss", "losses.two_hot"),
    claim="A scalar target turned into a smoothed histogram and learnt with cross-entropy is learnt better "
    "than with squared error where targets are noisy or change.",
    expected="The histogram decodes to its target; the decoded mean has less error than squared error's "
    "prediction with noisy targets and with targets that change.",
    setting=f"A random smooth function of {FEATURES} features, {SAMPLES} training samples, network of two "
    f"hidden layers of {WIDTHS[0]}, Adam, batches of {BATCH}, {EPOCHS} epochs; {BINS} bins from {LOW:g} to "
    f"{HIGH:g}, width 0.75 bins. Noise: Gaussian of deviation 1, or 15 % of the targets evenly random. "
    f"Changing: the same network learns {PHASES} functions one after the other, {PHASE_EPOCHS} epochs each, "
    "error at the end of each. Each loss chooses among three learning rates, in every setting, by the error "
    f"on {TEST // 2} noiseless samples; {TEST // 2} others are the test. No reinforcement learning.",
    headline={
        **{
            f"{loss}_{s}": f"test RMSE, {words}, {WORDS[s]}"
            for s in SETTINGS
            for loss, words in LOSSES.items()
        },
        "decode_inside": "largest error of decoding, 3 bins inside the range",
        "decode_ends": "largest error of decoding, anywhere",
    },
    experiment={"data": "wave", "loss": "hl_gauss"},
    verdict=_verdict,
    picture=_picture,
)
def hl_gauss(seed: int, scale: float) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 8])
    n = scaled(SAMPLES, scale, 50)
    X, functions = _inputs(rng, n + TEST), [_function(rng) for _ in range(PHASES)]
    clean = functions[0](X[:n])
    wild = rng.random(n) < 0.15
    targets = {
        "none": clean,
        "bell": clean + rng.normal(size=n),
        "outliers": np.where(wild, rng.uniform(LOW, HIGH, n), clean),
    }
    numbers: dict[str, Any] = {}
    for loss in LOSSES:
        for noise, t in targets.items():
            epochs = scaled(EPOCHS, scale, 2)
            best = min(_errors(loss, lr, X, [t], functions[:1], epochs, seed) for lr in RATES)
            numbers[f"{loss}_{noise}"] = best[1][0]
        phases = [f(X[:n]) for f in functions]
        epochs = scaled(PHASE_EPOCHS, scale, 1)
        best = min(_errors(loss, lr, X, phases, functions, epochs, seed) for lr in RATES)
        numbers |= {f"{loss}_change": float(np.mean(best[1])), f"{loss}_phases": best[1]}
    return numbers | _decoding(seed)


def _inputs(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(-1, 1, (n, FEATURES)).astype(np.float32)


def _function(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A sum of three waves in random directions, within [-2.4, 2.4]."""
    directions, phases = rng.normal(size=(3, FEATURES)), rng.uniform(0, 2 * np.pi, 3)

    def value(X: np.ndarray) -> np.ndarray:
        return 0.8 * np.sin(1.5 * X @ directions.T + phases).sum(1)

    return value


def _errors(
    loss: str,
    lr: float,
    X: np.ndarray,
    targets: list[np.ndarray],
    functions: list[Callable[[np.ndarray], np.ndarray]],
    epochs: int,
    seed: int,
) -> tuple[float, list[float]]:
    """Mean RMSE on the tuning samples, and RMSE on the test samples at the end of each phase."""
    import torch

    model, objective_of, predict = _learner(loss, X.shape[1], seed)
    n = len(targets[0])
    x, tuning, test = (torch.from_numpy(part) for part in (X[:n], X[n : n + TEST // 2], X[n + TEST // 2 :]))
    tuned: list[float] = []
    tested: list[float] = []
    for phase, (values, function) in enumerate(zip(targets, functions, strict=True)):
        objective = objective_of(x, torch.from_numpy(values.astype(np.float32)))
        fit(model, objective, n, epochs=epochs, lr=lr, seed=seed + phase, batch_size=BATCH)
        for rows, found in ((tuning, tuned), (test, tested)):
            with torch.no_grad():
                guess = predict(rows).numpy()
            found.append(float(np.sqrt(np.mean((guess - function(rows.numpy())) ** 2))))
    return float(np.mean(tuned)), tested


def _learner(
    loss: str, features: int, seed: int
) -> tuple[nn.Module, Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]], Callable[[Tensor], Tensor]]:
    import torch

    from clsviz.losses import create
    from clsviz.models.mlp import MLP

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(features, 1 if loss == "mse" else BINS, hidden=WIDTHS)
    if loss == "mse":

        def predict(x: Tensor) -> Tensor:
            return model(x)[:, 0]

        def objective(x: Tensor, t: Tensor) -> Callable[[Tensor], Tensor]:
            return lambda rows: (predict(x[rows]) - t[rows]).square().mean()

        return model, objective, predict
    middle, of = torch.from_numpy(centres(loss)).float(), create(loss, vmin=LOW, vmax=HIGH)
    return (
        model,
        lambda x, t: lambda rows: of(model(x[rows]), t[rows]),
        lambda x: model(x).softmax(1) @ middle,
    )


def _decoding(seed: int) -> dict[str, Any]:
    """How far the mean of a target's histogram lies from the target.

    The histogram is read off the loss: its gradient at uniform logits is 1 / BINS - q.
    """
    import torch

    from clsviz.losses import create

    width = (HIGH - LOW) / BINS
    even = np.linspace(LOW, HIGH, 121)
    t = np.concatenate([even, np.random.default_rng([seed, 9]).uniform(LOW, HIGH, 1000)])
    found = {}
    for loss in ("hl_gauss", "two_hot"):
        z = torch.zeros(len(t), BINS, dtype=torch.float64, requires_grad=True)
        value = create(loss, vmin=LOW, vmax=HIGH)(z, torch.from_numpy(t), reduction="sum")
        [gradient] = torch.autograd.grad(value, z)
        found[loss] = (1 / BINS - gradient.numpy()) @ centres(loss) - t
    inside = np.minimum(t - LOW, HIGH - t) >= 3 * width
    return {
        "decode_inside": float(np.abs(found["hl_gauss"][inside]).max()),
        "decode_ends": float(np.abs(found["hl_gauss"]).max()),
        "decode_two_hot": float(np.abs(found["two_hot"]).max()),
        "decode_curve": list(found["hl_gauss"][: len(even)] / width),
    }
