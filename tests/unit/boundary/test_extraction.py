"""A clone learnt from answers alone: what is asked, what is counted, and what comes of it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

import clsviz as cv
from clsviz.boundary import Victim, extract_model
from clsviz.boundary.extraction import balanced_rows
from clsviz.errors import InputError, ShapeError

SMALL = {"name": "mlp", "params": {"hidden": (16,)}}
CORNERS = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)


def quarters(X):
    """Logits (N, 4) of a rule known exactly: which quarter of the plane."""
    return 9.0 * np.eye(4)[2 * (X[:, 0] > 0) + (X[:, 1] > 0)]


def extract(**changes):
    return extract_model(
        quarters, CORNERS, 4, **{"queries": 100, "batch_size": 20, "model": SMALL, **changes}
    )


def test_a_victim_counts_what_it_is_asked_and_says_no_more_than_it_should():
    victim = Victim(quarters, 4)
    np.testing.assert_array_equal(victim.ask(np.array([[0.5, -0.5], [-0.5, 0.5]])), np.eye(4)[[2, 1]])
    assert victim.queries == 2
    assert victim.calls(CORNERS).shape == (200,) and victim.queries == 2, "measuring is not asking"
    soft = Victim(lambda X: np.log([[0.2, 0.8]] * len(X)), 2, answers="probs")
    np.testing.assert_allclose(soft.ask(CORNERS[:1]), [[0.2, 0.8]], rtol=1e-6)


def test_it_asks_exactly_as_often_as_it_may_and_inside_the_limits():
    asked = []

    def victim(X):
        asked.append(X)
        return quarters(X)

    found = extract_model(victim, CORNERS, 4, queries=95, batch_size=20, model=SMALL, limits=(-0.5, [0.5, 2]))
    told = np.concatenate(asked[1:])  # the first call is that of measuring
    assert len(told) == 95 == found.queries[-1] == len(found.asked)
    np.testing.assert_array_equal(told, found.asked)
    np.testing.assert_array_equal(found.answers, np.eye(4)[quarters(told).argmax(1)])
    assert told.min() >= -0.5 and told[:, 0].max() <= 0.5 and told[:, 1].max() <= 2


def test_the_clone_comes_to_agree_and_the_numbers_are_its_own():
    found = extract(queries=600, looks=3)
    assert found.queries.tolist() == [200, 400, 600] and not found.stopped
    assert found.agreement[-1] > 0.93
    truth = quarters(CORNERS).argmax(1)
    for clone, agreement in zip(found.clones, found.agreement, strict=True):
        assert agreement == np.mean(clone(torch.from_numpy(CORNERS)).argmax(1).numpy() == truth)
    share = found.answers.mean(0)
    assert found.balance[-1] == pytest.approx(-(share * np.log(share)).sum() / np.log(4), abs=1e-5)
    assert found.clone_at(450) is found.clones[1]
    with pytest.raises(InputError, match="the first clone cost 200"):
        found.clone_at(100)


def test_the_seed_decides_all_and_torchs_own_generator_stays():
    state = torch.random.get_rng_state()
    one, two, other = extract(seed=1), extract(seed=1), extract(seed=2)
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(one.asked, two.asked)
    np.testing.assert_array_equal(one.agreement, two.agreement)
    assert not np.array_equal(one.asked, other.asked)


def test_the_filter_asks_more_evenly_of_a_victim_with_a_small_class():
    def lopsided(X):
        return 9.0 * np.eye(2)[(X[:, 0] > 0.8).astype(int)]

    shares = [
        extract_model(lopsided, CORNERS, 2, queries=400, balance=b, model=SMALL, looks=1).balance[0]
        for b in (True, False)
    ]
    assert shares[0] > shares[1]


@given(st.integers(0, 2**31), st.integers(2, 5), st.integers(4, 40))
@settings(max_examples=40, deadline=None)
def test_a_filter_takes_of_each_class_alike_many_while_there_are_any(seed, k, n):
    generator = torch.Generator().manual_seed(seed)
    p = (3 * torch.randn(60, k, generator=generator)).softmax(1)
    rows = balanced_rows(p, n)
    assert len(rows) == n == len(rows.unique())
    there = torch.bincount(p.argmax(1), minlength=k)
    taken = torch.bincount(p[rows].argmax(1), minlength=k)
    assert (taken <= there).all()
    short = taken[there > taken]  # classes that could have given more
    assert len(short) == 0 or short.min() >= taken.max() - 1


def test_a_filter_prefers_the_least_sure_of_a_class():
    p = torch.tensor([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    assert balanced_rows(p, 2).tolist() == [1, 3]
    assert set(balanced_rows(p, 4).tolist()) == {1, 3, 4, 2}


def test_it_can_be_stopped_by_a_callback_and_by_an_interrupt():
    found = extract(looks=5, on_look=lambda queries, agreement: queries >= 40)
    assert found.stopped and found.queries.tolist() == [20, 40] and len(found.asked) == 40

    def interrupt(queries, agreement):
        if queries >= 60:
            raise KeyboardInterrupt

    found = extract(looks=5, on_look=interrupt)
    assert found.stopped and found.queries[-1] == 60 and len(found.answers) == 60
    assert not extract(looks=1, on_look=lambda *_: True).stopped, "nothing was left to do"


def test_progress_is_one_line(capsys):
    extract(progress=True)
    assert "extraction: 5 of 5 rounds" in capsys.readouterr().err


def test_any_classifier_can_be_the_victim_and_its_answers_train_any_model_of_the_lab():
    data = cv.data.blobs(n=300, n_classes=3, noise=0.5, seed=1)
    judge = KNeighborsClassifier(5).fit(data.X[data.train], data.y[data.train])
    found = extract_model(
        judge, data.X[data.validation], 3, queries=200, model=SMALL, answers="probs", looks=2
    )
    loot = found.data(judge, data)
    assert len(loot.train) == 200 and len(loot.validation) == len(data.validation)
    np.testing.assert_array_equal(loot.X[loot.train], found.asked)
    np.testing.assert_array_equal(loot.y[loot.validation], judge.predict(data.X[data.validation]))
    run = cv.Run(cv.Experiment(device="cpu", epochs=30), data=loot).start()
    assert run.wait(60)
    run.stop()
    assert run.result().metrics["validation_accuracy"] > 0.85
    with pytest.raises(ShapeError, match="reference: expected 2 features and 3 classes"):
        found.data(judge, cv.data.moons())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"queries": 0}, InputError, "queries must be a whole number >= 1"),
        ({"generators": 0}, InputError, "generators must be"),
        ({"batch_size": 2.5}, InputError, "batch_size must be"),
        ({"looks": True}, InputError, "looks must be"),
        ({"answers": "weights"}, InputError, 'answers must be "labels" or "probs"'),
        ({"limits": (1, 0)}, InputError, "limits must be finite"),
        ({"limits": (0, np.inf)}, InputError, "limits must be finite"),
        ({"limits": ([0, 0, 0], 1)}, ShapeError, "limits must be a pair of numbers or"),
    ],
)
def test_what_cannot_be_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        extract(**changes)


def test_samples_and_classes_that_cannot_be_are_refused():
    with pytest.raises(ShapeError, match="X must be"):
        extract_model(quarters, CORNERS[0], 4)
    with pytest.raises(InputError, match="n_classes must be at least 2"):
        extract_model(quarters, CORNERS, 1)
    with pytest.raises(ShapeError, match="must give logits"):
        extract_model(quarters, CORNERS, 3)
