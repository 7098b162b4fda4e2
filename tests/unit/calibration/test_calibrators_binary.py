"""Calibrators of two classes: Platt, isotonic, histogram binning, beta, spline, BBQ; one against the rest."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special
from scipy.interpolate import CubicSpline
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError

S1, Y1 = [0.1, 0.4, 0.35, 0.8, 0.6, 0.9], [0, 1, 0, 1, 0, 1]
NEW = [0.2, 0.5, 0.95]
FITS = {
    "platt": cal.fit_platt,
    "isotonic": cal.fit_isotonic,
    "histogram_binning": cal.fit_histogram_binning,
    "beta": cal.fit_beta,
    "spline": cal.fit_spline,
    "bbq": cal.fit_bbq,
}


def sample(n=150, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    s = rng.random(n)
    s = s.round(1) if ties else s
    return s, (rng.random(n) < 0.1 + 0.8 * s**2).astype(int)


def test_numbers_of_the_contract():
    platt = cal.fit_platt(S1, Y1)
    assert (platt.slope, platt.intercept) == (
        pytest.approx(3.092172, abs=1e-6),
        pytest.approx(-1.626427, abs=1e-6),
    )
    np.testing.assert_allclose(cal.apply_isotonic(cal.fit_isotonic(S1, Y1), NEW), [0, 0.5, 1], atol=1e-12)
    histogram = cal.fit_histogram_binning(S1, Y1, n_bins=4)
    assert histogram.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert histogram.values.tolist() == [0, 0.5, 0, 1]
    beta = cal.fit_beta(S1, Y1)
    np.testing.assert_allclose([beta.a, beta.b, beta.c], [0.619946, 2.231444, -1.482131], atol=1e-5)
    np.testing.assert_allclose(cal.apply_beta(beta, NEW), [0.121109671, 0.409719310, 0.994352500], atol=1e-7)
    spline = [0.119235317, 0.262022073, 0.5, 0.737977927, 0.880764683, 0.928360268]
    np.testing.assert_allclose(cal.fit_spline(S1, Y1, n_knots=3).y, spline, atol=1e-9)
    bbq = cal.apply_bbq(cal.fit_bbq(S1, Y1, c=2), NEW)
    np.testing.assert_allclose(bbq, [0.064181393, 0.328821489, 0.944727407], atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(10, 80))
def test_platt_agrees_with_scikit_learn(seed, n):
    s, y = sample(n, seed)
    y[:2] = 0, 1
    a, b = _sigmoid_calibration(s, y)
    fit = cal.fit_platt(s, y)
    np.testing.assert_allclose(
        fit.apply(s), special.expit(-(a * s + b)), atol=1e-4
    )  # its gradient ends early

    def loss(slope, intercept):
        n1 = y.sum()
        t = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n - n1 + 2))
        u = slope * s + intercept
        return (np.logaddexp(0, u) - t * u).sum()

    assert loss(fit.slope, fit.intercept) <= loss(-a, -b) + 1e-12


def test_unsmoothed_platt_is_logistic_regression():
    s, y = sample()
    oracle = LogisticRegression(C=1e12, tol=1e-12, solver="newton-cholesky").fit(s[:, None], y)
    fit = cal.fit_platt(s, y, smooth_targets=False)
    assert fit.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-5)
    assert fit.intercept == pytest.approx(oracle.intercept_[0], abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), ties=st.booleans(), n=st.integers(1, 60))
def test_isotonic_agrees_with_scikit_learn(seed, ties, n):
    s, y = sample(n, seed, ties)
    new = np.linspace(-0.2, 1.2, 57)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(s, y)
    fit = cal.fit_isotonic(s, y)
    np.testing.assert_allclose(fit.apply(new), oracle.predict(new), atol=1e-12)
    assert (np.diff(fit.x) > 0).all() and (np.diff(fit.y) >= 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_beta_is_the_best_fit_with_slopes_that_are_not_negative(seed):
    s, y = sample(seed=seed)
    if seed % 3 == 0:
        y = 1 - y  # falling: both slopes are held at 0
    elif seed % 3 == 1:
        y = (np.random.default_rng(seed).random(len(s)) < np.abs(2 * s - 1)).astype(int)  # one of them is
    fit = cal.fit_beta(s, y)

    def nll(theta):
        u = theta[0] * np.log(s) - theta[1] * np.log1p(-s) + theta[2]
        return (np.logaddexp(0, u) - y * u).mean()

    found = optimize.minimize(nll, [1, 1, 0], bounds=[(0, None), (0, None), (None, None)], tol=1e-12)
    assert fit.a >= 0 and fit.b >= 0
    assert fit.nll == pytest.approx(nll([fit.a, fit.b, fit.c]), abs=1e-12)
    assert fit.nll <= found.fun + 1e-9


def test_beta_agrees_with_logistic_regression_inside_its_bounds():
    s, y = sample(400)
    x = np.column_stack([np.log(s), -np.log1p(-s)])
    oracle = LogisticRegression(C=1e12, tol=1e-12, solver="newton-cholesky").fit(x, y)
    fit = cal.fit_beta(s, y)
    assert (oracle.coef_ > 0).all()
    np.testing.assert_allclose([fit.a, fit.b, fit.c], [*oracle.coef_[0], *oracle.intercept_], atol=1e-4)


def test_beta_with_slopes_one_changes_nothing():
    p = np.linspace(0.001, 0.999, 9)
    np.testing.assert_allclose(cal.apply_beta(cal.Beta(1.0, 1.0, 0.0, 0.0), p), p, atol=1e-12)


@pytest.mark.parametrize("scheme", ["equal_width", "equal_mass"])
def test_histogram_gives_each_bin_its_share(scheme):
    s, y = sample(200)
    fit = cal.fit_histogram_binning(s, y, n_bins=7, scheme=scheme)
    edges, index, b = cal.bin_indices(s, 7, scheme)
    np.testing.assert_array_equal(fit.edges, edges)
    np.testing.assert_allclose(fit.values, [y[index == j].mean() for j in range(b)])
    np.testing.assert_array_equal(cal.apply_histogram_binning(fit, s), fit.values[index])
    assert cal.ece(fit.apply(s), y, mode="per_class", target_class=1, n_bins=500) == pytest.approx(
        0, abs=1e-12
    )


def test_an_empty_bin_keeps_its_middle_and_edges_fall_to_the_right():
    fit = cal.fit_histogram_binning([0.1, 0.9], [1, 1], n_bins=4)
    assert fit.values.tolist() == [1, 0.375, 0.625, 1]
    assert fit.apply([0, 0.25, 0.5, 0.75, 1]).tolist() == [1, 0.375, 0.625, 1, 1]


def test_equal_mass_bins_of_tied_scores_are_joined():
    fit = cal.fit_histogram_binning([0.4] * 6, [0, 1, 1, 0, 1, 1], n_bins=5, scheme="equal_mass")
    assert fit.edges.tolist() == [0, 0.4, 1]
    assert fit.values.tolist() == [0.2, pytest.approx(2 / 3)]


def test_spline_of_many_knots_is_the_derivative_of_the_interpolated_sum():
    s, y = sample(20)
    order = np.argsort(s)
    t = np.arange(21) / 20
    whole = CubicSpline(t, np.concatenate([[0], np.cumsum(y[order])]) / 20, bc_type="natural")
    fit = cal.fit_spline(s, y, n_knots=21)
    np.testing.assert_allclose(fit.y, whole(t[1:], 1).clip(0, 1), atol=1e-9)
    np.testing.assert_array_equal(fit.x, s[order])
    np.testing.assert_allclose(fit.apply(s[order]), fit.y)
    more = cal.fit_spline(s, y, n_knots=99)  # no more than there are points
    np.testing.assert_array_equal(more.y, fit.y)


def test_spline_with_two_knots_is_one_straight_slope():
    s, y = sample(30)
    assert np.ptp(cal.fit_spline(s, y, n_knots=2).y) < 1e-12


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 70), ties=st.booleans(), c=st.floats(1, 12))
def test_bbq_is_the_weighted_mean_of_its_histograms(seed, n, ties, c):
    s, y = sample(n, seed, ties)
    fit = cal.fit_bbq(s, y, n0=3.0, c=c)
    evidence, outputs = [], []
    root = np.cbrt(n)
    for size in range(max(1, int(root / c)), min(n, int(np.ceil(c * root))) + 1):
        edges, index, b = cal.bin_indices(s, size, "equal_mass")
        score, value = 0.0, np.empty(b)
        for j in range(b):
            n_b, m_b, mid = (index == j).sum(), y[index == j].sum(), (edges[j] + edges[j + 1]) / 2
            prior, alpha, beta = 3 / b, 3 / b * mid, 3 / b * (1 - mid)
            score += special.betaln(m_b + alpha, n_b - m_b + beta) - special.betaln(alpha, beta)
            value[j] = (m_b + alpha) / (n_b + prior)
        evidence.append(score)
        outputs.append(value[index])
    weights = special.softmax(evidence)
    np.testing.assert_allclose(fit.weights, weights, atol=1e-9)
    np.testing.assert_allclose(cal.apply_bbq(fit, s), weights @ np.array(outputs), atol=1e-9)


@pytest.mark.parametrize("name", FITS)
def test_calibrated_scores_are_probabilities_and_samples_may_come_in_any_order(name):
    s, y = sample()
    order = np.random.default_rng(1).permutation(len(s))
    p = FITS[name](s, y).apply(s)
    assert p.shape == s.shape and p.min() >= 0 and p.max() <= 1
    np.testing.assert_allclose(FITS[name](s[order], y[order]).apply(s), p, atol=1e-6)


@pytest.mark.parametrize("name", FITS)
def test_calibration_on_average_is_kept(name):
    """Mean probability is the share of class 1: of logistic fits by their equations, of others nearly."""
    s, y = sample(2000)
    assert FITS[name](s, y).apply(s).mean() == pytest.approx(y.mean(), abs=0.01)


@pytest.mark.parametrize("name", FITS)
def test_constant_scores_get_the_share_of_class_1(name):
    y = np.array([0, 0, 1] * 20)
    p = FITS[name](np.full(60, 0.4), y).apply([0.4])[0]
    assert p == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("name", [n for n in FITS if n != "platt"])
def test_one_sample_and_one_class_are_taken(name):
    assert 0.4 <= FITS[name]([0.7], [1]).apply([0.7])[0] <= 1
    p = FITS[name]([0.2, 0.5, 0.9], [0, 0, 0]).apply([0.5])[0]
    assert 0 <= p <= 0.5


@pytest.mark.parametrize("name", ["platt", "isotonic", "spline"])
def test_huge_scores_are_taken(name):
    s, y = sample()
    p = FITS[name](s, y).apply(s)
    np.testing.assert_allclose(FITS[name](2e4 * s - 1e4, y).apply(2e4 * s - 1e4), p, atol=1e-6)


@pytest.mark.parametrize("smooth", [True, False])
def test_separable_scores_are_told_apart(smooth):
    fit = cal.fit_platt([1, 2, 3, 4], [0, 0, 1, 1], smooth_targets=smooth)
    p = fit.apply([1, 2, 3, 4])
    assert p[1] < 0.5 < p[2] and np.isfinite([fit.slope, fit.intercept]).all()
    beta = cal.fit_beta([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert beta.nll < 1e-9
    edge = cal.fit_beta([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert edge.nll < 1e-9 and np.isfinite(edge.apply([0, 0.5, 1])).all()


@pytest.mark.parametrize("name", FITS)
def test_lists_tensors_and_float32_are_taken(name):
    s, y = sample(40)
    single = s.astype(np.float32)
    p = FITS[name](single.astype(float), y).apply(single.astype(float))
    for same in (single, single.tolist(), torch.tensor(single, requires_grad=True)):
        np.testing.assert_array_equal(FITS[name](same, torch.tensor(y)).apply(same), p)
    assert p.dtype == np.float64


@pytest.mark.parametrize("name", FITS)
def test_bad_scores_and_labels_are_named(name):
    what = "probs" if name == "beta" else "scores"
    with pytest.raises(InputError, match=f"{what} is empty"):
        FITS[name]([], [])
    with pytest.raises(InputError, match=f"{what} holds NaN"):
        FITS[name]([0.1, np.nan], [0, 1])
    with pytest.raises(ShapeError, match=f"{what} must be"):
        FITS[name]([[0.1, 0.9]], [0])
    with pytest.raises(InputError, match=r"labels must be in 0\.\.1"):
        FITS[name](S1, [0, 1, 2, 1, 0, 1])
    with pytest.raises(ShapeError, match="labels must be"):
        FITS[name](S1, [0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.fit_platt([1, 2], [1, 1]), "labels are all 1"),
        (lambda: cal.fit_beta([0.5, 1.5], [0, 1]), "probs must lie in"),
        (lambda: cal.fit_bbq([-1, 0.5], [0, 1]), "scores must lie in"),
        (lambda: cal.fit_histogram_binning([2, 0.5], [0, 1]), "scores must lie in"),
        (lambda: cal.fit_histogram_binning(S1, Y1).apply([2]), "scores must lie in"),
        (lambda: cal.fit_histogram_binning(S1, Y1, scheme="adaptive"), "scheme must be one of"),
        (lambda: cal.fit_histogram_binning(S1, Y1, n_bins=0), "n_bins must be an integer >= 1"),
        (lambda: cal.fit_spline(S1, Y1, n_knots=1), "n_knots must be an integer >= 2"),
        (lambda: cal.fit_bbq(S1, Y1, n0=0), "n0 must be > 0"),
        (lambda: cal.fit_bbq(S1, Y1, c=0.5), "c must be >= 1"),
    ],
)
def test_bad_options_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_each_class_is_calibrated_against_the_rest():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 200)
    y = np.array([rng.choice(3, p=row) for row in p])
    fit = cal.calibrate_one_vs_rest(p, y, cal.fit_histogram_binning, n_bins=5)
    columns = [cal.fit_histogram_binning(p[:, k], y == k, n_bins=5).apply(p[:, k]) for k in range(3)]
    total = np.sum(columns, axis=0)
    np.testing.assert_allclose(fit.apply(p), (columns / total).T)
    np.testing.assert_allclose(fit.apply(p).sum(1), 1)


def test_two_classes_need_one_calibrator():
    s, y = sample()
    fit = cal.calibrate_one_vs_rest(s, y, cal.fit_isotonic)
    p = cal.fit_isotonic(s, y).apply(s)
    assert len(fit.fits) == 1
    np.testing.assert_array_equal(fit.apply(s), np.stack([1 - p, p], 1))


def test_a_row_of_zeros_becomes_uniform():
    scores = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    fit = cal.calibrate_one_vs_rest(scores, [0, 1, 2, 0, 1, 2], cal.fit_isotonic)
    np.testing.assert_allclose(fit.apply([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), [[1 / 3] * 3, [1, 0, 0]])


def test_a_class_without_samples_gets_a_small_constant():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 48)
    fit = cal.calibrate_one_vs_rest(p, np.arange(48) % 2, cal.fit_platt)
    assert fit.fits[2].apply(p[:, 2]).tolist() == [1 / 50] * 48
    with pytest.raises(ShapeError, match="scores must have 3 columns"):
        fit.apply([[0.5, 0.5]])
