"""clsviz answers as independent packages did when ``make oracles`` asked them (answers/*.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clsviz as cv

FILES = {path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.glob("answers/*.json")}
SUMS_IN_FLOAT32 = {"torchmetrics"}


def asked(what: str) -> list[Any]:
    """All stored answers about a "loss", a "measure" or another "function", with the inputs they are for."""
    return [
        pytest.param(file, answer, id=f"{file}: {name}")
        for file, stored in FILES.items()
        for name, answer in stored["answers"].items()
        if what in answer
    ]


@pytest.mark.parametrize(("file", "answer"), asked("loss"))
def test_a_loss_and_its_gradients_are_those_of_the_package(file: str, answer: dict[str, Any]) -> None:
    inputs = FILES[file]["inputs"]
    given = {n: torch.tensor(inputs[n], dtype=torch.float64) for n in [answer["x"], *answer["further"]]}
    x, targets = given[answer["x"]], torch.tensor(inputs[answer["targets"]])
    state = cv.losses.info(answer["loss"])["state"]
    sizes = {"num_classes": len(given[state[0]]), "dim": x.shape[1]} if state else {}
    loss = cv.losses.create(answer["loss"], **answer["params"], **sizes)
    for name in state:
        given[name] = torch.nn.Parameter(given[name])
        setattr(loss, name, given[name])
    for tensor in given.values():
        tensor.requires_grad_()
    value = loss(x, targets, **{n: given[n] for n in answer["further"] if n not in state})
    assert value.item() == pytest.approx(answer["mean"], rel=1e-7)
    names = list(answer.get("gradients", {}))  # a metric has none
    found = torch.autograd.grad(value, [given[n] for n in names]) if names else ()
    for name, gradient in zip(names, found, strict=True):
        expected = torch.tensor(answer["gradients"][name], dtype=torch.float64)
        torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("file", "answer"), asked("measure"))
def test_a_calibration_error_is_that_of_the_package(file: str, answer: dict[str, Any]) -> None:
    inputs = FILES[file]["inputs"]
    measure = getattr(cv.calibration, answer["measure"])
    found = measure(inputs[answer["x"]], inputs["labels"], kind=answer["kind"], **answer["params"])
    tolerance = 2e-6 if file in SUMS_IN_FLOAT32 else 1e-9
    assert found == pytest.approx(answer["value"], rel=tolerance, abs=tolerance)


@pytest.mark.parametrize(("file", "answer"), asked("function"))
def test_a_function_gives_what_the_package_does(file: str, answer: dict[str, Any]) -> None:
    """Of what it returns: the fields to "read", or what another function "then" makes of it."""
    inputs = FILES[file]["inputs"]
    found = getattr(cv.calibration, answer["function"])(
        *(inputs[n] for n in answer["args"]), **answer["params"]
    )
    if then := answer.get("then"):
        found = getattr(cv.calibration, then["function"])(found, *(inputs[n] for n in then["args"]))
    if "read" in answer:
        found = [getattr(found, name) for name in answer["read"]]
    found = np.asarray(found, dtype=float)
    expected = np.array(answer["value"])
    found = found[~np.isnan(found)].reshape(expected.shape)  # empty bins are not asked about
    np.testing.assert_allclose(found, expected, rtol=answer["tolerance"], atol=answer["tolerance"])


@pytest.mark.parametrize(("file", "answer"), asked("attack"))
def test_an_attack_ends_where_that_of_the_package_does(file: str, answer: dict[str, Any]) -> None:
    inputs = FILES[file]["inputs"]
    W1, b1, W2, b2 = (torch.tensor(inputs[n], dtype=torch.float64) for n in ("W1", "b1", "W2", "b2"))
    net = torch.nn.Sequential(
        torch.nn.Linear(*W1.shape[::-1]), torch.nn.Tanh(), torch.nn.Linear(*W2.shape[::-1])
    ).double()
    net.load_state_dict({"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2})
    given = [inputs[n] for n in answer["args"]]
    found = getattr(cv.boundary, answer["attack"])(net, *given, **answer["params"])
    if "read" in answer:
        found = getattr(found, answer["read"])
    np.testing.assert_allclose(found, answer["value"], rtol=0, atol=answer["tolerance"])
