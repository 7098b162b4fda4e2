import numpy as np
import pytest
import torch
from torch import nn

from clsviz.catalogue import Spec
from clsviz.models import create, network


def browser(net, theta, x):
    """What js/src/core/forward.ts does: the network from its description and one vector."""
    sizes, at = net["sizes"], 0

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return theta[at - int(np.prod(shape)) : at].reshape(shape)

    if net["kind"] == "rbf":
        d, m, k = sizes
        centers, log_gamma, weight, bias = take(m, d), take(1), take(k, m), take(k)
        x = np.exp(-np.exp(log_gamma) * ((x[:, None] - centers) ** 2).sum(2)) @ weight.T + bias
    else:
        act = {"relu": lambda h: np.maximum(h, 0), "tanh": np.tanh}.get(net.get("activation"))
        for i in range(len(sizes) - 1):
            weight, bias = take(sizes[i + 1], sizes[i]), take(sizes[i + 1])
            x = x @ weight.T + bias
            if i < len(sizes) - 2:
                x = act(x)
    assert at == len(theta)
    return x


KNOWN = [
    (lambda: create("linear", 5, 3), {"kind": "linear", "sizes": [5, 3]}),
    (lambda: create("mlp", 5, 3), {"kind": "mlp", "sizes": [5, 64, 3], "activation": "relu"}),
    (
        lambda: create(Spec("mlp", {"hidden": (7, 6), "activation": "tanh"}), 5, 3),
        {"kind": "mlp", "sizes": [5, 7, 6, 3], "activation": "tanh"},
    ),
    (lambda: create(Spec("rbf", {"n_centers": 9}), 5, 3), {"kind": "rbf", "sizes": [5, 9, 3]}),
    (lambda: nn.Linear(5, 3), {"kind": "linear", "sizes": [5, 3]}),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(5, 3)), {"kind": "linear", "sizes": [5, 3]}),
    (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Dropout()), nn.Linear(4, 3)),
        {"kind": "mlp", "sizes": [5, 4, 3], "activation": "relu"},
    ),
    (
        lambda: nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)),
        {"kind": "mlp", "sizes": [5, 4, 4, 3], "activation": "tanh"},
    ),
]


@pytest.mark.parametrize(("make", "expected"), KNOWN)
def test_description_and_vector_are_enough_to_run_the_model(make, expected):
    model = make().eval()
    assert network(model) == expected
    theta = nn.utils.parameters_to_vector(model.parameters()).detach().numpy().astype(np.float64)
    x = np.random.default_rng(0).normal(size=(11, 5))
    with torch.no_grad():
        logits = model(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(browser(network(model), theta, x), logits, atol=1e-5)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Own(nn.Sequential):
    def forward(self, x):
        return -super().forward(x)


def tied():
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.ReLU(), layer)


@pytest.mark.parametrize(
    "model",
    [
        create("cnn", 64, 3),
        nn.Linear(5, 3, bias=False),
        Doubled(5, 3),
        Own(nn.Linear(5, 3)),
        nn.utils.parametrizations.weight_norm(nn.Linear(5, 3)),
        tied(),
        nn.Sequential(),
        nn.Sequential(nn.Linear(5, 3), nn.ReLU()),
        nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3)),
        nn.Sequential(nn.ReLU(), nn.Linear(5, 3)),
        nn.Sequential(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 3)),
        nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)),
        nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)),
        "mlp",
        None,
    ],
)
def test_what_the_browser_cannot_run_is_left_to_the_kernel(model):
    assert network(model) is None
