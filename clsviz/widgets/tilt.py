"""What tilting the boundary of a pair costs and does: theory, samples, the L2 path, the network's epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from torch import nn

from clsviz import boundary
from clsviz.boundary import local
from clsviz.data import Dataset
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.overlay import pair_rule
from clsviz.widgets.sources import source_logits
from clsviz.widgets.wire import reference_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DEGREES = np.arange(-85, 86)  # of the curves; as js/src/core/tiltcurve.ts
LAMBDAS = tuple(float(10 ** (-4 + i / 6)) for i in range(43))  # likewise
TIE = 1e-9  # likewise: errors this near are equal, and the smaller angle is the better one
TYPES = ("hardly adversarial", "tilt at no cost", "tilt that costs accuracy")


@dataclass(frozen=True, slots=True)
class Leaning:
    """A linear rule as measured."""

    angle: float  # degrees between its normal and the centroid direction, 0 to 180
    error: float  # share of the pair's validation samples called wrongly
    strength: float  # adversarial
    distance: float  # adversarial, in units of the inputs
    at: float  # the level of L2 regularisation, or the epoch


@dataclass(frozen=True, slots=True, eq=False)
class TiltResult:
    """The numbers on screen."""

    pair: tuple[int, int]
    angle: float  # degrees; signed where the boundary is turned by `tilt`
    error: float  # of the rule shown (as trained: the network), on the pair's validation samples
    theory_error: float
    strength: float
    distance: float
    type: int  # 0, 1 or 2, see `boundary.adversarial_type`; judged by the theory's errors
    degrees: np.ndarray  # (171,) -85 .. 85
    errors: np.ndarray  # (171,) of the network's rule turned to them, on the same samples
    theory: np.ndarray  # (171,) by `boundary.tilt_theory`, in the plane of each
    types: np.ndarray  # (171,) int
    best_angle: float  # degrees of the theory's least error
    best_error: float
    drawn: bool  # the theory knows what the samples were drawn from; else it is estimated from them

    def summary(self) -> str:
        """Angle, error, strength and type in a line."""
        return (
            f"angle {self.angle:.1f}°, error {100 * self.error:.2f} % (theory "
            f"{100 * self.theory_error:.2f} %), strength {self.strength:.3f}, type {self.type}"
        )


Theory = Callable[[np.ndarray], float]


class TiltState(traitlets.HasTraits):
    """This view has no state but the shared one."""


class TiltNumbers:
    """`.result`, `.l2_path()`, `.epochs()` and `.to_plotly()`, for the widget and the lab's view alike."""

    @property
    def result(self: Any) -> TiltResult:
        """The curves and what is shown on them, recomputed in Python.

        Raises:
            InputError: there are no inputs or less than two features, a class of the pair has no samples, or
                the rule of a model as trained leans in no direction.
        """
        data = _with_inputs(self)
        rule = pair_rule(self)
        a, b = rule.pair
        pair = _Pair(self, a, b)
        model = self.source.model_at(self.step)
        at = data.X[self.marked] if self.normal_at and self.marked is not None else None
        where = (data.X[reference_rows(data)], data.y[reference_rows(data)], a, b)
        tangent = (
            local.tangent_classifier(model, *where, at=at)
            if isinstance(model, nn.Module)
            else local.discriminant(*where)
        )
        turned = local.turned(tangent, *where, np.deg2rad(DEGREES))
        theory = np.array([pair.theory(line.w) for line in turned])
        least = float(theory.min())
        best = min(DEGREES[theory <= least + TIE], key=abs)
        types = [
            boundary.adversarial_type(float(np.deg2rad(v)), error, optimal_error=least)
            for v, error in zip(DEGREES, theory, strict=True)
        ]
        as_trained = self.tilt is None and self.regularisation is None
        here = pair.measured(rule.w, rule.b, calls=pair.called(self.step) if as_trained else None)
        own = pair.theory(rule.w)
        signed = self.tilt is not None and self.regularisation is None
        return TiltResult(
            pair=(a, b),
            angle=float(self.tilt) if signed else here.angle,
            error=here.error,
            theory_error=own,
            strength=here.strength,
            distance=here.distance,
            # a turn by 30 degrees is one, whatever the arc cosine says
            type=boundary.adversarial_type(float(np.deg2rad(round(here.angle, 6))), own, optimal_error=least),
            degrees=DEGREES.astype(float),
            errors=np.array([pair.error(line.w, line.b) for line in turned]),
            theory=theory,
            types=np.array(types),
            best_angle=float(best),
            best_error=least,
            drawn=data.tilt is not None,
        )

    def l2_path(self: Any, lambdas: Iterable[float] = LAMBDAS) -> list[Leaning]:
        """L2-regularised rules of the pair, measured on its validation samples; `at` is the level.

        Raises:
            InputError: as `result`, or a level is below 0.
        """
        _with_inputs(self)
        pair = _Pair(self, *pair_rule(self).pair)
        fits = [(lam, boundary.logistic_l2(pair.X, pair.two, lam)) for lam in lambdas]
        return [pair.measured(fit.w, fit.b, at=lam) for lam, fit in fits]

    def epochs(self: Any) -> list[Leaning]:
        """The network between the pair at each epoch that is kept; `at` is the epoch.

        Raises:
            InputError: as `result`.
        """
        data = _with_inputs(self)
        pair = _Pair(self, *pair_rule(self).pair)
        where = (data.X[reference_rows(data)], data.y[reference_rows(data)], pair.a, pair.b)
        points = []
        for snapshot in self.source.timeline:
            model = self.source.model_at(snapshot.step)
            if not isinstance(model, nn.Module):
                break
            tangent = local.tangent_classifier(model, *where)
            calls = pair.called(snapshot.step)
            points.append(pair.measured(tangent.w, tangent.b, calls=calls, at=snapshot.epoch))
        return points

    def to_plotly(self) -> Figure:
        """Error and strength over the angle as a plotly figure, with the L2 path and the epochs."""
        from plotly.subplots import make_subplots

        r = self.result
        figure = make_subplots(cols=2, column_titles=("error", "adversarial strength"))
        for name, error, dash in (("theory", r.theory, "dash"), ("samples", r.errors, "solid")):
            figure.add_scatter(x=r.degrees, y=error, name=name, line={"dash": dash}, row=1, col=1)
        strength = 1 / np.cos(np.deg2rad(r.degrees))
        figure.add_scatter(x=r.degrees, y=strength, name="1 / cos", line={"dash": "dash"}, row=1, col=2)
        series = (("L2 path", self.l2_path(), "square"), ("epochs", self.epochs(), "triangle-up"))
        for name, points, symbol in series:
            for col, values in ((1, [p.error for p in points]), (2, [p.strength for p in points])):
                figure.add_scatter(
                    x=[p.angle for p in points],
                    y=values,
                    text=[f"{p.at:.3g}" for p in points],
                    name=name,
                    mode="markers",
                    marker={"symbol": symbol},
                    showlegend=col == 1,
                    row=1,
                    col=col,
                )
        figure.add_vline(r.angle, line_dash="dot")
        figure.update_yaxes(type="log", row=1, col=2)
        return figure.update_xaxes(title="angle (degrees)").update_layout(title=r.summary())


