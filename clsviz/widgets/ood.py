"""Samples of no class: scores that tell them from the validation samples, and how well they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration, catalogue
from clsviz.training import Source
from clsviz.widgets.base import View, param_json
from clsviz.widgets.messages import OF_FEATURES, AskOOD
from clsviz.widgets.ood_job import features_scored, logit_scores, roc_curve, set_rows, set_shown
from clsviz.widgets.overlay import laid_over, shown_validation
from clsviz.widgets.session import Session
from clsviz.widgets.sources import predictions_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DETECTORS = ("msp", "max_logit", "energy", "entropy", *OF_FEATURES)
STRONGEST = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class OODResult:
    """The numbers on screen; higher scores are more in-distribution."""

    detector: str
    outside: str  # name of the set
    strength: float
    kept: float  # share of the validation samples that the threshold keeps, at least
    samples: np.ndarray  # (n,) indices of the validation samples
    scores_id: np.ndarray  # (n,)
    scores_ood: np.ndarray  # (m,)
    metrics: calibration.OODMetrics

    @property
    def below(self) -> np.ndarray:
        """Indices of the validation samples below the threshold, ascending: taken for outsiders."""
        return np.sort(self.samples[self.scores_id < self.metrics.threshold])

    def summary(self) -> str:
        """Score, set and measures in a line."""
        m = self.metrics
        return (
            f"{self.detector} on {self.outside}: AUROC {m.auroc:.4f}, FPR {m.fpr:.4f} "
            f"at {100 * self.kept:.4g} % kept"
        )


class OODState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    detector = traitlets.Enum(DETECTORS, "msp", help="the score; higher is more in-distribution").tag(
        sync=True
    )
    outside = traitlets.Unicode(
        None,
        allow_none=True,
        help="the set scored against the validation samples: one of clsviz.data.ood, or a name of your own; "
        "None: the first there is",
    ).tag(sync=True)
    strength = traitlets.Float(
        1.0, min=0, max=STRONGEST, help="of noise: side of the box, or standard deviations"
    ).tag(sync=True)
    kept = traitlets.Float(
        0.95, min=0.5, max=1, help="share of the validation samples above the threshold"
    ).tag(sync=True)


class OODNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> OODResult:
        """The numbers on screen, recomputed in Python.

        Raises:
            InputError: nothing is trained yet, nothing from outside is there, or the score needs features
                that this classifier does not tell.
            UnknownName: no set is called so.
        """
        source, own = self.source, self.session.outside
        data = source.dataset
        name = set_shown(data, own, self.outside)
        rows = set_rows(data, own, name, self.strength)
        inside, _ = shown_validation(self)
        if self.detector in OF_FEATURES:
            id_, ood = features_scored(source, self.step, self.detector, [data.X[data.validation], rows])
        else:
            outside = rows.astype(np.float64)
            if data.n_features:
                outside = laid_over(self, source.predict(rows, self.step), rows)
            id_, ood = (logit_scores(self.detector, z, self.temperature) for z in (inside, outside))
        return OODResult(
            self.detector,
            name,
            self.strength,
            self.kept,
            data.validation,
            id_,
            ood,
            calibration.ood_metrics(id_, ood, tpr=self.kept),
        )

    def to_plotly(self) -> Figure:
        """Both histograms and the ROC curve as a plotly figure."""
        from plotly.subplots import make_subplots

        r = self.result
        figure = make_subplots(cols=2, column_titles=("share of samples by score", "ROC"))
        both = np.concatenate([r.scores_id, r.scores_ood])
        bins = {"start": both.min(), "end": both.max(), "size": float(np.ptp(both)) / 25 or 1.0}
        for name, scores, colour in [
            ("validation samples", r.scores_id, "#8592a0"),
            (r.outside, r.scores_ood, "#a8467e"),
        ]:
            figure.add_histogram(
                x=scores, name=name, xbins=bins, histnorm="probability", opacity=0.6, marker_color=colour
            )
        figure.add_vline(r.metrics.threshold, line_dash="dash", row=1, col=1)
        fpr, tpr = roc_curve(r.scores_id, r.scores_ood)
        figure.add_scatter(x=fpr, y=tpr, line_color="#1f2328", name="ROC", showlegend=False, row=1, col=2)
        kept = float(np.mean(r.scores_id >= r.metrics.threshold))
        point = {"x": [r.metrics.fpr], "y": [kept], "mode": "markers", "name": "threshold"}
        figure.add_scatter(**point, marker_color="#1f2328", row=1, col=2)
        return figure.update_layout(title=r.summary(), barmode="overlay")


class OODView(OODNumbers, OODState, View):
    """Scores of validation samples and of samples of no class: histograms, ROC, a threshold to drag.

    The sets are made from the data (noise, shuffled features, turned images), or are your own. Networks that
    the browser runs are asked there, so that epoch, temperature and landscape move the scores; the others by
    the kernel.

    Args:
        source: a run, or any other source.
        ood: your own samples from outside, ``{"name": X}``: inputs as the network takes them (standardised as
            the dataset is), or logits where there are predictions alone. Up to 1000 of each are looked at.
        options: state to begin with, e.g. ``detector="energy"``.

    Raises:
        InputError, ShapeError: a set does not go with the source.
    """

    bundle = "ood"

    def __init__(self, source: Source, *, ood: Mapping[str, Any] | None = None, **options: Any) -> None:
        if ood is not None:
            Session.of(source).add_outside(ood)
            options.setdefault("outside", next(iter(ood), None))
        super().__init__(source, **options)

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_pred: Any, *, ood: Mapping[str, Any], kind: str = "logits", **options: Any
    ) -> Self:
        """The view of finished predictions.

        Args:
            y_true, y_pred, kind: as `ReliabilityDiagram.from_predictions`.
            ood: predictions on samples from outside, ``{"name": (m, K)}``, of the same kind.
            options: state to begin with.

        Raises:
            InputError, ShapeError: as there; a set has another number of classes.
        """
        source = predictions_source(y_true, y_pred, kind=kind)
        if kind == "probs":
            ood = {
                name: predictions_source(np.zeros(len(p), int), p, kind=kind).timeline.latest.logits
                for name, p in ood.items()
            }
        return cls(source, ood=ood, **options)

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """This view as one HTML file that works without a kernel or network; see `View.to_html`."""
        source = self.source
        if source.network is None and len(source.timeline):
            shown = source.timeline.latest if self.step is None else source.timeline.at(self.step)
            name = set_shown(source.dataset, self.session.outside, self.outside)
            detector = self.detector if self.detector in OF_FEATURES else ""
            self.session.answer_ood(AskOOD(name, self.strength, detector, shown.step, self.member))
        return super().to_html(path, title=title)

    def _menus(self) -> dict[str, Any]:
        strength = catalogue.get("data.ood_gaussian").param("strength")
        return super()._menus() | {"strength": param_json(strength)}
