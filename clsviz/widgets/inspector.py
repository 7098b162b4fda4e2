"""One sample: what it is, what the network says of it, what is like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from clsviz import calibration
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.overlay import marked_sample, shown_logits
from clsviz.widgets.wire import reference_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, eq=False)
class SampleResult:
    """What is shown of one sample."""

    index: int
    label: int
    clean_label: int  # before label noise
    guess: int
    probs: np.ndarray  # (K,) at the present temperature
    loss: float  # -log p of the label
    neighbours: np.ndarray  # (k,) indices of the nearest training samples, nearest first


class InspectorState(traitlets.HasTraits):
    """What this view adds to the shared state: nothing."""


class InspectorNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> SampleResult:
        """The marked sample; while none is marked, the validation sample most confidently wrong.

        Raises:
            InputError: the source has no inputs, only predictions.
        """
        data = self.source.dataset
        if data.n_features == 0:
            raise InputError("these views were made from predictions alone: there are no samples to look at")
        index = marked_sample(self)
        x = data.X[index]
        logits = shown_logits(self, np.array([index]))
        probs = calibration.apply_temperature(logits, self.temperature)[0]
        reference = reference_rows(data)
        others = reference[reference != index]
        distance = ((data.X[others].astype(np.float64) - x) ** 2).sum(1)
        nearest = others[np.argsort(distance, kind="stable")[:NEIGHBOURS]]
        label = int(data.y[index])
        loss = calibration.nll(logits / self.temperature, [label], kind="logits")
        return SampleResult(
            index, label, int(data.y_clean[index]), int(logits.argmax()), probs, loss, nearest
        )

    def to_plotly(self) -> Figure:
        """The sample's probabilities as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        names = list(self.source.dataset.class_names)  # type: ignore[attr-defined]
        figure = go.Figure(go.Bar(x=names, y=r.probs, marker_color="#8592a0"))
        return figure.update_layout(
            title=f"sample {r.index}: class {names[r.label]}, called {names[r.guess]}",
            xaxis={"title": "class", "type": "category"},
            yaxis={"title": "probability", "range": [0, 1]},
        )


class SampleInspector(InspectorNumbers, InspectorState, View):
    """One sample with its probabilities and nearest neighbours; every view marks samples for it."""

    bundle = "inspector"
