"""Parts that add up: the same numbers as all samples at once, wherever the parts were counted."""

import inspect
import pickle
from functools import reduce

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clsviz import calibration as cal
from clsviz.calibration.accumulator import MERGED, WHY_NOT
from clsviz.errors import InputError, ShapeError

OWN = ("accuracy", "confidence")  # of the accumulator alone
NAMES = tuple(MERGED)


def sample(n=500, k=4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    return logits, np.where(rng.random(n) < 0.6, logits.argmax(1), rng.integers(0, k, n))


def filled(part, **options):
    logits, y = part
    return cal.Accumulator(NAMES, n_classes=logits.shape[1], **options).update(logits, y, kind="logits")


def numbers(value):
    """What a measure gave, as a flat list."""
    if isinstance(value, float):
        return [value]
    fields = (getattr(value, name) for name in value.__dataclass_fields__)
    return np.concatenate([np.ravel(f).astype(float) for f in fields])


def at_once(name, logits, y, options):
    f = getattr(cal, name)
    taken = {k: v for k, v in options.items() if k in inspect.signature(f).parameters}
    scheme = {"scheme": "equal_width"} if "scheme" in inspect.signature(f).parameters else {}
    return f(logits, y, kind="logits", **taken, **scheme)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_bins": 7, "closed": "right", "norm": "l1", "alpha": 0.2},
        {"mode": "per_class", "target_class": 2, "n_bins": 100, "norm": "l2", "ci": "clopper_pearson"},
        {"mode": "classwise", "n_bins": 5, "eps": 1e-3, "level": 0.5, "seed": 3},
    ],
)
def test_parts_give_what_all_samples_at_once_give(options):
    logits, y = sample()
    cuts = np.array_split(np.arange(len(y)), [1, 7, 300])
    found = reduce(cal.Accumulator.merge, (filled((logits[c], y[c]), **options) for c in cuts)).compute()
    assert list(found) == list(NAMES)
    for name in NAMES:
        if name in OWN:
            continue
        expected = at_once(name, logits, y, options)
        np.testing.assert_allclose(numbers(found[name]), numbers(expected), rtol=1e-12, atol=1e-12)
    p = cal.apply_temperature(logits, 1.0)
    assert found["accuracy"] == (p.argmax(1) == y).mean()
    assert found["confidence"] == pytest.approx(p.max(1).mean(), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 199), unique=True, max_size=6), order=st.randoms())
def test_order_and_grouping_of_the_parts_do_not_matter(cuts, order):
    logits, y = sample(200)
    parts = [filled((logits[i], y[i])) for i in np.array_split(np.arange(200), sorted(cuts))]
    order.shuffle(parts)
    while len(parts) > 1:
        i = order.randrange(len(parts) - 1)
        parts[i : i + 2] = [parts[i].merge(parts[i + 1])]
    found, expected = parts[0].compute(), filled((logits, y)).compute()
    assert (
        found["reliability_diagram"].counts.tolist() == expected["reliability_diagram"].counts.tolist()
    )  # exact
    for name in NAMES:
        np.testing.assert_allclose(numbers(found[name]), numbers(expected[name]), rtol=1e-12, atol=1e-12)


def test_tensors_lists_and_pickles_add_up_too():
    torch = pytest.importorskip("torch")  # not above: processes that count need not import it
    logits, y = sample(60)
    accumulator = cal.Accumulator(("ece", "nll"), n_classes=4)
    accumulator.update(torch.from_numpy(logits[:20]), torch.from_numpy(y[:20]), kind="logits")
    accumulator = pickle.loads(pickle.dumps(accumulator))
    accumulator.update(logits[20:40].tolist(), y[20:40].tolist(), kind="logits")
    found = accumulator.update(logits[40:], y[40:], kind="logits").compute()
    assert found["ece"] == pytest.approx(cal.ece(logits, y, kind="logits"), abs=1e-12)
    assert found["nll"] == pytest.approx(cal.nll(logits, y, kind="logits"), abs=1e-12)


