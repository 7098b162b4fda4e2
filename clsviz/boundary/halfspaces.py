"""Learning a halfspace with tests that say whether the answer can be trusted.

The paper's learner descends a non-convex loss and its tests look at labels too. Here is a reduction for
teaching: two tests that a Gaussian passes, and the mean of signed samples as the learner.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from clsviz.boundary.checks import (
    binary_samples,
    integer,
    not_negative,
    positive,
    real_array,
    unit,
    vector_of,
)
from clsviz.catalogue import Range, method

TESTER = "Gollakota, Klivans, Stavropoulos & Vasilyan 2023, arXiv:2302.14853"


class MomentTest(NamedTuple):
    """How far the moments of samples are from those of a standard Gaussian."""

    deviation: float
    passed: bool


class BandTest(NamedTuple):
    """How many samples lie in a band round the boundary, and how many of a Gaussian would."""

    fraction: float
    expected: float
    passed: bool


class TesterLearner(NamedTuple):
    """A halfspace through the origin, and whether the samples are such that it can be trusted."""

    accepted: bool
    w: np.ndarray  # (d,) unit
    error: float  # share of samples on the wrong side
    moment: MomentTest
    band: BandTest


@method(
    kind="probe",
    title="Moment test",
    paper=TESTER,
    formula=r"\max_{1\le|\alpha|\le k}\Big|\frac1N\sum_n x_n^\alpha-\prod_i(\alpha_i-1)!!\Big|",
    needs=("X",),
    degree=Range(1, 6, step=1),
    tolerance=Range(0.01, 2),
)
def moment_test(X: Any, *, degree: int = 4, tolerance: float = 0.2) -> MomentTest:
    """Largest difference of any moment up to a degree from a standard Gaussian's.

    Args:
        X: (N, d) samples; standardise them first, nothing is scaled here.
        degree: >= 1; there are (d + degree choose degree) - 1 moments.
        tolerance: passes up to it, >= 0.

    Raises:
        InputError: degree < 1 or tolerance < 0.
    """
    X, most, slack = real_array(X, "X", 2), integer(degree, "degree"), not_negative(tolerance, "tolerance")
    deviation = max(abs(mean - gaussian) for mean, gaussian in _moments(X, most))
    return MomentTest(float(deviation), bool(deviation <= slack))


def _moments(X: np.ndarray, most: int) -> Iterator[tuple[float, float]]:
    """Mean of each monomial of degree 1..most over the samples, and over a standard Gaussian."""
    for order in range(1, most + 1):
        for axes in combinations_with_replacement(range(X.shape[1]), order):
            powers = np.bincount(axes)
            odd = (powers % 2).any()
            gaussian = 0.0 if odd else float(np.prod([np.prod(np.arange(p - 1, 0, -2)) for p in powers]))
            yield X[:, axes].prod(1).mean(), gaussian


@method(
    kind="probe",
    title="Band test",
    paper=TESTER,
    formula=r"\Big|\frac1N\sum_n1[|\hat w\cdot x_n|\le\omega]-(2\Phi(\omega)-1)\Big|",
    needs=("X", "w"),
    width=Range(0.05, 2),
    tolerance=Range(0.01, 1),
)
def band_test(X: Any, w: Any, *, width: float = 0.5, tolerance: float = 0.1) -> BandTest:
    """Share of samples within a distance of the boundary w.x = 0, against a standard Gaussian's.

    Args:
        X: (N, d). w: (d,) normal, not zero.
        width: half the band, > 0.
        tolerance: relative to the expected share, >= 0.

    Raises:
        InputError: w is zero, width <= 0 or tolerance < 0.
    """
    X = real_array(X, "X", 2)
    direction, half = unit(vector_of(w, "w", X.shape[1]), "w"), positive(width, "width")
    fraction = float((np.abs(X @ direction) <= half).mean())
    expected = float(2 * norm.cdf(half) - 1)
    slack = not_negative(tolerance, "tolerance") * expected
    return BandTest(fraction, expected, abs(fraction - expected) <= slack)


@method(
    kind="probe",
    title="Direction of the Chow parameters",
    paper="Chow 1961, On the characterization of threshold functions",
    formula=r"\mathrm{unit}\Big(\frac1N\sum_n s_nx_n\Big)",
    needs=("X", "y"),
)
def chow_direction(X: Any, y: Any) -> np.ndarray:
    """(d,) unit mean of the samples, those of class 0 turned round; for a Gaussian the halfspace's normal.

    Args:
        X: (N, d). y: (N,) labels 0 and 1, both present.

    Raises:
        InputError: the mean is zero, or a class is absent.
    """
    X, y = binary_samples(X, y)
    return unit((2 * y - 1) @ X / len(X), "the mean of signed samples")


@method(
    kind="measure",
    title="Disagreement of two halfspaces",
    paper=TESTER,
    formula=r"\frac{1}{\pi}\arccos(\hat u\cdot\hat v)",
    needs=("u", "v"),
)
def halfspace_disagreement(u: Any, v: Any) -> float:
    """Chance that the signs of u.x and v.x differ for a standard Gaussian x, in [0, 1].

    Raises:
        InputError: u or v is zero.
    """
    u = unit(real_array(u, "u", 1), "u")
    v = unit(vector_of(v, "v", len(u)), "v")
    return float(np.arccos(np.clip(u @ v, -1, 1)) / np.pi)


@method(
    kind="probe",
    title="Tester-learner of halfspaces",
    paper=TESTER + "; a reduction for teaching",
    needs=("X", "y"),
    degree=Range(1, 6, step=1),
    moment_tolerance=Range(0.01, 2),
    width=Range(0.05, 2),
    band_tolerance=Range(0.01, 1),
)
def tester_learner_halfspace(
    X: Any,
    y: Any,
    *,
    degree: int = 4,
    moment_tolerance: float = 0.2,
    width: float = 0.5,
    band_tolerance: float = 0.1,
) -> TesterLearner:
    """Learns a halfspace and accepts it only where both tests pass; a rejected one carries no promise.

    Args:
        X: (N, d) standardised samples. y: (N,) labels 0 and 1, both present.
        degree, moment_tolerance: of `moment_test`. width, band_tolerance: of `band_test`.

    Raises:
        InputError: as in `chow_direction` and the tests.
    """
    X, y = binary_samples(X, y)
    w = chow_direction(X, y)
    moment = moment_test(X, degree=degree, tolerance=moment_tolerance)
    band = band_test(X, w, width=width, tolerance=band_tolerance)
    error = float(((X @ w > 0) != (y == 1)).mean())
    return TesterLearner(moment.passed and band.passed, w, error, moment, band)
