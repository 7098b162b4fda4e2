"""Margins in input space and in logits."""

import math

import numpy as np
import pytest
import torch

from clsviz import boundary

X = [[-1, 0], [-1, 2], [1, 0], [3, 2]]
Y = [0, 0, 1, 1]


def test_linear_margin_of_the_contract():
    r = math.sqrt(0.5)
    np.testing.assert_allclose(boundary.linear_margin([1, 1], 0, X, Y), [r, -r, r, 5 * r])
    np.testing.assert_allclose(boundary.linear_margin([1, 1], 0, X, Y, norm=math.inf), [0.5, -0.5, 0.5, 2.5])
    np.testing.assert_allclose(boundary.linear_margin([1, 2], 0, X, Y, norm=1), [0.5, -1.5, 0.5, 3.5])


@pytest.mark.parametrize(("norm", "dual"), [(1, math.inf), (2, 2), (math.inf, 1)])
def test_the_margin_is_reached_by_a_perturbation_of_that_norm(norm, dual):
    w, b, x = np.array([0.5, -2.0, 1.0]), 0.3, np.array([1.0, 1.0, 2.0])
    margin = boundary.linear_margin(w, b, [x, -x], [1, 0], norm=norm)[0]
    steps = {
        1: -np.sign(w) * (np.abs(w) == np.abs(w).max()),
        2: -w / np.linalg.norm(w),
        math.inf: -np.sign(w),
    }
    step = steps[norm]
    assert np.linalg.norm(step, norm) == pytest.approx(1)
    assert w @ (x + margin * step) + b == pytest.approx(0, abs=1e-12)
    assert abs(margin) == pytest.approx(abs(w @ x + b) / np.linalg.norm(w, dual))


def test_logit_margin_is_positive_exactly_where_correct():
    assert boundary.logit_margin([[2, 1, 0]], [1]).tolist() == [-1]
    logits = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 4
    margin = boundary.logit_margin(logits, labels)
    assert ((margin > 0) == (logits.argmax(1) == labels).numpy()).all()


def test_margin_summary():
    summary = boundary.margin_summary([-1, 0, 1, 2], quantiles=(0, 0.5, 1))
    assert (summary.mean, summary.negative) == (0.5, 0.5)
    np.testing.assert_allclose(summary.quantiles, [-1, 0.5, 2])
    assert boundary.margin_summary([1, 2]).quantiles.shape == (5,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boundary.linear_margin([1, 1], 0, X, Y, norm=3), "norm must be"),
        (lambda: boundary.linear_margin([0, 0], 0, X, Y), "w is zero"),
        (lambda: boundary.logit_margin([[1], [2]], [0, 0]), "at least 2 classes"),
        (lambda: boundary.logit_margin([[1, 2]], [2]), "labels must be integers in 0..1"),
        (lambda: boundary.logit_margin([[1, 2]], [0, 1]), r"labels must be \(1,\)"),
        (lambda: boundary.logit_margin([[1, math.inf]], [0]), "logits holds"),
        (lambda: boundary.margin_summary([]), "margins is empty"),
        (lambda: boundary.margin_summary([1], quantiles=(2,)), "quantiles must lie"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
