"""The loss landscape: a plane of weight space under any temperature and scoring loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from clsviz.catalogue import Spec
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.landscape_job import LandscapeResult
from clsviz.widgets.messages import LEAST_LANDSCAPE, MOST_LANDSCAPE
from clsviz.widgets.sources import estimator_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.training import Source


class LandscapeState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    plane = traitlets.Enum(
        ["path", "random"], "path", help="of the training path, or two random directions"
    ).tag(sync=True)
    kind = traitlets.Enum(["map", "3d"], "map", help="flat, or a surface to turn").tag(sync=True)
    resolution = traitlets.Int(
        None,
        allow_none=True,
        min=LEAST_LANDSCAPE,
        max=MOST_LANDSCAPE,
        help="points per axis, 11..101; None: 41 where the browser runs the network, 21 else. At 101 and 10 "
        "classes the kernel keeps 210 MB of logits and computes six times as long as at 41",
    ).tag(sync=True)


class LandscapeNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> LandscapeResult:
        """The surface at the present temperature and score; waits for it to be computed.

        Raises:
            InputError: nothing is trained yet, or the model has no weights to walk in.
        """
        found: LandscapeResult = self.session.landscape_result(
            self.plane, self.score, self.temperature, self.resolution
        )
        return found

    def to_plotly(self) -> Figure:
        """The surface as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        figure = go.Figure(
            go.Surface(x=r.xs, y=r.ys, z=r.loss, colorscale="Cividis", colorbar={"title": "loss"})
        )
        return figure.update_layout(
            title=f"{r.score} at T = {r.temperature:.2f}, {r.samples} samples",
            scene={
                "xaxis_title": "direction 1",
                "yaxis_title": "direction 2",
                "zaxis": {"title": "loss", "type": "log"},
            },
        )


class LossLandscape(LandscapeNumbers, LandscapeState, View):
    """The loss round a network's weights, as a map or a surface to walk in.

    Args:
        model: a ``torch.nn.Module`` that maps (N, D) to logits, or a run.
        X: (N, D) samples. y: (N,) labels. Both are left out for a run.
        loss: name of a loss of the catalogue.
        loss_params: its parameters.
        options: state to begin with, e.g. ``kind="3d"``.
    """

    bundle = "landscape"

    def __init__(
        self,
        model: Any,
        X: Any = None,
        y: Any = None,
        *,
        loss: str = "cross_entropy",
        loss_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        source: Source = model
        if X is not None:
            source = estimator_source(model, X, y, loss=Spec(loss, loss_params or {}))
            source.model_at(None)
        elif not hasattr(model, "timeline"):
            raise InputError("LossLandscape needs a model with X and y, or a run; X and y are missing")
        super().__init__(source, **options)
        self.session.want_landscape(self.plane, self.resolution)
