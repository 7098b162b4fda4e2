"""Sets with two domains: how often cues agree in each part, where unlabelled samples lie, what keeps them."""

import numpy as np
import pytest
from scipy.stats import norm

import clsviz as cv
from clsviz import boundary, data
from clsviz.catalogue import Spec
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError

SETS = ("shortcut", "two_domains")


@pytest.mark.parametrize("agreement", [0.0, 0.3, 1.0])
def test_cues_agree_in_training_and_elsewhere_as_told(agreement):
    found = data.shortcut(n=2000, agreement=agreement, availability=4.0)
    says = found.X > 0
    train, held = says[found.train], says[found.validation]
    assert (train == found.y[found.train][:, None]).all()
    np.testing.assert_array_equal(held[:, 1], found.y[found.validation])
    assert (held[:, 0] == held[:, 1]).mean() == pytest.approx(agreement, abs=0.03)
    far = found.unlabelled > 0
    assert (far[:, 0] == far[:, 1]).mean() == pytest.approx(agreement, abs=0.03)
    size = np.abs(found.X).mean(0)
    assert size[0] / size[1] == pytest.approx(4, abs=0.1)


def test_the_draws_are_those_of_the_contract():
    found = boundary.make_shortcut_data(2, dim=2)
    np.testing.assert_allclose(found.X, [[-2.517897564, -1.108478516], [4.173600041, 1.284124289]], atol=1e-9)


def test_unlabelled_samples_lie_across_and_the_bayes_error_is_known():
    found = data.two_domains(labels=2000, n=2000, shift=1.5, length=2.0, dim=4)
    s = 2 * found.y[found.train] - 1
    mean = s @ found.X[found.train] / len(s)
    np.testing.assert_allclose(mean, [2, 0, 0, 0], atol=0.12)
    second = found.unlabelled.T @ found.unlabelled / len(found.unlabelled) - np.eye(4)
    assert np.sqrt(second[0, 0]) == pytest.approx(2, abs=0.15)
    assert np.sqrt(np.trace(second[1:, 1:])) == pytest.approx(3, abs=0.15)
    assert found.bayes_error == pytest.approx(norm.cdf(-2))
    error = ((found.X[found.validation, 0] > 0) != found.y[found.validation]).mean()
    assert error == pytest.approx(found.bayes_error, abs=0.012)


@pytest.mark.parametrize("name", SETS)
def test_they_are_the_same_each_time_and_obey_their_sliders_at_both_ends(name):
    np.testing.assert_array_equal(data.load(name).unlabelled, data.load(name).unlabelled)
    for p in REGISTRY[f"data.{name}"].params:
        for value in (p.range.low, p.range.high) if p.range else ():
            value = int(value) if isinstance(p.default, int) else value
            found = data.load(Spec(name, {"n": 100} | {p.name: value}))
            assert np.isfinite(found.X).all() and np.isfinite(found.unlabelled).all()


def test_changes_to_the_training_part_leave_unlabelled_samples_alone():
    found = data.shortcut(n=60)
    for changed in (data.with_label_noise(found, rate=0.3), data.with_imbalance(found, factor=3)):
        assert changed.unlabelled is found.unlabelled
    scaled = data.standardised(found)
    train = found.X[found.train]
    np.testing.assert_allclose(
        scaled.unlabelled, (found.unlabelled - train.mean(0)) / train.std(0), rtol=1e-4, atol=1e-5
    )


def test_unlabelled_arrays_must_go_with_the_others():
    X, y = np.zeros((4, 3)), [0, 1, 0, 1]
    assert data.from_arrays(X, y, unlabelled=np.ones((5, 3))).unlabelled.dtype == np.float32
    with pytest.raises(ShapeError, match=r"unlabelled must be \(M, 3\)"):
        data.from_arrays(X, y, unlabelled=np.ones((5, 2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.shortcut(agreement=1.5), "agreement must be"),
        (lambda: data.shortcut(dim=1), "dim must be at least 2"),
        (lambda: data.shortcut(n=3), "n must be at least 4"),
        (lambda: data.two_domains(labels=1), "labels must be at least 2"),
        (lambda: data.two_domains(shift=-1), "shift must be"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("name", SETS)
def test_a_lab_opens_on_them(name):
    lab = cv.Lab(name, autostart=False)
    assert lab.run.dataset.name == name
    lab.close()