def test_two_processes_fill_one_each():
    logits, y = sample()
    parts = [(logits[i::2], y[i::2]) for i in range(2)]
    done = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(filled)(part) for part in parts)
    found = reduce(cal.Accumulator.merge, done).compute()
    assert found["ece"] == pytest.approx(cal.ece(logits, y, kind="logits"), abs=1e-12)
    assert found["reliability_diagram"].counts.sum() == len(y)


def test_dask_reduces_a_tree_of_them():
    distributed = pytest.importorskip("distributed")
    logits, y = sample()
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as c:
        parts = [c.submit(filled, (logits[i::4], y[i::4])) for i in range(4)]
        while len(parts) > 1:
            parts = [c.submit(merged, *parts[i : i + 2]) for i in range(0, len(parts), 2)]
        found = parts[0].result().compute()
    assert found["classwise_ece"] == pytest.approx(cal.classwise_ece(logits, y, kind="logits"), abs=1e-12)


def merged(a, b):
    """A new one: results of tasks are not to be changed."""
    return pickle.loads(pickle.dumps(a)).merge(b)


def test_sums_stay_exact_where_plain_ones_drift():
    p = [[0.1, 0.9]]  # 0.9 is no binary fraction
    accumulator = cal.Accumulator(("confidence", "brier"), n_classes=2)
    for _ in range(1000):
        accumulator.update(p, [1])
    assert abs(sum([0.9] * 1000) / 1000 - 0.9) > 1e-15
    found = accumulator.compute()
    assert found["confidence"] == pytest.approx(0.9, abs=1e-15)
    assert found["brier"] == pytest.approx(0.02, abs=1e-15)


def test_a_bad_part_leaves_the_sums_as_they_were():
    logits, y = sample(30)
    accumulator = filled((logits, y))
    before = accumulator.compute()["ece"]
    bad = np.full((200_000, 4), 0.25)
    bad[-1] = 0.9
    with pytest.raises(InputError, match="must sum to 1"):
        accumulator.update(bad, np.zeros(len(bad), dtype=int))
    assert (accumulator.n, accumulator.compute()["ece"]) == (30, before)


@pytest.mark.parametrize("name", WHY_NOT)
def test_what_cannot_be_merged_says_why_and_what_to_use(name):
    assert hasattr(cal, name)
    with pytest.raises(InputError, match=f"{name} cannot be accumulated, because .*; "):
        cal.Accumulator(("ece", name), n_classes=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": ("eze",)}, "measures must be one of"),
        ({"scheme": "equal_mass"}, "cannot be accumulated: its edges depend on all samples"),
        ({"n_classes": 1}, "n_classes must be an integer >= 2"),
        ({"n_bins": 0}, "n_bins must be"),
        ({"closed": "both"}, "closed must be one of"),
        ({"mode": "per_class"}, "target_class"),
        ({"norm": "l3"}, "norm must be one of"),
        ({"measures": ("debiased_ece",), "norm": "max"}, "not one of debiased_ece"),
        ({"eps": 0}, "eps must be in"),
        ({"ci": "t"}, "ci must be one of"),
        ({"level": 1}, "level must be in"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        cal.Accumulator(**{"n_classes": 3} | options)


def test_others_must_be_alike_and_something_must_be_there():
    one = cal.Accumulator(("ece",), n_classes=3)
    with pytest.raises(InputError, match="other must have the same measures"):
        one.merge(cal.Accumulator(("mce",), n_classes=3))
    with pytest.raises(InputError, match="other must have the same options"):
        one.merge(cal.Accumulator(("ece",), n_classes=3, n_bins=10))
    with pytest.raises(InputError, match="update was not called"):
        one.compute()
    with pytest.raises(ShapeError, match="n_classes=3 columns, got 2"):
        one.update([0.5], [0])
