from __future__ import annotations

import numpy as np
import pytest
import torch

from clsviz.errors import InputError, ShapeError
from clsviz.training import Snapshot, Timeline, load_theta, theta_of


def moment(step: int, *, resume: int = 0, size: int = 100) -> Snapshot:
    state = {"optimizer.0.momentum_buffer": torch.zeros(resume)} if resume else None
    return Snapshot(
        step, step / 10, np.full(size, step, np.float32), metrics={"train_loss": 1.0}, resume=state
    )


def test_at_gives_the_last_one_before():
    t = Timeline()
    for step in (0, 1, 4, 9):
        t.add(moment(step))
    assert [t.at(s).step for s in (-5, 0, 3, 4, 8, 100)] == [0, 0, 1, 4, 4, 9]
    assert t.latest.step == 9
    assert t.steps == (0, 1, 4, 9)
    assert [s.step for s in t] == [0, 1, 4, 9]


def test_an_empty_timeline_says_so():
    with pytest.raises(InputError, match="nothing has been recorded"):
        _ = Timeline().latest
    with pytest.raises(InputError, match="budget_bytes"):
        Timeline(0)


def test_thinning_keeps_first_last_and_a_geometric_grid():
    t = Timeline(20 * 400)
    for step in range(2000):
        t.add(moment(step))
        assert t.nbytes <= t.budget_bytes
        assert t.steps[0] == 0
        assert t.latest.step == step
    assert len(t) == 20
    ratio = np.diff(np.log1p(t.steps))
    assert t.steps[1] <= 2
    # Each gap at most a few times the even one: nothing is lost over a long stretch.
    assert ratio.max() < 4 * np.log(2000) / 19


def test_first_and_last_stay_however_small_the_budget():
    t = Timeline(1)
    for step in (0, 5, 7):
        t.add(moment(step, resume=50))
    assert t.steps == (0, 7)
    assert t.at(0).resume is None
    assert t.latest.resume is not None


def test_what_it_takes_to_resume_goes_before_snapshots():
    t = Timeline(30 * 400)
    for step in range(20):
        t.add(moment(step, resume=100))
    assert t.nbytes <= t.budget_bytes
    holders = [s.step for s in t if s.resume is not None]
    assert holders[-1] == 19
    assert sum(s.resume_nbytes for s in t) <= t.budget_bytes / 2
    assert t.nbytes == sum(s.nbytes for s in t)
    assert holders[0] == 0


def test_a_provisional_snapshot_gives_way():
    t = Timeline()
    t.add(moment(0))
    t.add(moment(3), provisional=True)
    assert t.latest.step == 3
    t.add(moment(5), provisional=True)
    assert t.steps == (0, 5)
    t.add(moment(5))
    t.add(moment(8))
    assert t.steps == (0, 5, 8)


def test_truncate_drops_the_future():
    t = Timeline()
    for step in range(5):
        t.add(moment(step))
    with pytest.raises(InputError, match="cannot follow step 4"):
        t.add(moment(2))
    t.truncate(2)
    assert t.steps == (0, 1, 2)
    assert t.nbytes == sum(s.nbytes for s in t)
    t.add(moment(3))


def test_theta_is_all_parameters_in_order():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    theta = theta_of(model)
    assert theta.dtype == np.float32
    assert theta.shape == (12,)
    np.testing.assert_array_equal(theta[:6], model[0].weight.detach().numpy().ravel())
    other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    load_theta(other, theta)
    np.testing.assert_array_equal(theta_of(other), theta)
    with pytest.raises(ShapeError, match=r"expected \(12,\)"):
        load_theta(other, theta[:5])
