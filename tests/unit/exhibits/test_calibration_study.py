"""The verdict on the benchmark study follows from the numbers, question by question."""

import numpy as np
import pytest

from clsviz.exhibits import Numbers
from clsviz.exhibits.calibration_study import DATA, DESIGNS, _apart, _below, _verdict

SHOWN = {
    "carry": 0.1,
    "carry_accuracy": 0.4,
    "agree": 0.4,
    "agree_least": -0.5,
    **{
        f"{key}_{d}": value
        for d in DATA
        for key, value in {
            "attacks": -0.1,
            "mce": 0.2,
            "classwise": 0.8,
            "scaling": 0.3,
            "worse": 0.1,
            "accuracy": -0.4,
            "accuracy_top": 0.0,
            "growth_pre": 2.0,
            "growth_post": 4.0,
            **dict.fromkeys(DESIGNS, 0.02),
        }.items()
    },
}


def over_seeds(values, spread=0.01):
    """Five seeds about these values."""
    rng = np.random.default_rng(0)
    return Numbers([{k: v + spread * rng.normal() for k, v in values.items()} for _ in range(5)])


def test_what_was_expected_is_reproduced():
    verdict = _verdict(over_seeds(SHOWN, spread=0.001))
    assert verdict.word == "reproduces"
    assert all(f"({i})" in verdict.sentence for i in range(1, 8))


@pytest.mark.parametrize(
    "other",
    [
        {"carry": 0.9},
        {"attacks_digits": -0.8},
        {"mce_spirals": 0.9},
        {"scaling_spirals": 0.8},
        {"accuracy_digits": 0.0, "accuracy_spirals": 0.0},
        {"growth_post_digits": 1.0},
        {f"{key}_digits": 0.0 for key in DESIGNS},
    ],
    ids=lambda other: next(iter(other)),
)
def test_one_answer_that_is_not_as_expected_makes_it_partly(other):
    near = zip(over_seeds(SHOWN), (0.02, -0.02, 0.0, 0.03, -0.03), strict=True)
    rows = [row | {key: value + luck for key, value in other.items()} for row, luck in near]
    assert _verdict(Numbers(rows)).word == "partly"


def test_chance_is_no_difference():
    near = over_seeds({"a": 0.0, "b": 0.4}, spread=0.05)
    assert _below(near, "b", 0.6) and not _below(near, "b", 0.4)
    assert _apart(near, "a", "b") and _apart(near, "b", 0.0) and not _apart(near, "a", 0.0)
