"""The prototype gallery: what each class looks like to the network, and what each prototype decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import traitlets

from clsviz import prototypes
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.sources import decoded_prototypes
from clsviz.widgets.wire import reference_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


NEAREST = 5


class PrototypesState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    kind = traitlets.Enum(
        ["mean", "two_means", "medoid", "decoded"],
        None,
        allow_none=True,
        help="kind of prototype; None: decoded where the network has prototypes, else two_means",
    ).tag(sync=True)
    chosen = traitlets.Int(None, allow_none=True, help="index of the prototype looked at").tag(
        sync=True, of_run=True
    )


class PrototypesNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> prototypes.PrototypeGallery:
        """The prototypes with their nearest training samples.

        Raises:
            InputError: the source has no inputs, or decoded prototypes were asked for and it has none.
        """
        data = self.source.dataset
        if data.n_features == 0:
            raise InputError(
                "these views were made from predictions alone: there is nothing to show prototypes of"
            )
        reference = reference_rows(data)
        X = torch.from_numpy(data.X[reference].astype(np.float64))
        y = torch.from_numpy(data.y[reference])
        k = min(NEAREST, len(X))
        decoded = decoded_prototypes(self.source)
        kind = self.kind or ("two_means" if decoded is None else "decoded")
        if kind == "decoded":
            if decoded is None:
                raise InputError(
                    'only model="prototype_autoencoder" has decoded prototypes; choose another kind'
                )
            _, images, weights = decoded
            return prototypes.build_gallery(
                torch.from_numpy(images).double(),
                X,
                y,
                k=k,
                class_weights=torch.from_numpy(weights),
                kind="decoded",
            )
        if kind == "medoid":
            chosen = prototypes.class_medoids(X, y, data.n_classes)
            chosen = chosen[chosen >= 0]
            return prototypes.build_gallery(X[chosen], X, y, k=k, kind="medoid", prototype_class=y[chosen])
        if kind == "two_means":
            halves = prototypes.two_means(X, y)
            return prototypes.build_gallery(
                halves.means, X, y, k=k, kind="mean", prototype_class=halves.classes
            )
        means = prototypes.nearest_mean(X, y, X[:1], num_classes=data.n_classes).means
        present = ~means.isnan().any(1)
        classes = torch.arange(data.n_classes)[present]
        return prototypes.build_gallery(means[present], X, y, k=k, kind="mean", prototype_class=classes)

    def to_plotly(self: Any) -> Figure:
        """The prototypes as small pictures (images) or a heat map of features."""
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots

        items, data = self.result.items, self.source.dataset
        names = [data.class_names[i.class_index] for i in items]
        if data.image_shape is None:
            z = np.stack([i.latent.numpy() for i in items])
            figure = go.Figure(
                go.Heatmap(z=z, x=list(data.feature_names), y=names, colorscale="RdBu", zmid=0)
            )
            return figure.update_layout(title="prototypes", yaxis={"type": "category"})
        columns = min(10, len(items))
        figure = make_subplots(rows=-(-len(items) // columns), cols=columns, subplot_titles=names)
        for m, item in enumerate(items):
            image = item.latent.numpy().reshape(data.image_shape)[::-1]
            figure.add_heatmap(
                z=image, colorscale="Greys", showscale=False, row=m // columns + 1, col=m % columns + 1
            )
        return figure.update_xaxes(visible=False).update_yaxes(visible=False)


class PrototypeGallery(PrototypesNumbers, PrototypesState, View):
    """Prototypes of each class; a click shows what a prototype decides and what is nearest to it."""

    bundle = "prototypes"
