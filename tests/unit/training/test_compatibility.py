"""A new version that follows the old one where that was right."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

import clsviz as cv
from clsviz import losses
from clsviz.boundary import negative_flips
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.training import compatible

Y = torch.tensor([0, 2, 1, 1])
# Right, right, wrong, wrong.
OLD = torch.tensor([[2.0, 0, 0], [0, 0, 3], [1, 0, 0], [0, 0, 5]], dtype=torch.float64)
SMALL = {"name": "mlp", "params": {"hidden": (8,)}}


def draw(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)


def test_the_old_version_is_followed_where_it_was_right_and_there_alone():
    z = draw()
    found = compatible(z, Y, OLD, weight=3.0, T=2.0)
    plain = functional.cross_entropy(z, Y, reduction="none")
    follow = 4 * functional.kl_div(
        (z / 2).log_softmax(1), (OLD / 2).log_softmax(1), reduction="none", log_target=True
    ).sum(1)
    torch.testing.assert_close(found[:2], (plain + 3 * follow)[:2])
    torch.testing.assert_close(found[2:], plain[2:])


def test_weight_zero_is_cross_entropy_and_it_grows_linearly():
    z = draw()
    none, half, whole = (compatible(z, Y, OLD, weight=w) for w in (0.0, 0.5, 1.0))
    torch.testing.assert_close(none, functional.cross_entropy(z, Y, reduction="none"))
    torch.testing.assert_close(half, (none + whole) / 2)


def test_where_the_old_version_is_right_it_is_twice_an_even_mixture_of_kd():
    z, right = draw(), torch.tensor([True, True, False, False])
    kd = losses.create("kd", T=3.0, alpha=0.5)(z, Y, teacher_logits=OLD, reduction="none")
    torch.testing.assert_close(compatible(z, Y, OLD, weight=1.0, T=3.0)[right], 2 * kd[right])


def test_its_gradient_is_that_of_finite_differences_and_none_goes_to_the_old_version():
    old = OLD.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: compatible(z, Y, OLD, weight=0.6, T=2.0), draw())
    compatible(draw(), Y, old).sum().backward()
    assert old.grad is None
    same = OLD.clone().requires_grad_()
    both = [torch.autograd.grad(compatible(same, Y, OLD, weight=w).sum(), same)[0] for w in (0.0, 5.0)]
    torch.testing.assert_close(*both)  # at the old version itself nothing pulls to it


@pytest.mark.parametrize(
    ("params", "words"),
    [({"weight": -0.1}, "weight must be >= 0"), ({"weight": np.inf}, "weight"), ({"T": 0}, "T must be > 0")],
)
def test_a_weight_or_temperature_that_cannot_be_is_refused(params, words):
    with pytest.raises(InputError, match=words):
        compatible(draw(), Y, OLD, **params)


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ShapeError, match="logits and teacher_logits must be"):
        compatible(draw(), Y, OLD[:, :2])
    with pytest.raises(ShapeError, match="with N targets"):
        compatible(draw(), Y[:3], OLD)


def test_it_trains_from_a_run_and_says_what_it_lacks_without_one():
    common = {"data": {"name": "blobs", "params": {"n": 200}}, "model": SMALL, "device": "cpu"}
    with pytest.raises(MissingNeed, match=r"Run\(..., teacher="):
        cv.Run(cv.Experiment(**common, loss="compatible"))
    assert "compatible" not in losses.names()


def test_a_fan_over_the_weight_is_one_batched_step_and_more_weight_flips_less():
    data = cv.data.digits(validation=0.6, seed=0)
    few = replace(data, train=data.train[: len(data.train) // 3])
    common = {"device": "cpu", "precision": "float32", "epochs": 20}
    old = cv.Run(cv.Experiment(**common, seed=1), data=few).start()
    assert old.wait(60)
    new = cv.Experiment(**common, loss="compatible", seed=2)
    fan = cv.Fan(new, {"loss.weight": [0.0, 8.0]}, data=data, teacher=old)
    assert fan.engine_kind == "stacked"
    fan.start()
    assert fan.wait(60)
    X, y = data.X[data.validation], data.y[data.validation]
    plain, followed = (negative_flips(old.predict(X), fan.predict(X, member=m), y) for m in (0, 1))
    old.stop(), fan.stop()
    assert followed.negative_rate < 0.7 * plain.negative_rate
    assert followed.accuracy_new > followed.accuracy_old
