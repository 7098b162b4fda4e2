"""The loss as a landscape over the weights: directions, surfaces, lines between models, live tables."""

from clsviz.landscape.directions import (
    TrajectoryPlane,
    direction_cosine,
    filter_normalize,
    random_directions,
    trajectory_plane,
)
from clsviz.landscape.parameters import theta_of
from clsviz.landscape.surface import Interpolation, LossSurface, interpolate, loss_surface
from clsviz.landscape.tables import (
    TEMPERATURES,
    QuantisedTable,
    accuracy_map,
    dequantise,
    landscape_logits,
    loss_at,
    loss_table,
    quantise_table,
)

__all__ = [
    "TEMPERATURES",
    "Interpolation",
    "LossSurface",
    "QuantisedTable",
    "TrajectoryPlane",
    "accuracy_map",
    "dequantise",
    "direction_cosine",
    "filter_normalize",
    "interpolate",
    "landscape_logits",
    "loss_at",
    "loss_surface",
    "loss_table",
    "quantise_table",
    "random_directions",
    "theta_of",
    "trajectory_plane",
]
