"""The reliability diagram: confidence against accuracy, under a live temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration, catalogue
from clsviz.widgets.base import View
from clsviz.widgets.calibrator_job import FOLDS, CalibratorName, calibrator_menu
from clsviz.widgets.overlay import is_tilted, shown_validation
from clsviz.widgets.reliability_measures import USUAL, MeasureNames, measured
from clsviz.widgets.sources import predictions_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_N_BINS = catalogue.get("calibration.reliability_diagram").param("n_bins")
MOST_BINS = 500  # the menu goes further than the slider
PICTURES = ("diagram", "risk_coverage", "classes", "moved")


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedResult:
    """What the calibrator on screen made of the validation samples, each fitted without it."""

    name: str
    folds: int
    probs: np.ndarray  # (n, K)
    diagram: calibration.ReliabilityDiagram
    ece: float
    ece_low: float  # 90 % interval
    ece_high: float
    measures: dict[str, float]
    coverage: float  # above the threshold
    selective_accuracy: float
    moved: np.ndarray  # (n,) confidence after - before; before is the network at the temperature
    changed: int  # guesses that are another class after


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
    risk_coverage: calibration.RiskCoverage
    measures: dict[str, float]  # those chosen; nan where one is not defined
    calibrated: CalibratedResult | None  # with a calibrator, where one can be fitted


class ReliabilityState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    n_bins = traitlets.Int(_N_BINS.default, min=1, max=MOST_BINS, help="number of bins").tag(sync=True)
    scheme = traitlets.Enum(["equal_width", "equal_mass"], "equal_width", help="kind of bins").tag(sync=True)
    mode = traitlets.Enum(["top_label", "per_class"], "top_label").tag(sync=True)
    target_class = traitlets.Int(0, min=0, help='the class of mode="per_class"').tag(sync=True)
    threshold = traitlets.Float(
        0.0, min=0, max=0.999, help="least probability that is kept, in steps of 0.001"
    ).tag(sync=True)
    picture = traitlets.Enum(
        PICTURES, "diagram", help="what is drawn: the diagram, risk against coverage, classes, what moved"
    ).tag(sync=True)
    measures = MeasureNames(list(USUAL), help="measures in the table, by their names in calibration").tag(
        sync=True
    )
    calibrator = CalibratorName("", help='name of a calibrator that is laid over; "" for none').tag(sync=True)

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
        bins, of = self._bins
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
            calibration.risk_coverage(scaled, labels, kind="logits"),
            self._measured(scaled, labels, "logits"),
            self._calibrated(scaled, labels),
        )

    @property
    def _bins(self: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """How pairs are binned, and what they are pairs of."""
        bins = {"n_bins": self.n_bins, "scheme": self.scheme}
        of = {"mode": self.mode}
        if self.mode == "per_class":
            of["target_class"] = self.target_class
        return bins | of, of

    def _measured(self: Any, x: np.ndarray, labels: np.ndarray, kind: str) -> dict[str, float]:
        target = self.target_class if self.mode == "per_class" else None
        bins = {"n_bins": self.n_bins, "scheme": self.scheme}
        return measured(self.measures, x, labels, kind=kind, target_class=target, **bins)

    def _calibrated(self: Any, scaled: np.ndarray, labels: np.ndarray) -> CalibratedResult | None:
        """What the calibrator makes of the network itself; `scaled` are the logits shown without it."""
        if not self.calibrator or is_tilted(self):
            return None
        probs = self.session.calibrators.answer(self.calibrator, self.step, self.member).probs
        if probs is None:
            return None
        bins, of = self._bins
        before = calibration.apply_temperature(scaled, 1.0)
        interval = calibration.ece_interval(probs, labels, **bins)
        kept = calibration.selective_accuracy(probs, labels, self.threshold, **of)
        return CalibratedResult(
            self.calibrator,
            FOLDS,
            probs,
            calibration.reliability_diagram(probs, labels, alpha=0.1, **bins),
            interval.value,
            interval.low,
            interval.high,
            self._measured(probs, labels, "probs"),
            kept.coverage,
            kept.accuracy,
            probs.max(1) - before.max(1),
            int((probs.argmax(1) != before.argmax(1)).sum()),
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
        title = f"ECE {r.ece:.4f} at T = {r.temperature:.2f}, {r.n} samples"
        if r.calibrated is not None:
            after = r.calibrated.diagram
            there = after.counts > 0
            figure.add_scatter(
                x=after.confidence[there],
                y=after.accuracy[there],
                mode="lines+markers",
                name=f"after {r.calibrated.name}",
                line={"color": "#1f2328"},
            )
            title += f"; {r.calibrated.ece:.4f} after {r.calibrated.name}, {FOLDS}-fold, out of fold"
        return figure.update_layout(
            title=title,
            xaxis={"title": "confidence", "range": [0, 1]},
            yaxis={"title": "accuracy", "range": [0, 1]},
        )


class ReliabilityDiagram(ReliabilityNumbers, ReliabilityState, View):
    """Reliability diagram with a live temperature slider.

    Made by `from_predictions`, `from_estimator` or `from_run`. The logits (or the network) cross to the
    browser once; every move of a slider is rebinned there, also while the kernel is busy or gone.

    ``picture`` chooses between the diagram, risk against coverage, one diagram per class, and what moved;
    ``measures`` names the measures in the table. With ``calibrator="isotonic"`` the kernel fits it to the
    validation samples, five folds, and the view shows each sample as the other folds' fit has it, with the
    network before it as a dashed line; the temperature acts on that.
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

    def _before_export(self) -> None:
        self.session.calibrators.see_to(self.calibrator, self.step, self.member)

    def _menus(self) -> dict[str, Any]:
        return super()._menus() | {"calibrator": calibrator_menu()}
