"""A model taught by itself, step after step: kernel ridge regression in closed form, and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, samples, scaled, trained
from clsviz.exhibits.pictures import TEXT, add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Kernel ridge regression of a noisy sine, as in the paper's illustration.
SAMPLES, NOISE, LENGTH, RIDGE = 60, 0.4, 0.12, 0.05
STEPS, LIMIT = 10, 400  # teachings that are drawn; after which the chain stands still
ALPHAS = (0.0, 0.2, 0.5)  # weights of the true targets
OPTIMAL_STEPS = 4  # teachings at the best alpha of each
GRID = np.linspace(-8, 2, 201)
# Networks on digits with wrong labels.
FLIPPED, EPOCHS, ROUNDS = 0.4, 25, 4
NETWORK = {"name": "mlp", "params": {"hidden": (128,)}}
COMMON = {"data": "digits", "model": NETWORK, "batch_size": 128, "label_noise": FLIPPED}
NET_ALPHAS = (0.0, 0.2, 0.5)


def chain(kernel: np.ndarray, y: np.ndarray, ridge: float, alphas: np.ndarray) -> np.ndarray:
    """Fits (len(alphas) + 1, n) of the training points: the first, and after each teaching, one by one.

    Each solves kernel ridge regression on ``alpha * y + (1 - alpha) * the fit before``.
    """
    solve = np.linalg.inv(kernel + ridge * np.eye(len(y)))
    fits = [kernel @ solve @ y]
    for alpha in alphas:
        fits.append(kernel @ solve @ (alpha * y + (1 - alpha) * fits[-1]))
    return np.array(fits)


def closed_form(kernel: np.ndarray, y: np.ndarray, ridge: float, alpha: float, steps: int) -> np.ndarray:
    """The fit (n,) after so many teachings, from the kernel's spectrum alone: nothing is iterated."""
    d, V = np.linalg.eigh(kernel)
    return V @ (shrinkage(np.maximum(d, 0), ridge, alpha, steps) * (V.T @ y))


def shrinkage(d: np.ndarray, ridge: float, alpha: float, steps: int) -> np.ndarray:
    """What is left of the targets along each eigenvector: a geometric sum over the teachings."""
    first = d / (d + ridge)
    step = (1 - alpha) * first
    return alpha * first * (1 - step**steps) / (1 - step) + step**steps * first


def optimal_alpha(with_truth: np.ndarray, with_teacher: np.ndarray, y: np.ndarray) -> float:
    """The alpha whose mixture of both predictions has the least squared error to y, in closed form."""
    apart = with_truth - with_teacher
    return float(apart @ (y - with_teacher) / (apart @ apart))


def _verdict(numbers: Numbers) -> Verdict:
    same = bool((numbers["closed_form_error"] < 1e-8).all() and (numbers["loss_gradient"] < 1e-8).all())
    limit = bool((numbers["limit_error"] < 1e-6).all())
    amplified = bool((np.diff(numbers["freedom_0"], axis=1) < 0).all())
    held = numbers.exceeds("freedom_end_0.5", "freedom_end_0", by=1.0)
    optimum = bool((numbers["alpha_error"] <= (GRID[1] - GRID[0]) / 2 + 1e-9).all())
    guided = numbers.exceeds("net_end_0.2", "net_end_0") or numbers.exceeds("net_end_0.5", "net_end_0")
    helps = numbers.exceeds("net_end_0.5", "net_first") or numbers.exceeds("net_end_0.2", "net_first")
    best = f"{numbers.text('mse_last')} in {OPTIMAL_STEPS} (one fit, tuned: {numbers.text('mse_ridge')})"
    seen = (
        f"Iterating and the closed form differ by at most {numbers['closed_form_error'].max():.0e}; with "
        f"alpha = 0 the degrees of freedom fall from {numbers['freedom_0'][:, 0].mean():.1f} to "
        f"{numbers['freedom_0'][:, -1].mean():.1f} in {STEPS} teachings, with 0.5 they stop at "
        f"{numbers.text('freedom_end_0.5')}, which is ridge regression with lambda / alpha (apart by "
        f"{numbers['limit_error'].max():.0e}); the formula's alpha is the grid's best "
        f"({numbers.text('alpha_star')} at the first teaching), and test error goes from "
        f"{numbers.text('mse_first')} to {numbers.text('mse_star')} in one teaching and {best}. "
        f"Networks with 40 % flipped labels go from {numbers.text('net_first')} test accuracy to "
        f"{numbers.text('net_end_0')} with alpha 0, {numbers.text('net_end_0.2')} with 0.2 and "
        f"{numbers.text('net_end_0.5')} with 0.5: weight on the given targets "
        f"{'helps' if guided else 'does not help beyond chance'}, teaching itself "
        f"{'helps' if helps else 'does not help'}."
    )
    theory, network = [same, limit, amplified, held, optimum], [guided]
    if all(theory + network):
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(theory) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Regularisation grows", "teachings", "degrees of freedom of the fit"),
        ("First teaching", "alpha (weight of the true targets)", "test squared error"),
        ("Networks, 40 % flipped", "teachings", "test accuracy"),
    )
    for series, alpha in enumerate(ALPHAS):
        words = f"alpha = {alpha:g}"
        add_curve(figure, np.arange(STEPS + 1), numbers[f"freedom_{alpha:g}"], words, series, markers=True)
        rounds = np.arange(ROUNDS + 1)
        add_curve(figure, rounds, numbers[f"net_{alpha:g}"], words, series, panel=3, markers=True)
    add_curve(figure, GRID, numbers["mse_curve"], "kernel regression", 5, panel=2)
    star = numbers.mean("alpha_star")
    figure.add_vline(x=star, line=dict(color=TEXT, dash="dot", width=1), row=1, col=2)
    figure.add_annotation(
        x=star, y=1, yref="y2 domain", text="formula", showarrow=False, xanchor="left", row=1, col=2
    )
    add_level(figure, numbers.mean("mse_first"), "first fit", panel=2)
    figure.update_xaxes(range=[-5, 2], col=2)
    figure.update_yaxes(range=[0, 0.1], col=2)
    return figure


