"""Calibrator, the scikit-learn classifier over all calibrators, and cross-fitting."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from clsviz import calibration as cal
from clsviz.calibration.calibrator import CALIBRATORS, log_odds
from clsviz.calibration.crossfit import stratified_folds
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError, UnknownName

# Those that train networks have tests of their own.
NAMES = [n for n in cal.Calibrator.names() if n not in ("tempnet", "correctness_aware")]


def sample(n=300, k=3, seed=0):
    """Over-confident logits: drawn for each label, then doubled."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return 2 * (rng.normal(0, 1, (n, k)) + 1.5 * np.eye(k)[y]), y


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("name", NAMES)
def test_every_calibrator_mends_over_confidence(name, k):
    logits, y = sample(1200, k)
    logits = 2 * logits
    fitted = cal.Calibrator(name).fit(logits[::2], y[::2])
    p = fitted.predict_proba(logits[1::2])
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    assert p.min() >= 0
    before = cal.ece(logits[1::2], y[1::2], kind="logits")
    assert cal.ece(p, y[1::2]) < 0.7 * before and before > 0.05
    np.testing.assert_array_equal(fitted.predict(logits[1::2]), p.argmax(1))
    assert fitted.score(logits[1::2], y[1::2]) == pytest.approx((p.argmax(1) == y[1::2]).mean())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_added_to_a_row_does_not_matter_where_probabilities_are_read(name):
    logits, y = sample()
    shifted = logits + np.linspace(-50, 50, len(y))[:, None]
    p, q = (cal.Calibrator(name).fit(z, y).predict_proba(z) for z in (logits, shifted))
    if name in ("vector", "matrix"):  # linear in the logits themselves
        assert np.abs(p - q).max() > 1e-6
    else:
        np.testing.assert_allclose(p, q, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_huge_logits_lists_tensors_and_float32_are_taken(name):
    logits, y = sample(60)
    single = logits.astype(np.float32)
    p = cal.Calibrator(name).fit(single, y).predict_proba(single)
    q = cal.Calibrator(name).fit(torch.tensor(single), torch.tensor(y)).predict_proba(single.tolist())
    np.testing.assert_array_equal(p, q)
    assert p.dtype == np.float64
    huge = cal.Calibrator(name).fit(1e4 * logits, y).predict_proba(1e4 * logits)
    np.testing.assert_allclose(huge.sum(1), 1)


def test_the_front_gives_what_the_functions_give():
    logits, y = sample()
    p = cal.apply_temperature(logits)
    fit = {n: cal.Calibrator(n).fit(logits, y) for n in NAMES}
    assert fit["temperature"].fit_ == cal.fit_temperature(logits, y)
    t = fit["temperature"].fit_.temperature
    np.testing.assert_array_equal(fit["temperature"].predict_proba(logits), cal.apply_temperature(logits, t))
    np.testing.assert_array_equal(fit["dirichlet"].fit_.weight, cal.fit_dirichlet(p, y).weight)
    beta = cal.calibrate_one_vs_rest(p, y, cal.fit_beta)
    np.testing.assert_array_equal(fit["beta"].predict_proba(logits), beta.apply(p))
    odds = np.log(p[:, 1] / (1 - p[:, 1]))
    platt, oracle = fit["platt"].fit_.fits[1], cal.fit_platt(odds, y == 1)
    assert (platt.slope, platt.intercept) == pytest.approx((oracle.slope, oracle.intercept))


def test_two_classes_are_calibrated_by_the_second_alone():
    logits, y = sample(k=2)
    margin = logits[:, 1] - logits[:, 0]
    for name in NAMES:
        p = cal.Calibrator(name).fit(margin, y).predict_proba(margin)
        assert p.shape == (len(y), 2)
        if name not in ("vector", "matrix"):  # two columns say more to them than one
            np.testing.assert_allclose(
                p, cal.Calibrator(name).fit(logits, y).predict_proba(logits), atol=1e-8
            )
    platt = cal.Calibrator("platt").fit(margin, y).fit_.fits[0]
    assert platt == cal.fit_platt(log_odds(np.stack([0 * margin, margin], 1))[:, 1], y)


def test_log_odds_keep_their_digits_where_probabilities_do_not():
    np.testing.assert_allclose(log_odds(np.array([[1e4, 0.0], [0.0, 0.0]])), [[1e4, -1e4], [0, 0]])
    np.testing.assert_allclose(log_odds(np.array([[40.0, 0, 0]]))[0, 0], 40 - np.log(2))
    logits, _ = sample()
    p = cal.apply_temperature(logits)
    np.testing.assert_allclose(log_odds(logits), np.log(p / (1 - p)), atol=1e-8)


def test_parameters_are_those_of_the_fit_function():
    logits, y = sample()
    least_ece = cal.Calibrator("temperature", objective="ece", n_bins=5).fit(logits, y)
    assert least_ece.fit_ == cal.fit_temperature(logits, y, objective="ece", n_bins=5)
    few = cal.Calibrator("histogram_binning", n_bins=3).fit(logits, y)
    assert [len(f.values) for f in few.fit_.fits] == [3, 3, 3]


def test_every_calibrator_is_in_the_catalogue_with_its_parameters():
    assert cal.Calibrator.names() == list(CALIBRATORS)
    for row in CALIBRATORS.values():
        entry = REGISTRY[f"calibration.{row.fit.__name__}"]
        assert entry.kind == "calibrator"
        assert [p.name for p in entry.params] == row.parameters


@pytest.mark.parametrize(
    ("calibrator", "error", "message"),
    [
        (cal.Calibrator("plat"), UnknownName, "no calibrator is called 'plat'; did you mean 'platt'"),
        (cal.Calibrator("platt", n_bins=3), InputError, r"'platt' has no parameter 'n_bins'; it has \['smo"),
        (cal.Calibrator("temperature", objective="l1"), InputError, "objective must be one of"),
    ],
)
def test_unknown_names_and_parameters_are_refused_by_fit(calibrator, error, message):
    with pytest.raises(error, match=message):
        calibrator.fit(*sample())


def test_labels_of_any_kind_name_the_columns():
    logits, y = sample()
    names = np.array(["ant", "bee", "cat"])
    words = cal.Calibrator("platt").fit(logits, names[y])
    assert words.classes_.tolist() == ["ant", "bee", "cat"]
    numbers = cal.Calibrator("platt").fit(logits, y)
    np.testing.assert_array_equal(words.predict(logits), names[numbers.predict(logits)])
    assert words.score(logits, names[y]) == numbers.score(logits, y)
    frame = cal.Calibrator("platt").fit(pd.DataFrame(logits, columns=names), pd.Series(names[y]))
    np.testing.assert_array_equal(frame.predict_proba(pd.DataFrame(logits)), numbers.predict_proba(logits))
    odd = cal.Calibrator("platt").fit(logits, 10 * y + 1)
    assert odd.classes_.tolist() == [1, 11, 21]


def test_a_class_that_does_not_occur_keeps_its_column():
    logits, _ = sample()
    y = np.arange(len(logits)) % 2
    for name in NAMES:
        fitted = cal.Calibrator(name).fit(logits, y)
        assert fitted.classes_.tolist() == [0, 1, 2]
        assert fitted.predict_proba(logits).shape == logits.shape
    with pytest.raises(InputError, match="labels name 2 classes, but logits have 3 columns"):
        cal.Calibrator().fit(logits, np.array(["a", "b"])[y])


def test_bad_input_is_named():
    logits, y = sample()
    with pytest.raises(InputError, match="logits holds NaN"):
        cal.Calibrator().fit(np.where(logits > 5, np.nan, logits), y)
    with pytest.raises(ShapeError, match="labels must be"):
        cal.Calibrator().fit(logits, y[:-1])
    with pytest.raises(ValueError, match="Unknown label type"):
        cal.Calibrator().fit(logits, y + 0.5)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        cal.Calibrator().predict_proba(logits)
    with pytest.raises(ShapeError, match="logits must have 3 columns, as those it was fitted to; got 2"):
        cal.Calibrator().fit(logits, y).predict(logits[:, :2])


# Columns of X are one logit per class, so checks on data with other numbers of columns than classes
# do not apply; one column, or X of shape (N,), means two classes; and our errors, also ValueErrors, name
# "logits" and "labels" in our own words where scikit-learn looks for its own.
COLUMNS = "X must have one column per class"
WORDS = "the error is a ValueError in our words"
NOT_FOR_LOGITS = {
    "check_estimators_overwrite_params": COLUMNS,
    "check_estimators_fit_returns_self": COLUMNS,
    "check_readonly_memmap_input": COLUMNS,
    "check_classifiers_classes": COLUMNS,
    "check_classifiers_train": COLUMNS,
    "check_fit2d_1feature": COLUMNS,
    "check_classifiers_one_label": "a temperature cannot make one class win on random logits",
    "check_n_features_in_after_fitting": WORDS,
    "check_complex_data": WORDS,
    "check_dtype_object": "strings are refused where scikit-learn would convert them",
    "check_estimators_empty_data_messages": WORDS,
    "check_estimator_sparse_tag": WORDS,
    "check_estimator_sparse_array": WORDS,
    "check_estimator_sparse_matrix": WORDS,
    "check_fit2d_predict1d": WORDS,
}


def test_scikit_learn_finds_an_estimator_in_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its checks provoke them
        results = check_estimator(
            cal.Calibrator(), expected_failed_checks=NOT_FOR_LOGITS, on_skip=None, on_fail=None
        )
    by_status = {s: {r["check_name"] for r in results if r["status"] == s} for s in ("failed", "xfail")}
    assert by_status == {"failed": set(), "xfail": set(NOT_FOR_LOGITS)}
    assert sum(r["status"] == "passed" for r in results) >= 35


def test_it_can_be_cloned_set_and_stored():
    logits, y = sample()
    one = cal.Calibrator("matrix", reg_bias=0.1)
    assert is_classifier(one)
    assert one.get_params() == {"name": "matrix", "reg_bias": 0.1}
    assert repr(one) == "Calibrator(name='matrix', reg_bias=0.1)"
    other = clone(one.fit(logits, y))
    assert other.get_params() == one.get_params() and not hasattr(other, "fit_")
    assert other.set_params(reg_bias=0.2) is other and other.reg_bias == 0.2
    for name in NAMES:
        fitted = cal.Calibrator(name).fit(logits, y)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict_proba(logits), fitted.predict_proba(logits))


