"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets
from sklearn.metrics import confusion_matrix

from clsviz.widgets.base import View
from clsviz.widgets.overlay import shown_validation
from clsviz.widgets.sources import predictions_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionResult:
    """counts[i, j]: validation samples of class i that were called j."""

    counts: np.ndarray  # (K, K) int64
    class_names: tuple[str, ...]
    accuracy: float


class ConfusionState(traitlets.HasTraits):
    """What this view adds to the shared state: nothing."""


class ConfusionNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> ConfusionResult:
        """The numbers on screen, recomputed in Python from the validation samples."""
        logits, labels = shown_validation(self)
        guesses = logits.argmax(1)
        names = self.source.dataset.class_names
        counts = confusion_matrix(labels, guesses, labels=np.arange(len(names)))
        return ConfusionResult(counts, names, float(np.mean(guesses == labels)))

    def to_plotly(self) -> Figure:
        """The matrix as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        names = list(r.class_names)
        figure = go.Figure(
            go.Heatmap(
                z=r.counts, x=names, y=names, colorscale="Greys", text=r.counts, texttemplate="%{text}"
            )
        )
        return figure.update_layout(
            title=f"accuracy {r.accuracy:.3f}",
            xaxis={"title": "called", "type": "category"},
            yaxis={"title": "true class", "autorange": "reversed", "type": "category"},
        )


class ConfusionMatrix(ConfusionNumbers, ConfusionState, View):
    """Confusion matrix of the validation samples; a click on a cell selects its samples."""

    bundle = "confusion"

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, kind: str = "logits", **options: Any) -> Self:
        """The matrix of finished predictions; arguments as `ReliabilityDiagram.from_predictions`."""
        return cls(predictions_source(y_true, y_pred, kind=kind), **options)