@exhibit(
    id="self_distill",
    title="A network as its own teacher",
    paper="Even your Teacher Needs Guidance: Ground-Truth Targets Dampen Regularization Imposed by "
    "Self-Distillation",
    entries=("losses.self_distill",),
    claim="Self-distillation in kernel regression follows from the first fit in closed form; without the "
    "true targets each step regularises more, to nothing in the end; with weight alpha on them it tends to "
    "ridge regression with lambda / alpha, and the best alpha has a formula.",
    expected="The closed form equals iterating; degrees of freedom fall at every step for alpha = 0 and "
    "level off for alpha > 0 at those of lambda / alpha; the formula's alpha is the best of a grid. Networks "
    "on wrong labels do better with some weight on the given targets than with none.",
    setting=f"Kernel ridge regression ({SAMPLES} samples of a sine with noise {NOISE}, Gaussian kernel of "
    f"width {LENGTH}, lambda = {RIDGE}, less than would be best); the optimal alphas, and the lambda that a "
    "single fit would need, are those for 1000 further noisy samples; tests are to the noiseless sine. "
    "Networks: digits, 40 % of the training labels changed, a hidden layer of 128, SGD, "
    f"{EPOCHS} epochs a round, the cross-entropy form; each round has new initial weights and the former "
    "round as its teacher. Test: the clean validation part; nothing is tuned.",
    headline={
        "closed_form_error": "largest difference of closed form and iteration",
        "limit_error": "largest difference of the limit and ridge regression with lambda / alpha",
        "alpha_star": "optimal alpha of the first teaching, formula",
        "alpha_error": "largest difference of the optimal alpha, formula and grid",
        "mse_first": "test squared error, first fit",
        "mse_star": "test squared error, one teaching at the optimal alpha",
        "mse_last": f"test squared error, {OPTIMAL_STEPS} teachings at the optimal alpha of each",
        "mse_ridge": "test squared error, one fit with tuned lambda",
        "net_first": "networks: test accuracy before any teaching",
        "net_end_0": f"networks: test accuracy after {ROUNDS} teachings, alpha = 0",
        "net_end_0.2": f"networks: test accuracy after {ROUNDS} teachings, alpha = 0.2",
        "net_end_0.5": f"networks: test accuracy after {ROUNDS} teachings, alpha = 0.5",
    },
    experiment={
        **COMMON,
        "loss": {"name": "self_distill", "params": {"alpha": 0.2}},
        "epochs": EPOCHS,
        "teacher": lambda: trained({**COMMON, "epochs": EPOCHS}),
    },
    verdict=_verdict,
    picture=_picture,
)
def self_distill(seed: int, scale: float) -> dict[str, Any]:
    return _kernel(seed) | _networks(seed, scale)


def _kernel(seed: int) -> dict[str, Any]:
    x, y, _ = _draw(np.random.default_rng([seed, 6]), SAMPLES)
    K = _kernel_of(x, x)
    d = np.maximum(np.linalg.eigvalsh(K), 0)
    numbers: dict[str, Any] = {}
    errors, limits = [], []
    for alpha in ALPHAS:
        fits = chain(K, y, RIDGE, np.full(LIMIT, alpha))
        errors += [
            np.abs(fits[t] - closed_form(K, y, RIDGE, alpha, t)).max() for t in (*range(STEPS + 1), LIMIT)
        ]
        target = chain(K, y, RIDGE / alpha, np.empty(0))[0] if alpha else np.zeros(SAMPLES)
        if alpha:
            limits.append(np.abs(fits[-1] - target).max())
        freedom = [shrinkage(d, RIDGE, alpha, t).sum() for t in range(STEPS + 1)]
        numbers |= {f"freedom_{alpha:g}": freedom, f"freedom_end_{alpha:g}": freedom[-1]}
    return (
        numbers
        | _best_mixtures(x, y, K, seed)
        | {
            "closed_form_error": max(errors),
            "limit_error": max(limits),
            "loss_gradient": _gradient_of_loss(K, y),
        }
    )


