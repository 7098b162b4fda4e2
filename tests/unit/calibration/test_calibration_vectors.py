"""Measures on small inputs whose values were worked out independently."""

import numpy as np
import pytest

from clsviz import calibration as cal

P = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]]
Y = [0, 0, 1, 1, 0]
Z1 = [[2, 0, 0], [0, 1, 0], [0, 0, 3], [1, 0, 0], [0, 2, 0]]
L1 = [0, 1, 2, 1, 0]

SCALARS = [
    ("ece", {"n_bins": 5}, 0.21),
    ("ece", {"n_bins": 2, "scheme": "equal_mass"}, 0.15),
    ("ece", {"n_bins": 5, "mode": "per_class", "target_class": 1}, 0.15),
    ("ece", {"n_bins": 5, "mode": "classwise"}, 0.18),
    ("ece", {"n_bins": 5, "closed": "right"}, 0.15),
    ("rmsce", {"n_bins": 5}, 0.241867732449),
    ("mce", {"n_bins": 5}, 0.45),
    ("average_calibration_error", {"n_bins": 5}, 0.25),
    ("ace", {"n_bins": 2}, 0.11875),
    ("tace", {"n_bins": 2, "threshold": 0.35}, 0.15),
    ("classwise_ece", {"n_bins": 5}, 0.24),
    ("debiased_ece", {"n_bins": 2}, 0.0),
    ("debiased_ece", {"n_bins": 2, "norm": "l1"}, -0.012486551410),
    ("ks_error", {}, 0.09),
    ("kde_ece", {}, 0.196107985455),
    ("mmce", {}, 0.094607558914),
    ("smooth_ece", {"sigma": 0.1}, 0.09),
    ("nll", {}, 0.439861348711),
    ("brier", {}, 0.281),
    ("rps", {}, 0.1405),
    ("confidence_auroc", {}, 0.75),
]


@pytest.mark.parametrize(("name", "options", "expected"), SCALARS)
def test_shared_example_gives_the_written_number(name, options, expected):
    value = getattr(cal, name)(P, Y, **options)
    assert isinstance(value, float)
    assert value == pytest.approx(expected, abs=1e-5 if name == "smooth_ece" else 1e-9)


def test_smooth_ece_at_its_own_width():
    assert cal.smooth_ece(P, Y) == pytest.approx(0.0920207642, abs=1e-5)


def test_reliability_diagram_of_the_shared_example():
    d = cal.reliability_diagram(P, Y, n_bins=5)
    assert d.counts.tolist() == [0, 0, 1, 2, 2]
    np.testing.assert_allclose(d.gap, [np.nan, np.nan, 0.45, -0.15, 0.15], atol=1e-9)
    np.testing.assert_array_equal(d.edges, [0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])
    np.testing.assert_allclose(d.ci_low[2:], [0.206549314, 0.094531206, 0.342380228], atol=1e-9)
    exact = cal.reliability_diagram(P, Y, n_bins=5, ci="clopper_pearson")
    np.testing.assert_allclose(exact.ci_low[2:], [0.025, 0.012579117, 0.158113883], atol=1e-9)
    assert np.isnan(exact.ci_low[:2]).all()
    assert np.isnan(cal.reliability_diagram(P, Y, n_bins=5, ci=None).ci_high).all()


def test_sweep_ece_of_the_shared_example():
    assert cal.sweep_ece(P, Y) == cal.SweepECE(pytest.approx(0.15), 4)


def test_brier_decomposition_of_the_shared_example():
    d = cal.brier_decomposition(P, Y, n_bins=5)
    found = [d.brier, d.reliability, d.resolution, d.uncertainty, d.within_variance, d.within_covariance]
    np.testing.assert_allclose(found, [0.1405, 0.0585, 0.06, 0.16, 0.002, 0.02], atol=1e-12)


def test_entropy_of_the_shared_example():
    np.testing.assert_allclose(cal.entropy(P)[:2], [0.325082973, 0.500402424], atol=1e-9)
    np.testing.assert_allclose(cal.entropy(P, True), cal.entropy(P) / np.log(2))


def test_fitted_temperature_of_z1():
    fit = cal.fit_temperature(Z1, L1)
    assert fit.temperature == pytest.approx(1.480658445, abs=1e-8)
    assert fit.nll_before == pytest.approx(0.935380383, abs=1e-9)
    assert fit.nll_after == pytest.approx(0.899843103, abs=1e-9)
    assert not fit.at_bound


