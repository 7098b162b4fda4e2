"""The measures of the benchmark study in one call are those of the single functions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from clsviz import calibration as cal
from clsviz.calibration.benchmark import BENCHMARK_BINS
from clsviz.errors import InputError, ShapeError

Z1 = np.array([[2, 0, 0], [0, 1, 0], [0, 0, 3], [1, 0, 0], [0, 2, 0]], dtype=float)
L1 = [0, 1, 2, 1, 0]


def sample(n, k, seed, levels=None):
    """Scores and labels; with few levels many probabilities are tied, also at 0 and 1."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, (n, k)) if levels is None else rng.choice(levels, (n, k))
    return z, np.where(rng.random(n) < 0.6, z.argmax(1), rng.integers(0, k, n))


def one_by_one(z, y):
    """The hundred measures by the single functions."""
    t = cal.fit_temperature(z, y).temperature
    found = {}
    for stage, p in (("pre", cal.apply_temperature(z, 1.0)), ("post", cal.apply_temperature(z / t, 1.0))):
        for b in BENCHMARK_BINS:
            for suffix, scheme in (("", "equal_width"), ("_em", "equal_mass")):
                found[f"{stage}_ECE{suffix}_{b}"] = cal.ece(p, y, n_bins=b, scheme=scheme)
                found[f"{stage}_cwCE{suffix}_{b}"] = cal.classwise_ece(p, y, n_bins=b, scheme=scheme)
            found[f"{stage}_MCE_{b}"] = cal.mce(p, y, n_bins=b)
        scaled = z if stage == "pre" else z / t
        found |= {
            f"{stage}_KSCE": cal.ks_error(p, y),
            f"{stage}_KDECE": cal.kde_ece(p, y),
            f"{stage}_MMCE": cal.mmce(p, y),
            f"{stage}_NLL": cal.nll(scaled, y, kind="logits"),
            f"{stage}_Brier": cal.brier(p, y),
        }
    return found


def test_the_worked_example():
    found = cal.benchmark_measures(Z1, L1, Z1, L1)
    assert len(found) == 100 and all(type(v) is float for v in found.values())
    expected = {"pre_cwCE_em_10": 0.321200738, "post_MCE_5": 0.036258813, "post_MMCE": 0.043502726}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-8)


LEVELS = st.sampled_from([None, [0.0, 1.0], [-800.0, 0.0, 800.0], [0.0]])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 70), k=st.integers(2, 5), levels=LEVELS)
def test_each_number_is_that_of_its_measure(seed, n, k, levels):
    z, y = sample(n, k, seed, levels)
    expected = one_by_one(z, y)
    found = cal.benchmark_measures(z, y, z, y)
    assert set(found) == set(expected)
    assert found == pytest.approx(expected, abs=1e-12)


def test_many_samples_give_the_same_to_the_last_digits():
    z, y = sample(2000, 10, 0)
    assert cal.benchmark_measures(z, y, z, y) == pytest.approx(one_by_one(z, y), abs=1e-12)


def test_the_temperature_is_that_of_the_validation_part():
    z, y = sample(200, 3, 0)
    hot = cal.benchmark_measures(3 * z, y, z, y)
    t = cal.fit_temperature(3 * z, y).temperature
    assert hot["post_NLL"] == pytest.approx(cal.nll(z / t, y, kind="logits"), abs=1e-12)
    assert hot["pre_NLL"] == cal.nll(z, y, kind="logits")


def test_two_classes_and_tensors_are_taken():
    z, y = sample(50, 2, 1)
    one = z[:, 1] - z[:, 0]
    full = np.stack([np.zeros(50), one], 1)
    expected = cal.benchmark_measures(full, y, full, y)
    assert cal.benchmark_measures(one, y, one, y) == expected
    tensors = torch.from_numpy(full), torch.from_numpy(y)
    assert cal.benchmark_measures(*tensors, *tensors) == expected


def test_out_of_distribution_sets_add_an_auroc_of_the_entropy():
    z, y = sample(60, 3, 0)
    noise, far = z / 3, np.zeros((7, 3))
    found = cal.benchmark_measures(z, y, z, y, ood={"noise": noise, "far": far})
    assert len(found) == 102
    score = np.concatenate([cal.entropy(z, kind="logits"), cal.entropy(noise, kind="logits")])
    assert found["pre_auc_noise"] == pytest.approx(roc_auc_score(np.repeat([0, 1], 60), score))
    assert found["pre_auc_far"] == 1.0


@pytest.mark.parametrize(
    ("args", "ood", "error", "message"),
    [
        ((Z1, L1, Z1[:, :2], L1), None, ShapeError, "logits must have the 3 classes"),
        ((Z1, L1[:3], Z1, L1), None, ShapeError, "val_labels must be"),
        ((Z1, L1, Z1, [0, 1, 2, 1, 3]), None, InputError, "labels must be in 0..2"),
        ((Z1 * np.nan, L1, Z1, L1), None, InputError, "val_logits holds NaN"),
        ((Z1, L1, Z1, L1), [Z1], InputError, "ood must be a dict"),
        ((Z1, L1, Z1, L1), {"far": Z1[:, :2]}, ShapeError, r"ood\['far'\] must have the 3 classes"),
    ],
)
def test_bad_input_is_named(args, ood, error, message):
    with pytest.raises(error, match=message):
        cal.benchmark_measures(*args, ood=ood)
