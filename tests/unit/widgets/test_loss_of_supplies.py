"""The loss view measures a run's samples with what its loss was really given in training."""

from __future__ import annotations

import numpy as np
import pytest

from clsviz.training import Experiment, Run
from clsviz.widgets import LossView


def trained(**settings: object) -> Run:
    teacher = settings.pop("teacher", None)
    run = Run(Experiment("digits", epochs=4, **settings), teacher=teacher)  # type: ignore[arg-type]
    run.start()
    run.wait(120)
    return run


@pytest.fixture(scope="module")
def teacher() -> Run:
    return trained()


@pytest.mark.parametrize("loss", ["kd", "dual_head_kd", "nd_loss", "self_distill"])
def test_distillation_is_measured_with_its_teacher(loss: str, teacher: Run) -> None:
    run = trained(loss=loss, teacher=teacher)
    terms = LossView.from_run(run).result.terms
    assert terms is not None
    assert np.mean(terms.value) == pytest.approx(run.curve["train_loss"][-1], rel=1e-4)


def test_learned_weights_are_those_of_the_moment_shown() -> None:
    run = trained(loss="meta_rescale", method="meta_rescale", label_noise=0.4)
    result = LossView.from_run(run).result
    assert result.terms is not None
    wrong = result.groups == 2
    assert result.terms.weight[wrong].mean() < 0.9 * result.terms.weight[~wrong].mean()
    first = LossView.from_run(run, step=0).result.terms
    assert first is not None
    np.testing.assert_allclose(first.weight, 1)
