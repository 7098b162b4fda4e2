import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch import nn

from clsviz import data
from clsviz.errors import InputError, ShapeError
from clsviz.models import as_predictor, create

IRIS = data.iris()
X, Y = IRIS.X, IRIS.y
TWO = X[Y < 2], Y[Y < 2]


@pytest.mark.parametrize(
    ("model", "from_decision"),
    [
        (LogisticRegression(max_iter=500), True),
        (make_pipeline(StandardScaler(), LogisticRegression()), True),
        (LinearDiscriminantAnalysis(), True),
        (HistGradientBoostingClassifier(max_iter=5), True),
        (OneVsRestClassifier(LogisticRegression()), False),
        (SGDClassifier(loss="log_loss", random_state=0), False),
        (GaussianNB(), False),
        (RandomForestClassifier(5, random_state=0), False),
        (KNeighborsClassifier(3), False),
    ],
)
def test_softmax_of_the_logits_is_predict_proba(model, from_decision):
    model.fit(X, Y)
    logits = as_predictor(model, 3)(X)
    probs = model.predict_proba(X)
    assert logits.shape == (150, 3) and logits.dtype == np.float64
    np.testing.assert_allclose(softmax(logits, axis=1), probs, atol=1e-6)
    expected = model.decision_function(X) if from_decision else np.log(np.maximum(probs, 1e-12))
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_binary_decision_becomes_a_pair_of_logits():
    model = LogisticRegression().fit(*TWO)
    logits = as_predictor(model, 2)(X)
    assert (logits[:, 0] == 0).all()
    np.testing.assert_array_equal(logits[:, 1], model.decision_function(X))


@pytest.mark.parametrize("model", [LinearSVC(), RidgeClassifier(), SVC()])
def test_classifiers_without_probabilities_give_their_decisions(model):
    logits = as_predictor(model.fit(X, Y), 3)(X)
    np.testing.assert_array_equal(logits, model.decision_function(X))
    assert (logits.argmax(1) == model.predict(X)).mean() > 0.95


def test_classes_find_their_columns_by_name_by_number_or_by_order():
    words = np.array(IRIS.class_names)[Y]
    reference = as_predictor(LogisticRegression(max_iter=500).fit(X, Y), 3)(X)
    named = LogisticRegression(max_iter=500).fit(X, words)
    for predictor in (as_predictor(named, 3, class_names=IRIS.class_names), as_predictor(named, 3)):
        np.testing.assert_allclose(predictor(X), reference, atol=1e-6)
    shifted = LogisticRegression(max_iter=500).fit(X, Y + 1)
    np.testing.assert_allclose(as_predictor(shifted, 3)(X), reference, atol=1e-6)
    reverse = as_predictor(named, 3, class_names=IRIS.class_names[::-1])(X)
    np.testing.assert_allclose(reverse[:, ::-1], reference, atol=1e-6)


@pytest.mark.parametrize("make", [LogisticRegression, GaussianNB, LinearSVC])
def test_a_class_never_seen_is_never_predicted(make):
    some = Y != 1
    model = make().fit(X[some], Y[some])
    logits = as_predictor(model, 3)(X)
    assert np.array_equal(logits.argmax(1), model.predict(X))
    assert softmax(logits, axis=1)[:, 1].max() < 1e-11 and np.isfinite(logits).all()
    words = make().fit(X[some], np.array(IRIS.class_names)[Y[some]])
    np.testing.assert_array_equal(as_predictor(words, 3, class_names=IRIS.class_names)(X), logits)


def test_column_names_are_given_back_to_who_was_fitted_with_them(recwarn):
    frame = pd.DataFrame(X, columns=IRIS.feature_names)
    as_predictor(LogisticRegression(max_iter=500).fit(frame, Y), 3)(X)
    assert not recwarn.list


def test_a_module_runs_in_eval_mode_in_its_own_precision_and_is_left_as_it_was():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    module[1].eval()
    modes = [m.training for m in module.modules()]
    predictor = as_predictor(module, 3)
    first = predictor(X)
    assert np.array_equal(first, predictor(X)) and first.dtype == np.float64
    assert [m.training for m in module.modules()] == modes
    assert module[1].num_batches_tracked == 0 and all(p.grad is None for p in module.parameters())
    with torch.no_grad():
        np.testing.assert_array_equal(module.eval()(torch.tensor(X).double()).numpy(), first)


def test_many_rows_no_rows_tensors_and_read_only_arrays(recwarn):
    predictor = as_predictor(create("mlp", 2, 3), 3)
    many = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    many.flags.writeable = False
    logits = predictor(many)
    assert logits.shape == (20_000, 3) and predictor(many[:0]).shape == (0, 3)
    np.testing.assert_allclose(predictor(many[9_000:9_010]), logits[9_000:9_010], atol=1e-6)
    np.testing.assert_array_equal(predictor(torch.tensor(many)), logits)
    assert not recwarn.list


class Several(nn.Linear):
    def forward(self, x):
        return {"logits": super().forward(x), "embeddings": x}


def test_a_module_may_return_its_logits_among_other_things():
    module = Several(4, 3)
    assert create(module, 4, 3) is module
    plain = nn.Linear(4, 3)
    plain.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(as_predictor(module, 3)(X), as_predictor(plain, 3)(X))
    network = create("prototype_autoencoder", 4, 3)
    assert as_predictor(network, 3)(X).shape == (150, 3)


def test_any_function_can_be_a_predictor():
    assert as_predictor(lambda x: np.c_[x, x], 2)(np.ones((3, 1))).tolist() == [[1, 1]] * 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: as_predictor("mlp", 3), InputError, "model must be a torch.nn.Module"),
        (lambda: as_predictor(LogisticRegression(), 3), InputError, "fit it first"),
        (lambda: as_predictor(GaussianNB().fit(X, Y), 2), InputError, r"knows the classes \[0, 1, 2\]"),
        (
            lambda: as_predictor(GaussianNB().fit(X, np.array(list("abc"))[Y]), 4, class_names="abxy"),
            InputError,
            "which do not fit 4 classes named",
        ),
        (lambda: as_predictor(nn.Linear(4, 2), 3)(X), ShapeError, r"Linear must give logits \(150, 3\)"),
        (lambda: as_predictor(nn.Linear(4, 3), 3)(X[0]), ShapeError, r"X must be \(N, D\)"),
        (lambda: as_predictor(nn.LSTM(4, 3), 3)(X), ShapeError, "must return a tensor"),
        (lambda: as_predictor(lambda x: x, 3)(X), ShapeError, "must give logits"),
        (
            lambda: as_predictor(SVC(decision_function_shape="ovo").fit(*data_of_four()), 4)(X),
            ShapeError,
            "gives 6 columns for 4 classes",
        ),
    ],
)
def test_wrong_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def data_of_four():
    return X, np.arange(len(X)) % 4