def test_a_renamed_calibrator_keeps_what_was_fitted_until_it_is_fitted_again():
    logits, y = sample()
    fitted = cal.Calibrator("vector").fit(logits, y)
    p = fitted.predict_proba(logits)
    fitted.set_params(name="platt")
    np.testing.assert_array_equal(fitted.predict_proba(logits), p)
    assert np.abs(fitted.fit(logits, y).predict_proba(logits) - p).max() > 1e-6


def test_a_grid_search_goes_over_names_and_parameters():
    logits, y = sample(400)
    search = GridSearchCV(
        cal.Calibrator(),
        [{"name": ["temperature", "isotonic", "platt"]}, {"name": ["histogram_binning"], "n_bins": [2, 40]}],
        scoring="neg_log_loss",
        cv=3,
    ).fit(logits, y)
    assert len(search.cv_results_["params"]) == 5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["name"] in ("temperature", "platt")
    assert search.best_estimator_.fit_ is not None


def test_it_ends_a_pipeline_whose_step_before_gives_logits():
    X, y = make_classification(600, n_classes=3, n_informative=5, random_state=0)
    base = LogisticRegression(C=100).fit(X[:300], y[:300])
    pipeline = make_pipeline(FunctionTransformer(base.decision_function), cal.Calibrator("temperature"))
    p = pipeline.fit(X[300:], y[300:]).predict_proba(X[300:])
    np.testing.assert_array_equal(
        p,
        cal.Calibrator()
        .fit(base.decision_function(X[300:]), y[300:])
        .predict_proba(base.decision_function(X[300:])),
    )
    pipeline.set_params(calibrator__name="vector")
    assert cross_val_predict(pipeline, X[300:], y[300:], method="predict_proba").shape == (300, 3)


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=60), folds=st.integers(2, 9))
def test_folds_deal_out_every_class_evenly(labels, folds):
    y = np.array(labels)
    fold = stratified_folds(y, folds, 3)
    for part in (y >= 0, *(y == k for k in range(5))):
        counts = np.bincount(fold[part], minlength=folds)
        assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(fold, stratified_folds(y, folds, 3))


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_predicted_by_a_calibrator_that_has_not_seen_it(name):
    logits, y = sample(120)
    out = cal.cross_fit(name, logits, y, folds=4, seed=1)
    held = out.fold == 2
    alone = cal.Calibrator(name).fit(logits[~held], y[~held]).predict_proba(logits[held])
    np.testing.assert_array_equal(out.probs[held], alone)
    p = cal.apply_temperature(logits)
    for measure in ("ece", "nll", "brier"):
        assert getattr(out, f"{measure}_before") == pytest.approx(getattr(cal, measure)(p, y), abs=1e-12)
        assert getattr(out, f"{measure}_after") == pytest.approx(getattr(cal, measure)(out.probs, y))
    assert out.accuracy_before == pytest.approx((p.argmax(1) == y).mean())
    assert out.accuracy_after == pytest.approx((out.probs.argmax(1) == y).mean())


