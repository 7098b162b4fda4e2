"""Rare last classes of an order: what they may borrow from the classes before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

FEATURES, SAMPLES, TEST, DRAWS = 10, 2500, 4000, 3
# Thresholds of P(y <= k) at x = 0; the rarer, the farther the last one.
RARITIES = {"rare": (0.0, 2.0, 4.5), "rarer": (0.0, 2.5, 5.7)}
SETTINGS = {"sparse_rare": "sparse, rare", "sparse_rarer": "sparse, rarer", "dense_rarer": "dense, rarer"}
METHODS = {"logistic": "logistic regression", "odds": "proportional odds", "presto": "PRESTO"}
LAMS = tuple(np.geomspace(0.1, 0.0003, 10))  # of the path, strongest first
ITERATIONS = 40  # of proximal gradient for each lam


def _verdict(numbers: Numbers) -> Verdict:
    wins = {
        rival: [s for s in SETTINGS if numbers.exceeds(f"{rival}_{s}", f"presto_{s}")]
        for rival in ("logistic", "odds")
    }
    loses = {
        rival: [s for s in SETTINGS if numbers.exceeds(f"presto_{s}", f"{rival}_{s}")]
        for rival in ("logistic", "odds")
    }
    limits = bool((numbers["gap_odds"] < 1e-3).all()) and bool((numbers["gap_separate"] < 0.05).all())
    errors = "; ".join(
        f"{words} ({100 * numbers.mean(f'share_{s}'):.1f} %): {numbers.text(f'presto_{s}', '.2g')} against "
        f"{numbers.text(f'logistic_{s}', '.2g')} and {numbers.text(f'odds_{s}', '.2g')}"
        for s, words in SETTINGS.items()
    )
    seen = (
        "Squared error of the rare class's probability (1e-4), PRESTO against logistic regression and "
        f"proportional odds: {errors}. Below logistic regression beyond chance with "
        f"{_listed(wins['logistic'])}, below proportional odds with {_listed(wins['odds'])}; above one of "
        f"them with {_listed(sorted({*loses['logistic'], *loses['odds']}))}. With a large lam probabilities "
        f"are those of proportional odds (apart by {numbers['gap_odds'].max():.1g}), with lam = 0 nearly "
        f"those of separate logistic regressions (mean difference {numbers.text('gap_separate', '.2g')})."
    )
    both = all(len(found) == len(SETTINGS) for found in wins.values())
    if both and limits:
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(wins.values()) else "not at this scale", seen)


def _listed(keys: list[str]) -> str:
    return " and ".join(SETTINGS[key] for key in keys) or "none"


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        (
            "Probability of the rare class",
            "differences of the weights, share of the class",
            "squared error (1e-4)",
        ),
        ("Path of PRESTO (sparse, rarer)", "lam", "squared error (1e-4)"),
    )
    for series, (name, words) in enumerate(METHODS.items()):
        values = np.stack([numbers[f"{name}_{s}"] for s in SETTINGS], axis=1)
        add_bars(figure, list(SETTINGS.values()), values, words, series)
    for series, (name, words) in enumerate(METHODS.items()):
        curve = numbers["path"]
        if name != "presto":
            curve = np.repeat(numbers[f"{name}_sparse_rarer"][:, None], len(LAMS), axis=1)
        add_curve(figure, LAMS, curve, words, series, panel=2)
    figure.update_xaxes(type="log", col=2)
    return figure


@exhibit(
    id="presto",
    title="Rare classes at the end of an order",
    paper="Predicting Rare Events by Shrinking Towards Proportional Odds",
    entries=("losses.presto",),
    claim="A rare last stage is estimated better with the help of the commoner stages before it: weights of "
    "their own for every threshold, drawn together by an L1 penalty, beat logistic regression on the rare "
    "class and the proportional odds model alike.",
    expected="Squared error of the rare class's probability below both; lam = 0 gives separate models, a "
    "large lam proportional odds.",
    setting=f"Four classes, each rarer than the one before, {FEATURES} even features in [-1, 1], {SAMPLES} "
    "samples of an ordinal logistic model whose neighbouring thresholds differ in one weight in five "
    "(sparse) or in all (dense). PRESTO is fitted by proximal gradient down a path of "
    f"{len(LAMS)} lam; lam is chosen by the log-likelihood of the rare class on a held-out quarter, then all "
    "samples are fitted. Logistic regression chooses among as many L2 penalties in the same way. True "
    f"probabilities are known; {TEST} test samples, {DRAWS} draws a seed.",
    headline={
        **{
            f"{name}_{s}": f"squared error (1e-4), {words}, {where}"
            for s, where in SETTINGS.items()
            for name, words in METHODS.items()
        },
        "gap_odds": "largest difference of probability, large lam and proportional odds",
        "gap_separate": "mean difference of probability, lam = 0 and separate logistic regressions",
    },
    experiment={"data": "ordinal", "model": "mlp", "loss": "presto"},
    verdict=_verdict,
    picture=_picture,
)
def presto(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    n, draws = scaled(SAMPLES, scale, 800), scaled(DRAWS, scale)
    for setting in SETTINGS:
        kind, rarity = setting.split("_")
        found = [
            _draw(np.random.default_rng([seed, 10, i, len(setting)]), kind, rarity, n, scale)
            for i in range(draws)
        ]
        for name in METHODS:
            numbers[f"{name}_{setting}"] = float(np.mean([one[name] for one in found]))
        numbers[f"share_{setting}"] = float(np.mean([one["share"] for one in found]))
        if setting == "sparse_rarer":
            numbers["path"] = np.mean([one["path"] for one in found], axis=0)
    return numbers | _limits(np.random.default_rng([seed, 11]), n, scale)


class _Truth:
    """An ordinal logistic model with known probabilities: P(y <= k) = sigma(w_k x + b_k)."""

    def __init__(self, rng: np.random.Generator, kind: str, rarity: str) -> None:
        self.bias = np.array(RARITIES[rarity])
        first = rng.normal(size=FEATURES) * 0.8
        steps = rng.choice([-0.5, 0.5], size=(len(self.bias) - 1, FEATURES))
        if kind == "sparse":
            steps *= rng.random(steps.shape) < 0.2
        self.weight = np.cumsum(np.concatenate([first[None], steps]), axis=0)

    def cumulative(self, X: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(X @ self.weight.T + self.bias)))

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples where the thresholds are in their order, as the model says they must be."""
        X = rng.uniform(-1, 1, (4 * n, FEATURES))
        X = X[(np.diff(self.cumulative(X), axis=1) > 0).all(1)][:n]
        return X, (rng.random(len(X))[:, None] > self.cumulative(X)).sum(1)


