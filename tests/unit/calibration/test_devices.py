"""Tensors are measured where they lie, and give the numbers that numpy arrays give."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from clsviz import calibration as cal
from clsviz.calibration import arrays, inputs
from clsviz.errors import InputError

DEVICES = [
    "cpu",  # read as numpy arrays
    "tensor",  # on the CPU, by the way that tensors on a GPU go
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
]
OPTIONS = [
    ("reliability_diagram", {"mode": "classwise", "closed": "right"}),
    ("reliability_diagram", {"scheme": "equal_mass"}),
    ("reliability_diagram", {"scheme": "equal_mass_rank"}),
    ("reliability_diagram", {"scheme": "adaptive"}),
    ("ece", {"n_bins": 500}),
    ("ece", {"mode": "per_class", "target_class": 1}),
    ("rmsce", {}),
    ("mce", {}),
    ("average_calibration_error", {}),
    ("ace", {}),
    ("tace", {"threshold": 0.1}),
    ("classwise_ece", {}),
    ("classwise_ece", {"scheme": "equal_mass", "norm": "l2"}),
    ("sweep_ece", {}),
    ("debiased_ece", {}),
    ("debiased_ece", {"scheme": "equal_width", "norm": "l1"}),
    ("ks_error", {}),
    ("kde_ece", {}),
    ("mmce", {}),
    ("mmce", {"width": 1e-4}),
    ("smooth_ece", {}),
    ("smooth_ece", {"sigma": 0.02}),
    ("nll", {}),
    ("brier", {}),
    ("brier_decomposition", {}),
    ("rps", {}),
    ("risk_coverage", {}),
    ("accuracy_rejection", {}),
    ("selective_accuracy", {"threshold": 0.7}),
    ("confidence_auroc", {}),
    ("ece_interval", {}),
]


@pytest.fixture
def device(request, monkeypatch):
    if request.param == "tensor":
        monkeypatch.setattr(arrays, "SHARED", ())
    return "cpu" if request.param == "tensor" else request.param


def sample(n=400, k=4):
    """Float32 logits rounded so that there are ties, and labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, k)).round(1).astype(np.float32)
    return logits, np.where(rng.random(n) < 0.6, logits.argmax(1), rng.integers(0, k, n))


def numbers(value):
    if hasattr(value, "__dataclass_fields__"):
        fields = (getattr(value, name) for name in value.__dataclass_fields__)
        return np.concatenate([np.ravel(f).astype(float) for f in fields if f is not None])
    return np.ravel(value)


def only_numpy_and_floats(value):
    parts = [value]
    if hasattr(value, "__dataclass_fields__"):
        parts = [getattr(value, name) for name in value.__dataclass_fields__]
    return all(part is None or isinstance(part, (float, int, np.ndarray)) for part in parts)


@pytest.mark.parametrize("device", DEVICES, indirect=True)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_tensor_gives_the_number_of_the_array(name, options, device):
    logits, y = sample()
    f = getattr(cal, name)
    expected = f(logits.astype(float), y, kind="logits", **options)
    tensor = torch.from_numpy(logits).to(device).requires_grad_()
    for labels in (torch.from_numpy(y).to(device), y.tolist()):
        found = f(tensor, labels, kind="logits", **options)
        assert only_numpy_and_floats(found)
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-12, atol=1e-12)
    assert only_numpy_and_floats(f(logits, torch.from_numpy(y).to(device), kind="logits", **options))


@pytest.mark.parametrize("device", DEVICES, indirect=True)
@pytest.mark.parametrize("objective", ["nll", "ece"])
def test_a_temperature_fitted_to_tensors_is_that_of_arrays(objective, device):
    logits, y = sample()
    options = {"objective": objective, "n_grid": 21}
    found = cal.fit_temperature(
        torch.from_numpy(logits).to(device), torch.from_numpy(y).to(device), **options
    )
    expected = cal.fit_temperature(logits, y, **options)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-10)
    after = cal.apply_temperature(logits, found.temperature)
    assert found.ece_after == pytest.approx(cal.ece(after, y), abs=1e-12)
    assert found.nll_after == pytest.approx(cal.nll(after, y), abs=1e-12)
    assert found.ece_before == pytest.approx(cal.ece(logits, y, kind="logits"), abs=1e-12)


