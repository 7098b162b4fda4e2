"""One sample explained: the linear map that a network is there, an attribution, insertion and deletion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from clsviz import boundary, calibration
from clsviz.boundary.attribution import Agreement, InsertionDeletion
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.explanation_job import (
    MODES,
    MOST_TOP,
    Earlier,
    attribution_of,
    baseline_of,
    callable_model,
    earlier_agreement,
    explain,
    random_weights,
)
from clsviz.widgets.messages import ATTRIBUTIONS, BASELINES, AskExplanation
from clsviz.widgets.overlay import marked_sample
from clsviz.widgets.sources import source_logits

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationResult:
    """The numbers on screen. What needs a gradient is None without one, and `why` says so."""

    sample: int  # its index
    label: int
    predicted: int
    rival: int  # the label where that is another class, else the runner-up
    target: int  # class that is explained
    logits: np.ndarray  # (K,)
    A: np.ndarray | None  # (K, D) the network round the sample: logits = A x + b
    b: np.ndarray | None  # (K,)
    deviation: float | None  # largest |A x + b - logits|
    exact: bool  # the map holds throughout the sample's linear region; else it is the tangent
    method: str
    attribution: np.ndarray  # (D,)
    gap: float | None  # what integrated gradients leave of the logit's gain
    deletion: InsertionDeletion
    insertion: InsertionDeletion
    random_deletion: InsertionDeletion  # in a seeded random order
    random_insertion: InsertionDeletion
    steady: tuple[float, float] | None  # cosine of the target's slopes near the sample: mean, least
    agreement: Agreement | None  # with the pinned network's attribution
    earlier: Earlier | None  # with the network's own about an epoch earlier; None at the first moment
    why: str

    def summary(self) -> str:
        """Sample, class and areas in a line."""
        return (
            f"sample {self.sample}, class {self.target}, {self.method}: deletion {self.deletion.auc:.4f}, "
            f"insertion {self.insertion.auc:.4f}"
        )


class ExplanationState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    method = traitlets.Enum(ATTRIBUTIONS, "gradient_input", help="how features are weighed").tag(sync=True)
    target_class = traitlets.Int(
        None, allow_none=True, min=0, help="class that is explained; None: the predicted one"
    ).tag(sync=True, of_run=True)
    baseline = traitlets.Enum(
        BASELINES, "zero", help="what a removed feature becomes: 0, or its mean over the training part"
    ).tag(sync=True)


class ExplanationNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> ExplanationResult:
        """The numbers on screen, recomputed by `clsviz.boundary`.

        Raises:
            InputError: nothing is trained yet, there are predictions alone, or there is no such class.
        """
        source, data = self.source, self.source.dataset
        if data.n_features == 0:
            raise InputError("these views were made from predictions alone: there is no input to explain")
        sample, target = asked(self)
        x, blank = data.X[sample].astype(np.float64), baseline_of(data, self.baseline)
        model = callable_model(source, self.step)
        found = explain(model, x, self.method, target, blank)

        def probs(z: np.ndarray) -> np.ndarray:
            return calibration.apply_temperature(z, self.temperature)

        def curve(name: str, weights: np.ndarray, mode: str) -> InsertionDeletion:
            return boundary.insertion_deletion(
                lambda _walk: probs(found.walks[name]), x, weights, target, baseline=blank, mode=mode
            )

        curves = {
            f"{prefix}{mode}": curve(f"{prefix}{mode}", weights, mode)
            for prefix, weights in (("", found.values), ("random_", random_weights(len(x))))
            for mode in MODES
        }
        label = int(data.y[sample])
        predicted, rival = called_and_rival(found.logits, label)
        network = source.network or {}
        deviation = None
        if found.A is not None and found.b is not None:
            deviation = float(np.abs(found.A @ x + found.b - found.logits).max())
        return ExplanationResult(
            sample=sample,
            label=label,
            predicted=predicted,
            rival=rival,
            target=target,
            logits=found.logits,
            A=found.A,
            b=found.b,
            deviation=deviation,
            exact=network.get("kind") == "linear" or network.get("activation") == "relu",
            method=found.method,
            attribution=found.values,
            gap=found.gap,
            **curves,
            steady=found.steady,
            agreement=self._agreement(found.method, found.values, x, target, blank),
            earlier=earlier_agreement(source, self.step, found.method, found.values, x, target, blank),
            why=found.why,
        )

    def _agreement(
        self: Any, method: str, values: np.ndarray, x: np.ndarray, target: int, blank: np.ndarray
    ) -> Agreement | None:
        pin = self.pinned
        if pin is None or self.source.network is None:
            return None
        model = callable_model(self.session.source_of(pin.get("member")), pin.get("step"))
        other, _ = attribution_of(model, method, x, target, blank)
        return boundary.attribution_agreement(values, other, k=min(MOST_TOP, len(x)))

    def to_plotly(self) -> Figure:
        """Attribution by feature, and the curves of deletion and insertion, as a plotly figure."""
        from plotly.subplots import make_subplots

        r, data = self.result, self.source.dataset  # type: ignore[attr-defined]
        titles = (f"{r.method} for class {data.class_names[r.target]}", "deletion and insertion")
        figure = make_subplots(cols=2, column_titles=titles)
        if data.image_shape:
            most = float(np.abs(r.attribution).max()) or 1.0
            figure.add_heatmap(
                z=r.attribution.reshape(data.image_shape),
                colorscale=[[0, "#e69f00"], [0.5, "#ffffff"], [1, "#0072b2"]],
                zmin=-most,
                zmax=most,
                colorbar={"x": 0.44},
                row=1,
                col=1,
            )
            figure.update_yaxes(autorange="reversed", scaleanchor="x", row=1, col=1)
        else:
            order = np.argsort(np.abs(r.attribution), kind="stable")
            names = [data.feature_names[i] for i in order]
            colours = ["#0072b2" if v > 0 else "#e69f00" for v in r.attribution[order]]
            figure.add_bar(
                x=r.attribution[order],
                y=names,
                orientation="h",
                marker_color=colours,
                showlegend=False,
                row=1,
                col=1,
            )
        share = np.linspace(0, 1, len(r.attribution) + 1)
        for name, found, colour, dash in [
            ("deletion", r.deletion, "#a8467e", "solid"),
            ("insertion", r.insertion, "#1f2328", "solid"),
            ("deletion, random order", r.random_deletion, "#a8467e", "dot"),
            ("insertion, random order", r.random_insertion, "#1f2328", "dot"),
        ]:
            line = {"color": colour, "dash": dash}
            figure.add_scatter(
                x=share, y=found.curve, name=f"{name} ({found.auc:.3f})", line=line, row=1, col=2
            )
        figure.update_xaxes(title="share of features changed", row=1, col=2)
        figure.update_yaxes(title="probability", range=[0, 1], row=1, col=2)
        return figure.update_layout(title=r.summary())


def called_and_rival(logits: np.ndarray, label: int) -> tuple[int, int]:
    """The predicted class, and the label where that is another, else the runner-up."""
    order = np.argsort(-logits, kind="stable")
    predicted = int(order[0])
    return predicted, label if label != predicted else int(order[1])


def asked(view: Any) -> tuple[int, int]:
    """The sample that a view shows and the class that it explains.

    Raises:
        InputError: there is no such class, or nothing is trained yet.
    """
    data, sample = view.source.dataset, marked_sample(view)
    target = view.target_class
    if target is None:
        target = int(source_logits(view.source, view.step, np.array([sample]))[0].argmax())
    if not target < data.n_classes:
        raise InputError(f"target_class must be in 0..{data.n_classes - 1}, got {target}")
    return sample, target


class ExplanationView(ExplanationNumbers, ExplanationState, View):
    """One sample explained: local linear map, attribution, deletion and insertion of features.

    The map A x + b of the predicted class and of its rival, as images or bars; gradient, gradient times
    input, integrated gradients, occlusion or SmoothGrad for a class; the class's probability while features
    go or come in the order of the attribution, beside a random order. Networks that the browser runs are
    asked there; others are explained by the kernel, models without a gradient by occlusion alone.
    """

    bundle = "explanation"

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """This view as one HTML file that works without a kernel or network; see `View.to_html`."""
        source = self.source
        if source.network is None and len(source.timeline) and source.dataset.n_features:
            shown = source.timeline.latest if self.step is None else source.timeline.at(self.step)
            sample, target = asked(self)
            self.session.answer_explanation(
                AskExplanation(sample, self.method, target, self.baseline, shown.step, self.member)
            )
        return super().to_html(path, title=title)
