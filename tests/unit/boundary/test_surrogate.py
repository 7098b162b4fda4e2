"""Importance, probe and rules of a black box: what it does not use counts nothing, what it says is copied."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier

from clsviz.boundary import embedding_probe, perturbation_importance, surrogate_rules
from clsviz.errors import InputError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 6))
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0, 0.0, 0.0])


def linear(points):
    score = points @ WEIGHTS
    return np.stack([-score, score], 1)


def boxes(points):
    """Class 1 where x4 > 0.5, or else where x1 <= -1; class 2 where both."""
    first, second = points[:, 4] > 0.5, points[:, 1] <= -1
    return np.stack([~first & ~second, first ^ second, first & second], 1) * 1.0


def test_unused_features_have_no_importance_and_weightier_ones_more():
    found = perturbation_importance(linear, X)
    assert found[0] > found[1] > found[2] > 0
    assert (found[3:] == 0).all()
    np.testing.assert_array_equal(found, perturbation_importance(linear, X))
    assert (perturbation_importance(linear, X, seed=1) != found).any()


def test_importance_is_scikit_learns_with_the_models_own_answers_as_truth():
    class Answers(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return linear(X).argmax(1)

    truth = linear(X).argmax(1)
    oracle = permutation_importance(
        Answers().fit(X, truth), X, truth, scoring="accuracy", n_repeats=200, random_state=0
    )
    found = perturbation_importance(linear, X, n_repeats=200)
    np.testing.assert_allclose(found, oracle.importances_mean, atol=5e-3)


def test_a_shuffle_of_two_samples_by_hand():
    # swapping changes both answers, and keeping them none: each chance 1/2
    def sign(points):
        return np.stack([-points[:, 0], points[:, 0]], 1)

    draws = np.random.default_rng(3)
    swaps = [draws.permutation([-1.0, 1.0])[0] == 1.0 for _ in range(8)]
    found = perturbation_importance(sign, [[-1.0], [1.0]], n_repeats=8, seed=3)
    assert found == pytest.approx([np.mean(swaps)]) and 0 < found[0] < 1


def test_the_probe_reads_what_is_in_the_embedding_and_nothing_else():
    Z = np.stack([X[:, 0] + X[:, 1], X[:, 0] - X[:, 1]], 1)
    constant = np.concatenate([X, np.full((len(X), 1), 3.0)], 1)
    found = embedding_probe(Z, constant, ridge=0)
    np.testing.assert_allclose(found[:2], 1, atol=1e-12)
    assert (np.abs(found[2:]) < 0.05).all() and found[-1] == 0


def test_the_probe_is_scikit_learns_ridge_on_every_other_row():
    Z = np.tanh(X @ RNG.standard_normal((6, 4)))
    fitted = (Z - Z[::2].mean(0)) / Z[::2].std(0)
    rule = Ridge(alpha=0.1 * 200).fit(fitted[::2], X[::2])
    left = ((X[1::2] - rule.predict(fitted[1::2])) ** 2).sum(0)
    oracle = 1 - left / ((X[1::2] - X[1::2].mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(embedding_probe(Z, X, ridge=0.1), oracle, atol=1e-10)


def test_a_tree_of_enough_questions_answers_as_a_model_of_boxes_does():
    found = surrogate_rules(boxes, X, k=2, depth=2)
    assert found.fidelity == 1
    assert sorted(found.features) == [1, 4] and (found.importance[[0, 2, 3, 5]] == 0).all()
    np.testing.assert_array_equal(found.predictions, boxes(X).argmax(1))
    assert len(found.rules) == 4
    # class 1 has two ways, class 0 and class 2 one
    assert [sum(f": class {k} (" in rule for rule in found.rules) for k in range(3)] == [1, 2, 1]


def test_fidelity_and_answers_are_those_of_scikit_learns_tree_on_the_chosen_features():
    fresh = RNG.standard_normal((200, 6))
    found = surrogate_rules(linear, X, k=2, depth=3, X_test=fresh)
    assert found.features.tolist() == [0, 1]
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X[:, [0, 1]], linear(X).argmax(1))
    np.testing.assert_array_equal(found.predictions, tree.predict(fresh[:, [0, 1]]))
    assert found.fidelity == (found.predictions == linear(fresh).argmax(1)).mean() < 1


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_each_sample_falls_under_one_rule_which_gives_the_trees_answer(depth):
    found = surrogate_rules(linear, X, k=3, depth=depth)
    told = np.full(len(X), -1)
    for rule in found.rules:
        conditions, answer, count = re.fullmatch(r"(.*): class (\d) \((\d+) of 400 .*\)", rule).groups()
        inside = np.ones(len(X), bool)
        for words in conditions.split(" and "):
            low, name, high = re.fullmatch(r"(?:(\S+) < )?x(\d)(?: <=? (\S+))?(?: > \S+)?", words).groups()
            above = re.fullmatch(r"x\d > (\S+)", words)
            column = X[:, int(name)]
            low = above.group(1) if above else low
            inside &= (column > float(low or "-inf")) & (column <= float(high or "inf"))
        assert (told[inside] == -1).mean() > 0.98  # bounds are written with three digits
        told[inside] = int(answer)
        assert inside.sum() == pytest.approx(int(count), abs=5)
    assert (told == found.predictions).mean() > 0.97 and (told >= 0).mean() > 0.98
    counts = [int(re.search(r"\((\d+) of", rule).group(1)) for rule in found.rules]
    assert sum(counts) == 400 and counts == sorted(counts, reverse=True)


def test_neighbouring_leaves_with_one_answer_are_one_rule():
    found = surrogate_rules(linear, X, k=1, depth=1, importance=[0, 0, 0, 1, 0, 0])
    deep = surrogate_rules(lambda p: np.stack([p[:, 0] < 9, p[:, 0] > 9], 1) * 1.0, X, k=1)
    assert found.features.tolist() == [3] and found.fidelity < 0.7
    assert deep.rules == ("always: class 0 (400 of 400 samples, 100% as the model)",)


def test_names_stand_in_the_rules():
    names = ["age", *"bcdef"]
    found = surrogate_rules(linear, X, k=1, depth=1, feature_names=names, class_names=["no", "yes"])
    assert any(re.match(r"age > .*: yes \(", rule) for rule in found.rules)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"k": 7}, InputError, "k must be at most the 6 features"),
        ({"k": 0}, InputError, "k must be an integer >= 1"),
        ({"depth": 0}, InputError, "depth must be an integer >= 1"),
        ({"feature_names": ["a"]}, InputError, "feature_names must hold 6 names, got 1"),
        ({"class_names": ["a"]}, InputError, "class_names must hold 2 names, got 1"),
        ({"importance": [1, 2]}, ShapeError, "importance has length 2, expected 6"),
        ({"X_test": X[:, :2]}, ShapeError, "X_test has 2 features and X has 6"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        surrogate_rules(linear, X, **options)


def test_importance_and_probe_refuse_what_does_not_fit():
    with pytest.raises(InputError, match="n_repeats must be an integer >= 1"):
        perturbation_importance(linear, X, n_repeats=0)
    with pytest.raises(ShapeError, match=r"X must have 2 dimension"):
        perturbation_importance(linear, X[0])
    with pytest.raises(InputError, match="ridge must be >= 0"):
        embedding_probe(X, X, ridge=-1)
    with pytest.raises(ShapeError, match="the same rows, at least 4"):
        embedding_probe(X[:3], X[:3])
    with pytest.raises(ShapeError, match="the same rows, at least 4"):
        embedding_probe(X, X[:9])
