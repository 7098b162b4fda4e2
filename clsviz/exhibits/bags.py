"""Learning from bags of samples of which only the mean response is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, fit, scaled
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

    from clsviz.data import Dataset

# Linear regression, as in the paper's theory: features and noise are standard normal.
FEATURES, SAMPLES = 40, 800
SIZES = (1, 2, 4, 8, 16, 40)
RHOS = np.linspace(0, 1, 11)  # 0: bag, 1: instance
DRAWS = 20  # regressions a seed, for choosing rho, and as many for the numbers
SHOWN = 8  # the bag size of the first panel
EPSILON, CLIP = 2.0, 3.0  # label privacy: budget, and largest response that is let through

# Digits, with the library's loss.
EPOCHS, RATE, BATCH = 30, 3e-3, 128
BAG_SIZES = (2, 8, 32)
MIXES = (0.0, 0.1, 0.5, 1.0)
NETWORK = {"name": "mlp", "params": {"hidden": (64,)}}


def estimates(X: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """(R, D) least-squares weights for each of `RHOS`, from the mean of y in bags of that size.

    They minimise (1 - rho) mean_b (y_b - x_b w)^2 + rho mean_i (y_b(i) - x_i w)^2; of several minima
    the one of least norm. Rows lie bag after bag.

    Args:
        y: (N / size,) mean response of each bag.
    """
    rows = X[: len(y) * size]
    means = rows.reshape(len(y), size, -1).mean(1)
    bag, instance = means.T @ means / len(y), rows.T @ rows / len(rows)
    target = means.T @ y / len(y)  # the same for both losses
    return np.array(
        [np.linalg.pinv((1 - rho) * bag + rho * instance, hermitian=True) @ target for rho in RHOS]
    )


def variance_penalty_gap(seed: int) -> float:
    """Largest |instance - (bag + variance of the predictions within the bag)|, squared error, in float64."""
    import torch

    from clsviz.losses import create

    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(60, 4, generator=draw, dtype=torch.float64)
    labels = torch.randint(4, (60,), generator=draw)
    bags = torch.randint(9, (60,), generator=draw)
    bag, instance = (
        create("aggregate", level=level, base="mse")(logits, labels, "none", bags=bags)
        for level in ("bag", "instance")
    )
    p, gap = logits.softmax(1), 0.0
    for b in range(9):
        own = bags == b
        variance = (p[own] - p[own].mean(0)).square().sum(1).mean()
        gap = max(gap, float((instance[own].mean() - bag[own].mean() - variance).abs()))
    return gap


def _verdict(numbers: Numbers) -> Verdict:
    identity = bool((numbers["identity_gap"] < 1e-12).all())
    inside = [
        numbers.exceeds(f"risk_{end}_{SHOWN}", f"risk_best_{SHOWN}", by=0.02) for end in ("bag", "instance")
    ]
    crossing = numbers.exceeds("risk_instance_2", "risk_bag_2") and numbers.exceeds(
        "risk_bag_16", "risk_instance_16"
    )
    best = min(SIZES, key=lambda size: numbers.mean(f"private_risk_{size}"))
    private = numbers.exceeds("private_risk_1", f"private_risk_{best}") and not numbers.exceeds(
        "risk_best_1", "risk_best_2"
    )
    sizes = [
        size
        for size in BAG_SIZES
        if all(numbers.exceeds(f"digits_mixed_{size}", f"digits_{end}_{size}") for end in ("bag", "instance"))
    ]
    says = {key: f"{numbers.mean(key):.2f}" for key in numbers.keys if numbers[key].ndim == 1}
    seen = (
        "Squared instance loss is bag loss plus the variance within bags to "
        f"{numbers['identity_gap'].max():.0e}. Linear regression: with bags of 2 the bag loss has less risk "
        "({risk_bag_2} against {risk_instance_2}), with bags of 16, near as many bags as features, the "
        f"instance loss ({{risk_instance_16}} against {{risk_bag_16}}). In bags of {SHOWN} the mixture has "
        f"{{risk_best_{SHOWN}}} at rho = {{rho_{SHOWN}}}, bag {{risk_bag_{SHOWN}}}, instance "
        f"{{risk_instance_{SHOWN}}}. With label privacy of {EPSILON:g} bags of {best} are best "
        f"({{private_risk_{best}}} against {{private_risk_1}} for single samples). Digits: rho = "
        f"{MIXES[1]:g} beats both ends beyond chance in bags of "
        f"{', '.join(map(str, sizes)) or 'no size'} (of {', '.join(map(str, BAG_SIZES))})."
    ).format(**says)
    shown = [identity, all(inside), crossing, private, bool(sizes)]
    word = "reproduces" if all(shown) else "partly" if any(shown[1:]) else "not at this scale"
    return Verdict(word, seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Risk against mixture", "rho (0: bag, 1: instance)", "risk |w - w*|² (w = 0: 1)"),
        ("Risk against bag size", "samples in a bag", "risk at the best rho"),
        ("Digits", "rho (0: bag, 1: instance)", "test accuracy (%)"),
    )
    for series, size in enumerate((2, 4, SHOWN)):
        add_curve(figure, RHOS, numbers[f"risks_{size}"], f"bags of {size}", series)
    for series, (key, words) in enumerate(
        (("risk_best", "no privacy"), ("private_risk", f"label privacy {EPSILON:g}")), 3
    ):
        values = np.stack([numbers[f"{key}_{size}"] for size in SIZES], 1)
        add_curve(figure, SIZES, values, words, series, panel=2, markers=True)
    for size, series, words in zip(
        BAG_SIZES, (0, 2, 5), ("bags of 2", f"bags of {SHOWN}", "bags of 32"), strict=True
    ):
        curve = 100 * numbers[f"digits_{size}"]
        add_curve(figure, MIXES, curve, words, series, panel=3, markers=True)
    figure.update_xaxes(type="log", tickvals=SIZES, ticktext=[str(s) for s in SIZES], col=2, row=1)
    figure.update_yaxes(range=[0, 1.2], col=1, row=1)
    return figure


@exhibit(
    id="aggregate_loss",
    title="Bags: fit their means or each member",
    paper="Learning from Aggregate responses: Instance Level versus Bag Level Loss Functions",
    entries=("losses.aggregate",),
    claim="Fitting each prediction to the mean response of its bag is fitting the mean prediction, "
    "regularised; a mixture of both can beat either, and with noise for privacy there is a best bag size.",
    expected="The squared instance loss is the bag loss plus the variance of the predictions in a bag. The "
    "risk grows with the bag size; the best mixture rho lies inside (0, 1); with label privacy bags of more "
    "than one sample are best.",
    setting=f"Linear regression with {FEATURES} standard normal features, noise 1 and {SAMPLES} samples, in "
    f"closed form; rho is chosen on {DRAWS} regressions and reported on {DRAWS} others. Label privacy: "
    f"responses cut at {CLIP:g}, Laplace noise of scale {2 * CLIP / EPSILON:g} / size on each mean (epsilon "
    f"{EPSILON:g}). And digits in bags that stay the same, the library's loss on cross-entropy, one hidden "
    f"layer of 64, Adam at {RATE}, {EPOCHS} epochs, nothing tuned. The lab draws new bags in each batch.",
    headline={
        "identity_gap": "largest deviation from instance = bag + variance",
        f"risk_bag_{SHOWN}": f"risk in bags of {SHOWN}, bag loss",
        f"risk_instance_{SHOWN}": f"risk in bags of {SHOWN}, instance loss",
        f"risk_best_{SHOWN}": f"risk in bags of {SHOWN}, best mixture",
        f"rho_{SHOWN}": f"rho of the best mixture in bags of {SHOWN}",
        "private_risk_1": "risk with label privacy, single samples",
        "private_risk_2": "risk with label privacy, bags of 2",
        f"private_risk_{SHOWN}": f"risk with label privacy, bags of {SHOWN}",
        "digits_bag_8": "digits in bags of 8: test accuracy, bag loss",
        "digits_mixed_8": "digits in bags of 8: test accuracy, rho = 0.1",
        "digits_instance_8": "digits in bags of 8: test accuracy, instance loss",
    },
    experiment={
        "data": "digits",
        "model": NETWORK,
        "loss": {"name": "aggregate", "params": {"level": "interp", "rho": 0.1}},
        "supplies": {"bags": {"size": 8}},
        "optimizer": {"name": "adam", "params": {"lr": RATE}},
        "batch_size": BATCH,
        "epochs": EPOCHS,
    },
    verdict=_verdict,
    picture=_picture,
)
def aggregate_loss(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import load

    numbers: dict[str, Any] = {"identity_gap": variance_penalty_gap(seed)}
    draws = scaled(DRAWS, scale)
    for size in SIZES:
        choosing, risks = _risks(size, draws, [seed, size, 0]), _risks(size, draws, [seed, size, 1])
        best = int(choosing.argmin())
        numbers |= {f"risks_{size}": risks, f"rho_{size}": RHOS[best], f"risk_best_{size}": risks[best]}
        numbers |= {f"risk_bag_{size}": risks[0], f"risk_instance_{size}": risks[-1]}
        choosing, risks = (_risks(size, draws, [seed, size, part], private=True) for part in (2, 3))
        numbers[f"private_risk_{size}"] = risks[int(choosing.argmin())]

    data = load(Spec("digits", {"seed": seed}))
    for size in BAG_SIZES:
        curve = [_digits(data, size, rho, scaled(EPOCHS, scale), seed) for rho in MIXES]
        numbers[f"digits_{size}"] = curve
        for name, value in zip(("bag", "mixed", "half", "instance"), curve, strict=True):
            numbers[f"digits_{name}_{size}"] = value
    return numbers


def _risks(size: int, draws: int, seed: list[int], private: bool = False) -> np.ndarray:
    """(R,) mean over drawn regressions of the squared distance to the true weights."""
    rng = np.random.default_rng(seed)
    found = np.zeros(len(RHOS))
    for _ in range(draws):
        truth = rng.normal(size=FEATURES) / np.sqrt(FEATURES)
        X = rng.normal(size=(SAMPLES, FEATURES))
        y = X @ truth + rng.normal(size=SAMPLES)
        if private:
            y = y.clip(-CLIP, CLIP)
        means = y.reshape(-1, size).mean(1)
        if private:  # one response moves a mean by 2 CLIP / size at most
            means = means + rng.laplace(scale=2 * CLIP / (size * EPSILON), size=len(means))
        found += np.square(estimates(X, means, size) - truth).sum(1) / draws
    return found


def _digits(data: Dataset, size: int, rho: float, epochs: int, seed: int) -> float:
    """Test accuracy after training on bags drawn once."""
    import torch

    from clsviz import losses, models

    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    rows = torch.from_numpy(np.random.default_rng([seed, size]).permutation(data.train))
    bags = rows[: len(rows) // size * size].reshape(-1, size)
    model = models.create(Spec.of(NETWORK), X.shape[1], 10, seed=seed)
    loss = losses.create("aggregate", level="interp", rho=rho)

    def objective(chosen: Tensor) -> Tensor:
        members = bags[chosen].flatten()
        return loss(model(X[members]), y[members], bags=chosen.repeat_interleave(size))

    fit(model, objective, len(bags), epochs=epochs, lr=RATE, seed=seed, batch_size=BATCH // size)
    with torch.no_grad():
        return accuracy(model(X).numpy()[data.validation], data.y[data.validation])