class TiltView(TiltNumbers, TiltState, View):
    """Error, adversarial strength and distance over the angle of a pair's boundary.

    The network's boundary is turned in the plane of the centroid direction and the direction in which it
    leans; dragging over the curve, or arrow keys on it, set the shared `tilt`. The theory's curve holds for
    Gaussian classes and a boundary half-way: of the set "tilted" those it was drawn from, else with spread
    and correlation of the training samples. On it lie the L2 path, which a button plays, and the network's
    epochs.
    """

    bundle = "tilt"


class _Pair:
    """Two classes of a view's data: what rules between them are measured on."""

    def __init__(self, view: Any, a: int, b: int) -> None:
        self.view, self.a, self.b = view, a, b
        data: Dataset = view.source.dataset
        rows = reference_rows(data)
        self.X, self.two = local.pair_of(data.X[rows], data.y[rows], a, b)
        held = data.validation
        self.rows = held[(data.y[held] == a) | (data.y[held] == b)]
        self.X_held = data.X[self.rows].astype(np.float64)
        self.is_b = data.y[self.rows] == b
        self.theory = _drawn(data) if data.tilt is not None else _estimated(self.X, self.two)

    def called(self, step: int | None) -> np.ndarray:
        """(n,) bool: the network takes the sample for b."""
        logits = source_logits(self.view.source, step, self.rows)
        return logits[:, self.b] > logits[:, self.a]

    def error(self, w: np.ndarray, b: float) -> float:
        return self._wrong(self.X_held @ w + b > 0)

    def _wrong(self, calls: np.ndarray) -> float:
        return float(np.mean(calls != self.is_b)) if len(self.rows) else float("nan")

    def measured(
        self, w: np.ndarray, b: float, *, calls: np.ndarray | None = None, at: float = float("nan")
    ) -> Leaning:
        return Leaning(
            boundary.deviation_angle(w, self.X, self.two, degrees=True),
            self.error(w, b) if calls is None else self._wrong(calls),
            boundary.adversarial_strength(w, b, self.X, self.two),
            boundary.adversarial_distance(w, b, self.X, self.two),
            float(at),
        )


def _theory(z: np.ndarray, separation: float, covariance: np.ndarray) -> Theory:
    """Error of the rule with a normal w, half-way between classes that are z * separation apart."""
    signal = float(np.sqrt(max(z @ covariance @ z, 0.0)))

    def error(w: np.ndarray) -> float:
        direction = w / np.linalg.norm(w)
        lean = direction - (direction @ z) * z
        n = lean / max(np.linalg.norm(lean), 1e-300)
        leans = np.linalg.norm(lean) >= 1e-9
        tilt = float(np.sqrt(max(n @ covariance @ n, 0.0))) if leans else 0.0
        rho = float(z @ covariance @ n) / (signal * tilt) if signal * tilt > 0 else 0.0
        theory = boundary.tilt_theory(
            np.arctan2(direction @ n if leans else 0.0, direction @ z),
            separation=separation,
            sigma_signal=signal,
            sigma_tilt=tilt,
            rho=float(np.clip(rho, -1 + 1e-12, 1 - 1e-12)),
        )
        return float(theory.error)

    return error


def _drawn(data: Dataset) -> Theory:
    assert data.tilt is not None
    t = data.tilt
    covariance = t["sigma_rest"] ** 2 * np.eye(data.n_features)
    shared = t["rho"] * t["sigma_signal"] * t["sigma_tilt"]
    covariance[:2, :2] = [[t["sigma_signal"] ** 2, shared], [shared, t["sigma_tilt"] ** 2]]
    return _theory(np.eye(data.n_features)[0], t["separation"], covariance)


def _estimated(X: np.ndarray, two: np.ndarray) -> Theory:
    gap = X[two == 1].mean(0) - X[two == 0].mean(0)
    separation = float(np.linalg.norm(gap))
    return _theory(gap / separation, separation, local.within(X, two))


def _with_inputs(view: Any) -> Dataset:
    data: Dataset = view.source.dataset
    if data.n_features < 2:
        raise InputError(
            f"a boundary is turned in the space of the inputs: it needs at least two features, but "
            f"{data.name} has {data.n_features}"
        )
    return data
