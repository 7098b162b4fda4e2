"""The decision boundary: where it runs, how it is tilted, how confident the classifier is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from clsviz import boundary
from clsviz.boundary import local
from clsviz.boundary.planes import AttackPlane, Plane
from clsviz.errors import InputError
from clsviz.widgets.attack_job import attack_on
from clsviz.widgets.base import View
from clsviz.widgets.messages import MAX_RESOLUTION, OF_FEATURES
from clsviz.widgets.overlay import marked_sample, pair_rule
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.wire import pair_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GRID = 100  # points along a side of the picture for plotly
PLANES = ["tilt", "data", "pca", "lda", "points", "attack"]
# as js/src/core/fieldscore.ts
COLOURS = ["confidence", "margin", "msp", "max_logit", "energy", "entropy", *OF_FEATURES]


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
    plane: Plane | None  # that is drawn; None where it is the tilt plane or that of two features
    attack: AttackPlane | None  # on the marked sample, where the plane is the one along it
    certified: float  # radius round the marked sample; nan unless `certified` is on and something is proved
    certified_by: str  # how that is known: "linear", "rbf", "lipschitz", "prototypes", "rule", or ""


class BoundaryState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    plane = traitlets.Enum(
        PLANES,
        None,
        allow_none=True,
        help="None: by the data",
    ).tag(sync=True)
    colour = traitlets.Enum(
        COLOURS,
        "confidence",
        help="what the field's colour stands for: class and confidence, or a score; the last three are "
        "distances from the training samples in the last features",
    ).tag(sync=True)
    cells = traitlets.Bool(False, help="draw the borders of a ReLU network's linear regions").tag(sync=True)
    certified = traitlets.Bool(False, help="draw the certified radius round the marked sample").tag(sync=True)
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
            *self._plane(),
            *self._certified(rule),
        )

    def _plane(self: Any) -> tuple[Plane | None, AttackPlane | None]:
        """The plane on screen; an attack that cannot be made leaves the plane of three samples."""
        data = self.source.dataset
        reference = pair_rows(data)
        X, y = data.X[reference].astype(np.float64), data.y[reference]
        if self.plane == "attack":
            try:
                attack, _ = attack_on(self.source, self.step, marked_sample(self))
            except InputError:
                attack = None
            if attack is not None:
                return (attack.plane if data.n_features > 2 else None), attack
        if data.n_features == 2 or self.plane in (None, "tilt", "data"):
            return None, None
        if self.plane == "pca":
            return boundary.pca_plane(X), None
        if self.plane == "lda":
            return boundary.lda_plane(X, y), None
        return boundary.plane_from_points(*data.X[self.points or self._three()]), None

    def _three(self: Any) -> list[int]:
        """The first sample of either class of the pair and the first of another class, or a second one."""
        data = self.source.dataset
        a, b = pair_rule(self).pair
        rows = data.validation
        first, second = (int(rows[data.y[rows] == k][0]) for k in (a, b))
        third = rows[~np.isin(data.y[rows], (a, b))]
        return [first, second, int((third if len(third) else rows[~np.isin(rows, (first, second))])[0])]

    def _certified(self: Any, rule: Any) -> tuple[float, str]:
        if not self.certified:
            return float("nan"), ""
        x = self.source.dataset.X[[marked_sample(self)]].astype(np.float64)
        if self.tilt is not None or self.regularisation is not None:
            return float(abs(x[0] @ rule.w + rule.b) / np.linalg.norm(rule.w)), "rule"
        try:
            found = boundary.certified_radius_network(self.source.model_at(self.step), x)
        except InputError:
            return float("nan"), ""
        return float(found.radius[0]), found.by

    def to_plotly(self: Any) -> Figure:
        """The samples in the plane on screen.

        In the tilt plane the pair's samples along and across the centroid direction, with the rule's line; in
        the others all samples over the classes that the model gives to the points, and the way of the attack.
        """
        import plotly.graph_objects as go

        r, data = self.result, self.source.dataset
        if r.plane is not None or r.attack is not None:
            return self._in_plane(r)
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

    def _in_plane(self: Any, r: BoundaryResult) -> Figure:
        import plotly.graph_objects as go

        data = self.source.dataset
        X, y = data.X[data.validation].astype(np.float64), data.y[data.validation]
        coords = X if r.plane is None else boundary.plane_project(r.plane, X)
        ends = [(float(v.min()), float(v.max())) for v in coords.T]
        grid = boundary.decision_grid(
            lambda points: self.source.predict(points, self.step),
            xlim=ends[0],
            ylim=ends[1],
            resolution=GRID,
            plane=r.plane,
        )
        figure = go.Figure()
        figure.add_heatmap(x=grid.x, y=grid.y, z=grid.labels, opacity=0.35, showscale=False, name="called")
        for k, name in enumerate(data.class_names):
            own = coords[y == k]
            figure.add_scatter(x=own[:, 0], y=own[:, 1], mode="markers", name=name)
        title = f"plane: {self.plane}"
        if r.attack is not None:
            way = r.attack.path if r.plane is None else r.attack.coords
            figure.add_scatter(x=way[:, 0], y=way[:, 1], mode="lines+markers", name="attack")
            start, end = (data.class_names[k] for k in r.attack.called)
            title = f"attack from {start} to {end}, distance {r.attack.distance:.3g}"
        return figure.update_layout(title=title)


class BoundaryView(BoundaryNumbers, BoundaryState, View):
    """Decision regions with confidence as saturation, and the tilt of the boundary between two classes.

    On two-dimensional data the plane itself; else the plane of the centroid direction and the boundary's
    normal, a PCA or discriminant plane, the plane through three samples, or that along an attack. In place of
    class and confidence the colour may be a margin or an OOD score, of the logits or by distance from the
    training samples in the last features (Mahalanobis, nearest neighbours; as `OODView` has them).
    """

    bundle = "boundary"
