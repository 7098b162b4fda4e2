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
from clsviz.landscape.surprisal import SurprisalHistogram, surprisal_histogram
from clsviz.landscape.tables import (
    TEMPERATURES,
    QuantisedTable,
    accuracy_map,
    dequantise,
    is_rowwise,
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
    "SurprisalHistogram",
    "TrajectoryPlane",
    "accuracy_map",
    "dequantise",
    "direction_cosine",
    "filter_normalize",
    "interpolate",
    "is_rowwise",
    "landscape_logits",
    "loss_at",
    "loss_surface",
    "loss_table",
    "quantise_table",
    "random_directions",
    "surprisal_histogram",
    "theta_of",
    "trajectory_plane",
]