@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_scores_of_tensors_are_those_of_arrays(device):
    logits, y = sample()

    def on(a):
        return torch.from_numpy(np.asarray(a)).to(device)

    train, f = logits[:300].astype(float), logits[300:].astype(float) + 1
    calls = [
        (cal.entropy, (cal.apply_temperature(logits, 1.0),)),
        (cal.msp_score, (logits,)),
        (cal.max_logit_score, (logits,)),
        (cal.energy_score, (logits,)),
        (cal.mahalanobis_score, (train, y[:300], f)),
        (cal.knn_ood_score, (train, f)),
        (cal.crps_ensemble, (logits, logits[:, 0])),
        (lambda a, b: numbers(cal.ood_metrics(a, b)), (train[:, 0], f[:, 0])),
        (
            lambda a, b, c: numbers(cal.pt_ood_report(a, b, c)["unfamiliar"]),
            (train[:, 0], f[:, 0], f[:, 1] > 0),
        ),
    ]
    for call, args in calls:
        found, expected = call(*map(on, args)), call(*args)
        assert isinstance(found, (float, np.ndarray))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    relative = cal.mahalanobis_score(on(train), on(y[:300]), on(f), relative=True)
    np.testing.assert_allclose(relative, cal.mahalanobis_score(train, y[:300], f, relative=True), atol=1e-11)


@pytest.mark.parametrize("device", DEVICES[1:], indirect=True)
def test_the_work_stays_on_the_device(device, monkeypatch):
    """What comes back to numpy are sums per bin: fewer numbers than there are samples."""
    logits, y = sample()
    tensor, labels = torch.from_numpy(logits).to(device), torch.from_numpy(y).to(device)
    sizes = []
    before = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda t: (sizes.append(t.numel()), before(t))[1])
    for name in ("ece", "classwise_ece", "brier_decomposition", "nll", "brier", "ks_error", "mmce"):
        getattr(cal, name)(tensor, labels, kind="logits")
    assert sizes and max(sizes) < len(y)


def test_numpy_input_does_not_import_torch():
    code = """
import sys, numpy as np
from clsviz import calibration as cal
p, y = np.full((4, 2), 0.5), [0, 1, 0, 1]
for name in ("ece", "mmce", "kde_ece", "smooth_ece", "nll", "risk_coverage", "ace"):
    getattr(cal, name)(p, y)
cal.Accumulator(n_classes=2).update(p, y).compute()
cal.energy_score(p)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("entries", [8, 60, 4000])
@pytest.mark.parametrize("kind", ["probs", "logits"])
def test_the_size_of_the_blocks_does_not_show(entries, kind, monkeypatch):
    logits, y = sample()
    x = logits if kind == "logits" else cal.apply_temperature(logits, 1.0)
    names = [
        n for n in ("ece", "classwise_ece", "nll", "brier", "rps", "brier_decomposition", "ace", "kde_ece")
    ]
    expected = [numbers(getattr(cal, name)(x, y, kind=kind)) for name in names]
    monkeypatch.setattr(arrays, "IN_CACHE", entries)
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(
            numbers(getattr(cal, name)(x, y, kind=kind)), value, rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("device", DEVICES[:2], indirect=True)
def test_bad_entries_are_found_in_any_block(device, monkeypatch):
    monkeypatch.setattr(arrays, "IN_CACHE", 8)
    for tensor in (np.asarray, torch.as_tensor):
        p = np.full((9, 2), 0.5)
        cases = ((np.nan, "x holds NaN"), (1.2, r"x must lie in \[0, 1\]"), (0.6, "must sum to 1"))
        for bad, message in cases:
            p[8, 1] = bad
            with pytest.raises(InputError, match=message):
                cal.brier(tensor(p), [0] * 9)
        with pytest.raises(InputError, match="x holds NaN or infinity"):
            cal.ece(tensor(np.array([[0, 1], [np.inf, 0]])), [0, 1], kind="logits")
    with pytest.raises(InputError, match="real numbers"):
        cal.ece(torch.ones(2, 2, dtype=torch.complex64), [0, 1])
    huge = [[1e308, 1e308], [-1e308, 1e308]]  # their sum is infinite, they are not
    assert cal.ece(huge, [0, 1], kind="logits") == pytest.approx(0.25)


def test_top_labels_with_ties_are_the_lowest_class():
    probs, y = np.array([[0.4, 0.5, 0.2], [0.4, 0.5, 0.4], [0.2, 0.0, 0.4]]), np.array([0, 0, 2])
    for block, labels in ((probs, y), (torch.from_numpy(probs), torch.from_numpy(y))):
        v, c = inputs.block_pairs(block, labels, "probs", "top_label", None)
        assert (v.tolist(), c.tolist()) == ([0.4, 0.5, 0.4], [True, True, False])
        v, c = inputs.block_pairs(block, labels * 0 + 1, "probs", "top_label", None)
        assert c.tolist() == [False, False, True]
