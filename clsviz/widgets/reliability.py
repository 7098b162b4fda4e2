"""The reliability diagram: confidence against accuracy, under a live temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration, catalogue
from clsviz.widgets.base import View
from clsviz.widgets.overlay import shown_validation
from clsviz.widgets.sources import predictions_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_N_BINS = catalogue.get("calibration.reliability_diagram").param("n_bins")
MOST_BINS = 500  # the menu goes further than the slider


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityResult:
    """The numbers on screen."""

    diagram: calibration.ReliabilityDiagram
    ece: float
    ece_low: float  # 90 % interval of the ECE, see `calibration.ece_interval`
    ece_high: float
    mce: float
    brier: float
    nll: float
    accuracy: float
    temperature: float
    best_temperature: float  # with the lowest NLL on the same samples
    n: int
    threshold: float
    coverage: float  # share of samples whose probability reaches the threshold
    selective_accuracy: float  # share of these that are right; nan when there are none


class ReliabilityState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    n_bins = traitlets.Int(_N_BINS.default, min=1, max=MOST_BINS, help="number of bins").tag(sync=True)
    scheme = traitlets.Enum(["equal_width", "equal_mass"], "equal_width", help="kind of bins").tag(sync=True)
    mode = traitlets.Enum(["top_label", "per_class"], "top_label").tag(sync=True)
    target_class = traitlets.Int(0, min=0, help='the class of mode="per_class"').tag(sync=True)
    threshold = traitlets.Float(
        0.0, min=0, max=0.999, help="least probability that is kept, in steps of 0.001"
    ).tag(sync=True)

    @traitlets.validate("threshold")
    def _valid_threshold(self, proposal: Any) -> float:
        """On the grid that the browser's tables have."""
        return round(float(proposal["value"]), 3)


class ReliabilityNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> ReliabilityResult:
        """The numbers on screen, recomputed in Python from the validation samples."""
        logits, labels = shown_validation(self)
        scaled = logits / self.temperature
        bins: dict[str, Any] = {"n_bins": self.n_bins, "scheme": self.scheme, "mode": self.mode}
        if self.mode == "per_class":
            bins["target_class"] = self.target_class
        of = {key: value for key, value in bins.items() if key in ("mode", "target_class")}
        interval = calibration.ece_interval(scaled, labels, kind="logits", **bins)
        kept = calibration.selective_accuracy(scaled, labels, self.threshold, kind="logits", **of)
        return ReliabilityResult(
            calibration.reliability_diagram(scaled, labels, kind="logits", alpha=0.1, **bins),
            interval.value,
            interval.low,
            interval.high,
            calibration.mce(scaled, labels, kind="logits", **bins),
            calibration.brier(scaled, labels, kind="logits"),
            calibration.nll(scaled, labels, kind="logits"),
            float(np.mean(scaled.argmax(1) == labels)),
            self.temperature,
            calibration.fit_temperature(logits, labels).temperature,
            len(labels),
            self.threshold,
            kept.coverage,
            kept.accuracy,
        )

    def to_plotly(self) -> Figure:
        """The diagram as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        d = r.diagram
        used = d.counts > 0
        figure = go.Figure()
        figure.add_bar(
            x=d.confidence[used],
            y=d.accuracy[used],
            width=0.9 / self.n_bins,  # type: ignore[attr-defined]
            name="accuracy",
            marker_color="#8592a0",
            customdata=d.counts[used],
            hovertemplate="confidence %{x:.3f}<br>accuracy %{y:.3f}<br>%{customdata} samples",
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (d.ci_high - d.accuracy)[used],
                "arrayminus": (d.accuracy - d.ci_low)[used],
            },
        )
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", name="perfect", line={"dash": "dot", "color": "#57606a"}
        )
        return figure.update_layout(
            title=f"ECE {r.ece:.4f} at T = {r.temperature:.2f}, {r.n} samples",
            xaxis={"title": "confidence", "range": [0, 1]},
            yaxis={"title": "accuracy", "range": [0, 1]},
        )


class ReliabilityDiagram(ReliabilityNumbers, ReliabilityState, View):
    """Reliability diagram with a live temperature slider.

    Made by `from_predictions`, `from_estimator` or `from_run`. The logits (or the network) cross to the
    browser once; every move of a slider is rebinned there, also while the kernel is busy or gone.
    """

    bundle = "reliability"

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, kind: str = "logits", **options: Any) -> Self:
        """The diagram of finished predictions, up to a million samples of 10 classes and more.

        Above 2 million entries they travel in a smaller form, piece by piece: few classes quantised,
        followed by all digits for the exact numbers; more than 64 classes compressed, with the 16 largest
        logits of each row kept and a stated bound of the error. `result` is exact in any case.

        Args:
            y_true: (N,) integer labels in [0, K).
            y_pred: (N, K) logits or probabilities; (N,) is binary.
            kind: what `y_pred` holds, "logits" or "probs".
            options: state to begin with, e.g. ``n_bins=20``.

        Raises:
            InputError: NaN, empty, labels out of range, probabilities that do not sum to 1.
            ShapeError: the shapes do not fit.
        """
        return cls(predictions_source(y_true, y_pred, kind=kind, may_be_large=True), **options)