def _best_mixtures(x: np.ndarray, y: np.ndarray, K: np.ndarray, seed: int) -> dict[str, Any]:
    """Teachings at the alpha that is best on further samples, by formula and by grid."""
    rng = np.random.default_rng([seed, 7])
    (further, noisy, _), (fresh, _, truth) = (_draw(rng, 1000) for _ in range(2))
    solve = np.linalg.inv(K + RIDGE * np.eye(len(y)))
    to_further, to_fresh = _kernel_of(further, x) @ solve, _kernel_of(fresh, x) @ solve
    fit, errors = K @ solve @ y, [float(np.mean((to_fresh @ y - truth) ** 2))]
    stars: list[float] = []
    apart: list[float] = []
    for _ in range(OPTIMAL_STEPS):
        own, taught = to_further @ y, to_further @ fit  # a prediction is linear in alpha
        star = optimal_alpha(own, taught, noisy)
        tuning = [np.mean((a * own + (1 - a) * taught - noisy) ** 2) for a in GRID]
        apart.append(abs(np.clip(star, GRID[0], GRID[-1]) - GRID[int(np.argmin(tuning))]))
        if not stars:
            own, taught = to_fresh @ y, to_fresh @ fit
            curve = [float(np.mean((a * own + (1 - a) * taught - truth) ** 2)) for a in GRID]
        stars.append(star)
        target = star * y + (1 - star) * fit
        errors.append(float(np.mean((to_fresh @ target - truth) ** 2)))
        fit = K @ solve @ target
    ridges = np.geomspace(0.001, 100, 60) * RIDGE
    fits = [np.linalg.solve(K + ridge * np.eye(len(y)), y) for ridge in ridges]
    tuned = min(fits, key=lambda w: np.mean((_kernel_of(further, x) @ w - noisy) ** 2))
    return {
        "alpha_star": stars[0],
        "alpha_error": max(apart),
        "mse_first": errors[0],
        "mse_star": errors[1],
        "mse_last": errors[-1],
        "mse_ridge": float(np.mean((_kernel_of(fresh, x) @ tuned - truth) ** 2)),
        "mse_curve": curve,
        "star_curve": stars,
    }


def _draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, noisy targets and the noiseless ones, each (n,)."""
    x = rng.uniform(0, 1, n)
    clean = np.sin(2 * np.pi * x)
    return x, clean + NOISE * rng.normal(size=n), clean


def _kernel_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(-((a[:, None] - b) ** 2) / (2 * LENGTH**2))


def _gradient_of_loss(K: np.ndarray, y: np.ndarray) -> float:
    """Largest gradient of `self_distill` plus the ridge where the chain says its minimum is.

    Two classes by the sign of y; the model has one function for each, as a network with two logits.
    """
    import torch

    from clsviz.losses import create

    labels, alpha = torch.from_numpy((y > 0).astype(np.int64)), 0.5
    Y = np.eye(2)[labels.numpy()]
    solve = np.linalg.inv(K + RIDGE * np.eye(len(y)))
    teacher = K @ solve @ Y
    weights = torch.from_numpy(solve @ (alpha * Y + (1 - alpha) * teacher)).requires_grad_()
    kernel = torch.from_numpy(K)
    z = kernel @ weights
    loss = create("self_distill", alpha=alpha, base="mse")
    mean_over_classes = loss(z, labels, teacher_logits=torch.from_numpy(teacher), reduction="sum")
    total = 2 * mean_over_classes + RIDGE * (weights * z).sum()
    [gradient] = torch.autograd.grad(total, weights)
    return float(gradient.abs().max())


def _networks(seed: int, scale: float) -> dict[str, Any]:
    data = samples(Spec("digits", {"seed": seed}), scale)
    rows = data.validation
    common = {**COMMON, "epochs": scaled(EPOCHS, scale, 2)}
    first = trained({**common, "seed": seed}, data=data)
    data, common = first.dataset, {**common, "label_noise": None}  # the same wrong labels all along
    start = accuracy(first.predict(data.X[rows]), data.y[rows])
    numbers: dict[str, Any] = {"net_first": start}
    for alpha in NET_ALPHAS:
        teacher, course = first, [start]
        for i in range(ROUNDS):
            loss = Spec("self_distill", {"alpha": alpha})
            new = {**common, "loss": loss, "seed": 1000 * (i + 1) + seed}
            teacher = trained(new, data=data, teacher=teacher)
            course.append(accuracy(teacher.predict(data.X[rows]), data.y[rows]))
        numbers |= {f"net_{alpha:g}": course, f"net_end_{alpha:g}": course[-1]}
    return numbers