def test_temperature_of_least_ece_of_z1():
    fit = cal.fit_temperature(Z1, L1, objective="ece", n_bins=5)
    assert fit.temperature == pytest.approx(1.664083442, abs=1e-9)
    assert fit.ece_before == pytest.approx(0.163352571, abs=1e-9)
    assert fit.ece_after == pytest.approx(0.009429844, abs=1e-9)


def test_values_on_edges_fall_as_the_browser_puts_them():
    _, index, b = cal.bin_indices([0, 0.2, 0.4, 0.6, 0.8, 1], 5)
    assert (index.tolist(), b) == ([0, 1, 2, 3, 4, 4], 5)
    _, index, _ = cal.bin_indices([0, 0.2, 0.4, 0.6, 0.8, 1], 5, closed="right")
    assert index.tolist() == [0, 0, 1, 2, 3, 4]


def test_ensemble_crps_by_hand():
    x, o = [[0, 1, 3]], [2]
    assert cal.crps_ensemble(x, o) == pytest.approx(2 / 3)
    assert cal.crps_ensemble(x, o, "fair") == pytest.approx(1 / 3)
    assert cal.crps_ensemble(x, o, "almost_fair") == pytest.approx(0.35)


def test_risk_coverage_of_the_shared_example():
    curve = cal.risk_coverage(P, Y)
    np.testing.assert_allclose(curve.risk, [0, 0, 0, 0.25, 0.2], atol=1e-12)
    assert (curve.aurc, curve.eaurc) == (pytest.approx(0.09), pytest.approx(0.05))
    np.testing.assert_allclose(cal.accuracy_rejection(P, Y, (0.4, 1)), [1, 0.8])


def test_ood_metrics_by_hand():
    m = cal.ood_metrics([3, 2, 1, 0.5], [1, 0, -1])
    assert (m.auroc, m.fpr, m.threshold) == (0.875, pytest.approx(1 / 3), 0.5)
    assert m.aupr_in == pytest.approx(0.8875)
    assert m.aupr_out == pytest.approx(0.866667, abs=1e-6)
    assert m.detection_error == pytest.approx(1 / 6)


def test_ood_scores_by_hand():
    z = [[1, 2, 3]]
    assert cal.msp_score(z)[0] == pytest.approx(0.665240956, abs=1e-9)
    assert cal.max_logit_score(z)[0] == 3
    assert cal.energy_score(z)[0] == pytest.approx(3.407605964, abs=1e-9)
    train, y = [[0, 0], [2, 0], [0, 2], [4, 4], [6, 4], [4, 6]], [0, 0, 0, 1, 1, 1]
    found = cal.mahalanobis_score(train, y, [[1, 1], [5, 5], [10, 0]])
    np.testing.assert_allclose(found, [-0.5, -0.5, -38], atol=1e-9)
    found = cal.mahalanobis_score(train, y, [[1, 1], [10, 0]], relative=True)
    np.testing.assert_allclose(found, [0.157894737, 0.789473684], atol=1e-9)
    found = cal.knn_ood_score([[1, 0], [0, 1], [1, 1]], [[2, 0]], k=2)
    assert found[0] == pytest.approx(-0.765366865, abs=1e-9)


def test_row_two_of_the_shift_report():
    half = np.array(Z1) / 2
    t = cal.fit_temperature(Z1, L1).temperature
    assert cal.ece(half, L1, kind="logits", n_bins=5) == pytest.approx(0.072904168, abs=1e-9)
    assert cal.ece(half / t, L1, kind="logits", n_bins=5) == pytest.approx(0.121092766, abs=1e-8)
    assert cal.nll(half / t, L1, kind="logits") == pytest.approx(0.947262688, abs=1e-8)


def test_benchmark_values_of_z1():
    assert cal.classwise_ece(Z1, L1, kind="logits", n_bins=10, scheme="equal_mass") == pytest.approx(
        0.321200738, abs=1e-9
    )
    scaled = cal.apply_temperature(Z1, cal.fit_temperature(Z1, L1).temperature)
    assert cal.mce(scaled, L1, n_bins=5) == pytest.approx(0.036258813, abs=1e-8)
    assert cal.mmce(scaled, L1) == pytest.approx(0.043502726, abs=1e-8)
