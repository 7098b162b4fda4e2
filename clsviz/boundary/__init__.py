"""Where a classifier's boundary runs: planes, decision regions, tilting, margins."""

from clsviz.boundary.margins import MarginSummary, linear_margin, logit_margin, margin_summary
from clsviz.boundary.planes import Plane, pca_plane, plane_from_points, plane_lift, plane_project
from clsviz.boundary.regions import (
    Grid,
    decision_grid,
    region_agreement,
    region_fractions,
    region_fragments,
)
from clsviz.boundary.regularisation import TiltPoint, logistic_l2, tilt_path
from clsviz.boundary.tilt_toy import TiltTheory, adversarial_type, make_tilt_data, tilt_theory
from clsviz.boundary.tilting import (
    Linear,
    TiltBasis,
    adversarial_distance,
    adversarial_strength,
    deviation_angle,
    mirror_image,
    nearest_centroid_classifier,
    projected_image,
    tilted_classifier,
    tilting_basis,
)

__all__ = [
    "Grid",
    "Linear",
    "MarginSummary",
    "Plane",
    "TiltBasis",
    "TiltPoint",
    "TiltTheory",
    "adversarial_distance",
    "adversarial_strength",
    "adversarial_type",
    "decision_grid",
    "deviation_angle",
    "linear_margin",
    "logistic_l2",
    "logit_margin",
    "make_tilt_data",
    "margin_summary",
    "mirror_image",
    "nearest_centroid_classifier",
    "pca_plane",
    "plane_from_points",
    "plane_lift",
    "plane_project",
    "projected_image",
    "region_agreement",
    "region_fractions",
    "region_fragments",
    "tilt_path",
    "tilt_theory",
    "tilted_classifier",
    "tilting_basis",
]
