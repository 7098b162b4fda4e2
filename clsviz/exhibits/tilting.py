"""A boundary turned towards the data: stronger adversarial examples at hardly any cost; what L2 does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import COLOURS, MARKERS, TEXT, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ANGLES = tuple(range(0, 90, 5))  # degrees
SAMPLES = 4000  # of each class, on which turned boundaries are measured
FLAT = {"sigma_tilt": 0.01, "rho": 0.0}  # tilt axes: one that carries next to nothing
USEFUL = {"sigma_tilt": 0.3, "rho": -0.8}  # one by which the class axis can be cleaned of noise
SEPARATION, SIGNAL = 2.0, 0.5  # as in make_tilt_data
STRONG, COST = 10.0, 0.01  # what counts as strong, and as hardly any error
LAMBDAS = tuple(10.0**k for k in range(-7, 4))
FEW, FEATURES = 50, 50  # training samples of each class and features, for the L2 path
WIDE, NARROW = 1.0, 0.05  # standard deviations there: along the class axis, along all others
TUNING = 500  # samples of each class, to choose the level there
DIGITS = (3, 8)
TYPES = ("type 0: hardly adversarial", "type 1: tilt that accuracy needs", "type 2: tilt for nothing")


def _verdict(numbers: Numbers) -> Verdict:
    free = numbers.exceeds("strength_flat", STRONG) and not numbers.exceeds("cost_flat", 0.0, by=COST)
    kinds = {"toy": "on the toy", "digits": f"on the digits {DIGITS[0]} and {DIGITS[1]}"}
    turns = [numbers.exceeds(f"{kind}_angle_weak", f"{kind}_angle_strong") for kind in kinds]
    milder = [numbers.exceeds(f"{kind}_strength_weak", f"{kind}_strength_chosen") for kind in kinds]
    harms = [numbers.exceeds(f"{kind}_error_chosen", f"{kind}_error_weak", by=COST) for kind in kinds]
    paths = "; ".join(
        f"{words} the angle falls from {numbers.text(f'{kind}_angle_weak', '.0f')} to "
        f"{numbers.text(f'{kind}_angle_strong', '.0f')} degrees, and at the level of least error on the "
        f"tuning part the strength is {numbers.text(f'{kind}_strength_chosen')} against "
        f"{numbers.text(f'{kind}_strength_weak')} with next to no regularisation (error "
        f"{numbers.text(f'{kind}_error_chosen')} against {numbers.text(f'{kind}_error_weak')})"
        for kind, words in kinds.items()
    )
    seen = (
        f"Turned by {ANGLES[-1]} degrees along a flat axis the strength is {numbers.text('strength_flat')} "
        f"and the error {numbers.text('cost_flat')} higher than unturned. Measured points lie within "
        f"{numbers['error_gap'].max():.2g} of the theory's error. Along a useful axis the least error is "
        f"at {numbers.text('best_angle', '.0f')} degrees (theory {numbers.text('optimal_angle', '.0f')}). "
        f"With more L2, {paths}."
    )
    if free and all(turns) and all(milder) and not any(harms):
        return Verdict("reproduces", seen)
    return Verdict("partly" if free or all(turns) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Error of a turned boundary", "angle (degrees)", "probability of an error"),
        ("Strength of adversarial examples", "angle (degrees)", "adversarial strength"),
        ("Regularisation turns it back", "L2 level", "deviation angle (degrees)"),
    )
    fine = np.linspace(0, ANGLES[-1], 100)
    for series, (key, toy) in enumerate((("flat", FLAT), ("useful", USEFUL))):
        theory = _theory(fine, toy)
        for panel, curve in ((1, theory.error), (2, theory.strength))[: 1 if series else 2]:
            add_curve(figure, fine, np.asarray(curve)[None], f"{key} axis, theory", series, panel=panel)
        kinds, error = numbers[f"type_{key}"].mean(0).round(), numbers[f"error_{key}"].mean(0)
        for kind, words in enumerate(TYPES):
            at = np.flatnonzero(kinds == kind)
            if not len(at):
                continue
            new = all(trace.name != words for trace in figure.data)
            figure.add_scatter(
                x=np.asarray(ANGLES)[at],
                y=error[at],
                mode="markers",
                name=words,
                marker=dict(color=COLOURS[2 + kind], symbol=MARKERS[2 + kind], size=8),
                legendgroup=words,
                showlegend=new,
                row=1,
                col=1,
            )
    figure.add_scatter(
        x=ANGLES,
        y=numbers["strength"].mean(0),
        mode="markers",
        name="strength, measured",
        marker=dict(color=TEXT, symbol="circle-open", size=9, line=dict(width=2)),
        row=1,
        col=2,
    )
    add_curve(figure, LAMBDAS, numbers["toy_angles"], "toy", 5, panel=3, markers=True)
    add_curve(figure, LAMBDAS, numbers["digits_angles"], "digits", 6, panel=3, markers=True)
    figure.update_yaxes(type="log", tickvals=[1, 2, 5, 10], col=2)
    figure.update_xaxes(type="log", exponentformat="power", col=3)
    return figure


def _theory(degrees: Any, toy: dict[str, float]) -> Any:
    from clsviz.boundary import tilt_theory

    return tilt_theory(np.deg2rad(degrees), separation=SEPARATION, sigma_signal=SIGNAL, **toy)


@exhibit(
    id="boundary_tilting",
    title="Tilting is almost free",
    paper="A Boundary Tilting Persepective on the Phenomenon of Adversarial Examples",
    entries=(
        "boundary.deviation_angle",
        "boundary.adversarial_strength",
        "boundary.adversarial_type",
        "boundary.tilt_theory",
        "boundary.tilt_path",
        "boundary.logistic_l2",
    ),
    claim="How strong adversarial examples of a linear classifier are follows from its angle to the "
    "nearest-centroid classifier. Along a direction in which the data hardly vary it can be turned, and "
    "the strength raised without bound, at no cost in accuracy; L2 regularisation turns it back, and the "
    "strongest examples, a sign of overfitting, go away.",
    expected=f"A strength above {STRONG:g} for an error at most {COST:g} higher; the angle falls as L2 "
    "grows, and the level with the least error has weaker examples than next to no regularisation.",
    setting=f"Toy: two Gaussian classes {SEPARATION:g} apart, with a standard deviation of {SIGNAL:g} "
    f"along the class axis and of {FLAT['sigma_tilt']:g} along a flat axis, or {USEFUL['sigma_tilt']:g} "
    f"along one correlated with it by {USEFUL['rho']:g}; turned boundaries are measured on {2 * SAMPLES} "
    f"samples. L2 path: logistic regression on {FEW} samples of each class with {FEATURES} features, "
    f"standard deviation {WIDE:g} along the class axis and {NARROW:g} along the others (errors exact, "
    f"level chosen on {2 * TUNING} fresh samples), and on a third of the digits {DIGITS[0]} and "
    f"{DIGITS[1]} (8 x 8 pixels), with a third to choose the level and a third to test. Types as in "
    "`adversarial_type`: the angle is at most 30 degrees (0), the error within 0.01 of the least (1), "
    "neither (2).",
    headline={
        "strength_flat": f"strength at {ANGLES[-1]} degrees, flat axis",
        "cost_flat": f"error at {ANGLES[-1]} degrees beyond the error at 0, flat axis",
        "best_angle": "angle of least error, useful axis (degrees)",
        "toy_strength_weak": f"strength at L2 {LAMBDAS[0]:g}, toy",
        "toy_strength_chosen": "strength at the L2 of least error, toy",
        "toy_angle_weak": f"angle at L2 {LAMBDAS[0]:g}, toy (degrees)",
        "toy_angle_strong": f"angle at L2 {LAMBDAS[-1]:g}, toy (degrees)",
        "digits_angle_weak": f"angle at L2 {LAMBDAS[0]:g}, digits (degrees)",
        "digits_angle_strong": f"angle at L2 {LAMBDAS[-1]:g}, digits (degrees)",
        "digits_strength_weak": f"strength at L2 {LAMBDAS[0]:g}, digits",
        "digits_strength_chosen": "strength at the L2 of least error, digits",
    },
    experiment={
        "data": {"name": "tilted", "params": USEFUL},
        "model": "linear",
        "loss": "cross_entropy",
        "more": ["tilt"],
    },
    verdict=_verdict,
    picture=_picture,
)
def boundary_tilting(seed: int, scale: float) -> dict[str, Any]:
    from clsviz import boundary

    numbers: dict[str, Any] = {}
    gap = 0.0
    n = scaled(SAMPLES, scale, 100)
    for key, toy in (("flat", FLAT), ("useful", USEFUL)):
        X, y = boundary.make_tilt_data(n, 2, separation=SEPARATION, sigma_signal=SIGNAL, seed=seed, **toy)
        theory = _theory(ANGLES, toy)
        least = float(_theory(np.rad2deg(theory.optimal_angle), toy).error)
        errors, strengths, types = [], [], []
        for degrees in ANGLES:
            angle = float(np.deg2rad(degrees))
            line = boundary.tilted_classifier([1.0, 0.0], [0.0, 1.0], angle, [0.0, 0.0])
            errors.append(float((boundary.linear_margin(line.w, line.b, X, y) <= 0).mean()))
            strengths.append(boundary.adversarial_strength(line.w, line.b, X, y))
            types.append(boundary.adversarial_type(angle, errors[-1], optimal_error=least))
        gap = max(gap, float(np.abs(theory.error - errors).max()))
        numbers |= {f"error_{key}": errors, f"type_{key}": types}
        if key == "flat":
            numbers |= {
                "strength": strengths,
                "strength_flat": strengths[-1],
                "cost_flat": errors[-1] - errors[0],
            }
        else:
            numbers |= {"best_angle": ANGLES[int(np.argmin(errors))]}
            numbers["optimal_angle"] = float(np.rad2deg(theory.optimal_angle))
    numbers["error_gap"] = gap
    return numbers | _toy_path(seed) | _digits_path(seed)


def _toy_path(seed: int) -> dict[str, Any]:
    from clsviz.boundary import gaussian_linear_error, make_tilt_data

    def drawn(part: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        own = int(np.random.default_rng([seed, part]).integers(2**31))
        spreads = dict(sigma_signal=WIDE, sigma_tilt=NARROW, sigma_rest=NARROW)
        return make_tilt_data(n, FEATURES, separation=SEPARATION, seed=own, **spreads)

    cov = np.diag([WIDE**2] + [NARROW**2] * (FEATURES - 1))
    mean = np.eye(FEATURES)[0] * SEPARATION / 2
    return _path(
        "toy",
        *drawn(1, FEW),
        *drawn(2, TUNING),
        lambda w, b: gaussian_linear_error(w, b, -mean, mean, cov),
    )


def _digits_path(seed: int) -> dict[str, Any]:
    from clsviz.boundary import linear_margin
    from clsviz.data import load

    data = load("digits")
    X, y = np.asarray(data.X, np.float64).reshape(len(data.X), -1), np.asarray(data.y)
    rows = np.random.default_rng([seed, 52]).permutation(np.flatnonzero(np.isin(y, DIGITS)))
    train, tune, test = np.array_split(rows, 3)
    X, y = X / X.max(), (y == DIGITS[1]).astype(np.int64)
    return _path(
        "digits",
        X[train],
        y[train],
        X[tune],
        y[tune],
        lambda w, b: float((linear_margin(w, b, X[test], y[test]) <= 0).mean()),
    )


def _path(
    kind: str, X: np.ndarray, y: np.ndarray, X_tune: np.ndarray, y_tune: np.ndarray, error_of: Any
) -> dict[str, Any]:
    """Along LAMBDAS: angle and strength on the training samples, error; and at the level chosen on `tune`."""
    from clsviz.boundary import adversarial_strength, deviation_angle, linear_margin, logistic_l2

    lines = [logistic_l2(X, y, lam) for lam in LAMBDAS]
    angles = [float(np.rad2deg(deviation_angle(line.w, X, y))) for line in lines]
    strengths = [adversarial_strength(line.w, line.b, X, y) for line in lines]
    errors = [error_of(line.w, line.b) for line in lines]
    tuning = [float((linear_margin(line.w, line.b, X_tune, y_tune) <= 0).mean()) for line in lines]
    chosen = max(i for i, error in enumerate(tuning) if error == min(tuning))  # the most regularised
    return {
        f"{kind}_angles": angles,
        f"{kind}_strengths": strengths,
        f"{kind}_errors": errors,
        f"{kind}_angle_weak": angles[0],
        f"{kind}_angle_strong": angles[-1],
        f"{kind}_strength_weak": strengths[0],
        f"{kind}_strength_chosen": strengths[chosen],
        f"{kind}_error_weak": errors[0],
        f"{kind}_error_chosen": errors[chosen],
        f"{kind}_chosen": float(np.log10(LAMBDAS[chosen])),
    }
