"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets
from sklearn.metrics import confusion_matrix

from clsviz.calibration import ood_metrics
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
    auroc: float  # of two classes of which one has no training samples: how well they are ranked; else nan


class ConfusionState(traitlets.HasTraits):
    """What this view adds to the shared state: nothing."""


class ConfusionNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> ConfusionResult:
        """The numbers on screen, recomputed in Python from the validation samples."""
        logits, labels = shown_validation(self)
        guesses = logits.argmax(1)
        data = self.source.dataset
        names = data.class_names
        counts = confusion_matrix(labels, guesses, labels=np.arange(len(names)))
        auroc = float("nan")
        trained = np.unique(data.y[data.train])
        if len(names) == 2 and len(trained) == 1 and len(np.unique(labels)) == 2:
            score = logits[:, trained[0]] - logits[:, 1 - trained[0]]
            known = labels == trained[0]
            auroc = ood_metrics(score[known], score[~known]).auroc
        return ConfusionResult(counts, names, float(np.mean(guesses == labels)), auroc)

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