def test_cross_fitting_shows_the_overfitting_that_fitting_hides():
    logits, y = sample(90, 6)
    seen = cal.nll(cal.Calibrator("matrix").fit(logits, y).predict_proba(logits), y)
    unseen = cal.cross_fit("matrix", logits, y)
    assert seen < unseen.nll_before < unseen.nll_after


def test_a_rare_class_does_not_stop_cross_fitting():
    logits, _ = sample(60)
    y = np.r_[2, np.arange(59) % 2]
    for name in NAMES:
        out = cal.cross_fit(name, logits, y)
        np.testing.assert_allclose(out.probs.sum(1), 1)
        assert np.isfinite(out.nll_after)


def test_cross_fit_takes_parameters_one_column_and_as_many_folds_as_samples():
    logits, y = sample(24, 2)
    margin = logits[:, 1] - logits[:, 0]
    out = cal.cross_fit("platt", margin, y, folds=24, smooth_targets=True)
    assert out.probs.shape == (24, 2) and sorted(out.fold) == list(range(24))
    assert cal.cross_fit("platt", margin, y).nll_after == cal.cross_fit("platt", margin, y).nll_after
    other = cal.cross_fit("platt", margin, y, seed=1)
    assert (other.fold != cal.cross_fit("platt", margin, y).fold).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, y: cal.cross_fit("plat", z, y), "no calibrator is called"),
        (lambda z, y: cal.cross_fit("platt", z, y, n_bins=3), "has no parameter 'n_bins'"),
        (lambda z, y: cal.cross_fit("platt", z, y, folds=1), "folds must be an integer >= 2"),
        (lambda z, y: cal.cross_fit("platt", z, y, folds=99), "folds must be at most the 30 samples"),
        (lambda z, y: cal.cross_fit("platt", z, y, seed=-1), "seed must be an integer >= 0"),
        (lambda z, y: cal.cross_fit("platt", z, y + 1), r"labels must be in 0\.\.2"),
    ],
)
def test_bad_arguments_of_cross_fit_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call(*sample(30))
