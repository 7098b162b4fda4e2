"""The interval of an ECE: what it covers, and draws that are what they are called."""

import numpy as np
import pytest

from clsviz import calibration as cal
from clsviz.calibration import interval
from clsviz.errors import InputError


def predictions(n, seed):
    """Confidences in [0.5, 1] that are right less often than they say."""
    rng = np.random.default_rng(seed)
    v = 0.5 + 0.5 * rng.beta(3, 1, n)
    right = rng.random(n) < v - 0.05
    return np.stack([v, 1 - v], 1), np.where(right, 0, 1)


def test_it_covers_the_ece_of_other_samples_of_the_same_size_about_as_often_as_it_says():
    eces = np.array([cal.ece(*predictions(800, seed)) for seed in range(200)])
    inside = []
    for seed in range(200, 240):
        found = cal.ece_interval(*predictions(800, seed))
        inside.append(found.low <= eces.mean() <= found.high)
    assert 0.75 <= np.mean(inside) <= 1


def test_it_shrinks_as_one_over_the_root_of_the_samples():
    few, many = (cal.ece_interval(*predictions(n, 1)) for n in (500, 50_000))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(10, rel=0.4)


@pytest.mark.parametrize(("n", "p"), [(4, 0.3), (60, 0.1), (60, 0.9), (1000, 0.25), (10**6, 0.98)])
def test_draws_have_the_mean_and_deviation_of_a_binomial(n, p):
    draws = np.concatenate([interval._binomial(np.full(200, float(n)), p, c, 3) for c in range(100)])
    deviation = np.sqrt(n * p * (1 - p))
    assert draws.mean() == pytest.approx(n * p, abs=4 * deviation / np.sqrt(draws.size) + 1e-9)
    assert draws.std() == pytest.approx(deviation, rel=0.05)
    assert draws.min() >= 0 and draws.max() <= n


def test_certain_and_single_samples_have_an_interval():
    sure = cal.ece_interval([[1.0, 0.0]], [0])
    assert (sure.value, sure.low, sure.high) == (0, 0, 0)
    assert cal.ece_interval([[0.7, 0.3]], [0]).value == pytest.approx(0.3)


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly_so():
    x, y = predictions(2000, 0)
    first, again, other = (cal.ece_interval(x, y, seed=s) for s in (0, 0, 1))
    assert first == again != other
    assert other.low == pytest.approx(first.low, abs=0.2 * (first.high - first.low))


def test_selective_accuracy_keeps_what_reaches_the_threshold():
    x = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]
    kept = cal.selective_accuracy(x, [0, 1, 1], 0.7)
    assert (kept.coverage, kept.accuracy) == (pytest.approx(2 / 3), 1.0)
    assert np.isnan(cal.selective_accuracy(x, [0, 1, 1], 1.0).accuracy)
    of_class = cal.selective_accuracy(x, [0, 1, 1], 0.35, mode="per_class", target_class=1)
    assert (of_class.coverage, of_class.accuracy) == (pytest.approx(2 / 3), 1.0)


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_outside_0_to_1_is_refused(threshold):
    with pytest.raises(InputError, match="threshold"):
        cal.selective_accuracy([[0.5, 0.5]], [0], threshold)


@pytest.mark.parametrize("level", [0, 1])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(InputError, match="level"):
        cal.ece_interval([[0.5, 0.5]], [0], level=level)
