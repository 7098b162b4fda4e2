"""What every measure promises: identities, oracles, errors."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics

from clsviz import calibration as cal
from clsviz.errors import InputError, ShapeError

MEASURES = [
    "ece",
    "rmsce",
    "mce",
    "average_calibration_error",
    "ace",
    "tace",
    "classwise_ece",
    "debiased_ece",
    "ks_error",
    "kde_ece",
    "mmce",
    "smooth_ece",
    "nll",
    "brier",
    "rps",
]
RANKED = {"ace", "tace", "debiased_ece"}  # ties are split by input order


def sample(n=60, k=3, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    return logits, np.where(rng.random(n) < 0.6, logits.argmax(1), rng.integers(0, k, n))


@pytest.mark.parametrize("name", MEASURES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 30), k=st.integers(2, 5))
def test_order_of_samples_and_names_of_classes_do_not_matter(name, seed, n, k):
    logits, y = sample(n, k, seed)
    rng = np.random.default_rng(seed + 1)
    order, classes = rng.permutation(n), rng.permutation(k)
    f = getattr(cal, name)
    value = f(logits, y, kind="logits")
    assert f(logits[order], y[order], kind="logits") == pytest.approx(value, abs=1e-9)
    if name != "rps":  # its classes are ordered
        renamed = f(logits[:, classes], np.argsort(classes)[y], kind="logits")
        assert renamed == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("scheme", ["equal_width", "equal_mass"])
@settings(max_examples=25, deadline=None)
@given(
    v=st.lists(st.sampled_from([0, 0.1, 0.2, 0.3, 1 / 3, 0.5, 0.6, 0.7, 0.9, 1]), min_size=1, max_size=20),
    n_bins=st.integers(1, 12),
    closed=st.sampled_from(["left", "right"]),
    data=st.data(),
)
def test_tied_confidences_fall_in_one_bin_whatever_their_order(scheme, v, n_bins, closed, data):
    order = data.draw(st.permutations(range(len(v))))
    edges, index, b = cal.bin_indices(v, n_bins, scheme, closed)
    edges2, index2, _ = cal.bin_indices(np.array(v)[order], n_bins, scheme, closed)
    np.testing.assert_array_equal(edges, edges2)
    np.testing.assert_array_equal(index[order], index2)
    assert len(edges) == b + 1
    assert (edges[0], edges[-1]) == (0, 1)
    low, high = edges[index], edges[index + 1]
    inside = (low <= v) & (v <= high)
    assert inside.all()


@given(n=st.integers(1, 40), b=st.integers(1, 40))
def test_rank_bins_differ_by_at_most_one_sample(n, b):
    v = np.random.default_rng(n).random(n)
    edges, index, effective = cal.bin_indices(v, b, "equal_mass_rank")
    counts = np.bincount(index, minlength=b)
    assert edges is None and effective == b
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(np.sort(index), index[np.argsort(v)])


@pytest.mark.parametrize("name", MEASURES)
def test_sure_and_correct_forecasts_have_no_error(name):
    y = np.array([0, 2, 1, 1, 0])
    value = getattr(cal, name)(np.eye(3)[y], y)
    assert value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "name", ["ece", "brier", "nll", "ks_error", "mmce", "smooth_ece", "classwise_ece", "rps"]
)
def test_doubling_the_data_changes_nothing(name):
    logits, y = sample()
    f = getattr(cal, name)
    twice = f(np.vstack([logits, logits]), np.concatenate([y, y]), kind="logits")
    assert twice == pytest.approx(f(logits, y, kind="logits"), abs=1e-9)


@pytest.mark.parametrize("name", MEASURES)
def test_lists_tensors_and_float32_give_the_same_number(name):
    logits, y = sample()
    single = logits.astype(np.float32)
    f = getattr(cal, name)
    value = f(single.astype(np.float64), y, kind="logits")
    assert f(single, y, kind="logits") == value
    tensor = torch.from_numpy(single).requires_grad_()
    assert f(tensor, torch.from_numpy(y), kind="logits") == pytest.approx(value, rel=1e-12, abs=1e-12)
    assert f(single.tolist(), y.tolist(), kind="logits") == value


def test_calibrated_bins_have_no_error():
    p = np.repeat([0.6, 0.8], [5, 5])
    labels = [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]
    assert cal.ece(p, labels) == pytest.approx(0, abs=1e-12)


def test_one_column_means_the_second_of_two_classes():
    p, y = np.array([0.2, 0.7, 0.9]), [0, 1, 0]
    assert cal.brier(p, y) == pytest.approx(2 * np.mean((p - y) ** 2))
    assert cal.nll(np.log(p / (1 - p)), y, kind="logits") == pytest.approx(cal.nll(p, y))
    assert cal.apply_temperature([0.0, 3.0], 2.0).shape == (2, 2)


def test_norms_are_ordered():
    logits, y = sample()
    l1, l2, top = (cal.ece(logits, y, kind="logits", norm=n) for n in ("l1", "l2", "max"))
    assert l1 <= l2 <= top
    assert (l2, top) == (cal.rmsce(logits, y, kind="logits"), cal.mce(logits, y, kind="logits"))


def test_one_bin_is_accuracy_against_mean_confidence():
    logits, y = sample()
    p = cal.apply_temperature(logits, 1.0)
    expected = abs((p.argmax(1) == y).mean() - p.max(1).mean())
    assert cal.ece(p, y, n_bins=1) == pytest.approx(expected)


@pytest.mark.parametrize("scheme", ["equal_width", "equal_mass", "equal_mass_rank", "adaptive"])
@pytest.mark.parametrize("mode", ["top_label", "per_class", "classwise"])
def test_brier_parts_add_up(scheme, mode):
    logits, y = sample()
    options = {"mode": mode, "target_class": 1, "scheme": scheme}
    d = cal.brier_decomposition(logits, y, kind="logits", **options)
    parts = d.reliability - d.resolution + d.uncertainty + d.within_variance - d.within_covariance
    assert d.brier == pytest.approx(parts, abs=1e-12)
    assert d.reliability == pytest.approx(cal.rmsce(logits, y, kind="logits", **options) ** 2)
    counts = cal.reliability_diagram(logits, y, kind="logits", **options).counts
    assert counts.sum() == (len(y) * 3 if mode == "classwise" else len(y))


def test_adaptive_bins_are_those_of_the_sweep():
    logits, y = sample()
    sweep = cal.sweep_ece(logits, y, kind="logits")
    assert cal.ece(logits, y, kind="logits", scheme="adaptive") == pytest.approx(sweep.value)
    assert len(cal.reliability_diagram(logits, y, kind="logits", scheme="adaptive").counts) == sweep.n_bins


def test_scores_agree_with_scikit_learn_and_scipy():
    logits, y = sample()
    p = cal.apply_temperature(logits, 1.0)
    right = (p.argmax(1) == y).astype(int)
    assert cal.nll(p, y) == pytest.approx(metrics.log_loss(y, p), abs=1e-9)
    assert cal.nll(logits, y, kind="logits") == pytest.approx(metrics.log_loss(y, p), abs=1e-9)
    assert cal.confidence_auroc(p, y) == pytest.approx(metrics.roc_auc_score(right, p.max(1)))
    np.testing.assert_allclose(cal.entropy(p), stats.entropy(p, axis=1))
    m = cal.ood_metrics(logits[:30, 0].round(), logits[30:, 1].round())
    truth, score = np.repeat([1, 0], 30), np.concatenate([logits[:30, 0], logits[30:, 1]]).round()
    assert m.auroc == pytest.approx(metrics.roc_auc_score(truth, score))
    assert m.aupr_in == pytest.approx(metrics.average_precision_score(truth, score))
    assert m.aupr_out == pytest.approx(metrics.average_precision_score(1 - truth, -score))


def test_clopper_pearson_agrees_with_the_exact_test_of_scipy():
    p = np.repeat([0.55, 0.95], [7, 9])
    d = cal.reliability_diagram(p, [1] * 5 + [0] * 2 + [1] * 9, n_bins=5, ci="clopper_pearson")
    for b, (k, n) in {2: (5, 7), 4: (9, 9)}.items():
        ci = stats.binomtest(k, n).proportion_ci(method="exact")
        assert (d.ci_low[b], d.ci_high[b]) == (pytest.approx(ci.low), pytest.approx(ci.high))


def test_smoothing_more_never_shows_more_error():
    logits, y = sample()
    values = [cal.smooth_ece(logits, y, kind="logits", sigma=s) for s in (0.01, 0.05, 0.2, 1.0, 3.0)]
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(values))


def test_smooth_ece_agrees_with_the_sum_over_reflections():
    p, y, sigma = np.array([0.6, 0.9, 0.97]), np.array([1, 0, 1]), 0.3
    v, residual = p, y - p
    t = np.linspace(0, 1, 2001)[:, None]
    kernel = sum(
        stats.norm.pdf(t, 2 * m + v, sigma) + stats.norm.pdf(t, 2 * m - v, sigma) for m in range(-4, 5)
    )
    expected = np.trapezoid(np.abs((kernel * residual).mean(1)), t[:, 0])
    assert cal.smooth_ece(p, y, sigma=sigma) == pytest.approx(expected, abs=1e-10)


def test_fitted_temperature_is_the_least_nll():
    logits, y = sample()
    fit = cal.fit_temperature(logits, y)
    found = optimize.minimize_scalar(
        lambda t: cal.nll(logits / t, y, kind="logits"), bounds=(0.05, 20), options={"xatol": 1e-9}
    )
    assert fit.temperature == pytest.approx(found.x, abs=1e-5)
    assert fit.nll_after <= fit.nll_before


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.3, 3))
def test_scaling_the_logits_scales_the_fitted_temperature(scale):
    logits, y = sample()
    t = cal.fit_temperature(logits, y).temperature
    assert cal.fit_temperature(logits * scale, y).temperature == pytest.approx(t * scale, abs=1e-6)


def test_separable_data_goes_to_the_low_bound_and_useless_logits_to_the_high_one():
    y = np.array([0, 1, 2])
    fit = cal.fit_temperature(np.eye(3), y)
    assert (fit.temperature, fit.at_bound) == (0.05, True)
    fit = cal.fit_temperature(-np.eye(3), y, bounds=(0.1, 7.0))
    assert (fit.temperature, fit.at_bound) == (7.0, True)


def test_temperature_per_sample_and_argmax():
    logits, _ = sample()
    t = np.linspace(0.05, 20, len(logits))
    p = cal.apply_temperature(logits, t)
    np.testing.assert_array_equal(p.argmax(1), logits.argmax(1))
    np.testing.assert_allclose(p[3], cal.apply_temperature(logits[3:4], t[3])[0])
    huge = cal.apply_temperature([[1e4, -1e4]], 0.05)
    np.testing.assert_array_equal(huge, [[1, 0]])


def test_inputs_stay_as_they_were():
    logits, y = sample()
    p = cal.apply_temperature(logits, 1.0)
    before = p.copy(), y.copy()
    for name in MEASURES:
        getattr(cal, name)(p, y)
    cal.reliability_diagram(p, y)
    np.testing.assert_array_equal(p, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_familiar_split_is_none_when_empty():
    report = cal.pt_ood_report([3, 2], [1, 0], [True, True])
    assert report["unfamiliar"] is None
    assert report["familiar"] == report["all"] == cal.ood_metrics([3, 2], [1, 0])


BAD = [
    (([[0.5, 0.6]], [0]), {}, "rows of x must sum to 1"),
    (([[1.2, -0.2]], [0]), {}, r"x must lie in \[0, 1\]"),
    (([[float("nan"), 1]], [0]), {}, "x holds NaN"),
    (([], []), {}, "x is empty"),
    (([[1.0]], [0]), {}, "x has one column"),
    (([[[0.5, 0.5]]], [0]), {}, "x must be"),
    (([[0.5, 0.5]], [0, 1]), {}, "labels must be"),
    (([[0.5, 0.5]], [2]), {}, "labels must be in 0..1"),
    (([[0.5, 0.5]], [-1]), {}, "labels must be in 0..1"),
    (([[0.5, 0.5]], [0.5]), {}, "labels must be integers"),
    (([[0.5, 0.5]], ["a"]), {}, "labels must be an array of numbers"),
    (([[0.5, 0.5]], [0]), {"kind": "scores"}, "kind must be one of"),
    (([[0.5, 0.5]], [0]), {"n_bins": 0}, "n_bins must be an integer >= 1"),
    (([[0.5, 0.5]], [0]), {"n_bins": 2.5}, "n_bins must be an integer >= 1"),
    (([[0.5, 0.5]], [0]), {"scheme": "wide"}, "scheme must be one of"),
    (([[0.5, 0.5]], [0]), {"closed": "both"}, "closed must be one of"),
    (([[0.5, 0.5]], [0]), {"mode": "all"}, "mode must be one of"),
    (([[0.5, 0.5]], [0]), {"mode": "per_class"}, "target_class"),
    (([[0.5, 0.5]], [0]), {"mode": "per_class", "target_class": 2}, "target_class"),
]


@pytest.mark.parametrize(("args", "options", "message"), BAD)
def test_bad_input_is_named(args, options, message):
    for f in (cal.ece, cal.reliability_diagram):
        with pytest.raises(ValueError, match=message):
            f(*args, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.ece([0.5], [0], norm="l3"), "norm must be one of"),
        (lambda: cal.reliability_diagram([0.5], [0], ci="t"), "ci must be one of"),
        (lambda: cal.reliability_diagram([0.5], [0], alpha=1), "alpha must be in"),
        (lambda: cal.tace([0.5], [0], threshold=0.9), "threshold 0.9 leaves no"),
        (lambda: cal.debiased_ece([0.5], [0], norm="max"), "norm must be one of"),
        (lambda: cal.bin_indices([0.5], scheme="adaptive"), "needs target"),
        (lambda: cal.bin_indices([1.5]), "v must lie in"),
        (lambda: cal.kde_ece([0.5], [0], bandwidth=0), "bandwidth must be > 0"),
        (lambda: cal.mmce([0.5], [0], width=-1), "width must be > 0"),
        (lambda: cal.smooth_ece([0.5], [0], sigma=0), "sigma must be > 0"),
        (lambda: cal.nll([0.5], [0], eps=0), "eps must be in"),
        (lambda: cal.apply_temperature([[0.0, 1.0]], 0), "temperature must be > 0"),
        (lambda: cal.apply_temperature([[0.0, 1.0]], [1.0, 2.0]), "temperature must be one number"),
        (lambda: cal.fit_temperature([[0.0, 1.0]], [0], objective="mse"), "objective must be one of"),
        (lambda: cal.fit_temperature([[0.0, 1.0]], [0], bounds=(2, 1)), "bounds must be"),
        (lambda: cal.fit_temperature([[0.0, 1.0]], [0], n_grid=1), "n_grid must be"),
        (lambda: cal.crps_ensemble([[1.0]], [1.0], "fair"), "at least two columns"),
        (lambda: cal.confidence_auroc([0.9], [1]), "every top label is correct"),
        (lambda: cal.accuracy_rejection([0.9], [1], (1.5,)), "coverages must be in"),
        (lambda: cal.ood_metrics([1.0], [0.0], tpr=0), "tpr must be in"),
        (lambda: cal.energy_score([[0.0, 1.0]], temperature=-1), "temperature must be > 0"),
        (lambda: cal.mahalanobis_score([[0.0]], [0], [[0.0, 1.0]]), "features must be"),
        (lambda: cal.mahalanobis_score([[0.0]], [0], [[0.0]], ridge=-1), "ridge must be"),
        (lambda: cal.knn_ood_score([[1.0]], [[1.0]], k=2), "k must be at most"),
        (lambda: cal.knn_ood_score([[0.0]], [[1.0]], k=1), "train_features holds a zero row"),
        (lambda: cal.pt_ood_report([1.0], [0.0], [2]), "familiar must be"),
    ],
)
def test_bad_options_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_wrong_shapes_are_shape_errors():
    with pytest.raises(ShapeError, match="labels must be"):
        cal.ece([[0.5, 0.5]], [[0]])
