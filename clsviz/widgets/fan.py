"""The whole fan at a glance: accuracy, calibration, margin and angle against the varied setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from torch import nn

from clsviz import boundary, calibration
from clsviz.boundary import local
from clsviz.calibration.inputs import softmax
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.overlay import most_confused_pair
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.wire import reference_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class FanResult:
    """One row a network, M of them, at the step and temperature on screen."""

    path: str  # the setting on the horizontal axis
    values: np.ndarray  # (M,) what it is
    seeds: np.ndarray  # (M,) int64
    accuracy: np.ndarray  # (M,) of the validation samples, in [0, 1]
    ece: np.ndarray  # (M,) at the temperature
    margin: np.ndarray  # (M,) mean of p(label) - largest other p, in [-1, 1], at temperature 1
    angle: np.ndarray  # (M,) degrees between boundary normal and centroid direction; nan without inputs
    pair: tuple[int, int]  # the two classes of that boundary
    diverged: np.ndarray  # (M,) step at which a network was frozen, -1 where it is healthy
    temperature: float
    step: int


class FanState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    against = traitlets.Unicode(
        None, allow_none=True, help="path on the horizontal axis; None: the first that is varied"
    ).tag(sync=True)


class FanNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> FanResult:
        """The numbers on screen, recomputed in Python for every network of the fan.

        Raises:
            InputError: there is no fan, or it does not vary `against`.
        """
        session = self.session
        fan = session.fan
        if fan is None:
            raise InputError('there is no fan: lab.fan_out("loss.q") trains one')
        path = self.against or next(iter(fan.vary))
        if path not in fan.vary:
            raise InputError(f"against: the fan varies {list(fan.vary)}, not {path!r}")
        pair = tuple(
            sorted(self.pair) if self.pair else most_confused_pair(*validation_logits(session.source, None))
        )
        sources = [session.source_of(m) for m in range(len(fan.members))]
        rows = [self._row(source, pair) for source in sources]
        accuracy, ece, margin, angle = (np.array(column) for column in zip(*rows, strict=True))
        timeline = sources[0].timeline
        return FanResult(
            path,
            np.array([m.values[path] for m in fan.members]),
            np.array([m.seed for m in fan.members]),
            accuracy,
            ece,
            margin,
            angle,
            pair,
            np.asarray(fan.diverged),
            self.temperature,
            (timeline.latest if self.step is None else timeline.at(self.step)).step,
        )

    def _row(self: Any, source: Any, pair: tuple[int, int]) -> tuple[float, float, float, float]:
        logits, labels = validation_logits(source, self.step)
        scaled = logits / self.temperature
        p = softmax(logits)
        own = p[np.arange(len(labels)), labels]
        p[np.arange(len(labels)), labels] = -1.0
        data = source.dataset
        angle = float("nan")
        model = source.model_at(self.step)
        if data.n_features and isinstance(model, nn.Module):
            reference = reference_rows(data)
            where = data.X[reference], data.y[reference], *pair
            X, two = local.pair_of(*where)
            angle = boundary.deviation_angle(local.tangent_classifier(model, *where).w, X, two, degrees=True)
        return (
            float(np.mean(logits.argmax(1) == labels)),
            calibration.ece(scaled, labels, kind="logits"),
            float(np.mean(own - p.max(1))),
            angle,
        )

    def to_plotly(self: Any) -> Figure:
        """The four panels as a plotly figure, one mark a network."""
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots

        r = self.result
        panels = {"accuracy": r.accuracy, "ECE": r.ece, "margin": r.margin, "angle (°)": r.angle}
        figure = make_subplots(rows=2, cols=2, subplot_titles=list(panels))
        for i, column in enumerate(panels.values()):
            figure.add_trace(
                go.Scatter(
                    x=r.values,
                    y=column,
                    mode="markers",
                    text=[f"seed {s}" for s in r.seeds],
                    marker={
                        "color": "#1f2328",
                        "symbol": ["circle" if d < 0 else "circle-open" for d in r.diverged],
                    },
                    showlegend=False,
                ),
                row=i // 2 + 1,
                col=i % 2 + 1,
            )
        log = bool((r.values > 0).all() and r.values.max() > 50 * r.values.min())
        figure.update_xaxes(title=r.path, type="log" if log else "linear")
        return figure.update_layout(title=f"{len(r.values)} networks at T = {r.temperature:.2f}")


class FanStrip(FanNumbers, FanState, View):
    """Small multiples over a fan: each network of it against the setting that differs.

    Line: mean over seeds; band: their range; ring: the network shown; open marks: diverged.
    """

    bundle = "fan"
