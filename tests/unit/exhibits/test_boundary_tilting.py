"""What the tilting exhibit measures is what its theory says, as far as that can be known."""

import numpy as np
import pytest

import clsviz as cv
from clsviz.exhibits.tilting import ANGLES, LAMBDAS, USEFUL, _path


def test_stored_points_lie_on_the_curves_of_the_theory():
    stored = cv.exhibit("boundary_tilting").stored
    np.testing.assert_allclose(stored["strength"].mean(0), 1 / np.cos(np.deg2rad(ANGLES)), rtol=0.02)
    theory = cv.boundary.tilt_theory(np.deg2rad(ANGLES), separation=2, sigma_signal=0.5, **USEFUL)
    np.testing.assert_allclose(stored["error_useful"].mean(0), theory.error, atol=5e-3)
    assert (np.diff(stored["toy_angles"], axis=1) < 0).all(), "more L2, less tilt"


def test_of_levels_with_one_error_the_most_regularised_is_chosen():
    X, y = np.array([[-1.0, 0.1], [-1.0, -0.1], [1.0, 0.1], [1.0, -0.1]]), np.array([0, 0, 1, 1])
    found = _path("toy", X, y, X, y, lambda w, b: 0.25)
    assert found["toy_chosen"] == pytest.approx(np.log10(LAMBDAS[-1]))
    assert found["toy_errors"] == [0.25] * len(LAMBDAS)
    assert max(found["toy_angles"]) < 1e-3, "the centroids already lie along the best direction"
