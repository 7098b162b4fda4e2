"""The selection from code: indices, masks, and by what the network says."""

import numpy as np
import pytest
import traitlets

import clsviz as cv
from clsviz.errors import InputError


@pytest.fixture
def view(trained):
    view = cv.ReliabilityDiagram.from_run(trained)
    yield view
    view.close()


def test_a_selection_takes_indices_masks_and_none(view):
    n = len(view.source.dataset.y)
    view.selection = [9, 1, 5, 1]
    assert view.selection.dtype == np.int32 and view.selection.tolist() == [1, 5, 9]
    mask = np.zeros(n, bool)
    mask[[2, 7]] = True
    view.selection = mask
    assert view.selection.tolist() == [2, 7]
    view.selection = list(mask)
    assert view.selection.tolist() == [2, 7]
    view.selection = None
    assert view.selection.size == 0
    view.selection = [3]
    view.selection = []
    assert view.selection.size == 0


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([10**6], "sample indices in 0"),
        ([-1], "sample indices in 0"),
        ([0.5], "whole numbers"),
        ([[1, 2]], "1-d"),
        (["a"], "whole numbers"),
        (np.ones(3, bool), "one bool for each"),
    ],
)
def test_what_is_no_selection_is_refused_and_changes_nothing(view, value, says):
    view.selection = [4]
    with pytest.raises(traitlets.TraitError, match=says):
        view.selection = value
    assert view.selection.tolist() == [4]


def test_a_selection_can_be_observed(view):
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "selection")
    view.selection = [3, 1]
    view.selection = np.array([1, 3])  # the same set: no news
    view.selection = None
    assert [s.tolist() for s in seen] == [[1, 3], []]


def test_a_selection_from_the_page_is_not_sent_back(view, monkeypatch):
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(key))
    data = np.array([1, 5], np.int32)
    view.set_state({"selection": {"dtype": "int32", "shape": [2], "data": memoryview(data.view(np.uint8))}})
    assert view.selection.tolist() == [1, 5] and sent == []
    view.set_state({"selection": [2, 6]})  # a page without binary traits
    assert view.selection.tolist() == [2, 6]


def test_select_finds_what_the_numbers_say(view):
    data = view.source.dataset
    rows = data.validation
    probs = np.exp(logits := view.source.predict(data.X[rows]))
    probs /= probs.sum(1, keepdims=True)
    top, guess = probs.max(1), logits.argmax(1)
    assert view.select(confidence_below=0.8).tolist() == sorted(rows[top < 0.8])
    assert view.selection.tolist() == sorted(rows[top < 0.8])
    assert view.select(wrong=True).tolist() == sorted(rows[guess != data.y[rows]])
    margin = np.where(guess == data.y[rows], 2 * top - 1, 1 - 2 * top)
    assert view.select(margin_below=0).tolist() == sorted(rows[margin < 0])
    assert view.select(predicted=1, label=0).tolist() == sorted(rows[(guess == 1) & (data.y[rows] == 0)])
    assert view.select(label=data.class_names[1], part="all").tolist() == np.flatnonzero(data.y == 1).tolist()
    view.temperature = 5
    assert len(view.select(confidence_below=0.8)) > (top < 0.8).sum()


def test_select_adds_takes_out_and_keeps(view):
    ones, wrong = view.select(label=1), view.select(wrong=True)
    view.select(label=1)
    view.select(wrong=True, how="add")
    assert set(view.selection) == set(ones) | set(wrong)
    view.select(wrong=True, how="remove")
    assert set(view.selection) == set(ones) - set(wrong)
    view.select(label=1)
    found = view.select(confidence_above=0.5, how="intersect")
    assert set(view.selection) == set(found) & set(ones)
    assert len(view.select(confidence_below=0)) == 0 and view.selection.size == 0


def test_mislabelled_samples_are_found_where_they_were_made():
    run = cv.Run(cv.Experiment("moons", epochs=1, label_noise=0.2))
    view = cv.ConfusionMatrix.from_run(run)
    data = run.dataset
    found = view.select(mislabelled=True)  # needs no network
    assert found.tolist() == np.flatnonzero(data.y != data.y_clean).tolist() and len(found) > 0
    view.close()
    run.stop()


def test_select_names_what_it_cannot_do(view):
    for options, says in [
        ({}, "needs a criterion"),
        ({"label": "nobody"}, "no class 'nobody'"),
        ({"predicted": 7}, "no class 7"),
        ({"label": 0, "part": "test"}, "part must be one of"),
        ({"label": 0, "how": "xor"}, "how must be one of"),
    ]:
        with pytest.raises(InputError, match=says):
            view.select(**options)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_with_use_tilted_all_results_follow_the_tilted_rule(model):
    run = cv.Run(cv.Experiment("iris", model=model, epochs=20))
    run.start()
    assert run.wait(60)
    view = cv.ConfusionMatrix.from_run(run)
    before = view.result.counts
    view.pair, view.tilt = [1, 2], 80.0
    np.testing.assert_array_equal(view.result.counts, before)  # off by default
    view.use_tilted = True
    after = view.result.counts
    assert (after != before).any()
    boundary = cv.BoundaryView.from_run(run, pair=[1, 2], tilt=80.0)
    own = after[1:, 1:]
    if own.sum() == after[1:].sum():  # none of the pair is taken for the third class
        assert np.trace(own) / own.sum() == pytest.approx(boundary.result.accuracy)
    view.tilt = None  # as trained
    np.testing.assert_array_equal(view.result.counts, before)
    boundary.close()
    view.close()
    run.stop()


def test_tilting_a_linear_model_to_its_own_angle_changes_nothing():
    run = cv.Run(cv.Experiment("iris", model="linear", epochs=30))
    run.start()
    assert run.wait(60)
    view = cv.ReliabilityDiagram.from_run(run, pair=[1, 2])
    angle = cv.BoundaryView.from_run(run, pair=[1, 2]).result.angle
    before = view.result
    view.use_tilted, view.tilt = True, angle
    assert view.result.ece == pytest.approx(before.ece, abs=1e-5)
    assert view.result.nll == pytest.approx(before.nll, abs=1e-5)
    view.close()
    run.stop()
