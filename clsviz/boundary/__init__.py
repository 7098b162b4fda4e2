"""Where a classifier's boundary runs: planes, decision regions, tilting, margins."""

from clsviz.boundary.attacks import DeepFool, deepfool, fgsm, pgd
from clsviz.boundary.certificates import (
    Certificate,
    certified_radius_lipschitz,
    certified_radius_prototypes,
    certified_radius_rbf,
    certified_radius_smoothing,
    rbf_scores,
)
from clsviz.boundary.distances import boundary_distance_along, robust_accuracy_curve
from clsviz.boundary.margins import (
    MarginSummary,
    linear_margin,
    logit_margin,
    margin_summary,
    multiclass_linear_margin,
)
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
    "Certificate",
    "DeepFool",
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
    "boundary_distance_along",
    "certified_radius_lipschitz",
    "certified_radius_prototypes",
    "certified_radius_rbf",
    "certified_radius_smoothing",
    "decision_grid",
    "deepfool",
    "deviation_angle",
    "fgsm",
    "linear_margin",
    "logistic_l2",
    "logit_margin",
    "make_tilt_data",
    "margin_summary",
    "mirror_image",
    "multiclass_linear_margin",
    "nearest_centroid_classifier",
    "pca_plane",
    "pgd",
    "plane_from_points",
    "plane_lift",
    "plane_project",
    "projected_image",
    "rbf_scores",
    "region_agreement",
    "region_fractions",
    "region_fragments",
    "robust_accuracy_curve",
    "tilt_path",
    "tilt_theory",
    "tilted_classifier",
    "tilting_basis",
]
