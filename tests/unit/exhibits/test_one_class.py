"""The disc of the one-class exhibit shows what its head answers, and the flat head is linear."""

import numpy as np
import pytest
import torch

import clsviz as cv
from clsviz.exhibits import one_class


@pytest.mark.parametrize("head", one_class.HEADS)
def test_the_boundary_in_the_disc_is_where_the_head_changes_its_answer(head):
    c = one_class.HEADS[head]
    data = cv.data.one_digit(known=1)
    model = one_class._head(data, c, 0.0, 2, 5, 0)
    planes = torch.stack([model.p_vals, model.a_vals]).detach().double().numpy()
    line = np.linspace(-1, 1, 81)
    field = one_class._field(planes.ravel(), c, line, line)
    row, column = 50, 37
    place = torch.tensor([line[column], line[row]])
    length = place.norm()
    tangent = place * one_class.CLIP if head == "flat" else place / length * length.atanh() / c**0.5
    assert tangent.norm() < one_class.CLIP
    with torch.no_grad():
        z = model.head(tangent[None].float())[0]
    assert field[row, column] == pytest.approx(float(z[1] - z[0]), rel=1e-4, abs=1e-4)
    assert np.isnan(field[0, 0])  # outside the disc


def test_the_flat_head_is_linear():
    data = cv.data.one_digit(known=1)
    model = one_class._head(data, one_class.FLAT, 0.0, 4, 3, 0)
    x = torch.from_numpy(data.X[:50])
    with torch.no_grad():
        outputs = model.outputs(x)
        expected = 4 * ((outputs["embeddings"][:, None] - model.p_vals) * model.a_vals).sum(2)
    torch.testing.assert_close(outputs["logits"], expected, rtol=1e-4, atol=1e-4)


def test_its_steps_are_those_of_a_run_in_the_lab():
    data = cv.data.one_digit(known=2)
    per_epoch = -(-len(data.train) // one_class.SETTINGS["batch_size"])
    model = one_class._head(data, 0.1, 1.0, one_class.DIM, 2 * per_epoch, 3)
    own = cv.Experiment(
        data={"name": "one_digit", "params": {"known": 2}},
        epochs=2,
        seed=3,
        device="cpu",
        precision="float32",
        **one_class.SETTINGS,
    )
    run = cv.Run(own).start()
    assert run.wait(60)
    run.stop()
    found = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    np.testing.assert_array_equal(found, run.timeline.latest.theta)