def _draw(rng: np.random.Generator, kind: str, rarity: str, n: int, scale: float) -> dict[str, Any]:
    """Squared errors (1e-4) of all methods on one draw."""
    truth = _Truth(rng, kind, rarity)
    X, y = truth.draw(rng, n)
    fresh, _ = truth.draw(rng, TEST)
    last = len(truth.bias)
    actual = 1 - truth.cumulative(fresh)[:, -1]

    def error(guess: np.ndarray) -> float:
        return 1e4 * float(np.mean((guess - actual) ** 2))

    held = np.arange(len(X)) % 4 == 0
    rare, iterations = (y == last).astype(int), scaled(ITERATIONS, scale, 5)
    tried = _path(X[~held], y[~held], last + 1, iterations)
    best = int(np.argmin([_log_loss(_rare(X[held], *fit), rare[held]) for fit in tried]))
    path = _path(X, y, last + 1, iterations)
    return {
        "logistic": error(_logistic(X, rare, held, fresh)),
        "odds": error(_rare(fresh, *_proportional_odds(X, y, last + 1))),
        "presto": error(_rare(fresh, *path[best])),
        "share": float(rare.mean()),
        "path": [error(_rare(fresh, *fit)) for fit in path],
    }


def _rare(X: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Probability of the last class."""
    return 1 / (1 + np.exp(X @ weight[-1] + bias[-1]))


def _log_loss(p: np.ndarray, rare: np.ndarray) -> float:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(rare, np.log(p), np.log1p(-p))))


def _logistic(X: np.ndarray, rare: np.ndarray, held: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    if rare[~held].sum() < 1:
        return np.full(len(fresh), rare.mean())
    strengths = np.geomspace(0.01, 100, len(LAMS))
    fits = [LogisticRegression(C=C, max_iter=500).fit(X[~held], rare[~held]) for C in strengths]
    best = int(np.argmin([_log_loss(f.predict_proba(X[held])[:, 1], rare[held]) for f in fits]))
    model = LogisticRegression(C=strengths[best], max_iter=500).fit(X, rare)
    return model.predict_proba(fresh)[:, 1]


def _proportional_odds(X: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Equal weights for all thresholds: the loss with one weight vector, by L-BFGS."""
    import torch

    from clsviz.losses import presto as terms

    x, labels = torch.from_numpy(X), torch.from_numpy(y)
    w = torch.zeros(X.shape[1], dtype=torch.float64, requires_grad=True)
    share = np.clip(np.cumsum(np.bincount(y, minlength=n_classes))[:-1] / len(y), 0.5 / len(y), None)
    start = np.log(share / np.maximum(1 - share, 0.5 / len(y))) + 1e-3 * np.arange(n_classes - 1)
    b = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([w, b], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9)

    def closure() -> Tensor:
        solver.zero_grad()
        value = terms(x, labels, w.expand(n_classes - 1, -1), b, lam=0.0).mean()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(closure)  # type: ignore[no-untyped-call]
    return w.detach().expand(n_classes - 1, -1).numpy().copy(), b.detach().numpy()


def _path(
    X: np.ndarray, y: np.ndarray, n_classes: int, iterations: int, lams: tuple[float, ...] = LAMS
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fits (weight, bias) down the path of lam, from proportional odds.

    Accelerated proximal gradient on the first weights, the thresholds and the differences of
    neighbouring weights: only these are penalised, so that they become exactly 0. Steps that raise the
    likelihood's bound, or let thresholds cross, are halved.
    """
    import torch

    from clsviz.losses import presto as terms

    x, labels = torch.from_numpy(X), torch.from_numpy(y)
    weight, bias = (torch.from_numpy(v) for v in _proportional_odds(X, y, n_classes))
    parts = torch.cat([weight[:1], weight.diff(dim=0)])  # (K-1, D): the first weights, then differences
    state = torch.cat([parts, bias[:, None]], dim=1)

    def smooth(at: Tensor) -> tuple[Tensor, Tensor]:
        at = at.detach().requires_grad_()
        value = terms(x, labels, at[:, :-1].cumsum(0), at[:, -1], lam=0.0).mean()
        [gradient] = torch.autograd.grad(value, at)
        return value.detach(), gradient

    fits, size = [], 4.0
    for lam in lams:
        before, ahead, momentum = state, state, 1.0
        for _ in range(iterations):
            value, gradient = smooth(ahead)
            while True:
                new = ahead - size * gradient
                new[1:, :-1] = torch.nn.functional.softshrink(new[1:, :-1], size * lam)
                step = new - ahead
                bound = value + (gradient * step).sum() + step.square().sum() / (2 * size)
                if smooth(new)[0] <= bound + 1e-12 or size < 1e-6:
                    break
                size /= 2
            if ((ahead - new) * (new - before)).sum() > 0:  # momentum went too far
                momentum = 1.0
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            ahead = new + (momentum - 1) / following * (new - before)
            before, momentum = new, following
        state = before
        fits.append((state[:, :-1].cumsum(0).numpy().copy(), state[:, -1].numpy().copy()))
    return fits


def _limits(rng: np.random.Generator, n: int, scale: float) -> dict[str, float]:
    """How far a large lam is from proportional odds, and lam = 0 from separate logistic regressions."""
    from sklearn.linear_model import LogisticRegression

    truth = _Truth(rng, "dense", "rare")
    X, y = truth.draw(rng, n)
    K = len(truth.bias) + 1
    [tied] = _path(X, y, K, scaled(ITERATIONS, scale, 5), (10.0,))
    odds = _proportional_odds(X, y, K)
    [free] = _path(X, y, K, scaled(10 * ITERATIONS, scale, 5), (0.0,))
    apart = []
    for k in range(K - 1):
        alone = LogisticRegression(C=np.inf, max_iter=1000).fit(X, y <= k).predict_proba(X)[:, 1]
        apart.append(np.abs(1 / (1 + np.exp(-(X @ free[0][k] + free[1][k]))) - alone).mean())
    return {
        "gap_odds": float(np.abs(_rare(X, *tied) - _rare(X, *odds)).max()),
        "gap_separate": float(np.mean(apart)),
    }
