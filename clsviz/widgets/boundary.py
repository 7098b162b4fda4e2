"""The decision boundary: where it runs, how it is tilted, how confident the classifier is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from clsviz import boundary
from clsviz.boundary import local
from clsviz.widgets.base import View
from clsviz.widgets.messages import MAX_RESOLUTION
from clsviz.widgets.overlay import pair_rule
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.wire import pair_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryResult:
    """The boundary between two classes, and a linear rule that stands for it."""

    pair: tuple[int, int]
    w: np.ndarray  # (D,) normal of the rule, towards the second class
    b: float
    angle: float  # degrees between w and the line between the class centroids
    strength: float  # adversarial strength of the rule, 1 is best
    accuracy: (
        float  # between the two classes on the validation samples: of the classifier, or of the tilted rule
    )
    has_slope: bool  # False: the model has no gradient, the rule is a linear discriminant of its data


class BoundaryState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    plane = traitlets.Enum(
        ["tilt", "data", "pca", "points"], None, allow_none=True, help="None: by the data"
    ).tag(sync=True)
    points = traitlets.List(traitlets.Int(), None, allow_none=True, minlen=3, maxlen=3).tag(
        sync=True, of_run=True
    )
    resolution = traitlets.Int(
        None,
        allow_none=True,
        min=16,
        max=MAX_RESOLUTION,
        help="points along a side of the field at rest, 16..256; None: 256 where the browser runs the "
        "network, 48 where the kernel does",
    ).tag(sync=True)


class BoundaryNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> BoundaryResult:
        """Angle, strength and accuracy between the pair of classes, recomputed in Python.

        Raises:
            InputError: the source has no inputs, or one of the two classes has no samples.
        """
        data = self.source.dataset
        rule = pair_rule(self)
        a, b = rule.pair
        rows = pair_rows(data)
        X, two = local.pair_of(data.X[rows], data.y[rows], a, b)
        logits, labels = validation_logits(self.source, self.step)
        own = (labels == a) | (labels == b)
        if self.tilt is None and self.regularisation is None:
            calls = logits[own, b] > logits[own, a]
        else:
            calls = data.X[data.validation][own] @ rule.w + rule.b > 0
        return BoundaryResult(
            (a, b),
            rule.w,
            rule.b,
            boundary.deviation_angle(rule.w, X, two, degrees=True),
            boundary.adversarial_strength(rule.w, rule.b, X, two),
            float(np.mean(calls == (labels[own] == b))) if own.any() else float("nan"),
            rule.has_slope,
        )

    def to_plotly(self: Any) -> Figure:
        """The pair's samples along and across the centroid direction, with the rule's line."""
        import plotly.graph_objects as go

        r, data = self.result, self.source.dataset
        X, y = data.X[data.validation].astype(np.float64), data.y[data.validation]
        rows = np.isin(y, r.pair)
        basis = boundary.tilting_basis(r.w, X[rows], (y[rows] == r.pair[1]).astype(np.int64))
        along, across = (X[rows] @ v for v in (basis.z, basis.n))
        figure = go.Figure()
        for k, symbol, colour in zip(r.pair, ("circle", "triangle-up"), ("#0072b2", "#e69f00"), strict=True):
            own = y[rows] == k
            figure.add_scatter(
                x=along[own],
                y=across[own],
                mode="markers",
                name=data.class_names[k],
                marker={"symbol": symbol, "color": colour, "line": {"width": 1, "color": "#1f2328"}},
            )
        wz, wn = r.w @ basis.z, r.w @ basis.n
        ends = np.array([across.min(), across.max()])
        figure.add_scatter(
            x=-(r.b + wn * ends) / wz, y=ends, mode="lines", name="boundary", line={"color": "#1f2328"}
        )
        return figure.update_layout(
            title=f"angle {r.angle:.1f}°, adversarial strength {r.strength:.2f}",
            xaxis_title="along the centroids",
            yaxis_title="across, in the normal's plane",
        )


class BoundaryView(BoundaryNumbers, BoundaryState, View):
    """Decision regions with confidence as saturation, and the tilt of the boundary between two classes.

    On two-dimensional data the plane itself; else the plane of the centroid direction and the boundary's
    normal, a PCA plane, or the plane through three samples.
    """

    bundle = "boundary"
