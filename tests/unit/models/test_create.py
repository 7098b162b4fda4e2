import numpy as np
import pytest
import torch
from torch import nn

from clsviz import models
from clsviz.catalogue import Spec
from clsviz.catalogue.spec import REGISTRY
from clsviz.errors import InputError, ShapeError

NAMES = ("linear", "mlp", "cnn", "rbf", "nearest_prototype", "tempnet", "early_exit", "diverse_heads")


def vector(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def test_the_models_are_those_promised_and_have_a_paper():
    entries = [m for m in REGISTRY.values() if m.family == "models" and m.kind == "model"]
    assert [m.name for m in entries] == list(NAMES)
    assert all(m.paper and m.summary for m in entries)
    assert set(NAMES) <= set(models.names())


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone(name):
    before = torch.get_rng_state()
    one, two, other = (models.create(name, 64, 10, seed=s) for s in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(vector(one), vector(two)) and not torch.equal(vector(one), vector(other))
    assert vector(one).dtype == torch.float32 and one.training
    assert one(torch.randn(7, 64)).shape == (7, 10)


@pytest.mark.parametrize("name", ("mlp", "cnn", "rbf"))
def test_outputs_hold_the_logits_and_what_they_are_linear_in(name):
    model, x = models.create(name, 64, 10), torch.randn(5, 64)
    outputs = model.outputs(x)
    assert torch.equal(outputs["logits"], model(x))
    weight, bias = list(model.parameters())[-2:]
    torch.testing.assert_close(outputs["embeddings"] @ weight.T + bias, outputs["logits"])


def test_parameters_reach_the_network():
    assert [p.shape[0] for p in models.create(Spec("mlp", {"hidden": [3, 4]}), 2, 5).parameters()][::2] == [
        3,
        4,
        5,
    ]
    assert models.create({"name": "rbf", "params": {"n_centers": 6}}, 2, 3).centers.shape == (6, 2)
    assert models.create("models.linear", 2, 3).layer.weight.shape == (3, 2)
    assert any(
        isinstance(m, nn.Tanh) for m in models.create(Spec("mlp", {"activation": "tanh"}), 2, 3).modules()
    )


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (8, 8), (28, 28)])
def test_cnn_takes_images_of_any_shape(shape):
    d = shape[0] * shape[1]
    assert models.create("cnn", d, 4, image_shape=shape)(torch.zeros(2, d)).shape == (2, 4)


def test_cnn_sees_images_row_by_row():
    cnn = models.create("cnn", 64, 3)
    images = torch.randn(2, 64)
    first = cnn.body[1](images.reshape(2, 1, 8, 8))
    torch.testing.assert_close(first, cnn.body[:2](images))


def test_rbf_starts_at_training_samples_and_computes_its_formula():
    X = np.random.default_rng(0).normal(size=(30, 2)) + 1000
    rbf = models.create(Spec("rbf", {"n_centers": 12}), 2, 3, X=X, seed=1)
    rows = {tuple(r) for r in X.astype(np.float32).tolist()}
    assert {tuple(r) for r in rbf.centers.tolist()} <= rows and len(rbf.centers.unique(dim=0)) == 12
    x = torch.tensor(X[:7], dtype=torch.float32)
    squared = ((x[:, None].double() - rbf.centers) ** 2).sum(2)
    expected = torch.exp(-rbf.log_gamma.double().exp() * squared) @ rbf.weight.double().T + rbf.bias
    torch.testing.assert_close(rbf(x).double(), expected, atol=1e-5, rtol=1e-5)
    pairs = torch.pdist(rbf.centers.detach()).square()
    assert rbf.log_gamma.exp().item() == pytest.approx(1 / pairs.median().item(), rel=1e-5)
    assert [n for n, _ in rbf.named_parameters()] == ["centers", "log_gamma", "weight", "bias"]


def test_rbf_copes_with_fewer_samples_than_centers_and_with_equal_ones():
    few = models.create(Spec("rbf", {"n_centers": 5}), 2, 2, X=[[0.0, 1.0], [2.0, 3.0]])
    assert few.centers.shape == (5, 2)
    equal = models.create(Spec("rbf", {"n_centers": 3}), 2, 2, X=np.ones((4, 2)))
    assert torch.isfinite(vector(equal)).all()


def test_rbf_gradients_are_those_of_finite_differences():
    rbf = models.create(Spec("rbf", {"n_centers": 4}), 3, 2).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    names = [n for n, _ in rbf.named_parameters()]

    def run(x, *values):
        return torch.func.functional_call(rbf, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *rbf.parameters()))
    assert torch.autograd.gradgradcheck(run, (x, *rbf.parameters()))


def test_a_ready_module_is_tried_and_comes_back_untouched():
    own = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    own[1].eval()
    before, modes = {k: v.clone() for k, v in own.state_dict().items()}, [m.training for m in own.modules()]
    assert models.create(own, 3, 2) is own
    assert [m.training for m in own.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in own.state_dict().items())
    assert models.create(nn.Linear(3, 2).double(), 3, 2).weight.dtype == torch.float64
    assert models.create(nn.LazyLinear(2), 3, 2).weight.shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: models.create("mlp", 0, 2), InputError, "n_features must be"),
        (lambda: models.create("mlp", 2, 2.5), InputError, "n_classes must be"),
        (
            lambda: models.create(Spec("mlp", {"hiden": 3}), 2, 2),
            InputError,
            r"mlp has no parameter \['hiden'\]",
        ),
        (lambda: models.create(Spec("mlp", {"X": 3}), 2, 2), InputError, "no parameter"),
        (lambda: models.create(Spec("mlp", {"hidden": []}), 2, 2), InputError, "hidden must be"),
        (lambda: models.create(Spec("mlp", {"hidden": 64}), 2, 2), InputError, r"hidden .* like \(64,\)"),
        (lambda: models.create(Spec("mlp", {"hidden": [0]}), 2, 2), InputError, "hidden must be"),
        (lambda: models.create(Spec("mlp", {"activation": "gelu"}), 2, 2), InputError, "activation must be"),
        (lambda: models.create(Spec("rbf", {"n_centers": 0.5}), 2, 2), InputError, "n_centers must be"),
        (lambda: models.create("rbf", 2, 2, X=[[1.0]]), ShapeError, r"X must be \(N, 2\)"),
        (lambda: models.create(Spec("cnn", {"channels": []}), 64, 2), InputError, "channels must be"),
        (lambda: models.create("cnn", 13, 2), ShapeError, "cnn needs images: 8 x 8"),
        (lambda: models.create(nn.Linear(3, 1), 3, 2), ShapeError, r"Linear must map .* gives \(2, 1\)"),
        (lambda: models.create(nn.Linear(4, 2), 3, 2), ShapeError, r"Linear must take \(N, 3\)"),
        (lambda: models.create(nn.Conv2d(1, 2, 3), 9, 2), ShapeError, "nn.Unflatten"),
        (lambda: models.create(nn.LSTM(3, 2), 3, 2), ShapeError, "but gives tuple"),
        (lambda: models.create(3, 3, 2), InputError, "a Spec is"),
    ],
)
def test_wrong_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_unknown_model_lists_those_there_are():
    with pytest.raises(InputError, match=r"no model is called 'resnet'; there are .*'mlp'"):
        models.create("resnet", 2, 2)
